//! The least that relaying can cost here: a process that takes ChannelData from clients and sends on what is in it, and
//! the other way round. It asks for no password and knows no permission, no limit and no time.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use crate::sys;

use super::outlet::Outlet;
use super::requests::{channel_data, channel_header, granted};
use super::stun::Message;

/// Most clients; more get no answer.
const MAX_CLIENTS: usize = 1000;

/// Relay for whoever comes to this address, without an end.
pub fn run(address: SocketAddr) -> io::Result<String> {
    let mut relay = Bare::new(address)?;
    let mut ready = Vec::new();
    loop {
        relay.poll.wait(&mut ready);
        for &index in &ready {
            relay.serve(index)?;
        }
    }
}

/// The socket that clients know, known as 0 to the poll, and behind it one for each client.
struct Bare {
    front: Outlet,
    clients: Vec<Client>,
    known: HashMap<SocketAddrV4, usize>,
    poll: sys::Poll,
    inbox: sys::Receiver,
}

struct Client {
    address: SocketAddrV4,
    /// What the peer knows, connected to it.
    back: Outlet,
}

impl Bare {
    fn new(address: SocketAddr) -> io::Result<Self> {
        let front = Outlet::new(UdpSocket::bind(address)?, true)?;
        let poll = sys::Poll::new(512)?;
        poll.add(&front, 0)?;
        Ok(Self { front, clients: Vec::new(), known: HashMap::new(), poll, inbox: sys::Receiver::default() })
    }

    fn serve(&mut self, index: usize) -> io::Result<()> {
        match index.checked_sub(1) {
            None => self.take_from_clients(),
            Some(client) => self.take_from_peer(client),
        }
    }

    fn take_from_clients(&mut self) -> io::Result<()> {
        for index in 0..self.inbox.receive(&self.front.socket) {
            let source = self.inbox.source(index);
            if let Some(request) = Message::of(self.inbox.message(index)) {
                let (response, peer) = granted(request);
                self.grant(source, &response, peer)?;
            } else if let Some(client) = self.known.get(&source) {
                let back = &mut self.clients[*client].back;
                for data in self.inbox.datagrams(index).filter_map(channel_data) {
                    back.push(&[], data, None)?;
                }
                back.flush()?;
            }
        }
        Ok(())
    }

    fn take_from_peer(&mut self, client: usize) -> io::Result<()> {
        let Client { address, back } = &self.clients[client];
        for index in 0..self.inbox.receive(&back.socket) {
            for data in self.inbox.datagrams(index) {
                self.front.push(&channel_header(data.len()), data, Some(*address))?;
            }
        }
        self.front.flush()
    }

    fn grant(&mut self, source: SocketAddrV4, response: &[u8], peer: Option<SocketAddr>) -> io::Result<()> {
        if let Some(peer) = peer.filter(|_| self.clients.len() < MAX_CLIENTS) {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(peer)?;
            let back = Outlet::new(socket, true)?;
            self.poll.add(&back, self.clients.len() + 1)?;
            self.known.insert(source, self.clients.len());
            self.clients.push(Client { address: source, back });
        }
        self.front.push(&[], response, Some(source))?;
        self.front.flush()
    }
}
