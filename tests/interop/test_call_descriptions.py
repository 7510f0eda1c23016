"""Chromium takes the session descriptions of calls, one after the other, and offers and answers with what it should."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import pytest
from playwright.async_api import Page

from sfu.answer import LocalTransport, SentStream
from sfu.attributes import Fingerprint, IceCredentials, Msid
from sfu.calls.peer_answer import write_answer
from sfu.calls.peer_offer import PeerOffer, read_offer
from sfu.calls.server_offer import SUBSCRIBER_EXTENSIONS, OfferedSection, PayloadTypes, read_answer, write_offer
from sfu.candidates import host_candidates
from sfu.codecs import CodecPair, preferred
from sfu.extensions import MID, REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from tests.interop.browser import chromium

pytestmark = pytest.mark.interop

LOCAL = LocalTransport(
    IceCredentials("ours", "o" * 24),
    Fingerprint("sha-256", bytes(range(32))),
    host_candidates([("192.0.2.1", 3478)]),
    7,
)
STREAM_IDS = {RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, MID}


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        page = await browser.new_page()
        await page.evaluate("""() => {
            window.tracks = [];
            window.pc = new RTCPeerConnection();
            pc.ontrack = ({ transceiver, track, streams }) =>
                tracks.push([transceiver.mid, track.kind, streams.map((stream) => stream.id)]);
        }""")
        yield page


def stream(kind: str, number: int) -> SentStream:
    msid = Msid(f"PA_a|TR_{number}", f"TR_{number}")
    return SentStream(1000 + number, 2000 + number if kind == "video" else None, "PA_a", msid)


async def offer(page: Page) -> str:
    return cast(
        "str", await page.evaluate("async () => { await pc.setLocalDescription(); return pc.localDescription.sdp }")
    )


async def take_answer(page: Page, sdp: str) -> None:
    await page.evaluate("sdp => pc.setRemoteDescription({ type: 'answer', sdp })", sdp)


async def answer(page: Page, sdp: str) -> str:
    return cast(
        "str",
        await page.evaluate(
            """async (sdp) => {
                await pc.setRemoteDescription({ type: "offer", sdp });
                await pc.setLocalDescription();
                return pc.localDescription.sdp;
            }""",
            sdp,
        ),
    )


@dataclass
class Client:
    """A page that makes the offers, and our answers to them."""

    page: Page
    versions: Any

    async def negotiate(self, streams: Mapping[str, SentStream] | None = None) -> PeerOffer:
        """Take all that it sends, send these streams, by mid."""
        offered = read_offer(await offer(self.page))
        await self.answer(offered, streams or {})
        return offered

    async def answer(self, offered: PeerOffer, streams: Mapping[str, SentStream]) -> None:
        receiving = {section.mid: preferred(section.codecs) for section in offered.sections if section.sends}
        sending = {
            section.mid: (section.codecs, streams[section.mid])
            for section in offered.sections
            if section.mid in streams
        }
        version = next(self.versions)
        sdp = write_answer(offered, LOCAL, receiving=receiving, sending=sending, version=version)
        await take_answer(self.page, sdp)


@pytest.fixture
async def joined(page: Page) -> Client:
    """As SDKs join: three data channels, and three m-sections of each kind to receive in."""
    await page.evaluate("""() => {
        for (const label of ["_lossy", "_reliable", "_data_track"]) pc.createDataChannel(label);
        for (const kind of ["audio", "video"])
            for (let n = 0; n < 3; n++) pc.addTransceiver(kind, { direction: "recvonly" });
    }""")
    client = Client(page, count(1))
    offered = await client.negotiate()
    assert offered.data is not None
    assert [section.kind for section in offered.sections] == ["audio"] * 3 + ["video"] * 3
    return client


PUBLISH = """(codec) => {
    pc.addTransceiver("audio", { direction: "sendonly" });
    const video = pc.addTransceiver("video", {
        direction: "sendonly",
        sendEncodings: ["q", "h", "f"].map((rid, at) => ({ rid, scaleResolutionDownBy: 4 / 2 ** at })),
    });
    const { codecs } = RTCRtpSender.getCapabilities("video");
    const wanted = codecs.filter(({ mimeType }) => [`video/${codec}`, "video/rtx"].includes(mimeType));
    video.setCodecPreferences(wanted);
    window.video = video;
}"""


@pytest.mark.parametrize("codec", ["VP8", "VP9", "H264", "AV1"])
async def test_simulcast_can_be_published_after_an_answer_without_media(joined: Client, codec: str) -> None:
    await joined.page.evaluate(PUBLISH, codec)
    for _ in range(3):  # what an answer drops is missing from a later offer
        offered = await joined.negotiate()
        *_, sound, video = offered.sections
        assert (sound.kind, sound.sends, sound.receives) == ("audio", True, False)
        assert (video.kind, video.sends, video.receives) == ("video", True, False)
        assert preferred(video.codecs)[0].name == codec.lower()
        assert video.layers.rids_upwards == ["q", "h", "f"]
        for section in offered.sections:
            if section.kind == "video":
                assert {extmap.uri for extmap in section.extmaps} >= STREAM_IDS
    encodings = "() => video.sender.getParameters().encodings.map(({ rid }) => rid)"
    assert await joined.page.evaluate(encodings) == ["q", "h", "f"]


async def test_streams_come_and_go_in_sections_of_the_client(joined: Client) -> None:
    streams = {"1": stream("audio", 1), "4": stream("video", 2)}
    await joined.page.evaluate(PUBLISH, "VP8")
    await joined.negotiate(streams)
    tracks = await joined.page.evaluate("() => tracks")
    assert tracks == [["1", "audio", ["PA_a|TR_1"]], ["4", "video", ["PA_a|TR_2"]]]
    await joined.negotiate()
    directions = "() => pc.getTransceivers().map(({ currentDirection }) => currentDirection)"
    assert await joined.page.evaluate(directions) == ["inactive"] * 6 + ["sendonly"] * 2
    await joined.page.evaluate("() => { video.direction = 'inactive' }")
    offered = await joined.negotiate({"3": streams["4"]})
    assert not offered.sections[-1].sends
    assert await joined.page.evaluate("() => tracks.at(-1)") == ["3", "video", ["PA_a|TR_2"]]


async def test_a_section_that_is_turned_down_costs_no_other(joined: Client) -> None:
    await joined.page.evaluate(PUBLISH, "VP8")
    text = await offer(joined.page)
    head, *sections = text.split("m=")
    sections[-1] = sections[-1].replace(" VP8/", " unheard-of/")
    offered = read_offer("m=".join([head, *sections]))
    assert [section.kind for section in offered.sections] == ["audio"] * 3 + ["video"] * 3 + ["audio"]
    await joined.answer(offered, {})
    assert await joined.page.evaluate("() => [video.currentDirection, pc.signalingState]") == ["stopped", "stable"]
    await joined.page.evaluate(PUBLISH, "VP8")
    offered = await joined.negotiate()
    assert sum(section.sends for section in offered.sections) == 3


async def test_ice_restarts_show_in_the_user_name(joined: Client) -> None:
    before = await joined.negotiate()
    await joined.page.evaluate("() => pc.restartIce()")
    after = await joined.negotiate()
    assert before.remote.ice.ufrag != after.remote.ice.ufrag


def published(kind: str, *names: str) -> tuple[CodecPair, ...]:
    """What a publisher with these codecs is offered on as."""
    rates = {"audio": "48000/2", "video": "90000"}
    maps = "".join(f"a=rtpmap:{96 + at} {name}/{rates[kind]}\r\n" for at, name in enumerate(names))
    formats = " ".join(str(96 + at) for at in range(len(names)))
    section = f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\na=mid:0\r\na=rtcp-mux\r\n{maps}"
    transport = f"a=ice-ufrag:them\r\na=ice-pwd:{'p' * 24}\r\na=fingerprint:{LOCAL.fingerprint}\r\n"
    return PayloadTypes().pairs(read_offer(f"v=0\r\n{transport}{section}").sections[0].codecs)


async def test_subscribers_accept_what_is_offered(page: Page) -> None:
    sections: list[OfferedSection] = []
    text = write_offer(LOCAL, sections, data_mid="data", version=1)
    answered = read_answer(await answer(page, text), sections, data_mid="data")
    assert answered.data is not None
    assert answered.remote.our_role == "server"

    sections = [
        OfferedSection("a", "audio", published("audio", "opus", "red"), stream("audio", 1)),
        OfferedSection("b", "video", published("video", "VP8"), stream("video", 2)),
        OfferedSection("c", "video", published("video", "H264", "VP9", "AV1"), stream("video", 3)),
        OfferedSection("d", "video", (), None),
    ]
    text = write_offer(LOCAL, sections, data_mid="data", version=2)
    answered = read_answer(await answer(page, text), sections, data_mid="data")
    assert answered.accepted == {section.mid: section.codecs for section in sections[:3]}
    assert answered.extensions.items() <= SUBSCRIBER_EXTENSIONS.items()
    assert MID in answered.extensions
    assert await page.evaluate("() => tracks") == [
        ["a", "audio", ["PA_a|TR_1"]],
        ["b", "video", ["PA_a|TR_2"]],
        ["c", "video", ["PA_a|TR_3"]],
    ]

    sections[1] = OfferedSection("b", "video", sections[1].codecs, None)
    text = write_offer(LOCAL, sections, data_mid="data", version=3)
    answered = read_answer(await answer(page, text), sections, data_mid="data")
    assert set(answered.accepted) == {"a", "c"}

    sections[1] = OfferedSection("b", "video", published("video", "AV1"), stream("video", 4))
    sections[3] = OfferedSection("d", "video", published("video", "VP8"), stream("video", 5))
    text = write_offer(LOCAL, sections, data_mid="data", version=4)
    answered = read_answer(await answer(page, text), sections, data_mid="data")
    assert set(answered.accepted) == {"a", "b", "c", "d"}
    assert (await page.evaluate("() => tracks"))[3:] == [["b", "video", ["PA_a|TR_4"]], ["d", "video", ["PA_a|TR_5"]]]


async def test_a_subscriber_without_the_codec_stays_connected(page: Page) -> None:
    sections = [
        OfferedSection("0", "video", PayloadTypes().pairs(published("video", "VP8")), None),
        OfferedSection("1", "video", (), None),
    ]
    text = write_offer(LOCAL, sections, data_mid="data", version=1)
    other = text.replace(" VP8/", " unheard-of/")
    answered = read_answer(await answer(page, other), sections, data_mid="data")
    assert answered.accepted == {}
    assert answered.data is not None
