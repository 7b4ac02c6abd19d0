"""The files of one process's journal: a directory with a locked file in it, and segments that are mapped into memory.

A segment gets its blocks on the disk before it is mapped, so a full disk is an error here and not the end of the process.
The kernel keeps what was written into a mapping when the process is killed; nothing waits for the disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_LOCK = "lock"
_SEGMENTS = "*.jsonl"
_TRIES = 5
_POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE: touches each page now; one that cannot be had is an error instead of a signal later."""


class Segment:
    """One file of the journal, mapped.

    Args:
        path: where; it must not exist yet.
        size: its length in bytes, all of which is taken from the disk now.

    Raises:
        OSError: there is no room, or the directory cannot be written.
    """

    __slots__ = ("holds", "mapped", "path", "size")

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.holds = 0
        """How many unsettled traces began in this segment."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _reserve(descriptor, size)
            self.mapped = mmap.mmap(descriptor, size)
            _populate(self.mapped)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def lines(self) -> list[bytes]:
        """The lines written so far, without their ends."""
        return self.mapped[: self.mapped.tell()].split(b"\n")[:-1]

    def remove(self) -> None:
        """Delete the file; its memory goes with the last who still writes."""
        self.path.unlink(missing_ok=True)


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif os.write(descriptor, bytes(size)) < size:
        raise OSError(errno.ENOSPC, "no room for a segment of the journal")


def _populate(mapped: mmap.mmap) -> None:
    if sys.platform == "linux":
        try:
            mapped.madvise(_POPULATE_WRITE)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a kernel before 5.14 does not know it
                raise


class JournalFolder:
    """The directory of one process's journal, locked for as long as the process lives.

    Args:
        path: the directory, which is made.

    Raises:
        OSError: it cannot be made, or somebody else was quicker.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = count(1)
        path.mkdir(parents=True)
        self._descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (path / _LOCK).stat()  # gone when another process took it for one that was left behind
        except OSError:
            self.release()
            raise

    def segment(self, size: int) -> Segment:
        """A new segment of `size` bytes.

        Raises:
            OSError: there is no room, or the directory is gone.
        """
        return Segment(self.path / f"{next(self._numbers):09d}.jsonl", size)

    def wipe(self, segment: Segment) -> None:
        """Empty a segment whose lines nobody needs, and make it the next one.

        Raises:
            OSError: the directory is gone.
        """
        segment.mapped[:] = bytes(segment.size)
        segment.mapped.seek(0)
        segment.holds = 0
        segment.path = segment.path.rename(segment.path.with_name(f"{next(self._numbers):09d}.jsonl"))

    def release(self) -> None:
        """Let go of the lock, also in a forked child, which shares it with its parent (who keeps it)."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Delete the directory and let go of it."""
        remove_folder(self.path)
        self.release()


def make_folder(directory: Path, names: Iterator[str]) -> JournalFolder:
    """A folder for this process below `directory`, by the first of `names` that nobody has.

    Raises:
        OSError: none could be made.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(FileExistsError, FileNotFoundError, BlockingIOError):
            return JournalFolder(directory / next(names))
    return JournalFolder(directory / next(names))


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold the folder of a process that is gone; gives False while that process, or one that recovers it, lives."""
    try:
        descriptor = os.open(path / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        _remove_if_empty(path)
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield path.is_dir()
    finally:
        os.close(descriptor)


def written_lines(path: Path) -> Iterator[bytes]:
    """The lines in the segments of a folder, oldest first; the last one may be half a line."""
    for segment in sorted(path.glob(_SEGMENTS)):
        yield from segment.read_bytes().rstrip(b"\0").split(b"\n")


def append_line(path: Path, line: bytes) -> None:
    """Add a line to the segments of a folder whose process is gone.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    with (path / "recovered.jsonl").open("ab") as file:
        file.write(line)


def remove_folder(path: Path) -> None:
    """Delete a folder whose lock the caller holds: the segments first, so that a lock without segments is an empty journal."""
    for segment in path.glob(_SEGMENTS):
        segment.unlink(missing_ok=True)
    (path / _LOCK).unlink(missing_ok=True)
    _remove_if_empty(path)


def _remove_if_empty(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.rmdir()
