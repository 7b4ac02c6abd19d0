"""Decisions: which choices were made, how often, how sure, and whether it was right."""

from dashboard import decisions_page, decisions_type, filters

view = filters.current("decisions", (*filters.EVERYTHING, *filters.OF_DECISIONS))
filters.bar(view, facets=True)
outcome = decisions_page.outcome(view)

if view.decision:
    decisions_type.show(view, outcome)
else:
    decisions_page.show(view, outcome)
