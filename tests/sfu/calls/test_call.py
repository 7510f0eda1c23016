"""Who gets what in a call: stories of single changes, and a model in which they come in any order."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sfu.calls.joining import SubscriptionPermissions
from sfu.calls.member import Member
from sfu.calls.offering import OfferingDownstream
from sfu.demand import DECREASE_SECONDS
from sfu.errors import SfuError
from sfu.participant import ParticipantKind, ParticipantState
from sfu.permissions import Permissions
from sfu.sdp import SessionDescription
from sfu.track import Track, TrackSource
from sfu.view_settings import ViewSettings
from tests.sfu.calls.hall import Failures, Guest, Hall, sound
from tests.sfu.rooms_of import OPUS, VP8, publisher, track

__all__ = ["sound"]
pytestmark = pytest.mark.usefixtures("sound")

NONE = {"low": False, "medium": False, "high": False}


def test_everything_of_everybody_is_had_at_once_and_ends_with_its_publisher() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    bob.answer_all()
    picture, sound = alice.publish("video"), alice.publish("audio")
    bob.answer_all()
    assert set(bob.member.sent_tracks.values()) == {picture.id, sound.id}
    assert set(hall.datapath.sources.values()) == {picture.handle, sound.handle}
    assert alice.said("track_wanted") == [(picture,), (sound,)]
    alice.member.close()
    bob.answer_all()
    assert bob.member.sent_tracks == {}
    assert hall.datapath.sources == {}
    assert hall.datapath.tracks == {}


def test_nothing_of_who_left_stays_in_the_call() -> None:
    hall = Hall()
    alice, bob, carol = hall.join("alice"), hall.join("bob"), hall.join("carol")
    sound = alice.publish("audio")
    assert sound.handle is not None
    handle, call = sound.handle, hall.calls._calls[hall.room().id]
    assert len(call.subscribers(handle)) == 2
    assert handle in call._audio
    alice.member.close()
    assert call.subscribers(handle) == ()
    assert handle not in call._audio
    carol.member.close()
    offers = len(carol.offers)
    bob.publish("audio")
    assert len(carol.offers) == offers


def test_closed_is_the_last_a_client_hears() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    alice.publish()
    alice.publish()
    bob.answer_all()
    offers = len(bob.offers)
    bob.member.close()
    assert len(bob.offers) == offers
    assert bob.heard[-1][0] == "closed"
    bob.member.close("again")
    assert bob.said("closed") == [("left",)]


def test_a_client_that_is_closed_over_an_offer_leaves_nothing_behind() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    bob.answer_all()
    bob.member.offered.connect(lambda _: bob.member.close("flooding"))
    tracks = [alice.publish(layers=3), alice.publish(layers=3)]
    call = hall.calls._calls[hall.room().id]
    assert bob.member.ended == "flooding"
    assert [call.subscribers(one.handle) for one in tracks if one.handle] == [(), ()]
    assert alice.said("track_wanted") == []
    hall.pass_time(DECREASE_SECONDS)
    assert alice.said("quality_demanded") == [(one, NONE) for one in tracks]


def test_a_publisher_that_is_closed_over_its_own_track_publishes_no_more() -> None:
    hall = Hall()
    alice = hall.join("alice")
    hall.join("bob")
    tracks = [alice.announce(), alice.announce()]
    alice.member.track_wanted.connect(lambda _: alice.member.close("flooding"))
    alice.send(*tracks)
    assert hall.datapath.tracks == {}
    assert [one.handle for one in tracks] == [None, None]
    assert [who.identity for who in hall.room().participants] == ["bob"]


def test_wishes_count() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob", auto_subscribe=False)
    one, other = alice.publish(), alice.publish()
    assert list(bob.member.subscribed) == []
    bob.member.subscribe([one.id, "TR_unknown"], True)
    assert list(bob.member.subscribed) == [one]
    bob.member.subscribe([one.id], False)
    bob.member.subscribe([other.id], True)
    assert list(bob.member.subscribed) == [other]


def test_a_wish_and_a_view_may_come_before_the_track_and_outlast_a_pause() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob", auto_subscribe=False)
    picture = alice.announce(layers=3)
    bob.member.set_view([picture.id], ViewSettings(enabled=False))
    bob.member.subscribe([picture.id], True)
    alice.send(picture)
    bob.answer_all()
    assert list(bob.member.subscribed) == [picture]
    assert set(hall.datapath.sources.values()) == {None}
    hall.pass_time(DECREASE_SECONDS)
    assert alice.said("quality_demanded") == [(picture, NONE)]
    bob.member.set_view([picture.id], ViewSettings(quality="low"))
    assert alice.said("quality_demanded")[1:] == [(picture, {**NONE, "low": True})]
    bob.member.subscribe([picture.id], False)
    bob.member.subscribe([picture.id], True)
    bob.answer_all()
    (subscription,) = bob.member.downstream.subscriptions
    assert subscription.view == ViewSettings(quality="low")


def test_who_cannot_decode_it_is_told_once_and_counts_for_nothing() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    bob.answer_all()
    picture = alice.publish(layers=3)
    assert picture.handle is not None
    bob.refuse()
    assert bob.said("subscription_failed") == [(picture.id, "unsupported-codec")]
    call = hall.calls._calls[hall.room().id]
    assert call.subscribers(picture.handle) == ()
    hall.pass_time(DECREASE_SECONDS)
    assert alice.said("quality_demanded") == [(picture, NONE)]
    bob.member.subscribe(["TR_another"], True)
    hall.room().change(bob.member.participant)
    assert list(bob.member.subscribed) == []
    bob.member.subscribe([picture.id], True)
    assert list(bob.member.subscribed) == [picture]


def test_whom_a_publisher_bars_loses_its_tracks_and_is_told() -> None:
    hall = Hall()
    alice, bob, carol = hall.join("alice"), hall.join("bob"), hall.join("carol")
    picture = alice.publish()
    alice.member.set_subscription_permissions(SubscriptionPermissions(everybody=False, tracks={"carol": None}))
    assert list(bob.member.subscribed) == []
    assert list(carol.member.subscribed) == [picture]
    assert bob.said("subscription_allowed") == [(alice.member.participant, picture, False)]
    late = alice.publish()
    assert late not in bob.member.subscribed
    bob.member.close()
    again = hall.join("bob")
    assert list(again.member.subscribed) == []
    alice.member.set_subscription_permissions(SubscriptionPermissions())
    assert set(again.member.subscribed) == {picture, late}
    assert carol.said("subscription_allowed") == []


def test_permissions_end_tracks_that_are_sent_and_those_only_announced() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    sent = alice.publish("video", TrackSource.SCREEN_SHARE)
    announced = alice.announce("video", TrackSource.CAMERA)
    kept = alice.announce("audio", TrackSource.MICROPHONE)
    sources = frozenset({TrackSource.MICROPHONE})
    hall.moderation.update("hall", "alice", permissions=Permissions(sources=sources))
    assert alice.said("track_removed") == [(sent,), (announced,)]
    assert list(bob.member.subscribed) == []
    alice.send(announced)
    assert list(alice.member.published) == [kept]


def test_who_hides_is_had_by_nobody_and_still_receives() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    hers, his = alice.publish(), bob.publish()
    hall.moderation.update("hall", "bob", permissions=Permissions(hidden=True))
    assert list(alice.member.subscribed) == []
    assert list(bob.member.subscribed) == [hers]
    hall.moderation.update("hall", "bob", permissions=Permissions())
    assert list(alice.member.subscribed) == [his]


def test_tracks_of_those_who_are_not_connected_wait_for_that() -> None:
    hall = Hall()
    alice, bob = hall.join("alice", connect=False), hall.join("bob")
    muted = alice.announce("audio")
    alice.member.set_muted(muted.id, True)
    alice.send(muted)
    assert list(bob.member.subscribed) == []
    alice.connect()
    assert list(bob.member.subscribed) == [muted]
    assert muted.muted


def test_a_camera_that_was_asked_for_is_shown_at_once() -> None:
    hall = Hall(last_n=0)
    alice, bob = hall.join("alice"), hall.join("bob")
    picture = alice.publish(source=TrackSource.CAMERA)
    bob.answer_all()
    assert set(hall.datapath.sources.values()) == {None}
    bob.member.subscribe([picture.id], True)
    assert set(hall.datapath.sources.values()) == {picture.handle}
    hall.room().change(bob.member.participant)
    assert set(hall.datapath.sources.values()) == {picture.handle}


def test_who_is_there_before_the_call_is_had_too() -> None:
    hall = Hall()
    studio = publisher("studio", track("video", VP8), track("audio", OPUS))
    for one in studio.tracks:
        hall.layering.add(one.handle or 0)
    hall.room().join(studio)
    hall.room().activate(studio)
    bob = hall.join("bob")
    assert set(bob.member.subscribed) == set(studio.tracks)
    hall.room().leave(studio, hall.now)
    assert list(bob.member.subscribed) == []


# A call in which anything may happen next.

NAMES = ("alice", "bob", "carol", "dave")
ROOMS = ("hall", "garden")
MOST = 3
names = st.sampled_from(NAMES)


def code_of(action: Callable[[], object]) -> str | None:
    """What the action is refused for; None: it is not."""
    try:
        action()
    except SfuError as error:
        return error.code
    return None


class CallModel(RuleBasedStateMachine):
    """Four people and two rooms. What each must have follows from what was said, without any of the calls' memory."""

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall(max_participants=MOST)
        self.guests: dict[str, Guest] = {}
        self.wishes: dict[Member, dict[str, bool]] = {}
        self.views: dict[Member, dict[str, ViewSettings]] = {}
        self.mids: dict[Guest, dict[str, str]] = {}
        self.failures = Failures().__enter__()

    def teardown(self) -> None:
        self.failures.__exit__()
        assert self.failures.records == []

    @rule(name=names, room=st.sampled_from(ROOMS), automatic=st.booleans(), connect=st.booleans(), single=st.booleans())
    def join(self, name: str, room: str, automatic: bool, connect: bool, single: bool) -> None:
        if name in self.guests or self.hall.room(room).named(name) is not None:
            return
        try:
            guest = self.hall.join(name, room, connect=connect, auto_subscribe=automatic, single=single)
        except SfuError:
            return
        self.guests[name] = guest
        self.wishes[guest.member], self.views[guest.member] = {}, {}

    @rule(name=names)
    def connect(self, name: str) -> None:
        if name in self.guests:
            self.guests[name].connect()

    @rule(name=names)
    def leave(self, name: str) -> None:
        if name in self.guests:
            self.guests.pop(name).member.close()

    @rule(name=names, kind=st.sampled_from(["audio", "video"]), send=st.booleans(), source=st.sampled_from(TrackSource))
    def publish(self, name: str, kind: str, send: bool, source: TrackSource) -> None:
        guest = self.guests.get(name)
        if guest is None or len(guest.member.published) >= 3:
            return
        try:
            announced = guest.announce("audio" if kind == "audio" else "video", source, layers=3)
        except SfuError:
            return
        if send:
            guest.send(announced)

    @rule(name=names, index=st.integers(0, 2))
    def end_track(self, name: str, index: int) -> None:
        guest = self.guests.get(name)
        if guest is not None and index < len(guest.member.published):
            guest.unpublish(tuple(guest.member.published)[index])

    @rule(name=names, index=st.integers(0, 2), muted=st.booleans())
    def mute(self, name: str, index: int, muted: bool) -> None:
        guest = self.guests.get(name)
        if guest is not None and index < len(guest.member.published):
            guest.member.set_muted(tuple(guest.member.published)[index].id, muted)

    @rule(name=names, other=names, index=st.integers(0, 2), wanted=st.booleans())
    def wish(self, name: str, other: str, index: int, wanted: bool) -> None:
        if (found := self._find(other, index)) is not None and name in self.guests:
            member = self.guests[name].member
            self.wishes[member][found.id] = wanted
            member.subscribe([found.id], wanted)

    @rule(name=names, other=names, index=st.integers(0, 2), enabled=st.booleans())
    def show(self, name: str, other: str, index: int, enabled: bool) -> None:
        if (found := self._find(other, index)) is not None and name in self.guests:
            member = self.guests[name].member
            self.views[member][found.id] = ViewSettings(enabled=enabled)
            member.set_view([found.id], ViewSettings(enabled=enabled))

    @rule(name=names, subscribe=st.booleans(), publish=st.booleans(), hidden=st.booleans())
    def permit(self, name: str, subscribe: bool, publish: bool, hidden: bool) -> None:
        if name in self.guests:
            allowed = Permissions(can_subscribe=subscribe, can_publish=publish, hidden=hidden)
            self.hall.moderation.update(self.guests[name].member.room.name, name, permissions=allowed)

    @rule(name=names, everybody=st.booleans(), others=st.sets(names))
    def bar(self, name: str, everybody: bool, others: set[str]) -> None:
        if name in self.guests:
            allowed = SubscriptionPermissions(everybody, dict.fromkeys(others))
            self.guests[name].member.set_subscription_permissions(allowed)

    @rule(name=names, keep=st.booleans())
    def move(self, name: str, keep: bool) -> None:
        if (guest := self.guests.get(name)) is None:
            return
        home, participant = guest.member.room, guest.member.participant
        away = next(room for room in ROOMS if room != home.name)
        image = self.hall.room(away).named(name)
        if image is not None and not keep:
            self.hall.moderation.remove(away, name)
        full = len(self.hall.room(away).participants) == MOST
        refused = code_of(lambda: self.hall.moderation.move(home.name, name, away))
        if image is not None and keep:
            assert refused == "identity-taken"
        else:
            assert refused == ("room-full" if full else None)
        assert participant in (home if refused else self.hall.room(away)).participants
        assert refused or guest.said("moved")[-1] == (self.hall.room(away),)

    @rule(name=names)
    def forward(self, name: str) -> None:
        if (guest := self.guests.get(name)) is not None:
            home = guest.member.room.name
            away = next(room for room in ROOMS if room != home)
            refused = code_of(lambda: self.hall.moderation.forward(home, name, away))
            assert refused in (None, "identity-taken", "room-full")

    @rule(name=names, whole=st.booleans())
    def answer(self, name: str, whole: bool) -> None:
        if name in self.guests:
            guest = self.guests[name]
            guest.answer_all() if whole else guest.answer()

    @rule(name=names)
    def resume(self, name: str) -> None:
        if name in self.guests:
            self.guests[name].asked = 0
            self.guests[name].member.resume()

    @rule(seconds=st.sampled_from([0.1, 3.0, 16.0]))
    def wait(self, seconds: float) -> None:
        """Who does not answer, or connect, or neither, is gone by then."""
        self.hall.pass_time(seconds)
        self.guests = {name: guest for name, guest in self.guests.items() if guest.member.ended is None}

    @precondition(lambda self: self.guests)
    @rule()
    def everybody_leaves(self) -> None:
        for guest in self.guests.values():
            guest.member.close()
        self.guests.clear()
        for name in ROOMS:
            assert self.hall.room(name).participants == ()
            assert self.hall.room(name).qualities == {}
        assert not self.hall.calls._calls
        assert not self.hall.calls._members
        assert not self.hall.layering._choices
        assert not self.hall.datapath.tracks
        assert not self.hall.datapath.egresses
        assert self.hall.calls.next_deadline() is None
        assert self.hall.forwardings._count == 0

    @invariant()
    def everybody_has_what_it_may_have_and_wants(self) -> None:
        for guest in self.guests.values():
            assert set(guest.member.subscribed) == self._due(guest), guest.member.participant.identity

    @invariant()
    def who_has_answered_is_sent_all_that_and_shown_what_it_shows(self) -> None:
        sources = self.hall.datapath.sources
        assert {handle for handle in sources.values() if handle is not None} <= set(self.hall.datapath.tracks)
        known = set()
        for guest in self.guests.values():
            for subscription in guest.member.downstream.subscriptions:
                if not guest.waits:
                    assert subscription.egress is not None
                if subscription.egress is not None:
                    known.add(subscription.egress)
                    view = self.views[guest.member].get(subscription.track.id, ViewSettings())
                    assert sources[subscription.egress] == (subscription.track.handle if view.enabled else None)
        assert known == set(sources)

    @invariant()
    def offers_come_one_at_a_time_and_sections_stay_what_they_are(self) -> None:
        for guest in self.guests.values():
            downstream = guest.member.downstream
            if not isinstance(downstream, OfferingDownstream):
                assert guest.asked <= 1
                continue
            assert downstream.waits_for_answer == bool(guest.waits)
            tracks = list(guest.offers[-1].tracks.values())
            assert len(tracks) == len(set(tracks))
            before = self.mids.setdefault(guest, {})
            sections = SessionDescription.parse(guest.offers[-1].sdp).media
            now = {section.mid or "": section.kind for section in sections}
            assert len(now) == len(sections)
            assert before.items() <= now.items()
            self.mids[guest] = now

    @invariant()
    def calls_know_exactly_who_has_what(self) -> None:
        assert set(self.hall.calls._members) == {guest.member.participant.id for guest in self.guests.values()}
        for name in ROOMS:
            room = self.hall.room(name)
            members = {guest.member for guest in self.guests.values() if guest.member.room is room}
            assert set(self.hall.calls.members(room)) == members
            if (call := self.hall.calls._calls.get(room.id)) is None:
                assert not members
                continue
            published = {one.handle: one for who in room.participants for one in who.tracks}
            assert set(call._subscriptions) <= set(published)
            for handle, one in published.items():
                having = {member for member, _ in call.subscribers(handle or 0)}
                assert having == {member for member in members if one in member.subscribed}
            assert set(call._barred) | call._wanted <= {one.id for one in published.values()}
            assert set(call._demands._demands) <= {one.id for one in published.values()}
            assert {who for barred in call._barred.values() for who in barred} <= {
                member.participant.id for member in members
            }

    @invariant()
    def images_are_like_their_originals(self) -> None:
        for name in ROOMS:
            for image in self.hall.room(name).participants:
                if image.kind is ParticipantKind.FORWARDED:
                    original = self.guests[image.identity].member.participant
                    active = original.state is ParticipantState.ACTIVE
                    assert [one.handle for one in image.tracks] == [one.handle for one in original.tracks if active]
                    assert [one.muted for one in image.tracks] == [one.muted for one in original.tracks if active]
                    assert image.permissions == original.permissions

    def _find(self, name: str, index: int) -> Track | None:
        tracks = tuple(self.guests[name].member.published) if name in self.guests else ()
        return tracks[index] if index < len(tracks) else None

    def _due(self, guest: Guest) -> set[Track]:
        due = set()
        me, room = guest.member.participant, guest.member.room
        for who in room.participants:
            if who is me or who.hidden or who.state is not ParticipantState.ACTIVE or not me.permissions.can_subscribe:
                continue
            owner = self.hall.calls.member(who)
            for one in who.tracks:
                said = owner.subscription_permissions if owner is not None else SubscriptionPermissions()
                wished = self.wishes[guest.member].get(one.id, guest.member.interest.automatic)
                if wished and said.allow(me.identity, me.id, one.id):
                    due.add(one)
        return due


TestCallModel = CallModel.TestCase
TestCallModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
