"""What a decision model answered, as decisions: pydantic-ai's `decide` spans, OpenInference's DECISION, Strands' decisions.

All of them put named questions and get named answers. An answer is a choice among options, a yes or no (`noul`, the
probability of yes), or a score on a rubric. The attributes stay as they came: they say more than a decision holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tracing_core.model import Decision
from tracing_core.readings import mapping, parsed, share

_ANSWERS = ("pydantic_ai.decision.answers", "gen_ai.decision.answers")
_QUESTIONS = ("pydantic_ai.decision.questions", "gen_ai.decision.questions")
_REQUEST, _RESPONSE = "input.value", "output.value"
_CONFIDENCE, _THRESHOLDS = "pydantic_ai.decision.confidence", "pydantic_ai.decision.thresholds"
_CHOICES = ("choice", "answer", "score", "value", "selection")
_WORDS_OF_QUESTIONS = ("instructions", "question", "prompt")
_ANSWERS_KEPT = frozenset({*_CHOICES, "noul", "type", "confidence", "probability", "probabilities"})
_EVEN = 0.5

Said = Mapping[str, Any]


def answered(attributes: Said) -> tuple[Decision, ...]:
    """The decisions in the attributes of a span of a decision model; none when it sent no answers."""
    answers = _first(attributes, _ANSWERS) or _inside(attributes.get(_RESPONSE), "answers")
    questions = _first(attributes, _QUESTIONS) or _inside(attributes.get(_REQUEST), "questions")
    confidence = mapping(attributes.get(_CONFIDENCE)) or {}
    limit = share((mapping(attributes.get(_THRESHOLDS)) or {}).get("boolean"))
    found = (
        _decision(name, answer, mapping(questions.get(name)) or {}, share(confidence.get(name)), limit)
        for name, answer in answers.items()
    )
    return tuple(decision for decision in found if decision is not None)


def _first(attributes: Said, names: tuple[str, ...]) -> Said:
    return next((found for name in names if (found := mapping(attributes.get(name)))), {})


def _inside(value: Any, key: str) -> Said:
    return mapping((mapping(value) or {}).get(key)) or {}


def _decision(name: str, given: Any, question: Said, sure: float | None, limit: float | None) -> Decision | None:
    answer = given if isinstance(given, Mapping) else {"answer": given}
    yes = share(answer.get("noul"))
    probability = answer.get("confidence", answer.get("probability"))
    probabilities: Said
    if yes is not None:
        what: Any = yes >= (_EVEN if limit is None else limit)
        probability, probabilities = (yes if what else 1 - yes), {"yes": yes, "no": 1 - yes}
    else:
        what = next((answer[key] for key in _CHOICES if answer.get(key) is not None), None)
        probabilities = mapping(answer.get("probabilities")) or dict.fromkeys(_options(question))
    if what is None:
        return None
    chosen = {True: "yes", False: "no"}[what] if yes is not None else str(what)
    return Decision(
        decision=name,
        what=chosen if yes is not None else what,
        confidence=sure if sure is not None else share(probability),
        alternatives_considered=tuple(_others(probabilities, chosen)),
        inputs=_inputs(answer, question),
    )


def _options(question: Said) -> Iterator[str]:
    """What could be chosen, where the question says it."""
    for key in ("criteria", "options", "choices"):
        given = parsed(question.get(key))
        if isinstance(given, Mapping | list | tuple):
            yield from (option for option in given if isinstance(option, str))
            return


def _others(probabilities: Said, chosen: str) -> Iterator[str]:
    """What was not chosen, the likeliest first, as `label (0.20)`."""
    known = ((label, share(probability)) for label, probability in probabilities.items() if label != chosen)
    for label, probability in sorted(known, key=lambda one: -(one[1] or 0)):
        yield label if probability is None else f"{label} ({probability:.2f})"


def _inputs(answer: Said, question: Said) -> dict[str, Any]:
    """The words of the question, and what else the answer says."""
    asked = next((question[key] for key in _WORDS_OF_QUESTIONS if question.get(key)), None)
    rest = {key: value for key, value in answer.items() if key not in _ANSWERS_KEPT}
    return ({} if asked is None else {"question": asked}) | rest
