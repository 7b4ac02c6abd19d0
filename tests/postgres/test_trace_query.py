"""`TraceQuery`: every method of seed B's section 6, on runs that were recorded and stored the usual way (B7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import tracing_core as tracing
from tests.postgres.rebuilding import rebuilt
from tests.surroundings import PATIENCE_SECONDS, finished
from tracing_core import InvalidInput, Store, TraceQuery, TraceResult, archive
from tracing_core.clock import SystemClock
from tracing_core.document_reader import version_notice
from tracing_core.query.trace import get_trace

RESULT = {
    "trace_id", "project_name", "query", "intent", "domain", "report_type", "status", "quality_gate_passed",
    "overall_quality_score", "gap_principles", "strength_principles", "duration_seconds", "started_at", "trace_file_path",
}  # fmt: skip
"""The fields of seed B's `TraceResult`."""


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[Store]:
    """What `init()` gives a program on an empty database."""
    opened = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir)
    yield opened
    opened.close()


def record(
    *, scores: dict[str, int] | None = None, passed: bool = True, cost: float = 0.3, failed: bool = False, **facts: Any
) -> str:
    """Record a run as seed B's README does, and wait until it is stored."""
    trace = finished(tracing.TraceContext.start(query="analyze", **facts))
    trace.start_stage("collection")
    choice = {"what": "exa", "why": "neural", "confidence": 0.9, "alternatives_considered": ["google (0.6)"]}
    trace.record("collection", "source_selected", choice)
    trace.record_evidence("collection", {"collected_count": 28, "by_source": {"exa": 22, "reddit": 6}})
    trace.end_stage("collection", outputs={"evidence_passed": 18})
    trace.end_stage("synthesis", outputs={"cost_usd": cost})
    given = scores or {"META-1": 3}
    gate: dict[str, Any] = {"passed": passed, "overall_score": sum(given.values()) / len(given)}
    gate["principle_scores"] = [{"id": key, "score": score} for key, score in given.items()]
    trace.end_stage("quality_gate", outputs=gate)
    trace.mark_failed("no luck") if failed else trace.mark_complete()
    return str(tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)["trace_id"])


def ids(found: list[TraceResult]) -> list[str]:
    return [result.trace_id for result in found]


def test_a_result_has_plain_values(store: Store) -> None:
    """Every field of the seed's, and no other; a list is a list, a time is text (section 6, `TraceResult`)."""
    trace_id = record(project_name="cobot", intent="validating", domain="robotics", report_type="roadmap")
    (found,) = TraceQuery.by_intent("validating").result()
    assert {name for name in TraceResult.__dataclass_fields__} == RESULT  # noqa: C416 - names alone
    assert (found.trace_id, found.project_name, found.query) == (trace_id, "cobot", "analyze")
    assert (found.intent, found.domain, found.report_type, found.status) == (
        "validating", "robotics", "roadmap", "complete",
    )  # fmt: skip
    assert (found.quality_gate_passed, found.overall_quality_score) == (True, 3.0)
    assert (found.gap_principles, found.strength_principles) == (None, ["META-1"])
    assert found.duration_seconds is not None
    assert found.started_at.endswith("+00:00")
    assert (found.trace_file_path or "").endswith(f"/projects/cobot/_traces/{trace_id}.json")  # sections 2 and 9
    json.dumps([getattr(found, name) for name in RESULT])


def test_every_list_of_the_seed(store: Store) -> None:
    """Complete runs alone where the seed says so, and newest first (section 6)."""
    good = record(intent="validating", domain="edtech", project_name="cobot")
    bad = record(intent="validating", scores={"META-12": 1, "META-1": 2}, passed=False)
    failed = record(intent="validating", domain="edtech", project_name="cobot", failed=True, passed=False)
    assert ids(TraceQuery.by_intent("validating").result()) == [bad, good]
    assert ids(TraceQuery.by_intent("validating", limit=1).result()) == [bad]
    assert ids(TraceQuery.by_domain("edtech").result()) == [good]
    assert ids(TraceQuery.by_project("cobot").result()) == [failed, good]
    assert ids(TraceQuery.quality_gate_failures().result()) == [bad]
    assert ids(TraceQuery.low_scoring_principle("META-12").result()) == [bad]
    assert ids(TraceQuery.low_scoring_principle("META-1", threshold=3).result()) == [bad]
    assert ids(TraceQuery.by_gap_principle("META-12").result()) == [bad]
    assert ids(TraceQuery.flagged_for_review().result()) == [
        failed
    ]  # its gate failed after that of the run before passed
    with store.database.write() as connection:
        connection.execute(text("UPDATE traces SET flagged_for_review = true WHERE trace_id = :id"), {"id": bad})
    assert ids(TraceQuery.flagged_for_review().result()) == [failed, bad]


