"""How many ratings one sender may give: buckets of tokens, told apart by key, user and address."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from service.errors import TooManyRatings
from service.rate_limits import Buckets, RatingLimit
from tests.factories import NOON
from tracing_core.clock import ManualClock


def request(address: str = "10.0.0.1", **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw, "client": (address, 1)})


def basic(user: str, secret: str) -> str:
    return f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"


def test_a_bucket_empties_and_fills_up_again() -> None:
    """As many as it holds at once, then as many a second as flow in; who waits as long as said gets it."""
    clock = ManualClock(NOON)
    buckets = Buckets(2.0, 3, clock)
    assert [buckets.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.wait("b") == 0
    clock.advance(0.5)
    assert [buckets.wait("a") for _ in range(2)] == [0, 0.5]
    clock.advance(100)
    assert [buckets.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_more_than_a_bucket_holds_is_a_full_one() -> None:
    """A large batch is taken when nothing was before it, or it would never be."""
    clock = ManualClock(NOON)
    buckets = Buckets(1.0, 5, clock)
    assert buckets.wait("a", 50) == 0
    assert buckets.wait("a", 50) == 5
    clock.advance(5)
    assert buckets.wait("a", 50) == 0


def test_what_is_refused_takes_nothing() -> None:
    """Who goes on trying gets in as soon as who waits."""
    clock = ManualClock(NOON)
    buckets = Buckets(1.0, 1, clock)
    buckets.wait("a")
    for _ in range(9):
        assert buckets.wait("a") > 0
        clock.advance(0.1)
    clock.advance(0.1001)
    assert buckets.wait("a") == 0


def test_only_so_many_senders_are_remembered() -> None:
    """Whoever makes keys up fills no memory; the one that was heard of longest ago is forgotten."""
    buckets = Buckets(0.001, 1, ManualClock(NOON), most=2)
    for key in ("a", "b", "a", "c"):
        buckets.wait(key)
    assert buckets.wait("a") > 0
    assert len(buckets._levels) == 2


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 4)), max_size=60))
def test_never_more_than_flowed_in(steps: list[tuple[float, int]]) -> None:
    """Whatever the pauses and portions, what is taken in any time is at most the burst and what flowed in."""
    clock = ManualClock(NOON)
    buckets = Buckets(2.0, 5, clock)
    taken, passed = 0, 0.0
    for pause, tokens in steps:
        clock.advance(pause)
        passed += pause
        if buckets.wait("a", tokens) == 0:
            taken += tokens
        assert taken <= 5 + passed * 2.0 + 1e-6


def test_senders_are_told_apart() -> None:
    """By API key, else by the user of Basic authentication, else by the user named, else by address."""
    limit = RatingLimit(0.001, 1, ManualClock(NOON))
    apart = [
        (request(x_api_key="one"), "ann"), (request(x_api_key="two"), "ann"), (request(authorization="Bearer one"), "ben"),
        (request(authorization=basic("one", "x")), None), (request(authorization=basic("two", "x")), None),
        (request(), "ann"), (request(), "eve"), (request(), None), (request("10.0.0.2"), None),
    ]  # fmt: skip
    for each, user in apart:
        if each.headers.get("authorization") != "Bearer one":  # which is the first one's key, sent another way
            limit.admit(each, user)
    for each, user in (
        *apart,
        (request("10.0.0.9", x_api_key="one"), None),
        (request(authorization=basic("one", "y")), "x"),
    ):
        with pytest.raises(TooManyRatings) as refused:
            limit.admit(each, user)
        assert refused.value.retry_after == 1000


def test_made_up_users_do_not_help() -> None:
    """One address gets as much as twenty users, however many it names."""
    limit = RatingLimit(0.001, 1, ManualClock(NOON))
    for number in range(20):
        limit.admit(request(), f"user {number}")
    with pytest.raises(TooManyRatings):
        limit.admit(request(), "one more")
    limit.admit(request("10.0.0.2"), "one more")


def test_headers_that_are_none_are_passed_over() -> None:
    """Junk is no key, and no crash."""
    limit = RatingLimit(0.001, 1, ManualClock(NOON))
    limit.admit(request(authorization="Basic \u00ff"), "ann")
    with pytest.raises(TooManyRatings):
        limit.admit(request(authorization="Bearer "), "ann")
