"""The search behind Explain: finds what was planted, names it first, tells it from what follows, and finds nothing in noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explaining import definition, found_in, noise, some_of, words
from tracing_core.explain.definition import Definition
from tracing_core.explain.facts import ABSENT, ANY_ERROR, THE_RUN, Facts, without_doubles
from tracing_core.explain.ranks import Groups
from tracing_core.explain.result import Cohort
from tracing_core.explain.search import search
from tracing_core.query.filters import TraceFilter


def test_noise_rarely_raises_an_alarm() -> None:
    """Over 100 seeds of facts that have nothing to do with the cohort, at most 5 name anything."""
    alarms = 0
    for seed in range(100):
        source = np.random.default_rng(seed)
        facts = noise(source, 150, 20)
        alarms += bool(found_in(facts, some_of(source, 150, (0.05, 0.2, 0.5)[seed % 3])).places)
    assert alarms <= 5


@pytest.fixture
def source() -> np.random.Generator:
    """Chance that is the same each time."""
    return np.random.default_rng(11)


def test_a_fact_that_does_it_alone_is_first(source: np.random.Generator) -> None:
    """Half of the cohort and a twentieth of the rest have it; what chance made is not named."""
    facts, groups = noise(source, 600, 40), some_of(source, 600, 0.2)
    for row, is_one in enumerate(groups.these):
        facts.has(row, "library", "library", "pandas" if source.random() < (0.5 if is_one else 0.05) else "plotly")
    assert words(found_in(facts, groups)) == [("library = pandas", True)]


def test_two_facts_that_do_it_together_come_before_each_alone(source: np.random.Generator) -> None:
    """Each of the two is frequent everywhere; only both together make a trace one of the cohort. They follow from the pair."""
    count = 1_000
    facts = noise(source, count, 30)
    slow, here = source.random(count) < 0.3, source.random(count) < 0.3
    for row in range(count):
        facts.has(row, "source", "source", "reddit" if slow[row] else "docs")
        facts.has(row, "library", "library", "pandas" if here[row] else "plotly")
    these = (slow & here & (source.random(count) < 0.9)) | (source.random(count) < 0.05)
    found = words(found_in(facts, Groups(these=these, weights=np.ones(count))))
    assert found[0] == ("source = reddit and library = pandas", True)
    assert [cause for _, cause in found[1:]] == [False] * len(found[1:])
    assert {"source = reddit", "library = pandas"} <= {name for name, _ in found[1:]}


def test_two_causes_are_two_causes(source: np.random.Generator) -> None:
    """Facts that each do it alone both stand on their own."""
    count = 1_000
    facts, bad, old = noise(source, count, 20), source.random(count) < 0.1, source.random(count) < 0.1
    for row in range(count):
        facts.has(row, "prompt", "prompt version", "v7" if bad[row] else "v6")
        facts.has(row, "release", "release", "1.0" if old[row] else "2.0")
    these = ((bad | old) & (source.random(count) < 0.8)) | (source.random(count) < 0.05)
    found = words(found_in(facts, Groups(these=these, weights=np.ones(count))))
    assert {name for name, cause in found if cause} == {"prompt version = v7", "release = 1.0"}


def slow_by_source(source: np.random.Generator, count: int) -> tuple[Facts, Groups]:
    """A source makes collection long; synthesis is as long as it happens to be; the longest tenth is the cohort."""
    facts, late = noise(source, count, 20), source.random(count) < 0.04
    stages = {"collection": source.lognormal(3, 0.4, count) + 400 * late, "synthesis": source.lognormal(5, 0.4, count)}
    whole = stages["collection"] + stages["synthesis"]
    for row in range(count):
        facts.has(row, "source", "source", "reddit" if late[row] else "docs")
        facts.counts(row, "time", "duration", whole[row])
        for stage, times in stages.items():
            facts.counts(row, "stage", stage, times[row])
    return facts, Groups(these=whole > np.quantile(whole, 0.9), weights=np.ones(count))


def test_the_stage_follows_from_what_makes_it_slow(source: np.random.Generator) -> None:
    """The source is the cause, the time in collection follows; synthesis is long for no reason known. Duration is no finding."""
    found = words(found_in(*slow_by_source(source, 1_500), kind="slow"))
    assert found[:2] == [("source = reddit", True), ("collection", False)]
    assert found[2:] == [("synthesis", True)]


def test_no_stage_is_a_cause_where_every_slow_trace_has_one(source: np.random.Generator) -> None:
    """Two sources make stages long, by so much that chance decides which of theirs are slow: no time stands beside them."""
    count = 800
    facts, disk, silent = noise(source, count, 20), source.random(count) < 0.06, source.random(count) < 0.015
    search_ms = source.lognormal(3, 0.3, count) + disk * source.lognormal(9, 0.25, count)
    model_ms = source.lognormal(7, 0.4, count) + 30_000 * silent
    whole = search_ms + model_ms
    for row in range(count):
        facts.has(row, "decision", "copy", "disk" if disk[row] else "memory")
        facts.has(row, "provider", "provider", "silent" if silent[row] else "quick")
        facts.counts(row, "time", "duration", whole[row])
        facts.counts(row, "stage", "search", search_ms[row])
        facts.counts(row, "stage", "model", model_ms[row])
    groups = Groups(these=whole > np.quantile(whole, 0.95), weights=np.ones(count))
    found = words(found_in(facts, groups, kind="slow"))
    assert [name for name, cause in found if cause] == ["copy = disk", "provider = silent"]
    assert ("search", False) in found


def test_times_that_nobody_feels_are_not_told(source: np.random.Generator) -> None:
    """A tenth of a millisecond of a second may be sure; it is no finding, while the same share of a tenth is one."""
    count = 600
    facts, groups = noise(source, count, 20), some_of(source, count, 0.3)
    for row, is_one in enumerate(groups.these):
        facts.counts(row, "time", "duration", source.lognormal(7, 0.3))
        facts.counts(row, "stage", "fusion", source.lognormal(-1 if is_one else -1.5, 0.3))
        facts.counts(row, "stage", "reranking", source.lognormal(5 if is_one else 4.5, 0.3))
    assert words(found_in(facts, groups, kind="flagged")) == [("reranking", True)]


def test_a_stage_without_a_reason_is_the_cause(source: np.random.Generator) -> None:
    """Of traces that are rated badly, not slow ones, the time of a stage may be why."""
    facts, groups = noise(source, 600, 30), some_of(source, 600, 0.2)
    for row, is_one in enumerate(groups.these):
        facts.counts(row, "stage", "collection", source.lognormal(4 if is_one else 3, 0.5))
    assert words(found_in(facts, groups)) == [("collection", True)]


def test_a_decision_that_was_not_taken_stands_out(source: np.random.Generator) -> None:
    """That it is missing is a fact like any other."""
    facts, groups = noise(source, 600, 30), some_of(source, 600, 0.2)
    for row, is_one in enumerate(groups.these):
        if source.random() > (0.7 if is_one else 0.02):
            facts.has(row, "decision", "reranking", "yes")
    assert words(found_in(facts, groups))[0] == (f"reranking = {ABSENT}", True)


def test_what_a_failure_brings_follows_from_it(source: np.random.Generator) -> None:
    """That later stages did not run and nothing was written is no cause of a failure; where the error was says where."""
    facts, groups = noise(source, 400, 20), some_of(source, 400, 0.2)
    for row, failed in enumerate(groups.these):
        facts.counts(row, "tokens", "output tokens", 0.0 if failed else float(source.integers(100, 200)))
        facts.has(row, "status", "status", "failed" if failed else "complete")
        if failed:
            facts.has(row, "error", "generation", "an error")
        else:
            facts.has(row, "decision", "citing", "yes")
    found = found_in(facts, groups, kind="failed")
    assert words(found)[0] == ("generation = an error", True)
    assert all(place.of is None and not place.cause for place in found.places[1:])


def test_what_an_error_left_undone_follows_from_it(source: np.random.Generator) -> None:
    """Slow traces that failed lack the choice that comes last; some others lack it, too. The error is the cause."""
    count = 800
    facts, failed = noise(source, count, 20), source.random(count) < 0.02
    broken = source.random(count) < 0.005
    whole = source.lognormal(7, 0.4, count) + 30_000 * failed
    for row in range(count):
        facts.counts(row, "time", "duration", whole[row])
        facts.has(row, "status", "status", "failed" if failed[row] else "complete")
        if failed[row]:
            facts.has(row, "error", THE_RUN, f"no answer of {row % 2}")
            facts.has(row, "error", "generation", ANY_ERROR)
        if not failed[row] and not broken[row]:
            facts.has(row, "decision", "citing", "yes")
    found = words(found_in(facts, Groups(these=whole > np.quantile(whole, 0.95), weights=np.ones(count)), kind="slow"))
    assert found[0] == ("generation = an error", True)
    assert [name for name, cause in found if cause] == ["generation = an error"]


def test_another_name_for_what_the_cohort_is_picked_by_is_no_finding(source: np.random.Generator) -> None:
    """An attribute that holds the duration over again is left aside."""
    facts, groups = slow_by_source(source, 800)
    durations = next(each.values for each in facts.candidates() if each.parts[0].subject == "duration")
    for row, milliseconds in enumerate(durations):
        facts.counts(row, "attribute", "took.seconds", milliseconds / 1000)
    meant = Definition(Cohort(kind="slow", chosen=TraceFilter()), durations)
    found = search(facts.candidates(), groups, meant)
    assert "took.seconds" not in {name for name, _ in words(found)}


def renamed(source: np.random.Generator, count: int) -> tuple[Facts, Groups]:
    """Traces of some models; a tag says the model over again, a decision mostly chose it, and half of the sources are called so."""
    facts = noise(source, count, 20)
    model = source.choice(["gpt", "claude", "house"], count)
    for row, name in enumerate(model):
        facts.has(row, "model", "model", name)
        facts.has(row, "tag", "tag", f"uses {name}")
        chosen = "gpt" if source.random() < 0.1 else "house" if source.random() < 0.1 else name
        facts.has(row, "decision", "model_selection", chosen)
        facts.has(row, "alternative", "model_selection", "claude" if chosen == "gpt" else "gpt")
        facts.has(row, "source", "source", "reddit" if source.random() < (0.9 if name == "gpt" else 0.1) else "docs")
        facts.has(row, "source", "source", name if source.random() < 0.5 else "manual")
    return facts, Groups(these=model == "gpt", weights=np.ones(count))


@pytest.mark.parametrize("count", [600, 12])
def test_a_filter_under_another_name_is_no_finding(source: np.random.Generator, count: int) -> None:
    """What all that a filter picks have and nobody else, or what has the value that was asked for, is no answer to it."""
    facts, groups = renamed(source, count)
    picks = TraceFilter(model="gpt")
    found = search(facts.candidates(), groups, Definition(Cohort(kind="filter", chosen=TraceFilter(), picks=picks)))
    if count == 600:
        assert words(found) == [("source = reddit", True)]
    said = [*(place.standing for place in found.places), *found.hints]
    assert not {part.subject for each in said for part in each.candidate.parts} & {"model", "tag", "model_selection"}


def test_what_all_traces_with_an_outcome_have_is_a_cause(source: np.random.Generator) -> None:
    """That just the slow ones have something is the very answer, where a filter asks how traces went."""
    facts, groups = renamed(source, 600)
    picks = TraceFilter(model="gpt", min_duration_ms=1)
    found = search(facts.candidates(), groups, Definition(Cohort(kind="filter", chosen=TraceFilter(), picks=picks)))
    assert words(found)[0] == ("tag = uses gpt", True)


def test_few_traces_give_hints_alone(source: np.random.Generator) -> None:
    """One trace proves nothing: what is rare in it is told as such."""
    facts = noise(source, 300, 20)
    for row in range(4):
        facts.has(row, "library", "library", "rare")
    for row in range(1, 300):
        facts.counts(row, "stage", "never in this one", float(row))
    found = found_in(facts, Groups(these=np.arange(300) == 0, weights=np.ones(300)))
    assert not found.places
    assert "library = rare" in {each.candidate.parts[0].words for each in found.hints}


@given(st.integers(0, 30), st.data())
def test_nothing_breaks_the_search(count: int, data: st.DataObject) -> None:
    """No traces, all of them, none of them, one value everywhere: there is an answer, if an empty one."""
    these = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool)
    facts = Facts(count)
    for row in range(count):
        facts.has(row, "library", "library", data.draw(st.sampled_from(["a", "b", "only"])))
        facts.counts(row, "stage", "collection", data.draw(st.floats(allow_nan=True, allow_infinity=True)))
        facts.counts(row, "confidence", "routing", data.draw(st.floats(0, 1)))
    found = search(facts.candidates(), Groups(these=these, weights=np.ones(count)), definition())
    assert all(0 <= place.standing.p <= 0.05 for place in found.places)
    if these.all() or not these.any():
        assert not found.places


def test_facts_that_the_same_traces_have_are_one() -> None:
    """A tag that repeats the library is not told beside it."""
    facts = Facts(20)
    for row in range(20):
        for kind in ("tag", "library"):
            facts.has(row, kind, kind, "pandas" if row < 8 else "plotly")
    assert {each.parts[0].words for each in without_doubles(facts.candidates())} == {
        "library = pandas",
        "library = plotly",
    }
