"""Components declare what they record, and what they recorded is held against it (seed B, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import make_decision, make_span, make_trace
from tracing_core.component_schema import ComponentSchema, read_schema, schema_of
from tracing_core.context import TraceContext
from tracing_core.errors import InvalidInput
from tracing_core.interface import (
    TracingComponent,
    assert_follows_schema,
    register,
    registered,
    unregister,
    validate_trace,
)
from tracing_core.model import SpanStatus, TraceData
from tracing_core.sink import MemorySink

SEED_SCHEMA = {
    "decisions": ["rubric_loaded", "intent_activation"],
    "outputs": ["total_principles", "activated_count"],
}
"""The example of seed B, section 4."""


class RubricLoader(TracingComponent):
    """The component of the seed's example."""

    @property
    def component_name(self) -> str:
        return "rubric_loader"

    def get_trace_schema(self) -> dict[str, Any]:
        return dict(SEED_SCHEMA)


class Selector:
    """A component that derives from nothing."""

    component_name = "selector"

    def __init__(self, **schema: Any) -> None:
        self.schema = schema

    def get_trace_schema(self) -> dict[str, Any]:
        return self.schema


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    yield
    for schema in registered():
        unregister(schema.component)


def decided(stage: str = "selector", outputs: dict[str, Any] | None = None, **decision: Any) -> TraceData:
    """A trace with one stage, in which one decision was made."""
    root = make_span(name="request")
    made = make_decision(**({"decision": "source_selection", "what": "exa"} | decision))
    span = make_span(name=stage, parent_id=root.span_id, decisions=(made,), outputs=outputs or {})
    return make_trace(spans=(root, span))


def test_a_component_must_say_its_name_and_its_schema() -> None:
    """Section 4: both members of the interface are abstract."""
    with pytest.raises(TypeError, match=r"component_name.*get_trace_schema"):
        TracingComponent()  # type: ignore[abstract]


def test_the_schema_of_the_seed_is_read() -> None:
    """Section 4: lists of names of decisions and outputs are a whole schema."""
    schema = schema_of(RubricLoader())
    assert [each.decision for each in schema.decisions] == SEED_SCHEMA["decisions"]
    assert [each.output for each in schema.outputs or ()] == SEED_SCHEMA["outputs"]
    assert schema.stages is None


def test_a_component_need_not_derive_from_the_interface() -> None:
    """Section 4: what has both members is a component, and is found in the registry by its name."""
    selector = Selector(decisions=["source_selection"])
    assert register(selector) is selector
    assert [each.component for each in registered()] == ["selector"]


def test_another_instance_of_a_class_takes_the_place_of_the_first() -> None:
    """A component is registered again whenever the application makes it, and by its newest schema."""
    register(Selector(decisions=["a"]))
    register(Selector(decisions=["b"]))
    assert [each.decision for schema in registered() for each in schema.decisions] == ["b"]


def test_two_components_cannot_have_one_name() -> None:
    """Section 4: the name is unique; the error says whose it is."""

    class Other(Selector):
        pass

    register(Selector())
    with pytest.raises(InvalidInput, match=r"component_name: 'selector' is that of .*Selector already"):
        register(Other())


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"decisions": "rubric_loaded"}, "c.decisions: is a str; give a list of names"),
        ({"decision": []}, "c.decision: is unknown; there can be decisions, outputs, stages"),
        ({"decisions": [""]}, "c.decisions: has '' where a name should be"),
        ({"decisions": ["a", "a"]}, "c.decisions: has 'a' twice"),
        ({"decisions": [7]}, "c.decisions: has 7 where a name should be"),
        ({"decisions": [{"what": ["x"]}]}, "c.decisions: has None where a name should be"),
        ({"decisions": {"a": ["x"]}}, "c.decisions.a: is a list; give a mapping of rules"),
        ({"decisions": {"a": {"whta": []}}}, "c.decisions.a.whta: is unknown; there can be what, confidence"),
        ({"decisions": {"a": {"what": "x"}}}, "c.decisions.a.what: is a str; give a list"),
        ({"decisions": {"a": {"confidence": "yes"}}}, "c.decisions.a.confidence: is 'yes'; give true"),
        ({"outputs": {"a": {"required": 1}}}, "c.outputs.a.required: is 1; give true"),
        ({"stages": "rubric"}, "c.stages: is a str; give a list of names of stages"),
        ({"decisions": ["x" * 201]}, "c.decisions: has a name of 201 characters; at most 200"),
        (["rubric_loaded"], "c: its schema is a list; give"),
    ],
)
def test_a_bad_schema_is_refused_by_the_name_of_its_part(schema: Any, said: str) -> None:
    """What cannot be used is said where it is, with what can."""
    with pytest.raises(InvalidInput) as refused:
        read_schema("c", schema)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("given", [RubricLoader, object(), None, Selector])
def test_what_is_no_component_is_refused(given: Any) -> None:
    """A class is no instance, and an object without the method no component."""
    with pytest.raises(InvalidInput, match="component: "):
        register(given)


def test_the_long_form_says_all_of_a_schema() -> None:
    """What is kept of a schema for the dashboard reads back as the same."""
    given = {
        "stages": ["collection"],
        "decisions": {"a": {"what": ["x", 1], "confidence": True, "why": True, "description": "which"}, "b": {}},
        "outputs": {"n": {"required": True}},
        "description": "finds evidence",
    }
    schema = read_schema("c", given)
    assert read_schema("c", schema.as_document()) == schema
    assert read_schema("c", read_schema("c", SEED_SCHEMA).as_document()) == read_schema("c", SEED_SCHEMA)


