//! What Python can ask of the data path, be it worker threads over sockets or one core in virtual time.

use std::net::{SocketAddr, TcpListener};

use super::addresses::{AddressBook, UfragTaken};
use super::allocation::{IdAllocator, IdsExhausted};
use super::mailbox::{MailboxFull, PeerRequest};
use crate::command::{Command, RelayChange, RelayedAddress};
use crate::event::Event;
use crate::ice::Credentials;
use crate::ids::{ConnectionId, EgressId, RelayId, StreamId, TrackId, TransportId, WorkerId};
use crate::media::{EgressSpec, TrackSpec};
use crate::net::relay_socket::RelaySocket;
use crate::packet::extensions::ExtensionMap;
use crate::path::Path;
use crate::stats::{RelayStats, TransportStats};

/// Why a command was not taken. Something that is merely gone is no reason: that is ignored and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another transport has this ICE user fragment.
    UfragTaken,
    /// The worker is so far behind that commands pile up.
    Overloaded,
    /// There are no ids left.
    IdsExhausted,
    /// The system watches no more sockets.
    Unwatchable,
    /// The engine is closed.
    Closed,
}

/// One relayed transport address of a new allocation.
#[derive(Debug)]
pub enum Relayed {
    /// Nothing listens there: the hop inside and other allocations reach it.
    Virtual(SocketAddr),
    /// A bound socket, and its address as the client is told.
    Bound(SocketAddr, RelaySocket),
    /// A listener for the peers of a TCP allocation, and its address as the client is told.
    Listening(SocketAddr, TcpListener),
}

/// Commands down, events and figures up.
pub trait Controls: Send + Sync {
    /// New ids.
    fn ids(&self) -> &IdAllocator;

    /// Who has which ICE user.
    fn addresses(&self) -> &AddressBook;

    /// Any command about something that has its id already; the methods below are for what makes or forgets one.
    fn submit(&self, command: Command) -> Result<(), Refused>;

    /// A change to the table of allocations, which every worker has.
    fn change_relays(&self, change: RelayChange) -> Result<(), Refused>;

    /// Takes over the sockets of an allocation that is about to be added, with their addresses as the client is told.
    fn adopt(&self, relay: RelayId, sockets: Vec<(SocketAddr, RelaySocket)>) -> Result<(), Refused>;

    /// Closes them.
    fn abandon(&self, relay: RelayId);

    /// What is asked of this worker about the TCP connections of allocations.
    fn ask(&self, home: WorkerId, request: PeerRequest) -> Result<(), Refused>;

    /// How many workers there are.
    fn workers(&self) -> u16 {
        self.ids().workers()
    }

    /// Ends a TCP or TLS connection; nothing happens if it has ended.
    fn close_stream(&self, id: StreamId) -> Result<(), Refused>;

    /// Takes up to `limit` events, oldest first.
    fn drain_events(&self, limit: usize) -> Vec<Event>;

    /// A snapshot of every transport, at most about a second old.
    fn stats(&self) -> Vec<TransportStats>;

    /// The same of one; None before its first snapshot, and some time after it is gone.
    fn transport_stats(&self, id: TransportId) -> Option<TransportStats>;

    /// A snapshot of every allocation, at most about a second old.
    fn relay_stats(&self) -> Vec<RelayStats>;

