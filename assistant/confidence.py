"""How far an answer can be trusted, from what can be seen without knowing the truth."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from assistant.classification import Guess

STAND = "answer"
CAVEAT = "answer with a caveat"
DECLINE = "decline"

CAVEATS = {
    CAVEAT: "The sources cover this question only in part, so check the answer against them.",
    DECLINE: "The documentation that was found does not answer this question, so do not rely on the text above.",
}
"""What is added below an answer that is not trusted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signs:
    """What speaks for an answer; each is 0 to 1.

    Args:
        top_score: of the best source after reranking.
        margin: how far the best source is ahead of the best one that was left out.
        coverage: the share of the question's words, by weight, that the sources have.
        grounding: the share of the answer's sentences that rest on a source.
    """

    top_score: float
    margin: float
    coverage: float
    grounding: float


def confidence(signs: Signs) -> float:
    """0 to 1. The weights were set by hand on some questions, a third of them off the subject."""
    evidence = 10.0 * signs.top_score + 1.0 * signs.coverage + 1.5 * signs.grounding + 1.0 * signs.margin - 6.8
    return 1 / (1 + math.exp(-evidence))


def judge(signs: Signs, threshold: float) -> Guess:
    """Whether to stand by an answer.

    Args:
        threshold: the confidence that an answer without a caveat needs.
    """
    sure = confidence(signs)
    partly = min(1.0, 0.5 * signs.coverage + signs.grounding * 0.5)
    odds = {STAND: sure, CAVEAT: (1 - sure) * partly, DECLINE: (1 - sure) * (1 - partly)}
    if sure >= threshold:
        what, why = STAND, f"{sure:.2f} reaches the {threshold:.2f} that an answer without a caveat needs"
    else:
        what = CAVEAT if odds[CAVEAT] >= odds[DECLINE] else DECLINE
        why = f"{sure:.2f} is below the {threshold:.2f} that an answer without a caveat needs"
    inputs = {name: round(value, 3) for name, value in asdict(signs).items()} | {"threshold": threshold}
    return Guess(what=what, why=why, odds=odds, inputs=inputs)
