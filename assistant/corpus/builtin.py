"""What Python says about the parts of itself that have no Python source: `str.split`, `itertools.chain`, `math.sqrt`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from assistant.corpus.docstrings import Docstring

_MODULES = ("builtins", "itertools", "math", "time", "functools", "collections", "operator", "sys", "gc", "select")
_METHODS_OF = frozenset(
    ["str", "list", "dict", "set", "tuple", "int", "float", "bytes", "deque", "defaultdict", "OrderedDict"]
)


def read_builtins() -> Iterator[Docstring]:
    """The docstrings of functions, types and exceptions written in C. Only modules of Python itself are imported."""
    for module_name in _MODULES:
        module = importlib.import_module(module_name)
        prefix = "" if module_name == "builtins" else f"{module_name}."
        for name, value in sorted(vars(module).items()):
            if name.startswith("_") or not (inspect.isclass(value) or inspect.isbuiltin(value)):
                continue
            yield from _one(prefix + name, value)
            if name in _METHODS_OF and inspect.isclass(value):
                for method, body in sorted(vars(value).items()):
                    if not method.startswith("_"):
                        yield from _one(f"{prefix}{name}.{method}", body)


def _one(name: str, value: object) -> Iterator[Docstring]:
    text = inspect.getdoc(value)
    if text:
        arguments = getattr(value, "__text_signature__", None) or ""
        yield Docstring(
            name=name,
            library="python",
            signature=name + arguments.replace("$self, ", "").replace("$self", ""),
            text=text,
        )
