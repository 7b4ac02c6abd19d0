"""What a component says that it records: the schema of seed B, section 4, read and checked.

    {"decisions": ["rubric_loaded", "intent_activation"], "outputs": ["total_principles"]}

says it in short. Each of both may be a mapping instead, or have mappings with a `name` in its list, to say more, and the stages
may be named:

    {
        "stages": ["collection"],
        "decisions": {"source_selection": {"what": ["exa", "reddit"], "confidence": True, "why": True}},
        "outputs": {"evidence_passed": {"required": True}},
    }
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tracing_core.errors import InvalidInput
from tracing_core.jsontext import storable, text_of

T = TypeVar("T")

_PARTS = ("decisions", "outputs", "stages", "description")
LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredDecision:
    """A type of decision that a component can make.

    Args:
        decision: the type, such as `source_selection`.
        what: what it can choose; None when that is open.
        confidence: whether each has to say how sure it was.
        why: whether each has to give a reason.
        description: for people.
    """

    decision: str
    what: tuple[Any, ...] | None = None
    confidence: bool = False
    why: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredOutput:
    """Something that can be among the outputs of a component's stages; `required`: must be, once the stage ended well."""

    output: str
    required: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentSchema:
    """What a component records.

    Args:
        component: its name.
        decisions: the types of decisions that it can make.
        outputs: what can be in the outputs of its stages; None when it says nothing of them.
        stages: that it records into; None when it does not name any.
        description: for people.
    """

    component: str
    decisions: tuple[DeclaredDecision, ...] = ()
    outputs: tuple[DeclaredOutput, ...] | None = None
    stages: tuple[str, ...] | None = None
    description: str = ""

    @property
    def owned_stages(self) -> tuple[str, ...]:
        """The stages in which nothing may be recorded that nobody declares: those that it names, else that of its own name."""
        return (self.component,) if self.stages is None else self.stages

    def declared(self, decision: str, stage: str) -> DeclaredDecision | None:
        """What it declares of a type of decision in a stage; when it names no stages, it may decide in any."""
        if self.stages is not None and stage not in self.stages:
            return None
        return next((each for each in self.decisions if each.decision == decision), None)

    def as_document(self) -> dict[str, Any]:
        """The schema as `get_trace_schema` could have given it, in the long form and an order that JSONB keeps."""
        rules = ("what", "confidence", "why", "description")
        document: dict[str, Any] = {
            "decisions": [{"name": each.decision, **_said(each, rules)} for each in self.decisions],
            "description": self.description,
        }
        if self.outputs is not None:
            document["outputs"] = [
                {"name": each.output, **_said(each, ("required", "description"))} for each in self.outputs
            ]
        if self.stages is not None:
            document["stages"] = list(self.stages)
        return document


def _said(declared: DeclaredDecision | DeclaredOutput, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(declared, name) for name in names}
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {name: value for name, value in values.items() if value not in (None, False, "")}


def schema_of(component: object) -> ComponentSchema:
    """The schema of a component: anything with a `component_name` and a `get_trace_schema()`, derived from
    `TracingComponent` or not.

    Raises:
        InvalidInput: it is no component, or its schema cannot be used; names the part and says what can.
    """
    name = getattr(component, "component_name", None)
    ask = getattr(component, "get_trace_schema", None)
    if isinstance(component, type) or isinstance(name, property):
        raise InvalidInput("component", f"is the class {getattr(component, '__name__', '')}; give an instance of it")
    if ask is None or not callable(ask):
        raise InvalidInput("component", f"{type(component).__name__} has no method get_trace_schema; give it one")
    return read_schema(_name("component_name", name), ask())


def read_schema(component: str, given: Any) -> ComponentSchema:
    """The schema in what `get_trace_schema` gave.

    Raises:
        InvalidInput: it cannot be used; names the part and says what can.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(component, f'its schema is a {type(given).__name__}; give {{"decisions": [...], ...}}')
    _check_keys(component, given, _PARTS)
    decisions = _rules(component, "decisions", given.get("decisions", ()), _decision)
    outputs = given.get("outputs")
    return ComponentSchema(
        component=component,
        decisions=decisions,
        outputs=None if outputs is None else _rules(component, "outputs", outputs, _output),
        stages=_stages(component, given.get("stages")),
        description=text_of(given.get("description") or ""),
    )


def _rules(component: str, part: str, given: Any, read: Callable[[str, str, Mapping[str, Any]], T]) -> tuple[T, ...]:
    where = f"{component}.{part}"
    if isinstance(given, str) or not isinstance(given, Mapping | list | tuple | set | frozenset):
        raise InvalidInput(where, f"is a {type(given).__name__}; give a list of names, or a mapping of names to rules")
    pairs = list(given.items()) if isinstance(given, Mapping) else [_named(each) for each in given]
    names = [_name(where, name) for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(where, f"has {twice!r} twice; name each once")
    found = []
    for name, rules in zip(names, (rules for _, rules in pairs), strict=True):
        if not isinstance(rules, Mapping):
            raise InvalidInput(
                f"{where}.{name}", f"is a {type(rules).__name__}; give a mapping of rules, {{}} for none"
            )
        found.append(read(f"{where}.{name}", name, rules))
    return tuple(found)


def _named(given: Any) -> tuple[Any, Any]:
    """A name in a list, or a mapping there with a `name` and rules."""
    if not isinstance(given, Mapping):
        return given, {}
    return given.get("name"), {rule: value for rule, value in given.items() if rule != "name"}


def _decision(where: str, name: str, rules: Mapping[str, Any]) -> DeclaredDecision:
    _check_keys(where, rules, ("what", "confidence", "why", "description"))
    what = rules.get("what")
    if what is not None and (isinstance(what, str | Mapping) or not isinstance(what, list | tuple | set | frozenset)):
        raise InvalidInput(f"{where}.what", f"is a {type(what).__name__}; give a list of what can be chosen")
    return DeclaredDecision(
        decision=name,
        what=None if what is None else tuple(sorted(what, key=str) if isinstance(what, set | frozenset) else what),
        confidence=_yes(where, "confidence", rules),
        why=_yes(where, "why", rules),
        description=text_of(rules.get("description") or ""),
    )


def _output(where: str, name: str, rules: Mapping[str, Any]) -> DeclaredOutput:
    _check_keys(where, rules, ("required", "description"))
    return DeclaredOutput(
        output=name, required=_yes(where, "required", rules), description=text_of(rules.get("description") or "")
    )


def _stages(component: str, given: Any) -> tuple[str, ...] | None:
    where = f"{component}.stages"
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, list | tuple | set | frozenset):
        raise InvalidInput(where, f"is a {type(given).__name__}; give a list of names of stages")
    return tuple(_name(where, stage) for stage in given)


def _yes(where: str, rule: str, rules: Mapping[str, Any]) -> bool:
    given = rules.get(rule, False)
    if not isinstance(given, bool):
        raise InvalidInput(f"{where}.{rule}", f"is {given!r}; give true when each must have it, or leave it out")
    return given


def _check_keys(where: str, given: Mapping[Any, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise InvalidInput(f"{where}.{text_of(key)}", f"is unknown; there can be {', '.join(known)}")


def _name(where: str, given: Any) -> str:
    if not isinstance(given, str) or not storable(given).strip():
        raise InvalidInput(where, f"has {given!r} where a name should be; give a text")
    if len(given) > LONGEST_NAME:
        raise InvalidInput(where, f"has a name of {len(given)} characters; at most {LONGEST_NAME} are kept")
    return storable(given)