    /// Totals since start by stable name, at most about a second old.
    fn counters(&self) -> Vec<(&'static str, u64)>;

    /// A new transport that waits for checks.
    fn add_transport(&self, credentials: Credentials, extensions: ExtensionMap) -> Result<TransportId, Refused> {
        let id = self.ids().transport()?;
        self.addresses().register(id, &credentials.ufrag)?;
        let added = self.submit(Command::AddTransport { id, credentials, extensions: Box::new(extensions) });
        if added.is_err() {
            self.addresses().forget(id);
        }
        added.map(|()| id)
    }

    /// New ICE credentials for a transport.
    fn restart_ice(&self, id: TransportId, credentials: Credentials) -> Result<(), Refused> {
        self.addresses().renew(id, &credentials.ufrag)?;
        self.submit(Command::RestartIce { id, credentials })
    }

    /// Forgets a transport, its tracks and egresses.
    fn remove_transport(&self, id: TransportId) -> Result<(), Refused> {
        self.addresses().forget(id);
        self.submit(Command::RemoveTransport { id })
    }

    /// A new allocation for the client on `client`, with at most one address per family. Its sockets are closed if it is
    /// refused, and when it ends.
    fn add_relay(&self, client: Path, relayed: Vec<Relayed>, max_bytes_per_second: u64) -> Result<RelayId, Refused> {
        let id = self.ids().relay()?;
        let addresses = relayed.iter().map(Relayed::address).collect();
        let (mut sockets, mut listeners) = (Vec::new(), Vec::new());
        for relayed in relayed {
            match relayed {
                Relayed::Virtual(_) => {}
                Relayed::Bound(address, socket) => sockets.push((address, socket)),
                Relayed::Listening(_, listener) => listeners.push(listener),
            }
        }
        self.adopt(id, sockets)?;
        let added = self.change_relays(RelayChange::Add { id, client, relayed: addresses, max_bytes_per_second });
        if added.is_err() {
            self.abandon(id);
        }
        added?;
        for listener in listeners {
            self.ask(id.home(self.workers()), PeerRequest::Listen { relay: id, listener })?;
        }
        Ok(id)
    }

    /// Begins to connect an allocation to a peer, from its listener's address (RFC 6062, 5.2). An event follows.
    fn connect_peer(&self, relay: RelayId, peer: SocketAddr) -> Result<ConnectionId, Refused> {
        let connection = self.ids().connection(relay)?;
        self.ask(relay.home(self.workers()), PeerRequest::Connect { relay, connection, peer })?;
        Ok(connection)
    }

    /// A peer's connection and a client's become one (RFC 6062, 5.4).
    fn join_peer(&self, connection: ConnectionId, client: StreamId) -> Result<(), Refused> {
        self.ask(connection.home(self.workers()), PeerRequest::Join { connection, client })
    }

    /// Ends a peer's connection, and the client's it is joined to; nothing happens if it has ended.
    fn close_peer(&self, connection: ConnectionId) -> Result<(), Refused> {
        self.ask(connection.home(self.workers()), PeerRequest::Close { connection })
    }

    /// The allocation ends.
    fn remove_relay(&self, id: RelayId) -> Result<(), Refused> {
        self.abandon(id);
        self.change_relays(RelayChange::Remove { id })
    }

    /// The transport publishes a track.
    fn publish(&self, transport: TransportId, spec: TrackSpec) -> Result<TrackId, Refused> {
        let id = self.ids().track(transport)?;
        self.submit(Command::Publish { transport, id, spec }).map(|()| id)
    }

    /// The transport can be sent a stream.
    fn subscribe(&self, transport: TransportId, spec: EgressSpec) -> Result<EgressId, Refused> {
        let id = self.ids().egress(transport)?;
        self.submit(Command::Subscribe { transport, id, spec }).map(|()| id)
    }
}

impl Relayed {
    fn address(&self) -> RelayedAddress {
        match *self {
            Self::Virtual(address) | Self::Listening(address, _) => RelayedAddress { address, has_socket: false },
            Self::Bound(address, _) => RelayedAddress { address, has_socket: true },
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::UfragTaken => "another transport has this ufrag",
            Self::Overloaded => "too many commands are waiting",
            Self::IdsExhausted => "no ids are left",
            Self::Unwatchable => "the system watches no more sockets",
            Self::Closed => "the engine is closed",
        })
    }
}

impl std::error::Error for Refused {}

impl From<UfragTaken> for Refused {
    fn from(_: UfragTaken) -> Self {
        Self::UfragTaken
    }
}

impl From<MailboxFull> for Refused {
    fn from(_: MailboxFull) -> Self {
        Self::Overloaded
    }
}

impl From<IdsExhausted> for Refused {
    fn from(_: IdsExhausted) -> Self {
        Self::IdsExhausted
    }
}
