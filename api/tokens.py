"""Access tokens: LiveKit-shaped JWTs, HS256 only.

`iss` names the API key whose secret signed the token, `sub` (or else `jti`) is the participant's identity, `video`
holds the grants. `exp` is required, because a token without it is a permanent credential. As in LiveKit, a permission
that is not mentioned is given once `roomJoin` is, and a grant that names no room holds in every room.

Pure: the time is an argument.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api import claims, hs256
from api.names import name_fault, room_fault
from api.room_config import RoomConfig

Kind = Literal["standard", "ingress", "egress", "sip", "agent", "connector", "bridge"]

DEFAULT_TTL = timedelta(hours=6)
MAX_TTL = timedelta(days=366)
# Browsers can hand a token to a WebSocket in its URL only, and what stands in front of servers commonly takes request
# heads of 32 KiB: half of that, which leaves LiveKit's other query parameters, and cookies, as much again.
MAX_TOKEN_LENGTH = 16 << 10
STANDARD: Kind = "standard"
KINDS: tuple[Kind, ...] = get_args(Kind)


class TokenError(Exception):
    """The token proves nothing. The text says why, without quoting the token."""


def _lower(value: object) -> object:
    return [name.lower() if isinstance(name, str) else name for name in value] if isinstance(value, list) else value


class VideoGrant(BaseModel):
    """The `video` claim: LiveKit's VideoGrant. Grants that are not known are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True, hide_input_in_errors=True
    )

    room_create: bool = Field(default=False, description="May create and delete rooms.")
    room_list: bool = Field(default=False, description="May list rooms.")
    room_record: bool = Field(default=False, description="May record; kept for services beside this one.")
    room_admin: bool = Field(default=False, description="May see, change and remove participants of the room.")
    room_join: bool = Field(default=False, description="May join the room.")
    room: str = Field(default="", description="The room the grant holds in; empty: every room.")
    destination_room: str = Field(
        default="", description="With roomAdmin: where participants of the room may be moved or forwarded to."
    )
    can_publish: bool | None = Field(default=None, description="May publish; not given: yes, with roomJoin.")
    can_subscribe: bool | None = Field(default=None, description="May watch; not given: yes, with roomJoin.")
    can_publish_data: bool | None = Field(default=None, description="May send data; not given: as canPublish.")
    can_publish_sources: Annotated[tuple[str, ...], BeforeValidator(_lower)] = Field(
        default=(),
        strict=False,
        description="What may be published: camera, microphone, screen_share, screen_share_audio. Empty: everything.",
    )
    can_update_own_metadata: bool = Field(default=False, description="May change its own name, metadata, attributes.")
    can_subscribe_metrics: bool = Field(default=False, description="May receive others' metrics.")
    can_manage_agent_session: bool = Field(default=False, description="Kept for agent frameworks.")
    hidden: bool = Field(default=False, description="Other participants are not told of this one.")
    recorder: bool = Field(default=False, description="Shown to others as recording the room.")
    agent: bool = Field(default=False, description="Kept for agent frameworks.")
    ingress_admin: bool = Field(default=False, description="Kept for ingress services beside this one.")

    @property
    def publishes(self) -> bool:
        return self.can_publish is not False

    @property
    def subscribes(self) -> bool:
        return self.can_subscribe is not False

    @property
    def publishes_data(self) -> bool:
        return self.publishes if self.can_publish_data is None else self.can_publish_data

    def holds_in(self, room: str) -> bool:
        return self.room in {"", room}


NO_GRANTS = VideoGrant()

