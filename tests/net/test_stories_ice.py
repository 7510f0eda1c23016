"""Paths move, by authenticated checks and by nothing else."""

from sfu._datapath import IceConnected, TransportClosed
from tests.net.story import SECOND, Story


def test_an_ice_restart_moves_the_viewer_to_its_new_address() -> None:
    story = Story("restart")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    before, old = bob.checker.answered, bob.address
    story.restart_ice(bob, ("198.51.100.200", 20_000))
    story.run_for(2)
    assert bob.checker.answered > before
    assert story.sent[-1][1] in (bob.address, alice.address)
    recent = [remote for at_us, remote, _ in story.sent if at_us > story.now_us - SECOND]
    assert bob.address in recent
    assert old not in recent
    assert bob.decoded[-1].truth.frame >= alice.frames - 2


def test_an_ice_restart_in_place_costs_nothing() -> None:
    story = Story("in-place")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    story.restart_ice(bob)
    story.restart_ice(alice)
    story.run_for(3)
    frames = [each.truth.frame for each in bob.decoded]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert frames[-1] >= alice.frames - 2


def test_the_path_follows_a_nominating_check_from_a_new_address() -> None:
    """A NAT rebinding: the same credentials from another port."""
    story = Story("rebinding")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    place = story.places.pop(bob.address)
    bob.address = ("198.51.100.201", 20_001)
    story.places[bob.address] = place
    story.run_for(3)  # the next check is due within 2.5 s
    recent = [remote for at_us, remote, _ in story.sent if at_us > story.now_us - SECOND // 4]
    assert bob.address in recent
    connected = [event for event in story.events if isinstance(event, IceConnected)]
    assert connected[-1].path.remote == bob.address


def test_consent_is_kept_by_checks_alone() -> None:
    story = Story("consent")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    bob.checker.enabled = False  # it goes on sending reports
    story.run_for(31)
    closed = [event for event in story.events if isinstance(event, TransportClosed)]
    assert [(event.transport, event.reason) for event in closed] == [(story.place(bob).transport, "consent-expired")]
    start = len(story.sent)
    story.run_for(1)
    assert all(remote != bob.address for _, remote, _ in story.sent[start:])
    assert alice.connected
