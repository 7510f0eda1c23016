"""What a WHIP or WHEP client holds the URL of: one participant's one transport."""

from collections.abc import Sequence
from typing import Literal

from sfu.answer import media_line
from sfu.attributes import Candidate, IceCredentials
from sfu.connection import Connection, examine
from sfu.errors import Malformed
from sfu.ids import Ids
from sfu.negotiation import Plan
from sfu.participant import Participant
from sfu.remote_candidates import RemoteCandidates
from sfu.room import Room
from sfu.sdpfrag import SdpFragment, restart_answer
from sfu.transport import Transport
from sfu.viewing import Viewing


class MediaSession:
    """`viewing` is what a viewer is sent, `answer` is the SDP answer, `etag` an opaque name of the ICE session that
    changes when ICE restarts.
    """

    def __init__(
        self,
        *,
        session_id: str,
        home: Room,
        participant: Participant,
        transport: Transport,
        plan: Plan,
        answer: str,
        viewing: Viewing | None,
        ids: Ids,
        candidates: Sequence[Candidate],
    ) -> None:
        self.id = session_id
        self.kind: Literal["publish", "watch"] = plan.purpose
        self.answer = answer
        self.etag = ids.etag()
        self.home = home
        self.participant = participant
        self.transport = transport
        self.viewing = viewing
        self._plan = plan
        self._ids = ids
        self._candidates = candidates
        self._remote_ice = plan.remote.ice
        self._offered = RemoteCandidates()
        self._offered.add_all(plan.offer)

    @property
    def room(self) -> str:
        return self.home.name

    @property
    def identity(self) -> str:
        return self.participant.identity

    def trickle(self, sdpfrag: str) -> None:
        """Note the client's candidates (RFC 9725, 4.3.2) and need none: checks come to us, and tell where from.

        Malformed ("malformed-sdpfrag").
        """
        self._offered.add(SdpFragment.parse(sdpfrag).candidates)

    def restart_ice(self, sdpfrag: str) -> str:
        """New credentials on both sides (RFC 9725, 4.3.3); the fragment to answer with. The media goes on meanwhile.

        Malformed ("malformed-sdpfrag"): unreadable, or without new credentials.
        """
        offered = SdpFragment.parse(sdpfrag).ice
        if offered is None or offered.ufrag == self._remote_ice.ufrag:
            raise Malformed("malformed-sdpfrag", "an ICE restart needs a new ice-ufrag and ice-pwd")
        self._remote_ice = offered
        ice: IceCredentials = self._ids.ice()
        self.transport.restart_ice(ice, offered.ufrag)
        self.etag = self._ids.etag()
        first = self._plan.media[0]
        return restart_answer(media_line(self._plan, first, self._candidates), first.mid or "0", ice, self._candidates)

    def connection(self, now: float) -> Connection:
        """How the client reaches us, or tried to. now: monotonic seconds."""
        return examine(self.transport, self._offered.counts(), self._candidates, now)

    async def close(self) -> None:
        """Tear down ICE, DTLS and media, and leave the room; idempotent."""
        self.transport.close()
