"""The frame around every page: navigation, title, and the one place where a page's trouble becomes a sentence."""

import streamlit as st

from dashboard import navigation, states

st.set_page_config(page_title="Tracewhy", page_icon=":material/account_tree:", layout="wide")

page = st.navigation(navigation.pages())
screen = navigation.screen_of(page)

if screen.titled:
    st.title(screen.title, anchor=False)
    st.caption(screen.question)

with states.boundary():
    page.run()
