"""Two groups of runs compared: what is said of them is true of how they were made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracing_core.cohort import Cohort, CohortSample
from tracing_core.comparison import MEASURES, Comparison, by_key, compare
from tracing_core.comparison_words import headline, mix_sentence, sentence, within_sentence
from tracing_core.errors import InvalidInput

COLUMNS = {measure.key for measure in MEASURES}


def sample(
    count: int, seed: int, *, weights: Any = None, labels: dict[str, Any] | None = None, **numbers: Any
) -> CohortSample:
    """Runs of about a second, none of them rated, priced or judged unless `numbers` says so."""
    random = np.random.default_rng(seed)
    made = {name: np.full(count, np.nan) for name in COLUMNS}
    made |= {
        "duration_ms": random.lognormal(np.log(1000), 0.4, count),
        "failed": np.zeros(count),
        "flagged": np.zeros(count),
    }
    made |= {name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()}
    same: dict[str, Any] = dict.fromkeys(("library", "intent", "user_id", "model"), ("",) * count)
    return CohortSample(
        trace_ids=tuple(f"t{number}" for number in range(count)),
        weights=np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64),
        numbers=made, stages=tuple({"search": float(ms) / 4} for ms in made["duration_ms"]),
        labels=same | {name: tuple(values) for name, values in (labels or {}).items()}, whole=True,
    )  # fmt: skip


def test_a_quicker_group_is_said_to_be_quicker_by_how_much_it_is() -> None:
    """A quarter less time, in 400 runs a side: the interval holds the 25 %, and the sentence says both ends."""
    random = np.random.default_rng(3)
    ratings = [random.choice([3.0, 4.0, 5.0], 400) for _ in range(2)]
    a = sample(400, 1, rating=np.where(np.arange(400) < 60, ratings[0], np.nan))
    b = sample(
        400,
        2,
        duration_ms=random.lognormal(np.log(750), 0.4, 400),
        rating=np.where(np.arange(400) < 60, ratings[1], np.nan),
    )
    found = compare(a, b)
    line = by_key(found.lines)["duration_ms"]
    assert line.verdict == "better"
    assert line.ratio is not None
    assert line.ratio.low < 0.75 < line.ratio.high
    said = headline(found)
    assert said.startswith(f"B is {(1 - line.ratio.high) * 100:.0f} % to {(1 - line.ratio.low) * 100:.0f} % quicker; ")
    needed = by_key(found.lines)["rating"].needed
    assert (
        f"quality shows no difference, and {needed:,} more rated answers a side would be needed to see a difference of 0.2"
        in said
    )


def test_groups_that_do_not_differ_are_rarely_said_to() -> None:
    """In 200 pairs of the same making, one in twenty or fewer has any number called a difference, all numbers together."""
    alarms = 0
    for seed in range(200):
        random = np.random.default_rng(1000 + seed)
        pair = [
            sample(
                80, 2 * seed + side, cost_usd=random.gamma(2, 0.001, 80), rating=random.integers(1, 6, 80),
                confidence=random.uniform(0, 1, 80), flagged=random.uniform(size=80) < 0.2, failed=random.uniform(size=80) < 0.1,
            )
            for side in range(2)
        ]  # fmt: skip
        found = compare(*pair)
        alarms += any(line.differs for line in (*found.lines, *found.stages))
    assert alarms <= 16  # 10 are meant, of which chance makes 16 at most


def test_stages_are_compared_too() -> None:
    """A stage that takes twice as long is found, and named in its sentence."""
    a, b = sample(100, 1), sample(100, 2)
    slow = CohortSample(
        trace_ids=b.trace_ids, weights=b.weights, numbers=b.numbers, labels=b.labels, whole=True,
        stages=tuple({"search": each["search"] * 2} for each in b.stages),
    )  # fmt: skip
    (line,) = compare(a, slow).stages
    assert line.verdict == "worse"
    assert sentence(line).endswith(" slower in search.")


def test_what_too_few_say_anything_about_is_missing() -> None:
    """Nobody rated, nothing is priced: the numbers are named, and nothing is said of them."""
    found = compare(sample(50, 1), sample(50, 2, rating=[5.0, 5.0, *[np.nan] * 48]))
    assert {"rating", "cost_usd"} <= {measure.key for measure in found.missing}
    assert headline(compare(sample(1, 1), sample(0, 2))) == "Too few runs to compare: 1 of A and 0 of B."


def test_a_slow_tail_is_in_the_headline() -> None:
    """Medians that are equal do not hide that one run in twelve takes ten times as long."""
    b = sample(400, 2)
    times = b.numbers["duration_ms"].copy()
    times[:32] *= 10
    found = compare(sample(400, 1), sample(400, 2, duration_ms=times))
    said = headline(found)
    assert "slow" in said
    assert "at the 95th percentile" in said


def test_shares_have_their_points() -> None:
    """A tenth that failed against three tenths of 300 runs is told in points."""
    a, b = (sample(300, seed, failed=np.arange(300) < some) for seed, some in ((1, 30), (2, 90)))
    line = by_key(compare(a, b).lines)["failed"]
    assert line.verdict == "worse"
    assert line.difference.value == pytest.approx(0.2)
    assert sentence(line).startswith("Errors are 13")
    assert sentence(line).endswith(" points more frequent.")


def test_a_difference_that_is_that_of_the_mix_is_unmasked() -> None:
    """B got the easy library: slower in each, yet quicker on the whole. Among alike runs the difference turns round."""
    random = np.random.default_rng(5)
    libraries_a = ["hard"] * 320 + ["easy"] * 80
    libraries_b = ["hard"] * 80 + ["easy"] * 320

    def times(libraries: list[str], factor: float) -> Any:
        return [random.lognormal(np.log((4000 if each == "hard" else 500) * factor), 0.2) for each in libraries]

    a = sample(400, 1, labels={"library": libraries_a}, duration_ms=times(libraries_a, 1.0))
    b = sample(400, 2, labels={"library": libraries_b}, duration_ms=times(libraries_b, 1.2))
    found = compare(a, b)
    assert by_key(found.lines)["duration_ms"].verdict == "better"
    (mix,) = found.mixes
    assert mix.by == "library"
    assert "80 % of A and 20 % of B" in mix_sentence(mix) or "20 % of A and 80 % of B" in mix_sentence(mix)
    within = {each.key: each for each in mix.within}["duration_ms"]
    assert within.turns
    assert within.covered == 1
    assert within.within.low < 1.2 < within.within.high
    assert "among runs of the same library" in within_sentence(within, "library")
    assert within_sentence(within, "library").endswith("it turns round.")
    assert compare(a, b, apart_by="library").mixes == ()


def test_the_same_mix_is_no_warning() -> None:
    """Two groups with the same libraries, or with one user each run, say nothing of a mix."""
    libraries = ["fastapi", "pandas"] * 100
    a = sample(200, 1, labels={"library": libraries, "user_id": [f"u{n}" for n in range(200)]})
    b = sample(200, 2, labels={"library": libraries, "user_id": [f"v{n}" for n in range(200)]})
    assert compare(a, b).mixes == ()


def test_weights_count() -> None:
    """Runs that stand for many move the means, and the numbers are those of what they stand for."""
    cost = [0.001] * 50 + [0.01] * 50
    a = sample(100, 1, cost_usd=cost, weights=[9.0] * 50 + [1.0] * 50)
    b = sample(100, 2, cost_usd=cost)
    line = by_key(compare(a, b).lines)["cost_usd"]
    assert line.a.value == pytest.approx(0.0019)
    assert line.b.value == pytest.approx(0.0055)
    assert line.count_a == pytest.approx(500**2 / (50 * 82))


def by_time(value: str) -> Cohort:
    return Cohort(by="time", value=value)


def test_a_group_of_a_time_has_a_range() -> None:
    """Two moments with a zone, the first before the second."""
    start, end = by_time("2026-11-20T00:00:00Z/2026-11-21T00:00:00+00:00").range_of(None, None)
    assert start is not None
    assert end is not None
    assert (end - start).days == 1
    for wrong in (
        "yesterday",
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z/2026-11-20T00:00:00Z",
        "2026-11-20/2026-11-21",
    ):
        with pytest.raises(InvalidInput, match="value"):
            by_time(wrong)
    with pytest.raises(InvalidInput, match="by"):
        Cohort(by="time", value="2026-11-20T00:00:00Z/2026-11-21T00:00:00Z", others=True)


def test_a_comparison_of_nothing_has_no_lines() -> None:
    """Empty groups are no error."""
    found: Comparison = compare(sample(0, 1), sample(0, 2))
    assert found.lines == found.stages == found.mixes == ()
