"""How an endpoint gets at what the application was made with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.desk import Desk
from service.rate_limits import RatingLimit


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


async def _rating_limit(request: Request) -> RatingLimit:
    limit: RatingLimit = request.app.state.rating_limit
    return limit


TheRatingLimit = Annotated[RatingLimit, Depends(_rating_limit)]
TheDesk = Annotated[Desk, Depends(_desk)]
