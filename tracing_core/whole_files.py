"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
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
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with unfinished.open("wb", buffering=0) as file:
            file.write(content)
            if durable:
                os.fsync(file.fileno())
        unfinished.replace(path)
        if durable:
            _sync_directory(path.parent)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _sync_directory(directory: Path) -> None:
    """A file that was renamed is there after a loss of power when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
