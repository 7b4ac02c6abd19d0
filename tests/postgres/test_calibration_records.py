"""The record of a run is pulled, edited and confirmed by a person, kept and exported (seed B, section 7.2; B16)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.surroundings import PATIENCE_SECONDS, finished, repeatable_ids
from tracing_core import InvalidInput, Store, TraceNotFound
from tracing_core.__main__ import main
from tracing_core.calibration_records import differences, edited, export_records, pull, save
from tracing_core.clock import ManualClock
from tracing_core.ids import IdSource
from tracing_core.query.calibration_records import records_of
from tracing_core.removal import remove_project


@pytest.fixture
def store(database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """What `init()` gives a program on an empty database, which the command finds, too."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    opened = tracing.init()
    yield opened
    opened.close()


def record(store: Store, **facts: Any) -> str:
    """Record a run with all that a record is filled in with, and rate it."""
    trace = finished(tracing.TraceContext.start(query="robots", **({"project_name": "cobot"} | facts)))
    trace.intent, trace.domain, trace.report_type = "validating", "robotics", "market_research"
    trace.record("collection", "source_selected", {"what": "exa", "why": "neural", "confidence": 0.9})
    trace.record_evidence("collection", {"collected_count": 28, "by_source": {"exa": 22, "reddit": 6}})
    trace.end_stage("collection", outputs={"evidence_passed": 18, "evidence_filtered": 10, "evidence_used": 12})
    trace.end_stage("synthesis", outputs={"cost_usd": 0.32, "model": "m"})
    scores = [{"id": "META-1", "score": 3}, {"id": "META-12", "score": 1}]
    trace.end_stage("quality_gate", outputs={"passed": True, "overall_score": 2.4, "principle_scores": scores})
    trace.mark_complete()
    trace_id = str(tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)["trace_id"])
    store.feedback.submit_feedback(interaction_id=trace_id, rating=2, comment="dull", user_id="ann").result()
    return trace_id


def keep(store: Store, trace_id: str, changes: dict[str, Any], **others: Any) -> Any:
    """Confirm a record as Ann would."""
    prefilled = pull(store.database, trace_id)
    given: dict[str, Any] = {
        "notes": "",
        "confirmed_by": "ann",
        "clock": ManualClock(NOON),
        "ids": repeatable_ids(),
    } | others
    return save(store.database, prefilled, changes, **given)


def test_a_record_is_filled_in_from_its_run(store: Store) -> None:
    """Section 7.2, steps 1 and 2: intent, principle scores, gaps, evidence statistics, and what else the trace knows."""
    trace_id = record(store)
    pulled = pull(store.database, trace_id)
    assert pulled.pop("duration_seconds") > 0
    assert pulled.pop("started_at").startswith("20")
    assert pulled == {
        "trace_id": trace_id,
        "project": "cobot",
        "query": "robots",
        "status": "complete",
        "intent": "validating",
        "domain": "robotics",
        "report_type": "market_research",
        "principle_scores": {"META-1": 3, "META-12": 1},
        "gap_principles": ["META-12"],
        "strength_principles": ["META-1"],
        "overall_quality_score": 2.4,
        "quality_gate_passed": True,
        "evidence": {
            "collected": 28,
            "passed": 18,
            "filtered": 10,
            "retrieved": None,
            "used": 12,
            "sources": ["exa", "reddit"],
        },
        "decisions": [{"stage": "collection", "decision": "source_selected", "what": "exa", "confidence": 0.9}],
        "ratings": [{"user_id": "ann", "rating": 2, "comment": "dull"}],
        "iteration_count": 1,
        "quality_gate_failures": 0,
        "synthesis_model": "m",
        "cost_usd": 0.32,
    }


def test_an_ordinary_trace_has_a_record_too(store: Store) -> None:
    """A run without stages is filled in with what it has; the rest is for the person."""
    with tracing.traced_research(query="hello") as trace:
        pass
    store.writer.flush()
    pulled = pull(store.database, trace.trace_id)
    assert (pulled["principle_scores"], pulled["decisions"], pulled["evidence"]["collected"]) == ({}, [], None)
    assert edited(pulled, pulled) == pulled


def test_a_record_of_a_trace_that_is_not_there(store: Store) -> None:
    """There is nothing to fill in."""
    with pytest.raises(TraceNotFound, match="there is no trace trc_x"):
        pull(store.database, "trc_x")


