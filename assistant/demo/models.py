"""Language models of the made-up history: they quote as the extractive answerer does, and take the time, the tokens and
the faults of the models whose names they bear.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assistant.demo.clock import JumpingClock
from assistant.embedding import Embedder
from assistant.errors import ModelUnavailable
from assistant.language.choice import Choice
from assistant.language.extractive import NOTHING, OPENING, ExtractiveModel
from assistant.language.model import LanguageModel, Piece, Usage
from assistant.prompts import Budget, Prompt
from assistant.stop import StopSignal

_WORD_AND_SPACE = re.compile(r"\S+\s*")
_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """How a model behaves.

    Args:
        first_token: its median, in seconds.
        tokens_per_second: its median.
        failing: the share of questions at which it falls silent.
        share: how often it is chosen.
        adrift: the share of questions that it answers from memory, past the sources.
        cached: the share of prompts of which it has half in its cache.
    """

    first_token: float
    tokens_per_second: float
    failing: float
    share: float
    adrift: float
    cached: float = 0.0


HABITS: Mapping[str, Habits] = {
    "gpt-4o-mini": Habits(first_token=0.45, tokens_per_second=85, failing=0.006, share=0.62, adrift=0.05, cached=0.3),
    "claude-3-5-haiku-latest": Habits(first_token=0.7, tokens_per_second=65, failing=0.01, share=0.24, adrift=0.03),
    "house-model-7b": Habits(first_token=1.6, tokens_per_second=28, failing=0.04, share=0.14, adrift=0.3),
}
"""Two whose prices are known, and one that nobody has priced."""

_FROM_MEMORY = (
    "I am not sure, but this usually depends on the version that is installed and on how the project is set up.",
    "There are several ways to go about it; the simplest is often to look at what comparable programs do.",
    "In general this is a matter of configuration, so trying it in a small example first is a good idea.",
    "I don't know.",
)

_LONG_PROMPTS_SLOW_DOWN = 6000
"""Characters from which a prompt doubles the time to the first token."""


class PretendedModel:
    """Bears the name of a model, and jumps the clock by the time that it would take."""

    budget = Budget()
    provider = "demo"

    def __init__(self, name: str, quotes: ExtractiveModel, clock: JumpingClock, source: random.Random) -> None:
        self.name = name
        self._habits = HABITS[name]
        self._quotes = quotes
        self._clock = clock
        self._source = source

    def stream(self, prompt: Prompt, stop: StopSignal) -> Iterator[Piece | Usage]:
        """See `LanguageModel`."""
        habits, source = self._habits, self._source
        sent = len(prompt.system_prompt) + len(prompt.user_message)
        if source.random() < habits.failing:
            self._clock.jump(30)
            raise ModelUnavailable(f"The language model {self.name} was silent for 30 s.")
        slower = 2.0 if sent > _LONG_PROMPTS_SLOW_DOWN else 1.0
        self._clock.jump(habits.first_token * slower * source.lognormvariate(0, 0.35))
        seconds_per_word = 1.3 / (habits.tokens_per_second * source.lognormvariate(0, 0.15))
        answer = self._answer(prompt)
        for word in _WORD_AND_SPACE.findall(answer):
            if stop.is_set():
                return
            yield Piece(text=word)
            self._clock.jump(seconds_per_word)
        yield self._usage(sent, len(answer))

    def _answer(self, prompt: Prompt) -> str:
        if self._source.random() < self._habits.adrift:
            return self._source.choice(_FROM_MEMORY)
        return _without_opening(self._quotes.answer(prompt))

    def _usage(self, sent: int, answered: int) -> Usage:
        prompt_tokens, completion_tokens = sent // _CHARS_PER_TOKEN, max(answered // _CHARS_PER_TOKEN, 1)
        cached = prompt_tokens // 2 if self._source.random() < self._habits.cached else 0
        return Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            total_tokens=prompt_tokens + completion_tokens,
            cached_tokens=cached,
            finish_reason="stop",
        )


def _without_opening(quotes: str) -> str:
    """The quotes alone: a model does not say that there is none."""
    if quotes == NOTHING:
        return "The documentation does not say."
    return quotes.removeprefix(OPENING).replace("\n> ", "\n").strip().removeprefix("> ")


class PretendedModels:
    """Chooses one of them for each question, as a router would."""

    def __init__(self, embedder: Embedder, clock: JumpingClock, source: random.Random) -> None:
        quotes = ExtractiveModel(embedder)
        self._models: dict[str, LanguageModel] = {name: PretendedModel(name, quotes, clock, source) for name in HABITS}
        self._source = source

    def load(self) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to stop."""

    def choose(self, wanted: str | None) -> Choice:
        """See `LanguageModels`."""
        name = wanted or self._source.choices(list(HABITS), [habits.share for habits in HABITS.values()])[0]
        others = {other: f"{habits.first_token:.1f} s to its first token" for other, habits in HABITS.items()}
        return Choice(
            model=self._models[name],
            why="drawn by the share of traffic that it is given",
            others={other: why for other, why in others.items() if other != name},
        )
