"""What the gate looks at: one check a principle, each from 0 (ignored) to 3 (fully met) with the reason in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.citations import find_citations, grounding
from assistant.embedding import Embedder
from assistant.model import Source
from assistant.search.rerank import share
from assistant.words import sentences, words
from examples.research.composing import claims, uncovered
from examples.research.model import Brief

Checked = tuple[int, str]

_EMPTY_PHRASES = re.compile(
    r"\b(in general|it depends|several ways|many ways|best practice|various|i am not sure|usually depends|matter of configuration"
    r"|a good idea|i don't know)\b",
    re.IGNORECASE,
)
_PURPOSE = re.compile(
    r"\b(because|so that|in order to|used? (to|for|when|as)|useful|allows?|lets?|instead of|since|if you|when(ever)?)\b",
    re.IGNORECASE,
)
_DIFFERENCE = re.compile(
    r"\b(whereas|unlike|while|instead|rather than|differ\w*|but|however|in contrast|as opposed)\b", re.IGNORECASE
)
_CITED = re.compile(r"\[(\d{1,2})\]")
_CODE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
_CALL = re.compile(r"`[\w.]+\([^`]*\)`")
_SIDES = re.compile(
    r"\b(?:difference between|choose between|between) (.+?) and ([^?]+)|(?:use|better,?|is) (.+?) or ([^?]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A report as the checks see it.

    Args:
        text: the whole report.
        sources: what it lists, numbered from 1.
        weight: how much a word tells, 0 to 1.
    """

    brief: Brief
    text: str
    sources: Sequence[Source]
    embedder: Embedder
    weight: Callable[[str], float]

    @cached_property
    def body(self) -> str:
        """The report without its title and its list of sources."""
        return self.text.partition("\n\n")[2].partition("\n## Sources")[0]

    @cached_property
    def answer(self) -> str:
        """What stands under the first heading."""
        return self.body.partition("## Answer\n\n")[2].partition("\n## ")[0]

    @cached_property
    def cited(self) -> set[int]:
        """The numbers that the body cites."""
        return {int(number) for number in _CITED.findall(self.body)}

    @cached_property
    def names(self) -> set[str]:
        """The last parts of the names of the sources that the body has."""
        last = {source.title.rpartition(".")[2] for source in self.sources}
        return {name for name in last if re.search(rf"\b{re.escape(name)}\b", self.body)}


def _no_generics(reading: Reading) -> Checked:
    phrases = [match.group() for match in _EMPTY_PHRASES.finditer(reading.answer)]
    named = len(reading.names)
    level = _level(named, 1, 2, 3) - bool(phrases)
    said = f"names {named} of what the sources document"
    return max(level, 0), f"{said}, but says “{phrases[0]}”" if phrases else said


def _answers_the_question(reading: Reading) -> Checked:
    weights = {term: reading.weight(term) for term in reading.brief.terms}
    covered = share(weights, set(words(reading.body)))
    having = set(words(reading.body))
    missing = [term for term in reading.brief.terms if term not in having]
    said = f"takes up {covered:.0%} of the question by weight"
    return _level(covered, 0.5, 0.7, 0.85), f"{said}; it lacks {', '.join(missing)}" if missing else said


def _inline_source(reading: Reading) -> Checked:
    said = claims(reading.answer)
    with_source = sum(bool(_CITED.search(claim)) for claim in said)
    part = with_source / len(said) if said else 0.0
    return _level(part, 0.3, 0.6, 0.9), f"{with_source} of {len(said)} sentences name a source"


def _sources_exist(reading: Reading) -> Checked:
    listed = {source.index for source in reading.sources}
    unknown = sorted(reading.cited - listed)
    if not reading.cited:
        return 0, "cites nothing"
    return (1, f"cites {unknown}, which are not listed") if unknown else (3, f"all {len(reading.cited)} are listed")


def _several_sources(reading: Reading) -> Checked:
    titles = {source.title for source in reading.sources if source.index in reading.cited}
    return _level(len(titles), 1, 2, 4), f"rests on {len(titles)} documents"