def test_a_record_is_kept_with_who_and_when(store: Store) -> None:
    """Section 7.2, steps 3 and 4: what a person confirmed, edited and added, beside what the run said."""
    trace_id = record(store)
    kept = keep(store, trace_id, {"intent": "ideation", "gap_principles": []}, notes="META-12 was met")
    (found,) = records_of(store.database, trace_id)
    assert found == kept
    assert (found.confirmed_by, found.confirmed_at, found.notes) == ("ann", NOON, "META-12 was met")
    assert (found.document["intent"], found.prefilled["intent"]) == ("ideation", "validating")
    assert differences(found.prefilled, found.document) == ["intent", "gap_principles"]
    keep(store, trace_id, {}, confirmed_by="bob", clock=ManualClock(NOON.replace(hour=13)), ids=IdSource())
    assert [each.confirmed_by for each in records_of(store.database, trace_id)] == ["bob", "ann"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"intent": 7}, "intent: is 7; give a text"),
        ({"domain": "x" * 201}, "domain: has 201 characters"),
        ({"principle_scores": [1]}, "principle_scores: is no mapping"),
        ({"principle_scores": {"META-1": -1}}, "principle_scores.META-1: is -1; give a number from 0 on"),
        ({"principle_scores": {"META-1": float("inf")}}, "principle_scores.META-1: is inf"),
        ({"gap_principles": "META-1"}, "gap_principles: is a str; give a list"),
        ({"gap_principles": ["a", "a"]}, "gap_principles: has a name twice"),
        ({"gap_principles": ["a", ""]}, "gap_principles[1]: is ''; give a text"),
        ({"overall_quality_score": True}, "overall_quality_score: is True; give a number"),
        ({"quality_gate_passed": "yes"}, "quality_gate_passed: is 'yes'; give true, false, or null"),
        ({"evidence": {"colected": 1}}, "evidence.colected: is unknown; there can be collected"),
        ({"evidence": {"collected": 1.5}}, "evidence.collected: is 1.5; give a whole number"),
        ({"evidence": []}, "evidence: is a list; give a mapping"),
        ({"decisions": [{"decision": "a"}]}, "decisions[0]: is no decision; give a mapping with stage"),
        (
            {"decisions": [{"stage": "s", "decision": "a", "what": 1, "confidence": 1.7}]},
            "decisions[0].confidence: is 1.7; give a number from 0 to 1",
        ),
        ({"cost_usd": 1}, "cost_usd: was measured and stays as it is"),
        ({"trace_id": "other"}, "trace_id: was measured and stays as it is"),
        ({"intnet": "x"}, "intnet: is no field of a record; there can be intent, domain"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_field(store: Store, changes: dict[str, Any], said: str) -> None:
    """The error names the field and what can be in it; nothing is kept."""
    trace_id = record(store)
    with pytest.raises(InvalidInput) as refused:
        keep(store, trace_id, changes)
    assert str(refused.value).startswith(said)
    assert records_of(store.database, trace_id) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"confirmed_by": " "}, "confirmed_by: is empty; say who"),
        ({"confirmed_by": None}, "confirmed_by: is a NoneType"),
        ({"confirmed_by": "x" * 201}, "confirmed_by: has 201 characters"),
        ({"notes": "x" * 10_001}, "notes: has 10001 characters"),
    ],
)
def test_who_confirms_has_to_be_said(store: Store, given: dict[str, Any], said: str) -> None:
    """A record without a name is nobody's word."""
    with pytest.raises(InvalidInput) as refused:
        keep(store, record(store), {}, **given)
    assert str(refused.value).startswith(said)


def test_records_are_exported_as_lines_of_json(store: Store) -> None:
    """Every record is one line, in the order of confirmation, with what was changed; more than one page of them, too."""
    trace_id = record(store)
    for number in range(205):
        keep(store, trace_id, {"domain": f"d{number}"}, ids=IdSource(), notes="ä\n")
    lines = list(export_records(store.database))
    assert [line.count("\n") for line in lines] == [1] * 205
    found = [json.loads(line) for line in lines]
    assert {each["document"]["domain"] for each in found} == {f"d{number}" for number in range(205)}
    assert found[0]["changed"] == ["domain"]
    assert found[0]["confirmed_at"] == "2026-11-21T12:00:00Z"
    assert list(export_records(store.database, project="other")) == []


