"""The question that Explain answers, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tracing_core.errors import InvalidInput
from tracing_core.query.filters import TraceFilter

CohortKind = Literal["slow", "failed", "flagged", "low_rated", "expensive", "box", "filter", "trace"]
COHORT_KINDS: tuple[CohortKind, ...] = get_args(CohortKind)
Role = Literal["cause", "follows", "hint"]
"""A cause stands on its own. What follows loses its difference once a cause is held fixed. A hint is seen in so few
traces that chance cannot be ruled out."""
Tier = Literal["setting", "choice", "course", "outcome"]
"""When it is known: before the run, when the run chose, by how the run went, or when it was over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohort:
    """The traces that are to be explained.

    Args:
        kind: `slow`: over the P95 of the chosen traces; `failed`; `flagged`: any quality flag but NORMAL; `low_rated`:
            rated 2 or lower; `expensive`: over the P95 of cost; `box`: within the times and durations of `picks`;
            `filter`: as `picks` says, such as a saved view; `trace`: the one called `trace_id`.
        chosen: the range, and what else holds for the cohort and the rest alike, such as a project.
        picks: for `box` and `filter`: what makes a trace of `chosen` one of the cohort.
        trace_id: for `trace`.

    Raises:
        InvalidInput: there is no such kind, or what it needs is missing.
    """

    kind: CohortKind
    chosen: TraceFilter
    picks: TraceFilter | None = None
    trace_id: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in COHORT_KINDS:
            raise InvalidInput("cohort", f"must be one of {', '.join(COHORT_KINDS)}")
        if self.kind in ("box", "filter") and (self.picks is None or not self.picks.set_fields()):
            raise InvalidInput("picks", f"say which traces are the cohort; a cohort of kind {self.kind} needs it")
        if self.kind == "trace" and not self.trace_id:
            raise InvalidInput("trace_id", "give the id of the trace that is to be explained")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What the cohort is held against: the rest of the chosen traces, or (`period`) all traces of another time.

    Args:
        period: which traces; its range is not that of the cohort. None for the rest.
    """

    period: TraceFilter | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One of the two groups.

    Args:
        count: how many traces it has, those included that sampling at ingest left out; estimated unless `exact`.
        exact: whether that was counted.
        looked_at: how many of them were drawn, at random, and looked at.
        with_spans: of how many of these the spans were read, for self times and the critical path.
        with_contents: of how many the contents were read, for prompts and documents.
        typical_ms: the median duration, milliseconds; None when nothing was timed.
    """

    count: int
    exact: bool
    looked_at: int
    with_spans: int = 0
    with_contents: int = 0
    typical_ms: float | None = None

    @property
    def whole(self) -> bool:
        """Whether all of them were looked at."""
        return self.exact and self.looked_at >= self.count


@dataclass(frozen=True, kw_only=True, slots=True)
class Bars:
    """A chart of shares: how many of each group have each value, 0 to 1. They may add up to more where a trace has several."""

    values: tuple[str, ...]
    these: tuple[float, ...]
    others: tuple[float, ...]
    found: str
    """The value that the finding is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Histograms:
    """A chart of a number: the share of each group in each bin, 0 to 1.

    Args:
        edges: of the bins, one more than bins; `log` says that they grow by a factor.
        these, others: shares.
        unit: such as ms; empty for a plain number.
    """

    edges: tuple[float, ...]
    these: tuple[float, ...]
    others: tuple[float, ...]
    unit: str = ""
    log: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One fact: a subject and its value, such as library = pandas.

    Args:
        kind: what sort of subject: stage, self_time, decision, confidence, alternative, model, prompt, source, document,
            library, user, intent, domain, release, environment, tag, attribute, principle, tokens, evidence, count, error,
            span, quality, cost, rating, status, project, other.
        subject: as it is shown, such as `library` or `collection`.
        value: the value, `absent` for none; None for a number.
    """

    kind: str
    subject: str
    value: str | None = None

    @property
    def words(self) -> str:
        """`library = pandas`."""
        return self.subject if self.value is None else f"{self.subject} = {self.value}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """The stage that took longer with a fact than without it, of all traces looked at; medians in milliseconds."""

    stage: str
    with_ms: float
    without_ms: float

    @property
    def ratio(self) -> float:
        """How many times as long it took."""
        return self.with_ms / self.without_ms


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that sets the cohort apart.

    Args:
        rank: 1 for the first.
        role: see `Role`.
        of: the rank of the cause that it follows from; None otherwise, and for what follows from the cohort's definition.
        parts: the fact; two where only both together do it.
        tier: see `Tier`; of the later part.
        sentence: it in one plain sentence with its numbers.
        effect: the probability that one of the cohort has more of it than one of the others, less the reverse: -1 to 1
            (Cliff's delta). For a fact that is there or not it is the difference of the shares.
        low, high: its 95 % interval.
        p_value: corrected for everything that was looked at.
        left: the effect that is left once the causes above it are held fixed; None for the first.
        share_these, share_others: how many have it, 0 to 1; None for a number.
        these_hits, others_hits: how many of those looked at have it; None for a number.
        median_these, median_others: of a number; None otherwise.
        unit: of the medians.
        carried: the stage that took longer with it; None where none clearly did.
        chart: data of its chart.
        chosen: filter of the traces of the cohort that have it; None where no filter can say that.
        examples: ids of such traces.
    """

    rank: int
    role: Role
    of: int | None
    parts: tuple[Part, ...]
    tier: Tier
    sentence: str
    effect: float
    low: float
    high: float
    p_value: float
    left: float | None
    share_these: float | None = None
    share_others: float | None = None
    these_hits: int | None = None
    others_hits: int | None = None
    median_these: float | None = None
    median_others: float | None = None
    unit: str = ""
    carried: Carried | None = None
    chart: Bars | Histograms
    chosen: TraceFilter | None = None
    examples: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What sort of subject; that of the first of two."""
        return self.parts[0].kind

    @property
    def subject(self) -> str:
        """The fact in words: `source = reddit and library = pandas`."""
        return " and ".join(part.words for part in self.parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Carrier:
    """What a stage has of the time that the cohort takes longer.

    Args:
        stage: name of the spans; that of the root stands for what ran in no other.
        these_ms, others_ms: mean time on the critical path, milliseconds; the stages add up to the mean duration.
        share: of the extra time, 1 for all of it; negative where the cohort was quicker.
    """

    stage: str
    these_ms: float
    others_ms: float
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What sets the cohort apart.

    Args:
        cohort: as it was asked.
        reference: as it was asked.
        described: the cohort in words, such as `slow traces (over 4.2 s)`.
        picks: the filter of the cohort; None where no filter can say it.
        these, others: the two groups.
        looked_at: how many facts and pairs of facts were tested; the p-values are corrected for all of them.
        findings: causes, then what follows from each behind it, by rank.
        extra_ms: how much longer the cohort takes on average, milliseconds; None where that is not clear of chance.
        carriers: which stage carries how much of `extra_ms`, the most first; empty where that is None.
        sentence: the answer in one sentence; says when nothing stands out.
        notes: what limits the answer, each in one sentence, such as that a sample was looked at.
        seconds: how long it took.
    """

    cohort: Cohort
    reference: Reference
    described: str
    picks: TraceFilter | None
    these: Group
    others: Group
    looked_at: int
    findings: tuple[Finding, ...]
    extra_ms: float | None
    carriers: tuple[Carrier, ...]
    sentence: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def causes(self) -> tuple[Finding, ...]:
        """The findings that stand on their own."""
        return tuple(finding for finding in self.findings if finding.role == "cause")
