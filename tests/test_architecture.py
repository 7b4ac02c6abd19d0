"""The shape of the project: which part may know which, how large a part may grow, and what may appear only once."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
import tomllib

import pytest

from tests.sources import (
    PRODUCT,
    ROOT,
    Source,
    cycles,
    found_in,
    is_under,
    own_imports,
    reachable,
    sources,
    text_files,
    tracked_files,
)
from tracing_core import errors, model

SQL = ("sqlalchemy", "psycopg2", "alembic")
SCREEN = ("streamlit", "plotly", "pandas")
WEB = ("fastapi", "starlette", "uvicorn")
OUTSIDE = ("tests", "bench", "launch", "dev", "examples")

BANNED = {
    "tracing_core": (*SCREEN, *WEB, *OUTSIDE, "assistant", "service", "dashboard", "pages"),
    "assistant": (*SQL, *SCREEN, *WEB, *OUTSIDE, "service", "dashboard", "pages"),
    "service": (*SQL, *SCREEN, *OUTSIDE, "dashboard", "pages"),
    "dashboard": (*SQL, *OUTSIDE, "fastapi", "assistant", "service", "pages"),
    "examples": (*SQL, *SCREEN, *WEB, "tests", "bench", "launch", "dev", "service", "dashboard", "pages"),
    "pages": (*SQL, *WEB, *OUTSIDE, "plotly", "pandas", "assistant", "service"),
}
DOORS = ("tracing_core.storage.database", "tracing_core.storage.embedded", "tracing_core.storage.migrate")
"""What a process may know of storage: the handle that queries are asked of, the server and the schema it starts with."""
LEAVES = (
    "alert_settings",
    "calibration_settings",
    "clock",
    "errors",
    "feedback_settings",
    "ids",
    "jsontext",
    "model",
    "own_prices",
    "settings",
)
LONGEST = {"module": 300, "page": 100, "test module": 400, "function": 60}
DRAWS_TIME_OR_CHANCE = {
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "uuid4",
    "uuid.uuid4",
    "uuid1",
    "uuid.uuid1",
}
SWALLOWS_AT_MOST = 16
ENTRANCES = (
    "tracing_core",
    "tracing_core.__main__",
    "tracing_core.monitoring",
    "dashboard.app",
    "service.__main__",
    "service.mcp_stdio",
    "assistant.assistant",
    "examples.demo",
    "examples.research.__main__",
    "dev",
)
"""Where a program or a person comes in; pages, migrations and queries are found by their folder."""

MODULES = {source.name: source for source in sources(*PRODUCT, "dev.py")}
ARROWS = {name: own_imports(source, MODULES) for name, source in MODULES.items()}
TESTS = sources("tests")


def where(source: Source, node: ast.AST) -> str:
    return f"{source.path}:{getattr(node, 'lineno', 0)}"


@pytest.mark.parametrize("room", BANNED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    """Arrows point one way: pages, dashboard, tracing_core; service, assistant, tracing_core; examples come before assistant."""
    broken = {
        f"{source.path} imports {name}"
        for source in sources(room)
        for name in source.imports
        for banned in BANNED[room]
        if is_under(name, banned)
    }
    assert not broken


def test_sql_stays_in_storage_and_query() -> None:
    """Of the library, only storage and query know SQLAlchemy and the driver."""
    homes = ("tracing_core.storage", "tracing_core.query")
    outside = [source for source in sources("tracing_core") if not any(is_under(source.name, home) for home in homes)]
    assert not {source.path for source in outside for name in source.imports for sql in SQL if is_under(name, sql)}


def test_storage_is_entered_by_its_doors() -> None:
    """How traces are kept can change without the rooms around the library."""
    rooms = sources("assistant", "service", "dashboard", "pages")
    storage = {(s.path, name) for s in rooms for name in s.imports if is_under(name, "tracing_core.storage")}
    assert not {(path, name) for path, name in storage if not any(is_under(name, door) for door in DOORS)}


def test_leaves_import_no_module_above_them() -> None:
    """The model, errors, ids, clock and settings stand on nothing of ours but one another."""
    leaves = {f"tracing_core.{leaf}" for leaf in LEAVES}
    assert not {(leaf, above) for leaf in leaves for above in ARROWS[leaf] - leaves}


def test_recording_does_not_know_the_database() -> None:
    """A program that records spans loads neither storage nor queries."""
    known = reachable({"tracing_core.recording", "tracing_core.trace"}, ARROWS)
    assert not {
        name for name in known if is_under(name, "tracing_core.storage") or is_under(name, "tracing_core.query")
    }


def test_modules_do_not_import_in_circles() -> None:
    """No module can be come back to from itself."""
    assert not cycles(ARROWS)


def test_the_search_for_circles_finds_one() -> None:
    """The search above is not blind: it names all of a circle and nothing beside it."""
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == {"a", "b", "c"}


def test_modules_of_the_library_do_not_import_its_root() -> None:
    """Inside tracing_core names come from the module that has them, so that importing it never goes round."""
    assert not {name for name, arrows in ARROWS.items() if is_under(name, "tracing_core") and "tracing_core" in arrows}


def test_setup_needs_only_the_standard_library() -> None:
    """`dev.py` runs before anything is installed."""
    roots = {(s.path, name.split(".")[0]) for s in sources("dev.py", "launch") for name in s.imports}
    assert not {(path, root) for path, root in roots if root not in {*sys.stdlib_module_names, "launch"}}


def test_every_package_imported_is_declared_and_pinned() -> None:
    """pyproject.toml names each package that the product imports, and requirements.txt says which version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["app"]]
    declared = {re.split(r"[\[><=]", line)[0] for line in wanted}
    imports = {name.split(".")[0] for room in PRODUCT for source in sources(room) for name in source.imports}
    roots = imports - set(sys.stdlib_module_names) - {*PRODUCT, "__future__"}
    spelled = {
        "psycopg2": "psycopg2-binary",
        "sseclient": "sseclient-py",
        "google": "protobuf",
        "grpc": "grpcio",
        "opentelemetry": "opentelemetry-proto",
        "frontmatter": "python-frontmatter",
        "sklearn": "scikit-learn",
        "yaml": "pyyaml",
    }
    assert {spelled.get(root, root).replace("_", "-") for root in roots} <= declared
    pins = (ROOT / "requirements.txt").read_text()
    assert not {name for name in declared if not re.search(rf"^{name}(\[\w+\])?==", pins, re.MULTILINE)}


