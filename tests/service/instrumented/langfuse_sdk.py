"""Questions with the Langfuse SDK: its decorator, its OpenAI client, session, user and tags, and a rating."""

from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import openai

client = openai.OpenAI()
langfuse = get_client()


@observe(as_type="retriever")
def retrieve(question: str) -> list[dict[str, object]]:
    """The documents that fit."""
    return [{"id": "fr", "content": "Paris is the capital of France.", "score": 0.9}]


@observe()
def ask(question: str, stream: bool) -> str:
    """An answer by the documents."""
    with propagate_attributes(session_id="session-1", user_id="ann", tags=["geography"], trace_name="question"):
        found = "\n".join(str(document["content"]) for document in retrieve(question))
        messages = [{"role": "system", "content": f"Be brief.\n{found}"}, {"role": "user", "content": question}]
        more = {"stream_options": {"include_usage": True}} if stream else {}
        said = client.chat.completions.create(
            model="gpt-4o-mini", messages=messages, max_tokens=20, temperature=0, stream=stream, **more
        )
        if stream:
            answer = "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
        else:
            answer = said.choices[0].message.content
        langfuse.score_current_trace(name="user-feedback", value=1, comment="helpful")
        return answer


ask("What is the capital of France?", stream=False)
ask("What is the capital of Italy?", stream=True)
langfuse.flush()
langfuse.shutdown()
