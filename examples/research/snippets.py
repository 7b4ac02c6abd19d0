"""Code inside documentation: doctests, fenced blocks, and blocks that `::` announces."""

from __future__ import annotations

import re
import textwrap

_FENCED = re.compile(r"^([ \t]*)```(?:py\w*|python)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_DOCTEST = re.compile(r"(?:^[ \t]*>>>.*\n?(?:^[ \t]*(?!>>>)\S.*\n?)*)+", re.MULTILINE)
_ANNOUNCED = re.compile(
    r"^[^\n]*::[ \t]*(?:python|sql)?[ \t]*\n(?:[ \t]+:\w+:.*\n)*(?:[ \t]*\n)+((?:[ \t]{2,}\S.*(?:\n|\Z)|[ \t]*\n)+)",
    re.MULTILINE,
)
_LEAST_CHARS = 12


def snippets(text: str) -> list[str]:
    """The blocks of code in `text`, the indent taken off, in the order of their kinds."""
    found = [match.group(2) for match in _FENCED.finditer(text)]
    found += [match.group() for match in _DOCTEST.finditer(text)]
    found += [match.group(1) for match in _ANNOUNCED.finditer(text)]
    blocks = (textwrap.dedent(block).strip("\n") for block in found)
    return [block for block in blocks if len(block.strip()) >= _LEAST_CHARS and "(" in block]


def without_code(text: str) -> str:
    """`text` with its blocks of code taken out."""
    for pattern in (_FENCED, _DOCTEST):
        text = pattern.sub("", text)
    text = _ANNOUNCED.sub(lambda match: match.group().removesuffix(match.group(1)).rstrip(": \n") + ".\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def has_code(text: str) -> bool:
    """Whether there is code in `text`."""
    return bool(snippets(text))
