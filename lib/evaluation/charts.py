"""Charts as SVG text, for a page that loads nothing and as files of their own.

Colours are CSS variables of the report with a fallback, so that a chart follows the page's light
or dark theme and still looks right alone.
"""
from html import escape

import numpy as np

from .figures import camera

COLOURS = ("#2f6fd0", "#d1793a", "#2a9d78", "#a056b5", "#c2a21c", "#c2485c", "#5b7a94", "#7d8f2b")
INK, FAINT, RULE = "var(--ink,#1d2530)", "var(--faint,#66707d)", "var(--rule,#dfe3e8)"
FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:12px"
WIDTH, HEIGHT = 620, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 150, 16, 46


def colour(number):
    """Return the colour of a series: a variable of the page, or its fallback."""
    number %= len(COLOURS)
    return f"var(--c{number + 1},{COLOURS[number]})"


def line_chart(series, x_label, y_label, x_ticks=None, marks=True, log_x=False):
    """Draw lines.

    Parameters
    ----------
    series : sequence of dict
        ``label``, ``x``, ``y`` and optionally ``colour`` (its number) and ``dashed``.
    x_label, y_label : str
    x_ticks : sequence of float, optional
        Where to put ticks; chosen when not given.
    marks : bool
        Put a dot, with its values as a tooltip, on every point.
    log_x : bool
        Logarithmic horizontal axis.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    scale = np.log10 if log_x else np.asarray
    xs = scale(np.concatenate([np.asarray(line["x"], float) for line in series]))
    ys = np.concatenate([np.asarray(line["y"], float) for line in series])
    y_ticks = ticks(ys.min(), ys.max())
    frame = _Frame((xs.min(), xs.max()), (y_ticks[0], y_ticks[-1]))
    if x_ticks is None:
        x_ticks = [t for t in ticks(xs.min(), xs.max()) if xs.min() - 1e-9 <= t <= xs.max() + 1e-9]
        places = x_ticks
        x_ticks = [10**t for t in x_ticks] if log_x else x_ticks
    else:
        places = scale(np.asarray(x_ticks, float))
    parts = _axes(frame, zip(places, x_ticks), y_ticks, x_label, y_label)
    ends = _spread([frame.y(line["y"][-1]) for line in series])
    for number, (line, end) in enumerate(zip(series, ends)):
        parts += _line(frame, line, number, end, scale, marks)
    return _svg(WIDTH, HEIGHT, parts)


def dot_chart(names, series, x_label):
    """Draw dots on one line a name, such as the scores of each category.

    Parameters
    ----------
    names : sequence of str
    series : sequence of dict
        ``label``, ``x`` (one value a name) and optionally ``colour`` and ``hollow``.
    x_label : str

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    step, left, top = 24, 104, 34
    height = top + step * len(names) + 44
    values = np.concatenate([line["x"] for line in series])
    x_ticks = ticks(min(values.min(), 0.2), values.max())
    frame = _Frame((x_ticks[0], x_ticks[-1]), (0, 1), left, WIDTH - 20)
    bottom = top + step * len(names)
    parts = []
    for tick in x_ticks:
        x = frame.x(tick)
        parts.append(_rule(x, top - 4, x, bottom) + _text(x, bottom + 16, _number(tick), "middle"))
    parts.append(_text((left + WIDTH - 20) / 2, bottom + 34, x_label, "middle", FAINT))
    for row, name in enumerate(names):
        y = top + step * (row + 0.5)
        ends = [frame.x(line["x"][row]) for line in series]
        parts.append(_text(left - 10, y + 4, name, "end"))
        parts.append(f'<line x1="{min(ends):.1f}" x2="{max(ends):.1f}" y1="{y}" y2="{y}" '
                     f'style="stroke:{RULE};stroke-width:5;stroke-linecap:round"/>')
        for number, line in enumerate(series):
            parts.append(_dot(frame.x(line["x"][row]), y, number, line,
                              f"{name}, {line['label']}: {line['x'][row]:.3f}", 5.5))
    x = left
    for number, line in enumerate(series):
        parts.append(_dot(x, 12, number, line, line["label"], 5.5))
        parts.append(_text(x + 10, 16, line["label"], "start"))
        x += 34 + 6.6 * len(line["label"])
    return _svg(WIDTH, height, parts)


