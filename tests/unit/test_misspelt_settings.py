"""A setting under a wrong name changes nothing; somebody has to say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracing_core.doctor_checks import of_settings
from tracing_core.misspelt_settings import misspelt
from tracing_core.settings import read_settings


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One misspelt in the environment, one in `.env`; one that is right, and one that is somebody else's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TRACEWHY_PROJCT=shop\nTRACEWHY_LOG_LEVEL=INFO\n")
    monkeypatch.setenv("TRACEWHY_RETENTON_DAYS", "5")
    monkeypatch.setenv("TRACEWHY_OF_ANOTHER_KIND", "1")


def test_names_near_a_setting_are_found() -> None:
    """In the environment and in `.env`, each with what it most likely means."""
    assert misspelt() == {"TRACEWHY_PROJCT": "TRACEWHY_PROJECT", "TRACEWHY_RETENTON_DAYS": "TRACEWHY_RETENTION_DAYS"}


def test_the_doctor_tells_of_them() -> None:
    """With the name to write."""
    told = {check.said: (check.state, check.fix) for check in of_settings(read_settings())}
    assert told["TRACEWHY_RETENTON_DAYS is no setting, and changes nothing"] == (
        "warn",
        "write TRACEWHY_RETENTION_DAYS",
    )
    assert len(told) == 2
