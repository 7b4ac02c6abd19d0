"""A question from end to end: the events that its asker sees, and the trace that stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant, Done, ModelUnavailable, Question, Sources, Step, Stopped, StopSignal, Token
from assistant import loading as loading_module
from assistant.corpus.libraries import installed_libraries
from assistant.errors import IndexUnavailable
from tests.unit.test_assistant_language import Handler, serving, words
from tracing_core.context import TraceContext
from tracing_core.errors import InvalidInput
from tracing_core.freeze import freeze
from tracing_core.model import SpanData, SpanStatus, TraceData, TraceStatus
from tracing_core.runtime import Runtime, configure
from tracing_core.settings import read_settings
from tracing_core.sink import MemorySink

STEPS = ["classification", "retrieval_semantic", "retrieval_bm25", "fusion_rrf", "reranking", "llm_generation"]
ASKED = Question(question="How do I create a POST endpoint?", library_filter="fastapi", session_id="s", user_id="u")


@pytest.fixture(autouse=True)
def only_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Index one small library, so that a test takes no longer than it must."""
    fastapi = tuple(library for library in installed_libraries() if library.name == "fastapi")
    monkeypatch.setattr(loading_module, "installed_libraries", lambda: fastapi)


@pytest.fixture
def sink() -> Iterator[MemorySink]:
    memory = MemorySink()
    restore = configure(Runtime(sink=memory))
    yield memory
    restore()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assistant")


@pytest.fixture
def assistant(folder: Path, sink: MemorySink) -> Iterator[Assistant]:
    yield from made(folder)


def made(folder: Path, **overrides: Any) -> Iterator[Assistant]:
    settings = {"TRACEWHY_DATA_DIR": folder, "TRACEWHY_EMBEDDED_MODEL": False, "LLM_BASE_URL": None} | overrides
    one = Assistant(read_settings(**settings))
    yield one
    one.close()


def frozen(sink: MemorySink) -> TraceData:
    assert len(sink.traces) == 1
    return freeze(sink.traces[0])


def spans(trace: TraceData) -> dict[str, SpanData]:
    return {span.name: span for span in trace.spans}


def test_events_come_in_order(assistant: Assistant) -> None:
    """Five steps, then the sources, then words, then the end of generation, then all of it once more."""
    assistant.ready.wait()
    events = list(assistant.stream(ASKED))
    names = [event.name for event in events if isinstance(event, Step)]
    assert names == STEPS
    kinds = [type(event) for event in events]
    assert kinds.index(Sources) == 5
    assert kinds.index(Token) == 6
    done = events[-1]
    assert isinstance(done, Done)
    assert done.answer == "".join(event.text for event in events if isinstance(event, Token))
    assert done.sources[0].title == "fastapi.FastAPI.post"
    assert [source.index for source in done.sources] == list(range(1, len(done.sources) + 1))
    assert list(done.steps) == STEPS
    assert done.model == "extractive"
    assert (done.prompt_tokens, done.tokens_per_second) == (None, None)
    assert done.citations


def test_the_trace_tells_the_whole_story(assistant: Assistant, sink: MemorySink) -> None:
    """The steps lie under the root with their details, decisions have alternatives, evidence has scores and reasons."""
    assistant.ready.wait()
    done = assistant.ask(ASKED)
    trace = frozen(sink)
    assert (trace.trace_id, trace.status) == (done.trace_id, TraceStatus.COMPLETE)
    assert (trace.query, trace.answer, trace.confidence) == (ASKED.question, done.answer, done.confidence)
    assert (trace.library, trace.domain, trace.intent) == ("fastapi", "web", "how_to")
    assert (trace.session_id, trace.user_id, trace.citations_count) == ("s", "u", len(done.citations))
    root = trace.spans[0].span_id
    assert [span.name for span in trace.spans if span.parent_id == root] == STEPS
    found = spans(trace)
    assert found["embedding"].parent_id == found["classification"].span_id
    assert found["retrieval_semantic"].attributes["n_results"] == 20
    assert found["fusion_rrf"].attributes["n_candidates"] > 20
    assert found["reranking"].attributes["n_input"] == 10
    assert found["reranking"].attributes["n_output"] == 5
    assert found["llm_generation"].attributes["extractive"] is True
    assert {"system_prompt", "user_message"} <= found["llm_generation"].prompts.keys()
    assert found["llm_generation"].events[0].name == "first_token"


def test_decisions_and_evidence_are_recorded(assistant: Assistant, sink: MemorySink) -> None:
    """Every choice names what else there was; every document that was found is kept or has a reason."""
    assistant.ready.wait()
    assistant.ask(replace(ASKED, library_filter=None))
    trace = frozen(sink)
    decisions = {decision.decision: decision for span in trace.spans for decision in span.decisions}
    assert set(decisions) == {
        "classified_intent",
        "classified_library",
        "source_selection",
        "model_selection",
        "answer_confidence",
    }
    assert all(decision.alternatives_considered and decision.why for decision in decisions.values())
    assert set(decisions["answer_confidence"].inputs) >= {"top_score", "margin", "grounding", "coverage"}
    evidence = spans(trace)["reranking"].evidence
    kept, dropped = evidence["kept"], evidence["filtered_out"]
    assert evidence["collected_count"] == len(kept) + len(dropped) == sum(evidence["by_source"].values())
    assert all(item["reason"] and "rank_before" in item["scores"] for item in dropped)
    assert all({"id", "title", "source", "text", "scores", "sent", "cited"} <= item.keys() for item in kept)
    assert any(item["cited"] for item in kept)


