"""Draw speed against accuracy from ``results/accuracy.json`` as an SVG, without any library.

Colours are those of Okabe and Ito, and shapes differ too, so that no colour is needed to read it.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from xml.sax.saxutils import escape

from reporting import RESULTS

METRIC = "micro_f1"
PANELS = (("yeast", "Yeast: 14 labels, 103 features"), ("scene", "Scene: 6 labels, 294 features"))
WIDTH, PANEL, HEIGHT, LEFT, TOP, BOTTOM = 860, 340, 390, 58, 60, 120
LOW, HIGH = 10.0, 100_000.0
INK, FAINT, GRID = "#3d4450", "#6b7280", "#d7dae0"
# Text of the label, colour, shape; by the start of the method's name.
STYLES = {
    "DriftHOMER": ("DriftHOMER tree", "#D55E00", "star"),
    "River, Hoeffding tree per": ("River Hoeffding trees", "#0072B2", "circle"),
    "River, adaptive": ("River adaptive trees", "#0072B2", "ring"),
    "River, naive": ("River naive Bayes", "#0072B2", "square"),
    "River, logistic": ("River logistic regressions", "#0072B2", "triangle"),
    "River, chain": ("River classifier chain", "#0072B2", "diamond"),
    "MLHAT": ("MLHAT", "#009E73", "square"),
    "CapyMOA": ("CapyMOA Hoeffding trees", "#CC79A7", "triangle"),
}


def marker(shape: str, x: float, y: float, colour: str) -> str:
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'
    if shape == "ring":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="#fff" stroke="{colour}" '
            'stroke-width="2"/>'
        )
    corners = {
        "square": [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)],
        "diamond": [(0, -6), (6, 0), (0, 6), (-6, 0)],
        "triangle": [(0, -6), (5.5, 4.5), (-5.5, 4.5)],
        "star": [
            (r * math.sin(math.pi * i / 5), -r * math.cos(math.pi * i / 5))
            for i, r in enumerate([10, 4.5] * 5)
        ],
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def text(x: float, y: float, words: str, size: int = 12, **style: str) -> str:
    more = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in style.items())
    fill = "" if "fill" in style else f'fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" {fill} {more}>{escape(words)}</text>'


def panel(title: str, methods: dict[str, dict[str, float]], left: float) -> list[str]:
    """One stream: rows/s on a logarithmic axis, the metric upwards."""
    shown = {
        style: methods[name]
        for start, style in STYLES.items()
        for name in methods
        if name.startswith(start) and methods[name]["rows_per_second"]
    }
    values = [each[METRIC] for each in shown.values()]
    low = math.floor(min(values) * 20) / 20 - 0.0001
    high = math.ceil(max(values) * 20) / 20
    if high - max(values) < 0.1 * (high - low):
        high += 0.05
    inner, bottom = PANEL - 20, HEIGHT - BOTTOM

    def at_x(speed: float) -> float:
        return left + inner * math.log(speed / LOW) / math.log(HIGH / LOW)

    def at_y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - low) / (high - low)

    parts = [text(left, TOP - 18, title, 14, font_weight="bold")]
    step = 0.1 if high - low > 0.3 else 0.05
    for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1):
        y = at_y(i * step)
        parts.append(
            f'<path d="M{left:.1f} {y:.1f}h{inner:.1f}" stroke="{GRID}" stroke-width="1"/>'
        )
        parts.append(text(left - 6, y + 4, f"{i * step:.2f}", 11, text_anchor="end", fill=FAINT))
    for power in range(1, 6):
        x, words = at_x(10**power), f"{10**power:,}"
        parts.append(f'<path d="M{x:.1f} {bottom}v5" stroke="{FAINT}"/>')
        parts.append(text(x, bottom + 18, words, 11, text_anchor="middle", fill=FAINT))
    parts.append(f'<path d="M{left:.1f} {bottom}h{inner:.1f}" stroke="{FAINT}"/>')
    parts.append(text(left + inner / 2, bottom + 38, "rows per second", 12, text_anchor="middle"))
    for (words, colour, shape), each in shown.items():
        x, y = at_x(each["rows_per_second"]), at_y(each[METRIC])
        parts.append(marker(shape, x, y, colour))
        if shape == "star":
            parts.append(text(x, y - 15, words, 12, text_anchor="middle", font_weight="bold"))
    return parts


def legend(top: float) -> list[str]:
    """What each shape is, in four columns."""
    parts = []
    for number, (words, colour, shape) in enumerate(STYLES.values()):
        x, y = LEFT + (number % 4) * 200, top + number // 4 * 22
        parts += [marker(shape, x, y - 4, colour), text(x + 14, y, words, 12)]
    return parts


def draw(compared: dict[str, dict[str, dict[str, float]]]) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" role="img">',
        "<title>Micro-F1 against rows per second on two streams</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        text(LEFT - 44, 18, "micro-F1, whole stream; up and to the right is better", 12),
    ]
    for number, (name, title) in enumerate(PANELS):
        left = LEFT + number * (PANEL + LEFT + 30)
        if name in compared:
            parts += panel(title, compared[name], left)
    return "\n".join([*parts, *legend(HEIGHT - 42), "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of accuracy.json")
    options = parser.parse_args()
    found = json.loads((options.results / "accuracy.json").read_text(encoding="utf-8"))
    picture = options.results / "speed_accuracy.svg"
    picture.write_text(draw(found["compared"]), encoding="utf-8")
    print(picture)


if __name__ == "__main__":
    main()
