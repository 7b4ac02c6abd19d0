"""Docstrings cut into pieces that a question can be compared with, and that fit into a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.corpus.docstrings import Docstring

MOST_CHARS = 900
GOOD_CHARS = 600
FEWEST_CHARS = 50
_PARAGRAPH = re.compile(r"\n\s*\n")
_FENCE = re.compile(r"^\s*```", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One piece of documentation, as it is searched and quoted.

    Args:
        id: the public name, followed by `#2` and so on for the further pieces of a long docstring.
        title: the public name.
        signature: the name with its arguments.
        text: 50 to 900 characters of the docstring.
    """

    id: str
    library: str
    title: str
    signature: str
    text: str


def chunk(docstring: Docstring, most: int) -> Iterator[Document]:
    """Cut a docstring into at most `most` documents; what says too little is left out."""
    pieces = [piece for piece in split(docstring.text) if len(piece) >= FEWEST_CHARS]
    for number, piece in enumerate(pieces[:most], start=1):
        yield Document(
            id=docstring.name if number == 1 else f"{docstring.name}#{number}",
            library=docstring.library,
            title=docstring.name,
            signature=docstring.signature,
            text=piece,
        )


def split(text: str) -> list[str]:
    """Pack paragraphs into pieces of about 600 and at most 900 characters. Fenced code stays whole where it fits."""
    pieces: list[str] = []
    current = ""
    for paragraph in _paragraphs(text):
        for part in _fitting(paragraph):
            if current and len(current) + len(part) + 2 > (MOST_CHARS if len(current) < GOOD_CHARS / 2 else GOOD_CHARS):
                pieces.append(current)
                current = part
            else:
                current = f"{current}\n\n{part}" if current else part
    return [*pieces, current] if current else pieces


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs, with the blank lines inside fenced code kept."""
    held = ""
    for paragraph in _PARAGRAPH.split(text.strip()):
        held = f"{held}\n\n{paragraph}" if held else paragraph
        if len(_FENCE.findall(held)) % 2 == 0:
            yield held.rstrip()
            held = ""
    if held:
        yield held.rstrip()


def _fitting(paragraph: str) -> Iterator[str]:
    """A paragraph in parts of at most 900 characters, cut at the end of a line, else at a space."""
    while len(paragraph) > MOST_CHARS:
        cut = paragraph.rfind("\n", MOST_CHARS // 3, MOST_CHARS)
        cut = cut if cut > 0 else paragraph.rfind(" ", MOST_CHARS // 3, MOST_CHARS)
        cut = cut if cut > 0 else MOST_CHARS
        yield paragraph[:cut].rstrip()
        paragraph = paragraph[cut:].strip("\n")
    if paragraph.strip():
        yield paragraph
