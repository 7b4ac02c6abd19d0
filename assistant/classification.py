"""What kind of question it is, and about which library: guesses with their odds, to be recorded as decisions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assistant.corpus.libraries import LIBRARY_NAMES
from assistant.embedding import Embedder, Vectors
from assistant.search.index import SearchIndex

_PROTOTYPES = {
    "how_to": (
        "How do I create a table?",
        "How can I read a file?",
        "Show me how to add a button",
        "way to sort a list",
    ),
    "explain": (
        "What is a session?",
        "Why is this needed?",
        "Explain how dependency injection works",
        "What does it mean?",
    ),
    "debug": (
        "I get an error",
        "Why does it fail with an exception?",
        "It does not work and raises a warning",
        "fix a crash",
    ),
    "reference": (
        "Which parameters does it take?",
        "What is the default value?",
        "list of arguments",
        "return type of",
    ),
    "compare": ("What is the difference between them?", "A versus B", "Should I use this or that?", "which is better"),
}
_CUES = {
    "how_to": re.compile(r"^\s*(how (do|can|to|should|would)\b|show me|create|add|make|build)|\b(way|how) to\b", re.I),
    "explain": re.compile(r"^\s*(what (is|are|does)|why|explain|describe)\b|\bhow does\b|\bmean(s|ing)?\b", re.I),
    "debug": re.compile(
        r"\w(Error|Exception|Warning)\b|\b([Ee]rrors?|[Ee]xception|[Tt]raceback|fail\w*|broken|crash\w*|not work\w*)\b"
    ),
    "reference": re.compile(
        r"\b(parameters?|arguments?|signature|defaults?|return (type|value)s?|options|attributes)\b", re.I
    ),
    "compare": re.compile(r"\b(vs\.?|versus|differences?|differ|better|instead of|compared?|or rather)\b", re.I),
}
_CUE_WEIGHT = 2.0
_SIMILARITY_WEIGHT = 3.0

TOPICS = {
    "python": "standard library language built-in string list dict file path thread asyncio coroutine regular expression",
    "fastapi": "web API endpoint path operation route HTTP GET POST request body response dependency OpenAPI",
    "starlette": "ASGI web framework middleware websocket request response mount",
    "pydantic": "data validation model field validator schema serialization settings",
    "streamlit": "web app widget button slider sidebar page chat column session state cache dashboard",
    "sqlalchemy": "database SQL query table session engine ORM relationship transaction join select insert",
    "pandas": "data frame series column row CSV merge groupby pivot missing values time series index",
    "plotly": "chart figure plot scatter line bar histogram axis trace layout interactive graph",
}
_NAMES = {
    "python": r"python|standard library|stdlib|asyncio|pathlib|itertools|functools|dataclass(es)?|argparse|contextlib"
    r"|contextvars|coroutines?",
    "sqlalchemy": r"sqlalchemy|sql ?alchemy",
    "pandas": r"pandas|data ?frames?|pd\.\w+",
    "plotly": r"plotly( express)?|px\.\w+",
    "streamlit": r"streamlit|st\.\w+",
}
DOMAINS = {
    "python": "language",
    "fastapi": "web",
    "starlette": "web",
    "pydantic": "validation",
    "streamlit": "dashboards",
    "sqlalchemy": "databases",
    "pandas": "data",
    "plotly": "charts",
}
SURE = 0.7
"""From this chance on, the search is narrowed to the library."""
NAMED = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """A choice between alternatives.

    Args:
        what: the chosen one.
        why: the reason, in words.
        odds: every alternative with its chance; together 1.
        inputs: what the choice was based on.
    """

    what: str
    why: str
    odds: Mapping[str, float]
    inputs: Mapping[str, object]

    @property
    def confidence(self) -> float:
        """The chance of the chosen one."""
        return self.odds[self.what]

    def alternatives(self) -> list[str]:
        """The others as `name (0.40)`, likeliest first; after the first, those below one in a hundred are left out."""
        others = sorted((pair for pair in self.odds.items() if pair[0] != self.what), key=lambda pair: -pair[1])
        return [f"{name} ({chance:.2f})" for rank, (name, chance) in enumerate(others) if chance >= 0.01 or rank == 0]


def guess_intent(question: str, vector: Vectors, embedder: Embedder) -> Guess:
    """The intent: cue words count most, likeness to sample questions decides between the rest."""
    likeness = {name: float((embedder.embed(samples) @ vector).max()) for name, samples in _PROTOTYPES.items()}
    cues = {name: match.group(0).strip() for name, cue in _CUES.items() if (match := cue.search(question))}
    odds = softmax({name: _SIMILARITY_WEIGHT * likeness[name] + _CUE_WEIGHT * (name in cues) for name in likeness})
    what = max(odds, key=lambda name: odds[name])
    why = f"the words “{cues[what]}” say so" if what in cues else "the question is most like the samples of this kind"
    rounded = {name: round(value, 3) for name, value in likeness.items()}
    return Guess(what=what, why=why, odds=odds, inputs={"cue_words": cues, "likeness": rounded})


def guess_library(question: str, vector: Vectors, index: SearchIndex, embedder: Embedder) -> Guess:
    """The library: named in the question, else where its nearest documents and its topic lie."""
    topics = embedder.embed([TOPICS[name] for name in LIBRARY_NAMES]) @ vector
    mass = _mass(vector, index)
    evidence = {
        name: 8 * float(topic) + 2.5 * mass.get(name, 0.0) for name, topic in zip(LIBRARY_NAMES, topics, strict=True)
    }
    odds = softmax(evidence)
    named = [name for name in LIBRARY_NAMES if re.search(rf"\b(?:{_NAMES.get(name, name)})\b", question, re.I)]
    if "python" in named and len(named) > 1:
        named.remove("python")  # “in Python” says little beside the name of a library
    if named:
        others = sum(chance for name, chance in odds.items() if name not in named) or 1.0
        odds = {
            name: NAMED / len(named) if name in named else (1 - NAMED) * chance / others
            for name, chance in odds.items()
        }
        why = f"the question names {' and '.join(named)}"
    else:
        why = "its nearest documents and its topic lie there"
    inputs = {"named": named, "share_of_nearest_documents": {name: round(share, 3) for name, share in mass.items()}}
    return Guess(what=max(odds, key=lambda name: odds[name]), why=why, odds=odds, inputs=inputs)


def narrowed_to(guess: Guess) -> tuple[str, ...]:
    """The libraries to search: those named, or the one that is sure enough; all (empty) otherwise."""
    named = guess.inputs["named"]
    if isinstance(named, Iterable) and (names := tuple(str(name) for name in named)):
        return names
    return (guess.what,) if guess.confidence >= SURE else ()


def _mass(vector: Vectors, index: SearchIndex) -> dict[str, float]:
    """How the 20 nearest documents are shared out among the libraries, by squared cosine."""
    hits = index.semantic(vector, (), 20)
    total = sum(hit.score**2 for hit in hits) or 1.0
    shares: dict[str, float] = {}
    for hit in hits:
        library = index.documents[hit.position].library
        shares[library] = shares.get(library, 0.0) + hit.score**2 / total
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def softmax(values: Mapping[str, float]) -> dict[str, float]:
    """Chances that add up to 1, larger for larger values."""
    highest = max(values.values())
    powers = {name: math.exp(value - highest) for name, value in values.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
