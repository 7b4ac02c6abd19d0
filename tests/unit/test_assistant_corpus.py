"""Documentation out of source code: public names, cut into pieces, without running anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.corpus.chunks import FEWEST_CHARS, MOST_CHARS, chunk, split
from assistant.corpus.docstrings import Docstring, read_docstrings
from assistant.corpus.libraries import Library, installed_libraries

LONG = "Sentences follow. " * 8


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A package whose modules must not be imported, as they would raise."""
    root = tmp_path / "shop"
    (root / "tests").mkdir(parents=True)
    (root / "__init__.py").write_text("from shop._core import Cart\nfrom .prices import *\nraise SystemExit\n")
    (root / "_core.py").write_text(
        f'class Cart:\n    """A cart. {LONG}"""\n    def add(self, item, *, count=1):\n        """Add an item. {LONG}"""\n'
        f'    def _hide(self):\n        """Private. {LONG}"""\nclass Internal:\n    """Inside. {LONG}"""\n'
    )
    (root / "prices.py").write_text(f'"""Prices. {LONG}"""\ndef total(*items):\n    """The total. {LONG}"""\n')
    (root / "broken.py").write_text("def (:\n")
    (root / "tests" / "test_it.py").write_text(f'def test_it():\n    """Never. {LONG}"""\n')
    return Library(name="shop", version="1", root=root, package="shop")


def test_names_are_those_that_people_use(library: Library) -> None:
    """What is defined in a private module is known by the name under which it is exported; what is private is not known."""
    names = {docstring.name for docstring in read_docstrings(library)}
    assert names == {"shop.Cart", "shop.Cart.add", "shop.prices", "shop.total"}


def test_signatures_name_the_arguments(library: Library) -> None:
    """A signature has every argument except self."""
    signatures = {docstring.name: docstring.signature for docstring in read_docstrings(library)}
    assert signatures["shop.Cart.add"] == "shop.Cart.add(item, count)"
    assert signatures["shop.total"] == "shop.total(*items)"


def test_installed_fastapi_is_documented_down_to_its_methods() -> None:
    """The real library gives the names that a question about it needs, with their code examples."""
    fastapi = next(library for library in installed_libraries() if library.name == "fastapi")
    texts = {docstring.name: docstring.text for docstring in read_docstrings(fastapi)}
    assert '@app.post("/items/")' in texts["fastapi.FastAPI.post"]
    assert "fastapi.Depends" in texts


def test_pieces_are_neither_too_long_nor_lost() -> None:
    """Cutting keeps every word, in order, and no piece is longer than the bound."""
    text = "\n\n".join(f"Paragraph {n}. " + "word " * (n * 17 % 230) for n in range(40))
    pieces = split(text)
    assert max(map(len, pieces)) <= MOST_CHARS
    assert " ".join(pieces).split() == text.split()


def test_code_stays_whole() -> None:
    """A fenced example is not torn apart at its blank lines."""
    code = "```python\nfirst = 1\n\nsecond = 2\n```"
    pieces = split("Before it. " * 50 + "\n\n" + code + "\n\n" + "After it. " * 50)
    assert any(code in piece for piece in pieces)


def test_further_pieces_are_numbered_and_bounded() -> None:
    """The first piece has the name itself as id, the next `#2`; no more than asked for; short ones are left out."""
    docstring = Docstring(name="a.b", library="a", signature="a.b()", text="\n\n".join(["x" * 800] * 5))
    assert [document.id for document in chunk(docstring, 3)] == ["a.b", "a.b#2", "a.b#3"]
    short = Docstring(name="a.c", library="a", signature="a.c()", text="y" * (FEWEST_CHARS - 1))
    assert list(chunk(short, 3)) == []
