"""What spans hold comes out of the stored bytes as it went in, whichever dictionary packed it."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from tests.factories import make_trace
from tracing_core import contents
from tracing_core.contents import as_read_back, encode, pack, plain_size, unpack
from tracing_core.jsontext import dump
from tracing_core.model import SpanData

SPANS = make_trace(query="a question", answer="é€ " * 300).spans
_DICTIONARY_1 = Path(contents.__file__).with_name("contents_1.dict")


def packed_as_before(spans: tuple[SpanData, ...]) -> bytes:
    """The bytes that dictionary 1 makes of spans."""
    data = zstandard.ZstdCompressionDict(_DICTIONARY_1.read_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    packer = zstandard.ZstdCompressor(compression_params=contents.PARAMETERS, dict_data=data)
    return b"\x01" + packer.compress(dump({"spans": spans}))


@pytest.mark.parametrize(
    "how", [lambda spans: pack(encode(spans)), packed_as_before, lambda spans: dump({"spans": spans})]
)
def test_contents_are_read_however_they_were_packed(how) -> None:  # type: ignore[no-untyped-def]
    """With the newest dictionary, with the one before, and not at all; and their size is known without unpacking."""
    packed = how(SPANS)
    assert unpack(memoryview(packed)) == as_read_back(SPANS)
    assert plain_size(packed) == len(dump({"spans": SPANS}))


def test_the_newer_dictionary_packs_better() -> None:
    """A twentieth at least, whatever ids the spans have; most often a tenth."""
    assert len(pack(encode(SPANS))) < 0.95 * len(packed_as_before(SPANS))
