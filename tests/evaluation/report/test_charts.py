"""The charts: what is in them, on which scale, and that their words have room."""

import copy
import itertools
import unittest
import xml.etree.ElementTree as xml
from unittest import mock

from voxlstm.lib.evaluation import style
from voxlstm.lib.evaluation.report import charts

SVG = "{http://www.w3.org/2000/svg}"


def results(names=("chair", "lamp"), views=(1, 2, 5)):
    """Return the part of a results.json that is drawn."""
    scores = [{"views": count, "iou": 0.3 + 0.05 * count} for count in views]
    by_category = {
        name: [{"iou": 0.2 + 0.1 * k + 0.05 * count} for count in views] for k, name in enumerate(names)
    }
    base = {"iou": 0.25, "by_category": {name: {"iou": 0.22} for name in names}}
    return {
        "views": list(views),
        "by_views": scores,
        "by_category": by_category,
        "threshold": 0.4,
        "network": {"name": "small_3x3x3"},
        "baseline": {"mean shape": base},
        "thresholds": [0.2, 0.4, 0.6],
        "sweep": [{"views": count, "iou": [0.3, 0.4, 0.1]} for count in views],
    }


def words(text):
    """Return the words of an SVG file."""
    return [element.text for element in xml.fromstring(text.encode()).iter(f"{SVG}text")]


def drawn(chart, *arguments):
    """Return the figure that a chart saves."""
    kept = []
    with mock.patch.object(
        style, "svg", lambda figure: kept.append(figure) or figure.draw_without_rendering()
    ):
        chart(*arguments)
    return kept[0]


def in_view(axis, place):
    """Tell whether a place on an axis is within its view."""
    low, high = axis.get_view_interval()
    return low <= place <= high


class ChartsTest(unittest.TestCase):
    def test_lines_are_the_values(self):
        axes = drawn(charts.views_chart, [results()]).axes[0]
        line, base = axes.lines
        self.assertEqual(list(line.get_xdata()), [1, 2, 5])
        self.assertEqual(list(line.get_ydata()), [0.35, 0.4, 0.55])
        self.assertEqual(set(base.get_ydata()), {0.25})

    def test_categories_are_in_order_of_the_last_score(self):
        found = results(("a", "b", "c"))
        axes = drawn(charts.categories_chart, found).axes[0]
        self.assertEqual([label.get_text() for label in axes.get_yticklabels()], ["a", "b", "c"])
        last, first, base = (list(line.get_xdata()) for line in axes.lines)
        self.assertEqual(last, sorted(part[-1]["iou"] for part in found["by_category"].values()))
        self.assertEqual(first, sorted(part[0]["iou"] for part in found["by_category"].values()))
        self.assertEqual(base, [0.22] * 3)

    def test_the_words_say_what_is_shown(self):
        self.assertLessEqual(
            {"number of views", "mean IoU", "small_3x3x3", "mean shape"},
            set(words(charts.views_chart([results()]))),
        )
        self.assertLessEqual(
            {"chair", "lamp", "5 views", "1 view"}, set(words(charts.categories_chart(results())))
        )
        self.assertLessEqual(
            {"threshold", "1 view", "2 views", "5 views"}, set(words(charts.sweep_chart(results())))
        )
        self.assertIn("IoU: 0.25 in the end", words(charts.training_chart("IoU", [(1, 0.5), (9, 0.25)])))

    def assert_apart(self, figure):
        """Assert that all words are in the picture and none is near another, and the axes are no line."""
        axes, legends = figure.axes[0], figure.legends
        texts = [
            text
            for k, axis in enumerate((axes.xaxis, axes.yaxis))
            for text in axis.get_ticklabels()
            if in_view(axis, text.get_position()[k])
        ]
        texts += [axes.xaxis.label, axes.yaxis.label]
        texts += [text for legend in legends for text in legend.get_texts()]
        seen = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
        for text, box in seen:
            self.assertTrue(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text)
            self.assertTrue(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text)
        self.assertGreater(len(seen), 5)
        for (one, box), (other, beside) in itertools.combinations(seen, 2):
            # Other fonts than the one that is measured with are wider.
            near = box.x0 - 5 < beside.x1 and beside.x0 - 5 < box.x1
            self.assertFalse(near and box.y0 < beside.y1 and beside.y0 < box.y1, (one, other))
        self.assertGreater(axes.bbox.width, 200)
        self.assertGreater(axes.bbox.height, 120)

    def test_no_two_words_overlap(self):
        for name in (
            "category {}",
            "椅子と机の部屋にある大きな家具 {}",
            "a folder of somebody, named at length, {}",
        ):
            many = results([name.format(k) for k in range(40)], range(1, 25))
            runs = [copy.deepcopy(many) for _ in range(9)]
            for k, run in enumerate(runs):
                run["network"]["name"] = f"{k} lstm_3x3x3_with_a_long_name_" + 9 * name.format(k)
            for figure in (
                drawn(charts.views_chart, runs[:1]),
                drawn(charts.views_chart, runs),
                drawn(charts.categories_chart, many),
                drawn(charts.sweep_chart, many),
            ):
                self.assert_apart(figure)
        for last in (9, 300, 40_000, 400_000, 999_999, 10**6, 4 * 10**7):
            points = [(last * k // 300, 1e-5 * k) for k in range(301)]
            self.assert_apart(drawn(charts.training_chart, "loss", points))

    def test_names_are_taken_as_they_are(self):
        found = results(("$x^2$ <&>", "a$b", "椅子"))
        found["network"]["name"] = "$\\broken{ $"
        shown = words(charts.categories_chart(found))
        self.assertLessEqual({"$x^2$ <&>", "a$b", "椅子"}, set(shown))
        self.assertIn("$\\broken{ $", words(charts.views_chart([found])))

    def test_what_does_not_change_can_be_drawn(self):
        for value in (0.0, 1.0, 1e-12):
            found = results(("chair",), (1,))
            found["by_views"][0]["iou"] = found["by_category"]["chair"][0]["iou"] = value
            for text in (
                charts.views_chart([found]),
                charts.categories_chart(found),
                charts.training_chart("loss", [(1, value)]),
            ):
                xml.fromstring(text.encode())

    def test_long_curves_are_thinned_and_keep_their_end(self):
        points = [(k, 1 / k) for k in range(1, 5002)]
        (line,) = drawn(charts.training_chart, "loss", points).axes[0].lines
        self.assertLess(len(line.get_xdata()), 600)
        self.assertEqual(line.get_xdata()[-1], 5001)


if __name__ == "__main__":
    unittest.main()
