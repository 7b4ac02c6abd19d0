"""Files of traces on a disk of this machine, each written under another name and then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from tracing_core.whole_files import put_whole

T = TypeVar("T")
R = TypeVar("R")

_READ_AT_ONCE = 65_536


class LocalDisk:
    """A directory on this machine; a `Place`. Paths are strings here: this is on the way of every trace.

    Args:
        root: the directory; made when it is needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root.absolute())
        self._made: set[str] = set()

    def address(self, folder: str, name: str = "") -> str:
        return f"{self._root}/{folder}/{name}" if name else f"{self._root}/{folder}"

    def write(self, folder: str, name: str, content: bytes, *, durable: bool = False) -> None:
        directory = f"{self._root}/{folder}"
        self._make(directory)
        try:
            put_whole(directory, name, content, durable=durable)
        except FileNotFoundError:  # somebody cleaned up since the directory was made
            self._made.discard(directory)
            self._make(directory)
            put_whole(directory, name, content, durable=durable)

    def read(self, folder: str, name: str) -> bytes:
        # No link is followed: it could lead to what is no trace at all.
        descriptor = os.open(f"{self._root}/{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            parts = []
            while part := os.read(descriptor, _READ_AT_ONCE):
                parts.append(part)
        finally:
            os.close(descriptor)
        return b"".join(parts)

    def size(self, folder: str, name: str) -> int:
        return os.stat(f"{self._root}/{folder}/{name}").st_size  # noqa: PTH116 - a Path costs as much as the call

    def remove(self, folder: str, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(f"{self._root}/{folder}/{name}")  # noqa: PTH108 - as above

    def move(self, folder: str, name: str, to: str) -> None:
        before = f"{self._root}/{folder}/{name}"
        if os.path.exists(before):  # noqa: PTH110 - as above
            self._make(f"{self._root}/{to}")
        os.replace(before, f"{self._root}/{to}/{name}")  # noqa: PTH105 - as above

    def listed(self, folder: str) -> Iterator[tuple[str, Callable[[], int]]]:
        try:
            entries = os.scandir(f"{self._root}/{folder}")
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                yield entry.name, partial(_size, entry)

    def projects(self) -> list[str]:
        try:
            with os.scandir(self._root) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []

    def remove_project(self, project: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(f"{self._root}/{project}")

    def each(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        return map(do, items)

    def _make(self, directory: str) -> None:
        if directory not in self._made:
            os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - as above
            self._made.add(directory)


def _size(entry: os.DirEntry[str]) -> int:
    return entry.stat().st_size
