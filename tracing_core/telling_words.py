"""The words that tell one group of texts from the others (c-TF-IDF): often in this group, seldom in the others. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
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
_TOLD_AGAIN = 0.5
"""What a text counts for a word when another one tells of it already."""


def telling_words(groups: Mapping[int, Sequence[str]]) -> dict[int, tuple[str, ...]]:
    """For each group the words, or pairs of words, that tell it best from the others; each for other texts than those before.

    Args:
        groups: texts by the number of their group, as often as they were said: a name is to fit what most of them are about.
    """
    found = {number: _Group.of(texts) for number, texts in groups.items()}
    everywhere: Counter[str] = Counter()
    for each in found.values():
        everywhere.update(each.counts)
    usual = everywhere.total() / max(len(found), 1)
    return {number: _best(each, everywhere, usual) for number, each in found.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """Texts of one group.

    Args:
        times: how often each different text was said.
        having: the numbers of those that have a word or a pair of neighbours; without what few have, which tells no group.
        counts: how often these were said.
    """

    times: Sequence[int]
    having: Mapping[str, frozenset[int]]
    counts: Counter[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Group:
        times = Counter(texts)
        having: dict[str, set[int]] = {}
        for number, text in enumerate(times):
            for term in _terms(text):
                having.setdefault(term, set()).add(number)
        said = list(times.values())
        counts = Counter({term: sum(said[number] for number in of) for term, of in having.items()})
        least = max(_FEWEST_TEXTS, len(texts) * _LEAST_SHARE)
        often = Counter({term: count for term, count in counts.items() if count >= least}) or counts
        return cls(times=said, having={term: frozenset(having[term]) for term in often}, counts=often)

    def told(self, term: str, before: Set[int]) -> float:
        """How much of the group a term tells of: what those before it do not counts most."""
        anew = sum(self.times[number] for number in self.having[term] - before)
        return anew + _TOLD_AGAIN * (self.counts[term] - anew)


def _terms(text: str) -> Iterable[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    yield from (word for word in words if _tells(word))
    yield from (f"{one} {other}" for one, other in pairwise(words) if one != other and _tells(one) and _tells(other))


def _tells(word: str) -> bool:
    return len(word) >= _SHORTEST and not word.isdigit() and word not in _stop_words()


def _best(group: _Group, everywhere: Counter[str], usual: float) -> tuple[str, ...]:
    rarity = {term: log(1 + usual / everywhere[term]) * (1.2 if " " in term else 1.0) for term in group.having}
    chosen: list[str] = []
    told: set[int] = set()
    while rarity and len(chosen) < MOST_WORDS:
        best = min(rarity, key=lambda term: (-group.told(term, told) * rarity[term], term))
        chosen.append(best)
        told |= group.having[best]
        parts = set(best.split())
        rarity = {term: each for term, each in rarity.items() if not parts & set(term.split())}
    return tuple(chosen)


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) | _ASKING
