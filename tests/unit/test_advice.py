"""Advice on cost: what is planted is found, with the right sign; where nothing is planted, nothing is advised."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.advising import CHEAP, DEAR, PRICES, make_call, make_run, reading_run, two_models
from tests.factories import NOON
from tracing_core.advice.batching import batches
from tracing_core.advice.cached_prefix import cached_prefixes
from tracing_core.advice.cheaper_model import FEWEST_ANSWERS, cheaper_models
from tracing_core.advice.repeated import Asking, repeated_questions
from tracing_core.advice.saving import Advice, NoAdvice, Part, saving
from tracing_core.advice.token_budget import FEWEST_RUNS, token_budgets
from tracing_core.advice.useless_rounds import FEWEST_RUNS as FEWEST_REWRITTEN
from tracing_core.advice.useless_rounds import Rewritten, useless_rounds
from tracing_core.cost import CostTracker
from tracing_core.model import TokenUsage
from tracing_core.rounds import Round

# --- a cheaper model ---


def test_a_cheaper_model_that_is_as_good_is_advised_with_the_right_money() -> None:
    """The dear calls cost 14 thousandths of a dollar, the cheap ones 1.4: nine tenths are saved, of the dear ones alone."""
    answers, runs = two_models(random.Random(1), lambda _model, kind: 0.12 if kind == "hard" else 0.04)
    (advice,), silent = cheaper_models(answers, runs, PRICES)
    assert silent is None
    assert advice.params == {"model": DEAR}
    assert CHEAP in advice.title
    assert advice.saved is not None
    assert advice.saved.low <= advice.saved.usd <= advice.saved.high
    assert float(advice.saved.usd) == pytest.approx(400 * 0.0126, rel=0.01)


def test_a_cheaper_model_that_is_worse_is_not_advised() -> None:
    """Twelve points more flags on the same questions are seen, and said, though the cheap model got the easy ones."""
    answers, runs = two_models(
        random.Random(2), lambda model, kind: (0.1 if kind == "hard" else 0.02) + (0.12 if model == CHEAP else 0)
    )
    found, silent = cheaper_models(answers, runs, PRICES)
    assert not found
    assert silent is not None
    assert "not shown to be as good" in silent.why


def test_kinds_of_questions_are_held_alike() -> None:
    """A model that only looks worse because it got the hard questions is advised all the same."""
    answers, runs = two_models(random.Random(3), lambda _model, kind: 0.02 if kind == "hard" else 0.25, each=1500)
    raw = {model: [each.flagged for each in answers if each.model == model] for model in (DEAR, CHEAP)}
    assert sum(raw[CHEAP]) > 1.4 * sum(raw[DEAR])
    assert cheaper_models(answers, runs, PRICES)[0]


def test_a_model_at_the_margin_is_advised_at_most_once_in_twenty() -> None:
    """Of 100 histories in which the cheap model is worse by just what is not tolerated, at most five bring advice."""
    chosen = 0
    for seed in range(100):
        answers, runs = two_models(random.Random(seed), lambda model, _kind: 0.10 if model == DEAR else 0.15, each=150)
        chosen += bool(cheaper_models(answers, runs, PRICES)[0])
    assert chosen <= 5


def test_too_few_answers_bring_no_advice_but_say_so() -> None:
    """Silence says what it would need."""
    answers, runs = two_models(random.Random(4), lambda _model, _kind: 0.1, each=FEWEST_ANSWERS - 1)
    found, silent = cheaper_models(answers, runs, PRICES)
    assert not found
    assert silent is not None
    assert str(FEWEST_ANSWERS) in silent.why


def test_a_model_without_a_price_is_not_advised() -> None:
    """What is not known to be cheaper is not called so."""
    answers, runs = two_models(random.Random(5), lambda _model, _kind: 0.1)
    assert not cheaper_models(answers, runs, CostTracker())[0]


def test_a_cheap_model_that_talks_more_than_it_saves_is_not_advised() -> None:
    """Its length of answers is part of its price: eleven times the output is dearer."""
    answers, runs = two_models(random.Random(6), lambda _model, _kind: 0.03, each=800)
    long = make_call(CHEAP, usage=TokenUsage(input_tokens=1000, output_tokens=5000))
    wordy = [replace(run, calls=(long,)) if run.calls[0].model == CHEAP else run for run in runs]
    found, _ = cheaper_models(answers, wordy, PRICES)
    assert [each.params for each in found] == [{"model": CHEAP}]  # the other way round it is cheaper


# --- what is asked again ---


def asking(question: str, minutes: float, answer: str = "a", prompt: str = "", cost: float | None = 0.01) -> Asking:
    return Asking(
        trace_id=f"trc_{question}_{minutes}", alike=question, question=question, answer=answer, prompt=prompt,
        started_at=NOON + timedelta(minutes=minutes), cost_usd=cost, weight=1.0,
    )  # fmt: skip


def test_repeats_save_what_they_cost() -> None:
    """Twelve questions asked three times: 24 of 36 answers need not have been made."""
    askings = [asking(f"q{number}", minutes) for number in range(12) for minutes in (0, 5, 10)]
    advice = repeated_questions(askings, asked=100)
    assert isinstance(advice, Advice)
    assert advice.traces == 24
    assert advice.saved is not None
    assert float(advice.saved.usd) == pytest.approx(0.24)


def test_other_answers_late_repeats_and_unknown_costs_are_not_counted() -> None:
    """Another answer from another prompt, or one two days old, would have been wrong to give again."""
    other = [
        asking(f"q{n}", minutes, answer=str(minutes), prompt=str(minutes)) for n in range(20) for minutes in (0, 5)
    ]
    late = [asking(f"q{n}", minutes) for n in range(20) for minutes in (0, 2 * 24 * 60)]
    unknown = [asking(f"q{n}", minutes, cost=None) for n in range(20) for minutes in (0, 5)]
    for askings in (other, late, unknown):
        assert isinstance(repeated_questions(askings, asked=100), NoAdvice)


def test_the_same_prompt_counts_though_the_model_said_it_otherwise() -> None:
    """Where the model was told the very same, its first answer would have done."""
    askings = [asking(f"q{n}", minutes, answer=str(minutes), prompt="p") for n in range(12) for minutes in (0, 5)]
    assert isinstance(repeated_questions(askings, asked=100), Advice)


# --- beginnings of prompts ---


def test_a_long_shared_beginning_saves_the_price_of_the_cache() -> None:
    """3,000 of 4,000 characters are alike: of 4,000 tokens 2,944, in whole steps, at a tenth of the price."""
    usage = TokenUsage(input_tokens=4000, output_tokens=10)
    runs = [make_run([make_call(prompt="s" * 3000 + f"{n:01000}", usage=usage)]) for n in range(1000, 1060)]
    (advice,), _ = cached_prefixes(runs, PRICES, {DEAR: 1.0})
    assert advice.saved is not None
    tokens = 4000 * (3000 + 996) // 4000 // 128 * 128  # the numbers share their leading zeros, too
    assert float(advice.saved.usd) == pytest.approx(60 * tokens * 9e-6, rel=0.01)


def test_a_cold_cache_costs_more_than_it_saves() -> None:
    """Where no other call comes in time, writing the cache would be paid for nothing."""
    usage = TokenUsage(input_tokens=4000, output_tokens=10)
    runs = [make_run([make_call(prompt="s" * 4000, usage=usage)]) for _ in range(60)]
    assert not cached_prefixes(runs, PRICES, {DEAR: 0.1})[0]


def test_what_is_cached_already_or_short_is_not_counted() -> None:
    """Neither saves anything."""
    cached = TokenUsage(input_tokens=4000, output_tokens=10, cached_tokens=3968)
    for usage in (cached, TokenUsage(input_tokens=500, output_tokens=10)):
        runs = [make_run([make_call(prompt="s" * 4000, usage=usage)]) for _ in range(60)]
        found, silent = cached_prefixes(runs, PRICES, {DEAR: 1.0})
        assert not found
        assert silent is not None


# --- documents ---


def test_documents_that_nobody_cites_are_a_budget() -> None:
    """Of five documents the first two are cited: the other three are three tenths of the input."""
    runs = [reading_run([number % 2 == 0, True, False, False, False]) for number in range(FEWEST_RUNS)]
    (advice,), _ = token_budgets(runs)
    assert "at most 2 documents" in advice.title
    assert advice.saved is not None
    assert float(advice.saved.usd) == pytest.approx(FEWEST_RUNS * 0.01 * 0.3, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(chance=st.floats(0.05, 0.9), seed=st.integers(0, 10_000))
def test_documents_cited_at_every_place_are_no_budget(chance: float, seed: int) -> None:
    """Whatever the chance of a citation, as long as all places have it."""
    numbers = random.Random(seed)
    runs = [reading_run([numbers.random() < chance for _ in range(4)]) for _ in range(FEWEST_RUNS + 60)]
    assert not token_budgets(runs)[0]


# --- rounds ---


def rewritten(scores: list[float], passed: bool = False, cost: float | None = 0.02) -> Rewritten:
    rounds = tuple(
        Round(
            number=number, passed=passed and number == len(scores), score=score, threshold=2.0, gaps=(), closed=(), opened=(),
            changes=None, seconds=None, cost_usd=cost, tokens=None, principles=(),
        )
        for number, score in enumerate(scores, start=1)
    )  # fmt: skip
    return Rewritten(trace_id=f"trc_{scores}", question="q", weight=1.0, rounds=rounds)


def test_rounds_that_never_help_are_not_worth_writing() -> None:
    """The second round helps everybody, the third nobody."""
    advice = useless_rounds([rewritten([1.0, 1.5, 1.5]) for _ in range(60)])
    assert isinstance(advice, Advice)
    assert advice.title == "Stop after round 2"
    assert advice.saved is not None
    assert advice.saved.usd == Decimal("1.2")


def test_rounds_that_help_some_are_kept() -> None:
    """One in four passing the gate is worth it; so is what nobody knows the cost of not to be called waste."""
    helpful = [rewritten([1.0, 1.0], passed=number % 4 == 0) for number in range(80)]
    unknown = [rewritten([1.0, 1.0], cost=None) for _ in range(80)]
    few = [rewritten([1.0, 1.0])] * (FEWEST_REWRITTEN - 1)
    for runs in (helpful, unknown, few):
        assert isinstance(useless_rounds(runs), NoAdvice)


# --- batches ---


def test_instructions_sent_again_are_a_batch() -> None:
    """Of four calls with the same 2,000 characters before each question, three need not have sent them."""
    runs = [make_run([make_call(prompt="i" * 2000 + str(n) * 2000) for n in range(4)]) for _ in range(25)]
    (advice,), _ = batches(runs)
    assert advice.saved is not None
    assert float(advice.saved.usd) == pytest.approx(25 * 3 * 0.01 * 0.5, rel=0.01)


def test_calls_that_need_one_another_are_no_batch() -> None:
    """A call that was told what the one before answered cannot go with it."""
    calls = [
        make_call(prompt="i" * 2000 + f"{n} said: answer number {n - 1}", answer=f"answer number {n}") for n in range(4)
    ]
    assert not batches([make_run(calls) for _ in range(25)])[0]


def test_embeddings_one_after_the_other_save_time_and_no_money() -> None:
    """Four of 100 ms each, one after the other: 300 ms; side by side: nothing."""
    one_by_one = [make_call(embeds=True, started_at=NOON + timedelta(milliseconds=100 * n)) for n in range(4)]
    (advice,), _ = batches([make_run(one_by_one) for _ in range(25)])
    assert advice.saved is None
    assert advice.saved_ms == pytest.approx(300)
    assert not batches([make_run([make_call(embeds=True) for _ in range(4)]) for _ in range(25)])[0]


# --- the interval ---


@settings(max_examples=40, deadline=None)
@given(
    amounts=st.lists(st.floats(-1, 10, allow_nan=False), min_size=1, max_size=60),
    weight=st.floats(1, 50, allow_nan=False),
)
def test_the_interval_holds_the_sum_and_grows_with_the_weight(amounts: list[float], weight: float) -> None:
    """What is saved is the weighted sum, always between its bounds."""
    parts = [Part(trace_id=str(n), question="q", usd=usd, weight=weight) for n, usd in enumerate(amounts)]
    found = saving(parts)
    assert found.low <= found.usd <= found.high
    assert float(found.usd) == pytest.approx(weight * sum(amounts), abs=1e-6)


def test_the_interval_covers_the_truth() -> None:
    """Of 200 samples of a known history about 95 % have its sum between their bounds."""
    numbers, inside = random.Random(8), 0
    for _ in range(200):
        amounts = [numbers.expovariate(1.0) for _ in range(80)]
        found = saving([Part(trace_id=str(n), question="q", usd=usd, weight=1.0) for n, usd in enumerate(amounts)])
        inside += found.low <= 80 <= found.high
    assert 175 <= inside <= 199
