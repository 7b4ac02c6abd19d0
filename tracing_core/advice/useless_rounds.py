"""Rounds of writing again that did not help: what stopping earlier would have saved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, percent, saving, shown, stands_for
from tracing_core.confidence import wilson
from tracing_core.rounds import Round

MOST_HELPED = 0.1
"""The share of rounds that may have helped, at the upper end of its interval."""
FEWEST_RUNS = 30
_BETTER = 0.05
"""By how much a score, 0 to 3, has to rise to count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A run that was written more than once."""

    trace_id: str
    question: str
    weight: float
    rounds: tuple[Round, ...]


def useless_rounds(runs: Sequence[Rewritten]) -> Advice | NoAdvice:
    """From which round on writing again nearly never passed the gate or raised the score, and what these rounds cost.

    Args:
        runs: those of more than one round.
    """
    if len(runs) < FEWEST_RUNS:
        return _nothing(f"{len(runs):,} runs were written again; it takes {FEWEST_RUNS} to tell whether that helps")
    longest = max(len(run.rounds) for run in runs)
    for number in range(2, longest + 1):
        judged = [run for run in runs if len(run.rounds) >= number and run.rounds[number - 1].score is not None]
        if len(judged) < FEWEST_RUNS:
            break
        helped = sum(_helps(run.rounds, number) for run in judged)
        most = wilson(helped / len(judged), len(judged)).high
        if most <= MOST_HELPED:
            return _advice(number, judged, helped, most)
    return _nothing("every round that enough runs came to raised scores or passed the gate often enough")


def _helps(rounds: Sequence[Round], number: int) -> bool:
    """Whether this round or a later one passed the gate, or raised the best score before it."""
    before = max((each.score for each in rounds[: number - 1] if each.score is not None), default=0.0)
    return any(each.passed or (each.score or 0.0) > before + _BETTER for each in rounds[number - 1 :])


def _advice(number: int, judged: Sequence[Rewritten], helped: int, most: float) -> Advice | NoAdvice:
    parts = [
        Part(trace_id=run.trace_id, question=run.question, usd=_usd(run, number), weight=run.weight) for run in judged
    ]
    said = f"round {number} and later helped {helped:,} of {len(judged):,} runs (at most {percent(most)})"
    if not any(part.usd for part in parts) or (saved := saving(parts)).low <= 0:
        return _nothing(f"{said}, but what they cost is not known")
    return Advice(
        kind=AdviceKind.USELESS_ROUNDS,
        title=f"Stop after round {number - 1}",
        why=f"{said[0].upper()}{said[1:]}: none of the others passed the gate or scored higher than before",
        caveat="Only rounds that did not help are counted, at what their writing cost.",
        saved=saved,
        traces=stands_for(parts),
        evidence=shown(parts),
    )


def _usd(run: Rewritten, number: int) -> float:
    if _helps(run.rounds, number):
        return 0.0
    return sum(each.cost_usd or 0.0 for each in run.rounds[number - 1 :])


def _nothing(why: str) -> NoAdvice:
    return NoAdvice(kind=AdviceKind.USELESS_ROUNDS, why=why)