def test_the_summary_and_the_patterns(store: Store) -> None:
    """The dictionaries that the seed documents, key by key (section 6, `summary`, `principle_patterns`)."""
    record(scores={"META-12": 1}, passed=False, cost=0.2)
    record(scores={"META-12": 0}, passed=False, cost=0.4)
    record(failed=True)
    summary = TraceQuery.summary().result()
    assert summary.pop("avg_duration") > 0
    assert summary.pop("avg_cost") == pytest.approx(0.3)
    assert summary == {
        "total_runs": 3, "complete": 2, "failed": 1, "incomplete": 0, "qg_passed": 1, "qg_failed": 2, "avg_quality": 0.5,
    }  # fmt: skip
    assert TraceQuery.principle_patterns().result() == []
    assert TraceQuery.principle_patterns(min_runs=2).result() == [
        {"principle_id": "META-12", "fail_count": 2, "avg_score": 0.5, "total_runs": 2}
    ]


def test_two_runs_side_by_side(store: Store) -> None:
    """Both in short and their differences, as the seed nests them (section 6, `compare`)."""
    a = record(scores={"X": 1, "Y": 1}, cost=0.32, passed=False, domain="edtech")
    b = record(scores={"Y": 1, "Z": 3}, cost=0.27, intent="validating")
    found = TraceQuery.compare(a, b).result()
    assert set(found) == {"trace_a", "trace_b", "diff"}
    assert found["trace_a"].pop("duration_seconds") >= 0
    assert found["trace_a"] == {
        "trace_id": a, "project_name": "default", "intent": None, "domain": "edtech", "quality_score": 1.0,
        "quality_gate_passed": False, "gap_principles": ["X", "Y"], "strength_principles": None, "cost_usd": 0.32,
    }  # fmt: skip
    assert isinstance(found["diff"].pop("duration_delta"), float)
    assert found["diff"] == {
        "quality_delta": 1.0, "cost_delta": -0.05, "gaps_a_only": ["X"], "gaps_b_only": [], "gaps_both": ["Y"],
    }  # fmt: skip
    assert TraceQuery.compare(a, "trc_nobody").result() == {"error": "One or both trace IDs not found"}


def test_the_whole_trace(store: Store) -> None:
    """Every decision and all evidence, as the file has them (section 6, `full_trace`)."""
    trace_id = record()
    found = TraceQuery.full_trace(trace_id).result()
    assert found is not None
    assert found["stages"]["collection"]["decisions"][0]["why"] == "neural"
    assert found["stages"]["collection"]["evidence"]["by_source"] == {"exa": 22, "reddit": 6}
    assert found == json.loads(Path(TraceQuery.by_project("default").result()[0].trace_file_path or "").read_bytes())
    assert TraceQuery.full_trace("../../etc/passwd").result() is None


