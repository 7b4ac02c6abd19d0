"""The page *Alerts* on a real database: rules that were looked at for real, and what people do about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from dashboard import alerts_charts, alerts_words
from tests.factories import NOON
from tests.pages.conftest import OpenPage, texts
from tracing_core.alerts.dry_run import DryPoint, DryRun, Episode
from tracing_core.alerts.evaluation import evaluate
from tracing_core.alerts.event import AlertEvent
from tracing_core.alerts.measure import AlertMeasure
from tracing_core.alerts.rule import Against, AlertRule, Direction
from tracing_core.alerts.state import EventKind, StateName
from tracing_core.alerts.templates import TEMPLATES
from tracing_core.clock import SystemClock
from tracing_core.errors import InvalidInput
from tracing_core.ids import IdSource
from tracing_core.model import TraceData
from tracing_core.query.alert_rules import EventRow, RuleRow, alert_rule_rows, newest_events
from tracing_core.settings import settings
from tracing_core.storage.alert_write import create_rule
from tracing_core.storage.database import Database
from tracing_core.storage.monitoring_tables import alert_deliveries

FAILING = AlertRule(
    name="Many errors", measure=AlertMeasure.ERROR_RATE, threshold=0.1, window_minutes=60, destinations=("ops",)
)
QUIET = AlertRule(name="Slow answers", measure=AlertMeasure.P95, threshold=60_000, window_minutes=60)
FORM = "alerts.form."
Keep = Callable[..., str]


@pytest.fixture
def keep(database: Database) -> Keep:
    """Keeps a rule, and looks at all of them."""

    def one(rule: AlertRule, *, enabled: bool = True) -> str:
        clock = SystemClock()
        rule_id = create_rule(database, rule, by="ann", clock=clock, ids=IdSource(), enabled=enabled)
        evaluate(database, clock.now(), timedelta(0))
        return rule_id

    return one


@pytest.fixture
def with_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator lets alerts go to the log, under the name ops."""
    monkeypatch.setenv("TRACEWHY_ALERT_DESTINATIONS", json.dumps({"ops": {"kind": "log"}}))
    settings.cache_clear()


def numbers(app: AppTest) -> dict[str, str]:
    """The numbers on top."""
    return {metric.label: metric.value for metric in app.metric}


def rules_table(app: AppTest) -> list[dict[str, Any]]:
    """The rows of the table of rules."""
    (found,) = (each.value for each in app.dataframe if "State" in each.value.columns)
    rows: list[dict[str, Any]] = found.to_dict("records")
    return rows


def the_rule(database: Database) -> RuleRow:
    """The only one there is."""
    (row,) = alert_rule_rows(database)
    return row


def test_nothing_set_up_says_how_to_begin(open_page: OpenPage) -> None:
    """Without rules, events and destinations the page is whole and says what each would take."""
    app = open_page("alerts")
    assert not app.exception
    said = texts(app)
    assert "No rule is set up." in said
    assert "No alert has fired." in said
    assert "no destination is set up" in said
    assert app.code[0].value.startswith("TRACEWHY_ALERT_DESTINATIONS='{")


def test_without_database_it_says_so(open_page_without_database: OpenPage) -> None:
    """A sentence, and no traceback."""
    app = open_page_without_database("alerts")
    assert not app.exception
    assert "The database cannot be reached" in texts(app)


def test_rules_show_state_value_and_threshold(open_page: OpenPage, stored: list[TraceData], keep: Keep) -> None:
    """The one that fires is on top with its number against its threshold; one that is off is last."""
    keep(QUIET)
    keep(replace(FAILING, name="Off one"), enabled=False)
    keep(FAILING)
    app = open_page("alerts")
    assert not app.exception
    first, second, last = rules_table(app)
    assert (list(first["State"]), first["Rule"], first["Now"]) == (["Firing"], "Many errors", "33.3 %")
    assert (first["Bad when"], first["Tells"], first["Times"]) == ("above 10 %", "ops", "1")
    assert list(first["Fired in 7 days"])[-1] == 1
    assert (list(second["State"]), list(last["State"])) == (["OK"], ["Off"])
    shown = numbers(app)
    assert (shown["Firing"], shown["Rules on"], shown["Not delivered"]) == ("1", "2", "0")


