"""The look of the charts: the same bytes each time, and colours that follow the page."""

import re
import unittest
import xml.etree.ElementTree as xml

from voxlstm.lib.evaluation import style


def chart():
    with style.figure(300, 200) as figure:
        axes = figure.subplots()
        for k in range(8):
            axes.plot([0, 1], [k, k + 1], "o-", label=f"line {k}")
        axes.set(xlabel="across")
        axes.legend()
        return style.svg(figure)


class StyleTest(unittest.TestCase):
    def test_the_bytes_are_the_same_whatever_the_users_settings(self):
        import matplotlib

        text = chart()
        self.assertEqual(chart(), text)
        with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 20, "svg.hashsalt": None}):
            self.assertEqual(chart(), text)
            self.assertEqual(matplotlib.rcParams["font.size"], 20)
        self.assertNotRegex(text, r"20\d\d-\d\d-\d\d|dc:date|Matplotlib v")

    def test_a_name_with_control_characters_is_well_formed(self):
        with style.figure(100, 100) as figure:
            figure.text(0.5, 0.5, "a\x1b[31m\x08\ufffeb\x7f <&>]]>")
            text = style.svg(figure)
        words = "".join(xml.fromstring(text).itertext())
        self.assertIn("<&>]]>", words)
        self.assertNotIn("\x1b", text)

    def test_long_names_keep_their_ends(self):
        self.assertEqual(style.shortened("chair", 5), "chair")
        self.assertEqual(style.shortened("a\ud83d\x1bb", 9), "a\ufffd\ufffdb")
        self.assertEqual(style.shortened("a very long name of a folder 12", 12), "a very …r 12")
        self.assertEqual(style.shortened("椅子と机の部屋にある", 9), "椅子…る")

    def test_words_stay_words(self):
        self.assertRegex(chart(), r"<text[^>]*>across</text>")

    def test_every_colour_of_a_page_follows_its_theme(self):
        text = style.inline(chart())
        xml.fromstring(text)
        free = re.sub(r"var\(--\w+,#[0-9a-f]{6}\)", "", text)
        self.assertEqual(re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", free), [])
        for k in range(1, 9):
            self.assertIn(f"stroke: var(--c{k},{style.COLOURS[k - 1]})", text)
        light, dark = style.variables().split("@media")
        for name, colours in style.THEME.items():
            self.assertIn(f"--{name}:{colours[0]};", light)
            self.assertIn(f"--{name}:{colours[1]};", dark)

    def test_names_that_nothing_refers_to_are_left_out(self):
        text = style.inline(chart())
        names = re.findall(r' id="([^"]+)"', text)
        self.assertGreater(len(names), 1)
        for name in names:
            self.assertRegex(text, rf'url\(#{name}\)|href="#{name}"')


if __name__ == "__main__":
    unittest.main()
