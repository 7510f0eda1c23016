//! The sliding window that admits every packet index once (RFC 3711 section 3.3.2).

/// Remembers the latest indices, one bit each, in a ring of `WORDS` words of 64.
///
/// The ring is cleared word by word as it advances, so the window is up to 63 indices smaller than the ring.
#[derive(Clone, Debug)]
pub(super) struct ReplayWindow<const WORDS: usize> {
    highest: u64,
    seen: [u64; WORDS],
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    /// How far behind the highest index another is still told apart from a replay.
    pub(super) const SIZE: u64 = 64 * (WORDS as u64 - 1);

    /// A window that has seen `first` alone.
    pub(super) fn new(first: u64) -> Self {
        let mut window = Self { highest: first, seen: [0; WORDS] };
        window.accept(first);
        window
    }

    /// The highest index seen.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// True if `index` was not seen and is not older than the window.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        self.highest - index < Self::SIZE && self.seen[Self::word(index)] & Self::bit(index) == 0
    }

    /// Marks a fresh `index` as seen; to be called when the packet is authentic, and only then.
    pub(super) fn accept(&mut self, index: u64) {
        if index > self.highest {
            let steps = (index / 64 - self.highest / 64).min(WORDS as u64);
            for step in 0..steps {
                self.seen[Self::word(index - 64 * step)] = 0;
            }
            self.highest = index;
        }
        self.seen[Self::word(index)] |= Self::bit(index);
    }

    fn word(index: u64) -> usize {
        (index / 64 % WORDS as u64) as usize
    }

    fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Window = ReplayWindow<4>;

    #[test]
    fn the_window_ends_where_it_says() {
        let mut window = Window::new(1_000);
        assert!(!window.is_fresh(1_000));
        assert!(window.is_fresh(1_001) && window.is_fresh(1_000 - Window::SIZE + 1));
        assert!(!window.is_fresh(1_000 - Window::SIZE));
        window.accept(1_000_000);
        assert_eq!(window.highest(), 1_000_000);
        assert!(!window.is_fresh(1_001));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set(first in 0u64..1_000, steps in prop::collection::vec(-300i64..400, 0..300)) {
            let mut window = Window::new(first);
            let mut seen = BTreeSet::from([first]);
            for step in steps {
                let index = window.highest().saturating_add_signed(step);
                let too_old = window.highest().saturating_sub(index) >= Window::SIZE;
                prop_assert_eq!(window.is_fresh(index), !too_old && !seen.contains(&index));
                if window.is_fresh(index) {
                    window.accept(index);
                    seen.insert(index);
                }
            }
        }
    }
}
