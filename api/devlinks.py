"""Ready-made links and commands for `--dev`."""

import secrets
import shlex
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.settings import Settings
from api.tokens import VideoGrant, mint

DEFAULT_ROOM = "demo"


class ObsSettings(BaseModel):
    """What OBS asks for under Settings, Stream, Service: WHIP."""

    server: str
    token: str


class DevLinks(BaseModel):
    """Everything needed to publish into, watch and meet in one room."""

    room: str
    whip_url: str
    whep_url: str
    publish_token: str
    watch_token: str
    broadcast_url: str
    watch_url: str
    call_token: str
    call_url: str = Field(
        description="Without a token: the page asks for one of its own, as no two may share an identity."
    )
    admin_token: str = Field(description="For every room: it lists them, sees into them and ends them.")
    dashboard_url: str
    ffmpeg: str = Field(description="A command for a shell.")
    obs: ObsSettings


def dev_links(settings: Settings, base_url: str, room: str, now: datetime) -> DevLinks:
    """Links for one room. Tokens stand in URL fragments, which browsers keep to themselves."""
    key, secret = next(iter(settings.secrets.items()))

    def token(identity: str, **grants: Any) -> str:
        return mint(key, secret, VideoGrant(room_join=True, room=room, **grants), identity=identity, now=now)

    segment = quote(room, safe="")
    publish_token = token("broadcaster", can_publish=True, can_subscribe=False)
    watch_token = token(f"viewer-{secrets.token_hex(4)}", can_publish=False, can_subscribe=True, hidden=True)
    call_token = token(f"guest-{secrets.token_hex(4)}", room_admin=True, can_update_own_metadata=True)
    everywhere = VideoGrant(room_list=True, room_admin=True, room_create=True)
    admin_token = mint(key, secret, everywhere, identity="operator", now=now)
    whip_url = f"{base_url}/whip/{segment}"
    return DevLinks(
        room=room,
        whip_url=whip_url,
        whep_url=f"{base_url}/whep/{segment}",
        publish_token=publish_token,
        watch_token=watch_token,
        broadcast_url=f"{base_url}/broadcast?room={quote(room)}#token={publish_token}",
        watch_url=f"{base_url}/watch/{segment}#token={watch_token}",
        call_token=call_token,
        call_url=f"{base_url}/call/{segment}",
        admin_token=admin_token,
        dashboard_url=f"{base_url}/dashboard#token={admin_token}",
        ffmpeg=ffmpeg_command(whip_url, publish_token),
        obs=ObsSettings(server=whip_url, token=publish_token),
    )


def ffmpeg_command(whip_url: str, token: str) -> str:
    """FFmpeg 8 or later. Without B-frames, which WebRTC has no place for, and with a keyframe every two seconds."""
    return (
        "ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 "
        "-c:v libx264 -profile:v baseline -pix_fmt yuv420p -preset veryfast -tune zerolatency -b:v 2M -g 60 -bf 0 "
        f"-c:a libopus -ac 2 -b:a 64k -f whip -authorization {token} {shlex.quote(whip_url)}"
    )
