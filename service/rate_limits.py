"""How many ratings one sender may give: a bucket of tokens each, which fills up again steadily (docs/decisions/028).

Each process counts for itself, in memory: a service of several processes lets through that many times as much at most.
"""

from __future__ import annotations

import math
import threading
from base64 import b64decode
from collections import OrderedDict
from hashlib import blake2b

from starlette.requests import HTTPConnection

from service.errors import TooManyRatings
from tracing_core.clock import Clock

MOST_SENDERS = 10_000
"""Of which something is remembered; of more, the one that was heard of longest ago is forgotten."""
_MOST_USERS_BEHIND_ONE = 20
"""An address may be that of many users, but not of ever new ones that somebody makes up."""


class Buckets:
    """A bucket for each key. Safe to share between threads.

    Args:
        rate: tokens a second that flow into each.
        burst: tokens that each holds; a new one is full.
        clock: for what flowed in meanwhile.
        most: buckets that are remembered.
    """

    def __init__(self, rate: float, burst: int, clock: Clock, most: int = MOST_SENDERS) -> None:
        self._rate, self._burst, self._clock, self._most = rate, burst, clock, most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, tokens: int = 1) -> float:
        """Take tokens; where there are too few take none, and give the seconds until there are enough.

        Args:
            key: of the bucket.
            tokens: as many; more than it holds count as a full bucket, or they would never be had.
        """
        wanted = min(tokens, self._burst)
        with self._lock:
            now = self._clock.monotonic_ns() / 1e9
            level, at = self._levels.pop(key, (float(self._burst), now))
            level = min(level + (now - at) * self._rate, self._burst)
            missing = wanted - level
            self._levels[key] = (level if missing > 0 else level - wanted, now)
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)
        return max(missing, 0) / self._rate


class RatingLimit:
    """Lets ratings through as long as their sender does not send too many.

    Args:
        rate: ratings a second.
        burst: ratings at once.
        clock: measures the time between them.
    """

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._senders = Buckets(rate, burst, clock)
        self._addresses = Buckets(rate * _MOST_USERS_BEHIND_ONE, burst * _MOST_USERS_BEHIND_ONE, clock)

    def admit(self, request: HTTPConnection, user_id: str | None = None, ratings: int = 1) -> None:
        """Let `ratings` through, counted for whoever sends them: an API key, else a user, else an address.

        Args:
            request: that brings them.
            user_id: whom they name as their author.
            ratings: how many.

        Raises:
            TooManyRatings: none of them is to be taken now.
        """
        address = request.client.host if request.client is not None else ""
        key = _key(request) or (f"user {user_id}" if user_id else None) or f"address {address}"
        wait = self._addresses.wait(address, ratings) or self._senders.wait(key, ratings)
        if wait > 0:
            raise TooManyRatings(math.ceil(wait))


def _key(request: HTTPConnection) -> str | None:
    """The API key, or the user of Basic authentication, that a request comes with. Keys are not kept, only their hashes."""
    if own := request.headers.get("x-api-key"):
        return f"key {_hash(own)}"
    scheme, _, said = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and said:
        return f"key {_hash(said)}"
    if scheme.lower() == "basic":
        try:
            return f"basic {_hash(b64decode(said.strip(), validate=True).decode().partition(':')[0])}"
        except ValueError:
            return None
    return None


def _hash(secret: str) -> str:
    return blake2b(secret.encode(), digest_size=12).hexdigest()
