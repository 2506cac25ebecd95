"""Small pictures as inline SVG: no style attribute and no script, so that the strictest policy lets them be.

Elements of `xml.etree`, which escapes whatever a text or attribute holds. Colours are the style sheet's, by class.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

WIDTH, HEIGHT = 180, 44
_LINE = 15
_LABEL = 90


def histogram(edges: Sequence[float], counts: Sequence[int], label: str) -> Element:
    """Bars between edges, each with its range and count as its title."""
    drawing = _drawing(WIDTH, HEIGHT, label)
    most, step = max(max(counts, default=0), 1), WIDTH / max(1, len(counts))
    for at, count in enumerate(counts):
        height = (HEIGHT - 2) * count / most
        if count:
            height = max(height, 1.0)
        bar = _bar(drawing, at * step, HEIGHT - height, max(step - 1, 1), height)
        SubElement(bar, "title").text = f"{edges[at]:.6g} to {edges[at + 1]:.6g}: {count}"
    return drawing


def shares(values: Sequence[tuple[str, float]], label: str) -> Element:
    """A line a value: its text, a bar as long as its share (0 to 1), and the share in per cent."""
    drawing = _drawing(2 * _LABEL + WIDTH // 2, _LINE * max(1, len(values)), label)
    for at, (text, share) in enumerate(values):
        baseline = at * _LINE + _LINE - 4
        _text(drawing, 0, baseline, text if len(text) <= 14 else text[:13] + "…", text)
        _bar(drawing, _LABEL, at * _LINE + 3, max(1.0, WIDTH / 2 * min(1.0, share)), _LINE - 5)
        _text(drawing, _LABEL + WIDTH / 2 + 6, baseline, f"{share:.1%}")
    return drawing


def meter(value: float | None, label: str) -> Element:
    """A bar for a figure between 0 and 1, its sign aside."""
    drawing = _drawing(60, 10, label)
    frame = _bar(drawing, 0, 0, 60, 10)
    frame.set("class", "frame")
    if value:
        _bar(drawing, 0, 0, 60 * min(1.0, abs(value)), 10)
    return drawing


def _drawing(width: float, height: float, label: str) -> Element:
    size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
    return Element("svg", {"role": "img", "aria-label": label, **size})


def _bar(drawing: Element, x: float, y: float, width: float, height: float) -> Element:
    place = {"x": f"{x:.2f}", "y": f"{y:.2f}", "width": f"{width:.2f}", "height": f"{height:.2f}"}
    return SubElement(drawing, "rect", {"class": "bar", **place})


def _text(drawing: Element, x: float, y: float, shown: str, whole: str | None = None) -> None:
    element = SubElement(drawing, "text", {"x": f"{x:g}", "y": f"{y:g}"})
    element.text = shown
    if whole is not None and whole != shown:
        SubElement(element, "title").text = whole
