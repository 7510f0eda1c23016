use core::net::SocketAddr;

use proptest::prelude::*;
use ring::hmac;

use super::*;

const PWD: &str = "our password of 22 chars";
const NEW_PWD: &str = "another password of ours";

fn at(secs: u64) -> Instant {
    Instant::from_micros(secs * 1_000_000)
}

fn credentials() -> Credentials {
    Credentials { ufrag: "ours".into(), pwd: PWD.into(), remote_ufrag: "theirs".into() }
}

fn new_credentials() -> Credentials {
    Credentials { ufrag: "new".into(), pwd: NEW_PWD.into(), remote_ufrag: "their2".into() }
}

fn agent() -> IceAgent {
    IceAgent::new(at(0), credentials())
}

fn path(port: u16) -> Path {
    Path::udp("192.0.2.1:3478".parse().unwrap(), SocketAddr::new([198, 51, 100, 7].into(), port))
}

/// A check as a client makes it.
#[derive(Clone, Copy)]
struct Check {
    username: &'static str,
    pwd: &'static str,
    priority: u32,
    nominate: bool,
}

const CHECK: Check = Check { username: "ours:theirs", pwd: PWD, priority: 100, nominate: false };
const NOMINATION: Check = Check { nominate: true, ..CHECK };
const NEW_CHECK: Check = Check { username: "new:their2", pwd: NEW_PWD, ..CHECK };
const NEW_NOMINATION: Check = Check { nominate: true, ..NEW_CHECK };

impl Check {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        stun::write_binding_request(
            &mut bytes,
            [7; 12],
            self.username,
            self.pwd.as_bytes(),
            self.priority,
            Some(1),
            self.nominate,
        );
        bytes
    }

    fn send(self, agent: &mut IceAgent, secs: u64, port: u16) -> CheckOutcome {
        let (outcome, answer) = receive(agent, secs, port, &self.bytes());
        let answer = stun::Message::parse(&answer).unwrap();
        assert!(answer.is_binding_success());
        assert_eq!(answer.transaction_id(), [7; 12]);
        assert_eq!(answer.xor_mapped_address(), Some(path(port).remote));
        assert!(answer.integrity_valid(self.pwd.as_bytes()));
        assert_eq!(answer.fingerprint_valid(), Some(true));
        outcome
    }
}

fn receive(agent: &mut IceAgent, secs: u64, port: u16, bytes: &[u8]) -> (CheckOutcome, Vec<u8>) {
    let mut out = Vec::new();
    let outcome = agent.handle_check(at(secs), path(port), &stun::Message::parse(bytes).unwrap(), &mut out);
    (outcome, out)
}

/// An authentic check with these further attributes.
fn check_with(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend([7; 12]);
    for (kind, value) in [(0x0006, &b"ours:theirs"[..])].iter().chain(attributes) {
        bytes.extend(kind.to_be_bytes());
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let len = (bytes.len() - 20 + 24) as u16;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, PWD.as_bytes());
    let tag = hmac::sign(&key, &bytes);
    bytes.extend([0x00, 0x08, 0, 20]);
    bytes.extend(tag.as_ref());
    bytes
}

const FIRST: CheckOutcome = CheckOutcome::Answered { selected_changed: false, new_path: true };
const SAME: CheckOutcome = CheckOutcome::Answered { selected_changed: false, new_path: false };
const MOVED: CheckOutcome = CheckOutcome::Answered { selected_changed: true, new_path: false };
const FIRST_AND_MOVED: CheckOutcome = CheckOutcome::Answered { selected_changed: true, new_path: true };

#[test]
fn a_check_validates_its_path_and_a_nomination_selects_it() {
    let mut agent = agent();
    assert_eq!((agent.send_path(), agent.selected()), (None, None));
    assert_eq!(CHECK.send(&mut agent, 1, 10), FIRST);
    assert!(agent.is_validated(&path(10)));
    assert!(!agent.is_validated(&path(11)));
    assert_eq!((agent.send_path(), agent.selected()), (Some(path(10)), None));
    assert_eq!(CHECK.send(&mut agent, 2, 10), SAME);
    assert_eq!(NOMINATION.send(&mut agent, 3, 10), MOVED);
    assert_eq!(agent.selected(), Some(path(10)));
    assert_eq!(NOMINATION.send(&mut agent, 4, 10), SAME);
}

