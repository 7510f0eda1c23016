//! The ICE-lite agent of one transport (RFC 8445 sections 2.5 and 7.3), with consent expiry (RFC 7675).
//!
//! It never sends checks: it answers them. Whatever 5-tuple an authenticated check came on is a validated path; the
//! path to send on is the one that the client, which is always controlling, nominates. Only checks change anything
//! here, never media.

pub mod attempts;

use core::time::Duration;

use crate::packet::stun;
use crate::path::Path;
use crate::time::Instant;
use attempts::Attempts;

/// Without a check for this long the client has withdrawn its consent (RFC 7675 section 5.1).
pub const CONSENT_EXPIRY: Duration = Duration::from_secs(30);
/// Validated paths per transport; beyond, the one heard from least lately gives way.
pub const MAX_PATHS: usize = 32;
/// A nominated path silent for this long gives way to any other that is nominated.
const SILENCE: Duration = Duration::from_secs(5);

/// Role Conflict (RFC 8445 section 16.2).
const ROLE_CONFLICT: u16 = 487;
/// Unknown Attribute (RFC 8489 section 14.8).
const UNKNOWN_ATTRIBUTE: u16 = 420;

/// What checks are authenticated with (RFC 8445 section 7.2.2). Not printable: the password is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Our username fragment, the first half of a check's USERNAME.
    pub ufrag: String,
    /// Our password, the key of a check's MESSAGE-INTEGRITY and of the answer's.
    pub pwd: String,
    /// The client's username fragment, the second half.
    pub remote_ufrag: String,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// Why a message is not accepted as a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a Binding request.
    NotARequest,
    /// USERNAME is missing or not this transport's.
    WrongUsername,
    /// FINGERPRINT is there and does not fit.
    BadFingerprint,
    /// MESSAGE-INTEGRITY is missing or does not fit.
    BadIntegrity,
    /// Authentic, with an attribute that we would have to understand; answered with 420.
    UnknownAttribute,
    /// Authentic, from a client that believes to be controlled; answered with 487.
    RoleConflict,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::NotARequest,
        Self::WrongUsername,
        Self::BadFingerprint,
        Self::BadIntegrity,
        Self::UnknownAttribute,
        Self::RoleConflict,
    ];

    /// A stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotARequest => "not-a-request",
            Self::WrongUsername => "wrong-username",
            Self::BadFingerprint => "bad-fingerprint",
            Self::BadIntegrity => "bad-integrity",
            Self::UnknownAttribute => "unknown-attribute",
            Self::RoleConflict => "role-conflict",
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Nothing changed and nothing is to be sent.
    Ignored(Refusal),
    /// An answer was written.
    Answered {
        /// [`IceAgent::selected`] is another path now.
        selected_changed: bool,
        /// The path was not validated before.
        new_path: bool,
    },
}

/// The validated paths of one transport, and which to send on.
#[derive(Debug)]
pub struct IceAgent {
    current: Credentials,
    /// From before a restart, until the client nominates a path with the new ones.
    previous: Option<Credentials>,
    generation: u32,
    /// In the order in which they were validated.
    paths: Vec<ValidatedPath>,
    selected: Option<Path>,
    evicted: Vec<Path>,
    last_check: Instant,
    /// What came on which path, valid or not.
    pub attempts: Attempts,
}

#[derive(Clone, Copy, Debug)]
struct ValidatedPath {
    path: Path,
    last_check: Instant,
    /// Of the last check that nominated it.
    priority: u32,
    generation: u32,
    /// The last check on it carried USE-CANDIDATE.
    nominating: bool,
}

impl IceAgent {
    /// Waits for the first check, until the consent of a client that never came expires.
    pub fn new(now: Instant, credentials: Credentials) -> Self {
        Self {
            current: credentials,
            previous: None,
            generation: 0,
            paths: Vec::new(),
            selected: None,
            evicted: Vec::new(),
            last_check: now,
            attempts: Attempts::default(),
        }
    }

    /// ICE restart (RFC 8445 section 9): media goes on over the paths there are, and checks with the credentials so
    /// far count, until a path is nominated with the new ones. A restart extends no consent.
    pub fn restart(&mut self, credentials: Credentials) {
        if credentials == self.current {
            return;
        }
        self.previous = Some(core::mem::replace(&mut self.current, credentials));
        self.generation = self.generation.wrapping_add(1);
    }

    /// Handles a STUN message that came on `path`; appends the answer, to be sent back on the same path, to `out`.
    ///
    /// Messages that are not authenticated are dropped in silence (against RFC 8489 section 9.1.3, which answers
    /// them): an answer would only serve to find out which ufrags exist.
    pub fn handle_check(
        &mut self,
        now: Instant,
        path: Path,
        message: &stun::Message<'_>,
        out: &mut Vec<u8>,
    ) -> CheckOutcome {
        let generation = match self.authenticate(message) {
            Ok(generation) => generation,
            Err(reason) => {
                self.attempts.on_refused(now, path, reason);
                return CheckOutcome::Ignored(reason);
            }
        };
        let key = self.key(generation);
        let transaction = message.transaction_id();
        let unchanged = CheckOutcome::Answered { selected_changed: false, new_path: false };
        let unknown = message.unknown_required();
        if !unknown.is_empty() {
            stun::write_binding_error(out, transaction, UNKNOWN_ATTRIBUTE, &unknown, Some(key));
            self.attempts.on_refused(now, path, Refusal::UnknownAttribute);
            return unchanged;
        }
        // A lite agent is always controlled (RFC 8445 section 6.1.1): the client has to change its role.
        if message.ice_controlled().is_some() {
            stun::write_binding_error(out, transaction, ROLE_CONFLICT, &[], Some(key));
            self.attempts.on_refused(now, path, Refusal::RoleConflict);
            return unchanged;
        }
        stun::write_binding_success(out, transaction, path.remote, key);
        self.attempts.on_accepted(now, path, message.use_candidate());

        let before = self.selected;
        self.last_check = now;
        self.drop_lapsed(now, path);
        let nomination = message.use_candidate().then(|| message.priority().unwrap_or(0));
        let new_path = self.validate(now, path, generation, nomination);
        if nomination.is_some() {
            self.nominate(now, path);
        }
        CheckOutcome::Answered { selected_changed: self.selected != before, new_path }
    }

