"""What the tools give about many runs (B14): numbers, patterns, comparisons."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from service.mcp_answers import Alert, Run
from service.mcp_text import Answer, Name, Text, Value


class Flagged(Answer):
    """What somebody should look at."""

    runs: list[Run]
    next_cursor: str | None
    alerts: list[Alert] = Field(description="The newest patterns of that project and time")


class RunNumbers(Answer):
    """Some runs in numbers; the means are of those that completed, null where none says. Sampled runs count as often as they stand for."""

    total_runs: int
    complete: int
    failed: int
    incomplete: int
    qg_passed: int
    qg_failed: int
    avg_quality: float | None
    avg_duration: float | None = Field(description="Seconds")
    avg_cost: float | None = Field(description="Dollars")


class Group(Answer):
    """The runs that have one value of what they are grouped by; null: those without any."""

    value: Name | None
    numbers: RunNumbers


class Summary(Answer):
    """All runs asked about in numbers, and each group of them."""

    numbers: RunNumbers
    groups: list[Group]
    groups_in_all: int


class Pattern(Answer):
    """How a principle fares over complete runs."""

    principle_id: Name
    fail_count: int
    avg_score: float | None = Field(description="0 to 3")
    total_runs: int = Field(description="That were scored by it")


class Patterns(Answer):
    """The principles that runs fall short of, the most frequent first."""

    patterns: list[Pattern]


class StageChange(Answer):
    """How long a stage took in each of two runs; null where one has none of it."""

    name: Name
    a_ms: float | None
    b_ms: float | None


class DecisionChange(Answer):
    """A type of decision that went differently in two runs; null where one has none of it."""

    stage: Name
    decision: Name
    a: Value | None
    b: Value | None
    a_confidence: float | None
    b_confidence: float | None


class Comparison(Answer):
    """Two runs; each difference is what b has more than a, where what a run does not say counts as zero."""

    a: Run
    b: Run
    quality_delta: float
    duration_delta_seconds: float
    cost_delta_usd: float
    gaps_a_only: list[Name]
    gaps_b_only: list[Name]
    gaps_both: list[Name]
    stages: list[StageChange]
    decisions_that_differ: list[DecisionChange]


class Chosen(Answer):
    """One way in which decisions of a type went."""

    what: Value
    share: float = Field(description="Of the decisions of the type, 0 to 1")
    good_share: float | None = Field(description="Of those with a known outcome, how many turned out well, 0 to 1")
    known: int


class DecisionKind(Answer):
    """The decisions of one type."""

    decision: Name
    count: float = Field(description="With those that sampling left out")
    stored: int
    mean_confidence: float | None
    confidence_quantiles: dict[str, float] | None = Field(description="low (10 %), median, high (90 %)")
    known: int = Field(description="Of which it is known how their run turned out")
    good_share: float | None = Field(description="Of these, how many turned out well, 0 to 1")
    good_interval: tuple[float, float] | None = Field(description="Its 95 % interval")
    said: float | None = Field(
        description="Mean confidence of those with a known outcome: overconfident if above came_true"
    )
    came_true: float | None
    choices: list[Chosen]
    distinct_choices: int


class Confident(Answer):
    """A decision that was sure of itself in a run that turned out badly."""

    trace_id: str
    url: str
    query: Text | None
    started_at: datetime
    decision: Name
    stage: Name
    what: Value
    confidence: float


class DecisionKinds(Answer):
    """Types of decisions, the frequent ones first."""

    outcome: str = Field(
        description="By what it is told whether a run turned out well: gate, rating, score or evidence"
    )
    looked_at: int = Field(description="How many traces or decisions this was counted from")
    whole: bool = Field(description="Whether these were all")
    types: list[DecisionKind]
    types_in_all: int
    most_confidently_wrong: list[Confident]


class Latency(Answer):
    """How long the operations of a name took, in milliseconds."""

    operation: Name
    kind: str | None
    count: int
    errors: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Latencies(Answer):
    """Operations, the one that took most time in all first."""

    operations: list[Latency]
    operations_in_all: int
