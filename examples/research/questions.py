"""What people want researched: tasks and things of each domain, put as a question in one of several ways."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Subject(NamedTuple):
    """A task, the thing that does it, and what could be taken instead."""

    task: str
    thing: str
    other: str


SUBJECTS: Mapping[str, tuple[Subject, ...]] = {
    "web": (
        Subject("declare a path operation in FastAPI", "fastapi.APIRouter", "fastapi.FastAPI"),
        Subject("share a dependency between FastAPI routes", "fastapi.Depends", "fastapi.Security"),
        Subject("upload a file with FastAPI", "fastapi.UploadFile", "fastapi.File"),
        Subject("add a background task in FastAPI", "fastapi.BackgroundTasks", "asyncio.create_task"),
        Subject("return a custom response in FastAPI", "fastapi.Response", "starlette.responses.JSONResponse"),
        Subject("accept a websocket in FastAPI", "fastapi.WebSocket", "fastapi.Request"),
    ),
    "dashboards": (
        Subject("cache an expensive function in Streamlit", "streamlit.cache_data", "streamlit.cache_resource"),
        Subject("show columns side by side in Streamlit", "streamlit.columns", "streamlit.container"),
        Subject("draw a line chart in Streamlit", "streamlit.line_chart", "streamlit.area_chart"),
        Subject("let users edit a table in Streamlit", "streamlit.data_editor", "streamlit.dataframe"),
        Subject("rerun a part of a Streamlit app", "streamlit.fragment", "streamlit.rerun"),
        Subject("show a chat message in Streamlit", "streamlit.chat_message", "streamlit.write"),
    ),
    "databases": (
        Subject(
            "open a SQLAlchemy session and commit a transaction", "sqlalchemy.orm.Session", "sqlalchemy.Connection"
        ),
        Subject(
            "load related objects eagerly in SQLAlchemy", "sqlalchemy.orm.joinedload", "sqlalchemy.orm.selectinload"
        ),
        Subject(
            "insert rows or update them in PostgreSQL with SQLAlchemy",
            "sqlalchemy.dialects.postgresql.Insert.on_conflict_do_update",
            "sqlalchemy.orm.Session.merge",
        ),
        Subject("join two tables in a SQLAlchemy select", "sqlalchemy.Select.join", "sqlalchemy.Select.join_from"),
        Subject(
            "declare a relationship between SQLAlchemy classes", "sqlalchemy.orm.relationship", "sqlalchemy.orm.backref"
        ),
        Subject("listen to events of a SQLAlchemy engine", "sqlalchemy.event.listen", "sqlalchemy.event.listens_for"),
        Subject(
            "run a SQLAlchemy statement in an asyncio program",
            "sqlalchemy.ext.asyncio.AsyncSession.execute",
            "sqlalchemy.ext.asyncio.AsyncSession.run_sync",
        ),
    ),
    "data": (
        Subject("merge two pandas data frames on a column", "pandas.merge", "pandas.DataFrame.join"),
        Subject("group pandas rows and compute a mean", "pandas.DataFrame.groupby", "pandas.pivot_table"),
        Subject("read a CSV file with dates in pandas", "pandas.read_csv", "pandas.read_table"),
        Subject("fill missing values of a pandas series", "pandas.Series.fillna", "pandas.Series.interpolate"),
        Subject("resample a pandas time series by month", "pandas.Series.resample", "pandas.Series.asfreq"),
        Subject(
            "drop duplicate rows of a pandas data frame",
            "pandas.DataFrame.drop_duplicates",
            "pandas.DataFrame.duplicated",
        ),
        Subject("concatenate pandas data frames", "pandas.concat", "pandas.merge"),
    ),
    "charts": (
        Subject(
            "draw a quiver plot with Plotly",
            "plotly.figure_factory.create_quiver",
            "plotly.figure_factory.create_streamline",
        ),
        Subject(
            "draw a table with Plotly", "plotly.figure_factory.create_table", "plotly.graph_objects.Figure.add_trace"
        ),
        Subject(
            "draw a dendrogram with Plotly",
            "plotly.figure_factory.create_dendrogram",
            "plotly.figure_factory.create_distplot",
        ),
        Subject(
            "add several traces to a Plotly figure",
            "plotly.graph_objects.Figure.add_traces",
            "plotly.graph_objects.Figure.append_trace",
        ),
        Subject(
            "update many properties of a Plotly figure at once",
            "plotly.graph_objects.Figure.batch_update",
            "plotly.graph_objects.Figure.update",
        ),
        Subject(
            "make a template of a Plotly figure", "plotly.io.to_templated", "plotly.graph_objects.Figure.update_layout"
        ),
    ),
    "language": (
        Subject("count the elements of a list in Python", "collections.Counter", "collections.defaultdict"),
        Subject("compute the median of numbers in Python", "statistics.median", "statistics.mean"),
        Subject("compare two sequences in Python", "difflib.SequenceMatcher", "difflib.Differ"),
        Subject("make a secret token in Python", "secrets.token_hex", "secrets.token_urlsafe"),
        Subject("merge sorted inputs in Python", "heapq.merge", "itertools.chain"),
        Subject("shorten a text in Python", "textwrap.shorten", "textwrap.wrap"),
        Subject("copy a dataclass with changed fields in Python", "dataclasses.replace", "dataclasses.asdict"),
    ),
    "validation": (
        Subject("validate a field of a pydantic model", "pydantic.field_validator", "pydantic.model_validator"),
        Subject(
            "serialize a pydantic model to JSON", "pydantic.BaseModel.model_dump_json", "pydantic.TypeAdapter.dump_json"
        ),
        Subject("give a pydantic field a default", "pydantic.Field", "pydantic.PrivateAttr"),
        Subject("validate arguments of a function with pydantic", "pydantic.validate_call", "pydantic.TypeAdapter"),
    ),
}

_TEMPLATES = (
    ("How do I {task}?", 10),
    ("Show me how to {task}", 3),
    ("Explain what {thing} does when I want to {task}", 3),
    ("What is the difference between {thing} and {other}?", 3),
    ("Which ways are there to {task}?", 3),
    ("Should I use {thing} or {other} to {task}?", 2),
    ("What is the recommended way to {task}?", 1),
    ("How do I {task} in the latest release?", 1),
    ("How do people {task} now?", 1),
    ("Is {thing} the current way to {task}?", 1),
)
"""The ways of asking, with how often they are met."""

_UNANSWERED = (
    "deploy a FastAPI application to Kubernetes",
    "send a text message to a phone from Streamlit",
    "tune the vacuum of a PostgreSQL server for SQLAlchemy",
    "train a neural network on a pandas data frame",
    "print a Plotly chart on paper in the right colours",
    "compile a Python program for the browser",
    "check a passport number with pydantic",
)
"""Tasks of which the documentation says little or nothing."""
_TIMES_UNANSWERED = 3
"""How often each of them is in the deck."""


def questions(source: random.Random) -> Iterator[str]:
    """Questions without end, drawn from `source`. Every domain is asked about in every way as often as the others."""
    ways = [template for template, often in _TEMPLATES for _ in range(often)]
    deck: list[tuple[str | None, str]] = [(domain, way) for domain in SUBJECTS for way in ways]
    deck += [(None, f"How do I {task}?") for task in _UNANSWERED] * _TIMES_UNANSWERED
    while True:
        source.shuffle(deck)
        for domain, way in deck:
            yield way if domain is None else way.format(**source.choice(SUBJECTS[domain])._asdict())
