"""Where questions are taken: bounds how many are answered at once, and ends them all when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import Receive

from assistant.model import Question
from service.answering import Answering, Answers, Ended
from service.errors import ServiceBusy
from service.outcome import Bookkeeper, Outcome
from tracing_core.store import Store

MOST_AT_ONCE = 32
CLIENT_LEFT = "client went away"
STOPPING = "service stopped"


@dataclass(kw_only=True, slots=True)
class Desk:
    """The parts that the endpoints share.

    Args:
        store: of this process.
        assistant: answers.
        books: reads the numbers of finished runs.
    """

    store: Store
    assistant: Answers
    books: Bookkeeper
    _open: set[Answering] = field(default_factory=set)
    _closed: bool = False

    @asynccontextmanager
    async def answering(self, question: Question, receive: Receive) -> AsyncIterator[Answering]:
        """Have `question` answered; the answer is stopped when the client goes away, and when the block ends before it.

        Args:
            question: a checked one.
            receive: of the request, whose body has been read.

        Raises:
            InvalidInput: the question cannot be asked like this.
            ServiceBusy: as many as can be are being answered.
        """
        if self._closed:
            raise ServiceBusy("The service is stopping; ask again when it is back.")
        if len(self._open) >= MOST_AT_ONCE:
            raise ServiceBusy
        answering = Answering(question, self.assistant, self.books)
        self._open.add(answering)
        watch = asyncio.create_task(_stop_when_gone(answering, receive))
        try:
            yield answering
        finally:
            answering.stop(CLIENT_LEFT)
            self._open.discard(answering)
            watch.cancel()

    async def answer(self, question: Question, request: Request) -> Outcome:
        """Have `question` answered as a whole.

        Raises:
            Exception: what the answer failed of.
        """
        async with self.answering(question, request.receive) as answering:
            ended = await last(answering)
        if ended.outcome is None:
            raise ended.error or ServiceBusy(ended.message)
        return ended.outcome

    def close(self) -> None:
        """Take no more questions, and end those that are being answered; each trace says why."""
        self._closed = True
        for answering in tuple(self._open):
            answering.stop(STOPPING)


async def last(answering: Answering) -> Ended:
    """Wait for the end."""
    ended: Ended | None = None
    async for items in answering.items():
        if isinstance(items[-1], Ended):
            ended = items[-1]
    if ended is None:
        raise ServiceBusy("The answer was stopped.")
    return ended


async def _stop_when_gone(answering: Answering, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    answering.stop(CLIENT_LEFT)