def test_a_damaged_file_is_no_trace_and_a_missing_one_comes_from_the_database(
    store: Store, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else is passed off as a file that cannot be read: None, and the log says why (section 10)."""
    trace_id = record()
    whole = TraceQuery.full_trace(trace_id).result()
    path = data_dir / "projects" / "default" / "_traces" / f"{trace_id}.json"
    path.write_bytes(path.read_bytes()[:100])
    assert TraceQuery.full_trace(trace_id).result() is None
    assert f"the file of trace {trace_id} is damaged: it is no JSON" in caplog.text
    assert ids(TraceQuery.by_project("default").result()) == [trace_id]
    path.unlink()
    again = TraceQuery.full_trace(trace_id).result()
    assert again is not None
    assert whole is not None
    assert again["stages"] == whole["stages"]


@pytest.mark.parametrize("version", [None, 0, 7, 10**6])
def test_a_file_of_another_version_is_asked_for_like_any_other(
    store: Store, data_dir: Path, version: int | None
) -> None:
    """Read into the database as far as it is understood, and given back as it is, with its number (section 12, B15)."""
    sample = json.loads((Path(__file__).parents[1] / "unit" / "seed_b_sample.json").read_bytes())
    document = sample | {"trace_id": "trc_20260309_081500_9f8e7d6c", "schema_version": version, "news": {"a": 1}}
    if version is None:
        del document["schema_version"]
    path = data_dir / "projects" / "pumps" / "_traces" / f"{document['trace_id']}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    assert rebuilt(store.settings, store.database).stored == 1
    assert TraceQuery.full_trace(document["trace_id"]).result() == document
    assert json.loads(path.read_text()) == document
    (found,) = TraceQuery.by_project("pumps").result()
    assert (found.intent, found.overall_quality_score, found.strength_principles) == ("exploring", 2.4, ["META-1"])
    detail = get_trace(store.database, document["trace_id"])
    assert detail is not None
    assert detail.schema_version == min(version or 0, 2**15 - 1)
    assert version_notice(detail.schema_version)


def test_runs_by_their_decisions_and_evidence(store: Store) -> None:
    """By type, choice, confidence and alternative, and by source; however a run ended."""
    failed = record(failed=True)
    assert ids(TraceQuery.by_decision("source_selected", "exa").result()) == [failed]
    assert ids(TraceQuery.by_decision(alternative="google", min_confidence=0.9, stage="collection").result()) == [
        failed
    ]
    assert TraceQuery.by_decision("source_selected", max_confidence=0.8).result() == []
    assert ids(TraceQuery.by_evidence_source("reddit").result()) == [failed]
    assert TraceQuery.by_evidence_source("twitter").result() == []


def test_questions_can_be_kept_to_a_project_and_a_time(store: Store) -> None:
    """A project is found by the name that was given; bounds are aware, and the error names the one that is not."""
    mine = record(project_name="My Project", intent="i")
    record(intent="i")
    now = SystemClock().now()
    assert ids(TraceQuery.by_intent("i", project="My Project").result()) == [mine]
    assert ids(TraceQuery.by_project("My Project").result()) == [mine]
    assert TraceQuery.summary(project="My Project", since=now - timedelta(hours=1)).result()["total_runs"] == 1
    assert TraceQuery.summary(until=now - timedelta(hours=1)).result()["total_runs"] == 0
    with pytest.raises(InvalidInput, match="since"):
        TraceQuery.by_intent("i", since=now.replace(tzinfo=None))
    with pytest.raises(InvalidInput, match="limit"):
        TraceQuery.by_intent("i", limit=0).result()


def test_answers_can_be_awaited(store: Store) -> None:
    """Several at once, as the seed's `await TraceQuery.summary()`; the event loop goes on meanwhile."""
    trace_id = record(intent="i")

    async def ask() -> tuple[dict[str, Any], list[TraceResult], dict[str, Any] | None]:
        summary, found, whole = await asyncio.gather(
            _awaited(TraceQuery.summary()),
            _awaited(TraceQuery.by_intent("i")),
            _awaited(TraceQuery.full_trace(trace_id)),
        )
        return summary, found, whole

    summary, found, whole = asyncio.run(ask())
    assert (summary["total_runs"], ids(found)) == (1, [trace_id])
    assert whole is not None


async def _awaited(answer: Any) -> Any:
    return await answer


def test_without_init_the_settings_say_where_to_look(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that only asks needs no more than `DATABASE_URL`; what was opened can be closed, and opens again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database_url)
        patch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
        store = tracing.init()
        trace_id = record()
        store.close()
        assert ids(TraceQuery.by_project("default").result()) == [trace_id]
        first = archive.archive()
        assert archive.archive() is first
        archive.close()
        assert TraceQuery.full_trace(trace_id).result() is not None
        assert archive.archive() is not first
        archive.close()


def test_an_empty_database_gets_its_tables_from_the_first_question(
    empty_database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking before anything was recorded is no error: there is nothing yet."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    assert TraceQuery.summary().result()["total_runs"] == 0
    assert TraceQuery.summary().result()["avg_quality"] is None
    archive.close()
