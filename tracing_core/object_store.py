"""Files of traces in an object store, through fsspec: S3, Google Cloud, Azure and whatever else it has an implementation for.

A PUT is there whole or not at all, so nothing is renamed. Every call ends in time; a store that is away or hangs is left
alone for growing pauses (`outage.py`), in which calls fail at once. Who writes goes on without files.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from tracing_core.clock import Clock, SystemClock
from tracing_core.daemon_threads import DaemonThreads
from tracing_core.errors import SettingsError
from tracing_core.outage import Outage

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16
_LONG_SECONDS = 600.0
"""For what takes longer the more there is: a list of all files, the removal of a project."""
_ANSWERS = (OSError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What is raised when a store answers and refuses; what is derived from these, as a name that has no address, is not."""
_S3: Mapping[str, Any] = {
    "max_concurrency": 1,  # else it asks for the size of each file before it reads it
    "config_kwargs": {"max_pool_connections": _AT_ONCE},
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"s3": _S3, "s3a": _S3}


class ObjectStore:
    """Below one prefix of an object store; a `Place`.

    Args:
        url: such as `s3://bucket/prefix`.
        options: for fsspec's implementation, such as `endpoint_url`.
        seconds: that one file may take.
        clock: for the pauses of an outage.

    Raises:
        SettingsError: the URL is of a kind that nobody knows, or needs a package that is not there.
    """

    def __init__(self, url: str, options: Mapping[str, Any], seconds: float, clock: Clock | None = None) -> None:
        self._url = url.rstrip("/")
        self._shown = re.sub("://[^/]*@", "://", self._url)  # without a password
        self._options = options
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._connect()

    def _connect(self) -> None:
        self._pid = os.getpid()
        self._outage = Outage(self._shown, self._clock, lambda: DaemonThreads().submit(self._look))
        self._files, self._root = _file_system(self._url, self._options, _loop_of_its_own())

    def address(self, folder: str, name: str = "") -> str:
        return f"{self._shown}/{folder}/{name}" if name else f"{self._shown}/{folder}"

    def write(self, folder: str, name: str, content: bytes, *, durable: bool = False) -> None:
        self._ask(lambda files: files._pipe_file(self._path(folder, name), content))

    def read(self, folder: str, name: str) -> bytes:
        content: bytes = self._ask(lambda files: files._cat_file(self._path(folder, name)))
        return content

    def size(self, folder: str, name: str) -> int:
        about = self._ask(lambda files: files._info(self._path(folder, name)))
        if about["type"] != "file":
            raise FileNotFoundError(self.address(folder, name))
        return int(about["size"])

    def remove(self, folder: str, name: str) -> None:
        with suppress(FileNotFoundError):
            self._ask(lambda files: files._rm_file(self._path(folder, name)))

    def move(self, folder: str, name: str, to: str) -> None:
        self.write(to, name, self.read(folder, name))
        self.remove(folder, name)

    def listed(self, folder: str) -> Iterator[tuple[str, Callable[[], int]]]:
        for entry in self._list(self._path(folder), _LONG_SECONDS):
            if entry["type"] == "file":
                yield _last(entry), partial(int, entry["size"])

    def projects(self) -> list[str]:
        return [_last(entry) for entry in self._list(self._root, self._seconds) if entry["type"] == "directory"]

    def remove_project(self, project: str) -> None:
        with suppress(FileNotFoundError):
            self._ask(lambda files: files._rm(self._path(project), recursive=True), _LONG_SECONDS)

    def each(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        threads, left = DaemonThreads(), iter(items)
        while some := list(islice(left, _AT_ONCE)):
            yield from [future.result() for future in [threads.submit(do, item) for item in some]]

    def _list(self, path: str, seconds: float) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self._ask(lambda files: files._ls(path, detail=True), seconds)
        except FileNotFoundError:
            return []
        return found

    def _path(self, folder: str, name: str = "") -> str:
        return f"{self._root}/{folder}/{name}" if name else f"{self._root}/{folder}"

    def _ask(self, work: Callable[[Any], Coroutine[Any, Any, Any]], seconds: float | None = None) -> Any:
        """What comes of `work`, within `seconds`."""
        if os.getpid() != self._pid:  # connections and threads stayed with the parent
            self._connect()
        self._outage.check()
        return self._answer(work, self._seconds if seconds is None else seconds)

    def _look(self) -> None:
        """Whether it answers again: whatever it says of a file that is not there."""
        try:
            self._answer(lambda files: files._cat_file(self._path(".tracewhy", "look")), self._seconds)
        except (TimeoutError, ConnectionError):
            return
        except OSError:  # there is none, it says
            pass
        self._outage.over()

    def _answer(self, work: Callable[[Any], Coroutine[Any, Any, Any]], limit: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(work(self._files), self._files.loop)
        try:
            return future.result(limit)
        except TimeoutError as error:
            future.cancel()
            problem = f"no answer within {limit:g} s"
            self._outage.begun(problem)
            raise TimeoutError(f"{self._shown}: {problem}") from error
        except Exception as error:  # each client has its own for a store that it cannot reach
            if type(error) in _ANSWERS:
                raise
            problem = f"{type(error).__name__}: {error}"
            self._outage.begun(problem)
            raise ConnectionError(f"{self._shown}: {problem}") from error


def _last(entry: Mapping[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _loop_of_its_own() -> asyncio.AbstractEventLoop:
    """An event loop in a thread of its own, not the one that the program's other uses of fsspec share."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(DaemonThreads())
    threading.Thread(target=loop.run_forever, name="tracewhy-files", daemon=True).start()
    return loop


def _file_system(url: str, options: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> tuple[Any, str]:
    """The file system of fsspec, made asynchronous where it is not, and the path of `url` in it."""
    from fsspec.core import url_to_fs
    from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

    kind = url.partition("://")[0]
    every = {"use_listings_cache": False, "skip_instance_cache": True, "loop": loop, "asynchronous": False}
    try:
        files, root = url_to_fs(url, **every, **{**_DEFAULTS.get(kind, {}), **options})
    except ImportError as error:
        fix = ": pip install s3fs" if kind in _DEFAULTS else ""
        raise SettingsError(f"bad setting: TRACEWHY_FILES_URL: {error}{fix}") from error
    except (TypeError, ValueError) as error:
        raise SettingsError(f"bad setting: TRACEWHY_FILES_URL or TRACEWHY_FILES_OPTIONS: {error}") from error
    if not files.async_impl:
        files = AsyncFileSystemWrapper(files, asynchronous=False, loop=loop)
    return files, root.rstrip("/")
