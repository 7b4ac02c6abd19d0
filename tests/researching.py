"""What the tests of the research pipeline work with: some real documentation, and a writer that quotes."""

from __future__ import annotations

import random
from functools import cache
from itertools import islice
from pathlib import Path

from assistant.corpus.collect import collect
from assistant.corpus.libraries import installed_libraries
from assistant.embedding import Embedder
from assistant.language.choice import Choice
from assistant.language.extractive import ExtractiveModel
from assistant.search.index import build_index
from examples.research.corpus import Corpus
from examples.research.model import Request
from examples.research.pipeline import Research
from examples.research.policy import POLICY, Policy
from examples.research.publishing import Publisher
from examples.research.questions import questions
from tracing_core.cost import CostTracker

PROJECT = "research-tests"
_LIBRARIES = frozenset({"fastapi", "pydantic", "streamlit", "sqlalchemy"})
_OF_SQLALCHEMY = (
    "sqlalchemy.orm.",
    "sqlalchemy.Select",
    "sqlalchemy.event",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.dialects",
)


class Quoting:
    """Everything is written by the extractive answerer."""

    def __init__(self, embedder: Embedder) -> None:
        self._model = ExtractiveModel(embedder)

    def load(self) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to stop."""

    def choose(self, wanted: str | None) -> Choice:
        """See `LanguageModels`."""
        return Choice(model=self._model, why="tests quote", others={})


@cache
def corpus() -> Corpus:
    """The documentation of four libraries, of the largest only a part; made once for all tests."""
    embedder = Embedder()
    found = collect((each for each in installed_libraries() if each.name in _LIBRARIES), _silent)
    documents = [d for d in found if d.library != "sqlalchemy" or d.title.startswith(_OF_SQLALCHEMY)]
    return Corpus(build_index(documents, embedder, _silent), embedder)


def research(folder: Path, policy: Policy = POLICY) -> Research:
    """The pipeline; its reports go below `folder`."""
    documents = corpus()
    return Research(documents, Quoting(documents.embedder), Publisher(folder), CostTracker(), policy)


def requests(count: int, seed: int = 1) -> list[Request]:
    """Questions about what the corpus here has."""
    asked = questions(random.Random(seed))
    about = (text for text in asked if any(library in text.lower() for library in _LIBRARIES))
    return [Request(question=text, project=PROJECT) for text in islice(about, count)]


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody wants to know."""
