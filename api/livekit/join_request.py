"""What a client says when it comes: the query of its WebSocket, in both versions of the protocol.

Version 0 (`/rtc`) has plain parameters, version 1 (`/rtc/v1`) a JoinRequest in ProtoBuf, possibly compressed.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from api.livekit.requests import check_description
from api.tokens import AccessToken, VideoGrant
from sfu.calls.joining import Joining
from sfu.errors import Malformed, Rejected
from sfu.permissions import Permissions
from sfu.track import TrackSource

MAX_ENCODED = 48 << 10
MAX_INFLATED = 256 << 10  # clients bring some 20 KiB
MAX_CAPABILITIES = 32
MAX_TRACKS = 64
_GZIP = 16 + zlib.MAX_WBITS
_TRUE = frozenset({"1", "true", "True", "t", "T"})


@dataclass(frozen=True, slots=True)
class Hello:
    """`resumes`: the id of the participant it was, and still wants to be; None: it comes anew."""

    single: bool
    resumes: str | None = None
    auto_subscribe: bool = True
    client_protocol: int = 0
    capabilities: tuple[int, ...] = ()
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    offer: rtc.SessionDescription | None = None
    tracks: tuple[rtc.AddTrackRequest, ...] = ()


def read_query(query: Mapping[str, str], *, single: bool) -> Hello:
    """`single`: version 1, else version 0. Malformed."""
    encoded = query.get("join_request")
    if encoded is None:
        if single:
            raise Malformed("no-join-request", "the parameter join_request is missing")
        return _read_parameters(query)
    return _read_join_request(_unwrap(encoded))


def joining(hello: Hello, token: AccessToken) -> Joining:
    """Rejected: what the client says of itself is too much. What it may not say is left out."""
    name, metadata, attributes = token.name, token.metadata, dict(token.attributes)
    if token.video.can_update_own_metadata:
        metadata = hello.metadata or metadata
        attributes |= {key: value for key, value in hello.attributes.items() if value}
    check_description(name, metadata, attributes)
    return Joining(
        identity=token.identity,
        name=name,
        metadata=metadata,
        attributes=attributes,
        permissions=granted(token),
        single=hello.single,
        auto_subscribe=hello.auto_subscribe,
        client_protocol=hello.client_protocol,
        capabilities=hello.capabilities,
        role=token.kind,
    )


def granted(token: AccessToken) -> Permissions:
    video = token.video
    sources = frozenset(source for source in TrackSource if source in video.can_publish_sources)
    return Permissions(
        # A list of which we know nothing permits nothing, where an empty one would permit everything.
        can_publish=video.publishes and (bool(sources) or not video.can_publish_sources),
        can_subscribe=video.subscribes,
        can_publish_data=video.publishes_data,
        can_update_metadata=video.can_update_own_metadata,
        can_subscribe_metrics=video.can_subscribe_metrics,
        hidden=video.hidden,
        recorder=video.recorder,
        agent=video.agent or token.kind == "agent",
        sources=sources,
    )


def grant_of(permissions: Permissions, video: VideoGrant, room: str) -> VideoGrant:
    """What a token for another join must say, now that these are the permissions, and that the room."""
    return video.model_copy(
        update={
            "room": room,
            "room_join": True,
            "can_publish": permissions.can_publish,
            "can_subscribe": permissions.can_subscribe,
            "can_publish_data": permissions.can_publish_data,
            "can_publish_sources": tuple(sorted(permissions.sources)),
            "can_update_own_metadata": permissions.can_update_metadata,
            "can_subscribe_metrics": permissions.can_subscribe_metrics,
            "hidden": permissions.hidden,
            "recorder": permissions.recorder,
        }
    )


def _read_parameters(query: Mapping[str, str]) -> Hello:
    names = models.ClientInfo.Capability.keys()
    capabilities = [name for name in query.get("capabilities", "").split(",")[:MAX_CAPABILITIES] if name in names]
    protocol = query.get("client_protocol", "")
    return Hello(
        single=False,
        resumes=query.get("sid", "") if query.get("reconnect") in _TRUE else None,
        auto_subscribe=query.get("auto_subscribe", "1") in _TRUE,
        client_protocol=int(protocol) if protocol.isascii() and protocol.isdigit() and len(protocol) < 6 else 0,
        capabilities=tuple(models.ClientInfo.Capability.Value(name) for name in capabilities),
        attributes=_read_attributes(query.get("attributes", "")),
    )


def _read_join_request(request: rtc.JoinRequest) -> Hello:
    if len(request.add_track_requests) > MAX_TRACKS:
        raise Rejected("too-many-tracks", f"at most {MAX_TRACKS} tracks can be announced at once")
    automatic = not request.HasField("connection_settings") or request.connection_settings.auto_subscribe
    return Hello(
        single=True,
        resumes=request.participant_sid if request.reconnect else None,
        auto_subscribe=automatic,
        client_protocol=max(request.client_info.client_protocol, 0),
        capabilities=tuple(request.client_info.capabilities[:MAX_CAPABILITIES]),
        metadata=request.metadata,
        attributes=dict(request.participant_attributes),
        offer=request.publisher_offer if request.HasField("publisher_offer") else None,
        tracks=tuple(request.add_track_requests),
    )


def _unwrap(encoded: str) -> rtc.JoinRequest:
    """base64url of a WrappedJoinRequest, which holds a JoinRequest. Malformed."""
    if len(encoded) > MAX_ENCODED:
        raise Malformed("malformed-join-request", f"the parameter join_request has more than {MAX_ENCODED} characters")
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(_unbase64(encoded))
        inner = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.GZIP:
            inner = _inflate(inner)
        return rtc.JoinRequest.FromString(inner)
    except (DecodeError, ValueError, zlib.error) as error:
        raise Malformed("malformed-join-request", "the parameter join_request cannot be read") from error


def _unbase64(text: str) -> bytes:
    """RFC 4648, 5, with padding or without; ValueError for anything else."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error


def _inflate(data: bytes) -> bytes:
    """ValueError: it is incomplete, or more than MAX_INFLATED bytes, of which no more than that were made."""
    inflater = zlib.decompressobj(_GZIP)
    inflated = inflater.decompress(data, MAX_INFLATED)
    if not inflater.eof:
        raise ValueError("incomplete or too large")
    return inflated


def _read_attributes(encoded: str) -> Mapping[str, str]:
    """base64url of a JSON object of texts, which the Go SDK sends."""
    if not encoded:
        return {}
    try:
        value = json.loads(_unbase64(encoded[:MAX_ENCODED]))
        json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair, which JSON can write
    except (ValueError, RecursionError) as error:
        raise Malformed("malformed-attributes", "the parameter attributes cannot be read") from error
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Malformed("malformed-attributes", "the parameter attributes does not hold text by name")
    return value