def test_requirements_are_exact() -> None:
    """Each line of requirements.txt is a pin, a comment or the project itself; where packages come from is pip's affair."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert not [line for line in lines if not re.fullmatch(r"#.*|-e \.|[a-z0-9._-]+==[\w.]+", line)]


def test_files_are_named_by_a_noun() -> None:
    """No file or folder is a drawer for odds and ends."""
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
    assert not {path for path in tracked_files() for part in path.parts if part.split(".")[0] in drawers}


def test_modules_pages_and_functions_stay_small() -> None:
    """Nothing grows beyond what can be read at once."""
    limits = {"pages": LONGEST["page"], "tests": LONGEST["test module"]}
    long = {s.path for s in sources() if len(s.lines) > limits.get(s.room, LONGEST["module"])}
    functions = {
        f"{where(source, node)} {node.name}"
        for source in sources()
        for node in source.functions
        if (node.end_lineno or 0) - node.lineno >= LONGEST["function"]
        and "migrations/versions" not in source.path.as_posix()
    }
    assert not long
    assert not functions


def test_what_crosses_a_layer_is_frozen() -> None:
    """Every dataclass of the model is frozen and keyword-only."""
    classes = [c for _, c in inspect.getmembers(model, inspect.isclass) if dataclasses.is_dataclass(c)]
    assert classes
    for cls in classes:
        assert cls.__dataclass_params__.frozen, cls  # type: ignore[attr-defined]
        assert all(field.kw_only for field in dataclasses.fields(cls)), cls


def test_the_public_surface_is_a_list() -> None:
    """`tracing_core/__init__.py` is imports and `__all__`, which ruff sorts, and every name in it is there."""
    package = importlib.import_module("tracing_core")
    body = ast.parse((ROOT / "tracing_core/__init__.py").read_text()).body
    assert {type(node) for node in body} <= {ast.Expr, ast.ImportFrom, ast.Assign}
    assert all(hasattr(package, name) for name in package.__all__)


def test_settings_alone_read_the_environment() -> None:
    """What can be set is in one table, because only one module looks at the environment."""
    readers = {
        s.path.as_posix() for s in MODULES.values() if s.calls & {"os.environ", "os.getenv", "environ", "getenv"}
    }
    assert {path for path in readers if not path.startswith(("dev.py", "launch/"))} <= {"tracing_core/settings.py"}


def test_clock_and_ids_alone_draw_time_and_chance() -> None:
    """Times and ids are handed in, so a test can compare whole traces."""
    drawing = {s.path.as_posix() for s in MODULES.values() if s.calls & DRAWS_TIME_OR_CHANCE and s.room != "launch"}
    assert drawing <= {"tracing_core/clock.py", "tracing_core/ids.py", "dev.py"}


def test_driver_errors_are_translated_in_one_place() -> None:
    """One module knows the driver's errors; the rest knows ours."""
    knowing = {s.path.as_posix() for s in MODULES.values() if any(is_under(n, "sqlalchemy.exc") for n in s.imports)}
    assert knowing <= {"tracing_core/storage/database.py"}


