"""The principles that reports are held to: those of every report (META), of a guide (HT), an explanation (EX), a comparison (CO)."""

from __future__ import annotations

from examples.research.model import Principle

_GUIDE, _EXPLANATION, _COMPARISON = frozenset({"how_to"}), frozenset({"explanation"}), frozenset({"comparison"})
_CAREFUL = frozenset({"validating", "exploring"})

PRINCIPLES = (
    Principle(
        id="META-1", name="No Generics", asks="Name real functions and classes; no empty phrases.", critical=True
    ),
    Principle(id="META-2", name="Answers the Question", asks="Take up every word of the question.", critical=True),
    Principle(id="META-3", name="Inline Source", asks="Put the number of its source after each sentence, like [1]."),
    Principle(id="META-4", name="Sources Exist", asks="Cite only sources that are listed."),
    Principle(id="META-5", name="Several Sources", asks="Rest on four documents or more."),
    Principle(id="META-6", name="Grounded", asks="Say nothing that no source says."),
    Principle(id="META-7", name="Good Evidence", asks="Rest on evidence that is about the question."),
    Principle(id="META-8", name="Readable Shape", asks="Headings, and neither a line nor a book."),
    Principle(id="META-9", name="Says What Is Missing", asks="Name what the sources do not cover.", intents=_CAREFUL),
    Principle(id="HT-1", name="Shows Code", asks="Show code that calls what is named.", report_types=_GUIDE),
    Principle(id="HT-2", name="Names the Call", asks="Give the call with its arguments.", report_types=_GUIDE),
    Principle(id="EX-1", name="Says Why", asks="Say what it is for.", report_types=_EXPLANATION),
    Principle(id="EX-2", name="Begins With the Subject", asks="Name the subject first.", report_types=_EXPLANATION),
    Principle(id="CO-1", name="Both Sides", asks="Name everything that is compared.", report_types=_COMPARISON),
    Principle(id="CO-2", name="Says the Difference", asks="Say in what they differ.", report_types=_COMPARISON),
)
"""All of them; their checks are in `checks.py`."""
