"""Our answer to a client's offer: what we take, what we send, and everything that must stay for the next offer."""

from collections.abc import Collection, Mapping

from sfu.answer import (
    PUBLISHER_FEEDBACK,
    VIEWER_FEEDBACK,
    LocalTransport,
    OwnSection,
    SentStream,
    answered_multiplexing,
    answered_setup,
    declined_lines,
    joined,
    section_lines,
    session_lines,
)
from sfu.attributes import Direction
from sfu.calls.data_section import data_section_lines
from sfu.calls.peer_offer import PeerOffer, PeerSection, in_bundle
from sfu.codecs import CodecPair, preferred

_DIRECTIONS: Mapping[tuple[bool, bool], Direction] = {
    (True, True): "sendrecv",
    (True, False): "recvonly",
    (False, True): "sendonly",
    (False, False): "inactive",
}


def write_answer(
    offer: PeerOffer,
    local: LocalTransport,
    *,
    receiving: Mapping[str, tuple[CodecPair, ...]],
    sending: Mapping[str, tuple[tuple[CodecPair, ...], SentStream]],
    version: int,
) -> str:
    """The SDP answer.

    receiving: by mid, the codecs we take of the client. sending: by mid, the codecs that what we send may have, and its
    stream; both with the client's payload types. What is in neither is answered `inactive`: port 0 would end it.
    Whatever the direction, header extensions and simulcast stay as offered. Having lost those for stream ids in one
    m-section, libwebrtc refuses to offer simulcast in others. version: greater in each answer of a connection
    (RFC 3264, 8). ValueError: that does not go together with the offer, or names one stream twice, which kills clients.
    """
    _check(offer, receiving, sending)
    peers = {peer.index: peer for peer in offer.sections}
    mids = in_bundle(offer.description, offer.mids)
    setup = answered_setup(offer.remote.our_role)
    mixed = "extmap-allow-mixed" in offer.description.session
    lines = list(session_lines(local, mids if offer.description.bundles else (), version=version, mixed=mixed))
    for index, section in enumerate(offer.description.media):
        if (peer := peers.get(index)) is not None:
            taken, sent = receiving.get(peer.mid, ()), sending.get(peer.mid)
            own = OwnSection(
                kind=peer.kind,
                profile=section.profile,
                mid=peer.mid,
                setup=setup,
                tagged=peer.mid == mids[0],
                direction=_DIRECTIONS[bool(taken), sent is not None],
                codecs=_codecs(peer, taken, sent[0] if sent else ()),
                feedback=VIEWER_FEEDBACK if sent and not taken else PUBLISHER_FEEDBACK,
                multiplexing=answered_multiplexing(section),
                extmaps=peer.extmaps,
                layers=peer.layers,
                stream=sent[1] if sent else None,
            )
            lines += section_lines(own, local)
        elif offer.data is not None and offer.data.index == index:
            tagged = offer.data.mid == mids[0]
            lines += data_section_lines(local, offer.data.mid, setup, tagged=tagged, profile=section.profile)
        else:
            lines += declined_lines(section)
    return joined(lines)


def _check(
    offer: PeerOffer,
    receiving: Mapping[str, tuple[CodecPair, ...]],
    sending: Mapping[str, tuple[tuple[CodecPair, ...], SentStream]],
) -> None:
    _check_mids("received", receiving, [peer.mid for peer in offer.sections if peer.sends])
    _check_mids("sent", sending, [peer.mid for peer in offer.sections if peer.receives])
    if not all(receiving.values()) or not all(codecs for codecs, _ in sending.values()):
        raise ValueError("an m-section in use needs a codec")
    if len({stream.msid for _, stream in sending.values()}) < len(sending):
        raise ValueError("two m-sections send the same msid")


def _check_mids(done: str, mids: Collection[str], possible: Collection[str]) -> None:
    if not set(mids) <= set(possible):
        raise ValueError(f"media is {done} in m-sections that were not offered for it: {set(mids) - set(possible)}")


def _codecs(peer: PeerSection, taken: tuple[CodecPair, ...], sent: tuple[CodecPair, ...]) -> tuple[CodecPair, ...]:
    """In an m-section without media, those of a publication: a format must stand there (RFC 3264, 6)."""
    return (*taken, *(pair for pair in sent if pair not in taken)) or preferred(peer.codecs)
