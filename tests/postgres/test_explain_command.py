"""The command `explain`, as a person at a terminal uses it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tests.factories import make_trace, milliseconds
from tests.postgres.commands import Run
from tests.postgres.writing import store
from tracing_core.clock import SystemClock
from tracing_core.storage.database import Database


@pytest.fixture
def run(run_command: Run) -> Run:
    """Runs `explain` with some arguments."""
    return partial(run_command, "explain")


@pytest.fixture
def slow_library(database: Database) -> None:
    """A hundred runs of the last hours, of which those about pandas are slow."""
    began = SystemClock().now() - timedelta(hours=5)
    store(
        database,
        *(
            make_trace(
                library="pandas" if number % 15 == 0 else "plotly", session_id=f"s{number}", user_id=f"u{number % 9}",
                duration_ns=milliseconds(9000 if number % 15 == 0 else 3100 + number),
                started_at=began + timedelta(minutes=number),
            )
            for number in range(100)
        ),
    )  # fmt: skip


@pytest.mark.usefixtures("slow_library")
def test_slow_traces_are_explained(run: Run) -> None:
    """What sets them apart, how much was looked at, and where the time went."""
    code, said = run("--range", "6h")
    assert code == 0
    assert "library = pandas" in said
    assert "facts," in said


@pytest.mark.usefixtures("slow_library")
def test_any_traces_can_be_asked_about(run: Run) -> None:
    """By what they are like, and against the time before, which had none here."""
    assert "chosen traces" in run("--where", "library=pandas", "--range", "6h")[1]
    assert "In the other time there are no traces" in run("--where", "library=pandas", "--range", "6h", "--before")[1]
    assert "no failed traces" in run("--cohort", "failed")[1]


def test_what_cannot_be_asked_is_said(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A trace that is not there, a field that does not exist, a length of time that is none."""
    code, said = run("--trace", "trc_20260101_000000_0000000000000000")
    assert (code, "there is no trace" in said) == (1, True)
    assert "two values of one field" in run("--where", "library=a", "--where", "library=b")[1]
    for wrong in (("--where", "colour=red"), ("--where", "max_rating=many"), ("--range", "week")):
        with pytest.raises(SystemExit):
            run(*wrong)
        assert wrong[1] in capsys.readouterr().err
