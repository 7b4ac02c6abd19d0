"""The page of attributes cannot rot."""

from __future__ import annotations

from tests.attributes_page import PAGE, page
from tracing_core.conventions import CONCEPTS


def test_the_page_is_what_the_code_says() -> None:
    """docs/attributes.md is made from the tables; after a change of them `python -m tests.attributes_page` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_name_is_on_the_page() -> None:
    """Of every concept."""
    text = page()
    assert not [name for concept in CONCEPTS.values() for name, _ in concept.readings() if f"`{name}`" not in text]
