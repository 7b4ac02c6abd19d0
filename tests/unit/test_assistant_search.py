"""Searching: words, fusion, reranking, and the index kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.corpus.chunks import Document
from assistant.corpus.libraries import Library
from assistant.embedding import Embedder
from assistant.search import cache
from assistant.search.choice import BM25, BOTH, SEMANTIC, choose_searches, features
from assistant.search.fusion import fuse
from assistant.search.index import SearchIndex, build_index
from assistant.search.rerank import AskedFor, Candidate, Ranked, rerank
from assistant.words import sentences, words

EMBEDDER = Embedder()
TEXTS = {
    "pandas.DataFrame.merge": "Merge two data frames on a column, as a database joins two tables on a key.",
    "pandas.merge": "Merge two data frames on a column, as a database joins two tables on a key!",
    "fastapi.FastAPI.post": "Add a path operation that answers HTTP POST requests to an endpoint.",
    "streamlit.button": "Show a button that can be clicked, and learn whether it was clicked.",
    "asyncio.gather": "Run coroutines concurrently and return their results in one list.",
    "sqlalchemy.select": "Construct a SELECT statement that reads rows from tables of a database.",
}


def documents() -> list[Document]:
    return [
        Document(id=name, library=name.split(".", maxsplit=1)[0], title=name, signature=f"{name}()", text=text)
        for name, text in TEXTS.items()
    ]


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    return build_index(documents(), EMBEDDER, quiet)


def ids(index: SearchIndex, hits: Sequence[object]) -> list[str]:
    return [index.documents[hit.position].id for hit in hits]  # type: ignore[attr-defined]


def test_words_meet_across_endings_and_spellings() -> None:
    """Singular and plural, verb forms, and the parts of an identifier are one word to the search."""
    assert set(words("creating creates create")) == {"creat"}
    assert {"datafram", "data", "fram"} <= set(words("DataFrames"))
    assert "read_csv" in words("pandas.read_csv") or "pandas.read_csv" in words("pandas.read_csv")
    assert words("how do I the of") == []


def test_sentences_do_not_break_inside_names() -> None:
    """A dot inside a name ends no sentence."""
    assert sentences("Use pandas.merge here. Then stop!") == ["Use pandas.merge here.", "Then stop!"]


def test_both_searches_find_what_is_asked_for(index: SearchIndex) -> None:
    """The document about the question comes first, by meaning and by words."""
    question = "How do I create a POST endpoint?"
    assert ids(index, index.semantic(EMBEDDER.embed([question])[0], (), 3))[0] == "fastapi.FastAPI.post"
    assert ids(index, index.keywords(words(question), (), 3))[0] == "fastapi.FastAPI.post"


def test_a_library_filter_keeps_the_rest_out(index: SearchIndex) -> None:
    """Only documents of the wanted library are found, however well others fit."""
    found = index.semantic(EMBEDDER.embed(["merge tables of a database"])[0], ("sqlalchemy",), 10)
    assert ids(index, found) == ["sqlalchemy.select"]


def test_fusion_adds_reciprocal_ranks() -> None:
    """The score is the sum of 1/(60 + rank); what two searches found beats what one search found first."""
    fused = dict(fuse([["a", "b"], ["c", "b"]]))
    assert fused["b"] == pytest.approx(2 / 62)
    assert fused["a"] == fused["c"] == pytest.approx(1 / 61)
    assert fuse([["a", "b"], ["c", "b"]])[0][0] == "b"
    assert fuse([]) == []


@given(st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), max_size=4))
def test_fusion_loses_nothing_and_is_ordered(rankings: list[list[int]]) -> None:
    """Every item of every ranking comes out once, best score first."""
    fused = fuse(rankings)
    assert {item for item, _ in fused} == {item for ranking in rankings for item in ranking}
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)


def reranked(index: SearchIndex, question: str, keep: int) -> list[Ranked]:
    asked = AskedFor(vector=EMBEDDER.embed([question])[0], terms=words(question), libraries={})
    candidates = [Candidate(position=p, fused=1 / (61 + p), scores={}) for p in range(len(index.documents))]
    return rerank(asked, candidates, index, EMBEDDER, keep)


def test_reranking_moves_the_best_up_and_says_how_far(index: SearchIndex) -> None:
    """The document that answers comes first wherever fusion had it, and the ranks before and after are kept."""
    best = reranked(index, "run several coroutines concurrently", 2)[0]
    assert best.document.id == "asyncio.gather"
    assert (best.rank_before, best.rank, best.rank_change) == (5, 1, 4)
    assert 0 <= best.score <= 1


def test_what_reranking_leaves_out_has_a_reason(index: SearchIndex) -> None:
    """A repetition says whom it repeats, the others that they came too late; what is kept has no reason."""
    result = reranked(index, "merge two data frames on a column", 2)
    reasons = {one.document.id: one.reason for one in result}
    assert next(one.document.id for one in result if one.reason is None).endswith("merge")
    assert sum(reason is None for reason in reasons.values()) == 2
    assert any(reason and reason.startswith("says the same as pandas") for reason in reasons.values())
    assert any(reason == "below the best 2 after reranking" for reason in reasons.values())


def test_reranking_nothing_gives_nothing(index: SearchIndex) -> None:
    """No candidates, no results."""
    assert rerank(AskedFor(vector=index.vectors[0], terms=[], libraries={}), [], index, EMBEDDER, 5) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [("How do I merge two data frames on a column?", BOTH), ("pandas.merge", BM25), ("zyx qwv?", SEMANTIC)],
)
def test_searches_follow_the_question(index: SearchIndex, question: str, expected: str) -> None:
    """A sentence asks both, the name of something the words, unknown words the meaning; the odds add up to 1."""
    guess = choose_searches(features(question, words(question), index))
    assert guess.what == expected
    assert sum(guess.odds.values()) == pytest.approx(1)


@pytest.fixture
def shop(tmp_path: Path) -> Library:
    root = tmp_path / "shop"
    root.mkdir()
    body = "\n".join(f'def name{n}(x):\n    """Sells {n} things. {"It does so gladly. " * 4}"""' for n in range(9))
    (root / "__init__.py").write_text(body)
    return Library(name="shop", version="1.0", root=root, package="shop")


def opened(folder: Path, library: Library) -> tuple[SearchIndex, list[str]]:
    stages: list[str] = []
    return cache.open_index(folder, [library], EMBEDDER, lambda stage, done, total: stages.append(stage)), stages


def test_an_index_is_built_once_and_then_read(tmp_path: Path, shop: Library) -> None:
    """The second start reads what the first one built, and finds the same."""
    built, first = opened(tmp_path / "index", shop)
    read, second = opened(tmp_path / "index", shop)
    assert "Embedding" in first
    assert "Embedding" not in second
    assert read.documents == built.documents
    assert np.array_equal(read.vectors, built.vectors)
    assert read.keywords(["thing"], (), 3) == built.keywords(["thing"], (), 3)


@pytest.mark.parametrize("damage", ["documents.json", "vectors.npy", "words/vocab.index.json", "manifest.json"])
def test_a_damaged_index_is_built_again(tmp_path: Path, shop: Library, damage: str) -> None:
    """A single wrong byte in any file is noticed, and mended by building anew."""
    opened(tmp_path / "index", shop)
    path = next((tmp_path / "index").iterdir()) / damage
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    rebuilt, stages = opened(tmp_path / "index", shop)
    assert "Embedding" in stages
    assert len(rebuilt.documents) == 9
    assert "Embedding" not in opened(tmp_path / "index", shop)[1]


def test_another_version_gets_another_index(tmp_path: Path, shop: Library) -> None:
    """An upgraded library is indexed anew, and what is out of date goes."""
    opened(tmp_path / "index", shop)
    newer = Library(name="shop", version="1.1", root=shop.root, package="shop")
    assert "Embedding" in opened(tmp_path / "index", newer)[1]
    assert len(list((tmp_path / "index").iterdir())) == 1


def test_a_disk_that_cannot_be_written_costs_only_time(tmp_path: Path, shop: Library) -> None:
    """Where the folder cannot be made, the index is there all the same."""
    (tmp_path / "file").write_text("in the way")
    assert len(opened(tmp_path / "file" / "index", shop)[0].documents) == 9
