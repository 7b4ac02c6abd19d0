"""What spans hold, as the bytes that are stored: JSON of many spans together, compressed, so that a repeated text costs once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import orjson
import zstandard

from tracing_core.document_reader import read_span
from tracing_core.jsontext import dump
from tracing_core.model import SpanData

T = TypeVar("T")

SPANS_IN_A_PART = 256
"""Spans that are compressed together at most: opening one of ten thousand must not unpack them all."""

_DICTIONARIES = {1: zstandard.DICT_TYPE_RAWCONTENT, 2: zstandard.DICT_TYPE_FULLDICT}
"""By number: the first byte of contents says which of them packed it. What is stored needs them: a better one gets number 3."""

_NEWEST = max(_DICTIONARIES)
PARAMETERS = zstandard.ZstdCompressionParameters.from_level(3, hash_log=14, chain_log=15, write_dict_id=False)
"""Level 3 with tables of 200 kB instead of 800, which are made anew for each trace and take the caches from what comes after:
a fifth less time, and 1.7 % more bytes."""
_LARGEST = 2**31
_threads = threading.local()


def encode(spans: Sequence[SpanData]) -> list[bytes]:
    """The JSON of each of `spans`."""
    return [dump(span) for span in spans]


def pack(encoded: Sequence[bytes]) -> bytes:
    """The bytes of spans, given as `encode` gives them."""
    return bytes((_NEWEST,)) + _compressor().compress(b'{"spans":[' + b",".join(encoded) + b"]}")


def unpack(content: bytes) -> tuple[SpanData, ...]:
    """The spans in `content`. What an upgrade of the database moved there is not compressed."""
    content = bytes(content)
    packed = content[0] in _DICTIONARIES
    plain = _decompressor(content[0]).decompress(content[1:], max_output_size=_LARGEST) if packed else content
    return tuple(read_span(span) for span in orjson.loads(plain)["spans"])


def plain_size(content: bytes) -> int:
    """How many bytes `content` has when it is not compressed."""
    content = bytes(content)
    return zstandard.frame_content_size(content[1:]) if content[0] in _DICTIONARIES else len(content)


def parts(spans: Sequence[T]) -> list[Sequence[T]]:
    """Spans, or what was made of each, in portions of `SPANS_IN_A_PART`."""
    return [spans[start : start + SPANS_IN_A_PART] for start in range(0, len(spans), SPANS_IN_A_PART)]


def as_read_back(spans: Sequence[SpanData]) -> tuple[SpanData, ...]:
    """`spans` as they are after they were stored: lists instead of tuples, texts instead of what JSON does not know."""
    return tuple(read_span(span) for span in orjson.loads(dump({"spans": spans}))["spans"])


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    """What spans repeat, so that contents of a single trace need not spell it out: names, punctuation, frequent words."""
    data = Path(__file__).with_name(f"contents_{number}.dict").read_bytes()
    found = zstandard.ZstdCompressionDict(data, dict_type=_DICTIONARIES[number])
    if number == _NEWEST:
        found.precompute_compress(compression_params=PARAMETERS)
    return found


# A compressor may only be used by one thread at a time.
def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_threads, "compressor", None)
    if found is None:
        found = zstandard.ZstdCompressor(compression_params=PARAMETERS, dict_data=_dictionary(_NEWEST))
        _threads.compressor = found
    return found


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    made: dict[int, zstandard.ZstdDecompressor] = _threads.__dict__.setdefault("decompressors", {})
    if number not in made:
        made[number] = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
    return made[number]
