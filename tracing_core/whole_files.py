"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put `content` into `path`: readers see what was there before or all of it, never half.

    Args:
        path: the file.
        content: of all of it.
        durable: whether it must survive that the machine loses power, once this returns.

    Raises:
        OSError: the disk is full or the directory cannot be written; what was there is untouched.
    """
    put_whole(str(path.parent), path.name, content, durable=durable)


def put_whole(directory: str, name: str, content: bytes, *, durable: bool = False) -> None:
    """As `write_whole`, for who has the path in two parts and no time to lose."""
    unfinished = f"{directory}/.{name}.{os.getpid()}.{threading.get_ident()}"
    try:
        _write(unfinished, content, durable=durable)
        os.replace(unfinished, f"{directory}/{name}")  # noqa: PTH105 - a Path costs as much as the call
        if durable:
            _sync_directory(directory)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)  # noqa: PTH108 - as above
        raise


def _write(name: str, content: bytes, *, durable: bool) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        written = os.write(descriptor, content)
        while written < len(content):  # a disk that is nearly full takes a part, and says why when asked for the rest
            written += os.write(descriptor, memoryview(content)[written:])
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(directory: str) -> None:
    """A file that was renamed is there after a loss of power when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
