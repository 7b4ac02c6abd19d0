"""POST /ask, /api/v1/query, /api/v1/chat and /api/v1/chat/feedback; GET /traces and /stats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

import tracing_core as tracing
from tests.service.model_server import MODEL, WORDS, ModelServer
from tests.service.serving import Scripted, serving
from tests.surroundings import PATIENCE_SECONDS
from tracing_core.model import QualityFlag
from tracing_core.query.trace import get_trace
from tracing_core.storage.tables import span_payloads

QUESTION = "How do I create a POST endpoint?"
FIVE_STEPS = ["retrieval_semantic", "retrieval_bm25", "fusion_rrf", "reranking", "llm_generation"]


@pytest.fixture(autouse=True)
def _waits_until_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked after an answer is there, also on a machine that is too busy to store it in the time an answer waits."""
    monkeypatch.setattr("service.answering.STORE_SECONDS", PATIENCE_SECONDS)


def test_ask_answers_with_the_trace_of_seed_c(client: httpx.Client) -> None:
    """The trace has seed C's keys, the five steps with their details, and a success."""
    said = client.post("/ask", json={"question": QUESTION, "library_filter": "fastapi"}).json()
    trace = said["trace"]
    assert set(trace) == {
        "trace_id", "timestamp", "question", "library_filter", "steps", "total_duration_ms", "status",
    }  # fmt: skip
    assert (trace["question"], trace["library_filter"], trace["status"]) == (QUESTION, "fastapi", "success")
    assert [step["name"] for step in trace["steps"] if step["name"] in FIVE_STEPS] == FIVE_STEPS
    details = {step["name"]: step["details"] for step in trace["steps"]}
    assert details["llm_generation"]["total_tokens"] == 1550
    assert said["tokens"] == {"prompt": 1200, "completion": 350, "total": 1550}
    assert said["model"] == MODEL
    assert said["cost_usd"] > 0
    assert said["interaction_id"] == said["trace_id"] == trace["trace_id"]


def test_query_answers_as_seed_a_has_it(client: httpx.Client) -> None:
    """Answer, sources, confidence and trace id."""
    said = client.post("/api/v1/query", json={"question": QUESTION, "strategy": "auto", "language": "auto"}).json()
    assert set(said) == {"answer", "sources", "confidence", "trace_id"}
    assert said["answer"].startswith("".join(WORDS))
    assert said["sources"]


def test_query_refuses_a_strategy_that_there_is_not(client: httpx.Client) -> None:
    """Another strategy than auto is refused by name rather than passed over."""
    response = client.post("/api/v1/query", json={"question": QUESTION, "strategy": "graph"})
    assert (response.status_code, response.json()["error"]["field"]) == (400, "strategy")


def test_chat_answers_as_seed_d_has_it(client: httpx.Client) -> None:
    """Latency is broken down in milliseconds, tokens are counted, and the interaction has an id."""
    said = client.post("/api/v1/chat", json={"message": QUESTION}).json()
    assert said["interaction_id"].startswith("trc_")
    assert said["latency_ms"]["retrieval"] + said["latency_ms"]["generation"] <= said["latency_ms"]["total"]
    assert said["tokens"]["total"] == 1550
    assert (said["model_name"], said["cost_estimate"] > 0) == (MODEL, True)


def test_a_rating_counts_at_once_and_can_be_changed(client: httpx.Client, store: tracing.Store) -> None:
    """201; the flag follows a bad rating and goes back when the same user thinks better of it."""
    trace_id = client.post("/api/v1/chat", json={"question": QUESTION}).json()["interaction_id"]
    first = get_trace(store.database, trace_id)
    assert first is not None
    bad = client.post("/api/v1/chat/feedback", json={"interaction_id": trace_id, "rating": 1, "comment": "wrong"})
    assert (bad.status_code, bad.json()["success"]) == (201, True)
    rated = get_trace(store.database, trace_id)
    assert rated is not None
    assert (rated.rating, rated.quality_flag) == (1, QualityFlag.USER_NEGATIVE)
    good = client.post("/api/v1/chat/feedback", json={"interaction_id": trace_id, "rating": 5})
    assert good.json()["feedback_id"] == bad.json()["feedback_id"]
    rated = get_trace(store.database, trace_id)
    assert rated is not None
    assert (rated.rating, rated.quality_flag) == (5, first.quality_flag)


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        ({"rating": 6}, 400, "rating"),
        ({"rating": "5"}, 400, "rating"),
        ({"comment": "x" * 2001}, 400, "comment"),
        ({"interaction_id": "../../etc/passwd"}, 400, "interaction_id"),
        ({"interaction_id": "trc_20260213_143022_a1b2c3d4e5f60718"}, 404, None),
    ],
)
def test_a_rating_that_does_not_fit_is_refused(
    client: httpx.Client, wrong: dict[str, object], status: int, field: str | None
) -> None:
    """Ratings of 6, long comments and odd ids are 400 and name the field; an unknown interaction is 404."""
    given = {"interaction_id": "trc_20260213_143022_a1b2c3d4e5f60718", "rating": 5} | wrong
    response = client.post("/api/v1/chat/feedback", json=given)
    assert (response.status_code, response.json()["error"]["field"]) == (status, field)


