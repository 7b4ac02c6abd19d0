"""The workload of the measurements: its shape, its sizes, and that it is the same every time."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.options import Options, _sizes
from bench.otlp_bodies import Body, make_bodies, make_body
from bench.otlp_spans import attribute_bytes, spans_of
from bench.otlp_workload import SHORT, SPANS_PER_TRACE, TURNS, Exchange, Spread, make_exchange
from bench.words import Texts

DAY_NS = 86_400 * 10**9
TEXT_DIGEST = "ca41dd597fde355c"
"""Of a text that was made once; another means that figures cannot be compared with earlier ones."""

HISTORY = Spread(end_ns=1_795_000_000 * 10**9, slots=30)


def exchanges(count: int) -> list[Exchange]:
    return [make_exchange(number, HISTORY) for number in range(count)]


def spans_in(content: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(content)
    return [s for resource in request.resource_spans for scope in resource.scope_spans for s in scope.spans]


def test_a_trace_has_six_spans_in_their_roles() -> None:
    """A root of kind CHAIN has a classification, an embedding, a retrieval, a rerank and a generation under it, in turn."""
    root, *children = spans_of(make_exchange(0, HISTORY))
    kinds = [span.attributes["openinference.span.kind"] for span in (root, *children)]
    assert kinds == ["CHAIN", "CHAIN", "EMBEDDING", "RETRIEVER", "RERANKER", "LLM"]
    assert root.parent_id is None
    assert {child.parent_id for child in children} == {root.span_id}
    assert root.start_ns < children[0].start_ns
    assert all(one.end_ns == next_.start_ns for one, next_ in pairwise(children))
    assert children[-1].end_ns < root.end_ns


def test_texts_have_the_lengths_of_the_design() -> None:
    """A prompt of 500 characters, an answer of 1,000 where there is one, five documents of 400."""
    made = exchanges(200)
    assert {len(each.prompt) for each in made} == {500}
    assert {len(document.text) for each in made for document in each.documents} == {400}
    assert {len(each.documents) for each in made} == {5}
    lengths = [len(each.answer) for each in made]
    assert set(lengths) <= {0, 20, 1000}
    assert lengths.count(1000) > 180


def test_a_trace_holds_nineteen_kilobytes_of_attributes() -> None:
    """What the peers were measured with: about 19 kB of attribute text a trace."""
    made = exchanges(200)
    assert 18_000 < sum(map(attribute_bytes, made)) / len(made) < 21_000


def test_generations_speak_both_conventions() -> None:
    """Tokens, model and messages stand under OpenInference's names and under gen_ai's, and say the same."""
    said = spans_of(make_exchange(0, HISTORY))[-1].attributes
    assert said["llm.token_count.prompt"] == said["gen_ai.usage.input_tokens"] > 0
    assert said["llm.model_name"] == said["gen_ai.request.model"]
    assert said["llm.output_messages.0.message.content"] in said["gen_ai.output.messages"]


def test_the_same_number_gives_the_same_trace() -> None:
    """The workload is a function of the number: across runs and machines the bytes are the same."""
    first, again = (make_bodies(20, HISTORY)[0].content for _ in range(2))
    assert first == again
    text = Texts(random.Random(3)).text(300)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == TEXT_DIGEST


def test_no_two_traces_are_alike() -> None:
    """Ids and texts differ from trace to trace, so that nothing is stored once for many."""
    made = exchanges(300)
    texts = [text for each in made for text in (each.question, each.prompt, *(d.text for d in each.documents))]
    assert len({each.trace_id for each in made}) == len(made)
    assert len(set(texts)) == len(texts)


def test_failures_models_libraries_and_users_vary() -> None:
    """A few requests fail; several models, libraries, intents and people occur."""
    made = exchanges(1000)
    assert 5 < sum(each.failed for each in made) < 50
    assert all(not each.answer for each in made if each.failed)
    for name in ("model", "library", "intent"):
        assert len({getattr(each, name) for each in made}) >= 4
    assert len({each.user_id for each in made}) > 50


def test_compression_is_not_flattered() -> None:
    """Texts compress no better than documentation of that length does, which is 1.9 for 1 kB and 2.6 for related 4 kB."""
    packer = zstandard.ZstdCompressor(level=3)
    for characters, most in ((1000, 1.9), (3600, 2.3)):
        texts = [Texts(random.Random(number)).text(characters).encode() for number in range(100)]
        ratio = sum(map(len, texts)) / sum(len(packer.compress(text)) for text in texts)
        assert 1.5 < ratio < most


def test_a_history_covers_its_days_evenly() -> None:
    """Any number of traces is spread over all days, and over the hours of each; none lies outside."""
    starts = [HISTORY.start_ns(number) for number in range(3000)]
    assert HISTORY.end_ns - 30 * DAY_NS <= min(starts)
    assert max(starts) < HISTORY.end_ns
    per_day = [sum((HISTORY.end_ns - 1 - start) // DAY_NS == day for start in starts) for day in range(30)]
    assert set(per_day) == {100}
    hours = {(start // (3600 * 10**9)) % 24 for start in starts}
    assert len(hours) == 24


def test_the_turns_of_a_conversation_follow_each_other() -> None:
    """Requests of one conversation are of one person and lie within minutes."""
    by_session: dict[str, list[Exchange]] = {}
    for each in exchanges(480):
        by_session.setdefault(each.session_id, []).append(each)
    assert {len(turns) for turns in by_session.values()} == {TURNS}
    for turns in by_session.values():
        starts = [each.start_ns for each in turns]
        assert len({each.user_id for each in turns}) == 1
        assert max(starts) - min(starts) < 300 * 10**9


@pytest.mark.parametrize("size", [512, 60, 7])
def test_bodies_carry_every_span_once(size: int) -> None:
    """Whatever the size of a request, all spans of all traces are in exactly one, and a trace may be cut."""
    bodies = make_bodies(100, HISTORY, spans_per_body=size, lengths=SHORT)
    spans = [(span.trace_id, span.span_id) for body in bodies for span in spans_in(body.content)]
    assert len(spans) == len(set(spans)) == sum(body.spans for body in bodies) == 100 * SPANS_PER_TRACE
    assert all(body.spans == size for body in bodies[:-1])


def test_another_round_changes_trace_ids_alone() -> None:
    """Sending a body again gives new traces that are otherwise the same, and keeps the pieces of a cut trace together."""
    bodies = make_bodies(20, HISTORY, spans_per_body=50)
    first, second = ([spans_in(body.in_round(number)) for body in bodies] for number in (1, 2))
    for ones, others in zip(first, second, strict=True):
        assert not {span.trace_id for span in ones} & {span.trace_id for span in others}
        for one, other in zip(ones, others, strict=True):
            other.trace_id = one.trace_id
            assert one == other
    for body in (first, second):
        assert len({span.trace_id for spans in body for span in spans}) == 20


def test_times_move_along_with_the_clock() -> None:
    """A body sent an hour later is an hour later in every time that it has, of spans and of events, and the same otherwise."""
    hour = 3600 * 10**9
    for body in make_bodies(60, HISTORY):
        for one, other in zip(spans_in(body.content), spans_in(body.in_round(0, hour)), strict=True):
            assert other.start_time_unix_nano - one.start_time_unix_nano == hour
            other.start_time_unix_nano -= hour
            other.end_time_unix_nano -= hour
            for event in other.events:
                event.time_unix_nano -= hour
            assert one == other


def test_places_are_those_of_the_ids() -> None:
    """A trace id is found where it stands, even when its bytes come up elsewhere in the request."""
    span_id = bytes(range(8))
    times = {"start_time_unix_nano": 7, "end_time_unix_nano": 9}
    spans = [Span(trace_id=bytes([n]) * 16, span_id=span_id, name="\n\x10" + chr(n) * 16, **times) for n in (1, 2, 2)]
    body: Body = make_body(spans)
    assert [body.content[place : place + 16] for place in body.ids] == [span.trace_id for span in spans]
    assert [span.name for span in spans_in(body.in_round(9))] == [span.name for span in spans]


def test_sizes_are_read_from_text() -> None:
    """Sizes come as a list that grows; the senders are two a core unless said otherwise."""
    assert _sizes("10000,100_000") == (10_000, 100_000)
    assert Options(senders=3).requests_at_once == 3
    for wrong in ("ten", "100,10", "0,5"):
        with pytest.raises(Exception, match=r"write 10000|sizes must grow"):
            _sizes(wrong)
