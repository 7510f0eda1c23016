"""What a client's offer on its publishing or only peer connection says: which m-sections there are, which of them send
and which can be sent in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sfu.attributes import Extmap, Msid
from sfu.calls.data_section import DataSection, is_data_section, read_data_section
from sfu.codecs import CodecPair, forwardable, preferred
from sfu.errors import Rejected
from sfu.extensions import ExtensionIds
from sfu.layers_offered import OfferedLayers, offered_layers
from sfu.negotiation import (
    OFFERED_ROLES,
    Kind,
    RemoteTransport,
    bundle_of,
    check_mids,
    check_streams,
    check_transportable,
    is_disabled,
    remote_transport,
)
from sfu.sdp import Limits, MediaSection, SessionDescription

CALL_LIMITS = Limits(bytes=1024 * 1024, lines=32_000, sections=256)
"""Chromium's offer of 100 audio and 100 video m-sections has 603 kB in 19,500 lines."""


@dataclass(frozen=True, slots=True)
class PeerSection:
    """One m-section of audio or video.

    The direction alone says whether the client sends or receives in it; `msid` and `layers` may be left from before.
    codecs: all that we can forward, at least one, in the offer's order. layers: for `preferred(codecs)`.
    """

    index: int
    mid: str
    kind: Kind
    sends: bool
    receives: bool
    codecs: tuple[CodecPair, ...]
    extmaps: tuple[Extmap, ...]
    layers: OfferedLayers
    msid: Msid | None


@dataclass(frozen=True, slots=True)
class PeerOffer:
    """A whole offer. `sections` leaves out those that are disabled and those we turn down, in which nothing is known
    to us. `extensions`: ids by URI of the whole bundle, whichever way the media goes.
    """

    description: SessionDescription
    remote: RemoteTransport
    sections: tuple[PeerSection, ...]
    data: DataSection | None
    extensions: Mapping[str, int]

    @property
    def mids(self) -> list[str]:
        """Of all m-sections that are served."""
        return [peer.mid for peer in self.sections] + ([self.data.mid] if self.data else [])


def read_offer(text: str) -> PeerOffer:
    """Malformed: it cannot be read, or disagrees with itself. Rejected: it asks for what is not offered here."""
    description = SessionDescription.parse(text, CALL_LIMITS)
    check_mids(description)
    extensions = ExtensionIds("call")
    capabilities = _Capabilities(description, extensions)
    sections: list[PeerSection] = []
    data: DataSection | None = None
    for index, section in enumerate(description.media):
        if is_disabled(section):
            continue
        if section.kind in ("audio", "video"):
            check_transportable(section)
            peer = _read_section(description, index, section, capabilities)
            sections += [peer] if peer else []
        elif data is None and is_data_section(section):
            data = read_data_section(index, _mid(section), section)
    mids = [peer.mid for peer in sections] + ([data.mid] if data else [])
    if not mids:
        raise Rejected("no-media", "the offer has no m-section that is served here")
    check_streams((peer.codecs, peer.layers) for peer in sections if peer.sends)
    by_mid = {section.mid: section for section in description.media}
    served = [by_mid[mid] for mid in in_bundle(description, mids)]
    remote = remote_transport(description, served, OFFERED_ROLES)
    return PeerOffer(description, remote, tuple(sections), data, extensions.ids)


def in_bundle(description: SessionDescription, mids: Sequence[str]) -> list[str]:
    """These mids in the order of their BUNDLE group, the tagged one first (RFC 9143, 7.3.1). Rejected: none."""
    wanted = set(mids)
    return [mid for mid in dict.fromkeys(bundle_of(description, mids)) if mid in wanted] or list(mids)


class _Capabilities:
    """Codecs and header extensions of m-sections. Most are alike, and what is alike is read once and shared."""

    def __init__(self, description: SessionDescription, extensions: ExtensionIds) -> None:
        self._extensions = extensions
        self._of_session = extensions.accept(description.session.extmaps)
        self._codecs: dict[tuple[object, ...], tuple[CodecPair, ...]] = {}
        self._extmaps: dict[tuple[str, ...], tuple[Extmap, ...]] = {}

    def codecs(self, section: MediaSection) -> tuple[CodecPair, ...]:
        said = (
            section.kind,
            *(tuple(section.values(name)) for name in ("rtpmap", "fmtp", "rtcp-fb")),
            *section.formats,
        )
        if said not in self._codecs:
            self._codecs[said] = tuple(forwardable(section.kind, section.codecs))
        return self._codecs[said]

    def extmaps(self, section: MediaSection) -> tuple[Extmap, ...]:
        said = tuple(section.values("extmap"))
        if said not in self._extmaps:
            accepted = (*self._of_session, *self._extensions.accept(section.extmaps))
            self._extmaps[said] = tuple({extmap.uri: extmap for extmap in accepted}.values())
        return self._extmaps[said]


def _read_section(
    description: SessionDescription, index: int, section: MediaSection, capabilities: _Capabilities
) -> PeerSection | None:
    """None: no codec in it is forwarded here."""
    codecs = capabilities.codecs(section)
    if not codecs:
        return None
    extmaps = capabilities.extmaps(section)
    direction = description.direction(section)
    return PeerSection(
        index=index,
        mid=_mid(section),
        kind="audio" if section.kind == "audio" else "video",
        sends=direction in ("sendonly", "sendrecv"),
        receives=direction in ("recvonly", "sendrecv"),
        codecs=codecs,
        extmaps=extmaps,
        layers=offered_layers(section, preferred(codecs), extmaps),
        msid=next(iter(section.msids), None),
    )


def _mid(section: MediaSection) -> str:
    if section.mid is None:
        raise Rejected("no-mid", "every m-section of a call needs a mid")
    return section.mid
