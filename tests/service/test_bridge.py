"""The bridge from a thread to the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.bridge import Bridge, ReaderGone


async def _all(bridge: Bridge[int]) -> list[int]:
    taken: list[int] = []
    while items := await bridge.take():
        taken += items
    return taken


def test_items_arrive_in_order_and_end() -> None:
    """More items than fit at once all arrive, in the order in which they were put, and then no more."""

    async def run() -> list[int]:
        bridge: Bridge[int] = Bridge(size=4)

        def bring() -> None:
            for number in range(1000):
                bridge.put(number)
            bridge.end(1000)

        thread = threading.Thread(target=bring)
        thread.start()
        taken = await asyncio.wait_for(_all(bridge), 10)
        thread.join()
        return taken

    assert asyncio.run(run()) == list(range(1001))


def test_a_waiting_thread_is_freed_when_the_reader_goes() -> None:
    """A thread that waits for room hears at once, with the reason, and can still say a last word."""

    async def run() -> tuple[list[str], list[int]]:
        bridge: Bridge[int] = Bridge(size=1)
        heard: list[str] = []
        full = asyncio.Event()
        loop = asyncio.get_running_loop()

        def bring() -> None:
            bridge.put(1)
            loop.call_soon_threadsafe(full.set)
            with pytest.raises(ReaderGone) as gone:
                bridge.put(2)
            heard.append(str(gone.value))
            bridge.end(3)

        thread = threading.Thread(target=bring)
        thread.start()
        await full.wait()
        bridge.stop("client went away")
        bridge.stop("another reason")
        taken = await asyncio.wait_for(_all(bridge), 10)
        thread.join()
        return heard, taken

    assert asyncio.run(run()) == (["client went away"], [1, 3])
