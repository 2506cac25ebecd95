"""Pictures as one file of their own: SVG, or PNG made of it by resvg."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from autolearn.drawing import COLOURS
from autolearn.plots import Picture
from common import errors

_WIDTH, _GAP, _TITLE = 1040.0, 24.0, 26.0
_ZOOM = 2.0
_BAR = "#3b6fb6"
_LETTER = 6.6
"""Of a title, about: so many pixels are left for each of its letters."""


def svg(pictures: Sequence[Picture], title: str) -> str:
    """The pictures side by side under their titles, on white; nothing in it refers to anything else."""
    sheet = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": title})
    SubElement(sheet, "style").text = _STYLE
    ground = SubElement(sheet, "rect", {"fill": "#ffffff"})
    _write(sheet, _GAP, _GAP + 6, title, "title")
    left, top, tallest, widest = _GAP, _GAP * 2, 0.0, _GAP + _LETTER * 1.4 * len(title)
    for picture in pictures:
        drawn = deepcopy(picture.drawn)
        width, height = float(drawn.get("width", 0)), float(drawn.get("height", 0))
        room = max(width, _LETTER * len(picture.title))
        if left > _GAP and left + room > _WIDTH:
            left, top, tallest = _GAP, top + tallest + _GAP, 0.0
        _write(sheet, left, top + 12, picture.title, "head")
        drawn.set("x", f"{left:g}")
        drawn.set("y", f"{top + _TITLE:g}")
        sheet.append(drawn)
        left, tallest, widest = left + room + _GAP, max(tallest, height + _TITLE), max(widest, left + room)
    size = {"width": f"{widest + _GAP:.0f}", "height": f"{top + tallest + _GAP:.0f}"}
    for element in (sheet, ground):
        for name, value in size.items():
            element.set(name, value)
    sheet.set("viewBox", f"0 0 {size['width']} {size['height']}")
    return ElementTree.tostring(sheet, encoding="unicode") + "\n"


def png(drawn: str) -> bytes:
    """An SVG document as a PNG picture, two pixels for one.

    Raises `errors.Invalid` where resvg or any font is missing: without one the texts would silently be.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise errors.Invalid("PNG needs the package resvg-py: pip install resvg-py; or write a .svg file") from error
    with_text, without = (resvg_py.svg_to_bytes(svg_string=_PROBE.format(_FONTS, text)) for text in ("M", ""))
    if with_text == without:
        raise errors.Invalid("PNG needs a font on this machine, such as DejaVu Sans; or write a .svg file")
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, zoom=_ZOOM))


def write(path: str | Path, pictures: Sequence[Picture], title: str) -> Path:
    """Write pictures to a file that ends in `.svg` or `.png`.

    Raises `errors.Invalid` for another ending, or if there is nothing to draw; then no file is written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".svg", ".png"):
        raise errors.Invalid(f"pictures are written as .svg or .png; {path.name!r} is neither")
    if not pictures:
        raise errors.Invalid(f"{title}: there is nothing to draw")
    drawn = svg(pictures, title)
    path.write_bytes(png(drawn) if ending == ".png" else drawn.encode())
    return path


def _write(sheet: Element, x: float, y: float, text: str, kind: str) -> None:
    SubElement(sheet, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": kind}).text = text


def _colour(number: int) -> str:
    """The colour of a line, as `page` has it."""
    red, green, blue = colorsys.hls_to_rgb((215 + 137.5 * number) % 360 / 360, 0.45, 0.55)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


_FONTS = "system-ui, Inter, Roboto, Arial, Helvetica, Liberation Sans, DejaVu Sans, Noto Sans, FreeSans, sans-serif"
"""resvg knows no font by default: the first of these that is on the machine."""
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<text y="8" font-size="9" font-family="{}">{}</text></svg>'
)
_STYLE = (
    f"text {{ font-family: {_FONTS}; }}"
    " text { font-size: 11px; fill: #1c2128; } text.title { font-size: 16px; }"
    " text.head { font-size: 12px; fill: #57606a; }"
    f" .bar {{ fill: {_BAR}; }} .frame {{ fill: #d8dee4; }}"
    f" .line {{ fill: none; stroke: {_BAR}; stroke-width: 2; }} .dot {{ fill: {_BAR}; fill-opacity: .55; }}"
    " .axis { fill: none; stroke: #57606a; } .guide { fill: none; stroke: #57606a; stroke-opacity: .5;"
    " stroke-dasharray: 4 4; }" + "".join(f" .l{number} {{ stroke: {_colour(number)}; }}" for number in range(COLOURS))
)