def test_an_address_opens_a_rule_and_an_event(
    open_page: OpenPage, stored: list[TraceData], keep: Keep, database: Database
) -> None:
    """A link from a message shows the rule with its course, and the event with the ways to its traces."""
    rule_id = keep(FAILING)
    event = newest_events(database)[0].event
    app = open_page("alerts", rule=rule_id, event=event.event_id)
    assert not app.exception
    said = texts(app)
    assert "Error rate above 10 % over 1 hour" in said
    assert "Would **have fired once**" in said
    assert r"Error rate\: 33.3 % over 1 hour, above 10 % (3 counted)" in said
    links = {link.label: link for link in app.get("page_link")}
    assert {"Traces", "Explain"} <= set(links)
    params = alerts_words.traces_params(event)
    assert (params["status"], params["range"]) == ("failed", "custom")
    assert alerts_words.explain_params(event)["these"] == "failed"


def test_a_destination_that_is_not_set_is_told(open_page: OpenPage, stored: list[TraceData], keep: Keep) -> None:
    """Who opens a rule sees that nothing arrives where the settings name nobody, before it fires for the first time."""
    rule_id = keep(FAILING)
    app = open_page("alerts", rule=rule_id)
    assert "Nothing arrives at ops: not in TRACEWHY_ALERT_DESTINATIONS." in [each.value for each in app.warning]


def test_a_destination_that_is_set_is_not(
    open_page: OpenPage, stored: list[TraceData], keep: Keep, with_destination: None
) -> None:
    """No warning where all is well."""
    assert not open_page("alerts", rule=keep(FAILING)).warning


def test_an_event_that_is_gone_is_a_sentence(open_page: OpenPage) -> None:
    """An old link breaks nothing."""
    app = open_page("alerts", event="evt_gone", rule="rule_gone")
    assert not app.exception
    assert "not kept any more" in "".join(str(each.value) for each in app.info)


def test_a_lost_message_can_be_sent_again(
    open_page: OpenPage, stored: list[TraceData], keep: Keep, database: Database, with_destination: None
) -> None:
    """Of what did not arrive the page says why; a click puts it back among those that wait."""
    keep(FAILING)
    with database.write() as connection:
        failed = {"status": "failed", "last_error": "HTTP 500", "attempts": 4, "finished_at": SystemClock().now()}
        connection.execute(update(alert_deliveries).values(failed))
    app = open_page("alerts")
    assert numbers(app)["Not delivered"] == "1"
    assert "ops: HTTP 500 (4 attempts)" in texts(app)
    (again,) = (button for button in app.button if button.label == "Send again")
    again.click().run()
    assert not app.exception
    assert newest_events(database)[0].deliveries[0].status == "waiting"
    assert numbers(app)["Not delivered"] == "0"


def test_a_destination_can_be_tried(open_page: OpenPage, with_destination: None) -> None:
    """A trial is sent at once, and the page says what became of it."""
    app = open_page("alerts")
    app.button(key="alerts.try.ops").click().run()
    assert not app.exception
    assert [each.value for each in app.success] == ["The trial arrived at ops."]


