"""Who may read everything: anybody on this machine while no token is set, then whoever has it (docs/decisions/012)."""

from __future__ import annotations

import hmac

from starlette.exceptions import HTTPException

_CHALLENGE = {"www-authenticate": 'Bearer realm="Tracewhy"'}


def admit(wanted: str | None, authorization: str | None) -> None:
    """Let through whoever may.

    Args:
        wanted: the token of the settings; None lets everybody through.
        authorization: the header of the request.

    Raises:
        HTTPException: 401 without a token, 403 with a wrong one.
    """
    if wanted is None:
        return
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise HTTPException(401, "send the admin token as Authorization: Bearer <token>", _CHALLENGE)
    if not hmac.compare_digest(given.strip().encode(), wanted.encode()):
        raise HTTPException(403, "this is not the admin token; TRACEWHY_ADMIN_TOKEN of the service has it")
