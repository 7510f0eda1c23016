"""What breaks heals: a server that restarts, a path that moves."""

from pathlib import Path

import pytest

from bench.server import ServerProcess
from tests.interop import browser as chrome
from tests.interop.commands import publishing
from tests.interop.viewing import until_seen, watch_url, watching

pytestmark = pytest.mark.interop

# A WHEP session that restarts ICE by PATCH (RFC 9725, 4.3.3) and keeps its tracks.
_RESTARTING_VIEWER = """
async ([url, token]) => {
  const auth = { Authorization: `Bearer ${token}` };
  const peer = (window.peer = new RTCPeerConnection());
  const video = document.createElement("video");
  Object.assign(video, { id: "restarted", autoplay: true, muted: true });
  document.body.append(video);
  peer.ontrack = (event) => (video.srcObject = new MediaStream([event.track]));
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription();
  const post = await fetch(url, {
    method: "POST", headers: { ...auth, "Content-Type": "application/sdp" }, body: peer.localDescription.sdp,
  });
  if (post.status !== 201) throw new Error(`POST ${post.status} ${await post.text()}`);
  const answer = await post.text();
  await peer.setRemoteDescription({ type: "answer", sdp: answer });
  window.restart = async () => {
    await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
    const line = (sdp, name) => sdp.match(new RegExp(`a=${name}:(.*)`))[1].trim();
    const offer = peer.localDescription.sdp;
    const fragment = [
      "a=group:BUNDLE 0", `a=ice-ufrag:${line(offer, "ice-ufrag")}`, `a=ice-pwd:${line(offer, "ice-pwd")}`,
      "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", "",
    ].join("\\r\\n");
    const patch = await fetch(new URL(post.headers.get("Location"), url), {
      method: "PATCH",
      headers: { ...auth, "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
      body: fragment,
    });
    const reply = await patch.text();
    if (patch.status !== 200) throw new Error(`PATCH ${patch.status} ${reply}`);
    const sdp = answer
      .replace(/a=ice-ufrag:.*/g, `a=ice-ufrag:${line(reply, "ice-ufrag")}`)
      .replace(/a=ice-pwd:.*/g, `a=ice-pwd:${line(reply, "ice-pwd")}`);
    await peer.setRemoteDescription({ type: "answer", sdp });
    return [post.headers.get("ETag"), patch.headers.get("ETag")];
  };
}
"""


async def test_an_ice_restart_by_patch_keeps_the_picture(server: ServerProcess) -> None:
    room = "ice-restart"
    async with publishing(server, room), watching(server, room) as watcher, chrome.chromium() as browser:
        await until_seen(watcher)
        page = await chrome.open_page(browser, f"{server.url}/")
        token = server.token("chromium", room, watch=True)
        await page.evaluate(_RESTARTING_VIEWER, [f"{server.url}/whep/{room}", token])
        await chrome.until_numbers_advance(page, "#restarted")
        before, after = await page.evaluate("() => window.restart()")
        assert before.startswith('"')
        assert after.startswith('"')
        assert before != after
        await chrome.until_numbers_advance(page, "#restarted", distinct=10)
        assert await page.evaluate("() => window.peer.connectionState") == "connected"


async def test_a_watch_page_survives_a_server_restart(tmp_path: Path) -> None:
    room = "server-restart"
    with ServerProcess(tmp_path / "server.log") as server:
        async with publishing(server, room), chrome.chromium() as browser:
            page = await chrome.open_page(browser, watch_url(server, room, "chromium"))
            await chrome.until_playing(page)
            session = await chrome.session(page)
            server.kill()
            server.start()
            await chrome.until_playing(page, within=60)
            await chrome.until_numbers_advance(page)
            assert await chrome.session(page) != session