def test_a_rule_is_made_from_a_template(
    open_page: OpenPage, stored: list[TraceData], database: Database, with_destination: None
) -> None:
    """The form begins with a template, tries the rule on the past, and keeps it."""
    app = open_page("alerts")
    app.button(key="alerts.new").click().run()
    assert app.text_input(key=FORM + "name").value == "Latency objective"
    app.button_group(key=FORM + "template").set_value("low_confidence").run()
    assert app.number_input(key=FORM + "threshold").value == 20
    assert "Would **never have had enough traces to say anything**" in texts(app)
    app.number_input(key=FORM + "minimum_count").set_value(1).run()
    app.multiselect(key=FORM + "destinations").set_value(["ops"]).run()
    app.text_area(key=FORM + "quiet_times").set_value("sat, sun 22:00-06:00 Europe/Berlin").run()
    app.button(key=FORM + "save").click().run()
    assert not app.exception
    row = the_rule(database)
    assert row.rule is not None
    assert row.rule == replace(
        TEMPLATES["low_confidence"],
        minimum_count=1,
        destinations=("ops",),
        quiet_times=alerts_words.quiet_times("sat, sun 22:00-06:00 Europe/Berlin"),
    )
    assert rules_table(app)[0]["Rule"] == "Low confidence"


def test_what_does_not_fit_is_named(open_page: OpenPage, stored: list[TraceData], database: Database) -> None:
    """The field is called as in the form, with the fix; nothing can be kept until it fits."""
    app = open_page("alerts")
    app.button(key="alerts.new").click().run()
    app.number_input(key=FORM + "recovery_threshold").set_value(9000.0).run()
    assert "**Recovers at** is above the threshold; give one that is at most that" in texts(app)
    assert app.button(key=FORM + "save").disabled
    app.number_input(key=FORM + "recovery_threshold").set_value(4000.0).run()
    app.text_area(key=FORM + "quiet_times").set_value("always").run()
    assert "**Quiet times** has a line 'always'" in texts(app)
    app.text_area(key=FORM + "quiet_times").set_value("").run()
    app.text_input(key=FORM + "name").set_value(" ").run()
    assert "**Name** is empty" in texts(app)
    assert alert_rule_rows(database) == ()


def test_every_kind_of_number_can_be_chosen(open_page: OpenPage, stored: list[TraceData]) -> None:
    """The form shows what a number needs and nothing that it cannot look at, so that a threshold is all it lacks."""
    app = open_page("alerts")
    app.button(key="alerts.new").click().run()
    kinds = ("FLAGGED", "UNSURE_DECISIONS", "ERROR_RATE", "COST_PER_HOUR", "NO_DATA", "QUEUE", "BUDGET_USED")
    for measure in (AlertMeasure[kind] for kind in kinds):
        app.selectbox(key=FORM + "measure").set_value(measure).run()
        if measure is not AlertMeasure.NO_DATA:
            app.number_input(key=FORM + "threshold").set_value(3.0).run()
        assert not app.exception
        assert not app.button(key=FORM + "save").disabled, texts(app)


def test_a_rule_can_be_changed_silenced_switched_off_and_deleted(
    open_page: OpenPage, stored: list[TraceData], keep: Keep, database: Database
) -> None:
    """Each is a click on the rule's own panel, and is what the database then says."""
    app = open_page("alerts", rule=keep(FAILING))
    app.button(key="alerts.edit").click().run()
    assert app.number_input(key=FORM + "threshold").value == 10
    app.number_input(key=FORM + "threshold").set_value(50.0).run()
    app.button(key=FORM + "save").click().run()
    changed = the_rule(database).rule
    assert changed == replace(FAILING, threshold=0.5)
    app.button(key="alerts.silence.For 1 day").click().run()
    assert numbers(app)["Silenced"] == "1"
    app.button(key="alerts.silence.End the silence").click().run()
    assert numbers(app)["Silenced"] == "0"
    app.button(key="alerts.enable").click().run()
    assert not the_rule(database).enabled
    app.button(key="alerts.delete").click().run()
    assert not app.exception
    assert alert_rule_rows(database) == ()
    assert "rule" not in app.query_params


def test_the_overview_leads_to_what_fires(open_page: OpenPage, stored: list[TraceData], keep: Keep) -> None:
    """An alert that fires is the first of what needs attention; without one, nothing stands out of three traces."""
    assert "Nothing stands out" in texts(open_page())
    rule_id = keep(FAILING)
    st.cache_data.clear()
    app = open_page()
    assert not app.exception
    (link,) = (each for each in app.get("page_link") if "Many errors" in each.label)
    assert "Error rate is 33.3\N{NO-BREAK SPACE}%" in link.label
    assert rule_id in str(link.proto)


