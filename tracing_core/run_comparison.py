"""Two runs side by side for people: what the second has more, in words and colours, and where they decided differently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from tracing_core.model import TraceData
from tracing_core.query.runs import RunComparison, RunRow
from tracing_core.summary import NOTHING, duration, money, plain, stage_lines

_LONGEST = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A decision of a stage and type that the two runs made differently: how each did, in its words; None for not at all."""

    stage: str
    decision: str
    a: str | None
    b: str | None


def differences(a: TraceData, b: TraceData) -> tuple[Difference, ...]:
    """The decisions that differ, those of the same stage, type and turn beside each other, in the order of the runs."""
    of_a, of_b = _decisions(a), _decisions(b)
    found = (
        Difference(stage=key[0], decision=key[1], a=_words(of_a.get(key)), b=_words(of_b.get(key)))
        for key in dict.fromkeys((*of_a, *of_b))
        if of_a.get(key) != of_b.get(key)
    )
    return tuple(found)


def measures(found: RunComparison) -> Table:
    """Quality, gate, time, cost and evidence of two runs, and what the second has more."""
    table = _table("", "A", "B", "B is")
    a, b = found.a, found.b
    for name, value in (("Trace", "trace_id"), ("Project", "project"), ("Status", "status")):
        table.add_row(name, *(escape(str(getattr(run, value))) for run in (a, b)), "")
    table.add_row("Quality", _score(a), _score(b), _change(_delta(a, b, "overall_quality_score"), "better", "worse"))
    table.add_row("Gate", _gate(a), _gate(b), _gate_change(a, b))
    seconds = _delta(a, b, "duration_seconds")
    table.add_row("Duration", duration(a.duration_seconds), duration(b.duration_seconds), slower(seconds))
    cost = _delta(a, b, "cost_usd")
    dearer = _change(None if cost is None else -cost, "cheaper", "dearer", money)
    table.add_row("Cost", money(a.cost_usd), money(b.cost_usd), dearer)
    table.add_row("Rounds", str(a.iteration_count), str(b.iteration_count), "")
    return table


def gaps(found: RunComparison) -> Iterator[str]:
    """Lines about principles that one of the runs, or both, fell short of."""
    said = (
        ("Gaps closed in B", found.gaps_a_only, "green"),
        ("Gaps new in B", found.gaps_b_only, "red"),
        ("Gaps in both", found.gaps_both, "yellow"),
    )
    for title, names, colour in said:
        yield f"{title}: " + (f"[{colour}]{escape(plain(', '.join(names)))}[/{colour}]" if names else NOTHING)


def stages(a: TraceData, b: TraceData) -> Table:
    """How long each stage took in both."""
    table = _table("Stage", "A", "B", "B is")
    of_a, of_b = ({each.name: each.seconds for each in stage_lines(trace.spans)} for trace in (a, b))
    for name in dict.fromkeys((*of_a, *of_b)):
        before, now = of_a.get(name), of_b.get(name)
        missing = "only in B" if name not in of_a else "only in A" if name not in of_b else ""
        change = missing or slower(None if before is None or now is None else now - before)
        table.add_row(escape(plain(name)), duration(before), duration(now), change)
    return table


def decisions(found: Sequence[Difference]) -> Table:
    """The decisions that differ."""
    table = _table("Stage", "Decision", "A", "B")
    for each in found:
        cells = (each.stage or NOTHING, each.decision, each.a or NOTHING, each.b or NOTHING)
        table.add_row(*(escape(plain(cell)) for cell in cells))
    return table


def slower(seconds: float | None) -> str:
    """What is said of a difference in seconds."""
    return _change(None if seconds is None else -seconds, "faster", "slower", duration)


def _change(better: float | None, up: str, down: str, words: Any = lambda size: f"{size:.2f}") -> str:
    if better is None:
        return NOTHING
    said = words(abs(better))
    if said == words(0.0):
        return "the same"
    colour, word = ("green", up) if better > 0 else ("red", down)
    return f"[{colour}]{said} {word}[/{colour}]"


def _delta(a: RunRow, b: RunRow, name: str) -> float | None:
    """What B has more; None where one of them does not say."""
    before, now = getattr(a, name), getattr(b, name)
    return None if before is None or now is None else float(now - before)


def _score(run: RunRow) -> str:
    return NOTHING if run.overall_quality_score is None else f"{run.overall_quality_score:.2f}"


def _gate(run: RunRow) -> str:
    words: Mapping[bool | None, str] = {True: "[green]PASS[/green]", False: "[red]FAIL[/red]", None: NOTHING}
    return words[run.quality_gate_passed]


def _gate_change(a: RunRow, b: RunRow) -> str:
    if None in (a.quality_gate_passed, b.quality_gate_passed):
        return NOTHING
    if a.quality_gate_passed == b.quality_gate_passed:
        return "the same"
    return "[green]passing now[/green]" if b.quality_gate_passed else "[red]failing now[/red]"


def _decisions(trace: TraceData) -> dict[tuple[str, str, int], tuple[str, float | None]]:
    """What was chosen and how surely, by stage, type and turn."""
    names = {span.span_id: span.name for span in trace.spans[1:]}
    found: dict[tuple[str, str, int], tuple[str, float | None]] = {}
    for span in trace.spans:
        for decision in span.decisions:
            stage, turn = names.get(span.span_id, ""), 1
            while (stage, decision.decision, turn) in found:
                turn += 1
            found[stage, decision.decision, turn] = (_text(decision.what), decision.confidence)
    return found


def _text(what: Any) -> str:
    return what if isinstance(what, str) else json.dumps(what, ensure_ascii=False, default=str)


def _words(decision: tuple[str, float | None] | None) -> str | None:
    if decision is None:
        return None
    what, confidence = decision
    short = what if len(what) <= _LONGEST else f"{what[: _LONGEST - 1]}…"
    return short if confidence is None else f"{short} ({confidence:.2f})"


def _table(*titles: str) -> Table:
    return Table(*(Column(title, overflow="fold") for title in titles))
