"""What people think of the answers."""

from dashboard import data, feedback_page, filters, layout

view = filters.current("feedback", filters.EVERYTHING)
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())

feedback_page.numbers(data.totals(chosen))
left, right = layout.narrow_then_wide()
with left:
    feedback_page.distribution(chosen)
with right:
    feedback_page.comments(chosen)
feedback_page.low_rated(chosen, view)
feedback_page.rate_by_id()
