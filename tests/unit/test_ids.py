"""Ids have their form, are safe as names of files, and do not repeat."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tracing_core.errors import InvalidInput
from tracing_core.files import TraceFiles
from tracing_core.ids import (
    IdSource,
    check_project,
    check_trace_id,
    native_trace_id,
    otel_trace_id,
    safe_project,
)


def test_a_trace_id_says_when_the_trace_began() -> None:
    """`trc_`, day, time and 16 hex digits."""
    assert re.fullmatch(r"trc_20261121_120000_[0-9a-f]{16}", IdSource().trace_id(NOON))
    assert IdSource(lambda bits: bits).trace_id(NOON) == "trc_20261121_120000_0000000000000040"
    assert IdSource(lambda _bits: 10).span_id() == "000000000000000a"


def test_ids_do_not_repeat() -> None:
    """Ten thousand of one second are all different."""
    ids = IdSource()
    assert len({ids.trace_id(NOON) for _ in range(10_000)}) == 10_000


def test_a_forked_child_draws_ids_of_its_own() -> None:
    """Parent and children would otherwise call different traces by the same name."""
    ids = IdSource()
    drawn = set()
    for _ in range(2):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, ids.span_id().encode())
            os._exit(0)
        os.waitpid(child, 0)
        drawn.add(os.read(reading, 16).decode())
        os.close(reading)
        os.close(writing)
    drawn.add(ids.span_id())
    assert len(drawn) == 3


@pytest.mark.parametrize("good", ["trc_20260213_143022_a1b2c3d4e5f60718", "trc_20260213_143022_a1b2c3d4", "0af7" * 8])
def test_good_trace_ids_pass(good: str) -> None:
    """Our own, seed B's with eight digits, and OpenTelemetry's."""
    assert check_trace_id(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "noop",
        "../../etc/passwd",
        "trc_20260213_143022_a1b2c3d4e5f60718/..",
        "trc_20260213_143022_a1b2c3d4e5f60718\n",
        "TRC_20260213_143022_a1b2c3d4e5f60718",
        "trc_\u0662\u0660\u0662\u0666\u0660\u0662\u0661\u0663_143022_a1b2c3d4",
        "0AF7" * 8,
        "0af7" * 9,
    ],
)
def test_bad_trace_ids_are_refused(bad: str) -> None:
    """Nothing else passes, whatever it looks like."""
    with pytest.raises(InvalidInput, match="trace_id"):
        check_trace_id(bad)


@pytest.mark.parametrize("bad", ["", "..", ".hidden", "a/b", "a\\b", "a..b", "a b", "\u00e4", "x" * 101, "a\n", "-a"])
def test_bad_projects_are_refused(bad: str) -> None:
    """What could name another directory, or none."""
    with pytest.raises(InvalidInput, match="project"):
        check_project(bad)


@pytest.mark.parametrize(
    ("given", "safe"),
    [("../../etc", "etc"), ("my project", "my-project"), ("a...b", "default"), ("", "default"), ("..", "default")],
)
def test_a_project_is_made_safe(given: str, safe: str) -> None:
    """Recording must not refuse, so it takes the nearest name that is safe."""
    assert safe_project(given) == safe


@given(st.text())
def test_no_project_leaves_the_directory(project: str) -> None:
    """Whatever the host calls it."""
    safe = check_project(safe_project(project))
    assert "/" not in safe
    assert safe not in (".", "..")


def test_files_lie_below_their_directory(tmp_path: Path) -> None:
    """A path is made of checked parts alone."""
    files = TraceFiles(tmp_path)
    path = Path(files.path("cobot", "trc_20260213_143022_a1b2c3d4"))
    assert path.relative_to(tmp_path).parts == ("cobot", "_traces", "trc_20260213_143022_a1b2c3d4.json")
    for project, trace_id in (("../x", "0af7" * 8), ("x", "../y")):
        with pytest.raises(InvalidInput):
            files.path(project, trace_id)


@given(st.integers(0, 2**64 - 1))
def test_native_and_otel_ids_map_one_to_one(number: int) -> None:
    """There and back; a foreign id keeps its name."""
    native = IdSource(lambda _bits: number).trace_id(NOON)
    otel = otel_trace_id(native)
    assert re.fullmatch("[0-9a-f]{32}", otel)
    assert native_trace_id(otel) == native
    assert native_trace_id("0af7" * 8) == otel_trace_id("0af7" * 8) == "0af7" * 8
