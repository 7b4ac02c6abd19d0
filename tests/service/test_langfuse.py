"""Langfuse's SDK with nothing but its host and keys set: its spans are stored, its ratings become feedback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracing_core as tracing
from service import langfuse
from service.scores import read_score
from tests.service.receiving import JSON, PROTOBUF, Receiving, receiving, request, span
from tracing_core.errors import InvalidInput
from tracing_core.query.feedback import for_trace
from tracing_core.query.trace import get_trace

KEYS = ("pk-lf-anything", "sk-lf-anything")
TRACE = f"{1:032x}"
APPLICATION = """
import json, logging, sys
from langfuse import Langfuse, get_client, propagate_attributes

logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
langfuse = get_client()
assert langfuse.auth_check()
with langfuse.start_as_current_observation(name="question", as_type="span", input="How?") as root:
    with propagate_attributes(session_id="s-1", user_id="u-1", tags=["t"]):
        with langfuse.start_as_current_observation(
            name="generate", as_type="generation", model="gpt-4o-mini", input="How?",
            output="So.", usage_details={"input": 12, "output": 3},
        ):
            pass
    root.update(output="So.")
    root.score_trace(name="user-feedback", value=1, comment="helpful")
    root.score_trace(name="rating", value=4, data_type="NUMERIC", metadata={"user_id": "ann"})
langfuse.flush()
json.dump({"trace_id": root.trace_id}, sys.stdout)
langfuse.shutdown()
"""


@pytest.fixture
def service(store: tracing.Store) -> Iterator[Receiving]:
    """A service that receives."""
    with receiving(store) as service:
        yield service


@pytest.mark.parametrize("host", ["LANGFUSE_HOST", "LANGFUSE_BASE_URL"])
def test_the_sdk_delivers(service: Receiving, host: str) -> None:
    """An application with Langfuse's SDK, in a process of its own, sends us all it has by its host setting."""
    settings = {host: service.url, "LANGFUSE_PUBLIC_KEY": KEYS[0], "LANGFUSE_SECRET_KEY": KEYS[1]}
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    trace_id = json.loads(done.stdout)["trace_id"]
    trace = get_trace(service.store.database, trace_id)
    assert trace is not None
    assert service.names(trace_id) == {"question", "generate"}
    assert (trace.session_id, trace.user_id, trace.model) == ("s-1", "u-1", "gpt-4o-mini")
    assert (trace.query, trace.answer) == ("How?", "So.")
    assert (trace.input_tokens, trace.output_tokens) == (12, 3)
    given = {rating.user_id.partition(" ")[0]: rating for rating in for_trace(service.store.database, trace_id)}
    assert {user: rating.rating for user, rating in given.items()} == {"anonymous": 5, "ann": 4}
    assert given["anonymous"].comment == "helpful"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Bearer x",
        "Basic " + base64.b64encode(b"only-one").decode(),
        "Basic Og==",
        "Basic w6k",
    ],
)
def test_without_keys_nobody_comes_in(service: Receiving, header: str | None) -> None:
    """401 with the challenge that HTTP asks for, at each place that wants keys."""
    headers = {} if header is None else {"authorization": header}
    answers = [
        service.client.post(langfuse.TRACES_PATH, content=b"", headers=PROTOBUF | headers),
        service.client.post("/api/public/scores", json=[], headers=headers),
        service.client.post("/api/public/ingestion", json={"batch": []}, headers=headers),
        service.client.get("/api/public/projects", headers=headers),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"].partition(" ")[0] for answer in answers} == {"Basic"}
    assert service.client.get("/api/public/health").json()["status"] == "OK"


def score(**more: Any) -> dict[str, Any]:
    """A score in Langfuse's JSON."""
    return {"id": "s1", "traceId": TRACE, "name": "user-feedback", "value": 1, **more}


@pytest.mark.parametrize(
    ("given", "rating"),
    [
        ({"value": 1}, 5),
        ({"value": 0.0}, 1),
        ({"value": 3}, 3),
        ({"value": True}, 5),
        ({"name": "thumbs_up", "dataType": "BOOLEAN", "value": 0}, 1),
        ({"name": "Star Rating", "value": 1}, 1),
        ({"name": "rating", "dataType": "BOOLEAN", "value": 1}, 5),
        ({"name": "rating", "value": 5.0, "dataType": "NUMERIC"}, 5),
        ({"name": "likes", "value": 1}, 5),
    ],
)
def test_ratings_are_recognised(given: dict[str, Any], rating: int) -> None:
    """By their name and value: a thumb up is 5, a thumb down 1, stars are what they say."""
    assert read_score(score(**given)).rating == rating


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "accuracy", "value": 1}, "value"),
        ({"name": "likelihood", "value": 1}, "value"),
        ({"name": "rating", "value": 0.92}, "value"),
        ({"name": "rating", "value": 0}, "value"),
        ({"name": "rating", "value": 6}, "value"),
        ({"name": "rating", "value": float("nan")}, "value"),
        ({"name": "rating", "value": float("inf")}, "value"),
        ({"value": "good", "dataType": "CATEGORICAL"}, "value"),
        ({"value": None}, "value"),
        ({"traceId": None, "sessionId": "s"}, "traceId"),
        ({"traceId": 7}, "traceId"),
    ],
)
def test_other_scores_are_not_ratings(given: dict[str, Any], field: str) -> None:
    """They are refused with the field that makes them so, and never taken for what they are not."""
    with pytest.raises(InvalidInput) as refused:
        read_score(score(**given))
    assert refused.value.field == field


