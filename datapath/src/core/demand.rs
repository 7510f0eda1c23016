//! How many of a worker's viewers want each layer of a track, and what its home knows of that.

use crate::media::{LayerSet, MAX_LAYERS};

/// Counted as viewers come, move and go, so that a change costs the same however many there are.
#[derive(Debug, Default)]
pub(super) struct Demand {
    viewers: [u32; MAX_LAYERS],
    told: Option<LayerSet>,
}

impl Demand {
    /// One viewer wanted `old` and wants `new`.
    pub fn exchange(&mut self, old: LayerSet, new: LayerSet) {
        for layer in old.iter() {
            self.viewers[usize::from(layer)] -= 1;
        }
        for layer in new.iter() {
            self.viewers[usize::from(layer)] += 1;
        }
    }

    /// What home is to be told, unless it was; that counts as done. At first it has to know that there are viewers.
    pub fn news(&mut self) -> Option<LayerSet> {
        let wanted = (0u8..).zip(self.viewers).filter(|(_, viewers)| *viewers > 0).map(|(layer, _)| layer).collect();
        (self.told.replace(wanted) != Some(wanted)).then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(list: &[u8]) -> LayerSet {
        list.iter().copied().collect()
    }

    #[test]
    fn home_hears_of_a_layer_with_the_first_who_wants_it_and_after_the_last() {
        let mut demand = Demand::default();
        assert_eq!(demand.news(), Some(layers(&[])), "there are viewers, who do not know yet what they want");
        demand.exchange(layers(&[]), layers(&[1]));
        assert_eq!(demand.news(), Some(layers(&[1])));
        demand.exchange(layers(&[]), layers(&[1]));
        assert_eq!(demand.news(), None);
        demand.exchange(layers(&[1]), layers(&[1, 2]));
        assert_eq!(demand.news(), Some(layers(&[1, 2])));
        demand.exchange(layers(&[1, 2]), layers(&[2]));
        assert_eq!(demand.news(), None, "the other is still there");
        demand.exchange(layers(&[1]), layers(&[]));
        assert_eq!(demand.news(), Some(layers(&[2])));
    }
}
