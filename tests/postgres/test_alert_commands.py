"""`python -m tracing_core alerts ...`: rules from a file, how they are, and what they would have done."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.postgres.alerting import answered
from tests.postgres.commands import Run
from tests.postgres.writing import store
from tests.service.webhook import webhook
from tracing_core.clock import SystemClock
from tracing_core.model import TraceStatus
from tracing_core.query.alert_rules import alert_rule_rows
from tracing_core.storage.database import Database

ERRORS = {
    "name": "Many errors", "measure": "error_rate", "threshold": 0.2, "window_minutes": 5, "destinations": ["hook"],
}  # fmt: skip


@pytest.fixture
def run(run_command: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `alerts` with some arguments, where nobody says how wide the terminal is."""
    monkeypatch.delenv("COLUMNS")
    return partial(run_command, "alerts")


@pytest.fixture
def rules_file(tmp_path: Path) -> Callable[..., str]:
    """Writes rules into a file."""

    def write(*rules: dict[str, Any]) -> str:
        path = tmp_path / "rules.json"
        path.write_text(json.dumps({"rules": rules}))
        return str(path)

    return write


def test_rules_come_from_a_file_and_go_back_into_one(
    run: Run, rules_file: Callable[..., str], database: Database
) -> None:
    """What was imported is exported alike; imported again it replaces; a rule that is off stays off."""
    given = rules_file(ERRORS, ERRORS | {"name": "Off one", "enabled": False})
    assert run("import", given)[1].endswith("2 rules made, 0 replaced\n")
    assert run("import", given)[1].endswith("0 rules made, 2 replaced\n")
    assert {row.name: row.enabled for row in alert_rule_rows(database)} == {"Many errors": True, "Off one": False}
    exported = json.loads(run("export")[1])["rules"]
    assert [{name: rule[name] for name in ERRORS} for rule in exported] == [ERRORS, ERRORS | {"name": "Off one"}]


def test_a_rule_that_fits_nothing_makes_none(run: Run, rules_file: Callable[..., str], database: Database) -> None:
    """The error names the field, and no rule of the file is made."""
    code, said = run("import", rules_file(ERRORS, ERRORS | {"name": "Odd", "threshold": -1}))
    assert (code, said.startswith("threshold: ")) == (1, True)
    assert alert_rule_rows(database) == ()


def test_a_destination_that_is_not_set_is_told(run: Run, rules_file: Callable[..., str]) -> None:
    """A name that was mistyped would make a rule that tells nobody; the service may know it where this command does not."""
    code, said = run("import", rules_file(ERRORS))
    assert code == 0
    assert "Many errors: hook is not in TRACEWHY_ALERT_DESTINATIONS here" in said
    assert "1 rule made, 0 replaced" in said


def test_the_list_has_whole_ids(run: Run, rules_file: Callable[..., str], database: Database) -> None:
    """An id that is cut cannot be used; one that is broken can."""
    run("import", rules_file(ERRORS))
    (row,) = alert_rule_rows(database)
    said = run("list")[1]
    assert "…" not in said
    cells = [line.split("│")[2].strip() for line in said.splitlines() if line.count("│") > 3]
    assert row.rule_id in "".join(cells)


def test_a_dry_run_lists_when_it_would_have_fired(run: Run, rules_file: Callable[..., str], database: Database) -> None:
    """By name, from the traces that there were, and with nothing sent; an unknown name says where names are."""
    began = SystemClock().now() - timedelta(hours=2)
    store(database, *(answered(began, status=TraceStatus.FAILED) for _ in range(5)))
    run("import", rules_file(ERRORS))
    code, said = run("dry-run", "Many errors", "--since", "6h")
    assert code == 0
    assert "would have fired once" in said
    assert "at 100 %" in said
    code, said = run("dry-run", "No such rule")
    assert code == 1
    assert said.startswith("rule: No such rule is neither the name or id of a rule nor a file; see alerts list")


def test_a_destination_is_tried(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver gets one message; what is not set is never contacted."""
    with webhook() as hook:
        monkeypatch.setenv("TRACEWHY_ALERT_DESTINATIONS", json.dumps({"hook": {"kind": "webhook", "url": hook.url}}))
        assert run("test", "hook") == (0, "hook took the message\n")
        assert hook.kinds() == ["test"]
        code, said = run("test", "http://elsewhere.example/")
        assert (code, len(hook.came)) == (1, 1)
        assert "is not in TRACEWHY_ALERT_DESTINATIONS; there are: hook" in said


def test_suggestions_become_rules(run: Run, database: Database) -> None:
    """Seed D's alerts are listed with what they watch, and one of them is made for a project."""
    assert [line.partition(":")[0] for line in run("suggest")[1].splitlines()] == [
        "low_confidence", "cost_spike", "low_rating", "latency_objective",
    ]  # fmt: skip
    assert run("suggest", "low_rating", "--project", "shop")[0] == 0
    (row,) = alert_rule_rows(database)
    assert row.rule is not None
    assert (row.rule.name, row.rule.project) == ("Low rating", "shop")
    assert "Low rating" in run("check")[1]