def test_a_current_trace_is_used_and_left_open(assistant: Assistant, sink: MemorySink) -> None:
    """Inside a request's trace no second one is made, and the request finishes its own."""
    assistant.ready.wait()
    trace = TraceContext.start(name="POST /ask")
    done = assistant.ask(ASKED)
    assert done.trace_id == trace.trace_id
    assert sink.traces == []
    TraceContext.finish(trace)
    assert frozen(sink).name == "POST /ask"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"question": "  \n "}, "question"),
        ({"question": "ä" * 60_000}, "question"),
        ({"question": "broken \ud800 text"}, "question"),
        ({"limit": 0}, "limit"),
        ({"limit": 11}, "limit"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"library_filter": "../../etc"}, "library_filter"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(assistant: Assistant, change: dict[str, Any], field: str) -> None:
    """The field is named before anything is streamed or recorded."""
    with pytest.raises(InvalidInput) as refused:
        assistant.stream(replace(ASKED, **change))
    assert refused.value.field == field


def test_a_reader_who_leaves_stops_everything(assistant: Assistant, sink: MemorySink) -> None:
    """Closing the iterator keeps what was said and marks the trace as incomplete, without calling it an error."""
    assistant.ready.wait()
    events = assistant.stream(ASKED)
    said = ""
    for event in events:
        if isinstance(event, Token):
            said += event.text
        if len(said) > 20:
            break
    events.close()  # type: ignore[attr-defined]
    trace = frozen(sink)
    assert trace.status is TraceStatus.INCOMPLETE
    assert trace.answer == said
    assert trace.outputs == {"stopped": "client went away"}
    assert spans(trace)["llm_generation"].status is not SpanStatus.ERROR
    assert spans(trace)["llm_generation"].attributes["stopped"] == "client went away"


def test_leaving_after_the_last_event_changes_nothing(assistant: Assistant, sink: MemorySink) -> None:
    """Who stops reading at Done has the whole answer, and the trace is complete."""
    assistant.ready.wait()
    events = assistant.stream(ASKED)
    assert any(isinstance(event, Done) for event in events)
    events.close()  # type: ignore[attr-defined]
    assert frozen(sink).status is TraceStatus.COMPLETE


def test_stopping_from_another_thread_hangs_up_on_the_model(folder: Path, sink: MemorySink) -> None:
    """While the model thinks, a stop ends the answer at once; the trace is incomplete with the words there were."""
    stop = StopSignal()

    def answer(self: Handler) -> None:
        self.events(*words("Once"))
        stop.set()
        self.wait_until_gone()

    with serving(answer) as server:
        for assistant in made(folder, LLM_BASE_URL=server.address, LLM_MODEL="m"):  # type: ignore[attr-defined]
            assistant.ready.wait()
            events = list(assistant.stream(ASKED, stop))
        assert server.noticed.wait(5)
    assert isinstance(events[-1], Stopped)
    assert "Once".startswith(events[-1].answer)
    assert frozen(sink).status is TraceStatus.INCOMPLETE


def test_a_model_that_fails_fails_the_trace(folder: Path, sink: MemorySink) -> None:
    """HTTP 500 reaches the asker as a sentence; the step and the trace carry it, and the sources were shown."""
    with serving(lambda self: self.reply(500, b"{}")) as server:
        for assistant in made(folder, LLM_BASE_URL=server.address, LLM_MODEL="m"):  # type: ignore[attr-defined]
            assistant.ready.wait()
            events = assistant.stream(ASKED)
            seen = [next(events) for _ in range(6)]
            with pytest.raises(ModelUnavailable, match="HTTP 500"):
                list(events)
    assert isinstance(seen[-1], Sources)
    trace = frozen(sink)
    assert trace.status is TraceStatus.FAILED
    assert "HTTP 500" in (trace.error or "")
    step = spans(trace)["llm_generation"]
    assert step.status is SpanStatus.ERROR
    assert step.attributes["model"] == "m"


def test_an_early_question_waits_for_the_index(folder: Path, sink: MemorySink) -> None:
    """A question asked while the index is loaded is answered as soon as that is done."""
    go = threading.Event()
    stages: list[str] = []

    def hold(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        go.wait(10)

    settings = read_settings(TRACEWHY_DATA_DIR=folder, TRACEWHY_EMBEDDED_MODEL=False)
    assistant = Assistant(settings, hold)
    events = assistant.stream(ASKED)
    assert not assistant.ready.is_set()
    threading.Timer(0.05, go.set).start()
    assert isinstance(next(events), Step)
    assert assistant.progress().ready
    assert stages
    assert isinstance(list(events)[-1], Done)
    assistant.close()
    assert "getting_ready" in spans(frozen(sink))


def test_without_documentation_the_reason_is_told(
    folder: Path, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the index cannot be made, every question gets the reason instead of waiting for ever."""

    def broken() -> tuple[()]:
        raise OSError("no disk")

    monkeypatch.setattr(loading_module, "installed_libraries", broken)
    for assistant in made(folder):
        assistant.ready.wait()
        assert not assistant.progress().ready
        with pytest.raises(IndexUnavailable, match="no disk"):
            assistant.ask(ASKED)
    assert frozen(sink).status is TraceStatus.FAILED


def test_many_ask_at_once(assistant: Assistant, sink: MemorySink) -> None:
    """Questions from several threads are all answered, each with a trace of its own."""
    assistant.ready.wait()
    answers: list[Done] = []
    threads = [threading.Thread(target=lambda: answers.append(assistant.ask(ASKED))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({done.trace_id for done in answers}) == 6
    assert {len(trace.spans) for trace in sink.traces} == {8}
