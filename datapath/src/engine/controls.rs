//! What Python can ask of the data path, be it worker threads over sockets or one core in virtual time.

use super::addresses::{AddressBook, UfragTaken};
use super::allocation::{IdAllocator, IdsExhausted};
use super::mailbox::MailboxFull;
use crate::command::{Command, RelayChange, RelayedAddress};
use crate::event::Event;
use crate::ice::Credentials;
use crate::ids::{EgressId, RelayId, StreamId, TrackId, TransportId};
use crate::media::{EgressSpec, TrackSpec};
use crate::packet::extensions::ExtensionMap;
use crate::path::Path;
use crate::stats::TransportStats;

/// Why a command was not taken. Something that is merely gone is no reason: that is ignored and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another transport has this ICE user fragment.
    UfragTaken,
    /// The worker is so far behind that commands pile up.
    Overloaded,
    /// There are no ids left.
    IdsExhausted,
    /// The engine is closed.
    Closed,
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

    /// Ends a TCP or TLS connection; nothing happens if it has ended.
    fn close_stream(&self, id: StreamId) -> Result<(), Refused>;

    /// Takes up to `limit` events, oldest first.
    fn drain_events(&self, limit: usize) -> Vec<Event>;

    /// A snapshot of every transport, at most about a second old.
    fn stats(&self) -> Vec<TransportStats>;

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

    /// A new allocation for the client on `client`.
    fn add_relay(
        &self,
        client: Path,
        relayed: Vec<RelayedAddress>,
        max_bytes_per_second: u64,
    ) -> Result<RelayId, Refused> {
        let id = self.ids().relay()?;
        self.change_relays(RelayChange::Add { id, client, relayed, max_bytes_per_second }).map(|()| id)
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

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::UfragTaken => "another transport has this ufrag",
            Self::Overloaded => "too many commands are waiting",
            Self::IdsExhausted => "no ids are left",
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
