//! What cores tell each other: a track's home and the workers that have viewers for it.

use std::sync::Arc;

use crate::ids::{TrackId, WorkerId};
use crate::media::{LayerSet, MediaPacket, SourceClock, SourceId};

/// One message. Opaque to the shell, which only carries it.
#[derive(Clone, Debug)]
pub enum Message {
    /// Home to viewers: a packet to fan out.
    Media(Arc<MediaPacket>),
    /// Home to viewers: which layer is for all without a choice of their own.
    Forwarded {
        /// The track.
        track: TrackId,
        /// The layer's index.
        layer: u8,
        /// How many layers the track has.
        count: u8,
    },
    /// Home to viewers: what the publisher's sender report says.
    Clock {
        /// The track.
        track: TrackId,
        /// The stream within it.
        source: SourceId,
        /// Its clock.
        clock: SourceClock,
    },
    /// Home to viewers: nothing more will come.
    Ended {
        /// The track.
        track: TrackId,
    },
    /// Viewers to home: which layers somebody at this worker wants.
    Interest {
        /// The track.
        track: TrackId,
        /// Who speaks.
        worker: WorkerId,
        /// None: there are no viewers any more.
        layers: Option<LayerSet>,
    },
    /// Viewers to home: somebody needs a keyframe of this layer.
    KeyframeWanted {
        /// The track.
        track: TrackId,
        /// The layer's index.
        layer: u8,
    },
}
