"""What spans hold, as the bytes that are stored: JSON of many spans together, compressed, so that a repeated text costs once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import orjson
import zstandard

from tracing_core.document_reader import read_span
from tracing_core.jsontext import dump
from tracing_core.model import SpanData

SPANS_IN_A_PART = 256
"""Spans that are compressed together at most: opening one of ten thousand must not unpack them all."""

_WITH_DICTIONARY_1 = b"\x01"
"""The first byte of contents that were packed with dictionary 1. It is part of what is stored: a better one gets number 2."""

_DICTIONARY_1 = Path(__file__).with_name("contents_1.dict")
_LEVEL = 3
_LARGEST = 2**31
_threads = threading.local()


def pack(spans: Sequence[SpanData]) -> bytes:
    """The bytes of `spans`."""
    return _WITH_DICTIONARY_1 + _compressor().compress(dump({"spans": spans}))


def unpack(content: bytes) -> tuple[SpanData, ...]:
    """The spans in `content`. What an upgrade of the database moved there is not compressed."""
    content = bytes(content)
    packed = content.startswith(_WITH_DICTIONARY_1)
    plain = _decompressor().decompress(content[1:], max_output_size=_LARGEST) if packed else content
    return tuple(read_span(span) for span in orjson.loads(plain)["spans"])


def plain_size(content: bytes) -> int:
    """How many bytes `content` has when it is not compressed."""
    content = bytes(content)
    return zstandard.frame_content_size(content[1:]) if content.startswith(_WITH_DICTIONARY_1) else len(content)


def parts(spans: Sequence[SpanData]) -> list[Sequence[SpanData]]:
    """`spans` in portions of `SPANS_IN_A_PART`."""
    return [spans[start : start + SPANS_IN_A_PART] for start in range(0, len(spans), SPANS_IN_A_PART)]


def as_read_back(spans: Sequence[SpanData]) -> tuple[SpanData, ...]:
    """`spans` as they are after they were stored: lists instead of tuples, texts instead of what JSON does not know."""
    return tuple(read_span(span) for span in orjson.loads(dump({"spans": spans}))["spans"])


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    """The names and the punctuation that all spans repeat, so that contents of a single trace need not spell them out."""
    found = zstandard.ZstdCompressionDict(_DICTIONARY_1.read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    found.precompute_compress(level=_LEVEL)
    return found


# A compressor may only be used by one thread at a time.
def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_threads, "compressor", None)
    if found is None:
        found = _threads.compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary())
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_threads, "decompressor", None)
    if found is None:
        found = _threads.decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())
    return found
