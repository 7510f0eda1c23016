"""Offers to plans: what a WHIP publisher or a WHEP viewer asks for, checked, and reduced to what we serve of it.

A plan is a value; `sfu.answer` writes it down as the SDP answer, and `sfu.session` hands it to the data path. An offer
is served whole or not at all (RFC 9725, 4.2): only data channels are turned down inside an accepted answer.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sfu.attributes import Direction, Extmap, Fingerprint, IceCredentials, malformed
from sfu.codecs import CodecPair, forwardable, preferred
from sfu.errors import Rejected
from sfu.extensions import ExtensionIds, Purpose
from sfu.layers_offered import OfferedLayers, offered_layers
from sfu.sdp import MediaSection, SessionDescription

Kind = Literal["audio", "video"]
DtlsRole = Literal["client", "server"]

DIGEST_SIZES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
MAX_FINGERPRINTS = 16
_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,32}")
_PROFILES = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"})
# RFC 5763, 5 and RFC 8842, 5: we wait for the ClientHello unless the offerer does. No `a=setup` counts as active.
OFFERED_ROLES: Mapping[str | None, DtlsRole] = {
    "actpass": "server",
    "active": "server",
    None: "server",
    "passive": "client",
}
# What the offerer's side must be willing to do.
_WANTED: Mapping[Purpose, tuple[Direction, Direction]] = {
    "publish": ("sendonly", "sendrecv"),
    "watch": ("recvonly", "sendrecv"),
}


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The offerer's side of the one transport, and the DTLS role that leaves us."""

    ice: IceCredentials
    fingerprints: tuple[Fingerprint, ...]
    our_role: DtlsRole


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """One m-section we serve. `layers` is empty for a viewer."""

    index: int
    kind: Kind
    mid: str | None
    codecs: tuple[CodecPair, ...]
    extmaps: tuple[Extmap, ...]
    layers: OfferedLayers

    def feedback(self, name: str) -> bool:
        """Whether this rtcp-fb was offered for any codec we serve."""
        return any(name in pair.codec.feedback for pair in self.codecs)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole offer we serve: at most one audio and one video m-section."""

    purpose: Purpose
    offer: SessionDescription
    remote: RemoteTransport
    media: tuple[MediaPlan, ...]
    extensions: Mapping[str, int]

    def of_kind(self, kind: Kind) -> MediaPlan | None:
        return next((media for media in self.media if media.kind == kind), None)


def plan(offer: SessionDescription, purpose: Purpose) -> Plan:
    """Malformed or Rejected say why the offer is not served."""
    sections = [(index, section) for index, section in enumerate(offer.media) if _is_wanted(section)]
    if not sections:
        raise Rejected("no-media", "the offer has neither audio nor video")
    check_mids(offer)
    bundle_of(offer, [section.mid for _, section in sections])
    extensions = ExtensionIds(purpose)
    media = tuple(_plan_media(offer, index, section, purpose, extensions) for index, section in sections)
    for kind in ("audio", "video"):
        if sum(planned.kind == kind for planned in media) > 1:
            raise Rejected("too-many-tracks", f"at most one {kind} track is served")
    check_streams((planned.codecs, planned.layers) for planned in media)
    remote = remote_transport(offer, [section for _, section in sections], OFFERED_ROLES)
    return Plan(purpose, offer, remote, media, extensions.ids)


def is_disabled(section: MediaSection) -> bool:
    """Port 0 disables an m-section (RFC 3264, 5.1), unless it only says "with the bundle or not at all"."""
    return section.port == 0 and "bundle-only" not in section


def _is_wanted(section: MediaSection) -> bool:
    if is_disabled(section):
        return False
    if section.kind in ("audio", "video"):
        return True
    if section.kind == "application":
        return False
    raise Rejected("unsupported-media", f"m={section.kind[:16]} is not served")


def check_mids(offer: SessionDescription) -> None:
    """Malformed: a mid stands twice, or is not one (RFC 5888, 4)."""
    mids = [mid for section in offer.media if (mid := section.mid) is not None]
    if len(mids) != len(set(mids)):
        raise malformed("two m-sections have the same mid")
    if not all(map(_TOKEN.fullmatch, mids)):
        raise malformed("a mid is not a token of at most 32 characters")


def bundle_of(description: SessionDescription, mids: Sequence[str | None]) -> tuple[str, ...]:
    """The BUNDLE group that has all these m-sections in it; () where there is but one, and no group.

    Rejected: several m-sections must share one transport (RFC 9725, 4.4.1).
    """
    wanted = set(mids)
    group = next((group for group in description.bundles if wanted <= set(group)), ())
    if not group and len(mids) > 1:
        raise Rejected("no-bundle", "audio and video must be in one BUNDLE group")
    return group


def _plan_media(
    offer: SessionDescription, index: int, section: MediaSection, purpose: Purpose, extensions: ExtensionIds
) -> MediaPlan:
    kind: Kind = "audio" if section.kind == "audio" else "video"
    check_transportable(section)
    direction = offer.direction(section)
    if direction not in _WANTED[purpose]:
        raise Rejected("wrong-direction", f"{direction} {kind} cannot be served here, offer {_WANTED[purpose][0]}")
    forwarded = forwardable(kind, section.codecs)
    codecs = preferred(forwarded) if purpose == "publish" else tuple(forwarded)
    if not codecs:
        raise Rejected("unsupported-codec", f"none of the offered {kind} codecs is forwarded here")
    extmaps = extensions.accept(offer.session.extmaps + section.extmaps)
    layers = offered_layers(section, codecs, extmaps) if purpose == "publish" else OfferedLayers()
    return MediaPlan(index, kind, section.mid, codecs, extmaps, layers)


def check_transportable(section: MediaSection) -> None:
    """Rejected: not RTP with RTCP on one port, over DTLS-SRTP."""
    if section.profile not in _PROFILES:
        raise Rejected("unsupported-profile", "media is served over DTLS-SRTP only")
    if "rtcp-mux" not in section:
        raise Rejected("no-rtcp-mux", "RTP and RTCP must share a port (RFC 5761)")


def check_streams(sections: Iterable[tuple[tuple[CodecPair, ...], OfferedLayers]]) -> None:
    """Malformed: what one bundle's m-sections announce could not be told apart. sections: codecs and layers of each."""
    ssrcs: list[int] = []
    formats: dict[int, tuple[str, int]] = {}
    for codecs, layers in sections:
        ssrcs += [ssrc for pair in layers.ssrcs for ssrc in pair if ssrc is not None]
        for pair in codecs:
            for codec in (pair.codec, *([pair.rtx] if pair.rtx else [])):
                meaning = (codec.name.lower(), codec.clock_rate)
                # RFC 9143, 9.1: in a bundle a payload type has one meaning, or streams could not be told apart.
                if formats.setdefault(codec.payload_type, meaning) != meaning:
                    raise malformed(f"payload type {codec.payload_type} means two codecs in one bundle")
    if len(ssrcs) != len(set(ssrcs)):
        raise malformed("two streams have the same SSRC")


