"""What a run of this program works with: the store, the documents, the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assistant.embedding import Embedder
from assistant.errors import IndexUnavailable
from assistant.language.choice import LanguageModels, Models
from assistant.loading import Loader
from assistant.stop import StopSignal
from examples.research.corpus import Corpus
from examples.research.pipeline import Research
from examples.research.policy import POLICY, Policy
from examples.research.publishing import Publisher
from tracing_core.clock import Clock
from tracing_core.cost import CostTracker
from tracing_core.store import Store, init


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """Ready to research; what is recorded goes into `store`."""

    store: Store
    research: Research


@contextmanager
def workplace(
    *,
    clock: Clock | None = None,
    models: Callable[[Embedder], Models] | None = None,
    policy: Policy = POLICY,
    **settings: Any,
) -> Iterator[Workplace]:
    """Open the store, load documents and models; close all of it at the end.

    Args:
        clock: the machine's own unless given.
        models: makes those who write; by default what the settings name.
        settings: by environment name; they win over the environment.

    Raises:
        SettingsError: a setting has a value that cannot be used.
        DatabaseUnavailable: the embedded PostgreSQL could not be started.
        IndexUnavailable: the documents cannot be loaded.
    """
    store = init(clock=clock, **settings)
    embedder = Embedder()
    writers = models(embedder) if models else LanguageModels(store.settings, embedder)
    loader = Loader(store.settings.data_dir / "index", embedder, writers)
    try:
        index = loader.wait(StopSignal())
        if index is None:
            raise IndexUnavailable
        publisher, prices = Publisher(store.settings.projects_dir), CostTracker(store.settings.prices)
        yield Workplace(store=store, research=Research(Corpus(index, embedder), writers, publisher, prices, policy))
    finally:
        loader.close()
        writers.close()
        store.close()
