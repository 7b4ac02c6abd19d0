"""What the components of an application declare is known in another process (seed B, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import tracing_core as tracing
from tests.factories import NOON, make_trace
from tests.surroundings import PATIENCE_SECONDS, finished
from tests.unit.test_interface import SEED_SCHEMA, RubricLoader, Selector
from tracing_core import Store
from tracing_core.clock import ManualClock
from tracing_core.component_schema import read_schema
from tracing_core.declaring import Declaring
from tracing_core.files import files_of
from tracing_core.query.components import known_components
from tracing_core.query.document import full_trace
from tracing_core.removal import remove_project
from tracing_core.settings import settings
from tracing_core.storage.database import Database
from tracing_core.validation import NOTED


@pytest.fixture
def store(database_url: str, data_dir: Path) -> Iterator[Store]:
    """What `init()` gives a program on an empty database, with validation."""
    opened = tracing.init(DATABASE_URL=database_url, TRACEWHY_DATA_DIR=data_dir, TRACEWHY_VALIDATE="warn")
    yield opened
    opened.close()


def record(project: str) -> str:
    """Record a run, and wait until it is stored."""
    trace = finished(tracing.TraceContext.start(project_name=project))
    trace.record("rubric_loader", "rubric_loaded", {"what": "10 principles"})
    trace.record("rubric_loader", "whim", {"what": "x"})
    trace.mark_complete()
    return str(tracing.TraceContext.finish(trace).result(PATIENCE_SECONDS)["trace_id"])


def test_the_registry_is_known_elsewhere_once_a_trace_is_stored(store: Store, database: Database) -> None:
    """Section 4: the dashboard reads from the database what the registry of a running application holds, by project."""
    record("silent")
    assert known_components(store.database) == ()
    tracing.register(RubricLoader())
    record("cobot")
    store.writer.flush()
    (known,) = known_components(store.database)
    assert (known.project, known.schema) == ("cobot", read_schema("rubric_loader", SEED_SCHEMA))
    assert known_components(store.database, "silent") == ()
    assert known_components(database) == (known,)  # by connections of its own, as another process has


def test_a_component_that_changes_is_declared_anew(store: Store) -> None:
    """What was declared last is what is known; components of other processes stay."""
    tracing.register(RubricLoader())
    record("cobot")
    tracing.register(Selector(decisions=["a"]))
    record("cobot")
    tracing.register(Selector(decisions=["b"], stages=["collection"]))
    record("cobot")
    store.writer.flush()
    found = {known.schema.component: known.schema for known in known_components(store.database, "cobot")}
    assert list(found) == ["rubric_loader", "selector"]
    assert found["selector"] == read_schema("selector", {"decisions": ["b"], "stages": ["collection"]})


def test_a_declaration_that_is_not_taken_is_made_again(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The database may refuse it once: that is logged, costs the writer one try a minute, and is made good."""
    clock, trace = ManualClock(NOON), make_trace(project="cobot")
    declaring = Declaring(database, clock)
    tracing.register(RubricLoader())
    _statement(database, "ALTER TABLE components RENAME TO away")
    declaring.stored(trace)
    declaring.stored(trace)
    assert len(caplog.records) == 1
    _statement(database, "ALTER TABLE away RENAME TO components")
    declaring.stored(trace)
    assert known_components(database) == ()
    clock.advance(61)
    declaring.stored(trace)
    tracing.unregister("rubric_loader")
    assert [known.project for known in known_components(database)] == ["cobot"]


def _statement(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.execute(text(statement))


def test_components_go_with_their_project(store: Store) -> None:
    """Removing a project removes what was declared in it."""
    tracing.register(RubricLoader())
    record("cobot")
    record("other")
    store.writer.flush()
    remove_project(store, "cobot")
    assert [known.project for known in known_components(store.database)] == ["other"]


def test_what_breaks_its_schema_is_noted_on_the_stored_trace(store: Store) -> None:
    """Section 4, at run time: with TRACEWHY_VALIDATE=warn the stored trace says what was wrong with it."""
    tracing.register(RubricLoader())
    found = full_trace(store.database, record("cobot"), files_of(store.settings))
    assert found is not None
    (problem,) = found["spans"][0]["attributes"][NOTED]
    assert problem.startswith("rubric_loader: rubric_loader.whim: decision is not declared")


def test_validation_is_off_unless_it_is_asked_for() -> None:
    """TRACEWHY_VALIDATE=off is the default, which costs a run nothing."""
    assert settings().validate_traces == "off"
