"""One self-contained HTML page: no script, no address of anything else, and a policy that allows neither.

Built of elements of `xml.etree`, which escapes all texts: what a column is called can only ever be read. Light or dark
as the reader's system is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from autolearn.drawing import COLOURS

Cell = str | Element | None

_STYLE = (
    """
:root { color-scheme: light dark; --ink: #1c2128; --soft: #57606a; --ground: #fff; --rule: #d8dee4; --bar: #3b6fb6;
  --good: 59 111 182; --bad: 190 74 62; --alert: #9a3412; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3ea; --soft: #9aa5b1; --ground: #14181d; --rule: #343c46; --bar: #6f9fe0;
    --good: 80 130 210; --bad: 205 92 80; --alert: #f0a35e; } }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1.25rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.soft, caption, .soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { white-space: nowrap; text-align: left; padding: .9rem 0 .3rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: middle;
  white-space: nowrap; }
th:first-child, th.prose { text-align: left; }
tbody th { font-weight: 600; max-width: 22rem; white-space: normal; overflow-wrap: anywhere; }
caption.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
td.prose { text-align: left; white-space: normal; max-width: 56rem; }
code { color: var(--alert); font-size: .92em; }
svg { display: block; } svg .bar { fill: var(--bar); } svg .frame { fill: var(--rule); }
svg .line { fill: none; stroke: var(--bar); stroke-width: 2; } svg .dot { fill: var(--bar); fill-opacity: .55; }
svg .axis { fill: none; stroke: var(--soft); }
svg .guide { stroke: var(--soft); stroke-opacity: .6; stroke-dasharray: 4 4; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: end; } figure { margin: .5rem 0; }
figcaption { color: var(--soft); padding-top: .3rem; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
table.matrix th, table.matrix td { padding: .25rem .4rem; font-size: .8rem; border: 1px solid var(--ground); }
table.matrix thead th { max-width: 6rem; overflow: hidden; text-overflow: ellipsis; }
"""
    + "".join(
        f"svg .l{number} {{ stroke: hsl({(215 + 137.5 * number) % 360:g} 55% 52%); }}\n" for number in range(COLOURS)
    )
    + "".join(
        f".{sign}{level} {{ background: rgb(var(--{tone}) / {level * 16}%); }}\n"
        for sign, tone in (("p", "good"), ("n", "bad"))
        for level in range(1, 6)
    )
)


class Page:
    """A page that grows from top to bottom; `text()` is the document."""

    def __init__(self, title: str) -> None:
        self._root = Element("html", {"lang": "en"})
        head = SubElement(self._root, "head")
        SubElement(head, "meta", {"charset": "utf-8"})
        digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
        SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
        SubElement(head, "meta", {"name": "referrer", "content": "no-referrer"})
        SubElement(head, "title").text = title
        SubElement(head, "style").text = _STYLE
        self._main = SubElement(SubElement(self._root, "body"), "main")
        SubElement(self._main, "h1").text = self._heading = title

    def heading(self, text: str) -> None:
        """Begin a section."""
        SubElement(self._main, "h2").text = self._heading = text

    def note(self, text: str) -> None:
        """A remark in a paragraph of its own."""
        SubElement(self._main, "p", {"class": "soft"}).text = text

    def table(
        self, caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, texts: Sequence[int] = ()
    ) -> None:
        """A table whose first column names the rows; columns in `texts` are read as sentences, others as figures."""
        table = self._table(caption, heads, "", texts)
        body = SubElement(table, "tbody")
        for row in rows:
            line = SubElement(body, "tr")
            _fill(SubElement(line, "th", {"scope": "row"}), row[0])
            for at, cell in enumerate(row[1:], 1):
                _fill(SubElement(line, "td", {"class": "prose"} if at in texts else {}), cell)

    def figures(self, drawn: Sequence[tuple[str, Element]]) -> None:
        """Pictures side by side, each with its caption."""
        if not drawn:
            return
        row = SubElement(self._main, "div", {"class": "figures"})
        for caption, picture in drawn:
            figure = SubElement(row, "figure")
            figure.append(picture)
            SubElement(figure, "figcaption").text = caption

    def matrix(
        self,
        caption: str,
        names: Sequence[str],
        values: Sequence[Sequence[float | None]],
        texts: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Figures between -1 and 1 for each pair of names, coloured by strength; `texts` are shown instead."""
        body = SubElement(self._table(caption, ["", *names], "matrix"), "tbody")
        for at, (name, row) in enumerate(zip(names, values, strict=True)):
            line = SubElement(body, "tr")
            SubElement(line, "th", {"scope": "row", "title": name}).text = name
            for to, value in enumerate(row):
                shown = "–" if value is None else f"{value:.2f}"
                SubElement(line, "td", _coloured(value)).text = texts[at][to] if texts else shown

    def text(self) -> str:
        """The whole document."""
        return "<!doctype html>\n" + ElementTree.tostring(self._root, encoding="unicode", method="html") + "\n"

    def _table(self, caption: str, heads: Sequence[str], kind: str, texts: Sequence[int] = ()) -> Element:
        around = {"class": "scroll", "role": "region", "tabindex": "0", "aria-label": caption}
        table = SubElement(SubElement(self._main, "div", around), "table", {"class": kind} if kind else {})
        # A caption that the heading above says already is for readers of the table alone.
        SubElement(table, "caption", {"class": "said"} if caption == self._heading else {}).text = caption
        line = SubElement(SubElement(table, "thead"), "tr")
        for at, head in enumerate(heads):
            kinds = {"class": "prose"} if at in texts else {}
            SubElement(line, "th", {"scope": "col", "title": head, **kinds}).text = head
        return table


def _coloured(value: float | None) -> dict[str, str]:
    level = 0 if value is None else round(abs(value) * 5)
    return {"class": f"{'p' if (value or 0) > 0 else 'n'}{level}"} if level else {}


def _fill(place: Element, cell: Cell) -> None:
    if isinstance(cell, Element):
        place.append(cell)
    else:
        place.text = "–" if cell is None else cell
