"""One trace: what happened, and why. Its address is `/trace?id=…&span=…`, and can be shared."""

import streamlit as st

from dashboard import data, states, trace_page

trace_id = st.query_params.get("id", "")
trace = data.trace(trace_id) if trace_id else None

if trace is None:
    st.title("Trace", anchor=False)
    said = "There is no trace with this id." if trace_id else "No trace is chosen."
    states.empty(
        said, hint="It may not be stored yet, or not any more. Traces lists those there are.", chat=not trace_id
    )
else:
    trace_page.head(trace)
    trace_page.question_and_answer(trace)
    spans, decisions = data.spans(trace_id), data.decisions(trace_id)
    if spans:
        trace_page.tree_and_span(trace_id, spans, decisions)
    else:
        states.empty("The spans of this trace are not stored any more.")
    trace_page.beneath(trace, spans, decisions)
