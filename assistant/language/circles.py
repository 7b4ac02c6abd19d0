"""Notices when a model runs in circles, so that nobody has to wait for the rest."""

from __future__ import annotations

import re

from assistant.words import sentences

_WORD = re.compile(r"\w+")
_SAME = 0.7
_FEWEST_WORDS = 6
_SHORTEST, _LONGEST = 4, 120
_TIMES = 4
_LEAST_CHARS = 60
CIRCLE_CHARS = _TIMES * _LONGEST
"""How much of the end of an answer it takes to tell."""


def in_circles(text: str) -> bool:
    """Whether `text` ends with the same stretch again and again, or says a sentence in nearly the same words again."""
    return _repeats_a_stretch(text) or _repeats_a_sentence(text)


def _repeats_a_sentence(text: str) -> bool:
    if "```" in text or not text.rstrip().endswith((".", "!", "?")):
        return False
    *earlier, last = [set(_WORD.findall(sentence.lower())) for sentence in sentences(text)] or [set()]
    return len(last) >= _FEWEST_WORDS and any(len(one & last) >= _SAME * len(one | last) for one in earlier)


def _repeats_a_stretch(text: str) -> bool:
    """Of 4 to 120 characters, 60 characters or more in all."""
    for length in range(_SHORTEST, _LONGEST + 1):
        times = max(_TIMES, -(-_LEAST_CHARS // length))
        if len(text) < times * length:
            continue
        stretch = text[-length:]
        if stretch.strip(" \n-=_#*.|") and text.endswith(stretch * times):
            return True
    return False
