"""LiveKit's RoomService: what a backend asks of rooms and participants (`livekit_room.proto`)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar
from uuid import uuid4

from livekit.protocol import models
from livekit.protocol import room as proto

from api.administration import check_changes, check_room_settings, find_participant
from api.context import Context
from api.livekit import messages, requests
from api.livekit import server_rpc as rpc
from api.livekit.server_data import Message, ServerData
from api.livekit.server_rpc import Invocation, RpcError, ServerRpc
from api.livekit.twirp import Method, TwirpError, require
from api.names import room_fault
from api.tokens import AccessToken
from sfu.errors import NotFound
from sfu.room import DEFAULT_DEPARTURE_TIMEOUT, DEFAULT_EMPTY_TIMEOUT

Item = TypeVar("Item")

NAME = "livekit.RoomService"
# Of a long list, in which each costs a tenth of a millisecond: then others have their turn.
AT_ONCE = 50
# How what may become of a call of a participant's method is said in Twirp; what the method itself says is "aborted".
_CODE_BY_RPC: Mapping[int, str] = {
    1400: "unimplemented",
    rpc.CONNECTION_TIMEOUT: "deadline_exceeded",
    rpc.RESPONSE_TIMEOUT: "deadline_exceeded",
    rpc.RECIPIENT_DISCONNECTED: "unavailable",
    rpc.SEND_FAILED: "unavailable",
}


class RoomService:
    """All methods raise TwirpError and SfuError."""

    def __init__(self, context: Context, data: ServerData) -> None:
        self._sfu = context.sfu
        self._data = data
        self._rpc = ServerRpc(lambda: str(uuid4()))

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "CreateRoom": Method(proto.CreateRoomRequest, self._create_room),
            "ListRooms": Method(proto.ListRoomsRequest, self._list_rooms),
            "DeleteRoom": Method(proto.DeleteRoomRequest, self._delete_room),
            "ListParticipants": Method(proto.ListParticipantsRequest, self._list_participants),
            "GetParticipant": Method(proto.RoomParticipantIdentity, self._get_participant),
            "RemoveParticipant": Method(proto.RoomParticipantIdentity, self._remove_participant),
            "MutePublishedTrack": Method(proto.MuteRoomTrackRequest, self._mute_track),
            "UpdateParticipant": Method(proto.UpdateParticipantRequest, self._update_participant),
            "UpdateSubscriptions": Method(proto.UpdateSubscriptionsRequest, self._update_subscriptions),
            "SendData": Method(proto.SendDataRequest, self._send_data),
            "UpdateRoomMetadata": Method(proto.UpdateRoomMetadataRequest, self._update_room),
            "ForwardParticipant": Method(proto.ForwardParticipantRequest, self._forward_participant),
            "MoveParticipant": Method(proto.MoveParticipantRequest, self._move_participant),
            "PerformRpc": Method(proto.PerformRpcRequest, self._perform_rpc),
        }

    async def _create_room(self, token: AccessToken, request: proto.CreateRoomRequest) -> models.Room:
        """The room there is, as it is; else a new one. Zero and empty: the defaults."""
        require(token.may_create(request.name), "creating this room")
        _check_room(request.name)
        for unknown in ("egress", "room_preset", "agents"):
            if getattr(request, unknown) and (unknown != "egress" or request.HasField("egress")):
                raise TwirpError("unimplemented", f"{unknown} is not offered here")
        with suppress(NotFound):
            return messages.room_info(self._sfu.rooms.get(request.name))
        check_room_settings(request.metadata, request.empty_timeout, request.departure_timeout)
        room = self._sfu.rooms.create(
            request.name,
            empty_timeout=request.empty_timeout or DEFAULT_EMPTY_TIMEOUT,
            departure_timeout=request.departure_timeout or DEFAULT_DEPARTURE_TIMEOUT,
            max_participants=request.max_participants,
            metadata=request.metadata,
        )
        return messages.room_info(room)

    async def _list_rooms(self, token: AccessToken, request: proto.ListRoomsRequest) -> proto.ListRoomsResponse:
        require(token.video.room_list, "listing rooms")
        names = set(request.names)
        visible = [room for room in self._sfu.rooms.list() if token.video.holds_in(room.name)]
        wanted = [room for room in visible if not names or room.name in names]
        return proto.ListRoomsResponse(rooms=[messages.room_info(room) async for room in _unhurried(wanted)])

    async def _delete_room(self, token: AccessToken, request: proto.DeleteRoomRequest) -> proto.DeleteRoomResponse:
        require(token.may_create(request.room), "deleting this room")
        self._sfu.rooms.delete(request.room)
        return proto.DeleteRoomResponse()

    async def _list_participants(
        self, token: AccessToken, request: proto.ListParticipantsRequest
    ) -> proto.ListParticipantsResponse:
        _require_admin(token, request.room)
        people = self._sfu.rooms.get(request.room).participants
        infos = [messages.participant_info(participant) async for participant in _unhurried(people)]
        return proto.ListParticipantsResponse(participants=infos)

    async def _get_participant(
        self, token: AccessToken, request: proto.RoomParticipantIdentity
    ) -> models.ParticipantInfo:
        _require_admin(token, request.room)
        return messages.participant_info(find_participant(self._sfu.rooms.get(request.room), request.identity))

    async def _remove_participant(
        self, token: AccessToken, request: proto.RoomParticipantIdentity
    ) -> proto.RemoveParticipantResponse:
        _require_admin(token, request.room)
        if request.revoke_token_ts:
            raise TwirpError("unimplemented", "tokens cannot be revoked here; they expire")
        self._sfu.moderation.remove(request.room, request.identity)
        return proto.RemoveParticipantResponse()

    async def _mute_track(self, token: AccessToken, request: proto.MuteRoomTrackRequest) -> proto.MuteRoomTrackResponse:
        _require_admin(token, request.room)
        track = self._sfu.moderation.mute(request.room, request.identity, request.track_sid, request.muted)
        return proto.MuteRoomTrackResponse(track=messages.track_info(track))

    async def _update_participant(
        self, token: AccessToken, request: proto.UpdateParticipantRequest
    ) -> models.ParticipantInfo:
        """What is empty stays as it is; an attribute of "" is removed; permissions are replaced."""
        _require_admin(token, request.room)
        name, metadata, attributes = request.name or None, request.metadata or None, dict(request.attributes)
        participant = find_participant(self._sfu.rooms.get(request.room), request.identity)
        check_changes(participant, name=name, metadata=metadata, attributes=attributes)
        permissions = requests.permissions(request.permission) if request.HasField("permission") else None
        participant = self._sfu.moderation.update(
            request.room,
            request.identity,
            name=name,
            metadata=metadata,
            attributes=attributes,
            permissions=permissions,
        )
        return messages.participant_info(participant)

    async def _update_subscriptions(
        self, token: AccessToken, request: proto.UpdateSubscriptionsRequest
    ) -> proto.UpdateSubscriptionsResponse:
        _require_admin(token, request.room)
        elsewhere = (sid for tracks in request.participant_tracks for sid in tracks.track_sids)
        named = requests.checked_track_ids([*request.track_sids, *elsewhere])
        self._sfu.moderation.subscribe(request.room, request.identity, named, request.subscribe)
        return proto.UpdateSubscriptionsResponse()

    async def _send_data(self, token: AccessToken, request: proto.SendDataRequest) -> proto.SendDataResponse:
        _require_admin(token, request.room)
        message = Message(
            payload=request.data,
            topic=request.topic,
            reliable=request.kind != models.DataPacket.LOSSY,
            identities=request.destination_identities,
            ids=request.destination_sids,
            nonce=request.nonce,
        )
        self._data.send(request.room, message)
        return proto.SendDataResponse()

    async def _update_room(self, token: AccessToken, request: proto.UpdateRoomMetadataRequest) -> models.Room:
        _require_admin(token, request.room)
        check_room_settings(request.metadata)
        return messages.room_info(self._sfu.moderation.set_room_metadata(request.room, request.metadata))

    async def _forward_participant(
        self, token: AccessToken, request: proto.ForwardParticipantRequest
    ) -> proto.ForwardParticipantResponse:
        _require_move(token, request.room, request.destination_room)
        self._sfu.moderation.forward(request.room, request.identity, request.destination_room)
        return proto.ForwardParticipantResponse()

    async def _move_participant(
        self, token: AccessToken, request: proto.MoveParticipantRequest
    ) -> proto.MoveParticipantResponse:
        _require_move(token, request.room, request.destination_room)
        self._sfu.moderation.move(request.room, request.identity, request.destination_room)
        return proto.MoveParticipantResponse()

    async def _perform_rpc(self, token: AccessToken, request: proto.PerformRpcRequest) -> proto.PerformRpcResponse:
        """The error of a participant's method is told in `meta`."""
        _require_admin(token, request.room)
        find_participant(self._sfu.rooms.get(request.room), request.destination_identity)
        member = self._sfu.member(request.room, request.destination_identity)
        if member is None:
            raise TwirpError("failed_precondition", "the participant has not joined by a call's signalling")
        if len(request.payload.encode()) > rpc.MAX_PAYLOAD:
            raise TwirpError("invalid_argument", f"the payload has at most {rpc.MAX_PAYLOAD} bytes")
        timeout = request.response_timeout_ms / 1000 or rpc.DEFAULT_SECONDS
        try:
            answer = await self._rpc.call(member, Invocation(request.method, request.payload, timeout))
        except RpcError as error:
            code = _CODE_BY_RPC.get(error.code, "aborted")
            meta = {"rpc_code": str(error.code), "rpc_message": error.text, "rpc_data": error.data}
            raise TwirpError(code, error.text, meta=meta) from None
        return proto.PerformRpcResponse(payload=answer)


async def _unhurried(items: Iterable[Item]) -> AsyncIterator[Item]:
    for number, item in enumerate(items, 1):
        yield item
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def _check_room(name: str) -> None:
    if fault := room_fault(name):
        raise TwirpError("invalid_argument", f"the room name {fault}")


def _require_admin(token: AccessToken, room: str) -> None:
    require(token.may_administer(room), "administering this room")


def _require_move(token: AccessToken, room: str, destination: str) -> None:
    require(token.may_move(room, destination), "moving participants to that room")
    _check_room(destination)
