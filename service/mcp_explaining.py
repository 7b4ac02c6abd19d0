"""What sets some runs apart, for an assistant (B14): the findings of Explain, as text that is data and numbers that are ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from service.mcp_reading import Links
from service.mcp_text import Answer, Name, Text
from tracing_core.explain.result import Carrier, Cohort, CohortKind, Explanation, Finding, Role
from tracing_core.query.explain import explain
from tracing_core.query.filters import TraceFilter
from tracing_core.storage.database import Database

Which = Literal["slow", "failed", "flagged", "low_rated", "expensive", "where", "trace"]
MOST = 20
_EXAMPLES = 3
_DAYS = 7


class Fact(Answer):
    """What a finding is about; value is null for a number."""

    kind: str
    subject: Name
    value: Name | None


class Apart(Answer):
    """Something that sets these runs apart."""

    rank: int
    role: Role = Field(description="cause; follows: loses its effect once a cause is held fixed; hint: unproven")
    follows: int | None = Field(description="Rank of the cause it follows from")
    facts: list[Fact] = Field(description="Two: only both together")
    sentence: Text
    effect: float = Field(description="-1 to 1: difference of shares, or Cliff's delta of a number")
    p_value: float = Field(description="Corrected for all that was looked at")
    share_these: float | None
    share_others: float | None
    median_these: float | None
    median_others: float | None
    unit: str
    example_urls: list[str]


class StageShare(Answer):
    """What a stage has of the time these take longer."""

    stage: Name
    these_ms: float
    others_ms: float
    share: float = Field(description="Of extra_ms")


class SetsApart(Answer):
    """What sets the runs apart from the rest."""

    these: int
    others: int
    looked_at: int = Field(description="Facts and pairs of facts that were tested")
    sentence: Text
    findings: list[Apart]
    extra_ms: float | None = Field(description="How much longer these take on average")
    stages: list[StageShare]
    notes: list[str]


def sets_apart(
    db: Database, which: Which, chosen: TraceFilter, trace_id: str | None, now: datetime, links: Links
) -> SetsApart:
    """What sets runs apart.

    Args:
        db: where they are.
        which: the cohort; `where` are those of `chosen`, else `chosen` is what both groups are of.
        chosen: the filter; without a start it begins seven days ago.
        trace_id: of the run, for `trace`.
        now: the end of a range without one.
        links: to the dashboard.

    Raises:
        InvalidInput: something is missing or wrong.
        TraceNotFound: there is no such run.
        StorageError: the database did not answer.
    """
    end = chosen.end or now
    frame = TraceFilter(start=chosen.start or end - timedelta(days=_DAYS), end=end, project=chosen.project)
    found = explain(db, _cohort(which, frame, chosen, trace_id), now=now)
    return _told(found, links)


def _cohort(which: Which, frame: TraceFilter, chosen: TraceFilter, trace_id: str | None) -> Cohort:
    if which == "where":
        return Cohort(kind="filter", chosen=frame, picks=chosen)
    kind: CohortKind = which
    return Cohort(kind=kind, chosen=frame, trace_id=trace_id)


def _told(found: Explanation, links: Links) -> SetsApart:
    return SetsApart(
        these=found.these.count,
        others=found.others.count,
        looked_at=found.looked_at,
        sentence=found.sentence,
        findings=[_finding(each, links) for each in found.findings[:MOST]],
        extra_ms=found.extra_ms,
        stages=[_stage(each) for each in found.carriers[:MOST]],
        notes=list(found.notes),
    )


def _finding(finding: Finding, links: Links) -> Apart:
    return Apart(
        rank=finding.rank,
        role=finding.role,
        follows=finding.of,
        facts=[Fact(kind=part.kind, subject=part.subject, value=part.value) for part in finding.parts],
        sentence=finding.sentence,
        effect=finding.effect,
        p_value=finding.p_value,
        share_these=finding.share_these,
        share_others=finding.share_others,
        median_these=finding.median_these,
        median_others=finding.median_others,
        unit=finding.unit,
        example_urls=[links.trace(each) for each in finding.examples[:_EXAMPLES]],
    )


def _stage(carrier: Carrier) -> StageShare:
    return StageShare.model_validate(carrier)
