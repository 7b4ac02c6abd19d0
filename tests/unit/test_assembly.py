"""A stored trace is a pure function of the set of its spans: order, pieces and repetitions make no difference (E1)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOON, make_decision, make_span, make_trace, milliseconds
from tests.pieces import NS, TRACE_ID, cut, otlp_traces, said_by_trace
from tests.strategies import traces
from tests.surroundings import make_preparation
from tracing_core.assembly import assemble, merge
from tracing_core.contents import as_read_back, encode, pack, parts, unpack
from tracing_core.given import REMOTE_PARENT, as_spans, as_stored, from_stored, given_by
from tracing_core.jsontext import dump, storable
from tracing_core.model import SpanData, SpanEvent, SpanKind, SpanStatus, TraceData, TraceStatus


def plain(trace: TraceData) -> Any:
    """`trace` as JSON has it: what a file or a database can tell apart."""
    return orjson.loads(dump(trace))


@settings(max_examples=60)
@given(otlp_traces(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_trace(spans: list[SpanData], chance: random.Random) -> None:
    """Spans in any order, with some of them again, are the same trace to the last byte."""
    whole = assemble(TRACE_ID, spans)
    again = [*spans, *chance.choices(spans, k=3)]
    chance.shuffle(again)
    assert plain(assemble(TRACE_ID, again)) == plain(whole)


@settings(max_examples=60)
@given(otlp_traces(), st.randoms(use_true_random=False))
def test_any_pieces_merge_to_the_same_trace(spans: list[SpanData], chance: random.Random) -> None:
    """Pieces that overlap, merged in any order, two by two as it happens, are the same trace."""
    whole = assemble(TRACE_ID, spans)
    pieces = [assemble(TRACE_ID, piece) for piece in cut(spans, chance)]
    while len(pieces) > 1:
        one, other = pieces.pop(chance.randrange(len(pieces))), pieces.pop(chance.randrange(len(pieces)))
        pieces.append(merge(one, other))
    assert plain(pieces[0]) == plain(whole)
    assert plain(merge(whole, pieces[0])) == plain(whole)


@settings(max_examples=60)
@given(otlp_traces(), traces(trace_id=st.just(TRACE_ID), source=st.just("native")), st.randoms(use_true_random=False))
def test_native_traces_may_be_among_the_pieces(spans: list[SpanData], native: TraceData, chance: random.Random) -> None:
    """A recorded trace and spans that others send of the same run: it does not matter which comes when."""
    ours = [span for span in as_spans(native) if span.span_id not in {other.span_id for other in spans}]
    whole = assemble(TRACE_ID, [*spans, *ours])
    pieces = cut([*spans, *ours], chance)
    merged = assemble(TRACE_ID, pieces[0])
    for piece in pieces[1:]:
        merged = (
            merge(assemble(TRACE_ID, piece), merged)
            if chance.random() < 0.5
            else merge(merged, assemble(TRACE_ID, piece))
        )
    assert plain(merged) == plain(whole)


@settings(max_examples=60)
@given(traces(source=st.just("native"), parent_span_id=st.none()))
def test_a_recorded_trace_says_the_same_when_made_of_its_spans(trace: TraceData) -> None:
    """All that it says beside its spans comes back from them."""
    made = assemble(trace.trace_id, as_read_back(as_spans(trace)))
    assert said_by_trace(made, trace) == said_by_trace(trace, trace)
    assert {span.span_id for span in made.spans} == {span.span_id for span in trace.spans}
    assert as_spans(made) == made.spans


@settings(max_examples=60)
@given(traces(source=st.just("native")))
def test_stored_spans_come_back_whole(trace: TraceData) -> None:
    """What is stored without the long texts of the trace is the same again beside the row that has them."""
    row = {
        name: None if text is None else storable(text)
        for name, text in {"query": trace.query, "answer": trace.answer}.items()
    }
    stored = unpack(pack(encode(as_stored(trace))))
    assert tuple(from_stored(span, row) for span in stored) == as_read_back(as_spans(trace))


@settings(max_examples=60)
@given(traces() | otlp_traces().map(lambda spans: assemble(TRACE_ID, spans)))
def test_what_is_packed_is_unpacked(trace: TraceData) -> None:
    """Spans come back from their bytes as JSON has them, in portions as in one."""
    spans = as_spans(trace)
    assert unpack(pack(encode(spans))) == as_read_back(spans)
    assert tuple(span for some in parts(spans) for span in unpack(pack(encode(some)))) == as_read_back(spans)


# --- single cases ---


def otlp(number: int, parent: int | None = None, **fields: Any) -> SpanData:
    """A span as OTLP brings it, a second long."""
    span_id, parent_id = f"{number:016x}", None if parent is None else f"{parent:016x}"
    otel = {"start_ns": NS, "end_ns": NS + 10**9} | fields.pop("otel", {})
    return make_span(span_id=span_id, parent_id=parent_id, **({"otel": otel, "duration_ns": 10**9} | fields))


def log(name: str, milliseconds_later: int) -> SpanEvent:
    return SpanEvent(
        name=name, timestamp=NOON + timedelta(milliseconds=milliseconds_later), attributes={"log.record": True}
    )


def fragment(number: int, *events: SpanEvent) -> SpanData:
    return make_span(
        span_id=f"{number:016x}", name="", kind=SpanKind.UNKNOWN, duration_ns=None, status=SpanStatus.UNSET,
        started_at=min(event.timestamp for event in events), events=events, otel={"fragment": True},
    )  # fmt: skip


def test_attributes_of_a_root_named_as_the_texts_of_a_trace_are_stored() -> None:
    """`query` and `answer` as a program's own attributes of the root are no repetition of the trace's."""
    root = make_span(attributes={"query": "SELECT 1", "answer": "42"})
    trace = make_trace(spans=(root,))
    (stored,) = as_stored(trace)
    assert (stored.attributes["query"], stored.attributes["answer"]) == ("SELECT 1", "42")


def test_attributes_with_our_prefix_do_not_silence_the_trace() -> None:
    """A program may call an attribute `tracewhy.build`: the facts of its trace survive a merge all the same."""
    trace = make_trace(spans=(make_span(attributes={"tracewhy.build": "7", "tracewhy.answer": "mine"}),))
    assert given_by(as_spans(trace)[0])["answer"] == trace.answer


def test_the_root_that_speaks_for_the_trace_is_its_root() -> None:
    """A span without a parent that started earlier, by whatever clock, does not take the recorded root's place."""
    trace = make_trace()
    earlier = make_span(name="other", started_at=NOON - timedelta(seconds=5))
    made = assemble(trace.trace_id, [earlier, *as_spans(trace)])
    assert (made.source, made.answer, made.spans[0].span_id) == ("native", trace.answer, trace.spans[0].span_id)


