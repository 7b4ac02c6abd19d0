"""Traces: find the one, or the kind."""

from dashboard import filters, results

view = filters.current("traces", (*filters.EVERYTHING, *filters.OF_DECISIONS, *filters.OF_RUNS))
filters.bar(view, facets=True)
results.search(view)
results.show(view)