#[test]
fn before_a_nomination_the_path_validated_last_is_sent_on() {
    let mut agent = agent();
    CHECK.send(&mut agent, 1, 10);
    CHECK.send(&mut agent, 1, 11);
    CHECK.send(&mut agent, 2, 10);
    assert_eq!(agent.send_path(), Some(path(11)), "and checks that go round do not move it");
    NOMINATION.send(&mut agent, 3, 10);
    assert_eq!(agent.send_path(), Some(path(10)));
}

#[test]
fn the_same_remote_at_another_local_address_is_another_path() {
    let mut agent = agent();
    CHECK.send(&mut agent, 1, 10);
    assert!(!agent.is_validated(&Path { local: "192.0.2.2:3478".parse().unwrap(), ..path(10) }));
}

#[test]
fn checks_that_are_not_authentic_change_nothing() {
    let mut bad_fingerprint = CHECK.bytes();
    *bad_fingerprint.last_mut().unwrap() ^= 1;
    let mut success = Vec::new();
    stun::write_binding_success(&mut success, [7; 12], path(10).remote, PWD.as_bytes());
    let mut no_integrity = check_with(&[]);
    no_integrity.truncate(no_integrity.len() - 24);
    no_integrity[3] -= 24;
    let wrong = |username| Check { username, ..NOMINATION }.bytes();
    for (bytes, reason) in [
        (wrong("ours:other"), Refusal::WrongUsername),
        (wrong("other:theirs"), Refusal::WrongUsername),
        (wrong("ours"), Refusal::WrongUsername),
        (wrong("ours:theirs:"), Refusal::WrongUsername),
        (wrong("theirs:ours"), Refusal::WrongUsername),
        (wrong(""), Refusal::WrongUsername),
        (Check { pwd: "not the password", ..NOMINATION }.bytes(), Refusal::BadIntegrity),
        (no_integrity, Refusal::BadIntegrity),
        (bad_fingerprint, Refusal::BadFingerprint),
        (success, Refusal::NotARequest),
    ] {
        let mut agent = agent();
        CHECK.send(&mut agent, 1, 10);
        let (outcome, answer) = receive(&mut agent, 20, 11, &bytes);
        assert_eq!(outcome, CheckOutcome::Ignored(reason));
        assert!(answer.is_empty(), "in silence");
        assert_eq!(agent.paths().collect::<Vec<_>>(), [path(10)]);
        assert_eq!((agent.selected(), agent.last_check()), (None, at(1)));
    }
}

#[test]
fn a_check_without_fingerprint_is_answered() {
    let mut agent = agent();
    assert_eq!(receive(&mut agent, 1, 10, &check_with(&[])).0, FIRST);
}

#[test]
fn unknown_attributes_that_must_be_understood_are_refused() {
    let mut agent = agent();
    let (outcome, answer) = receive(&mut agent, 1, 10, &check_with(&[(0x7fff, &[1, 2, 3])]));
    let answer = stun::Message::parse(&answer).unwrap();
    assert_eq!(answer.error_code(), Some(420));
    assert!(answer.integrity_valid(PWD.as_bytes()));
    assert_eq!(outcome, SAME);
    assert!(!agent.is_validated(&path(10)));
    assert_eq!(receive(&mut agent, 1, 10, &check_with(&[(0xc057, &[0, 0, 0, 1])])).0, FIRST, "optional ones are not");
}

#[test]
fn a_client_that_is_controlled_too_is_told_of_the_conflict() {
    let mut agent = agent();
    let (outcome, answer) = receive(&mut agent, 1, 10, &check_with(&[(0x8029, &[0xff; 8]), (0x0025, &[])]));
    assert_eq!(stun::Message::parse(&answer).unwrap().error_code(), Some(487));
    assert_eq!(outcome, SAME);
    assert_eq!(agent.send_path(), None);
}