def test_of_two_recorded_processes_the_one_that_called_speaks() -> None:
    """The root of the called process has its parent in the caller: alone it speaks, together the caller does."""
    caller = make_trace(query="caller")
    called = make_trace(trace_id=caller.trace_id, query="called", parent_span_id=caller.spans[1].span_id)
    assert assemble(caller.trace_id, as_spans(called)).query == "called"
    both = merge(called, caller)
    assert (both.query, both.parent_span_id) == ("caller", None)
    assert merge(caller, called) == both


def test_a_root_that_others_called_says_so() -> None:
    """The parent in another process is kept, and its absence does not make the trace incomplete."""
    trace = make_trace(parent_span_id="ab" * 8)
    made = assemble(trace.trace_id, as_spans(trace))
    assert (made.parent_span_id, made.status) == ("ab" * 8, TraceStatus.COMPLETE)


@pytest.mark.parametrize("flags", [None, 0, 1, 0x100, "x"])
def test_a_trace_without_its_root_is_incomplete(flags: Any) -> None:
    """A parent that is not there, and not known to be remote, may still come."""
    span = otlp(2, parent=1, otel={} if flags is None else {"flags": flags})
    made = assemble(TRACE_ID, [span])
    assert (made.status, made.parent_span_id) == (TraceStatus.INCOMPLETE, None)
    assert assemble(TRACE_ID, [span, otlp(1)]).status is TraceStatus.COMPLETE


def test_a_remote_parent_is_as_good_as_none_until_it_comes() -> None:
    """The span below it is the root; when the parent arrives after all, that is."""
    span = otlp(2, parent=1, otel={"flags": REMOTE_PARENT})
    assert assemble(TRACE_ID, [span]).status is TraceStatus.COMPLETE
    both = assemble(TRACE_ID, [span, otlp(1, name="above")])
    assert (both.name, both.parent_span_id) == ("above", None)


def test_spans_in_a_ring_are_all_there() -> None:
    """A span that is its own parent, and two that are each other's: an incomplete trace with all of them."""
    spans = [otlp(1, parent=1), otlp(2, parent=3), otlp(3, parent=2)]
    made = assemble(TRACE_ID, spans)
    assert made.status is TraceStatus.INCOMPLETE
    assert len(made.spans) == 3


