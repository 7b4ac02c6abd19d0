"""How the store grows and whether keeping watch works: the last parts of the page *System*."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dashboard import system_growth, system_watch
from dashboard.system_growth import room_sentence
from dashboard.watch_data import Growth, Room
from tests.factories import NOON
from tests.pages.conftest import OpenPage, texts
from tests.pages.test_system_page import by_first_column
from tracing_core.clock import SystemClock
from tracing_core.forecast import DaysLeft, forecast
from tracing_core.model import TraceData
from tracing_core.query.growth import DATABASE, FILES, DaySize
from tracing_core.query.watching import AlertHealth
from tracing_core.storage.database import Database
from tracing_core.storage.sizes_write import keep_sizes

TODAY = NOON.date()


def test_growth_is_told_with_what_to_expect(open_page: OpenPage, stored: list[TraceData], database: Database) -> None:
    """Sizes that were measured on ten days lead to those to come, with an interval."""
    today = SystemClock().now().date()
    for number in range(10, 0, -1):
        keep_sizes(database, today - timedelta(days=number), {FILES: (12 - number) * 1_000_000})
    app = open_page("system")
    assert not app.exception
    sizes = {row["Size"]: (row["Expected"], row["Between"]) for row in by_first_column(app)["Size"]}
    assert sizes["Files of traces, now"][0] == "0 B"
    assert sizes["Files of traces, in 30 days"] == ("30.0 MB", "30.0 – 30.0 MB")
    assert "is not set" in texts(app)


def test_few_days_expect_nothing(open_page: OpenPage, stored: list[TraceData]) -> None:
    """Without a history there is no projection, and the page says what it takes."""
    app = open_page("system")
    assert {row["Expected"] for row in by_first_column(app)["Size"] if "in 30 days" in row["Size"]} == {"–"}
    assert "that takes 5 whole days, and there are 0" in texts(app)


def test_questions_of_this_process_are_timed(open_page: OpenPage, stored: list[TraceData]) -> None:
    """What the page itself asked the database is among the slowest questions."""
    open_page("overview")
    asked = {row["Question"]: row for row in by_first_column(open_page("system"))["Question"]}
    assert "system.storage" in asked
    assert {row["Asked by"] for row in asked.values()} == {"dashboard"}


def test_what_keeps_watch_is_counted(open_page: OpenPage, stored: list[TraceData], data_dir: Path) -> None:
    """Ratings, unknown costs and alerts are numbers of the page, also when there is nothing of them."""
    numbers = {metric.label: metric.value for metric in open_page("system").metric}
    assert numbers["Answers rated"] == "0.0 %"
    assert numbers["Alerts that fire"] == "0"
    assert numbers["Rules looked at"] == "–"


def health(**changes: object) -> AlertHealth:
    """One rule, looked at a minute ago."""
    given = {"rules": {"ok": 1}, "off": 0, "evaluated_at": NOON - timedelta(minutes=1), "deliveries": {}}
    return AlertHealth(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"rules": {}, "evaluated_at": None}, []),
        ({"evaluated_at": NOON - timedelta(hours=2)}, ["Nobody looks at the alert rules: last 2 h ago."]),
        ({"evaluated_at": None}, ["Nobody looks at the alert rules: last never."]),
        ({"rules": {"unknown": 2}}, []),
    ],
)
def test_a_watch_that_sleeps_is_told(changes: dict[str, object], said: list[str]) -> None:
    """Rules that nobody looks at are a sentence; without rules, or with too little to judge by, there is none."""
    found = system_watch.problems(health(**changes), NOON)
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (None, "**2.0 GB** free on the disk of the data directory."),
        (DaysLeft(expected=None, soonest=None, latest=None), "more than ten years at this rate"),
        (DaysLeft(expected=40, soonest=30, latest=None), "about **40 days** (30 to more than ten years)"),
        (DaysLeft(expected=None, soonest=30, latest=None), "30 days at worst"),
    ],
)
def test_the_room_left_is_a_sentence(left: DaysLeft | None, said: str) -> None:
    """How long the disk lasts is said with how sure that is."""
    assert said in room_sentence(Room(free=2_000_000_000, of=(DATABASE,), left=left))


def test_the_curve_has_a_band_and_dots() -> None:
    """Measured days are a line, estimated ones dotted, and days to come a band that starts at today's size."""
    days = [DaySize(day=TODAY - timedelta(days=n), bytes=(20 - n) * 10**6, estimated=n > 5) for n in range(9, -1, -1)]
    ahead = forecast([1e6, 2e6, 1e6, 2e6, 1e6, 2e6], 30)
    assert ahead is not None
    grown = Growth(what=DATABASE, now=20_000_000, days=tuple(days), ahead={30: ahead})
    low, high, middle, dotted, line = system_growth.chart([grown]).to_dict()["data"]
    assert low["y"][0] == high["y"][0] == middle["y"][0] == line["y"][-1] == 20
    assert low["y"][1] < middle["y"][1] < high["y"][1]
    assert (dotted["line"]["dash"], len(dotted["x"]), line["line"]["dash"], len(line["x"])) == ("dot", 5, "solid", 6)
