"""Langfuse's SDK with pictures in its spans: it neither fails nor tries for ever, and what it uploads can be had again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

import tracing_core as tracing
from tests.factories import NOON
from tests.service.receiving import Receiving, receiving
from tracing_core.clock import ManualClock
from tracing_core.errors import InvalidInput
from tracing_core.media import LARGEST_BYTES, Media
from tracing_core.query.trace import span_payload, spans

KEYS = ("pk-lf-anything", "sk-lf-anything")
APPLICATION = """
import base64, json, logging, sys
from langfuse import get_client
from langfuse.media import LangfuseMedia

logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
langfuse = get_client()
picture = b"\\x89PNG" + bytes(range(256)) * 40
medium = LangfuseMedia(content_bytes=picture, content_type="image/png")
with langfuse.start_as_current_observation(name="look", as_type="span", input={"picture": medium}) as root:
    pass
langfuse.flush()
said = {"trace_id": root.trace_id, "media_id": medium._media_id}
if "--resolve" in sys.argv:
    text = f"@@@langfuseMedia:type=image/png|id={medium._media_id}|source=bytes@@@"
    resolved = langfuse.resolve_media_references(obj={"picture": text}, resolve_with="base64_data_uri")
    said["same"] = resolved["picture"] == "data:image/png;base64," + base64.b64encode(picture).decode()
json.dump(said, sys.stdout)
langfuse.shutdown()
"""


@pytest.fixture
def service(store: tracing.Store) -> Iterator[Receiving]:
    """A service that receives."""
    with receiving(store) as service:
        yield service


def ran(service: Receiving, *arguments: str) -> dict[str, str]:
    """What an application with the SDK said; it complained of nothing."""
    keys = {"LANGFUSE_PUBLIC_KEY": KEYS[0], "LANGFUSE_SECRET_KEY": KEYS[1]}
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION, *arguments],
        env={"PATH": os.environ["PATH"], "LANGFUSE_BASE_URL": service.url, **keys},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, str] = json.loads(done.stdout)
    return said


def reference_in(service: Receiving, said: dict[str, str]) -> bool:
    (root,) = spans(service.store.database, said["trace_id"])
    payload = span_payload(service.store.database, said["trace_id"], root.span_id)
    assert payload is not None
    return f"@@@langfuseMedia:type=image/png|id={said['media_id']}" in str(payload.attributes)


def test_the_sdk_gets_its_picture_back(service: Receiving) -> None:
    """The span has a reference, and the content behind it is what was sent; a second time nothing is uploaded."""
    for _ in range(2):
        said = ran(service, "--resolve")
        assert reference_in(service, said)
        assert said["same"]
    answer = service.client.get(f"/api/public/media/{said['media_id']}/content")
    assert answer.content == b"\x89PNG" + bytes(range(256)) * 40
    assert answer.headers["content-type"] == "image/png"
    assert (answer.headers["x-content-type-options"], answer.headers["content-disposition"]) == (
        "nosniff",
        "attachment",
    )
    known = service.client.get(f"/api/public/media/{said['media_id']}", auth=KEYS).json()
    assert (known["contentLength"], known["contentType"]) == (len(answer.content), "image/png")


def test_the_sdk_goes_on_where_no_media_are_kept(database_url: str, data_dir: Path) -> None:
    """The reference is in the span, nothing is on the disk, and nobody complains."""
    store = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_MEDIA_BYTES=0)
    with receiving(store) as service:
        said = ran(service)
        assert reference_in(service, said)
        assert service.client.get(f"/api/public/media/{said['media_id']}", auth=KEYS).status_code == 404
    store.close()
    assert not (data_dir / "media").exists()


def announced(client: httpx.Client, content: bytes, **more: object) -> httpx.Response:
    sha256 = b64encode(hashlib.sha256(content).digest()).decode()
    asked = {"contentType": "image/png", "contentLength": len(content), "sha256Hash": sha256, "field": "input"}
    return client.post("/api/public/media", json=asked | more, auth=KEYS)


def test_only_what_was_announced_is_taken(service: Receiving) -> None:
    """Keys are needed to ask for a place; another content, another name or a path is refused."""
    client = service.client
    assert client.post("/api/public/media", json={}).status_code == 401
    url = announced(client, b"a picture").json()["uploadUrl"]
    assert client.put(url, content=b"another").status_code == 400
    assert client.put(url.replace("id=", "id=x"), content=b"a picture").status_code == 400
    assert client.put("/api/public/media/upload?id=../../x", content=b"a picture").status_code == 400
    assert client.put(url, content=b"a picture").status_code == 200
    assert client.put(url, content=bytes(LARGEST_BYTES + 1)).status_code == 413
    assert client.get("/api/public/media/..%2F..%2Fx/content").status_code == 404
    for odd in (
        {"contentType": "text/html; x"},
        {"sha256Hash": "../.."},
        {"contentLength": 0},
        {"contentLength": None},
    ):
        assert announced(client, b"x", **odd).status_code in (400, 422), odd


def medium(media: Media, content: bytes) -> str:
    """Put one there; its id."""
    media_id, _ = media.announce("image/png", len(content), b64encode(hashlib.sha256(content).digest()).decode())
    media.put(media_id, content)
    return media_id


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """As long as it is too much, or when their time is up; one that is too large was never taken."""
    media = Media(tmp_path, 2_500, ManualClock(NOON))
    ids = [medium(media, bytes([number]) * 1000) for number in range(2)]
    for number, media_id in enumerate(ids):
        os.utime(tmp_path / media_id, (number, number))
        os.utime(tmp_path / f"{media_id}.json", (number, number))
    newest = medium(media, b"z" * 1000)
    assert [media.get(each) is not None for each in (*ids, newest)] == [False, True, True]
    assert media.announce("image/png", 2_501, b64encode(bytes(32)).decode())[1] is False
    aged = Media(tmp_path, 2_500, ManualClock(NOON + timedelta(days=400)), timedelta(days=1))
    last = medium(aged, b"y")
    assert [aged.content(each) for each in (*ids, newest, last)] == [None] * 4


def test_what_was_not_announced_is_not_kept(tmp_path: Path) -> None:
    """The error names the field and the way out."""
    with pytest.raises(InvalidInput, match="ask for a place"):
        Media(tmp_path, 100, ManualClock(NOON)).put("A" * 22, b"x")