def test_records_go_with_their_project(store: Store) -> None:
    """Removing a project removes what was confirmed of its runs."""
    trace_id = record(store)
    keep(store, trace_id, {})
    remove_project(store, "cobot")
    assert records_of(store.database, trace_id) == ()


def test_the_command_shows_a_record_and_keeps_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Section 7.2, step 3: `calibrate TRACE_ID` presents the fields as the run filled them in."""
    trace_id = record(store)
    assert main(["calibrate", trace_id]) == 0
    said = capsys.readouterr().out
    assert "intent: validating" in said
    assert "META-12: 1" in said
    assert "nothing was kept; confirm it with --by NAME" in said
    assert records_of(store.database, trace_id) == ()


def test_the_command_keeps_what_was_mended(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Section 7.2, step 4: `--set` mends fields and parts of them, `--by` and `--yes` confirm."""
    trace_id = record(store)
    mended = ["--set", "intent=7", "--set", "principle_scores.META-12=2", "--set", "gap_principles=[]"]
    mended += ["--set", "evidence.used=null", "--set", "quality_gate_passed=false"]
    assert main(["calibrate", trace_id, *mended, "--notes", "met", "--by", "ann", "--yes"]) == 0
    (kept,) = records_of(store.database, trace_id)
    assert kept.document["intent"] == "7"
    assert kept.document["principle_scores"] == {"META-1": 3, "META-12": 2}
    assert (kept.document["gap_principles"], kept.document["evidence"]["used"]) == ([], None)
    assert (kept.document["quality_gate_passed"], kept.notes, kept.confirmed_by) == (False, "met", "ann")
    changed = "intent, principle_scores, gap_principles, quality_gate_passed, evidence"
    assert f"changed by hand: {changed}" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "count"), [("y", 1), ("n", 0), (None, 0)])
def test_the_command_asks(store: Store, monkeypatch: pytest.MonkeyPatch, answer: str | None, count: int) -> None:
    """Without `--yes` it asks, and keeps nothing when nobody is there to agree."""
    trace_id = record(store)

    def say(*_: object) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", say)
    assert main(["calibrate", trace_id, "--by", "ann"]) == 0
    assert len(records_of(store.database, trace_id)) == count


def test_the_command_opens_the_editor(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--edit` has $EDITOR change the record, which is checked as `--set` is."""
    trace_id = record(store)
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/^domain: .*/domain: edtech/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    assert main(["calibrate", trace_id, "--edit", "--by", "ann", "--yes"]) == 0
    assert [each.document["domain"] for each in records_of(store.database, trace_id)] == ["edtech"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (": > $1", "the edited text: is empty"),
        ('echo "a: [" > $1', "the edited text: is no YAML"),
        ("echo 'cost_usd: 1' > $1", "cost_usd: was measured"),
        ("exit 1", "the editor did not end well"),
    ],
)
def test_an_edit_that_cannot_be_used_keeps_nothing(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    script: str,
    said: str,
) -> None:
    """The command says what was wrong, and ends with 1."""
    trace_id = record(store)
    editor = tmp_path / "editor.sh"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    assert main(["calibrate", trace_id, "--edit", "--by", "ann", "--yes"]) == 1
    assert capsys.readouterr().err.startswith(said)
    assert records_of(store.database, trace_id) == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "intent"], "set: is 'intent'; give FIELD=VALUE"),
        (["--set", "gap_principles.x=1"], "gap_principles.x: names a part of gap_principles, which has none"),
        (["--set", "principle_scores=[1"], "principle_scores: is no YAML"),
        (["--yes"], "by: is missing; say who confirms this"),
    ],
)
def test_what_the_command_cannot_use_is_said(
    store: Store, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """One line names what was given and what can be."""
    assert main(["calibrate", record(store), *arguments]) == 1
    assert capsys.readouterr().err.startswith(said)


def test_the_command_exports(store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--export` writes lines of JSON into a file or to standard output."""
    keep(store, record(store), {})
    target = tmp_path / "records.jsonl"
    assert main(["calibrate", "--export", str(target)]) == 0
    assert f"1 records are in {target}" in capsys.readouterr().out
    assert main(["calibrate", "--export", "-"]) == 0
    assert capsys.readouterr().out == target.read_text()
    assert main(["calibrate", "--export", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err
