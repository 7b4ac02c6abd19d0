"""Patterns: what is asked, what got no good evidence, what fails, and who asks."""

from dashboard import filters, patterns_page

view = filters.current("patterns", (*filters.EVERYTHING, *filters.OF_RUNS))
filters.bar(view, facets=True)
patterns_page.show(view)
