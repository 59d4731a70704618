"""A written report and a reader of pages, for the tests of this folder."""

import json
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from voxlstm.lib.evaluation import output
from voxlstm.lib.runs import curves

from ..example import CHAIR, LAMP, evaluate_example, make_data

LOUD = {"link", "script", "img", "iframe", "audio", "video", "source", "object", "embed"}


class Example:
    """One written report for all the tests of this module."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        make_data(root / "set", {CHAIR: 15, LAMP: 10}, views=3)
        self.evaluation, self.results, self.cases = evaluate_example(root / "set", (1, 3))
        other = json.loads(json.dumps(self.results))
        other["network"].update(name="the <other> & one", kernel="1x1x1")
        self.beside = [other]
        rows = [curves.Row(k, 0.5 / k, 0.1, *((0.4, 0.2) if k % 50 == 0 else ())) for k in range(1, 201)]
        self.out = root / "out"
        output.write(self.out, self.evaluation, self.results, self.cases, curves.series(rows), self.beside)
        self.page = self.out / "report.html"


class Page(HTMLParser):
    """Tags, attributes of the root, addresses asked for, scripts, and text by data-role."""

    def __init__(self, text):
        super().__init__()
        self.root, self.addresses, self.roles, self.ids, self._role = {}, [], {}, set(), None
        self.text = text
        self.scripts, self.tags, self.attributes = [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag == "html":
            self.root = attrs
        if tag in LOUD:
            self.addresses += [attrs[key] for key in ("src", "href", "data") if attrs.get(key)]
        if "id" in attrs:
            self.ids.add(attrs["id"])
        self._role = attrs.get("data-role")
        self.attributes[self._role] = attrs
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        if self._role:
            self.roles[self._role] = self.roles.get(self._role, "") + data

    def handle_endtag(self, tag):
        self._role = None
