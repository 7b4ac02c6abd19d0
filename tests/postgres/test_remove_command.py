"""The command that removes a project."""

from __future__ import annotations

from tests.factories import make_trace
from tests.postgres.commands import Run
from tests.postgres.tables import rows
from tests.postgres.writing import store
from tracing_core.storage.database import Database
from tracing_core.storage.tables import traces


def test_it_removes_only_when_it_is_told_to(run_command: Run, database: Database) -> None:
    """What is gone for good is said beforehand; other projects stay."""
    store(database, make_trace(project="shop"), make_trace(project="shop"), make_trace(project="desk"))
    code, said = run_command("remove-project", "shop")
    assert (code, said) == (1, "remove-project: removes 2 traces of shop for good, with their files; add --yes\n")
    assert len(rows(database, traces)) == 3
    assert run_command("remove-project", "shop", "--yes") == (0, "removed 2 traces of project shop\n")
    assert [row["project"] for row in rows(database, traces)] == ["desk"]


def test_what_is_no_project_is_refused(run_command: Run) -> None:
    """By its name."""
    code, said = run_command("remove-project", "../shop", "--yes")
    assert code == 1
    assert said.startswith("project: may have letters, digits,")
