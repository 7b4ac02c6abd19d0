"""Notices when a model runs in circles, so that nobody has to wait for the rest."""

from __future__ import annotations

_SHORTEST, _LONGEST = 4, 120
_TIMES = 4
_LEAST_CHARS = 60
CIRCLE_CHARS = _TIMES * _LONGEST
"""How much of the end of an answer it takes to tell."""


def in_circles(text: str) -> bool:
    """Whether `text` ends with the same stretch of 4 to 120 characters again and again, 60 characters or more in all."""
    for length in range(_SHORTEST, _LONGEST + 1):
        times = max(_TIMES, -(-_LEAST_CHARS // length))
        if len(text) < times * length:
            continue
        stretch = text[-length:]
        if stretch.strip(" \n-=_#*.|") and text.endswith(stretch * times):
            return True
    return False
