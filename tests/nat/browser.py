"""Chromium in a namespace, publishing or watching by a peer connection whose configuration the test chooses."""

import contextlib
import shlex
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

from playwright.async_api import Browser, Page

from tests.interop.browser import EXECUTABLE, chromium
from tests.nat.serving import Server
from tests.net.natlab.world import World

# One WHIP or WHEP session, with the relays of /v1/ice-servers. It is put into the page as `session`.
_SESSION = """
async ([kind, room, token, policy]) => {
  const began = performance.now();
  const bearer = { Authorization: `Bearer ${token}` };
  const offered = await fetch("/v1/ice-servers", { headers: bearer });
  if (!offered.ok) throw new Error(`ice-servers ${offered.status} ${await offered.text()}`);
  const peer = new RTCPeerConnection({ ...(await offered.json()), iceTransportPolicy: policy });
  const video = document.createElement("video");
  Object.assign(video, { autoplay: true, muted: true, playsInline: true });
  document.body.replaceChildren(video);
  const session = (window.session = { peer, firstPicture: null });
  if (kind === "whip") {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    for (const track of stream.getTracks()) peer.addTrack(track, stream);
  } else {
    peer.ontrack = (event) => (video.srcObject = new MediaStream([event.track]));
    peer.addTransceiver("video", { direction: "recvonly" });
    video.requestVideoFrameCallback(() => (session.firstPicture = performance.now() - began));
  }
  await peer.setLocalDescription();
  const post = await fetch(`/${kind}/${room}`, {
    method: "POST",
    headers: { ...bearer, "Content-Type": "application/sdp" },
    body: peer.localDescription.sdp,
  });
  if (post.status !== 201) throw new Error(`POST ${post.status} ${await post.text()}`);
  await peer.setRemoteDescription({ type: "answer", sdp: await post.text() });
}
"""

_SEEN = """
async () => {
  const stats = [...(await session.peer.getStats()).values()];
  const find = (id) => stats.find((each) => each.id === id);
  const transport = stats.find((each) => each.type === "transport" && each.selectedCandidatePairId);
  const local = transport && find(find(transport.selectedCandidatePairId).localCandidateId);
  const received = stats.find((each) => each.type === "inbound-rtp" && each.kind === "video");
  return {
    state: session.peer.connectionState,
    path: !local ? "" : local.candidateType === "relay" ? `relay ${local.relayProtocol}` : `direct ${local.protocol}`,
    first_frame_ms: session.firstPicture,
    frames: received?.framesDecoded ?? 0,
  };
}
"""


@contextlib.asynccontextmanager
async def browser(world: World, host: str, server: Server, home: Path, capture: Path) -> AsyncIterator[Browser]:
    """Chromium in a namespace, with a home directory in which the server's authority is trusted."""
    _trust(home, server.authority)
    executable = home / "chromium"
    executable.write_text(f'#!/bin/sh\nexec {shlex.join(world.command(host, EXECUTABLE))} "$@"\n')
    executable.chmod(0o755)
    async with chromium(capture, executable=executable, home=home) as browser:
        yield browser


async def join(browser: Browser, server: Server, kind: str, room: str, policy: str) -> Page:
    """A page with a session: `kind` is "whip" or "whep", `policy` "all" or "relay" (RTCIceTransportPolicy)."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{server.https}/")
    token = server.token(kind, room, publish=kind == "whip", watch=kind == "whep")
    await page.evaluate(_SESSION, [kind, room, token, policy])
    return page


async def seen(page: Page) -> dict[str, Any]:
    """`state`, `path`, `first_frame_ms` and `frames`, as those of `clients.watch`; `path` may be "direct tcp" too."""
    return cast("dict[str, Any]", await page.evaluate(_SEEN))


def _trust(home: Path, authority: Path) -> None:
    """Chromium takes further authorities from an NSS database, for HTTPS and for TURN over TLS alike."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-n", "authority", "-t", "C,,", "-i", str(authority)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True, capture_output=True, timeout=20)
