"""Documents that are sent and never cited: what a smaller budget for the prompt would have saved. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tracing_core.advice.runs import Run
from tracing_core.advice.saving import Advice, AdviceKind, NoAdvice, Part, percent, saving, shown, stands_for
from tracing_core.confidence import wilson

MOST_CITED_BEYOND = 0.02
"""The share of answers that may rest on a document beyond the budget, at the upper end of its interval."""
FEWEST_RUNS = 190
"""Of fewer, none being cited would not show that."""


def token_budgets(runs: Sequence[Run]) -> tuple[tuple[Advice, ...], NoAdvice | None]:
    """By operation, how few documents would have had nearly all that was cited, and what the others cost.

    Args:
        runs: a sample of traces.
    """
    by_operation: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.reader is not None and run.reader.input_usd is not None:
            by_operation[run.reader.operation].append(run)
    most = max(map(len, by_operation.values()), default=0)
    if most < FEWEST_RUNS:
        return (), _nothing(
            f"of {most:,} answers it is known which documents were sent, which cited, and what they cost; it takes "
            f"{FEWEST_RUNS}"
        )
    enough = {name: some for name, some in sorted(by_operation.items()) if len(some) >= FEWEST_RUNS}
    found = [advice for name, some in enough.items() if (advice := _advice(name, some, runs))]
    if found:
        return tuple(found), None
    return (), _nothing("documents are cited at every place of the prompts")


def _advice(operation: str, some: Sequence[Run], runs: Sequence[Run]) -> Advice | None:
    longest = max(len(run.sent) for run in some)
    budget = next((size for size in range(1, longest) if _beyond(some, size) <= MOST_CITED_BEYOND), None)
    if budget is None:
        return None
    usd = {run.trace_id: _usd(run, budget) for run in some}
    parts = [
        Part(trace_id=run.trace_id, question=run.question, usd=usd.get(run.trace_id, 0.0), weight=run.weight)
        for run in runs
    ]
    if not any(usd.values()) or (saved := saving(parts)).low <= 0:
        return None
    tokens = sorted(_tokens_within(run, budget) for run in some)[round(0.95 * (len(some) - 1))]
    count = sum(_last_cited(run) > budget for run in some)
    return Advice(
        kind=AdviceKind.TOKEN_BUDGET,
        title=f"Send at most {budget} {'document' if budget == 1 else 'documents'} to {operation}",
        why=f"Up to {longest} are sent; of {len(some):,} answers {count:,} cite one beyond place {budget} (at most "
        f"{percent(_beyond(some, budget))}). A budget of {tokens:,.0f} tokens would have held 95 % of the prompts",
        caveat="A document may help without being cited. Its tokens are taken by its share of the prompt's characters.",
        saved=saved,
        traces=stands_for(parts),
        evidence=shown(parts),
    )


def _beyond(some: Sequence[Run], size: int) -> float:
    """The most that the share of answers may be which rest on a document beyond the first `size`."""
    return wilson(sum(_last_cited(run) > size for run in some) / len(some), len(some)).high


def _last_cited(run: Run) -> int:
    return max((place for place, each in enumerate(run.sent, start=1) if each.cited), default=0)


def _usd(run: Run, budget: int) -> float:
    if run.reader is None or run.reader.input_usd is None:
        return 0.0
    return run.reader.input_usd * min(sum(each.share for each in run.sent[budget:] if not each.cited), 1.0)


def _tokens_within(run: Run, budget: int) -> float:
    tokens = 0 if run.reader is None else run.reader.usage.input_tokens or 0
    return tokens * (1 - min(sum(each.share for each in run.sent[budget:]), 1.0))


def _nothing(why: str) -> NoAdvice:
    return NoAdvice(kind=AdviceKind.TOKEN_BUDGET, why=why)
