"""Ready-made links, their route, and what `serve --dev` prints of them."""

import json
import shlex
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from rich.console import Console

from api.app import create_app
from api.banner import print_banner
from api.devlinks import DevLinks, dev_links
from api.routes import dev
from api.settings import Settings, load_settings
from api.tokens import verify
from tests.api.recording import RecordingSfu, WallClock, settings_for_tests

DEV_SECRETS = {"devkey": "secret"}


def dev_settings(**options: object) -> Settings:
    return load_settings({"dev": True} | options, None, {})


def client(settings: Settings, sfu: RecordingSfu, wall: WallClock) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(settings, sfu, now=wall.now))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:7880")


def _links(wall: WallClock) -> DevLinks:
    return dev_links(dev_settings(), "http://localhost:7880", "a b", wall.now())


def test_links(wall: WallClock) -> None:
    links = _links(wall)
    assert (links.whip_url, links.whep_url) == ("http://localhost:7880/whip/a%20b", "http://localhost:7880/whep/a%20b")
    publisher = verify(links.publish_token, DEV_SECRETS, wall.now())
    viewer = verify(links.watch_token, DEV_SECRETS, wall.now())
    assert (publisher.may_publish("a b"), publisher.may_subscribe("a b")) == (True, False)
    assert (viewer.may_publish("a b"), viewer.may_subscribe("a b"), viewer.video.hidden) == (False, True, True)
    assert unquote(urlsplit(links.watch_url).path) == "/watch/a b"
    guest, other = (verify(token, DEV_SECRETS, wall.now()) for token in (links.call_token, _links(wall).call_token))
    assert (guest.may_publish("a b"), guest.may_subscribe("a b"), guest.may_administer("a b")) == (True, True, True)
    # Whoever joins with an identity that is there already takes its place.
    assert guest.identity != other.identity
    assert unquote(urlsplit(links.call_url).path) == "/call/a b"
    assert urlsplit(links.call_url).fragment == ""
    operator = verify(links.admin_token, DEV_SECRETS, wall.now())
    assert (operator.video.room_list, operator.may_administer("any"), operator.may_publish("any")) == (
        True,
        True,
        False,
    )
    assert urlsplit(links.dashboard_url).path == "/dashboard"
    assert urlsplit(links.dashboard_url).fragment == f"token={links.admin_token}"
    # In the fragment, so that it appears in no request and no log.
    assert urlsplit(links.watch_url).fragment == f"token={links.watch_token}"
    assert links.watch_token not in links.watch_url.partition("#")[0]


def test_the_ffmpeg_line_survives_a_shell(wall: WallClock) -> None:
    links = dev_links(dev_settings(), "http://localhost:7880", "it's $HOME; `id`", wall.now())
    words = shlex.split(links.ffmpeg)
    assert words[-1] == links.whip_url
    assert words[words.index("-authorization") + 1] == links.publish_token
    assert words[words.index("-bf") + 1] == "0"


async def test_the_route(sfu: RecordingSfu, wall: WallClock) -> None:
    async with client(dev_settings(), sfu, wall) as http:
        response = await http.get("/dev/links", params={"room": "lobby"}, headers={"Origin": "https://evil.example"})
        links = response.json()
        assert links["whip_url"] == "http://localhost:7880/whip/lobby"
        assert links["obs"] == {"server": links["whip_url"], "token": links["publish_token"]}
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["cache-control"] == "no-store"
        assert (await http.get("/dev/links", params={"room": "a/b"})).status_code == 400
        assert (await http.get("/dev/links", headers={"Host": "evil.example"})).status_code == 421


async def test_without_dev_there_is_no_such_route(http: httpx.AsyncClient) -> None:
    assert dev.router.prefix == "/dev"
    assert (await http.get("/dev/links")).status_code == 404


def printed(settings: Settings) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        print_banner(settings, "http://localhost:7880", console)
    return captured.get()


def test_the_banner_has_everything_on_lines_that_can_be_copied() -> None:
    lines = printed(dev_settings()).splitlines()
    assert any("devkey, secret" in line for line in lines)
    for start in ("http://localhost:7880/broadcast?room=demo#token=", "http://localhost:7880/watch/demo#token="):
        assert any(len(line.partition(start)[2]) > 100 for line in lines)
    assert any(line.endswith(" http://localhost:7880/call/demo") for line in lines)
    ffmpeg = next(line for line in lines if line.startswith("ffmpeg "))
    assert ffmpeg.endswith(" http://localhost:7880/whip/demo")


def test_the_banner_prints_no_secret_of_a_real_server() -> None:
    settings = settings_for_tests()
    text = printed(settings)
    assert "http://localhost:7880" in text
    assert not any(secret in text for secret in settings.secrets.values())


def test_dev_on_other_interfaces_is_warned_about() -> None:
    assert "not on loopback" in printed(dev_settings(http="0.0.0.0:7880"))
    assert "not on loopback" not in printed(dev_settings())


@pytest.mark.parametrize("room", ["a\nb", "", "..", "x" * 300])
async def test_a_bad_room_is_refused(sfu: RecordingSfu, wall: WallClock, room: str) -> None:
    async with client(dev_settings(), sfu, wall) as http:
        response = await http.get("/dev/links", params={"room": room})
        assert (response.status_code, json.loads(response.text)["code"]) == (400, "malformed-room")