def test_what_follows_the_schema_has_no_problems() -> None:
    """Section 4: a component that records what it declares, in whatever stage, is right."""
    rich = Selector(
        decisions={"source_selection": {"what": ["exa", "reddit"], "confidence": True, "why": True}},
        outputs=["evidence_passed"],
    )
    assert validate_trace(decided(outputs={"evidence_passed": 3}), [rich]) == []
    assert validate_trace(decided(stage="collection", outputs={"other": 3}), [rich]) == []
    assert validate_trace(decided(what=["exa", "reddit"]), [rich]) == []


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"decision": "whim"}, "selector: selector.whim: decision is not declared; there can be source_selection"),
        ({"what": "bing"}, "selector: selector.source_selection: what is bing; there can be exa, reddit"),
        ({"what": ["exa", "bing"]}, "selector: selector.source_selection: what is bing; there can be exa, reddit"),
        ({"confidence": None}, "selector: selector.source_selection: confidence is missing or no number from 0 to 1"),
        ({"why": " "}, "selector: selector.source_selection: why is missing; give the reason"),
    ],
)
def test_a_decision_against_the_schema_is_said(decision: dict[str, Any], said: str) -> None:
    """Section 4: undeclared types, choices that cannot be, and missing confidence or reasons are problems."""
    rich = Selector(decisions={"source_selection": {"what": ["exa", "reddit"], "confidence": True, "why": True}})
    assert [str(each)[: len(said)] for each in validate_trace(decided(**decision), [rich])] == [said]


def test_outputs_against_the_schema_are_said() -> None:
    """Section 4: an undeclared output is a problem, and a required one that is missing where the stage ended well."""
    rich = Selector(decisions=["source_selection"], outputs={"evidence_passed": {"required": True}, "cost": {}})
    problems = validate_trace(decided(outputs={"evidence_pased": 3}), [rich])
    assert [each.problem for each in problems] == [
        "have evidence_pased, which is not declared; there can be evidence_passed, cost",
        "lack evidence_passed, which is required",
    ]
    root = make_span(name="request")
    failed = make_span(name="selector", parent_id=root.span_id, status=SpanStatus.ERROR)
    assert validate_trace(make_trace(spans=(root, failed)), [rich]) == []


def test_a_schema_that_names_stages_owns_these() -> None:
    """A decision is a component's in the stages that it names, and there nothing undeclared may be decided."""
    named = Selector(decisions=["source_selection"], stages=["collection"])
    assert validate_trace(decided(stage="collection"), [named]) == []
    assert [each.field for each in validate_trace(decided(stage="collection", decision="whim"), [named])] == [
        "decision"
    ]
    assert validate_trace(decided(stage="elsewhere", decision="whim"), [named]) == []
    assert validate_trace(decided(stage="selector", decision="whim"), [named]) == []


def test_components_may_share_a_stage() -> None:
    """In a stage with several owners each may decide what it declares, and have its own outputs."""
    first = ComponentSchema(component="first", stages=("s",), decisions=read_schema("", {"decisions": ["a"]}).decisions)
    second = read_schema("second", {"stages": ["s"], "decisions": {"a": {"what": ["exa"]}, "b": {}}})
    both = [first, second]
    assert validate_trace(decided(stage="s", decision="a", what="anything"), both) == []
    assert validate_trace(decided(stage="s", decision="b"), both) == []
    assert [each.component for each in validate_trace(decided(stage="s", decision="c"), both)] == ["first, second"]


def test_a_trace_is_validated_live_stored_or_as_its_document(sink: MemorySink) -> None:
    """Section 4: the trace that is being recorded, its data and its file are all held against the registered schemas."""
    register(Selector(decisions={"source_selection": {"confidence": True}}))
    trace = TraceContext.start()
    trace.record("selector", "source_selection", {"what": "exa", "why": "good", "confidence": 1.7})
    TraceContext.finish(trace)
    live = sink.traces[0]
    problems = validate_trace(live)
    assert [each.field for each in problems] == ["confidence"]
    assert validate_trace(live.to_dict()) == problems


def test_a_suite_can_assert_that_all_follows(sink: MemorySink) -> None:
    """Section 4, "validate during testing": the helper is silent when all is well, and lists each problem once when not."""
    trace = TraceContext.start()
    trace.record("rubric", "rubric_loaded", {"what": "10 principles"})
    trace.record("rubric_loader", "whim", {"what": "x"})
    trace.record("rubric_loader", "whim", {"what": "y"})
    with pytest.raises(AssertionError) as failed:
        assert_follows_schema(trace, RubricLoader())
    assert str(failed.value) == (
        "rubric_loader: rubric_loader.whim: decision is not declared; there can be rubric_loaded, intent_activation"
    )
    TraceContext.finish(trace)
    right = TraceContext.start()
    right.record("rubric", "rubric_loaded", {"what": "10 principles"})
    TraceContext.finish(right)
    assert_follows_schema(sink.traces[1:], RubricLoader())


def test_a_suite_that_checks_nothing_fails(sink: MemorySink) -> None:
    """A helper that is content with nothing would hide that a test records nothing."""
    with pytest.raises(AssertionError, match="no trace was recorded"):
        assert_follows_schema(sink, RubricLoader())
    with pytest.raises(AssertionError, match="no component is registered"):
        assert_follows_schema(make_trace())
    with pytest.raises(AssertionError, match="rubric_loader: nothing of it was recorded"):
        assert_follows_schema(make_trace(), RubricLoader())