def test_the_fuller_copy_of_a_span_wins() -> None:
    """Ended before open, more before less, and a span before what log records say of it."""
    said = fragment(1, log("gen_ai.choice", 5))
    started = otlp(1, duration_ns=None, attributes={"long": "x" * 100})
    ended, fuller = otlp(1), otlp(1, attributes={"a": 1})
    for order in ([said, started, ended, fuller], [fuller, ended, started, said], [ended, said, fuller, started]):
        (span,) = assemble(TRACE_ID, order).spans
        assert span.attributes == {"a": 1}
        assert [event.name for event in span.events] == ["gen_ai.choice"]
        assert "fragment" not in span.otel


def test_events_of_a_span_keep_their_order_among_log_records() -> None:
    """A span's own events stay as they came, since other fields count them off; log records follow by time."""
    own = (SpanEvent(name="b", timestamp=NOON + timedelta(seconds=1)), SpanEvent(name="a", timestamp=NOON))
    span = otlp(1, events=own)
    (made,) = assemble(TRACE_ID, [fragment(1, log("late", 9)), span, fragment(1, log("early", 3))]).spans
    assert [event.name for event in made.events] == ["b", "a", "early", "late"]


def test_a_span_given_by_names_in_another_order_is_the_same() -> None:
    """The order of attributes is nothing that a sender says, in a log record neither."""
    records = [{"log.record": True, "b": 1, "a": 2}, {"a": 2, "b": 1, "log.record": True}]
    events = [SpanEvent(name="said", timestamp=NOON, attributes=attributes) for attributes in records]
    (made,) = assemble(TRACE_ID, [otlp(1), *(fragment(1, event) for event in events)]).spans
    assert len(made.events) == 1


def test_texts_that_the_database_cannot_hold_are_the_same_there() -> None:
    """A NUL in a question: what the root says of the trace is what the row can hold, so that it comes again as the same."""
    trace = make_trace(query="a\x00b")
    assert as_spans(trace)[0].attributes["tracewhy.query"] == "a\ufffdb"


def test_session_user_and_tags_rise_from_any_span() -> None:
    """The root's before another's; tags of all."""
    spans = [
        otlp(1, attributes={"user.id": "root"}),
        otlp(2, parent=1, attributes={"session.id": "s", "user.id": "child", "tag.tags": ["b"]}),
        otlp(3, parent=1, attributes={"tag.tags": ["a"]}),
    ]
    made = assemble(TRACE_ID, spans)
    assert (made.session_id, made.user_id, made.tags) == ("s", "root", ("a", "b"))


def test_decisions_of_all_spans_are_there() -> None:
    """Whatever piece they came with."""
    one, other = otlp(1, decisions=(make_decision(),)), otlp(2, parent=1, decisions=(make_decision(what="x"),))
    made = merge(assemble(TRACE_ID, [other]), assemble(TRACE_ID, [one]))
    assert [len(span.decisions) for span in made.spans] == [1, 1]


def test_a_trace_merged_with_itself_is_itself() -> None:
    """A recorded trace that comes twice is not rewritten."""
    trace = make_trace()
    assert merge(trace, replace(trace)) is trace


def test_an_open_root_does_not_end_the_trace() -> None:
    """Its time is from the first start to the last end, until the root has ended."""
    spans: Sequence[SpanData] = [otlp(1, duration_ns=None), otlp(2, parent=1, started_at=NOON + timedelta(seconds=3))]
    made = assemble(TRACE_ID, spans)
    assert (made.status, made.duration_ns) == (TraceStatus.INCOMPLETE, milliseconds(4000))


def test_a_call_that_is_its_own_parent_is_counted() -> None:
    """Nothing below it repeats what it used, but itself."""
    call = {"gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1}
    trace = assemble(TRACE_ID, [otlp(1, parent=1, attributes=call), otlp(2, parent=1, attributes=call)])
    row = make_preparation().ready(trace).projection.trace
    assert row["input_tokens"] == 5
    alone = assemble(TRACE_ID, [otlp(1, parent=1, attributes=call), otlp(2, attributes=call)])
    assert make_preparation().ready(alone).projection.trace["input_tokens"] == 10


def test_a_root_that_is_its_own_parent_is_no_stage_of_itself() -> None:
    """Its time is that of the trace."""
    trace = assemble(TRACE_ID, [otlp(1, parent=1, name="root"), otlp(2, parent=1, name="stage")])
    assert list(make_preparation().ready(trace).projection.trace["stage_ms"]) == ["stage"]


def test_a_recorded_span_that_comes_twice_is_stored_once() -> None:
    """Also within one trace: the fuller of the two."""
    trace = make_trace()
    twice = replace(trace, spans=(*trace.spans, replace(trace.spans[2], attributes={})))
    prepared = make_preparation().ready(twice)
    assert [row["span_id"] for row in prepared.projection.spans] == [span.span_id for span in trace.spans]
    assert prepared.data.answer == trace.answer
