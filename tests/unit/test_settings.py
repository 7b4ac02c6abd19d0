"""The settings: one table, read once, and a bad value names its key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tracing_core.errors import SettingsError
from tracing_core.own_prices import Price
from tracing_core.settings import Settings, environment_name, read_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(environment_name(field), raising=False)


def test_every_setting_is_described() -> None:
    """With a sentence that says more than its name."""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert len(field.description.split()) >= 3, name


def test_every_setting_has_a_name_of_its_own() -> None:
    """In capitals, as the environment has it."""
    names = [environment_name(field) for field in Settings.model_fields]
    assert len(set(names)) == len(names)
    assert all(name == name.upper() for name in names)


def test_the_defaults_work() -> None:
    """Nothing has to be set."""
    settings = read_settings()
    assert (settings.project, settings.mode, settings.batch_size, settings.flush_seconds) == (
        "default",
        "develop",
        100,
        5,
    )
    assert settings.projects_dir == Path(".data/projects")


def test_the_environment_sets_and_overrides_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`.env` < environment < what the program itself says, by the same names."""
    (tmp_path / ".env").write_text("TRACEWHY_PROJECT=of-file\nDATABASE_URL=postgresql://file/x\nLLM_MODEL=of-file\n")
    assert read_settings().project == "of-file"
    monkeypatch.setenv("TRACEWHY_PROJECT", "of-environment")
    monkeypatch.setenv("DATABASE_URL", "postgresql://environment/x")
    assert read_settings().project == "of-environment"
    assert read_settings(TRACEWHY_PROJECT="of-program").project == "of-program"
    assert read_settings(DATABASE_URL="postgresql://program/x").database_url == "postgresql://program/x"
    assert read_settings().llm_model == "of-file"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACEWHY_QUEUE_SIZE", "many"),
        ("TRACEWHY_QUEUE_SIZE", "0"),
        ("TRACEWHY_FLUSH_SECONDS", "-1"),
        ("TRACEWHY_SUCCESS_SHARE", "1.5"),
        ("TRACEWHY_MODE", "sometimes"),
        ("TRACEWHY_PROJECT", "../../etc"),
        ("TRACEWHY_TRACING", "perhaps"),
        ("TRACEWHY_NEGATIVE_RATING", "6"),
        ("TRACEWHY_PRICES", "{bad"),
        ("TRACEWHY_PRICES", '{"m": {"cached": 1}}'),
        ("TRACEWHY_PRICES", '{"m": {"input": -1}}'),
        ("TRACEWHY_PRICES", '{"m": {"input": "NaN"}}'),
        ("TRACEWHY_PRICES", '{"m": {"input": 1, "ouput": 2}}'),
        ("TRACEWHY_PRICES", '{"m": {"input": 1, "since": "2026-01-02", "until": "2026-01-02"}}'),
        ("TRACEWHY_PRICES", '{"m": []}'),
        ("TRACEWHY_PRICES", '{"m": [{"input": 1}, {"input": 2, "since": "2026-01-01"}]}'),
        ("TRACEWHY_PRICES", '{"m": [{"input": 1, "until": "2026-01-02"}, {"input": 2, "since": "2026-01-01"}]}'),
        ("TRACEWHY_PRICES", '{"m": {"input": "x"}}'),
        ("TRACEWHY_UNTRACED_PROJECTS", "a, b"),
    ],
)
def test_a_bad_value_names_its_key(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """As the person who set it knows it."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        read_settings()


def test_prices_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact, per million tokens; what is not given is not known."""
    monkeypatch.setenv("TRACEWHY_PRICES", '{"m": {"input": 0.1, "output": "0.4"}, "embedding": {"input": 0.02}}')
    prices = read_settings().prices
    assert prices["m"] == (Price(input=Decimal("0.1"), output=Decimal("0.4")),)
    assert prices["embedding"][0].output is None


def test_a_model_may_have_several_prices_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order they are given, they come out in that of their days."""
    given = '[{"input": 1, "since": "2026-06-01"}, {"input": 2, "until": "2026-06-01"}]'
    monkeypatch.setenv("TRACEWHY_PRICES", f'{{"m": {given}}}')
    assert [price.input for price in read_settings().prices["m"]] == [2, 1]


def test_untraced_projects_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON."""
    monkeypatch.setenv("TRACEWHY_UNTRACED_PROJECTS", '["a", "b"]')
    assert read_settings().untraced_projects == ("a", "b")
