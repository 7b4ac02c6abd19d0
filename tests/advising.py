"""Made-up runs for advice on cost: what is planted in them, or that nothing is, is the test's affair."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tests.factories import NOON
from tracing_core.advice.cheaper_model import Answered
from tracing_core.advice.runs import Call, Run, Sent
from tracing_core.cost import CostTracker
from tracing_core.model import TokenUsage
from tracing_core.own_prices import Price

DEAR, CHEAP = "dear-model", "cheap-model"
PRICES = CostTracker(
    {
        DEAR: Price(input=Decimal(10), output=Decimal(40), cached=Decimal(1), cache_write=Decimal("12.5")),
        CHEAP: Price(input=Decimal(1), output=Decimal(4)),
    }
)
_numbers = count(1)


def make_call(model: str = DEAR, **overrides: Any) -> Call:
    """A generation of 1,000 tokens in, 100 out."""
    usage = overrides.pop("usage", TokenUsage(input_tokens=1000, output_tokens=100))
    cost = PRICES.cost(model, usage)
    of_input = PRICES.cost(model, TokenUsage(input_tokens=usage.input_tokens))
    fields: dict[str, Any] = {
        "span_id": f"{next(_numbers):016x}", "parent_id": "root", "operation": "llm_generation", "model": model,
        "provider": None, "embeds": False, "usage": usage, "cost_usd": None if cost is None else float(cost),
        "input_usd": None if of_input is None else float(of_input), "started_at": NOON, "duration_ms": 100.0,
        "prompt": "p" * 4000, "answer": "an answer",
    }  # fmt: skip
    return Call(**(fields | overrides))


def make_run(calls: Sequence[Call] = (), **overrides: Any) -> Run:
    """A run that stands for itself."""
    number = next(_numbers)
    fields: dict[str, Any] = {
        "trace_id": f"trc_{number:06}", "started_at": NOON + timedelta(minutes=number), "question": f"question {number}",
        "weight": 1.0, "calls": tuple(calls) or (make_call(),), "sent": (), "reader": None,
    }  # fmt: skip
    return Run(**(fields | overrides))


def reading_run(cited: Sequence[bool], share: float = 0.1) -> Run:
    """A run that sent documents, each a tenth of the prompt, of which these are cited."""
    call = make_call()
    return make_run([call], reader=call, sent=tuple(Sent(share=share, cited=each) for each in cited))


def two_models(
    random_numbers: random.Random, flagged: Callable[[str, str], float], each: int = 400
) -> tuple[list[Answered], list[Run]]:
    """Answers of both models over two kinds of questions, with the chance of a flag by model and kind.

    The dear model answers more of the hard kind, as it would where somebody chose by the question.
    """
    answers, runs = [], []
    for model, hard in ((DEAR, 0.7), (CHEAP, 0.3)):
        for _ in range(each):
            kind = "hard" if random_numbers.random() < hard else "easy"
            run = make_run([make_call(model)])
            bad = random_numbers.random() < flagged(model, kind)
            confidence = min(max(random_numbers.gauss(0.5 if bad else 0.8, 0.1), 0.0), 1.0)
            runs.append(run)
            answers.append(
                Answered(
                    trace_id=run.trace_id, model=model, kind=kind, weight=1.0, flagged=bad, rating=None,
                    confidence=confidence, gate_passed=None,
                )
            )  # fmt: skip
    return answers, runs
