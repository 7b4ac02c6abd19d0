"""What tests of the commands share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.commands import Run
from tracing_core.__main__ import main
from tracing_core.settings import settings


@pytest.fixture
def run_command(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command on the database of the test, as on a wide terminal: the exit code, and all that it printed."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TRACEWHY_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*arguments: str) -> tuple[int, str]:
        settings.cache_clear()
        code = main([*arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    yield ran
    settings.cache_clear()