#[test]
fn of_several_nominated_paths_the_highest_priority_wins() {
    let mut agent = agent();
    let low = Check { priority: 50, ..NOMINATION };
    let high = Check { priority: 200, ..NOMINATION };
    assert_eq!(NOMINATION.send(&mut agent, 1, 10), FIRST_AND_MOVED);
    assert_eq!(low.send(&mut agent, 1, 11), FIRST);
    assert_eq!(agent.selected(), Some(path(10)));
    assert_eq!(high.send(&mut agent, 1, 12), FIRST_AND_MOVED);
    NOMINATION.send(&mut agent, 2, 10);
    low.send(&mut agent, 2, 11);
    assert_eq!(agent.selected(), Some(path(12)));
}

#[test]
fn a_nominated_path_that_went_silent_gives_way_to_a_live_one() {
    let mut agent = agent();
    let low = Check { priority: 50, ..NOMINATION };
    NOMINATION.send(&mut agent, 1, 10);
    low.send(&mut agent, 6, 11);
    assert_eq!(agent.selected(), Some(path(10)), "silent for five seconds is not too long");
    assert_eq!(low.send(&mut agent, 7, 11), MOVED);
    assert_eq!(agent.send_path(), Some(path(11)));
}

#[test]
fn a_client_that_nominates_one_path_at_a_time_is_followed_at_once() {
    let mut agent = agent();
    let low = Check { priority: 50, ..NOMINATION };
    NOMINATION.send(&mut agent, 1, 10);
    CHECK.send(&mut agent, 2, 10);
    assert_eq!(agent.selected(), Some(path(10)), "a check without nomination takes none back");
    assert_eq!(low.send(&mut agent, 2, 11), FIRST_AND_MOVED);
}

#[test]
fn consent_expires_after_thirty_seconds_without_a_check() {
    let mut agent = agent();
    assert_eq!(agent.next_deadline(), at(30), "for a client that never comes too");
    CHECK.send(&mut agent, 29, 10);
    assert_eq!(agent.next_deadline(), at(59));
    assert!(!agent.is_expired(at(58)));
    assert!(agent.is_expired(at(59)));
}

#[test]
fn a_path_whose_consent_expired_is_not_sent_on() {
    let mut agent = agent();
    NOMINATION.send(&mut agent, 1, 10);
    CHECK.send(&mut agent, 20, 11);
    assert_eq!(agent.send_path(), Some(path(10)));
    assert_eq!(CHECK.send(&mut agent, 31, 11), MOVED);
    assert_eq!((agent.selected(), agent.send_path()), (None, Some(path(11))));
    assert!(!agent.is_validated(&path(10)));
    assert_eq!((agent.poll_evicted(), agent.poll_evicted()), (Some(path(10)), None));
}

#[test]
fn a_path_that_comes_back_is_not_dropped_by_its_own_check() {
    let mut agent = agent();
    NOMINATION.send(&mut agent, 1, 10);
    assert_eq!(NOMINATION.send(&mut agent, 40, 10), SAME);
    assert_eq!(agent.poll_evicted(), None);
}

#[test]
fn validated_paths_are_bounded_and_the_selected_one_stays() {
    let mut agent = agent();
    NOMINATION.send(&mut agent, 0, 1000);
    for port in 0..100 {
        CHECK.send(&mut agent, 1 + u64::from(port) / 10, port);
        assert!(agent.paths().count() <= MAX_PATHS);
    }
    assert_eq!(agent.selected(), Some(path(1000)));
    assert!(agent.is_validated(&path(1000)));
    assert!(agent.is_validated(&path(99)));
    assert!(!agent.is_validated(&path(0)));
    let evicted = core::iter::from_fn(|| agent.poll_evicted()).count();
    assert_eq!(evicted, 101 - MAX_PATHS);
}

