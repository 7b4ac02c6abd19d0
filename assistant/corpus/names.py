"""The name under which people use something, which is seldom where it is defined: `pandas.core.frame.DataFrame` is `pandas.DataFrame`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from assistant.corpus.libraries import Library

_RENAMED = {
    "streamlit.runtime.caching.cache_data_api.CacheDataAPI": "streamlit.cache_data",
    "streamlit.runtime.caching.cache_resource_api.CacheResourceAPI": "streamlit.cache_resource",
    "streamlit.runtime.state.session_state_proxy.SessionStateProxy": "streamlit.session_state",
    "plotly.basedatatypes.BaseFigure": "plotly.graph_objects.Figure",
    "pandas.core.generic.NDFrame": "pandas.DataFrame",
    "pandas.core.strings.accessor.StringMethods": "pandas.Series.str",
}
"""What is bound to its public name by running code, which reading the imports cannot show."""
_MOVED = {"streamlit.elements.lib.column_types": "streamlit.column_config"}
"""Modules whose names are used from another one."""


class PublicNames:
    """Finds public names from the imports in the `__init__` files of a library; nothing is imported. `package.module.*` stands for all of a module."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._exports: dict[str, frozenset[str]] = {}

    def module(self, path: Path) -> str:
        """The import path of the module in the file `path`."""
        parts = list(path.relative_to(self._library.root).with_suffix("").parts)
        if parts and parts[-1] == "__init__":
            parts.pop()
        return ".".join(([self._library.package] if self._library.package else []) + parts)

    def public(self, module: str, name: str) -> str | None:
        """The shortest path that exports `name`, which is defined in `module`; None when it is not for users."""
        found = None if name.startswith("_") else self._shortest(_MOVED.get(module, module), name)
        return None if found is None or self.is_internal(found) else found

    def is_internal(self, name: str) -> bool:
        """Whether `name`, though it looks public, serves the library itself."""
        return bool(self._library.internal and re.match(self._library.internal, name))

    def _shortest(self, module: str, name: str) -> str | None:
        if f"{module}.{name}" in _RENAMED:
            return _RENAMED[f"{module}.{name}"]
        parts = module.split(".")
        for length in range(1, len(parts)):
            package = ".".join(parts[:length])
            exported = self._exported_by(package)
            if name in exported or f"{module}.*" in exported:
                return f"{package}.{name}"
        return None if any(part.startswith("_") for part in parts) else f"{module}.{name}"

    def owner_of_methods(self, module: str, class_name: str, public: str) -> str:
        """What the methods of a class are called on: Streamlit offers those of its mixins as `streamlit.*`."""
        if class_name.endswith("Mixin") and module.startswith("streamlit.elements"):
            return "streamlit"
        return public

    def _exported_by(self, package: str) -> frozenset[str]:
        if package not in self._exports:
            self._exports[package] = self._read(package)
        return self._exports[package]

    def _read(self, package: str) -> frozenset[str]:
        inside = package.split(".")[1 if self._library.package else 0 :]
        path = self._library.root.joinpath(*inside, "__init__.py")
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return frozenset()
        imports = list(_imports(tree.body))
        names = {alias.asname or alias.name for node in imports for alias in node.names if alias.name != "*"}
        return frozenset(names | {_absolute(node, package) + ".*" for node in imports if node.names[0].name == "*"})


def _imports(body: Iterable[ast.stmt]) -> Iterator[ast.ImportFrom]:
    """The imports of a module itself, also inside `if` and `try`; those inside functions export nothing."""
    for node in body:
        if isinstance(node, ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.Try):
            yield from _imports([*node.body, *node.orelse])


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `node` imports from, in the `__init__` of `package`."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])
