"""Explain: what sets some traces apart from the others, ranked, with the traces that show it."""

from functools import partial

from dashboard import explain_page, filters, saved_views

view = filters.current("explain", (*filters.EVERYTHING, *filters.OF_DECISIONS, *filters.OF_RUNS))
filters.bar(view, facets=True, beside=partial(saved_views.popover, view))
question = explain_page.choose(view)
if question.these == "box":
    explain_page.heat(view, question)
explain_page.answer(view, question)
