"""Offers to plans: what a WHIP publisher or a WHEP viewer asks for, checked, and reduced to what we serve of it.

A plan is a value; `sfu.answer` writes it down as the SDP answer, and `sfu.session` hands it to the data path. An offer
is served whole or not at all (RFC 9725, 4.2): only data channels are turned down inside an accepted answer.
"""

import re
from collections.abc import Mapping
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
_ROLES: Mapping[str | None, DtlsRole] = {"actpass": "server", "active": "server", None: "server", "passive": "client"}
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
    _check_mids(offer)
    _check_bundle(offer, [section for _, section in sections])
    extensions = ExtensionIds(purpose)
    media = tuple(_plan_media(offer, index, section, purpose, extensions) for index, section in sections)
    for kind in ("audio", "video"):
        if sum(planned.kind == kind for planned in media) > 1:
            raise Rejected("too-many-tracks", f"at most one {kind} track is served")
    _check_ssrcs(media)
    return Plan(purpose, offer, _remote_transport(offer, [section for _, section in sections]), media, extensions.ids)


def _is_wanted(section: MediaSection) -> bool:
    """Port 0 disables an m-section (RFC 3264, 5.1), unless it only says "with the bundle or not at all"."""
    if section.port == 0 and "bundle-only" not in section:
        return False
    if section.kind in ("audio", "video"):
        return True
    if section.kind == "application":
        return False
    raise Rejected("unsupported-media", f"m={section.kind[:16]} is not served")


def _check_mids(offer: SessionDescription) -> None:
    mids = [mid for section in offer.media if (mid := section.mid) is not None]
    if len(mids) != len(set(mids)):
        raise malformed("two m-sections have the same mid")
    if not all(map(_TOKEN.fullmatch, mids)):
        raise malformed("a mid is not a token of at most 32 characters")


def _check_bundle(offer: SessionDescription, sections: list[MediaSection]) -> None:
    """Several m-sections must share one transport (RFC 9725, 4.4.1); alone, one needs no group."""
    if len(sections) == 1:
        return
    mids = {section.mid for section in sections}
    if not any(mids <= set(group) for group in offer.bundles):
        raise Rejected("no-bundle", "audio and video must be in one BUNDLE group")


def _plan_media(
    offer: SessionDescription, index: int, section: MediaSection, purpose: Purpose, extensions: ExtensionIds
) -> MediaPlan:
    kind: Kind = "audio" if section.kind == "audio" else "video"
    if section.profile not in _PROFILES:
        raise Rejected("unsupported-profile", "media is served over DTLS-SRTP only")
    if "rtcp-mux" not in section:
        raise Rejected("no-rtcp-mux", "RTP and RTCP must share a port (RFC 5761)")
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


def _check_ssrcs(media: tuple[MediaPlan, ...]) -> None:
    ssrcs = [ssrc for planned in media for pair in planned.layers.ssrcs for ssrc in pair if ssrc is not None]
    if len(ssrcs) != len(set(ssrcs)):
        raise malformed("two streams have the same SSRC")
    formats: dict[int, tuple[str, int]] = {}
    for planned in media:
        for pair in planned.codecs:
            for codec in (pair.codec, *([pair.rtx] if pair.rtx else [])):
                meaning = (codec.name.lower(), codec.clock_rate)
                # RFC 9143, 9.1: in a bundle a payload type has one meaning, or streams could not be told apart.
                if formats.setdefault(codec.payload_type, meaning) != meaning:
                    raise malformed(f"payload type {codec.payload_type} means two codecs in one bundle")


def _remote_transport(offer: SessionDescription, sections: list[MediaSection]) -> RemoteTransport:
    """Transport attributes stand in the first bundled m-section, also where that one is a data channel we turn down
    (RFC 9143, 7.1.3); most offers repeat them in every one.
    """
    tagged = [section for group in offer.bundles[:1] for mid in group for section in offer.media if section.mid == mid]
    candidates = [*sections, *tagged]
    section = next((section for section in candidates if offer.ice(section)), sections[0])
    ice = offer.ice(section)
    if ice is None:
        raise malformed("no ice-ufrag and ice-pwd")
    fingerprints = tuple(
        fingerprint
        for fingerprint in offer.fingerprints(section)[:MAX_FINGERPRINTS]
        if len(fingerprint.digest) == DIGEST_SIZES.get(fingerprint.algorithm)
    )
    if not fingerprints:
        raise Rejected("no-fingerprint", "a SHA-256, SHA-384 or SHA-512 certificate fingerprint is required")
    role = _ROLES.get(offer.setup(section))
    if role is None:
        raise Rejected("unsupported-setup", "a=setup must be actpass, active or passive")
    return RemoteTransport(ice, fingerprints, role)
