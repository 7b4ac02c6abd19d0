"""What goes from stage to stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assistant.corpus.chunks import Document
from assistant.embedding import Vectors
from assistant.language.model import Usage
from assistant.model import Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What somebody wants to have researched.

    Args:
        model: which language model shall write; the one that is configured otherwise.
        evidence_pack: whether the evidence is wanted as an output of its own beside the report.
    """

    question: str
    project: str
    user_id: str | None = None
    session_id: str | None = None
    model: str | None = None
    evidence_pack: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """The question as intake understands it.

    Args:
        terms: its words, those that tell something.
        libraries: where to search; everywhere when empty.
        chances: how likely each library is meant, 0 to 1.
    """

    question: str
    vector: Vectors
    terms: tuple[str, ...]
    intent: str
    domain: str
    report_type: str
    libraries: tuple[str, ...]
    chances: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Principle:
    """A rule that a report is held to.

    Args:
        asks: what it demands, in words for the one who writes.
        critical: whether its score counts twice, and a report that ignores it fails whatever the rest.
        report_types, intents: for which it is in force; for all when empty.
    """

    id: str
    name: str
    asks: str
    critical: bool = False
    report_types: frozenset[str] = frozenset()
    intents: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rubric:
    """The principles of one report: those in force, and those that its intent puts aside."""

    active: tuple[Principle, ...]
    inactive: tuple[Principle, ...]

    def has(self, principle_id: str) -> bool:
        """Whether a principle is in force."""
        return any(principle.id == principle_id for principle in self.active)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A document that was found.

    Args:
        source: which way of searching found it.
        scores: relevance, specificity, credibility and their composite, each 0 to 1.
        reason: why it is not used; None when it is.
    """

    document: Document
    source: str
    scores: Mapping[str, float]
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What collection found; `kept` is best first, `by_source` counts all."""

    primary: str
    kept: tuple[Evidence, ...]
    filtered: tuple[Evidence, ...]
    by_source: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How a report is to be written, which a retry changes.

    Args:
        documents: how much evidence it may rest on.
        sections: what it has besides the answer and the list of sources.
        only_cited: whether sentences that name no source are left out.
    """

    documents: int = 3
    sections: frozenset[str] = frozenset()
    only_cited: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A report before the gate.

    Args:
        answer: what the model wrote.
        text: the whole report in Markdown.
        cost_usd: None when the price of the model is not known.
    """

    plan: Plan
    answer: str
    text: str
    sources: tuple[Source, ...]
    model: str
    usage: Usage
    cost_usd: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """What the gate says about one principle: 0 (ignored) to 3 (fully met), and why."""

    principle: Principle
    score: int
    feedback: str

    def as_recorded(self) -> dict[str, object]:
        """In the words of seed B."""
        return {"id": self.principle.id, "name": self.principle.name, "score": self.score, "feedback": self.feedback}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the gate says about a report; `overall` is 0 to 3."""

    scores: tuple[Score, ...]
    overall: float
    passed: bool

    @property
    def gaps(self) -> tuple[Score, ...]:
        """The principles that are not met."""
        return tuple(score for score in self.scores if score.score < 2)

    @property
    def strengths(self) -> tuple[Score, ...]:
        """Those that are met fully."""
        return tuple(score for score in self.scores if score.score == 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The end of a run.

    Args:
        trace_id: None when tracing is switched off.
        path: of the file, as it was written.
        evidence_path: of the file that holds the evidence.
    """

    trace_id: str | None
    brief: Brief
    draft: Draft
    verdict: Verdict
    rounds: int
    path: str
    evidence_path: str
