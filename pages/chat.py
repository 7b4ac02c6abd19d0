"""Chat: ask, watch it think, rate it."""

import streamlit as st

from dashboard import api, chat_controls, conversation, turn_view
from tracing_core.settings import settings

url = api.service_url(settings())
chosen = chat_controls.settings_aside()

for number, turn in enumerate(conversation.turns()):
    turn_view.draw(turn, number, url)

health = api.health(url)
if health is None:
    chat_controls.wait_for_service(url)
    st.stop()
if not health.ready:
    chat_controls.getting_ready(url)

prompt = st.chat_input("Ask about the documents", key="chat.input", submit_mode="disable", max_chars=4000)
if not conversation.turns():
    prompt = prompt or chat_controls.suggestion()
if prompt:
    question = api.Question(
        text=prompt,
        library=chosen.library,
        sources=chosen.sources,
        temperature=chosen.temperature,
        session_id=conversation.session_id(),
    )
    turn_view.ask(url, question)
    st.rerun()
