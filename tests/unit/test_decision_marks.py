"""Decisions that cannot be kept as they were given are kept as well as can be, and say so (B3, and what goes wrong)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from tests.factories import make_decision, make_span, make_trace
from tests.surroundings import finished
from tracing_core.cost import CostTracker
from tracing_core.decision_marks import MOST_BYTES, is_mark, notes
from tracing_core.document import to_document
from tracing_core.document_reader import from_document
from tracing_core.freeze import freeze
from tracing_core.jsontext import dump
from tracing_core.model import Decision, SpanKind
from tracing_core.projection import Projector
from tracing_core.quality import QualityRules

PROJECTOR = Projector(rules=QualityRules(), prices=CostTracker())
MEGABYTE = "x" * 1_000_000


class Machine:
    """Something of the host's that is not JSON."""

    def __str__(self) -> str:
        return "a machine"


@pytest.fixture
def trace() -> Iterator[tracing.Trace]:
    started = finished(tracing.TraceContext.start())
    yield started
    started.root.leave()


def decided(trace: tracing.Trace, **data: Any) -> Decision:
    """The decision that is made of what a host recorded."""
    trace.record("intake", "choice", data)
    return freeze(trace).spans[-1].decisions[-1]


def said(decision: Decision) -> list[str]:
    return list(notes(decision.inputs, decision.why))


def test_a_decision_as_it_should_be_has_no_mark(trace: tracing.Trace) -> None:
    """What JSON can hold is as it was."""
    decision = decided(trace, what="x", why="y", confidence=0.5, inputs={"n": 1, "t": (1, 2)})
    assert (dict(decision.inputs), said(decision)) == ({"n": 1, "t": (1, 2)}, [])


def test_a_missing_reason_is_said(trace: tracing.Trace) -> None:
    """It is empty in the data, and words on the page."""
    decision = decided(trace, what="x")
    assert (decision.why, said(decision)) == ("", ["no reason was recorded"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [(1.7, 1.7), (-1, "-1"), (float("nan"), "nan"), (float("inf"), "inf"), ("high", "high"), (True, True), ([0.9], "[0.9]")],
)  # fmt: skip
def test_a_confidence_that_is_none_is_kept_beside(trace: tracing.Trace, given: object, kept: object) -> None:
    """It counts as not said, and what was given is still there."""
    decision = decided(trace, what="x", why="y", confidence=given, inputs={"n": 1})
    assert (decision.confidence, decision.inputs) == (None, {"n": 1, "confidence_given": kept})
    assert said(decision) == [f"its confidence was given as {kept}, which is no number from 0 to 1"]


def test_a_hosts_own_input_of_that_name_is_left_alone(trace: tracing.Trace) -> None:
    """The mark takes the longer name."""
    decision = decided(trace, what="x", why="y", confidence=1.7, inputs={"confidence_given": "mine"})
    assert decision.inputs == {"confidence_given": "mine", "decision.confidence_given": 1.7}
    assert said(decision) == ["its confidence was given as 1.7, which is no number from 0 to 1"]
    assert [name for name in decision.inputs if is_mark(name)] == list(decision.inputs)


def test_what_is_not_json_is_named(trace: tracing.Trace) -> None:
    """It becomes text, and the mark says which parts did."""
    ring: list[Any] = []
    ring.append(ring)
    inputs = {"plain": 1, "machine": Machine(), "price": Decimal("0.1"), "deep": [{"x": Machine()}], "ring": ring}
    decision = decided(trace, what=Machine(), why="y", alternatives_considered=["a", Machine()], inputs=inputs)
    names = ["machine", "price", "deep", "ring", "what", "alternatives_considered"]
    assert decision.inputs["kept_as_text"] == names
    assert said(decision) == [f"kept as text, since JSON cannot hold it: {', '.join(names)}"]
    (written,) = json.loads(dump(to_document(freeze(trace))))["stages"]["intake"]["decisions"]
    assert (written["what"], written["inputs"]["machine"], written["inputs"]["price"]) == (
        "a machine",
        "a machine",
        "0.1",
    )


def test_a_run_says_what_confidence_it_was_given(trace: tracing.Trace) -> None:
    """That of the answer is marked on the root."""
    trace.confidence = 1.7
    frozen = freeze(trace)
    assert (frozen.confidence, frozen.spans[0].attributes["confidence_given"]) == (None, "1.7")


@pytest.mark.parametrize(
    "large",
    [
        {"inputs": {"text": MEGABYTE, "n": 7}},
        {"inputs": {str(n): "x" * 100 for n in range(10_000)}},
        {"what": MEGABYTE},
        {"what": ["x" * 1000] * 1000},
        {"why": MEGABYTE},
        {"alternatives_considered": ("x" * 1000,) * 1000},
    ],
    ids=lambda large: next(iter(large)),
)
def test_a_megabyte_is_cut_in_the_database_and_whole_in_the_file(large: dict[str, Any]) -> None:
    """Lists of decisions stay quick, nothing is lost, and the row says what is cut."""
    root = make_span(name="request", kind=SpanKind.ROOT)
    decision = make_decision(**large)
    trace = make_trace(spans=(root, make_span(parent_id=root.span_id, decisions=(decision,))))
    (row,) = PROJECTOR.project(trace).decisions
    assert all(len(dump(row[name])) <= MOST_BYTES for name in ("what", "why", "alternatives_considered", "inputs"))
    assert row["inputs"]["cut"].startswith(f"{next(iter(large))} (")
    (note,) = notes(row["inputs"], row["why"])
    assert note.startswith("cut here, whole in the raw trace")
    if "n" in large.get("inputs", {}):
        assert row["inputs"]["n"] == 7
    assert from_document(json.loads(dump(to_document(trace)))).spans[1].decisions == (decision,)


def test_a_document_of_others_is_read_as_well_as_can_be() -> None:
    """A file may say of a decision what our own never do; it is marked as when it is recorded."""
    document = json.loads((Path(__file__).parent / "seed_b_sample.json").read_bytes())
    odd = {"decision": "d", "confidence": 1.7, "alternatives_considered": "google (0.6)", "inputs": ["q"]}
    document["stages"]["intake"]["decisions"] = [odd, {"decision": "d", "confidence": "high"}]
    document["run"]["confidence"] = "high"
    trace = from_document(document)
    first, second = trace.spans[1].decisions
    assert (first.confidence, first.alternatives_considered) == (None, ("google (0.6)",))
    assert first.inputs == {"value": ["q"], "confidence_given": 1.7}
    assert (second.confidence, second.inputs, trace.confidence) == (None, {"confidence_given": "high"}, None)
