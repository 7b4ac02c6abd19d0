"""Compare: two groups of runs, or two traces. Its address, `/compare?by=model&a=…&b=…` or `?trace=…&with=…`, can be shared."""

import streamlit as st

from dashboard import compare_groups, compare_page, compare_traces, compare_view, filters

asked = compare_view.parse(st.query_params.to_dict())
view = filters.current("compare", filters.EVERYTHING)
compare_page.kind(asked)
if asked.of_traces:
    compare_traces.show(asked)
else:
    filters.bar(view, facets=True)
    compare_groups.show(view, asked)