def test_a_rating_may_come_before_its_trace(client: httpx.Client, store: tracing.Store) -> None:
    """202 and `waiting`, for an id whose trace may be on its way; it counts with the trace."""
    trace = tracing.TraceContext.start(query=QUESTION)
    given = client.post("/api/v1/chat/feedback", json={"interaction_id": trace.trace_id, "rating": 1})
    assert (given.status_code, given.json()["success"], given.json()["status"]) == (202, True, "waiting")
    tracing.TraceContext.finish(trace).result(20)
    rated = get_trace(store.database, trace.trace_id)
    assert rated is not None
    assert (rated.rating, rated.quality_flag) == (1, QualityFlag.USER_NEGATIVE)


def test_who_sends_too_many_ratings_is_told_when_to_go_on(database_url: str, data_dir: Path) -> None:
    """429 with Retry-After and the reason, for one key; another key, and a user without one, are not held up."""
    store = tracing.init(
        DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_FEEDBACK_RATE=0.01, TRACEWHY_FEEDBACK_BURST=2
    )
    try:
        with serving(store, Scripted([])) as client:
            trace = tracing.TraceContext.start(query=QUESTION)
            body = {"interaction_id": trace.trace_id, "rating": 5}

            def send(**more: Any) -> httpx.Response:
                return client.post("/api/v1/chat/feedback", json=body | more.pop("json", {}), **more)

            by_one = {"headers": {"authorization": "Bearer one"}}
            answers = [send(**by_one) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [202, 202, 429]
            assert 90 <= int(answers[2].headers["retry-after"]) <= 100
            assert "too many ratings" in answers[2].json()["error"]["message"]
            assert send(headers={"x-api-key": "two"}).status_code == 202
            assert send(json={"user_id": "ann"}).status_code == 202
            scores = [{"id": "s", "traceId": "ab" * 16, "name": "rating", "value": 5}] * 3
            assert client.post("/api/public/scores", json=scores, auth=("pk", "sk")).status_code == 202
            assert client.post("/api/public/scores", json=scores, auth=("pk", "sk")).status_code == 429
            tracing.TraceContext.finish(trace)
    finally:
        store.close()


def test_html_passes_through_unharmed(client: httpx.Client, model: ModelServer) -> None:
    """What a model says is text here, letter by letter; showing it as text is the page's part."""
    evil = '<script>alert("1")</script> & <img src=x onerror=alert(1)> \u2028 ends here, after more than fifty letters.'
    model.words = (evil,)
    said = client.post("/ask", json={"question": f"What is {evil}?"}).json()
    assert said["answer"].startswith(evil)
    assert said["trace"]["question"] == f"What is {evil}?"
    assert client.get(f"/api/v1/traces/{said['trace_id']}").json()["run"]["answer"].startswith(evil)


def test_traces_are_listed_newest_first_with_their_steps(client: httpx.Client) -> None:
    """`GET /traces` gives what `POST /ask` gave, and no more than `limit`."""
    given = [client.post("/ask", json={"question": f"{QUESTION} {n}"}).json()["trace"] for n in range(3)]
    listed = client.get("/traces", params={"limit": 2}).json()
    assert [trace["trace_id"] for trace in listed] == [given[2]["trace_id"], given[1]["trace_id"]]
    assert [step["name"] for step in listed[0]["steps"]] == [step["name"] for step in given[2]["steps"]]
    assert listed[0]["steps"][-1]["details"] == given[2]["steps"][-1]["details"]


@pytest.mark.parametrize("limit", [0, 1001, "many"])
def test_a_limit_that_does_not_fit_is_refused(client: httpx.Client, limit: object) -> None:
    """`limit` is 1 to 1,000."""
    response = client.get("/traces", params={"limit": str(limit)})
    assert (response.status_code, response.json()["error"]["field"]) == (400, "limit")


def test_stats_have_the_keys_of_seed_c(client: httpx.Client) -> None:
    """Totals, average and P95 latency, retrieval, generation, questions by library."""
    client.post("/ask", json={"question": QUESTION, "library_filter": "fastapi"})
    stats = client.get("/stats").json()
    assert set(stats) == {
        "total_queries", "avg_latency_ms", "avg_retrieval_ms", "avg_generation_ms", "p95_latency_ms",
        "queries_per_library",
    }  # fmt: skip
    assert (stats["total_queries"], stats["queries_per_library"]) == (1, {"fastapi": 1})


def test_a_damaged_file_leaves_what_the_database_knows(client: httpx.Client, store: tracing.Store) -> None:
    """The trace is still answered, whole; without its contents from its rows, and without rows it is 404."""
    trace_id = client.post("/ask", json={"question": QUESTION}).json()["trace_id"]
    (path,) = store.settings.projects_dir.rglob(f"{trace_id}.json")
    path.write_text('{"trace_id": ')
    document = client.get(f"/api/v1/traces/{trace_id}").json()
    assert (document["run"]["query"], len(document["spans"]) > 1) == (QUESTION, True)
    with store.database.write() as connection:
        connection.execute(delete(span_payloads).where(span_payloads.c.trace_id == trace_id))
    rows = client.get(f"/api/v1/traces/{trace_id}").json()
    assert (rows["contents"], rows["run"]["query"]) == ("missing", QUESTION)
    assert client.get(f"/api/v1/traces/{'0' * 32}").status_code == 404
    assert client.get("/api/v1/traces/..%2F..%2Fetc").status_code in (400, 404)
