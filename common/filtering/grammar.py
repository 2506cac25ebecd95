"""The grammar of filters, and what is said about a text that does not fit it. The only file that imports lark."""

from __future__ import annotations

from functools import cache

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from common import errors
from common.filtering.fields import bad

__all__ = ["Token", "Tree", "place_of", "syntax_tree"]

_GRAMMAR = r"""
?start: any
?any: all (_OR all)*
?all: part (_AND part)*
?part: NOT part                                 -> negation
     | "(" any ")"                              -> group
     | FIELD OPERATOR value                     -> comparison
     | FIELD _IN "(" value ("," value)* ")"     -> membership
value: WORD | QUOTED

NOT.2: /not(?![\w.@-])/i
_AND: /and(?![\w.@-])/i
_OR: /or(?![\w.@-])/i
_IN.2: /in(?![\w.@-])/i
FIELD: /[A-Za-z_][A-Za-z0-9_@-]*(\.[A-Za-z0-9_@-]+)*/
OPERATOR: "=" | "!=" | "<=" | "<" | ">=" | ">" | "~"
WORD: /[^\s()=!<>~,'"]+/
QUOTED: /'(\\.|[^'\\])*'|"(\\.|[^"\\])*"/s
%ignore /\s+/
"""
_EXPECTED = {
    "FIELD": "a field",
    "NOT": "'not'",
    "LPAR": "'('",
    "RPAR": "')'",
    "OPERATOR": "one of = != < <= > >= ~",
    "_IN": "'in'",
    "WORD": "a value",
    "QUOTED": "a value",
    "COMMA": "','",
    "_AND": "'and'",
    "_OR": "'or'",
    "$END": "the end",
}


def syntax_tree(text: str) -> Tree[Token]:
    """The parse tree of a filter. `errors.BadFilter` with the place and what was expected there."""
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax(error, text) from error


def place_of(start: int) -> str:
    """Where something was written, counted as people count."""
    return f" at character {start + 1}"


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=False)


def _syntax(error: UnexpectedInput, text: str) -> errors.BadFilter:
    expected: set[str] = set()
    start = error.pos_in_stream or 0
    match error:
        case UnexpectedToken():
            expected = set(error.accepts or error.expected)
            if error.token.type == "$END":
                start = len(text)
        case UnexpectedCharacters():
            expected = set(error.allowed or ())
    wanted = " or ".join(dict.fromkeys(words for name, words in _EXPECTED.items() if name in expected))
    rest = text[start : start + 20]
    found = f"found {rest!r}" if rest else "the filter ends"
    return bad("filter", "syntax", f"expected {wanted or 'a comparison'}{place_of(start)}, but {found}")
