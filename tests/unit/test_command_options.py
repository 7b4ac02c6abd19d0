"""What commands say before they ask a database for anything: to arguments that cannot be right, and of settings."""

from __future__ import annotations

import pytest

from tracing_core.__main__ import main
from tracing_core.settings import Settings, environment_name

AWAY = "postgresql://nobody@127.0.0.1:9/none"
WITH_DAYS = [["backfill"], ["prices"], ["reprice"]]
WITH_PROJECT = [*WITH_DAYS, ["rebuild"], ["flags"], ["export", "--endpoint", "http://localhost:4318"]]


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the database after all says something else than the tests wait for."""
    monkeypatch.setenv("DATABASE_URL", AWAY)


@pytest.mark.parametrize("command", WITH_DAYS, ids=" ".join)
@pytest.mark.parametrize("day", ["nope", "2026-13-01", "2026-11-21T10:00"])
def test_a_day_that_is_none_is_refused(command: list[str], day: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the option's name, and what a day looks like."""
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--since", day])
    assert f"argument --since: is {day}; give a day such as 2026-11-21" in capsys.readouterr().err


@pytest.mark.parametrize("command", WITH_DAYS, ids=" ".join)
def test_days_that_end_before_they_begin_are_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of finding nothing, which reads as if there were nothing."""
    assert main([*command, "--since", "2026-11-22", "--until", "2026-11-20"]) == 1
    assert capsys.readouterr().err == "--until: lies before --since; give 2026-11-22 or a later day\n"


@pytest.mark.parametrize("command", WITH_PROJECT, ids=" ".join)
def test_what_cannot_be_a_project_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of doing nothing for a project that cannot be there."""
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--project", "../shop"])
    assert "argument --project: is ../shop; a project may have letters, digits," in capsys.readouterr().err


def test_a_database_to_fill_is_called_by_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And not by the setting, which may be right."""
    assert main(["rebuild", "--into", "nonsense"]) == 1
    assert capsys.readouterr().err.startswith("--into: is not a database URL; expected postgresql://")


def test_names_of_settings_are_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are what one sets."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["settings"]) == 0
    said = capsys.readouterr().out
    assert all(environment_name(name) in said for name in Settings.model_fields)
