//! An engine that listens by TCP and TLS, and clients for it.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use sluice_datapath::command::Command;
use sluice_datapath::engine::controls::Controls;
use sluice_datapath::engine::{Engine, Options};
use sluice_datapath::event::Event;
use sluice_datapath::ice::Credentials;
use sluice_datapath::ids::TransportId;
use sluice_datapath::net::listen::BufferSizes;
use sluice_datapath::net::sys::WaitSet;
use sluice_datapath::packet::extensions::ExtensionMap;
use sluice_datapath::packet::framing::{Deframer, Framing};
use sluice_datapath::packet::stun;

/// Beyond this a test fails; nothing here takes a tenth of it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// By TCP and UDP at one port, with two workers.
pub fn options() -> Options {
    let buffers = BufferSizes { receive: 1 << 20, send: 1 << 20 };
    Options { workers: 2, event_capacity: 1024, buffers, tcp: true, ..Options::default() }
}

pub fn start(options: Options) -> Engine {
    Engine::start(&["127.0.0.1:0".parse().unwrap()], options).unwrap()
}

pub fn counter(engine: &Engine, name: &str) -> u64 {
    engine.counters().into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// Waits until `condition` holds, looking again every few milliseconds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        WaitSet::default().wait(Some(Duration::from_millis(5))).unwrap();
    }
}

/// Waits for an event that `choose` accepts; others are lost.
pub fn event<T>(engine: &Engine, what: &str, mut choose: impl FnMut(Event) -> Option<T>) -> T {
    let mut chosen = None;
    eventually(what, || {
        chosen = engine.drain_events(1).into_iter().find_map(&mut choose);
        chosen.is_some()
    });
    chosen.unwrap()
}

/// A byte stream with frames in it.
pub struct Framed<S> {
    pub stream: S,
    framing: Framing,
    deframer: Deframer,
    messages: std::collections::VecDeque<Vec<u8>>,
}

impl<S: Read + Write> Framed<S> {
    pub fn new(stream: S, framing: Framing) -> Self {
        Self { stream, framing, deframer: Deframer::new(framing), messages: Default::default() }
    }

    pub fn send(&mut self, message: &[u8]) {
        let bytes = self.framed(message);
        self.stream.write_all(&bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub fn framed(&self, message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(self.framing.write(message, &mut bytes));
        bytes
    }

    /// The next message; an error of kind UnexpectedEof: the other side has ended the connection.
    pub fn receive(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            let mut piece = [0; 4096];
            let len = self.stream.read(&mut piece)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut bytes = Vec::new();
            self.deframer.resume(&mut bytes);
            bytes.extend_from_slice(&piece[..len]);
            let messages = &mut self.messages;
            self.deframer.split(&bytes, 0, |range| messages.push_back(bytes[range].to_vec())).unwrap();
        }
    }
}

pub fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits for the other side to end the connection, whatever it still says.
pub fn wait_for_end(stream: &mut impl Read) {
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// ICE users are named after it.
static NEXT_USER: AtomicU32 = AtomicU32::new(1);

/// A transport of the engine, and what its client knows.
pub struct User {
    pub id: TransportId,
    pub ufrag: String,
    pub pwd: String,
}

impl User {
    pub fn add(engine: &Engine) -> Self {
        Self::add_with(engine, ExtensionMap::new([]))
    }

    pub fn add_with(engine: &Engine, extensions: ExtensionMap) -> Self {
        let number = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        let (ufrag, pwd) = (format!("user{number}"), format!("password-of-22-or-more-{number}"));
        let credentials = Credentials { ufrag: ufrag.clone(), pwd: pwd.clone(), remote_ufrag: "them".into() };
        let id = engine.add_transport(credentials, extensions).unwrap();
        Self { id, ufrag, pwd }
    }

    /// One that nominates its path.
    pub fn check(&self, priority: u32) -> Vec<u8> {
        let username = format!("{}:them", self.ufrag);
        let mut request = Vec::new();
        stun::write_binding_request(&mut request, [7; 12], &username, self.pwd.as_bytes(), priority, Some(9), true);
        request
    }

    /// The answer to a check, from which it returns the client's address.
    pub fn verify(&self, answer: &[u8]) -> SocketAddr {
        let answer = stun::Message::parse(answer).unwrap();
        assert!(answer.is_binding_success() && answer.integrity_valid(self.pwd.as_bytes()));
        answer.xor_mapped_address().unwrap()
    }
}

/// A Binding request without a user, which is for Python.
pub fn plain_request(transaction: u8) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.resize(20, transaction);
    request
}

pub fn send_dtls(engine: &Engine, id: TransportId, data: &[u8]) {
    engine.submit(Command::SendDtls { id, data: data.to_vec() }).unwrap();
}
