"""Where files of traces can be: every place keeps the same promises (E13)."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from fsspec.registry import _registry

from tests.factories import NOON
from tracing_core.clock import ManualClock
from tracing_core.errors import SettingsError
from tracing_core.local_disk import LocalDisk
from tracing_core.object_store import ObjectStore
from tracing_core.outage import Outage
from tracing_core.places import Place, place_of
from tracing_core.settings import read_settings

FOLDER = "shop/_traces"
_numbers = count()


def in_memory(url: str = "", seconds: float = 20.0) -> ObjectStore:
    """An object store of its own in this process."""
    return ObjectStore(url or f"memory://bucket/{next(_numbers)}", {}, seconds)


@pytest.fixture(params=["disk", "object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return LocalDisk(tmp_path / "projects") if request.param == "disk" else in_memory()


def names(place: Place, folder: str = FOLDER) -> dict[str, int]:
    return {name: size() for name, size in place.listed(folder)}


def test_what_was_written_is_read(place: Place) -> None:
    """The newest content, whatever it is; its size and name are told, and where it is."""
    for content in (b"", b"first", b"x" * 200_000):
        place.write(FOLDER, "a.json", content)
        assert place.read(FOLDER, "a.json") == content
    assert place.size(FOLDER, "a.json") == 200_000
    assert names(place) == {"a.json": 200_000}
    assert place.projects() == ["shop"]
    assert place.address(FOLDER, "a.json").endswith("/shop/_traces/a.json")
    assert place.address(FOLDER).endswith("/shop/_traces")


def test_what_is_not_there_is_not_found(place: Place) -> None:
    """Reading and asking for a size fail; lists are empty; removing is nothing to do."""
    for ask in (place.read, place.size):
        with pytest.raises(FileNotFoundError):
            ask(FOLDER, "a.json")
    with pytest.raises(FileNotFoundError):
        place.move(FOLDER, "a.json", "other/_traces")
    assert names(place) == {}
    assert place.projects() == []
    place.remove(FOLDER, "a.json")
    place.remove_project("shop")


def test_files_move_and_go(place: Place) -> None:
    """Into another folder, over what is there; one by one, or with all their project."""
    place.write(FOLDER, "a.json", b"new", durable=True)
    place.write("other/_traces", "a.json", b"old")
    place.move(FOLDER, "a.json", "other/_traces")
    assert names(place) == {}
    assert place.read("other/_traces", "a.json") == b"new"
    place.write("other/_traces", "b.json", b"b")
    place.remove("other/_traces", "a.json")
    assert names(place, "other/_traces") == {"b.json": 1}
    place.remove_project("other")
    assert names(place, "other/_traces") == {}


def test_many_are_worked_on_in_order(place: Place) -> None:
    """What comes of each is in its place, however many are under way; the first error is raised."""
    done = list(place.each(lambda number: place.write(FOLDER, f"{number}.json", b"") or number, range(50)))
    assert done == list(range(50))
    assert len(names(place)) == 50
    with pytest.raises(FileNotFoundError):
        list(place.each(lambda name: place.read(FOLDER, name), ["0.json", "none.json"]))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """On a disk it could lead to what is no trace at all."""
    place = LocalDisk(tmp_path)
    place.write(FOLDER, "a.json", b"mine")
    (tmp_path / FOLDER / "b.json").symlink_to(tmp_path / FOLDER / "a.json")
    with pytest.raises(OSError, match="symbolic links"):
        place.read(FOLDER, "b.json")


def test_settings_choose_the_place(tmp_path: Path) -> None:
    """The data directory without more, a directory or `file://` for another, else an object store, one for a process."""
    at = {
        None: f"{tmp_path}/data/projects/x",
        str(tmp_path / "files"): f"{tmp_path}/files/x",
        f"file://{tmp_path}/files": f"{tmp_path}/files/x",
        "memory://bucket/prefix/": "memory://bucket/prefix/x",
    }
    for url, address in at.items():
        settings = read_settings(TRACEWHY_DATA_DIR=tmp_path / "data", TRACEWHY_FILES_URL=url)
        assert place_of(settings).address("x") == address
    assert place_of(settings) is place_of(settings)


def test_a_password_in_a_url_is_not_shown() -> None:
    """Rows and log lines name the place without it."""
    assert in_memory("memory://user:secret@bucket/1").address("x") == "memory://bucket/1/x"


def test_what_cannot_be_opened_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of URL that nobody knows, and a package that is missing, by its name and with the way to get it."""
    with pytest.raises(SettingsError, match=r"TRACEWHY_FILES_URL.*Protocol not known: nowhere"):
        in_memory("nowhere://bucket")
    monkeypatch.delitem(_registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SettingsError, match="TRACEWHY_FILES_URL: Install s3fs to access S3: pip install s3fs"):
        in_memory("s3://bucket")


def test_one_look_is_taken_after_each_pause() -> None:
    """A failure stops all calls; somebody looks after a second, after two more, and so on to half a minute, until it answers."""
    clock = ManualClock(NOON)
    looks: list[int] = []
    outage = Outage("the store", clock, lambda: looks.append(1))
    outage.check()
    outage.begun("refused")
    for number, pause in enumerate((1, 2, 4, 8, 16, 30, 30)):
        clock.advance(pause - 0.01)
        with pytest.raises(ConnectionError, match=r"the store .*: refused"):
            outage.check()
        assert len(looks) == number
        clock.advance(0.01)
        with pytest.raises(ConnectionError):
            outage.check()
        outage.begun("refused")
        assert len(looks) == number + 1
    outage.over()
    outage.check()
    assert outage.problem is None


_AT_EXIT = """
import atexit, os, sys
from tracing_core.object_store import ObjectStore
place = ObjectStore("memory://bucket", {}, 20.0)
place.write("shop/_traces", "0.json", b"parent")
if not os.fork():
    place.write("shop/_traces", "1.json", b"child")
    print(place.read("shop/_traces", "0.json"), place.read("shop/_traces", "1.json"), flush=True)
    os._exit(0)
os.wait()
def last():
    list(place.each(lambda number: place.write("shop/_traces", f"{number}.json", b"late"), range(20)))
    print(place.read("shop/_traces", "19.json"))
atexit.register(last)
"""


def test_a_forked_child_and_the_end_of_a_program_write_too() -> None:
    """A child has connections of its own, and what is written at exit, when a short program writes most, is written."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _AT_EXIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["b'parent' b'child'", "b'late'"]
