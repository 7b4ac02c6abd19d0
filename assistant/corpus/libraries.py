"""The libraries that the assistant knows: where their source lies, which of it counts, and under which names it is used."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NEVER = frozenset({"tests", "testing", "test", "vendor", "_vendor", "__pycache__", "proto", "static"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """One library of the corpus.

    Args:
        name: what people call it, and what `library_filter` takes.
        version: of what is installed; the index is built anew when it changes.
        root: the folder of its source.
        package: the import name that `root` stands for; empty for the standard library, whose modules stand for themselves.
        skip: folders and files (without `.py`) below `root` that say nothing to a user.
        only: when given, the folders below `root` that count, without what lies below them; "" is `root` itself.
        properties: whether properties count; Plotly has tens of thousands that say little.
        internal: matches the start of names that serve the library itself; a module is matched with a dot at its end.
    """

    name: str
    version: str
    root: Path
    package: str
    skip: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()
    properties: bool = True
    internal: str = ""

    def files(self) -> Iterator[Path]:
        """The source files that count, in a stable order."""
        ignored = _NEVER | self.skip
        for folder in [self.root / part for part in self.only] or [self.root]:
            for here, folders, files in os.walk(folder):
                folders[:] = [] if self.only else sorted(f for f in set(folders) - ignored if f[0] != ".")
                yield from (
                    Path(here, name) for name in sorted(files) if name.endswith(".py") and name[:-3] not in ignored
                )


_PACKAGES: dict[str, dict[str, Any]] = {
    "fastapi": {},
    "starlette": {},
    "pydantic": {"skip": frozenset({"v1", "_internal", "deprecated", "mypy", "plugin"})},
    "streamlit": {
        "skip": frozenset({"web", "watcher", "external", "hello", "scriptrunner", "cli_util"}),
        "internal": r"streamlit\.(?!(column_config|connections|cache_data|cache_resource|session_state|components|elements"
        r"\.\w+\.\w+Mixin)\b)\w+\.",
    },
    "sqlalchemy": {
        "skip": frozenset({"mysql", "mssql", "oracle", "mypy", "cyextension", "connectors"}),
        "internal": r"sqlalchemy\.(util|log|event\.(legacy|registry|base|attr)|sql\.(util|traversals|cache_key|visitors))\.",
    },
    "pandas": {
        "skip": frozenset({"_libs", "compat", "array_algos", "_testing", "internals", "computation", "util"}),
        "internal": r"pandas\.(core\.(?!(groupby|window|resample)\.\w)|io\.|plotting\._)",
    },
    "plotly": {
        "only": ("", "express", "io", "figure_factory", "graph_objs"),
        "skip": frozenset({"_figure", "_figurewidget"}),
        "properties": False,
        "internal": r"plotly\.(\w*utils|optional_imports|callbacks|files|serializers|validator_cache|tools|basedatatypes|"
        r"figure_factory\.utils|express\.imshow_utils)\.",
    },
}

_STANDARD_SKIP = frozenset(
    [
        "dist-packages",
        "site-packages",
        "idlelib",
        "lib2to3",
        "turtledemo",
        "turtle",
        "tkinter",
        "ensurepip",
        "pydoc_data",
        "antigravity",
        "this",
        "encodings",
        "distutils",
        "curses",
        "dbm",
        "venv",
        "wsgiref",
        "msilib",
        "__phello__",
        "xml",
        "ctypes",
        "__future__",
    ]
)

LIBRARY_NAMES = ("python", *_PACKAGES)
"""What `library_filter` may be."""


def installed_libraries() -> tuple[Library, ...]:
    """Those of the known libraries that are installed here; the standard library always is."""
    found = [
        Library(
            name="python", version=platform.python_version(), root=_standard_root(), package="", skip=_STANDARD_SKIP
        )
    ]
    for name, bounds in _PACKAGES.items():
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            root = Path(next(iter(spec.submodule_search_locations)))
            found.append(
                Library(name=name, version=importlib.metadata.version(name), root=root, package=name, **bounds)
            )
    return tuple(found)


def _standard_root() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])
