"""The words that tell one group of texts from the others (c-TF-IDF): often in this group, seldom in the others. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import log

MOST_WORDS = 4
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
_WORDS_OF_ASKING = (
    "please want need know tell explain show help use used using get getting make work works working does doing mean "
    "means way best difference example examples possible able try question answer fail fails return returns"
)
_ASKING = frozenset(_WORDS_OF_ASKING.split())
"""Words of asking, which say nothing of what is asked."""
_SHORTEST = 2
_FEWEST_TEXTS, _LEAST_SHARE = 2, 0.05


def telling_words(groups: Mapping[int, Sequence[str]]) -> dict[int, tuple[str, ...]]:
    """For each group the words, or pairs of words, that tell it best from the others.

    Args:
        groups: texts by the number of their group.
    """
    counts = {number: _counted(texts) for number, texts in groups.items()}
    everywhere: Counter[str] = Counter()
    for each in counts.values():
        everywhere.update(each)
    usual = everywhere.total() / max(len(counts), 1)
    return {number: _best(each, everywhere, usual) for number, each in counts.items()}


def _counted(texts: Sequence[str]) -> Counter[str]:
    """In how many texts each word and each pair of neighbours is; what few of them have does not tell a group."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(_terms(text)))
    least = max(_FEWEST_TEXTS, len(texts) * _LEAST_SHARE)
    often = Counter({term: count for term, count in found.items() if count >= least})
    return often or found


def _terms(text: str) -> Iterable[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    yield from (word for word in words if _tells(word))
    yield from (f"{one} {other}" for one, other in pairwise(words) if one != other and _tells(one) and _tells(other))


def _tells(word: str) -> bool:
    return len(word) >= _SHORTEST and not word.isdigit() and word not in _stop_words()


def _best(own: Counter[str], everywhere: Counter[str], usual: float) -> tuple[str, ...]:
    whole = own.total() or 1
    weights = {term: count / whole * log(1 + usual / everywhere[term]) for term, count in own.items()}
    chosen: list[str] = []
    for term in sorted(weights, key=lambda each: (-weights[each] * (1.2 if " " in each else 1.0), each)):
        if not any(set(term.split()) & set(other.split()) for other in chosen):
            chosen.append(term)
        if len(chosen) == MOST_WORDS:
            break
    return tuple(chosen)


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) | _ASKING
