"""Strangers and liars: counted, harmless, and nobody else misses a packet."""

from random import Random

import pytest

from sfu._datapath import SrtpSession, TransportClosed
from tests.net.publisher import Publisher
from tests.net.rtp import Rtp
from tests.net.story import KEY_BYTES, PROFILE, Story
from tests.net.viewer import Viewer


def on_air(seed: str) -> tuple[Story, Publisher, Viewer]:
    story = Story(seed)
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    return story, alice, bob


def assert_nobody_noticed(story: Story, alice: Publisher, bob: Viewer) -> None:
    """Let a second pass and look whether the broadcast went on without a hole."""
    story.run_for(1)
    frames = [each.truth.frame for each in bob.decoded]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert frames[-1] >= alice.frames - 2
    assert bob.counts["nacks"] == bob.counts["plis"] == 0
    assert not any(isinstance(event, TransportClosed) for event in story.events)


def test_replayed_media_is_counted_and_not_forwarded() -> None:
    story, alice, bob = on_air("replay")
    captured = [datagram for datagram in alice.recent if 128 <= datagram[0] < 192]
    story.run_for(0.1)  # so that all of it has arrived once
    before, received = story.counters(), bob.counts["packets"] + bob.counts["repeats"]
    now_sent = len(story.sent)
    for datagram in captured:
        story.inject(datagram, alice.address)
    assert len([each for each in story.sent[now_sent:] if each[1] == bob.address]) == 0
    assert sum(story.counters().values()) - sum(before.values()) >= len(captured)
    assert bob.counts["packets"] + bob.counts["repeats"] == received
    assert_nobody_noticed(story, alice, bob)


def test_forged_media_is_counted_and_not_forwarded() -> None:
    story, alice, bob = on_air("forged")
    wrong = SrtpSession(PROFILE, bytes(KEY_BYTES), bytes(KEY_BYTES))
    before = sum(story.counters().values())
    for number in range(50):
        packet = Rtp(96, 20_000 + number, 0, alice.layers[0].spec.ssrc, bytes(500))
        story.inject(wrong.protect_rtp(bytes(packet)), alice.address)
    assert sum(story.counters().values()) - before >= 50
    assert_nobody_noticed(story, alice, bob)


def test_media_from_another_address_is_not_the_publishers() -> None:
    story, alice, bob = on_air("elsewhere")
    packet = Rtp(96, 20_000, 0, alice.layers[0].spec.ssrc, bytes(500))
    sealed = alice.srtp.protect_rtp(bytes(packet))
    story.inject(sealed, ("203.0.113.66", 6666))
    assert_nobody_noticed(story, alice, bob)


@pytest.mark.parametrize("sender", ["stranger", "publisher"])
def test_noise_of_every_kind_is_survived(sender: str) -> None:
    story, alice, bob = on_air(f"noise-{sender}")
    address = alice.address if sender == "publisher" else ("203.0.113.66", 6666)
    rng = Random("noise")
    before = sum(story.counters().values())
    count = 0
    for first in range(256):
        for length in (0, 1, 2, 3, 11, 12, 13, 19, 20, 24, 28, 60, 1_200, 65_507):
            noise = bytes([first]) * min(1, length) + rng.randbytes(max(0, length - 1))
            story.inject(noise, address)
            count += 1
    assert sum(story.counters().values()) - before >= count * 9 // 10
    assert_nobody_noticed(story, alice, bob)


def test_truncated_and_bent_packets_of_a_real_peer_are_survived() -> None:
    story, alice, bob = on_air("bent")
    rng = Random("bent")
    samples = [alice.checker.request(), *(datagram for _, _, datagram in story.sent[-20:])]
    for sample in samples:
        for cut in range(0, len(sample), 7):
            story.inject(sample[:cut], bob.address)
        for _ in range(50):
            bent = bytearray(sample)
            bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
            story.inject(bytes(bent), ("203.0.113.66", 6666))
    assert_nobody_noticed(story, alice, bob)


def test_hostile_plaintext_behind_a_valid_key_is_survived() -> None:
    """A publisher may send anything: endless header extensions, more padding than packet, odd RTCP."""
    story, alice, bob = on_air("insider")
    mallory = story.publisher()
    story.run_for(1)
    rng = Random("insider")
    ssrc = mallory.layers[0].spec.ssrc
    for number in range(300):
        plain = bytearray(bytes(Rtp(96, number, 0, ssrc, rng.randbytes(rng.randrange(40)))))
        plain[0] = 0x80 | rng.randrange(16) << 4 & 0x30 | rng.randrange(4)
        try:
            sealed = mallory.srtp.protect_rtp(bytes(plain))
        except ValueError:  # so malformed that it cannot even be sealed
            continue
        story.inject(sealed, mallory.address)
    for _ in range(300):
        body = rng.randbytes(4 * rng.randrange(2, 30))
        header = bytes([0x80 | rng.randrange(32), rng.choice([200, 201, 202, 203, 204, 205, 206, 207])])
        length = rng.choice([len(body) // 4, len(body) // 4, 0, 65_535])
        try:
            sealed = mallory.srtp.protect_rtcp(header + length.to_bytes(2, "big") + body)
        except ValueError:
            continue
        story.inject(sealed, mallory.address)
    assert_nobody_noticed(story, alice, bob)


def test_checks_with_wrong_names_or_keys_are_not_answered() -> None:
    story, alice, bob = on_air("impostor")
    start = len(story.sent)
    impostor = ("203.0.113.66", 6666)
    checker = alice.checker
    story.inject(checker.request(key=b"wrong"), impostor)
    story.inject(checker.request(username="nobody:peer"), impostor)
    story.inject(checker.request(username="sluice0001:somebody"), impostor)
    story.inject(checker.request(username=""), impostor)
    assert [remote for _, remote, _ in story.sent[start:] if remote == impostor] == []
    assert_nobody_noticed(story, alice, bob)


def test_a_viewer_cannot_publish() -> None:
    story, alice, bob = on_air("viewer-sends")
    carol = story.viewer(alice)
    story.run_for(1)
    for number in range(50):
        packet = Rtp(96, number, 0, alice.layers[0].spec.ssrc, bytes(500))
        story.inject(carol.srtp.protect_rtp(bytes(packet)), carol.address)
    assert_nobody_noticed(story, alice, bob)