# What being the administrator of a room does not include: rights beyond it, or over somebody else's service.
_BEYOND_THE_ROOM = ("room_create", "room_list", "room_record", "ingress_admin", "agent", "can_manage_agent_session")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified token.

    kind: LiveKit's kind of participant in lower case. sha256: base64, of the body that the token came with, if it was
    made to sign one. room_config: for the room, should this join create it. room_preset: the name of such a
    configuration in LiveKit's own settings. expires: Unix time.
    """

    key: str
    identity: str
    name: str = ""
    metadata: str = ""
    video: VideoGrant = NO_GRANTS
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: str = STANDARD
    sha256: str = ""
    room_config: RoomConfig | None = None
    room_preset: str = ""
    expires: float = field(default=0.0, compare=False)

    def may_publish(self, room: str) -> bool:
        return self._may_join(room) and self.video.publishes

    def may_subscribe(self, room: str) -> bool:
        return self._may_join(room) and self.video.subscribes

    def may_publish_data(self, room: str) -> bool:
        return self._may_join(room) and self.video.publishes_data

    def may_publish_source(self, source: str) -> bool:
        """Whether, where it may publish, it may publish this: camera, microphone, screen_share, screen_share_audio."""
        return self.video.publishes and source in (self.video.can_publish_sources or (source,))

    def may_administer(self, room: str) -> bool:
        return self.video.room_admin and self.video.holds_in(room)

    def may_move(self, room: str, destination: str) -> bool:
        """Whether it may move or forward participants from one room to another."""
        return self.may_administer(room) and self._reaches(destination)

    def may_create(self, room: str) -> bool:
        return self.video.room_create and self.video.holds_in(room)

    def may_grant(self, grant: VideoGrant) -> bool:
        """Whether the bearer may hand out this grant: an administrator of the room, and no right it lacks itself.

        An administrator changes what participants may do in the room, so that these rights are its own to give,
        except those that its own token withholds by name. Whatever may be granted may grant no more than that in turn.
        """
        mine = self.video
        return (
            self.may_administer(grant.room)
            and all(getattr(mine, right) or not getattr(grant, right) for right in _BEYOND_THE_ROOM)
            and (not grant.destination_room or self._reaches(grant.destination_room))
            and (mine.publishes or not grant.publishes)
            and (mine.subscribes or not grant.subscribes)
            and (mine.publishes_data or not grant.publishes_data)
            and self._may_grant_sources(grant)
        )

    def _may_grant_sources(self, grant: VideoGrant) -> bool:
        mine, given = set(self.video.can_publish_sources), set(grant.can_publish_sources)
        return not mine or not grant.publishes or (bool(given) and given <= mine)

    def _reaches(self, destination: str) -> bool:
        return self.video.destination_room == destination or self.may_administer(destination)

    def _may_join(self, room: str) -> bool:
        return bool(self.identity) and self.video.room_join and self.video.holds_in(room)


def mint(
    key: str,
    secret: str,
    video: VideoGrant,
    *,
    now: datetime,
    identity: str = "",
    name: str = "",
    metadata: str = "",
    attributes: Mapping[str, str] | None = None,
    kind: str = STANDARD,
    sha256: str = "",
    room_config: RoomConfig | None = None,
    ttl: timedelta = DEFAULT_TTL,
) -> str:
    """A signed token, valid from `now` for `ttl`. ValueError: ttl not positive or above MAX_TTL, or too much in it."""
    if not timedelta(0) < ttl <= MAX_TTL:
        raise ValueError(f"a token's lifetime must be positive and at most {MAX_TTL.days} days")
    issued = int(now.timestamp())
    said: dict[str, object] = {
        "iss": key,
        "nbf": issued,
        "exp": issued + math.ceil(ttl.total_seconds()),
        "video": _plain(video),
    }
    optional: dict[str, object] = {
        "sub": identity,
        "name": name,
        "metadata": metadata,
        "attributes": dict(attributes or {}),
        "kind": kind if kind != STANDARD else "",
        "sha256": sha256,
        "roomConfig": _plain(room_config) if room_config else None,
    }
    said |= {claim: value for claim, value in optional.items() if value}
    token = hs256.sign(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode(), secret)
    if len(token) > MAX_TOKEN_LENGTH:
        raise ValueError(f"a token has at most {MAX_TOKEN_LENGTH} characters; metadata and attributes are too much")
    return token


def verify(token: str, secrets: Mapping[str, str], now: datetime) -> AccessToken:
    """Check signature, issuer, lifetime and shape. `secrets`: API key to secret. TokenError: anything is wrong."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenError("the token is too long")
    try:
        signed = _signed_claims(token, secrets)
        claims.check_lifetime(signed, now.timestamp(), MAX_TTL)
        return _checked_names(_access_token(signed))
    except hs256.SignatureError as error:
        raise TokenError(f"the token {error}") from error
    except claims.ClaimError as error:
        raise TokenError(str(error)) from error


def _signed_claims(token: str, secrets: Mapping[str, str]) -> claims.Claims:
    """The claims, once their signature is known to be good."""
    issuer = claims.parse(hs256.unchecked_payload(token)).get("iss")
    secret = secrets.get(issuer) if isinstance(issuer, str) else None
    if secret is None:
        raise TokenError("the token was issued by an unknown API key")
    return claims.parse(hs256.signed_payload(token, secret))


def _access_token(signed: claims.Claims) -> AccessToken:
    kind = claims.text(signed, "kind").lower()
    return AccessToken(
        key=claims.text(signed, "iss"),
        identity=claims.text(signed, "sub") or claims.text(signed, "jti"),
        name=claims.text(signed, "name"),
        metadata=claims.text(signed, "metadata"),
        video=claims.read(VideoGrant, signed, "video") or NO_GRANTS,
        attributes=claims.texts(signed, "attributes"),
        kind=kind if kind in KINDS else STANDARD,  # as LiveKit does with kinds from after its time
        sha256=claims.text(signed, "sha256"),
        room_config=claims.read(RoomConfig, signed, "roomConfig"),
        room_preset=claims.text(signed, "roomPreset"),
        expires=float(signed["exp"]),
    )


def _checked_names(token: AccessToken) -> AccessToken:
    if token.identity and (fault := name_fault(token.identity)):
        raise TokenError(f"the identity {fault}")
    for room in filter(None, (token.video.room, token.video.destination_room)):
        if fault := room_fault(room):
            raise TokenError(f"the room name {fault}")
    return token


def _plain(model: BaseModel) -> dict[str, object]:
    return model.model_dump(by_alias=True, exclude_defaults=True)
