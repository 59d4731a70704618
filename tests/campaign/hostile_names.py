"""Names that mean harm, in a report: they are text on the page and nothing else."""

import copy
import json
import random
import re
import time
from collections import Counter
from dataclasses import replace

from tests.evaluation.report.example import Example, Page
from voxlstm.lib.evaluation.report import sections

PIECES = (
    *("<script>", "</script>", "<!--", "-->", "<img src=x onerror=alert(1)>", "<svg/onload=1>", "</title>"),
    *('"', "'", "&", "&lt;", "]]>", "javascript:1", "{{data}}", "}}", "\\u003c", "<style>", "=", "`${1}`"),
    *("\x1b[31m", "\0", "\u202e", "\ud83d", "\u2028", "$x^2$", "\\", "%", "椅子", "a" * 300, " ", "\n"),
)
DRAWN = re.compile("[mp][0-9a-f]{10}")  # ids of shapes in a chart, whose size depends on its words


def try_names(folder, seconds, seed):
    """Write reports until the time is over; return how many, and in how many a name was more than text."""
    example, counts = Example(), Counter()
    with example.folder:
        wanted = _shape(_written(folder, example, ["plain", "simple"], "name"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            source = random.Random(f"names {seed + counts['reports']}")
            names = ["".join(source.choices(PIECES, k=source.randrange(1, 6))) + str(k) for k in range(3)]
            page = _written(folder, example, names[:2], names[2])
            counts["reports"] += 1
            counts["not escaped"] += _shape(page) != wanted
    return {**counts, "first": seed}


def _written(folder, example, categories, name):
    """Return the page of a report with these categories, and this name of the network and the data."""
    results = copy.deepcopy(example.results)
    for old, new in zip(sorted(results["by_category"]), categories):
        for part in (results, *results["baseline"].values()):
            part["by_category"][new] = part["by_category"].pop(old)
    results["network"]["name"] = results["data"]["name"] = name
    path = folder / "report.html"
    cases = [
        replace(case, rows=[replace(row, category=categories[k % 2], model=name) for row in case.rows])
        for k, case in enumerate(example.cases)
    ]
    sections.write_report(path, results, cases, {}, [])
    return _Page(path.read_text(encoding="utf-8"))


def _shape(page):
    """Return what of a page no name may change; where words stand in the charts, it may."""
    data = page.scripts[0]
    json.loads(data)
    counts = [
        page.tags.count(tag) for tag in ("script", "style", "title", "img", "svg", "a", "section", "tr")
    ]
    return (
        counts,
        set(page.tags),
        page.handlers,
        page.root,
        {name for name in page.ids if not DRAWN.fullmatch(name)},
    )


class _Page(Page):
    """Also the attributes that would run something."""

    def __init__(self, text):
        self.handlers = set()
        super().__init__(text)

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        self.handlers.update(name for name, _ in attrs if name.startswith("on"))