    /// Whether DTLS and SRTP are taken from this path.
    pub fn is_validated(&self, path: &Path) -> bool {
        self.find(path).is_some()
    }

    /// Where to send: the selected path or, before any nomination, the one validated last.
    pub fn send_path(&self) -> Option<Path> {
        self.selected.or_else(|| self.paths.last().map(|validated| validated.path))
    }

    /// The path that the client nominated.
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// All validated paths, at most [`MAX_PATHS`].
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().map(|validated| validated.path)
    }

    /// A path that is not validated any more. Drain after every check.
    pub fn poll_evicted(&mut self) -> Option<Path> {
        self.evicted.pop()
    }

    /// Our username fragments: the current one and, until it is superseded, the one before a restart.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        core::iter::once(&self.current).chain(&self.previous).map(|credentials| credentials.ufrag.as_str())
    }

    /// When the last authenticated check came; before the first, when the agent was made.
    pub fn last_check(&self) -> Instant {
        self.last_check
    }

    /// When consent expires.
    pub fn next_deadline(&self) -> Instant {
        self.last_check + CONSENT_EXPIRY
    }

    /// Whether consent has expired: nothing may be sent any more.
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.next_deadline()
    }

    /// The generation of the credentials that the message was made with.
    fn authenticate(&self, message: &stun::Message<'_>) -> Result<u32, Refusal> {
        if !message.is_binding_request() {
            return Err(Refusal::NotARequest);
        }
        if message.fingerprint_valid() == Some(false) {
            return Err(Refusal::BadFingerprint);
        }
        let username = message.username().ok_or(Refusal::WrongUsername)?;
        let generation = if self.current.matches(username) {
            self.generation
        } else if self.previous.as_ref().is_some_and(|previous| previous.matches(username)) {
            self.generation.wrapping_sub(1)
        } else {
            return Err(Refusal::WrongUsername);
        };
        if message.integrity_valid(self.key(generation)) {
            Ok(generation)
        } else {
            Err(Refusal::BadIntegrity)
        }
    }

    fn key(&self, generation: u32) -> &[u8] {
        match &self.previous {
            Some(previous) if generation != self.generation => previous.pwd.as_bytes(),
            _ => self.current.pwd.as_bytes(),
        }
    }

    /// Records a check. True if the path was not validated before.
    fn validate(&mut self, now: Instant, path: Path, generation: u32, nomination: Option<u32>) -> bool {
        if let Some(known) = self.paths.iter_mut().find(|validated| validated.path == path) {
            known.last_check = now;
            known.generation = generation;
            known.nominating = nomination.is_some();
            known.priority = nomination.unwrap_or(known.priority);
            return false;
        }
        if self.paths.len() >= MAX_PATHS {
            self.evict();
        }
        self.paths.push(ValidatedPath {
            path,
            last_check: now,
            priority: nomination.unwrap_or(0),
            generation,
            nominating: nomination.is_some(),
        });
        true
    }

    /// The check just recorded nominated `path`. Of several nominated paths the one of the highest priority wins
    /// (RFC 8445 appendix B.9, aggressive nomination), unless it is of an earlier generation, has gone silent or is
    /// not nominated any more.
    fn nominate(&mut self, now: Instant, path: Path) {
        let Some(nominated) = self.find(&path).copied() else { return };
        let holds = self.selected.and_then(|selected| self.find(&selected)).is_some_and(|selected| {
            selected.generation == nominated.generation
                && now.since(selected.last_check) <= SILENCE
                && selected.nominating
                && selected.priority > nominated.priority
        });
        if !holds {
            self.selected = Some(path);
        }
        if nominated.generation == self.generation {
            self.previous = None;
        }
    }

    /// Paths whose consent has expired are not sent on any more (RFC 7675 section 5.1).
    fn drop_lapsed(&mut self, now: Instant, live: Path) {
        let evicted = &mut self.evicted;
        self.paths.retain(|validated| {
            let lapsed = now.since(validated.last_check) >= CONSENT_EXPIRY && validated.path != live;
            if lapsed {
                evicted.push(validated.path);
            }
            !lapsed
        });
        if self.selected.is_some_and(|selected| self.find(&selected).is_none()) {
            self.selected = None;
        }
    }

    /// Makes room for a new path.
    fn evict(&mut self) {
        let oldest = (0..self.paths.len())
            .filter(|&index| Some(self.paths[index].path) != self.selected)
            .min_by_key(|&index| self.paths[index].last_check);
        if let Some(oldest) = oldest {
            self.evicted.push(self.paths.remove(oldest).path);
        }
    }

    fn find(&self, path: &Path) -> Option<&ValidatedPath> {
        self.paths.iter().find(|validated| validated.path == *path)
    }
}

impl Credentials {
    /// Both halves of USERNAME (RFC 8445 section 7.2.2).
    fn matches(&self, username: &str) -> bool {
        username.split_once(':') == Some((self.ufrag.as_str(), self.remote_ufrag.as_str()))
    }
}

#[cfg(test)]
mod tests;
