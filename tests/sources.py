"""The project's own files, read as text and as syntax trees, for the tests that keep its shape."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("tracing_core", "assistant", "service", "dashboard", "pages", "launch", "examples")
BINARY = {".png", ".jpg", ".ico", ".woff2", ".parquet", ".gz", ".dict"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One Python file; `path` counts from the root of the project."""

    path: Path

    @property
    def room(self) -> str:
        """The first folder of its path; `dev.py` is its own."""
        return self.path.parts[0]

    @property
    def name(self) -> str:
        """What an import calls it."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of its syntax tree."""
        return tuple(ast.walk(ast.parse(self.text)))

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    @cached_property
    def imports(self) -> frozenset[str]:
        """What it imports when it runs, anywhere in it: `a.b` and, for `from a import b`, both `a` and `a.b`."""
        blocks = (n for n in self.nodes if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
        only_typed = {id(node) for block in blocks for node in block.body}
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import) and id(node) not in only_typed:
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and id(node) not in only_typed:
                found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        return frozenset(found)

    @cached_property
    def calls(self) -> frozenset[str]:
        """The names, dots included, of what it calls or reads."""
        wanted = (node for node in self.nodes if isinstance(node, ast.Attribute | ast.Name))
        return frozenset(map(ast.unparse, wanted))


@cache
def tracked_files() -> tuple[Path, ...]:
    """The files of the project, also those that are not committed yet, without what .gitignore names."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    return tuple(sorted(Path(name) for name in set(listed.split("\0")) if name and (ROOT / name).is_file()))


@cache
def sources(*rooms: str) -> tuple[Source, ...]:
    """The Python files of these rooms, or all."""
    found = (Source(path=path) for path in tracked_files() if path.suffix == ".py")
    return tuple(source for source in found if not rooms or source.room in rooms)


def own_imports(source: Source, names: Mapping[str, Source]) -> set[str]:
    """The modules of ours that a module imports; a name taken from a module counts as that module."""
    found = {name for name in source.imports if name in names}
    packages = {name for name in found if names[name].path.name == "__init__.py"}
    # `from package import module` names the package too, which is the module's only when nothing else is taken from it.
    taken = {name for name in packages if any(is_under(other, name) and other != name for other in found)}
    taken = {name for name in taken if not _takes_names(source, name, names)}
    return found - taken - {source.name}


def _takes_names(source: Source, package: str, names: Mapping[str, Source]) -> bool:
    taken = (node for node in source.nodes if isinstance(node, ast.ImportFrom) and node.module == package)
    return any(f"{package}.{alias.name}" not in names for alias in chain.from_iterable(node.names for node in taken))


def is_under(name: str, package: str) -> bool:
    """Whether `name` is `package` or something in it."""
    return name == package or name.startswith(package + ".")


def reachable(start: set[str], arrows: Mapping[str, set[str]]) -> set[str]:
    """Everything that can be come to from `start`, itself included."""
    seen: set[str] = set()
    waiting = set(start)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= arrows.get(name, set()) - seen
    return seen


def cycles(arrows: Mapping[str, set[str]]) -> set[str]:
    """The names that can be come back to from themselves."""
    return {name for name, targets in arrows.items() if name in reachable(set(targets), arrows)}


def text_files() -> Iterator[tuple[Path, str]]:
    """Every file of the project that is text, with what it says."""
    for path in tracked_files():
        if path.suffix not in BINARY:
            yield path, (ROOT / path).read_text(encoding="utf-8")


def found_in(pattern: str, *rooms: str) -> set[str]:
    """The files, as text, whose Python source matches `pattern`."""
    return {source.path.as_posix() for source in sources(*rooms) if re.search(pattern, source.text)}
