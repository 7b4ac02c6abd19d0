"""The frame around every page: navigation, title, and the one place where a page's trouble becomes a sentence."""

from pathlib import Path

import streamlit as st

from dashboard import navigation, states

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Tracewhy", page_icon=str(HERE / "icon.svg"), layout="wide", initial_sidebar_state=navigation.WIDTH
)
st.logo(HERE / "logo.svg", icon_image=HERE / "icon.svg", size="medium")

page = st.navigation(navigation.pages())
screen = navigation.screen_of(page)
navigation.arrive(screen)

if screen.titled:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.title(screen.title, anchor=False, width="content")
        st.caption(screen.question, width="content")

with states.boundary():
    page.run()
