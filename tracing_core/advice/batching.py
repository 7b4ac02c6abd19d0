"""Calls of one model, many times within a trace, that could be one: what batching them would have saved. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tracing_core.advice.runs import Call, Run
from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, saving, shown, stands_for

FEWEST_TRACES = 20
FEWEST_CALLS = 3
_SHORTEST = 200
"""Characters of instructions, from which on it counts that they are sent again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """Calls that could be one, and what of them would have been spared: dollars of repeated input, milliseconds."""

    run: Run
    calls: tuple[Call, ...]
    usd: float
    ms: float


def batches(runs: Sequence[Run]) -> tuple[tuple[Advice, ...], NoAdvice | None]:
    """What batching would have saved, by model and operation: money where instructions were sent again, else time.

    Args:
        runs: a sample of traces.
    """
    found: dict[tuple[str, str], list[_Batch]] = defaultdict(list)
    for run in runs:
        for key, batch in _batches(run).items():
            found[key].append(batch)
    often = {key: some for key, some in sorted(found.items()) if len({b.run.trace_id for b in some}) >= FEWEST_TRACES}
    advice = [each for key, some in often.items() if (each := _advice(*key, some, runs))]
    if advice:
        return tuple(advice), None
    why = f"no model was called {FEWEST_CALLS} times one after the other for the same in {FEWEST_TRACES} traces or more"
    return (), NoAdvice(kind=AdviceKind.BATCHING, why=why)


def _batches(run: Run) -> dict[tuple[str, str], _Batch]:
    groups: dict[tuple[str | None, str, str], list[Call]] = defaultdict(list)
    for call in run.calls:
        if call.model:
            groups[call.parent_id, call.model, call.operation].append(call)
    found: dict[tuple[str, str], _Batch] = {}
    for (_, model, operation), some in groups.items():
        calls = sorted(some, key=lambda call: call.started_at)
        if len(calls) >= FEWEST_CALLS and (batch := _batch(run, calls)):
            best = found.get((model, operation))
            if best is None or batch.usd > best.usd:
                found[model, operation] = batch
    return found


def _batch(run: Run, calls: Sequence[Call]) -> _Batch | None:
    """None where a call needs what another one answered, or they have nothing in common."""
    if all(call.embeds for call in calls):
        return _Batch(run=run, calls=tuple(calls), usd=0.0, ms=_waited(calls))
    if any(call.embeds or not call.prompt or call.input_usd is None for call in calls) or _chained(calls):
        return None
    shared = _shared([call.prompt for call in calls])
    if shared < _SHORTEST:
        return None
    usd = sum((call.input_usd or 0.0) * shared / len(call.prompt) for call in calls[1:])
    return _Batch(
        run=run, calls=tuple(calls), usd=usd, ms=0.0
    )  # one long answer is not sooner there than some short ones


def _shared(prompts: Sequence[str]) -> int:
    """How many characters all of them begin with."""
    first, last = min(prompts), max(prompts)  # whatever lies between them begins with what these two share
    return next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))


def _waited(calls: Sequence[Call]) -> float:
    """Milliseconds from the first call to the end of the last, without the longest: none where they ran side by side."""
    ends = [call.started_at + timedelta(milliseconds=call.duration_ms or 0.0) for call in calls]
    whole = (max(ends) - calls[0].started_at) / timedelta(milliseconds=1)
    return max(whole - max(call.duration_ms or 0.0 for call in calls), 0.0)


def _chained(calls: Sequence[Call]) -> bool:
    """Whether a call was told what one before it answered; or it is not known what they answered."""
    if not all(call.answer for call in calls[:-1]):
        return True
    return any(earlier.answer[:60] in later.prompt for at, earlier in enumerate(calls) for later in calls[at + 1 :])


def _advice(model: str, operation: str, some: Sequence[_Batch], runs: Sequence[Run]) -> Advice | None:
    usd = {batch.run.trace_id: batch.usd for batch in some}
    parts = [
        Part(trace_id=run.trace_id, question=run.question, usd=usd.get(run.trace_id, 0.0), weight=run.weight)
        for run in runs
    ]
    saved = saving(parts) if any(usd.values()) else None
    waited = sorted(batch.ms for batch in some)[len(some) // 2]
    if (saved is None or saved.low <= 0) and waited <= 0:
        return None
    usual = sorted(len(batch.calls) for batch in some)[len(some) // 2]
    told = "sends the same instructions each time" if saved else "waits for each before the next"
    here = [
        Part(trace_id=b.run.trace_id, question=b.run.question, usd=max(b.usd, b.ms), weight=b.run.weight) for b in some
    ]
    return Advice(
        kind=AdviceKind.BATCHING,
        title=f"Call {model} once for all of {operation}",
        why=f"{len(usd):,} of {len(runs):,} traces call it {usual} times one after the other, which {told}",
        caveat="No call was told what another one answered."
        if saved
        else "Embeddings cost the same in one call or many.",
        saved=saved if saved and saved.low > 0 else None,
        traces=stands_for(here),
        evidence=shown(
            parts if saved else [Part(trace_id=p.trace_id, question=p.question, usd=1e-9, weight=1) for p in here]
        ),
        saved_ms=waited if not saved else None,
    )
