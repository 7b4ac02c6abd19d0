"""Files that are there whole or not at all (B5)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracing_core.whole_files import write_whole


def test_what_the_system_takes_in_parts_is_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may take less than it was given, without an error; the rest is written too."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:7]))
    write_whole(tmp_path / "a.json", b"0123456789" * 10)
    assert (tmp_path / "a.json").read_bytes() == b"0123456789" * 10


def test_nothing_is_left_of_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there stays, and no half of the new under any name."""
    write_whole(tmp_path / "a.json", b"before", durable=True)

    def full(_descriptor: int, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a.json", b"after")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"before"}
