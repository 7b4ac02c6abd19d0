"""The gate of the research pipeline: every principle can be met and missed, by what the report says (decision tracing, spec B 3.1)."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.embedding import Embedder
from assistant.model import Source
from examples.research.checks import CHECKS, Reading, sides
from examples.research.gate import ignored, overall_score, score
from examples.research.model import Brief, Principle, Score
from examples.research.principles import PRINCIPLES

EMBEDDER = Embedder()
SOURCES = (
    Source(index=1, id="a", title="pandas.merge", library="pandas", text="pandas.merge(left, right)\n\nMerge two data frames on a column, when both have it.", score=0.8),
    Source(index=2, id="b", title="pandas.concat", library="pandas", text="Concatenate frames along an axis, unlike merge.", score=0.7),
    Source(index=3, id="c", title="pandas.DataFrame.join", library="pandas", text="Join columns of another frame, so that rows fit.", score=0.75),
    Source(index=4, id="d", title="pandas.merge_asof", library="pandas", text="Merge by the nearest key.", score=0.7),
)  # fmt: skip
GOOD = """# How do I merge two data frames on a column?

## Answer

Merge two data frames on a column, when both have it. [1] Concatenate frames along an axis, unlike merge. [2]

## Names to know

- `pandas.merge(left, right)`: Merge two data frames on a column, used to combine tables, but not by position. [1]
- `pandas.concat(objs)`: Concatenate frames along an axis, whereas merge compares keys. [2]
- `pandas.DataFrame.join(other)`: Join columns of another frame, so that rows fit. [3]
- `pandas.merge_asof(left, right)`: Merge by the nearest key, instead of an equal one. [4]

## Example

```python
merged = pd.merge(left, right, on="column")
```

## Limits

The sources have every word of the question, and this report says no more than they do about any of it.

## Sources

1. `pandas.merge` (pandas, 0.80)
"""
BAD = "# How do I merge two data frames on a column?\n\n## Answer\n\nIn general it depends on the version.\n\n## Sources\n"


def reading(text: str, question: str = "How do I merge two data frames on a column?") -> Reading:
    brief = Brief(
        question=question,
        vector=np.zeros(256, dtype=np.float32),
        terms=("merg", "two", "data", "fram", "column"),
        intent="executing",
        domain="data",
        report_type="how_to",
        libraries=("pandas",),
        chances={"pandas": 1.0},
    )
    return Reading(brief=brief, text=text, sources=SOURCES, embedder=EMBEDDER, weight=lambda _: 1.0)


def level(principle_id: str, text: str, question: str = "How do I merge two data frames on a column?") -> int:
    return CHECKS[principle_id](reading(text, question))[0]


def test_every_principle_has_a_check() -> None:
    """No principle is loaded that nothing scores, and nothing is checked that no principle asks for."""
    assert {principle.id for principle in PRINCIPLES} == set(CHECKS)


@pytest.mark.parametrize("principle_id", [p.id for p in PRINCIPLES])
def test_a_good_report_meets_every_principle(principle_id: str) -> None:
    """Each principle can be met fully by a report that does what it asks."""
    asked = "What is the difference between merge and concat?" if principle_id == "CO-1" else reading("").brief.question
    assert level(principle_id, GOOD, asked) == 3


@pytest.mark.parametrize("principle_id", [p.id for p in PRINCIPLES])
def test_an_empty_phrase_meets_none(principle_id: str) -> None:
    """Each principle can be missed: a report of one empty phrase has a gap by every one of them."""
    assert level(principle_id, BAD, "What is the difference between merge and concat?") < 2


@pytest.mark.parametrize(
    ("principle_id", "instead_of", "put", "scored"),
    [
        ("META-1", "Merge two data frames on a column, when both have it.", "In general, merge them. [1]", 2),
        ("META-3", "unlike merge. [2]", "unlike merge.", 1),
        ("META-4", "unlike merge. [2]", "unlike merge. [9]", 1),
        ("META-9", "## Limits", "## End", 1),
        ("HT-1", 'pd.merge(left, right, on="column")', "numpy.ones(3)", 2),
    ],
)
def test_a_small_fault_costs_a_part(principle_id: str, instead_of: str, put: str, scored: int) -> None:
    """A fault in one place lowers the principle that it is about, and says so."""
    assert instead_of in GOOD
    found, feedback = CHECKS[principle_id](reading(GOOD.replace(instead_of, put)))
    assert (found, bool(feedback)) == (scored, True)


def test_code_alone_is_what_shows_code() -> None:
    """Without its block of code the same report does not show code, though it gives calls."""
    without = GOOD.replace('```python\nmerged = pd.merge(left, right, on="column")\n```\n', "")
    assert level("HT-1", without) == 1
    assert level("HT-2", without) == 3


def test_critical_principles_count_twice_and_cannot_be_ignored() -> None:
    """The overall score is a weighted mean; a critical principle at zero fails a report whatever its mean."""
    plain, critical = Principle(id="a", name="A", asks=""), Principle(id="b", name="B", asks="", critical=True)
    scores = (Score(principle=plain, score=3, feedback=""), Score(principle=critical, score=0, feedback=""))
    assert overall_score(scores) == pytest.approx(1.0)
    assert ignored(scores) == [scores[1]]
    assert overall_score(()) == 0


def test_feedback_says_what_was_found() -> None:
    """A score carries its principle and the reason in words, in the form that seed B records."""
    shows_code = next(principle for principle in PRINCIPLES if principle.id == "HT-1")
    recorded = score(shows_code, reading(GOOD)).as_recorded()
    assert recorded == {"id": "HT-1", "name": "Shows Code", "score": 3, "feedback": "shows merge at work"}


@pytest.mark.parametrize(
    ("question", "compared"),
    [
        ("What is the difference between a.b and c.d?", ["a.b", "c.d"]),
        ("Should I use merge or join to combine frames?", ["merge", "join to combine frames"]),
        ("Compare them", ["Compare them"]),
    ],
)
def test_what_is_compared_is_found_in_the_question(question: str, compared: list[str]) -> None:
    """Both sides of a comparison are known by the words around them."""
    assert sides(question) == compared
