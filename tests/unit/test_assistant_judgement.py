"""What the assistant thinks of a question and of its own answer."""

from __future__ import annotations

import pytest

from assistant.citations import find_citations, grounding
from assistant.classification import guess_intent, guess_library, narrowed_to
from assistant.confidence import CAVEAT, DECLINE, STAND, Signs, confidence, judge
from assistant.corpus.chunks import Document
from assistant.embedding import Embedder
from assistant.language.circles import in_circles
from assistant.language.extractive import NOTHING, OPENING, ExtractiveModel
from assistant.language.model import Piece
from assistant.model import Source
from assistant.prompts import Budget, Prompt, make_prompt
from assistant.search.index import build_index
from assistant.stop import StopSignal

EMBEDDER = Embedder()
SOURCES = (
    Source(
        index=1,
        id="pandas.merge",
        title="pandas.merge",
        library="pandas",
        text="Merge two data frames on a column. The result is a new data frame.",
        score=0.9,
    ),
    Source(
        index=2,
        id="streamlit.button",
        title="streamlit.button",
        library="streamlit",
        text="Display a button widget. It returns whether it was clicked.",
        score=0.4,
    ),
)
GOOD = Signs(top_score=0.7, margin=0.1, coverage=1, grounding=0.9)
BAD = Signs(top_score=0.2, margin=0, coverage=0.3, grounding=0)


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("How do I create a POST endpoint?", "how_to"),
        ("What is a session?", "explain"),
        ("ValueError raised by merge, it does not work", "debug"),
        ("Which parameters does Depends take?", "reference"),
        ("difference between join and merge", "compare"),
    ],
)
def test_intent_is_guessed_with_odds(question: str, intent: str) -> None:
    """Each kind of question is told by its words; the alternatives and the choice add up to 1."""
    guess = guess_intent(question, EMBEDDER.embed([question])[0], EMBEDDER)
    assert guess.what == intent
    assert guess.confidence == max(guess.odds.values())
    assert sum(guess.odds.values()) == pytest.approx(1)
    assert all(intent not in alternative for alternative in guess.alternatives())


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("merge two dataframes", ("pandas",)),
        ("streamlit or plotly for a chart?", ("streamlit", "plotly")),
        ("the weather of tomorrow", ()),
    ],
)
def test_library_is_guessed_with_odds(question: str, searched: tuple[str, ...]) -> None:
    """What is named is searched; when nothing is named and nothing is sure, everything is; the odds add up to 1."""
    index = build_index(
        [Document(id=s.id, library=s.library, title=s.title, signature=s.id, text=s.text) for s in SOURCES],
        EMBEDDER,
        lambda stage, done, total: None,
    )
    guess = guess_library(question, EMBEDDER.embed([question])[0], index, EMBEDDER)
    assert set(narrowed_to(guess)) == set(searched)
    assert sum(guess.odds.values()) == pytest.approx(1)


def test_citations_are_taken_from_the_answer_or_found_by_meaning() -> None:
    """A number in the answer counts as the answer says; a sentence without one is matched; a false number is nobody's."""
    answer = "A button widget is displayed here [2]. Merge two data frames on a column. Clouds are white and high [7]."
    citations = find_citations(answer, SOURCES, EMBEDDER)
    assert [(c.index, c.explicit) for c in citations] == [(2, True), (1, False)]
    assert all(0 <= c.score <= 1.001 for c in citations)
    assert grounding(answer, citations) == pytest.approx(2 / 3)


def test_an_answer_about_something_else_cites_nothing() -> None:
    """Likeness below the threshold is no citation, nor is anything when there is no answer or no source."""
    assert find_citations("Bread is baked from flour and water in an oven.", SOURCES, EMBEDDER) == ()
    assert find_citations("", SOURCES, EMBEDDER) == ()
    assert find_citations("Merge two data frames on a column.", (), EMBEDDER) == ()


def test_naming_a_source_does_not_make_a_sentence_rest_on_it() -> None:
    """A claim that only carries a number is cited, yet not grounded."""
    answer = "Bread is baked from flour and water in an oven [1]."
    citations = find_citations(answer, SOURCES, EMBEDDER)
    assert [c.explicit for c in citations] == [True]
    assert grounding(answer, citations) == 0


def test_confidence_grows_with_every_sign() -> None:
    """More of any sign never lowers the confidence, which stays between 0 and 1."""
    assert 0 < confidence(BAD) < 0.2 < 0.7 < confidence(GOOD) < 1
    better = Signs(top_score=0.2, margin=0, coverage=0.3, grounding=0.5)
    assert confidence(better) > confidence(BAD)


def test_what_is_not_trusted_says_so() -> None:
    """Below the threshold an answer gets a caveat or is declined; the odds of the three add up to 1."""
    assert judge(GOOD, 0.5).what == STAND
    assert judge(BAD, 0.5).what == DECLINE
    half = judge(Signs(top_score=0.3, margin=0, coverage=1, grounding=1), 0.5)
    assert half.what == CAVEAT
    assert sum(half.odds.values()) == pytest.approx(1)


def prompt(question: str, sources: tuple[Source, ...] = SOURCES) -> Prompt:
    return make_prompt(question, sources, 0.2, Budget())


def test_without_a_model_the_best_sentences_are_quoted() -> None:
    """The answer says that it quotes, numbers its sources, and comes word by word."""
    pieces = list(ExtractiveModel(EMBEDDER).stream(prompt("How do I merge two data frames?"), StopSignal()))
    words = [piece.text for piece in pieces if isinstance(piece, Piece)]
    answer = "".join(words)
    assert answer.startswith(OPENING)
    assert "Merge two data frames on a column. [1]" in answer
    assert len(words) > 10


def test_without_sources_there_is_nothing_to_quote() -> None:
    """No sources: the answer says that nothing fits."""
    assert ExtractiveModel(EMBEDDER).answer(prompt("anything", ())) == NOTHING


def test_quoting_stops_when_nobody_reads() -> None:
    """Once the signal is set, not another word comes."""
    stop = StopSignal()
    stream = ExtractiveModel(EMBEDDER).stream(prompt("merge"), stop)
    next(stream)
    stop.set()
    assert list(stream) == []


def test_a_prompt_stays_within_the_budget() -> None:
    """Documents, their length and the question are cut to what the model can take in."""
    budget = Budget(documents=1, document_chars=20, question_chars=30, opening=True)
    made = make_prompt("why " * 1000, SOURCES, 0.2, budget)
    assert made.sources == SOURCES[:1]
    assert len(made.user_message) < 120
    assert made.opening == "According to [1], `pandas.merge`"


@pytest.mark.parametrize(
    ("text", "circles"),
    [
        ("POST_" * 20, True),
        ("The answer is:\n\n" * 6, True),
        ("a sentence about merging frames. " * 2, False),
        ("----" * 40, False),
        ("It takes a single argument, which is a frame. It gets a single argument, which is a frame.", True),
        ("It takes a single argument, which is a frame. The result is another frame, with more columns.", False),
    ],
)
def test_circles_are_noticed(text: str, circles: bool) -> None:
    """The same stretch, or nearly the same sentence, again is a circle; a ruler or another sentence is not."""
    assert in_circles(text) is circles
