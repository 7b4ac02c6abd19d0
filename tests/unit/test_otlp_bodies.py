"""The body of a request, unpacked within bounds."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing_core.errors import BodyTooLarge, InvalidInput
from tracing_core.otlp.bodies import unpack

CONTENT = b"spans " * 1000
MOST = len(CONTENT)


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


PACKED = {
    "gzip": gzip.compress(CONTENT),
    "x-gzip": gzip.compress(CONTENT[:10]) + gzip.compress(CONTENT[10:]),
    "GZIP": gzip.compress(CONTENT),
    "deflate": zlib.compress(CONTENT),
    "deflate, gzip": gzip.compress(zlib.compress(CONTENT)),
    "identity": CONTENT,
    "": CONTENT,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_what_was_packed_comes_out(encoding: str) -> None:
    """Each encoding that exporters send is undone, several members and several encodings included."""
    assert unpack(PACKED[encoding], encoding, MOST) == CONTENT


def test_deflate_may_come_without_its_frame() -> None:
    """Clients that send the bare deflate stream are understood, too."""
    assert unpack(raw_deflate(CONTENT), "deflate", MOST) == CONTENT


def test_no_encoding_is_none() -> None:
    """A body without the header is taken as it is."""
    assert unpack(CONTENT, None, MOST) == CONTENT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_more_than_allowed_is_refused(encoding: str) -> None:
    """One byte more than the bound, unpacked, is too large."""
    with pytest.raises(BodyTooLarge, match=f"more than {MOST - 1} bytes"):
        unpack(PACKED[encoding], encoding, MOST - 1)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_bomb_takes_no_memory(pack: object) -> None:
    """A body that unpacks to 200 MB is refused without ever holding more than about the bound."""
    encoding = "gzip" if pack is gzip.compress else "deflate"
    bomb = pack(bytes(200_000_000))  # type: ignore[operator]
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        unpack(bomb, encoding, 1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "field"),
    [
        (b"no gzip", "gzip", "body"),
        (PACKED["gzip"][:-9], "gzip", "body"),
        (PACKED["gzip"] + b"more", "gzip", "body"),
        (gzip.compress(b"") * 100, "gzip", "body"),
        (PACKED["deflate"][:-9], "deflate", "body"),
        (PACKED["deflate"] + b"more", "deflate", "body"),
        (b"", "gzip", "body"),
        (CONTENT, "br", "content-encoding"),
        (CONTENT, "gzip,gzip,gzip,gzip", "content-encoding"),
    ],
    # a packed body holds the second it was packed in: named by it, a case would be another one in each process
    ids=[
        "no gzip",
        "cut gzip",
        "gzip and more",
        "many members",
        "cut deflate",
        "deflate and more",
        "empty",
        "br",
        "deep",
    ],
)
def test_what_cannot_be_unpacked_is_named(body: bytes, encoding: str, field: str) -> None:
    """The error says whether the header or the body is wrong."""
    with pytest.raises(InvalidInput) as caught:
        unpack(body, encoding, MOST)
    assert caught.value.field == field


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "identity", "gzip, deflate", "zstd"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: str) -> None:
    """Whatever comes, there is no other error."""
    with suppress(InvalidInput):
        assert len(unpack(body, encoding, 1000)) <= 1000