@pytest.fixture
def stored(service: Receiving) -> Receiving:
    """The same, with a trace to rate."""
    service.client.post("/v1/traces", json=request(span(1))).raise_for_status()
    return service


def test_each_score_of_a_batch_is_answered(stored: Receiving) -> None:
    """202 when all are kept, 207 with the reasons when not; a score sent again with its id changes, and is no second."""
    post, database = stored.client.post, stored.store.database
    kept = post("/api/public/scores", json=[score(), score(id="s2", value=0)], auth=KEYS)
    assert (kept.status_code, kept.json()) == (202, {"message": "Accepted"})
    answer = post("/api/public/scores", json=[score(value=0), score(name="accuracy"), score(traceId="x"), 7], auth=KEYS)
    said = answer.json()
    assert (answer.status_code, said["accepted"], said["rejected"], len(said["errors"])) == (207, 1, 3, 3)
    assert [rating.rating for rating in for_trace(database, TRACE)] == [1, 1]


def test_older_events_are_answered_one_by_one(stored: Receiving) -> None:
    """Scores in a batch of events are kept; what older SDKs send besides is refused with the way out."""
    batch = [
        {"id": "e1", "type": "score-create", "body": score()},
        {"id": "e2", "type": "score-create", "body": score(name="accuracy", value=0.5)},
        {"id": "e3", "type": "trace-create", "body": {}},
    ]
    answer = stored.client.post("/api/public/ingestion", json={"batch": batch}, auth=KEYS)
    said = answer.json()
    assert answer.status_code == 207
    assert said["successes"] == [{"id": "e1", "status": 201}]
    assert {error["id"]: error["status"] for error in said["errors"]} == {"e2": 400, "e3": 400}
    assert "version 3" in said["errors"][1]["message"]
    assert len(for_trace(stored.store.database, TRACE)) == 1


def test_a_score_waits_for_its_trace(service: Receiving) -> None:
    """A score that is quicker than its trace is taken at once, and counts when the trace comes."""
    trace_id = f"{99:032x}"
    early = service.client.post("/api/public/scores", json=[score(traceId=trace_id)], auth=KEYS)
    assert early.status_code == 202
    assert for_trace(service.store.database, trace_id) == ()
    service.client.post("/v1/traces", json=request(span(99))).raise_for_status()
    assert [rating.rating for rating in for_trace(service.store.database, trace_id)] == [5]


def test_what_is_no_score_is_no_crash(service: Receiving) -> None:
    """4xx, or 207 with the reason, whatever is sent."""
    bodies = (b"", b"{", b"7", b'"x"', b'{"batch": 7}', b'{"batch": [7]}', b"[[]]", b"\xff", b"null", b"[" * 100_000)
    for path in ("/api/public/scores", "/api/public/ingestion"):
        for body in bodies:
            status = service.client.post(path, content=body, headers=JSON, auth=KEYS).status_code
            assert status == 207 or 400 <= status < 500, (path, body[:20], status)


def test_the_data_directory_is_not_reached(stored: Receiving, tmp_path: Path) -> None:
    """An id that is a path is no trace."""
    answer = stored.client.post("/api/public/scores", json=[score(traceId="../../etc/passwd")], auth=KEYS)
    assert answer.status_code == 207
    assert "trace" in answer.json()["errors"][0]["message"]