def cell_map(values, low, high, size=118):
    """Draw the recurrent cells as layers one above the other, coloured by a value.

    Parameters
    ----------
    values : ndarray (g, g, g)
        A value a cell, (x, y, z); the layers are those of y, the highest on top, seen from the
        same side as the voxel drawings.
    low, high : float
        Values of the palest and of the strongest colour.
    size : int
        Width in pixels.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    values = np.asarray(values)
    cells = values.shape[0]
    right, up, _ = camera(elevation=30.0)
    unit = size / (cells * (abs(right[0]) + abs(right[2])))
    tall = unit * cells * (abs(up[0]) + abs(up[2]))
    gap = tall * 0.82
    height = tall + gap * (cells - 1) + 4
    parts = []
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    for layer in range(cells):
        base = tall / 2 + 2 + gap * (cells - 1 - layer)
        for i, k in np.ndindex(cells, cells):
            x, z = (square + [i, k] - np.array(cells / 2)).T
            across = size / 2 + unit * 0.98 * (right[0] * x + right[2] * z)
            down = base - unit * 0.98 * (up[0] * x + up[2] * z)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down))
            share = (values[i, layer, k] - low) / (high - low) if high > low else 0.0
            parts.append(f'<polygon points="{points}" fill="{heat(share)}"/>')
    style = f'style="stroke:{RULE};stroke-width:.5"'
    return _svg(size, height, [f"<g {style}>", *parts, "</g>"])


def heat(share):
    """Return the colour of a share from 0 to 1, pale to strong, as ``#rrggbb``."""
    stops = np.array([[245, 247, 250], [253, 219, 150], [240, 130, 60], [150, 25, 60]], float)
    place = float(np.clip(share, 0, 1)) * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    mixed = stops[first] + (place - first) * (stops[first + 1] - stops[first])
    return "#" + "".join(f"{int(round(part)):02x}" for part in mixed)


def ticks(low, high, wanted=6):
    """Return round numbers that span ``low`` to ``high``, two or more of them."""
    low, high = float(low), float(high)
    if high - low < 1e-9:
        high = low + 0.1 * max(abs(low), 1.0)
    rough = (high - low) / wanted
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [float(round(k * step, 12)) for k in np.arange(first, max(last, first + 1) + 1)]


class _Frame:
    """Where values lie in a chart, in pixels."""

    def __init__(self, x, y, left=LEFT, right=WIDTH - RIGHT):
        self.left, self.right = left, right
        self._x, self._y = x, y

    def x(self, value):
        low, high = self._x
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + share * (self.right - self.left)

    def y(self, value):
        low, high = self._y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)


def _axes(frame, x_ticks, y_ticks, x_label, y_label):
    parts, bottom = [], HEIGHT - BOTTOM
    for tick in y_ticks:
        y = frame.y(tick)
        parts.append(_rule(frame.left, y, frame.right, y))
        parts.append(_text(frame.left - 8, y + 4, _number(tick), "end"))
    for place, tick in x_ticks:
        x = frame.x(place)
        parts.append(_rule(x, bottom, x, bottom + 5))
        parts.append(_text(x, bottom + 19, _number(tick), "middle"))
    middle = (frame.left + frame.right) / 2
    parts.append(_text(middle, HEIGHT - 6, x_label, "middle", FAINT))
    centre = (TOP + bottom) / 2
    parts.append(f'<g transform="rotate(-90 13 {centre})">'
                 f'{_text(13, centre, y_label, "middle", FAINT)}</g>')
    return parts


def _line(frame, line, number, end, scale, marks):
    shade = colour(line.get("colour", number))
    xs = frame.x(scale(np.asarray(line["x"], float))) + np.zeros(len(line["x"]))
    ys = [frame.y(value) for value in line["y"]]
    dash = ";stroke-dasharray:6 5" if line.get("dashed") else ""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys))
    parts = [f'<polyline points="{points}" style="fill:none;stroke:{shade};stroke-width:2.2'
             f';stroke-linejoin:round{dash}"/>']
    if marks and not line.get("dashed"):
        parts += [_dot(x, y, number, line, f"{line['label']}: {_number(a)} → {b:.4f}", 4)
                  for x, y, a, b in zip(xs, ys, line["x"], line["y"])]
    parts.append(_text(frame.right + 10, end + 4, line["label"], "start", shade))
    return parts


def _spread(places, least=15):
    """Move labels apart that would lie upon each other, keeping their order."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, float)
    for above, below in zip(order, order[1:]):
        moved[below] = max(moved[below], moved[above] + least)
    overflow = max(0.0, moved.max() - (HEIGHT - BOTTOM))
    return (moved - overflow).tolist()


def _dot(x, y, number, line, tip, radius):
    shade = colour(line.get("colour", number))
    fill = "var(--paper,#fff)" if line.get("hollow") else shade
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" '
            f'style="fill:{fill};stroke:{shade};stroke-width:2">'
            f"<title>{escape(tip)}</title></circle>")


def _rule(x1, y1, x2, y2):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'style="stroke:{RULE};stroke-width:1"/>')


def _text(x, y, text, anchor, shade=INK):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:{shade}">'
            f"{escape(str(text))}</text>")


def _number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _svg(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:.0f}" '
            f'width="{width:g}" height="{height:.0f}" style="{FONT}" role="img">'
            + "".join(parts) + "</svg>")
