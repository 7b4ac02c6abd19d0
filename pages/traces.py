"""Traces: find the one, or the kind."""

from functools import partial

from dashboard import filters, results, saved_views

view = filters.current("traces", (*filters.EVERYTHING, *filters.OF_DECISIONS, *filters.OF_RUNS))
filters.bar(view, facets=True, beside=partial(saved_views.popover, view))
results.search(view)
results.show(view)
