//! The least that relaying can cost here: a process that takes ChannelData from clients and sends on what is in it, and
//! the other way round. It asks for no password and knows no permission, no limit and no time.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use crate::sys;

use super::requests::{channel_data, channel_header, granted};
use super::stun::Message;

/// Most clients; more get no answer.
const MAX_CLIENTS: usize = 1000;

/// Bytes of a socket's receive buffer.
const RECEIVE_BUFFER: i32 = 1 << 20;

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
    run: Run,
}

struct Client {
    address: SocketAddrV4,
    /// What the peer knows, connected to it.
    back: Outlet,
}

impl Bare {
    fn new(address: SocketAddr) -> io::Result<Self> {
        let front = Outlet { socket: UdpSocket::bind(address)?, segment: 0 };
        sys::set_receive_buffer(&front.socket, RECEIVE_BUFFER);
        let poll = sys::Poll::new(512)?;
        poll.add(&front.socket, 0)?;
        let (clients, known) = (Vec::new(), HashMap::new());
        Ok(Self { front, clients, known, poll, inbox: sys::Receiver::default(), run: Run::default() })
    }

    fn serve(&mut self, index: usize) -> io::Result<()> {
        match index.checked_sub(1) {
            None => self.take_from_clients(),
            Some(client) => self.take_from_peer(client),
        }
    }

    fn take_from_clients(&mut self) -> io::Result<()> {
        let mut last = 0;
        for index in 0..self.inbox.receive(&self.front.socket) {
            let source = self.inbox.source(index);
            let datagram = self.inbox.datagram(index);
            match (self.known.get(&source), channel_data(datagram)) {
                (Some(client), Some(data)) => {
                    if *client != last || !self.run.fits(data.len()) {
                        self.run.send(&mut self.clients[last].back, None)?;
                        last = *client;
                    }
                    self.run.push(&[], data);
                }
                _ => self.grant(index, source)?,
            }
        }
        match self.clients.get_mut(last) {
            Some(client) => self.run.send(&mut client.back, None),
            None => Ok(()),
        }
    }

    fn take_from_peer(&mut self, client: usize) -> io::Result<()> {
        let Client { address, back } = &self.clients[client];
        for index in 0..self.inbox.receive(&back.socket) {
            let data = self.inbox.datagram(index);
            if !self.run.fits(4 + data.len()) {
                self.run.send(&mut self.front, Some(*address))?;
            }
            self.run.push(&channel_header(data.len()), data);
        }
        self.run.send(&mut self.front, Some(*address))
    }

    /// Whatever it asks for; the peer is that of its channel.
    fn grant(&mut self, index: usize, source: SocketAddrV4) -> io::Result<()> {
        let Some(request) = Message::of(self.inbox.datagram(index)) else { return Ok(()) };
        let (response, peer) = granted(request);
        if let Some(peer) = peer.filter(|_| self.clients.len() < MAX_CLIENTS) {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(peer)?;
            sys::set_receive_buffer(&socket, RECEIVE_BUFFER);
            self.known.insert(source, self.clients.len());
            self.clients.push(Client { address: source, back: Outlet { socket, segment: 0 } });
            self.poll.add(&self.clients[self.clients.len() - 1].back.socket, self.clients.len())?;
        }
        self.front.socket.send_to(&response, source)?;
        Ok(())
    }
}

/// A socket that cuts what it sends into datagrams of this size; 0: into none.
struct Outlet {
    socket: UdpSocket,
    segment: usize,
}

/// Datagrams of one size that leave together.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    size: usize,
}

impl Run {
    fn fits(&self, size: usize) -> bool {
        self.bytes.is_empty() || self.size == size
    }

    fn push(&mut self, header: &[u8], data: &[u8]) {
        self.size = header.len() + data.len();
        self.bytes.extend(header);
        self.bytes.extend(data);
    }

    fn send(&mut self, outlet: &mut Outlet, to: Option<SocketAddrV4>) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if outlet.segment != self.size {
            sys::segment_sends(&outlet.socket, self.size)?;
            outlet.segment = self.size;
        }
        sys::send_batch(&outlet.socket, &[(&self.bytes, to.and_then(|to| sys::socket_address(to.into())))]);
        self.bytes.clear();
        Ok(())
    }
}
