//! What cores tell each other: a track's home and the workers that have viewers for it.

use std::sync::Arc;

use crate::ids::{TrackId, WorkerId};
use crate::media::{MediaPacket, SourceClock, SourceId};

/// One message. Opaque to the shell, which only carries it.
#[derive(Clone, Debug)]
pub enum Message {
    /// Home to viewers: a packet to fan out.
    Media(Arc<MediaPacket>),
    /// Home to viewers: which layer to move to.
    Forwarded {
        /// The track.
        track: TrackId,
        /// The layer's index.
        layer: u8,
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
    /// Viewers to home: this worker has, or no longer has, viewers.
    Interest {
        /// The track.
        track: TrackId,
        /// Who speaks.
        worker: WorkerId,
        /// Whether packets are wanted.
        wanted: bool,
    },
    /// Viewers to home: somebody needs a keyframe of the forwarded layer.
    KeyframeWanted {
        /// The track.
        track: TrackId,
    },
}
