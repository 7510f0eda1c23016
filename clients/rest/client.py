"""The REST API as methods, one for each operation."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from clients.rest.models import (
    DataSent,
    IceServers,
    MintedToken,
    Participant,
    ParticipantDetail,
    Room,
    RoomFigures,
    RoomTrack,
    ServerFigures,
    Status,
    Subscriptions,
)
from clients.rest.requests import Requests, utc_now

PAGE_SIZE = 100


class SluiceClient:
    """For one server, with an API key of it and that key's secret. Use as an async context manager.

    Every method raises ApiError when the server refuses (its `code` says why), and UnreachableError without an answer.
    Both come after several attempts where these can help. Grants are LiveKit's in its spelling: `{"roomJoin": True}`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._requests = Requests(url, key, secret, transport=transport, now=now, wait=wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._requests.close()

    # Rooms

    async def create_room(
        self,
        name: str,
        *,
        empty_timeout: float = 300,
        departure_timeout: float = 20,
        max_participants: int = 0,
        metadata: str = "",
    ) -> Room:
        """Timeouts are in seconds; max_participants 0: the server's limit."""
        body = {
            "name": name,
            "empty_timeout": empty_timeout,
            "departure_timeout": departure_timeout,
            "max_participants": max_participants,
            "metadata": metadata,
        }
        return await self._requests.read(Room, "POST", "/v1/rooms", body=body)

    def list_rooms(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Room]:
        """By name."""
        return self._requests.pages(Room, "/v1/rooms", page_size, {})

    async def get_room(self, room: str) -> Room:
        return await self._requests.read(Room, "GET", _room(room))

    async def update_room(self, room: str, *, metadata: str) -> Room:
        return await self._requests.read(Room, "PATCH", _room(room), body={"metadata": metadata})

    async def delete_room(self, room: str) -> None:
        """And end everybody's session there."""
        await self._requests.send("DELETE", _room(room))

    # Participants

    def list_participants(self, room: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Participant]:
        """By identity."""
        return self._requests.pages(Participant, f"{_room(room)}/participants", page_size, {})

    async def get_participant(self, room: str, identity: str) -> ParticipantDetail:
        """With live figures."""
        return await self._requests.read(ParticipantDetail, "GET", _participant(room, identity))

    async def update_participant(
        self,
        room: str,
        identity: str,
        *,
        name: str | None = None,
        metadata: str | None = None,
        attributes: Mapping[str, str | None] | None = None,
        permissions: Mapping[str, bool | Sequence[str]] | None = None,
    ) -> Participant:
        """None, and what is not named, stays as it is; an attribute of None is removed. permissions: by the names of
        `models.Permissions`.
        """
        given = {"name": name, "metadata": metadata, "attributes": attributes, "permissions": permissions}
        body = {key: value for key, value in given.items() if value is not None}
        return await self._requests.read(Participant, "PATCH", _participant(room, identity), body=body)

    async def remove_participant(self, room: str, identity: str) -> None:
        """Its token stays valid until it expires."""
        await self._requests.send("DELETE", _participant(room, identity))

    async def move_participant(self, room: str, identity: str, destination_room: str) -> Participant:
        """Out of this room, into another."""
        body = {"identity": identity, "destination_room": destination_room}
        return await self._requests.read(Participant, "POST", f"{_room(room)}/moves", body=body)

    async def forward_participant(self, room: str, identity: str, destination_room: str) -> Participant:
        """Into another room as well; who it is there."""
        body = {"identity": identity, "destination_room": destination_room}
        return await self._requests.read(Participant, "POST", f"{_room(room)}/forwards", body=body)

    # Tracks and subscriptions

    def list_tracks(
        self, room: str, *, participant: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[RoomTrack]:
        """By id; participant: only those of this identity."""
        params = {} if participant is None else {"participant": participant}
        return self._requests.pages(RoomTrack, f"{_room(room)}/tracks", page_size, params)

    async def get_track(self, room: str, track_id: str) -> RoomTrack:
        return await self._requests.read(RoomTrack, "GET", f"{_room(room)}/tracks/{_segment(track_id)}")

    async def update_track(self, room: str, track_id: str, *, muted: bool) -> RoomTrack:
        path = f"{_room(room)}/tracks/{_segment(track_id)}"
        return await self._requests.read(RoomTrack, "PATCH", path, body={"muted": muted})

    async def list_subscriptions(self, room: str, identity: str) -> Subscriptions:
        """What this participant receives."""
        path = f"{_room(room)}/subscriptions/{_segment(identity)}"
        return await self._requests.read(Subscriptions, "GET", path)

    async def update_subscriptions(
        self, room: str, identity: str, *, subscribe: Sequence[str] = (), unsubscribe: Sequence[str] = ()
    ) -> Subscriptions:
        """Tracks by id; others stay as they are."""
        path = f"{_room(room)}/subscriptions/{_segment(identity)}"
        body = {"subscribe": list(subscribe), "unsubscribe": list(unsubscribe)}
        return await self._requests.read(Subscriptions, "PATCH", path, body=body)

    # Data

    async def send_data(
        self,
        room: str,
        payload: bytes | str,
        *,
        topic: str = "",
        reliable: bool = True,
        identities: Sequence[str] = (),
    ) -> int:
        """To these participants, or to everybody; to how many."""
        content = {"text": payload} if isinstance(payload, str) else {"payload": base64.b64encode(payload).decode()}
        body = {**content, "topic": topic, "reliable": reliable, "identities": list(identities)}
        return (await self._requests.read(DataSent, "POST", f"{_room(room)}/data", body=body)).recipients

    # Tokens

    async def mint_token(
        self,
        identity: str,
        video: Mapping[str, object],
        *,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
        kind: str = "standard",
        room_config: Mapping[str, object] | None = None,
        ttl: timedelta = timedelta(hours=6),
    ) -> MintedToken:
        """A participant's access token. room_config: for the room, if joining with it creates it."""
        body = {
            "identity": identity,
            "video": dict(video),
            "name": name,
            "metadata": metadata,
            "attributes": dict(attributes or {}),
            "kind": kind,
            "room_config": room_config,
            "ttl": f"{int(ttl.total_seconds())}s",
        }
        return await self._requests.read(MintedToken, "POST", "/v1/tokens", body=body)

    async def get_ice_servers(self, room: str, identity: str) -> IceServers:
        """The STUN and TURN servers for this participant, with a credential."""
        token = self._requests.token_for(room, identity)
        return await self._requests.read(IceServers, "GET", "/v1/ice-servers", params={"room": room}, token=token)

    # Figures and health

    async def get_room_figures(self, room: str) -> RoomFigures:
        """Live, of everybody in the room."""
        return await self._requests.read(RoomFigures, "GET", f"{_room(room)}/figures")

    async def get_server(self) -> ServerFigures:
        """Live, of the server."""
        return await self._requests.read(ServerFigures, "GET", "/v1/server")

    async def get_health(self) -> Status:
        """The process is up."""
        return await self._requests.read(Status, "GET", "/healthz", token="")

    async def get_readiness(self) -> Status:
        """Traffic should be sent there; ApiError "not-ready"."""
        return await self._requests.read(Status, "GET", "/readyz", token="")

    async def get_metrics(self, token: str = "") -> str:
        """Prometheus' text format. token: the server's metrics token, if it has one."""
        return (await self._requests.send("GET", "/metrics", token=token)).text


def _segment(name: str) -> str:
    """As one segment of a path; an identity may hold slashes.

    ValueError: it would not stay one. What removes dots from paths (RFC 3986, 5.2.4) would make another resource of it.
    """
    if name in {"", ".", ".."}:
        raise ValueError("that cannot be named in a URL")
    return quote(name, safe="")


def _room(room: str) -> str:
    return f"/v1/rooms/{_segment(room)}"


def _participant(room: str, identity: str) -> str:
    return f"{_room(room)}/participants/{_segment(identity)}"
