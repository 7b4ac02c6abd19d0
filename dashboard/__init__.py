"""What the pages share: the frame, the filters, the charts and the components. Knows Streamlit, and no SQL."""
