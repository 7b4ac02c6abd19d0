"""The media of Langfuse's SDK: it asks where to put one, puts it there, and says how that went; whoever reads a trace gets it back.

The address of a content needs no keys, as the SDK sends none there: its name is 132 bits of a hash of what it holds.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from service.langfuse import KEYS
from service.parts import TheDesk
from tracing_core.clock import SystemClock
from tracing_core.media import Media

router = APIRouter()
_GONE = "There is no medium with this id here; it was never kept, or had to make room for newer ones."
_SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "content-disposition": "attachment",
}
"""A sender says what its content is; a browser must not run it as a page of ours."""


class Announced(BaseModel):
    """What the SDK says before it uploads."""

    content_type: str = Field(alias="contentType")
    content_length: int = Field(alias="contentLength")
    sha256: str = Field(alias="sha256Hash")


async def _media(desk: TheDesk) -> Media:
    settings = desk.store.settings
    kept = None if settings.retention_days is None else timedelta(days=settings.retention_days)
    return Media(settings.data_dir / "media", settings.media_bytes, SystemClock(), kept)


TheMedia = Annotated[Media, Depends(_media)]


@router.post("/api/public/media", dependencies=KEYS, status_code=201)
async def announce(media: TheMedia, given: Announced, request: Request) -> dict[str, Any]:
    """Where to put a medium; null when it is there already, or is not going to be kept: the SDK then goes on without."""
    try:
        media_id, wanted = await asyncio.to_thread(
            media.announce, given.content_type, given.content_length, given.sha256
        )
    except OSError as error:
        raise HTTPException(507, f"The medium cannot be kept: {error.strerror}.") from error
    url = str(request.base_url.replace(path="/api/public/media/upload").include_query_params(id=media_id))
    return {"mediaId": media_id, "uploadUrl": url if wanted else None}


@router.put("/api/public/media/upload")
async def upload(media: TheMedia, request: Request, id: str) -> Response:  # noqa: A002 - the name in the address
    """Take the content of a medium that was announced."""
    content = await request.body()
    try:
        await asyncio.to_thread(media.put, id, content)
    except OSError as error:
        raise HTTPException(507, f"The medium cannot be kept: {error.strerror}.") from error
    return Response(status_code=200)


@router.patch("/api/public/media/{media_id}", dependencies=KEYS)
async def told(media_id: str) -> dict[str, str]:
    """Hear how the upload went, which is known here."""
    return {"mediaId": media_id}


@router.get("/api/public/media/{media_id}", dependencies=KEYS)
async def found(media: TheMedia, media_id: str, request: Request) -> dict[str, Any]:
    """What is known of a medium, and where its content is."""
    medium = await asyncio.to_thread(media.get, media_id)
    if medium is None or medium.uploaded_at is None:
        raise HTTPException(404, _GONE)
    return {
        "mediaId": media_id,
        "contentType": medium.content_type,
        "contentLength": medium.length,
        "uploadedAt": medium.uploaded_at.isoformat(),
        "url": str(request.base_url.replace(path=f"/api/public/media/{media_id}/content")),
        "urlExpiry": "9999-12-31T23:59:59Z",
    }


@router.get("/api/public/media/{media_id}/content")
async def content(media: TheMedia, media_id: str) -> Response:
    """The content of a medium, as a download."""
    medium = await asyncio.to_thread(media.get, media_id)
    held = await asyncio.to_thread(media.content, media_id)
    if medium is None or held is None:
        raise HTTPException(404, _GONE)
    return Response(held, media_type=medium.content_type, headers=_SAFE)