def remote_transport(
    description: SessionDescription, sections: Sequence[MediaSection], roles: Mapping[str | None, DtlsRole]
) -> RemoteTransport:
    """The other side's transport, by the first of its m-sections that tells it. Malformed or Rejected: none does well.

    sections: those we serve. Transport attributes stand in the first bundled m-section, also where that one is a data
    channel we turn down (RFC 9143, 7.1.3); most descriptions repeat them in every one. roles: what `a=setup` leaves us.
    """
    by_mid = {section.mid: section for section in description.media}
    bundled = [by_mid[mid] for group in description.bundles[:1] for mid in group if mid in by_mid]
    section = next((section for section in (*sections, *bundled) if description.ice(section)), sections[0])
    ice = description.ice(section)
    if ice is None:
        raise malformed("no ice-ufrag and ice-pwd")
    fingerprints = tuple(
        fingerprint
        for fingerprint in description.fingerprints(section)[:MAX_FINGERPRINTS]
        if len(fingerprint.digest) == DIGEST_SIZES.get(fingerprint.algorithm)
    )
    if not fingerprints:
        raise Rejected("no-fingerprint", "a SHA-256, SHA-384 or SHA-512 certificate fingerprint is required")
    role = roles.get(description.setup(section))
    if role is None:
        raise Rejected("unsupported-setup", f"a=setup must be one of {', '.join(filter(None, roles))}")
    return RemoteTransport(ice, fingerprints, role)