#[test]
fn a_restart_keeps_sending_until_the_new_generation_nominates() {
    let mut agent = agent();
    let high = Check { priority: 1000, ..NOMINATION };
    high.send(&mut agent, 1, 10);
    agent.restart(new_credentials());
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["new", "ours"]);
    assert_eq!(high.send(&mut agent, 2, 10), SAME, "the credentials so far still count");
    assert_eq!(NEW_CHECK.send(&mut agent, 2, 11), FIRST);
    assert_eq!(agent.send_path(), Some(path(10)));
    assert_eq!(NEW_NOMINATION.send(&mut agent, 3, 11), MOVED, "whatever the priority");
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["new"]);
    assert!(agent.is_validated(&path(10)), "for packets that are on their way");
    let (outcome, _) = receive(&mut agent, 3, 10, &high.bytes());
    assert_eq!(outcome, CheckOutcome::Ignored(Refusal::WrongUsername));
}

#[test]
fn halves_of_two_generations_do_not_mix() {
    let mut agent = agent();
    agent.restart(new_credentials());
    for check in [
        Check { username: "new:theirs", ..NEW_CHECK },
        Check { username: "ours:their2", ..CHECK },
        Check { pwd: PWD, ..NEW_CHECK },
        Check { pwd: NEW_PWD, ..CHECK },
    ] {
        assert!(matches!(receive(&mut agent, 1, 10, &check.bytes()).0, CheckOutcome::Ignored(_)));
    }
}

#[test]
fn a_late_check_of_the_old_generation_does_not_win_back() {
    let mut agent = agent();
    NOMINATION.send(&mut agent, 1, 10);
    agent.restart(new_credentials());
    CHECK.send(&mut agent, 2, 10);
    NEW_NOMINATION.send(&mut agent, 3, 10);
    assert_eq!(agent.selected(), Some(path(10)));
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["new"]);
}

#[test]
fn a_restart_that_fails_does_not_end_the_session_or_extend_it() {
    let mut agent = agent();
    NOMINATION.send(&mut agent, 1, 10);
    agent.restart(new_credentials());
    assert_eq!(agent.next_deadline(), at(31));
    NOMINATION.send(&mut agent, 25, 10);
    assert_eq!(agent.next_deadline(), at(55));
    assert_eq!(agent.send_path(), Some(path(10)));
}

#[test]
fn the_same_restart_twice_is_one() {
    let mut agent = agent();
    agent.restart(new_credentials());
    agent.restart(new_credentials());
    assert_eq!(agent.local_ufrags().collect::<Vec<_>>(), ["new", "ours"]);
}

#[test]
fn passwords_are_not_printed() {
    let printed = format!("{:?}", agent());
    assert!(printed.contains("ours") && !printed.contains(PWD));
}

proptest! {
    #[test]
    fn sending_is_on_validated_paths_only(
        steps in prop::collection::vec((0u64..8, 0u16..40, any::<bool>(), 0u32..4, 0u8..20), 1..200),
    ) {
        let mut agent = agent();
        let (mut secs, mut restarts, mut alive) = (0, 0, std::collections::HashSet::new());
        for (pause, port, nominate, priority, action) in steps {
            secs += pause;
            if action == 0 && restarts == 0 {
                agent.restart(new_credentials());
                restarts += 1;
            }
            let check = if restarts > 0 && action % 2 == 0 { NEW_CHECK } else { CHECK };
            let bytes = Check { nominate, priority, ..check }.bytes();
            let before = agent.selected();
            match receive(&mut agent, secs, port, &bytes).0 {
                CheckOutcome::Answered { selected_changed, new_path } => {
                    prop_assert_eq!(selected_changed, agent.selected() != before);
                    prop_assert_eq!(new_path, alive.insert(path(port)));
                    prop_assert!(agent.is_validated(&path(port)));
                }
                CheckOutcome::Ignored(_) => prop_assert_eq!(agent.selected(), before),
            }
            while let Some(evicted) = agent.poll_evicted() {
                prop_assert!(alive.remove(&evicted));
            }
            prop_assert_eq!(&agent.paths().collect::<std::collections::HashSet<_>>(), &alive);
            prop_assert!(alive.len() <= MAX_PATHS);
            prop_assert!(agent.send_path().is_none_or(|path| agent.is_validated(&path)));
            prop_assert_eq!(agent.send_path().is_none(), alive.is_empty());
        }
    }
}
