"""How an endpoint gets at what the application was made with."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.desk import Desk


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]
