//! What a worker's shell counts.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Totals of one worker's shell since start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ShellCounters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl ShellCounters {
            /// Stable name and value of each.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// Add another worker's.
            pub fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.wrapping_add(other.$name);)*
            }
        }
    };
}

counters! {
    /// Times a worker woke up.
    wakeups,
    /// Receive calls that brought something.
    receive_calls,
    /// Receive calls that failed.
    receive_errors,
    /// Send calls that moved something.
    send_calls,
    /// Datagrams sent.
    datagrams_sent,
    /// Bytes in them.
    bytes_sent,
    /// Datagrams among them that left in a send with others.
    datagrams_segmented,
    /// Sends for which segmentation offload was refused and plain sends took over.
    segmentation_refused,
    /// Datagrams that arrived at a worker other than their owner and were passed on.
    datagrams_rerouted,
    /// Longer than any datagram of ours can be.
    dropped_oversize,
    /// Without a usable source address.
    dropped_no_source,
    /// The kernel had no room in a socket's receive buffer.
    dropped_receive_buffer_full,
    /// The kernel had no room in a socket's send buffer, also after a wait.
    dropped_send_buffer_full,
    /// Nothing is bound to the address it was to leave from, for instance as its allocation has ended.
    dropped_no_socket,
    /// ICMP messages that came about datagrams of allocations.
    relay_errors_received,
    /// The kernel refused to send it (no route, address gone, too long).
    dropped_send_refused,
    /// Connections accepted.
    streams_accepted,
    /// Connections refused because there are as many as may be, in all or from their source.
    streams_refused,
    /// Connections refused because there is no certificate yet.
    streams_refused_no_certificate,
    /// Connections that could not be accepted: no descriptors, or gone before we looked.
    accept_errors,
    /// Connections that ended because nothing we speak came over them.
    streams_ended_garbage,
    /// Connections that ended because what was due did not come in time.
    streams_ended_timeout,
    /// Connections that ended because their client did not read.
    streams_ended_stuck,
    /// Peers that connected to an allocation and were sent away: no permission.
    peers_refused,
    /// A message for a connection that has ended.
    dropped_stream_ended,
    /// A message for a connection whose client reads too slowly.
    dropped_stream_full,
    /// A message that the framing of its connection cannot carry.
    dropped_stream_unframed,
    /// A datagram or packet for another worker whose mailbox was full.
    dropped_mailbox_full,
    /// Panics caught; each is a bug.
    panics,
}
