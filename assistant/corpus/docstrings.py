"""Docstrings out of source code. The source is parsed, never imported or run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.corpus.libraries import Library
from assistant.corpus.names import PublicNames

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_SIGNATURE_CHARS = 220
_DIRECTIVE = re.compile(r"^\s*\.\. (versionadded|versionchanged|deprecated|seealso|_\w+:).*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Docstring:
    """What a library says about one of its names.

    Args:
        name: the path by which people use it, such as `fastapi.FastAPI.post`.
        signature: name and arguments on one line, shortened.
        text: the docstring, with the documentation of its arguments where that is written apart.
    """

    name: str
    library: str
    signature: str
    text: str


def read_docstrings(library: Library) -> Iterator[Docstring]:
    """Every public docstring of `library`, each name once. Files that cannot be parsed are passed over."""
    names = PublicNames(library)
    seen: set[str] = set()
    said: set[str] = set()
    for path in library.files():
        tree = _parse(path)
        if tree is None:
            continue
        module = names.module(path)
        for docstring in _of_module(tree, module, library, names, said):
            if docstring.name not in seen:
                seen.add(docstring.name)
                yield docstring


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _of_module(
    tree: ast.Module, module: str, library: Library, names: PublicNames, said: set[str]
) -> Iterator[Docstring]:
    if not any(part.startswith("_") for part in module.split(".")) and not names.is_internal(f"{module}."):
        yield from _documented(ast.get_docstring(tree), module, library.name, module)
    for node in _definitions(tree.body):
        name = names.public(module, node.name)
        if name is None:
            continue
        yield from _of_definition(node, name, library.name, said)
        if isinstance(node, ast.ClassDef):
            owner = names.owner_of_methods(module, node.name, name)
            for method in _definitions(node.body):
                if not method.name.startswith("_") and (library.properties or not _decorated(method, "property")):
                    yield from _of_definition(method, f"{owner}.{method.name}", library.name, said)


def _definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """The functions and classes of a body, also those inside `if` and `try`; overloads have no text of their own."""
    for node in body:
        if isinstance(node, Definition):
            if not _decorated(node, "overload"):
                yield node
        elif isinstance(node, ast.If | ast.Try):
            yield from _definitions(node.body)
            yield from _definitions(node.orelse)


def _decorated(node: Definition, word: str) -> bool:
    return any(getattr(d, "id", getattr(d, "attr", "")) == word for d in node.decorator_list)


def _of_definition(node: Definition, name: str, library: str, said: set[str]) -> Iterator[Docstring]:
    text = ast.get_docstring(node) or ""
    callable_node: ast.FunctionDef | ast.AsyncFunctionDef | None = node if not isinstance(node, ast.ClassDef) else None
    if isinstance(node, ast.ClassDef):
        for method in [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name in {"__init__", "__call__"}]:
            text += "\n\n" + (ast.get_docstring(method) or "")
            callable_node = callable_node if callable_node and callable_node.name == "__init__" else method
    if callable_node is None:
        return _documented(text, name, library, name)
    text += "".join(f"\n\n{argument}: {words}" for argument, words in _annotated(callable_node, said))
    return _documented(text, name, library, _signature(name, callable_node))


def _documented(text: str | None, name: str, library: str, signature: str) -> Iterator[Docstring]:
    cleaned = _DIRECTIVE.sub("", text or "").strip()
    if cleaned:
        yield Docstring(name=name, library=library, signature=signature, text=cleaned)


def _signature(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = node.args
    words = [a.arg for a in (*arguments.posonlyargs, *arguments.args) if a.arg not in {"self", "cls"}]
    words += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    words += [a.arg for a in arguments.kwonlyargs]
    words += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    line = f"{name}({', '.join(words)})"
    return line if len(line) <= _SIGNATURE_CHARS else line[: _SIGNATURE_CHARS - 4].rsplit(",", 1)[0] + ", …)"


def _annotated(node: ast.FunctionDef | ast.AsyncFunctionDef, said: set[str]) -> Iterator[tuple[str, str]]:
    """Arguments documented by `Annotated[..., Doc("...")]`, each text only where a library says it first."""
    for argument in (*node.args.args, *node.args.kwonlyargs):
        annotation = argument.annotation
        if not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
            continue
        for part in annotation.slice.elts:
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "Doc" and part.args:
                words = part.args[0]
                if isinstance(words, ast.Constant) and isinstance(words.value, str) and words.value not in said:
                    said.add(words.value)
                    yield argument.arg, " ".join(inspect.cleandoc(words.value).split())
