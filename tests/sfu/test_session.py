"""A session's ICE business; its media is in test_server."""

import pytest

from sfu.errors import Malformed
from sfu.remote_candidates import CandidateCount
from sfu.sdpfrag import SdpFragment
from tests.sfu import offers
from tests.sfu.peers import running_sfu

NEW = "a=ice-ufrag:anew\r\na=ice-pwd:" + "p" * 22 + "\r\n"


async def test_a_session_tells_what_it_is() -> None:
    async with running_sfu() as sfu:
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        assert (session.kind, session.room, session.identity) == ("publish", "hall", "alice")
        assert len(session.id) >= 22
        assert session.etag.isascii()
        assert session.answer.startswith("v=0\r\n")


async def test_trickled_candidates_are_noted_and_change_nothing() -> None:
    async with running_sfu() as sfu:
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        before, offered = session.etag, session.connection(0).offered
        session.trickle(NEW + "m=audio 9 RTP/AVP 0\r\na=mid:nobodys\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ relay\r\n")
        assert session.etag == before
        assert session.connection(0).offered == [*offered, CandidateCount("relay", "udp", 1, 0)]
        with pytest.raises(Malformed):
            session.trickle("hello")


async def test_a_restart_needs_credentials_that_are_new() -> None:
    async with running_sfu() as sfu:
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        names, ufrags = [session.etag], [session.transport.ice.ufrag]
        fragment = SdpFragment.parse(session.restart_ice(NEW))
        assert fragment.ice == session.transport.ice
        assert fragment.candidates
        names.append(session.etag)
        ufrags.append(session.transport.ice.ufrag)
        assert len(set(names)) == len(set(ufrags)) == 2
        for unusable in (NEW, "m=audio 9 RTP/AVP 0\r\n", "x"):
            with pytest.raises(Malformed):
                session.restart_ice(unusable)
        assert session.etag == names[-1]