def test_percentiles_are_defined_once() -> None:
    """The one SQL percentile is in query/metrics.py."""
    assert found_in("percentile_cont|percentile_disc", *PRODUCT) <= {"tracing_core/query/metrics.py"}


def test_only_edges_swallow_every_error() -> None:
    """A handler for any error at all raises again, or stands at an edge and says why, here or in the log."""
    swallowing = [(s, h) for s in MODULES.values() for h in s.nodes if isinstance(h, ast.ExceptHandler) if swallows(h)]
    unexplained = [
        where(s, h)
        for s, h in swallowing
        if "  # " not in s.lines[h.lineno - 1] and "logger.exception" not in ast.unparse(h)
    ]
    assert not unexplained
    assert len(swallowing) <= SWALLOWS_AT_MOST, [where(s, h) for s, h in swallowing]


def swallows(handler: ast.ExceptHandler) -> bool:
    broad = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    return broad and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_every_error_says_what_it_means() -> None:
    """The docstring of an error class is its message."""
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert all(str(cls.__doc__).partition("\n")[0].endswith(".") for cls in classes)
    drawn = str(errors.__doc__)
    assert not {cls.__name__ for cls in classes if cls.__name__ not in drawn}


def test_every_test_states_its_truth() -> None:
    """Each test function has a docstring."""
    tests = [(source, node) for source in TESTS for node in source.functions if node.name.startswith("test_")]
    assert not [f"{where(source, node)} {node.name}" for source, node in tests if not ast.get_docstring(node)]


def test_tests_wait_for_events_not_for_time() -> None:
    """No test sleeps; to let other tasks run, `sleep(0)`, is no waiting."""
    calls = [(source, node) for source in TESTS for node in source.nodes if isinstance(node, ast.Call)]
    naps = [(s, c) for s, c in calls if ast.unparse(c.func).split(".")[-1] in {"sleep", "wait_for_timeout"}]
    assert not [where(source, call) for source, call in naps if ast.unparse(call.args[0]) != "0"]


def test_no_module_is_left_over() -> None:
    """Every module can be come to from a place where somebody enters."""
    folders = ("pages", "tracing_core.query", "tracing_core.storage.migrations")
    entrances = {*ENTRANCES, *(name for name in MODULES if any(is_under(name, folder) for folder in folders))}
    if missing := set(ENTRANCES) - set(MODULES):
        pytest.skip(f"not every entrance is there: {', '.join(sorted(missing))}")
    quoted = {text for s in MODULES.values() for text in re.findall(r'"([\w./]+)"', s.text)}
    started = {name for name, s in MODULES.items() if quoted & {name, s.path.name, s.path.as_posix()}}
    used = reachable(entrances | started, ARROWS)
    packages = {name for name, source in MODULES.items() if source.path.name == "__init__.py"}
    left_over = set(MODULES) - used - packages
    assert not left_over


def test_files_hold_on_any_machine() -> None:
    """No text of the project names a folder of one machine or where its packages came from."""
    one_machine = re.compile(r"(?<![\w.:}])/(?:work|root|home|opt|Users)/[\w.]")
    source_of_packages = re.compile("py" + r"pi\.org|python" + "hosted|index" + r"-url|find" + "-links")
    assert not [path for path, text in text_files() if one_machine.search(text) or source_of_packages.search(text)]
