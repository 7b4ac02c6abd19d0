"""Two runs side by side: their spans beside each other, what they decided differently, their texts and their evidence. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from typing import Any, Literal

from tracing_core.query.trace import DecisionRow, SpanPayload, SpanRow

Kept = Literal["kept", "dropped"]

_MOST_PAIRS = 250_000
"""Of names that are held against one another; beyond it, the first `search` of one run is put beside that of the other."""
_LONGEST_LINE = 100
_MOST_LINES = 2_000
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanPair:
    """A span of either run, or of one of them, and how deep in the tree.

    Args:
        depth: 0 for the root.
    """

    depth: int
    a: SpanRow | None
    b: SpanRow | None

    @property
    def name(self) -> str:
        """What it is called."""
        return (self.a or self.b).name  # type: ignore[union-attr]  # one of the two is there

    @property
    def difference_ms(self) -> float | None:
        """How much longer B took, in milliseconds; None where one of them is not there or was not timed."""
        if self.a is None or self.b is None or self.a.duration_ms is None or self.b.duration_ms is None:
            return None
        return self.b.duration_ms - self.a.duration_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionPair:
    """What both decided of one kind in one stage, in their order; None where one of them did not."""

    stage: str
    decision: str
    a: DecisionRow | None
    b: DecisionRow | None

    @property
    def changed(self) -> tuple[str, ...]:
        """What differs: `choice`, `confidence`, `alternatives`, `why`; or `only A`, `only B`."""
        if self.a is None or self.b is None:
            return ("only B",) if self.a is None else ("only A",)
        a, b = self.a, self.b
        parts = (
            ("choice", a.what != b.what),
            ("confidence", a.confidence != b.confidence),
            ("alternatives", a.alternatives_considered != b.alternatives_considered),
            ("why", a.why != b.why),
        )
        return tuple(name for name, differs in parts if differs)


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentPair:
    """A document that one of the runs found, and what each did with it; None where it did not find it.

    Args:
        a_why, b_why: why it was dropped, empty where nobody says.
    """

    name: str
    a: Kept | None
    b: Kept | None
    a_why: str = ""
    b_why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPair:
    """A text of both runs, empty where one has none, and the lines in which they differ, as `diff -u` has them."""

    name: str
    a: str
    b: str
    difference: str


def aligned(a: Sequence[SpanRow], b: Sequence[SpanRow]) -> tuple[SpanPair, ...]:
    """The spans of both in the order of their trees, those of the same path and turn beside each other.

    Children are matched by their names, in their order (the longest runs that both have in common); roots are always
    beside each other.
    """
    below_a, below_b = _children(a), _children(b)
    found: list[SpanPair] = []
    waiting = [(0, pair) for pair in reversed(_roots(below_a[None], below_b[None]))]
    while waiting:
        depth, (one, other) = waiting.pop()
        found.append(SpanPair(depth=depth, a=one, b=other))
        under_one = below_a.get(one.span_id, []) if one else []
        under_other = below_b.get(other.span_id, []) if other else []
        waiting.extend((depth + 1, pair) for pair in reversed(_matched(under_one, under_other)))
    return tuple(found)


def decided(a: Sequence[DecisionRow], b: Sequence[DecisionRow]) -> tuple[DecisionPair, ...]:
    """The decisions of both, those of one stage, type and turn beside each other, in the order of A and then of B."""
    of_a, of_b = _by_turn(a), _by_turn(b)
    return tuple(
        DecisionPair(stage=key[0], decision=key[1], a=of_a.get(key), b=of_b.get(key))
        for key in dict.fromkeys((*of_a, *of_b))
    )


def documents(a: Mapping[str, SpanPayload], b: Mapping[str, SpanPayload]) -> tuple[DocumentPair, ...]:
    """The documents of both by what they are called: which of the runs kept them, and which dropped them."""
    of_a, of_b = _kept(a), _kept(b)
    nothing = (None, "")
    pairs = ((name, of_a.get(name, nothing), of_b.get(name, nothing)) for name in dict.fromkeys((*of_a, *of_b)))
    return tuple(
        DocumentPair(name=name, a=one, b=other, a_why=one_why, b_why=other_why)
        for name, (one, one_why), (other, other_why) in pairs
    )


def decision_pair(pair: DecisionPair) -> TextPair:
    """Two decisions as texts, line by line: choice, confidence, alternatives, reason, inputs; what differs one below the other."""
    a, b = _written(pair.a), _written(pair.b)
    lines: list[str] = []
    for name in dict.fromkeys((*a, *b)):
        one, other = a.get(name), b.get(name)
        if one == other:
            lines.append(f" {one}")
        else:
            lines += [f"{sign}{said}" for sign, said in (("-", one), ("+", other)) if said is not None]
    name = f"{pair.stage}: {pair.decision}" if pair.stage else pair.decision
    return TextPair(
        name=name, a="\n".join(a.values()), b="\n".join(b.values()), difference="\n".join(lines) if a != b else ""
    )


def prompts(
    pairs: Sequence[SpanPair], a: Mapping[str, SpanPayload], b: Mapping[str, SpanPayload]
) -> tuple[TextPair, ...]:
    """What models were told, span by span, where either run says it."""
    found: list[TextPair] = []
    for pair in pairs:
        of_a = a[pair.a.span_id].prompts if pair.a and pair.a.span_id in a else {}
        of_b = b[pair.b.span_id].prompts if pair.b and pair.b.span_id in b else {}
        found.extend(
            text_pair(f"{pair.name}: {name}", _text(of_a.get(name)), _text(of_b.get(name)))
            for name in dict.fromkeys((*of_a, *of_b))
        )
    return tuple(found)


def text_pair(name: str, a: str, b: str) -> TextPair:
    """Two texts and where they differ. Long lines are taken apart by sentence, so that a change of one word shows."""
    lines = list(unified_diff(_lines(a), _lines(b), "A", "B", lineterm="", n=1))
    return TextPair(name=name, a=a, b=b, difference="\n".join(lines[2:]))


def _children(spans: Sequence[SpanRow]) -> defaultdict[str | None, list[SpanRow]]:
    """The spans by their parent, in the order in which they began; those whose parent is not there are roots."""
    known = {span.span_id for span in spans}
    found: defaultdict[str | None, list[SpanRow]] = defaultdict(list)
    for span in spans:
        found[span.parent_id if span.parent_id in known and span.parent_id != span.span_id else None].append(span)
    return found


_Pair = tuple[SpanRow | None, SpanRow | None]


def _roots(a: list[SpanRow], b: list[SpanRow]) -> list[_Pair]:
    if len(a) == len(b) == 1:
        return [(a[0], b[0])]
    return _matched(a, b)


def _matched(a: list[SpanRow], b: list[SpanRow]) -> list[_Pair]:
    names_a, names_b = [span.name for span in a], [span.name for span in b]
    if len(a) * len(b) > _MOST_PAIRS:
        return _by_turns(a, b)
    found: list[_Pair] = []
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(None, names_a, names_b, autojunk=False).get_opcodes():
        if kind == "equal":
            found.extend(zip(a[from_a:to_a], b[from_b:to_b], strict=True))
        else:
            found.extend(_by_turns(a[from_a:to_a], b[from_b:to_b]))
    return found


def _by_turns(a: Sequence[SpanRow], b: Sequence[SpanRow]) -> list[_Pair]:
    """Those of one name beside each other, turn by turn, in whatever order they came."""
    left: defaultdict[str, list[SpanRow]] = defaultdict(list)
    for span in reversed(b):
        left[span.name].append(span)
    found: list[_Pair] = [(span, left[span.name].pop() if left[span.name] else None) for span in a]
    rest = {span.span_id for spans in left.values() for span in spans}
    return [*found, *((None, span) for span in b if span.span_id in rest)]


def _by_turn(rows: Sequence[DecisionRow]) -> dict[tuple[str, str, int], DecisionRow]:
    turns: defaultdict[tuple[str, str], int] = defaultdict(int)
    found = {}
    for row in rows:
        turns[row.stage, row.decision] += 1
        found[row.stage, row.decision, turns[row.stage, row.decision]] = row
    return found


def _written(row: DecisionRow | None) -> dict[str, str]:
    """A decision in lines, by what each is about."""
    if row is None:
        return {}
    said = {"chose": f"chose {_text(row.what)}"}
    if row.confidence is not None:
        said["confidence"] = f"confidence {row.confidence:.2f}"
    if row.alternatives_considered:
        said["instead of"] = f"instead of {', '.join(map(_text, row.alternatives_considered))}"
    if row.why:
        said["because"] = f"because {row.why}"
    return said | {f"input {name}": f"{name} = {_text(each)}" for name, each in row.inputs.items()}


def _kept(payloads: Mapping[str, SpanPayload]) -> dict[str, tuple[Kept, str]]:
    """What became of each document in the end, and why: kept, if any later stage kept it and none dropped it after that."""
    found: dict[str, tuple[Kept, str]] = {}
    for payload in payloads.values():
        found |= {name: ("kept", "") for name, _ in _named(payload.evidence.get("kept"))}
        found |= {name: ("dropped", why) for name, why in _named(payload.evidence.get("filtered_out"))}
    return found


def _named(listed: Any) -> Iterator[tuple[str, str]]:
    """The names of documents, and the reasons that stand beside them."""
    for each in listed if isinstance(listed, list | tuple) else ():
        if isinstance(each, Mapping):
            name = next((each[key] for key in ("title", "id", "source", "text") if each.get(key)), None)
            yield _text(name if name is not None else each)[:_LONGEST_LINE], _text(each.get("reason"))[:_LONGEST_LINE]
        else:
            yield _text(each)[:_LONGEST_LINE], ""


def _lines(text: str) -> list[str]:
    found: list[str] = []
    for line in text.splitlines()[:_MOST_LINES]:
        found.extend(_SENTENCE.split(line) if len(line) > _LONGEST_LINE else [line])
    return found[:_MOST_LINES]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
