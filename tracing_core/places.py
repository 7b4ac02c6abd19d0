"""Where the files of traces are: on a disk of this machine, or in an object store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

import orjson

from tracing_core.local_disk import LocalDisk
from tracing_core.object_store import ObjectStore
from tracing_core.settings import Settings

T = TypeVar("T")
R = TypeVar("R")


class Place(Protocol):
    """Keeps files, each of which is there whole or not at all. They are in folders, `{project}/_traces` for one.

    Every method raises OSError when the place does not do what is asked: FileNotFoundError where nothing is there,
    TimeoutError or ConnectionError where it does not answer.
    """

    def address(self, folder: str, name: str = "") -> str:
        """How people find a file, or a folder: a path or a URL."""
        ...

    def write(self, folder: str, name: str, content: bytes, *, durable: bool = False) -> None:
        """Put `content` in the place of what the file held; `durable`, so that a loss of power does not undo it."""
        ...

    def read(self, folder: str, name: str) -> bytes:
        """What a file holds."""
        ...

    def size(self, folder: str, name: str) -> int:
        """The bytes of a file."""
        ...

    def remove(self, folder: str, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def move(self, folder: str, name: str, to: str) -> None:
        """Move a file into another folder, in the place of what is there."""
        ...

    def listed(self, folder: str) -> Iterator[tuple[str, Callable[[], int]]]:
        """The names of the files of a folder, each with what tells its size; nothing of a folder that is not there."""
        ...

    def projects(self) -> list[str]:
        """The names of all folders at the top."""
        ...

    def remove_project(self, project: str) -> None:
        """Remove a folder at the top and all below it, if it is there."""
        ...

    def each(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """What `do` gives for each of `items`, in order; several at once where that is quicker."""
        ...


def place_of(settings: Settings) -> Place:
    """Where the files of traces are by TRACEWHY_FILES_URL: `{data_dir}/projects` without it.

    Raises:
        SettingsError: the URL is of a kind that nobody knows, or needs a package that is not there.
    """
    url = settings.files_url
    if url is None:
        return LocalDisk(settings.projects_dir)
    kind, is_url, rest = url.partition("://")
    if not is_url or kind in ("file", "local"):
        return LocalDisk(Path(rest if is_url else url))
    return _object_store(
        _Given(url=url, options=orjson.dumps(settings.files_options), seconds=settings.files_timeout_seconds)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    url: str
    options: bytes
    seconds: float


@lru_cache(maxsize=4)
def _object_store(given: _Given) -> ObjectStore:
    """One for a process, so that all its parts share connections, and know when the store is away."""
    return ObjectStore(given.url, orjson.loads(given.options), given.seconds)
