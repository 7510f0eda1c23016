//! What came on which 5-tuple for one transport, kept for whoever asks why it did not connect.
//!
//! Nothing here decides anything. A path is noted at its first check, authentic or not, and kept after it has lapsed.
//! What comes again on the same path costs one comparison.

use super::Refusal;
use crate::path::Path;
use crate::time::Instant;

/// Paths noted per transport: twice what may be valid. Beyond, of those on which no check was accepted, or else of all,
/// the one silent for longest is forgotten; one that is not authentic displaces none that is.
pub const MAX_ATTEMPTS: usize = 2 * super::MAX_PATHS;

/// One 5-tuple, and what came on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The 5-tuple.
    pub path: Path,
    /// Checks for this transport's user.
    pub checks: u64,
    /// Those of them that were not accepted.
    pub refusals: Refusals,
    /// Those of them that nominated the path.
    pub nominations: u64,
    /// DTLS datagrams, once the path was valid.
    pub dtls: u64,
    /// SRTP and SRTCP packets, once the path was valid.
    pub media: u64,
    /// Those of them that could not be opened: no keys yet, forged, replayed or malformed.
    pub media_dropped: u64,
    /// When something came first.
    pub first: Instant,
    /// When something came last.
    pub last: Instant,
}

/// How many checks were not accepted, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

/// All attempts of one transport, in the order in which they began.
#[derive(Debug, Default)]
pub struct Attempts {
    list: Vec<Attempt>,
    /// Where something came last.
    current: usize,
}

impl Attempts {
    /// An authentic check, which nominates the path or not.
    pub fn on_accepted(&mut self, now: Instant, path: Path, nominates: bool) {
        if let Some(attempt) = self.at(now, path, true) {
            attempt.checks += 1;
            attempt.nominations += u64::from(nominates);
        }
    }

    /// A check that names the transport's user and is not accepted.
    pub fn on_refused(&mut self, now: Instant, path: Path, reason: Refusal) {
        if let Some(attempt) = self.at(now, path, false) {
            attempt.checks += 1;
            attempt.refusals.0[reason as usize] += 1;
        }
    }

    /// A DTLS datagram from a valid path.
    pub fn on_dtls(&mut self, now: Instant, path: Path) {
        if let Some(attempt) = self.find(now, &path) {
            attempt.dtls += 1;
        }
    }

    /// An SRTP or SRTCP packet from a valid path.
    pub fn on_media(&mut self, now: Instant, path: Path) {
        if let Some(attempt) = self.find(now, &path) {
            attempt.media += 1;
        }
    }

    /// The packet that came last could not be opened.
    pub fn on_media_dropped(&mut self) {
        if let Some(attempt) = self.list.get_mut(self.current) {
            attempt.media_dropped += 1;
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Attempt> {
        self.list.iter()
    }

    fn find(&mut self, now: Instant, path: &Path) -> Option<&mut Attempt> {
        if self.list.get(self.current).is_none_or(|attempt| attempt.path != *path) {
            self.current = self.list.iter().position(|attempt| attempt.path == *path)?;
        }
        let attempt = self.list.get_mut(self.current)?;
        attempt.last = now;
        Some(attempt)
    }

    /// The attempt on `path`, new if need be. None: there is no room for one that is not authentic.
    fn at(&mut self, now: Instant, path: Path, authentic: bool) -> Option<&mut Attempt> {
        if self.find(now, &path).is_none() {
            if self.list.len() >= MAX_ATTEMPTS {
                let forgotten = self.least_telling(authentic)?;
                self.list.remove(forgotten);
            }
            self.current = self.list.len();
            self.list.push(Attempt::new(now, path));
        }
        self.list.get_mut(self.current)
    }

    fn least_telling(&self, authentic: bool) -> Option<usize> {
        let candidates = (0..self.list.len()).filter(|&index| authentic || !self.list[index].was_accepted());
        candidates.min_by_key(|&index| (self.list[index].was_accepted(), self.list[index].last))
    }
}

impl Attempt {
    fn new(now: Instant, path: Path) -> Self {
        Self {
            path,
            checks: 0,
            refusals: Refusals::default(),
            nominations: 0,
            dtls: 0,
            media: 0,
            media_dropped: 0,
            first: now,
            last: now,
        }
    }

    fn was_accepted(&self) -> bool {
        self.checks > self.refusals.total()
    }
}

impl Refusals {
    /// All together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each reason that there was, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_micros(secs * 1_000_000)
    }

    fn path(port: u16) -> Path {
        Path::udp(([192, 0, 2, 1], 3478).into(), ([198, 51, 100, 7], port).into())
    }

    fn ports(attempts: &Attempts) -> Vec<u16> {
        attempts.iter().map(|attempt| attempt.path.remote.port()).collect()
    }

    #[test]
    fn what_comes_is_told_apart_by_path() {
        let mut attempts = Attempts::default();
        attempts.on_refused(at(1), path(10), Refusal::BadIntegrity);
        attempts.on_accepted(at(2), path(11), false);
        attempts.on_accepted(at(3), path(11), true);
        attempts.on_dtls(at(4), path(11));
        attempts.on_media(at(5), path(11));
        attempts.on_media(at(6), path(11));
        attempts.on_media_dropped();
        attempts.on_refused(at(7), path(10), Refusal::WrongUsername);
        attempts.on_refused(at(8), path(10), Refusal::BadIntegrity);
        let [refused, accepted] = attempts.list[..] else { panic!("two paths") };
        assert_eq!((refused.checks, refused.first, refused.last), (3, at(1), at(8)));
        let reasons = [(Refusal::WrongUsername, 1), (Refusal::BadIntegrity, 2)];
        assert_eq!(refused.refusals.iter().collect::<Vec<_>>(), reasons);
        assert_eq!((accepted.checks, accepted.nominations, accepted.refusals.total()), (2, 1, 0));
        assert_eq!((accepted.dtls, accepted.media, accepted.media_dropped, accepted.last), (1, 2, 1, at(6)));
    }

    #[test]
    fn only_checks_begin_an_attempt() {
        let mut attempts = Attempts::default();
        attempts.on_dtls(at(1), path(10));
        attempts.on_media(at(1), path(10));
        attempts.on_media_dropped();
        assert_eq!(attempts.iter().count(), 0);
    }

    #[test]
    fn the_longest_silent_of_those_never_accepted_makes_room() {
        let mut attempts = Attempts::default();
        let last = MAX_ATTEMPTS as u16 - 1;
        attempts.on_accepted(at(0), path(0), true);
        for port in 1..=last {
            attempts.on_refused(at(u64::from(port)), path(port), Refusal::BadIntegrity);
        }
        attempts.on_refused(at(200), path(1), Refusal::BadIntegrity);
        attempts.on_refused(at(201), path(1000), Refusal::BadIntegrity);
        let expected: Vec<u16> = [0, 1].into_iter().chain(3..=last).chain([1000]).collect();
        assert_eq!(ports(&attempts), expected, "2 was");
    }

    #[test]
    fn a_stranger_displaces_no_authentic_path_and_an_authentic_one_the_longest_silent() {
        let mut attempts = Attempts::default();
        for port in 0..MAX_ATTEMPTS as u16 {
            attempts.on_accepted(at(u64::from(port)), path(port), false);
        }
        attempts.on_refused(at(100), path(1000), Refusal::BadIntegrity);
        assert!(!ports(&attempts).contains(&1000));
        attempts.on_accepted(at(101), path(1001), false);
        assert_eq!(ports(&attempts), (1..MAX_ATTEMPTS as u16).chain([1001]).collect::<Vec<_>>());
    }
}
