"""Components that record decisions: what each says that it records, and whether that is so (seed B, section 4).

A component need not derive from `TracingComponent`; to record it needs `trace.record()` alone. What it declares is for
people, for the tests of whoever writes it (`assert_follows_schema`), and for the dashboard.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from tracing_core.component_schema import ComponentSchema, schema_of
from tracing_core.document_reader import from_document
from tracing_core.errors import InvalidInput
from tracing_core.freeze import freeze
from tracing_core.model import TraceData
from tracing_core.schema_check import Problem, check
from tracing_core.sink import MemorySink
from tracing_core.trace import Trace


class TracingComponent(ABC):
    """A component that makes decisions and records them."""

    @property
    @abstractmethod
    def component_name(self) -> str:
        """Its name, which no other component has, such as `rubric_loader`."""
        ...

    @abstractmethod
    def get_trace_schema(self) -> dict[str, Any]:
        """What it can record, such as `{"decisions": ["rubric_loaded"], "outputs": ["total_principles"]}`.

        `component_schema` says what else can be in it: the stages, and rules for single decisions and outputs.
        """
        ...


class ComponentLike(Protocol):
    """What has the two members of `TracingComponent`, by whatever way."""

    @property
    def component_name(self) -> str:
        """Its name."""
        ...

    def get_trace_schema(self) -> Mapping[str, Any]:
        """What it can record."""
        ...


C = TypeVar("C")
AnyTrace = Trace | TraceData | Mapping[str, Any]
"""A trace that is being recorded or was, or the document of its file."""

_lock = threading.Lock()
_schemas: dict[str, ComponentSchema] = {}
_makers: dict[str, str] = {}


def register(component: C) -> C:
    """Make a component known: to `validate_trace`, to TRACEWHY_VALIDATE, and to the dashboard once a trace is stored.

    Args:
        component: a `TracingComponent`, or whatever has `component_name` and `get_trace_schema()`. Another instance of its
            class takes its place.

    Returns:
        The component.

    Raises:
        InvalidInput: its schema cannot be used, or a component of another class has its name.
    """
    schema, maker = schema_of(component), f"{type(component).__module__}.{type(component).__qualname__}"
    with _lock:
        if _makers.get(schema.component, maker) != maker:
            other = _makers[schema.component]
            raise InvalidInput("component_name", f"{schema.component!r} is that of {other} already; choose another")
        _schemas[schema.component], _makers[schema.component] = schema, maker
    return component


def unregister(component_name: str) -> None:
    """Forget a component; nothing happens when there is none of that name."""
    with _lock:
        _schemas.pop(component_name, None)
        _makers.pop(component_name, None)


def registered() -> tuple[ComponentSchema, ...]:
    """What the components of this process declare, by name."""
    with _lock:
        return tuple(sorted(_schemas.values(), key=lambda schema: schema.component))


def validate_trace(
    trace: AnyTrace, components: Iterable[ComponentLike | ComponentSchema] | None = None
) -> list[Problem]:
    """What a trace says that its components do not declare, or not so; empty when all is well.

    A decision is a component's when that declares its type, and names the stage or no stages at all. In a stage that a
    component owns (that it names; without such, the one of its own name) nothing may be decided that nobody declares,
    and nothing come out. Elsewhere that is nobody's affair.

    Args:
        trace: one that is being recorded or was, or the document of its file.
        components: whose; all registered ones without it.

    Raises:
        InvalidInput: a document is not that of a trace, or the schema of a component cannot be used.
    """
    schemas = registered() if components is None else tuple(map(_schema, components))
    return check(_data(trace), schemas)


def assert_follows_schema(
    recorded: MemorySink | AnyTrace | Iterable[AnyTrace], *components: ComponentLike | ComponentSchema
) -> None:
    """For the tests of an application: nothing was recorded that its components do not declare.

        sink = MemorySink()
        ...
        assert_follows_schema(sink, RubricLoader(), SourceSelector())

    Args:
        recorded: a `MemorySink`, a trace, or several.
        components: whose; all registered ones without any. Of those that are named here each has to have recorded something.

    Raises:
        AssertionError: something else was recorded, or nothing; says what, line by line.
        InvalidInput: as in `validate_trace`.
    """
    traces = [_data(trace) for trace in _several(recorded)]
    schemas = tuple(map(_schema, components)) or registered()
    problems = [str(problem) for trace in traces for problem in check(trace, schemas)]
    if not traces:
        problems.append("no trace was recorded, so nothing was checked")
    if not schemas:
        problems.append("no component is registered or given, so nothing was checked")
    silent = [each for each in schemas if components and not any(_recorded(each, trace) for trace in traces)]
    problems.extend(f"{each.component}: nothing of it was recorded" for each in silent if traces)
    if problems:
        raise AssertionError("\n".join(dict.fromkeys(problems)))


def _recorded(schema: ComponentSchema, trace: TraceData) -> bool:
    return any(
        span.name in schema.owned_stages or any(schema.declared(each.decision, span.name) for each in span.decisions)
        for span in trace.spans
    )


def _several(recorded: MemorySink | AnyTrace | Iterable[AnyTrace]) -> Iterator[AnyTrace]:
    if isinstance(recorded, MemorySink):
        yield from recorded.traces
    elif isinstance(recorded, Trace | TraceData | Mapping):
        yield recorded
    else:
        yield from recorded


def _data(trace: AnyTrace) -> TraceData:
    if isinstance(trace, Trace):
        return freeze(trace)
    return trace if isinstance(trace, TraceData) else from_document(trace)


def _schema(component: ComponentLike | ComponentSchema) -> ComponentSchema:
    return component if isinstance(component, ComponentSchema) else schema_of(component)
