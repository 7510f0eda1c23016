"""SDP fragments for trickle ICE and ICE restarts over HTTP (RFC 8840, 9; RFC 9725, 4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.attributes import Candidate, IceCredentials
from sfu.errors import Malformed
from sfu.sdp import split_lines, split_sections


@dataclass(frozen=True, slots=True)
class SdpFragment:
    """What a PATCH carries. `ice` is None where the fragment names no credentials.

    `candidates` of all m-sections together: with BUNDLE they belong to one transport.
    """

    ice: IceCredentials | None
    candidates: tuple[Candidate, ...]
    end_of_candidates: bool

    @classmethod
    def parse(cls, text: str) -> "SdpFragment":
        """Malformed ("malformed-sdpfrag"): not a fragment, or one that disagrees with itself about its credentials."""
        try:
            return cls._parse(text)
        except Malformed as error:
            raise Malformed("malformed-sdpfrag", error.detail) from None

    @classmethod
    def _parse(cls, text: str) -> "SdpFragment":
        session, media = split_sections(split_lines(text))
        sections = (session, *media)
        if not session.lines and not media:
            raise Malformed("malformed-sdpfrag", "empty")
        credentials = {section.ice for section in sections} - {None}
        if len(credentials) > 1:
            raise Malformed("malformed-sdpfrag", "more than one pair of ICE credentials")
        return cls(
            ice=next(iter(credentials), None),
            candidates=tuple(candidate for section in sections for candidate in section.candidates),
            end_of_candidates=any("end-of-candidates" in section for section in sections),
        )


def restart_answer(media: str, mid: str, ice: IceCredentials, candidates: Sequence[Candidate]) -> str:
    """The body that answers an ICE restart: our new credentials and all our candidates (RFC 9725, 4.3.3).

    media: the m-line of the answer's first bundled section, without `m=`. mid: its mid.
    """
    lines = [
        "a=ice-lite",
        "a=ice-options:trickle ice2",
        f"a=group:BUNDLE {mid}",
        f"m={media}",
        f"a=mid:{mid}",
        f"a=ice-ufrag:{ice.ufrag}",
        f"a=ice-pwd:{ice.pwd}",
        *(f"a=candidate:{candidate}" for candidate in candidates),
        "a=end-of-candidates",
    ]
    return "".join(f"{line}\r\n" for line in lines)
