"""Text as words to search by: lower case, identifiers also in their parts, word endings cut, empty words left out."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d]\w*|\d+")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_IDENTIFIER = re.compile(r"`[^`]+`|\b\w+\.\w+|\b\w+_\w+|\w+\(\)?|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?:\s*\[\d+\])*\s+(?=[A-Z`\"'(\[>])|\n\s*\n|\n(?=\s*(?:[-*>]|\d+\.)\s)")
_ENDINGS = ("ingly", "ings", "ing", "edly", "ed", "es", "s", "e")
_EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "i",
        "you",
        "we",
        "they",
        "he",
        "she",
        "my",
        "your",
        "our",
        "me",
        "do",
        "does",
        "did",
        "doing",
        "can",
        "could",
        "should",
        "would",
        "will",
        "shall",
        "may",
        "might",
        "must",
        "have",
        "has",
        "had",
        "how",
        "what",
        "which",
        "who",
        "when",
        "where",
        "why",
        "there",
        "here",
        "then",
        "than",
        "so",
        "if",
        "not",
        "no",
        "but",
        "about",
        "into",
        "out",
        "up",
        "down",
        "over",
        "some",
        "any",
        "all",
        "each",
        "more",
        "most",
        "other",
        "such",
        "only",
        "own",
        "same",
        "too",
        "very",
        "just",
        "also",
        "get",
        "make",
        "use",
        "using",
        "want",
        "need",
        "please",
        "tell",
        "give",
    ]
)


def words(text: str) -> list[str]:
    """The words of `text`; `pd.DataFrame` gives pd, dataframe, data and frame, endings cut, and the dotted name whole."""
    dotted = [name.lower() for name in _DOTTED.findall(text)]
    return [form for word in _WORD.findall(text) for form in _forms(word)] + dotted


def name_words(name: str) -> list[str]:
    """The words of a dotted name, with every dotted end of it: `a.B.c` is also looked for as `b.c`."""
    parts = name.lower().split(".")
    return words(name) + [".".join(parts[start:]) for start in range(1, len(parts) - 1)]


@lru_cache(maxsize=100_000)
def _forms(word: str) -> tuple[str, ...]:
    whole = word.lower()
    if whole in _EMPTY:
        return ()
    parts = [part.lower() for part in _PART.findall(word)]
    if len(parts) < 2:
        return (_stem(whole),)
    return (_stem(whole), *(_stem(part) for part in parts if part not in _EMPTY))


def _stem(word: str) -> str:
    """Cut the ending, so that create, creates and creating are one word. Rough, and the same on both sides."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def sentences(text: str) -> list[str]:
    """The sentences of `text`, without empty ones."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def identifiers(text: str) -> list[str]:
    """What looks like code in `text`: dotted names, calls, snake_case, CamelCase, backticks."""
    return [match.strip("`()") for match in _IDENTIFIER.findall(text)]


def shorten(text: str, most: int) -> str:
    """`text` in at most `most` characters, cut between words."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(None, 1)[0].rstrip(" ,.;:") + "…"
