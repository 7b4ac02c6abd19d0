"""Questions put together by meaning, and named by their telling words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracing_core.question_clusters import FEWEST_QUESTIONS, NOT_GROUPED, grouped, kinds_of
from tracing_core.question_vectors import Vectors
from tracing_core.telling_words import telling_words

_THINGS = {
    "merge two pandas data frames": (
        "on a column",
        "by index",
        "with suffixes",
        "and keep order",
        "without duplicates",
    ),
    "open a database session in sqlalchemy": ("and commit", "and roll back", "in a test", "per request", "twice"),
    "draw a plotly bar chart": ("with colours", "with a legend", "side by side", "of counts", "that is stacked"),
}
_ASKED = ("How do I {} {}?", "What is the way to {} {}?", "Why can I not {} {}?")
QUESTIONS = [form.format(thing, end) for thing, ends in _THINGS.items() for end in ends for form in _ASKED]
TOPICS = [number for number, ends in enumerate(_THINGS.values()) for _ in ends for _ in _ASKED]


def test_questions_about_the_same_are_together() -> None:
    """Three topics asked in three ways each: groups never mix them, whatever the way of asking."""
    groups, others = grouped(QUESTIONS, ["How do I merge data frames in pandas quickly?", ""])
    assert groups.count >= 3
    topics = {
        label: {topic for own, topic in zip(groups.labels, TOPICS, strict=True) if own == label}
        for label in groups.labels
    }
    assert all(len(mixed) == 1 for mixed in topics.values())
    assert topics[others[0]] == {0}
    assert others[1] == NOT_GROUPED


def test_the_same_questions_give_the_same_groups() -> None:
    """In any order, and however often: what one person links to, another finds."""
    first, _ = grouped(QUESTIONS)
    again, _ = grouped(QUESTIONS[::-1])
    assert first.labels == again.labels[::-1]
    assert first.silhouette == again.silhouette


def test_few_questions_make_no_groups() -> None:
    """Nothing is made of too little, and questions without known words are in no group."""
    few, others = grouped(QUESTIONS[: FEWEST_QUESTIONS - 1], ["anything"])
    assert (few.count, few.silhouette, set(few.labels), others) == (0, None, {NOT_GROUPED}, (NOT_GROUPED,))
    groups, _ = grouped([*QUESTIONS, "", "   "])
    assert groups.labels[-2:] == (NOT_GROUPED, NOT_GROUPED)
    assert set(kinds_of(["", "a"])) == {""}


def test_kinds_tell_questions_apart() -> None:
    """Kinds never mix the topics either; they are what answers of two models are compared within."""
    kinds = kinds_of(QUESTIONS, 3)
    assert len({(kind, topic) for kind, topic in zip(kinds, TOPICS, strict=True)}) == len(set(kinds)) == 3


def test_questions_that_are_all_alike_do_no_harm() -> None:
    """An encoder that finds no difference still gives every question one group."""

    class Blind:
        def embed(self, texts: Sequence[str]) -> Vectors:
            return np.ones((len(texts), 8), dtype=np.float32)

    groups, _ = grouped(QUESTIONS, by=Blind())
    assert len(set(groups.labels)) == 1


def test_groups_are_named_by_what_tells_them_apart() -> None:
    """Words of asking and words of every group are no names; pairs of words are."""
    texts: dict[int, list[str]] = {}
    for question, topic in zip(QUESTIONS, TOPICS, strict=True):
        texts.setdefault(topic, []).append(question)
    names = telling_words(texts)
    said = {topic: " ".join(words) for topic, words in names.items()}
    assert "merge" in said[0]
    assert "pandas" in said[0]
    assert "sqlalchemy" in said[1]
    assert "plotly" in said[2]
    assert not {"how", "do", "way", "what", "why"} & set(" ".join(said.values()).split())


def test_a_name_fits_what_most_of_a_group_are_about() -> None:
    """A question that was asked often counts as often, one that was asked once names nothing, and each word tells of others."""
    often = (
        ["How do I group rows and compute a mean?"] * 13
        + ["How do I pickle a lambda?"] * 12
        + ["Why does it rerun?"] * 8
    )
    texts = {0: [*often, "What does http.cookies.Morsel do?"], 1: ["How do I merge frames?"] * 5}
    name = telling_words(texts)[0]
    assert "group rows" in name[:1]
    assert {"lambda", "pickle"} & set(name[1].split())
    assert name[2] == "rerun"
    assert not {"morsel", "cookies", "http"} & set(" ".join(name).split())


def test_many_questions_are_told_apart_further() -> None:
    """Of very many different questions there are at least eight groups, however well three would fit."""
    many = [f"{question} {chr(97 + n % 26)}{chr(97 + n // 26)}" for n, question in enumerate(QUESTIONS * 14)]
    assert len(set(many)) > 600
    assert grouped(many)[0].count >= 8
