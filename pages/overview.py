"""The overview tells whether it is healthy, and if not, where to look."""

import streamlit as st

from dashboard import attention_data, attention_panel, data, filters, kpis, layout, losses, panels, states

view = filters.current("overview", filters.EVERYTHING)
filters.bar(view, facets=True)
now = filters.present()
chosen = view.trace_filter(now)
totals = data.totals(chosen)
losses.notice(chosen.start)

if totals.count:
    before = view.period_before(now)
    latency, flags = data.latency_over_time(chosen), data.flags_over_time(chosen)
    kpis.row(kpis.numbers(totals, data.totals(before) if before else None, latency, flags), view)
    attention_panel.attention(view)

    left, right = layout.wide_then_narrow()
    with left:
        panels.latency(latency, attention_data.marks(chosen, tuple(point.bucket for point in latency)))
    with right:
        panels.flags(flags)

    left, right = layout.wide_then_narrow()
    with left:
        panels.stages(data.breakdown(chosen))
    with right:
        panels.libraries(data.libraries(chosen))

    st.subheader("Recent traces", anchor=False)
    panels.recent(view)
else:
    states.empty("No requests in this time.", hint="Choose a longer time range, or make some.", chat=True)
