"""Quality: how good the answers are, what falls short, and where."""

from dataclasses import replace

from dashboard import data, filters, quality_data, quality_page, states, words

view = filters.current("quality", (*filters.EVERYTHING, *filters.OF_RUNS))
filters.bar(view, facets=True)
chosen = view.trace_filter(filters.present())
totals = data.totals(chosen)

if totals.count:
    waiting = data.trace_count(replace(chosen, flagged_for_review=True))
    quality_page.numbers(totals, quality_data.measures(chosen), words.count(waiting.count))
    quality_page.over_time(view)
    report = quality_data.report(quality_page.of_runs(view).trace_filter(filters.present()))
    if report.runs:
        quality_page.principles(view, report)
    quality_page.noticed(view)
    quality_page.reliability(view)
else:
    states.empty("No answers in this time.", hint="Choose a longer time range, or make some.", chat=True)
