"""The SFU's objects as the REST API shows them."""

from dataclasses import asdict

from api import schemas
from api.addresses import SocketAddress
from sfu.calls.subscription import Subscription
from sfu.connection import Connection
from sfu.participant import Participant, ParticipantKind
from sfu.permissions import Permissions
from sfu.room import Room
from sfu.stats import PathStats, TransportStats
from sfu.track import Track


def room_view(room: Room) -> schemas.Room:
    participants = list(room.participants)
    return schemas.Room(
        id=room.id,
        name=room.name,
        created_at=room.created_at,
        metadata=room.metadata,
        empty_timeout=room.empty_timeout,
        departure_timeout=room.departure_timeout,
        max_participants=room.max_participants,
        num_participants=len(participants),
        num_publishers=sum(map(_publishes, participants)),
    )


def participant_view(participant: Participant) -> schemas.Participant:
    return schemas.Participant(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        kind=participant.kind,
        state=participant.state,
        joined_at=participant.joined_at,
        metadata=participant.metadata,
        attributes=participant.attributes,
        permissions=permissions_view(participant.permissions),
        tracks=[track_view(track) for track in participant.tracks],
    )


def permissions_view(permissions: Permissions) -> schemas.Permissions:
    return schemas.Permissions.model_validate({**asdict(permissions), "sources": sorted(permissions.sources)})


def track_view(track: Track) -> schemas.Track:
    return schemas.Track(
        id=track.id,
        kind=track.kind,
        source=track.source,
        name=track.name,
        muted=track.muted,
        codec=track.codec,
        width=track.announcement.width,
        height=track.announcement.height,
        simulcast=len(track.layers) > 1,
    )


def room_track_view(participant: Participant, track: Track) -> schemas.RoomTrack:
    return schemas.RoomTrack(participant=participant.identity, **track_view(track).model_dump())


def subscription_view(subscription: Subscription) -> schemas.Subscription:
    return schemas.Subscription(
        track=room_track_view(subscription.publisher, subscription.track),
        paused=subscription.paused or not subscription.view.enabled,
    )


def participant_detail(
    participant: Participant, stats: TransportStats | None, connection: Connection | None
) -> schemas.ParticipantDetail:
    return schemas.ParticipantDetail(
        **participant_view(participant).model_dump(),
        stats=None if stats is None else schemas.Figures.of(stats),
        connection=None if connection is None else connection_view(connection),
    )


def connection_view(connection: Connection) -> schemas.Connection:
    selected = next((path for path in connection.paths if path["selected"]), None)
    return schemas.Connection(
        problem=connection.problem,
        dtls=connection.dtls,
        path=None if selected is None else path_in_use(selected),
        tried=[_tried(path) for path in connection.paths],
        offered=[schemas.OfferedCandidates(**asdict(offered)) for offered in connection.offered],
    )


def path_in_use(path: PathStats) -> schemas.PathInUse:
    return schemas.PathInUse(protocol=path["via"] or path["protocol"], relayed=path["protocol"] == "relay")


def _publishes(participant: Participant) -> bool:
    """Who comes by WHIP comes to publish."""
    return participant.kind is ParticipantKind.PUBLISHER or bool(participant.tracks)


def _tried(path: PathStats) -> schemas.TriedPath:
    addresses = {name: _host_port(path[name]) for name in ("local", "remote", "client")}
    return schemas.TriedPath.model_validate({**path, **addresses})


def _host_port(address: tuple[str, int] | None) -> str | None:
    return None if address is None else str(SocketAddress(*address))
