//! Names of things that Python and the cores talk about.
//!
//! Every id carries its home: `id % workers` is the worker that owns it, so that no lookup table is needed to find
//! it. A track's home is its transport's, and so is an egress's.

/// Index of a worker thread, and of the core it drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The worker that owns it, given how many there are.
            pub fn home(self, workers: u16) -> WorkerId {
                // The remainder of a division by a u16 is a u16.
                WorkerId((self.0 % u32::from(workers.max(1))) as u16)
            }
        }
    };
}

id! {
    /// One ICE/DTLS association with one client, i.e. one peer connection.
    TransportId
}
id! {
    /// One published track: an audio stream, or a video with all its simulcast layers.
    TrackId
}
id! {
    /// One stream forwarded to one transport.
    EgressId
}
id! {
    /// One TURN allocation.
    RelayId
}
id! {
    /// One TCP or TLS connection.
    StreamId
}
id! {
    /// One TCP connection between an allocation and a peer (RFC 6062).
    ConnectionId
}