def event(kind: EventKind, minutes: int, rule_id: str = "r") -> EventRow:
    """Something that happened so many minutes before noon."""
    at = NOON - timedelta(minutes=minutes)
    found = AlertEvent(
        event_id=f"e{minutes}",
        kind=kind,
        happened_at=at,
        rule_id=rule_id,
        rule=FAILING,
        value=1.0,
        message="m",
        window_end=at,
    )
    return EventRow(event=found, deliveries=())


def test_history_is_made_of_events() -> None:
    """From firing to recovery, up to now for what still fires, and from the oldest event known for what began before it."""
    rows = [
        event(EventKind.FIRED, 10), event(EventKind.RECOVERED, 60), event(EventKind.STILL_FIRING, 80),
        event(EventKind.FIRED, 90), event(EventKind.RECOVERED, 100, "old"),
    ]  # fmt: skip
    found = alerts_words.fired_times(rows, NOON)
    ago = [[int((NOON - each).total_seconds() // 60) for each in times] for times in found["r"]]
    assert ago == [[10, 0], [90, 60]]
    assert len(found["old"]) == 1
    strip = alerts_words.strip([(NOON - timedelta(hours=13), NOON - timedelta(hours=3))], NOON)
    assert strip == [0.0] * (alerts_words.STRIP_PARTS - 2) + [1.0, 1.0]


def test_quiet_times_are_read_as_they_are_written() -> None:
    """What the form shows is what it reads; anything else names the field."""
    text = "sat, sun 22:00-06:00 Europe/Berlin\nmon 12:00-13:00 UTC"
    assert alerts_words.quiet_words(alerts_words.quiet_times(text)) == text
    (read,) = alerts_words.quiet_times("Mon,tue 01:00 to 02:00")
    assert (read.days, read.start, read.end, read.zone) == (("mon", "tue"), "01:00", "02:00", "UTC")
    with pytest.raises(InvalidInput) as caught:
        alerts_words.quiet_times("someday 22:00")
    assert caught.value.field == "quiet_times"


def test_the_course_shows_the_threshold_and_when_it_fires() -> None:
    """Shares are drawn as percents, red where it fires, and no peak is lost when there are many looks."""
    looks = [
        DryPoint(at=NOON + timedelta(minutes=n), value=0.9 if n == 777 else 0.01, ratio=None, state=StateName.OK)
        for n in range(2000)
    ]
    fired = Episode(fired_at=looks[777].at, recovered_at=looks[790].at, value=0.9, silent=False)
    run = DryRun(start=NOON, end=looks[-1].at, episodes=(fired,), messages=1, points=tuple(looks))
    drawn = alerts_charts.course(run, FAILING).to_dict()
    assert max(drawn["data"][0]["y"]) == pytest.approx(90)
    assert len(drawn["data"][0]["y"]) <= alerts_charts.MOST_POINTS
    assert [shape["type"] for shape in drawn["layout"]["shapes"]] == ["rect", "line"]
    assert drawn["layout"]["shapes"][1]["y0"] == pytest.approx(10)
    assert len(alerts_charts.spark(run, FAILING)) >= 48


def test_limits_in_words() -> None:
    """A threshold with its side and unit, times last week, or none at all."""
    assert alerts_words.limit(QUIET) == "above 60 s"
    spike = replace(QUIET, against=Against.LAST_WEEK, threshold=2.0)
    assert alerts_words.limit(spike) == "above 2 × last week"
    assert alerts_words.limit(AlertRule(name="n", measure=AlertMeasure.NO_DATA)) == "none comes"
    low = AlertRule(name="r", measure=AlertMeasure.RATING, threshold=3, direction=Direction.BELOW)
    assert alerts_words.limit(low) == "below 3.00"
