"""Tokens for calls under test."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint


def access(
    identity: str,
    room: str,
    *,
    name: str = "",
    metadata: str = "",
    attributes: Mapping[str, str] | None = None,
    **grants: Any,
) -> str:
    """A token to join with, by the published key of `--dev`; grants as `VideoGrant` has them."""
    grant = VideoGrant(**{"room": room, "room_join": True, **grants})
    return mint(
        DEV_KEY,
        DEV_SECRET,
        grant,
        identity=identity,
        now=datetime.now(UTC),
        name=name,
        metadata=metadata,
        attributes=attributes or {},
    )
