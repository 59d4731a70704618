"""The page as such: no name can break it, and pictures in it are themselves."""

import base64
import dataclasses
import io
import json
import re
import unittest

import numpy as np
from PIL import Image

from voxlstm.lib.evaluation.report import page, sections
from voxlstm.lib.evaluation.report.figures import draw_voxels

from .example import Example, Page

NAMES = (
    '"></script><script>evil()</script><!--<script>',
    "]]> a\u2028b\u2029 {{body}} &lt;/script&gt; \\u003c'`${evil()}",
    "椅子 \U0001fa91 $x$ and $\\frac",
)


def setUpModule():
    """Write the report once."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


class PageTest(unittest.TestCase):
    def test_no_name_of_an_object_can_break_the_page(self):
        plain = self.written(example.results, example.cases[0])
        for name in NAMES:
            with self.subTest(name=name):
                rows = [dataclasses.replace(row, category=name, model=name) for row in example.cases[0].rows]
                results = json.loads(json.dumps(example.results))
                for base in (results, *results["baseline"].values()):
                    base["by_category"][name] = base["by_category"].pop("chair")
                results["network"]["name"] = results["data"]["name"] = name
                found = self.written(results, dataclasses.replace(example.cases[0], rows=rows))
                self.assertEqual(found.tags, plain.tags)
                self.assertEqual(len(found.scripts), 2)
                self.assertEqual(found.scripts[1], plain.scripts[1])
                data = json.loads(found.scripts[0])
                self.assertEqual(data["cases"][0]["model"], name)
                self.assertEqual(data["cases"][0]["category"], name)

    def written(self, results, case):
        """Return the page about one case."""
        path = example.out / "named.html"
        sections.write_report(path, results, [case])
        # The marks on a chart's axes depend on how long its names are.
        text = re.sub("<svg.*?</svg>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        return Page(text)

    def test_embedded_data_has_nothing_that_begins_a_tag(self):
        half = json.loads(json.dumps(example.results))
        half["network"]["name"] = "a\ud83db"  # of a letter that UTF-16 writes in two
        self.assertIn("a\ufffdb", self.written(half, example.cases[0]).text)
        for name in NAMES:
            text = page.embedded({name: name})
            self.assertEqual(json.loads(text), {name: name})
            self.assertNotIn("<", text)
            self.assertTrue(text.isascii())

    def test_tables_escape_and_round(self):
        text = page.table(["a<b", "n"], [["x&y", 0.12345], ["z", 3]], ["", "total"], numbers=(1,))
        self.assertIn('<th>a&lt;b</th><th class="n">n</th>', text)
        self.assertIn('<tr class=""><td>x&amp;y</td><td class="n">0.123</td></tr>', text)
        self.assertIn('<tr class="total"><td>z</td><td class="n">3</td></tr>', text)

    def test_a_data_uri_holds_the_picture(self):
        picture = draw_voxels(np.eye(9)[:, :, None] * np.eye(9), 40)
        head, body = page.data_uri(picture).split(",")
        self.assertEqual(head, "data:image/png;base64")
        back = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))
        self.assertLess(np.abs(back.astype(int) - picture).max(), 12)


if __name__ == "__main__":
    unittest.main()
