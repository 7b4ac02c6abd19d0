"""Which language model answers: the server that is configured, else the embedded model, else quotes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from assistant.embedding import Embedder
from assistant.errors import ModelUnavailable
from assistant.language import embedded, extractive
from assistant.language.client import ChatClient
from assistant.language.model import LanguageModel
from assistant.prompts import Budget
from tracing_core.errors import InvalidInput
from tracing_core.settings import Settings

logger = logging.getLogger(__name__)

_SERVER = "the server at LLM_BASE_URL"
_LISTING_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The model that answers, why it does, and why each of the others does not."""

    model: LanguageModel
    why: str
    others: Mapping[str, str]


class Models(Protocol):
    """Chooses who answers; `LanguageModels` is the one that serves people."""

    def load(self) -> None:
        """Get ready what takes a while."""
        ...

    def close(self) -> None:
        """Stop what was started."""
        ...

    def choose(self, wanted: str | None) -> Choice:
        """The model for one question; `wanted` names it, None leaves it open."""
        ...


class LanguageModels:
    """The models of this process, each made when it is first wanted."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self._settings = settings
        self._extractive = extractive.ExtractiveModel(embedder)
        self._embedded: embedded.EmbeddedModel | None = None
        self._server: ChatClient | None = None
        self._listed: str | None = None
        self._missing = "it is switched off" if not settings.embedded_model else embedded.missing()

    def load(self) -> None:
        """Load the embedded model when it is the one that will answer; when it cannot be, answers will be quotes."""
        if self._settings.llm_base_url or self._missing:
            return
        try:
            self._embedded = embedded.EmbeddedModel(self._settings.llm_timeout_seconds)
        except (ModelUnavailable, ImportError) as error:
            logger.warning("%s", error)
            self._missing = str(error)

    def close(self) -> None:
        """Stop what was started."""
        for model in (self._embedded, self._server):
            if model is not None:
                model.close()
        self._embedded = self._server = None

    def choose(self, wanted: str | None) -> Choice:
        """The model for one question.

        Args:
            wanted: a model by name; None leaves it to the settings.

        Raises:
            InvalidInput: there is no such model here.
            ModelUnavailable: the configured server does not say which models it has.
        """
        if wanted == extractive.NAME:
            return self._choice(self._extractive, "it was asked for")
        if self._embedded is not None and wanted in {None, embedded.NAME}:
            return self._choice(self._embedded.client, "it was asked for" if wanted else "no LLM_BASE_URL is set")
        if self._settings.llm_base_url:
            return self._choice(self._client(wanted), "it was asked for" if wanted else "LLM_BASE_URL is set")
        if wanted is not None:
            known = [embedded.NAME] if self._embedded else []
            raise InvalidInput(
                "model", f"is not one of {', '.join([*known, extractive.NAME])}; LLM_BASE_URL adds others"
            )
        return self._choice(self._extractive, f"no LLM_BASE_URL is set, and of {embedded.NAME}: {self._missing}")

    def _choice(self, model: LanguageModel, why: str) -> Choice:
        configured = bool(self._settings.llm_base_url)
        others = {
            _SERVER: "not asked for" if configured else "not set",
            embedded.NAME: self._missing or ("LLM_BASE_URL is set" if configured else "not asked for"),
            extractive.NAME: "only quotes; for when there is no language model",
        }
        return Choice(model=model, why=why, others={name: no for name, no in others.items() if name != _label(model)})

    def _client(self, wanted: str | None) -> ChatClient:
        settings = self._settings
        if self._server is None:
            self._server = ChatClient(
                base_url=str(settings.llm_base_url),
                model=settings.llm_model or wanted or "",
                provider=httpx.URL(str(settings.llm_base_url)).host,
                budget=Budget(),
                timeout=settings.llm_timeout_seconds,
                api_key=settings.llm_api_key,
            )
        return self._server.asked_for(wanted or settings.llm_model or self._first_listed())

    def _first_listed(self) -> str:
        if self._listed is None:
            self._listed = self._ask_for_models()
        return self._listed

    def _ask_for_models(self) -> str:
        url = str(self._settings.llm_base_url).rstrip("/") + "/models"
        key = self._settings.llm_api_key
        try:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            answer = httpx.get(url, headers=headers, timeout=min(_LISTING_SECONDS, self._settings.llm_timeout_seconds))
            return str(answer.raise_for_status().json()["data"][0]["id"])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, IndexError, TypeError) as error:
            raise ModelUnavailable(
                f"The language model's server does not list its models ({error}); set LLM_MODEL."
            ) from error


def _label(model: LanguageModel) -> str:
    return _SERVER if model.name not in {embedded.NAME, extractive.NAME} else model.name