def _grounded(reading: Reading) -> Checked:
    citations = find_citations(reading.answer, reading.sources, reading.embedder)
    part = grounding(reading.answer, citations)
    return _level(part, 0.3, 0.6, 0.8), f"{part:.0%} of the answer is close to a sentence of a source"


def _good_evidence(reading: Reading) -> Checked:
    scores = [source.score for source in reading.sources if source.index in reading.cited]
    mean = sum(scores) / len(scores) if scores else 0.0
    return _level(mean, 0.5, 0.6, 0.7), f"what it cites scores {mean:.2f} on average"


def _readable_shape(reading: Reading) -> Checked:
    headings, length = reading.body.count("## "), len(reading.body)
    fits = 500 <= length <= 6000
    level = 3 if fits and headings >= 3 else 2 if fits and headings == 2 else 1 if length >= 100 else 0
    return level, f"{length} characters under {headings} headings"


def _says_what_is_missing(reading: Reading) -> Checked:
    limits = reading.body.partition("## Limits\n\n")[2]
    missing = uncovered(reading.brief, reading.sources)
    if not limits:
        return (1 if not missing else 0), "does not say where its knowledge ends"
    unsaid = [term for term in missing if term not in limits]
    return (2, f"is silent about {', '.join(unsaid)}") if unsaid else (3, "says where its knowledge ends")


def _shows_code(reading: Reading) -> Checked:
    blocks = _CODE.findall(reading.body)
    if not blocks:
        return (1, "has a call in a sentence, but no code") if _CALL.search(reading.body) else (0, "has no code")
    used = [name for name in reading.names if any(re.search(rf"\b{re.escape(name)}\b", block) for block in blocks)]
    return (3, f"shows {sorted(used)[0]} at work") if used else (2, "has code, of something else than it names")


def _names_the_call(reading: Reading) -> Checked:
    calls = _CALL.findall(reading.body)
    with_arguments = [call for call in calls if not call.endswith("()`")]
    if with_arguments:
        return 3, f"gives {with_arguments[0]}"
    blocks = " ".join(_CODE.findall(reading.body))
    return (2, "calls it in its code") if any(f"{name}(" in blocks for name in reading.names) else (0, "gives no call")


def _says_why(reading: Reading) -> Checked:
    found = {match.group().lower() for match in _PURPOSE.finditer(reading.body)}
    return _level(len(found), 1, 1, 2), f"says {', '.join(sorted(found))}" if found else "says not what it is for"


def _begins_with_the_subject(reading: Reading) -> Checked:
    first = (sentences(reading.answer) or [""])[0]
    shared = set(words(first)) & set(reading.brief.terms)
    return _level(len(shared), 1, 2, 3), f"its first sentence has {len(shared)} words of the question"


def _both_sides(reading: Reading) -> Checked:
    having = set(words(reading.body))
    named = [side for side in sides(reading.brief.question) if set(words(side)) & having]
    return _level(len(named), 1, 2, 2), f"names {' and '.join(named) or 'nothing'} of what is compared"


def _says_the_difference(reading: Reading) -> Checked:
    found = len(_DIFFERENCE.findall(reading.body))
    return _level(found, 1, 2, 3), f"contrasts {found} times"


def sides(question: str) -> list[str]:
    """What a question compares; the question itself when that cannot be told."""
    match = _SIDES.search(question)
    return [side.strip() for side in match.groups() if side] if match else [question]


def _level(value: float, one: float, two: float, three: float) -> int:
    """How many of the three marks `value` reaches."""
    return (value >= one) + (value >= two) + (value >= three)


CHECKS: Mapping[str, Callable[[Reading], Checked]] = {
    "META-1": _no_generics,
    "META-2": _answers_the_question,
    "META-3": _inline_source,
    "META-4": _sources_exist,
    "META-5": _several_sources,
    "META-6": _grounded,
    "META-7": _good_evidence,
    "META-8": _readable_shape,
    "META-9": _says_what_is_missing,
    "HT-1": _shows_code,
    "HT-2": _names_the_call,
    "EX-1": _says_why,
    "EX-2": _begins_with_the_subject,
    "CO-1": _both_sides,
    "CO-2": _says_the_difference,
}
"""The check of each principle."""
