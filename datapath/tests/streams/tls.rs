//! TURN and HTTP by TLS, at one port.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sluice_datapath::command::Command;
use sluice_datapath::engine::controls::{Controls, Relayed};
use sluice_datapath::engine::{Engine, Options};
use sluice_datapath::event::Event;
use sluice_datapath::packet::framing::Framing;
use sluice_datapath::path::{Carrier, Path};

use crate::support::{
    connect, counter, event, eventually, options, plain_request, send_dtls, start, wait_for_end, Framed, User, PATIENCE,
};

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost`, and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn install(&self, engine: &Engine) {
        engine.set_certificate(self.certificate.as_bytes(), self.key.as_bytes()).unwrap();
    }

    /// A client that trusts it alone, and offers these protocols.
    fn client(&self, server: SocketAddr, protocols: &[&str]) -> io::Result<TlsStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut stream = StreamOwned::new(session, connect(server));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    fn turn(&self, engine: &Engine) -> Framed<TlsStream> {
        Framed::new(self.client(engine.tls_addresses()[0], &["stun.turn"]).unwrap(), Framing::Turn)
    }
}

fn tls_options() -> Options {
    Options { tls: vec!["127.0.0.1:0".parse().unwrap()], ..options() }
}

fn served() -> (Engine, Identity) {
    let (engine, identity) = (start(tls_options()), Identity::new());
    identity.install(&engine);
    (engine, identity)
}

fn request(engine: &Engine) -> (Path, Vec<u8>) {
    event(engine, "a request", |event| match event {
        Event::StunReceived { path, data } => Some((path, data)),
        _ => None,
    })
}

/// The application's end of an HTTP connection, and the client's address.
fn http(engine: &Engine) -> (UnixStream, SocketAddr) {
    event(engine, "HTTP", |event| match event {
        Event::HttpAccepted { remote, end, .. } => {
            let stream = UnixStream::from(end.0.as_fd().try_clone_to_owned().unwrap());
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            Some((stream, remote))
        }
        _ => None,
    })
}

fn read_text(stream: &mut impl Read, len: usize) -> String {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_protocol_is_the_one_agreed_on_or_shows_by_the_first_byte() {
    let (engine, identity) = served();
    let server = engine.tls_addresses()[0];
    for protocols in [&["stun.turn"][..], &[], &["http/1.1", "stun.turn"]] {
        let mut client = Framed::new(identity.client(server, protocols).unwrap(), Framing::Turn);
        client.send(&plain_request(1));
        let (path, data) = request(&engine);
        assert_eq!((path.local, path.remote), (server, client.stream.sock.local_addr().unwrap()));
        assert!(matches!(path.carrier, Carrier::Tls(_)));
        assert_eq!(data, plain_request(1));
        engine.submit(Command::SendStun { path, data: data.clone() }).unwrap();
        assert_eq!(client.receive().unwrap(), data);
        drop(client);
        let stream = path.carrier.stream().unwrap();
        let ended = |event| matches!(event, Event::StreamClosed { stream: ended } if ended == stream).then_some(());
        event(&engine, "the end", ended);
    }
    for protocols in [&["h2", "http/1.1"][..], &[]] {
        let mut client = identity.client(server, protocols).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let (mut application, remote) = http(&engine);
        assert_eq!(remote, client.sock.local_addr().unwrap());
        assert_eq!(read_text(&mut application, 18), "GET / HTTP/1.1\r\n\r\n");
        application.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        assert_eq!(read_text(&mut client, 27), "HTTP/1.1 204 No Content\r\n\r\n");
    }
    assert!(identity.client(server, &["h2"]).is_err(), "nothing in common");
    let mut client = identity.client(server, &[]).unwrap();
    client.write_all(&[22, 254, 253]).unwrap();
    wait_for_end(&mut client);
    eventually("what was nothing is counted", || counter(&engine, "streams_ended_garbage") >= 1);
}

#[test]
fn media_by_tls_is_relayed_to_its_transport() {
    use sluice_datapath::command::{Reach, RelayChange};

    let (engine, identity) = served();
    let own = engine.local_addresses()[0];
    engine.change_relays(RelayChange::OwnAddresses(vec![own])).unwrap();
    let relayed = "127.0.0.1:1".parse().unwrap();
    let mut client = identity.turn(&engine);
    client.send(&plain_request(1));
    let (path, _) = request(&engine);
    let relay = engine.add_relay(path, vec![Relayed::Virtual(relayed)], 0).unwrap();
    engine.change_relays(RelayChange::Permit { id: relay, peer: own.ip(), reach: Reach::Inside }).unwrap();
    engine.change_relays(RelayChange::BindChannel { id: relay, channel: 0x4001, peer: own }).unwrap();
    let channel = |data: &[u8]| {
        let len = u16::try_from(data.len()).unwrap().to_be_bytes();
        [&[0x40, 1], &len[..], data].concat()
    };
    let user = User::add(&engine);
    client.send(&channel(&user.check(1)));
    assert_eq!(user.verify(&client.receive().unwrap()[4..]), relayed);
    let datagrams: Vec<Vec<u8>> = (0..50).map(|number| [22, number].repeat(600)).collect();
    for datagram in &datagrams {
        send_dtls(&engine, user.id, datagram);
    }
    for datagram in &datagrams {
        assert_eq!(client.receive().unwrap(), channel(datagram));
    }
}

#[test]
fn a_new_certificate_is_for_new_connections() {
    let engine = start(tls_options());
    let server = engine.tls_addresses()[0];
    let (first, second) = (Identity::new(), Identity::new());
    wait_for_end(&mut connect(server));
    eventually("without a certificate nobody is let in", || counter(&engine, "streams_refused_no_certificate") == 1);
    first.install(&engine);
    let mut before = first.turn(&engine);
    before.send(&plain_request(1));
    let (path, _) = request(&engine);
    for (certificate, key, reason) in [
        ("", first.key.as_str(), "certificate: no CERTIFICATE"),
        (first.certificate.as_str(), "", "key: "),
        (first.certificate.as_str(), second.key.as_str(), "certificate and key: "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", first.key.as_str(), "certificate and key: "),
    ] {
        let error = engine.set_certificate(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
    first.turn(&engine);
    second.install(&engine);
    assert!(first.client(server, &[]).is_err(), "the old one is not shown any more");
    second.turn(&engine);
    engine.submit(Command::SendStun { path, data: plain_request(1) }).unwrap();
    assert_eq!(before.receive().unwrap(), plain_request(1));
}

#[test]
fn a_download_waits_for_its_reader_and_ends_with_its_last_byte() {
    const SIZE: usize = 8 << 20;
    let (engine, identity) = served();
    let mut client = identity.client(engine.tls_addresses()[0], &["http/1.1"]).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let (application, _) = http(&engine);
    application.set_nonblocking(true).unwrap();
    let body: Vec<u8> = (0..SIZE).map(|index| (index / 1000) as u8).collect();
    let mut sent = 0;
    let mut stuck_at = usize::MAX;
    eventually("the application has to wait", || {
        stuck_at = sent;
        while let Ok(len) = (&application).write(&body[sent..]) {
            sent += len;
        }
        sent == stuck_at
    });
    assert!(sent < SIZE, "it must not be taken in as a whole");
    application.set_nonblocking(false).unwrap();
    let writer = std::thread::spawn(move || (&application).write_all(&body[sent..]).map(|()| body));
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert!(received == writer.join().unwrap().unwrap());
}

#[test]
fn an_upload_waits_for_the_application_and_ends_for_it_when_the_client_has_said_all() {
    let (engine, identity) = served();
    let mut client = identity.client(engine.tls_addresses()[0], &["http/1.1"]).unwrap();
    client.write_all(b"PUT ").unwrap();
    let (mut application, _) = http(&engine);
    let body: Vec<u8> = (0..4 << 20).map(|index: usize| (index / 1000) as u8).collect();
    let copy = body.clone();
    let writer = std::thread::spawn(move || {
        client.write_all(&copy).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        client.sock.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer
    });
    let mut received = Vec::new();
    application.read_to_end(&mut received).unwrap();
    assert!(received[..4] == *b"PUT " && received[4..] == body);
    application.write_all(b"thanks").unwrap();
    drop(application);
    assert_eq!(writer.join().unwrap(), b"thanks");
}

#[test]
fn garbage_and_half_a_handshake_are_no_harm() {
    use sluice_datapath::net::stream::reception::StreamLimits;

    let streams = StreamLimits { opening: core::time::Duration::from_millis(300), ..StreamLimits::default() };
    let engine = start(Options { streams, ..tls_options() });
    let identity = Identity::new();
    identity.install(&engine);
    let server = engine.tls_addresses()[0];
    let mut garbage = connect(server);
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    wait_for_end(&mut garbage);
    eventually("it is counted", || counter(&engine, "streams_ended_garbage") == 1);
    let mut half = connect(server);
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).unwrap();
    let mut done = identity.client(server, &["http/1.1"]).unwrap();
    wait_for_end(&mut half);
    wait_for_end(&mut done);
    eventually("both are counted", || counter(&engine, "streams_ended_timeout") == 2);
    identity.turn(&engine);
}

#[test]
fn a_client_that_stops_reading_is_dropped_also_within_tls() {
    use sluice_datapath::net::stream::reception::StreamLimits;

    let streams = StreamLimits { stuck: core::time::Duration::from_millis(300), ..StreamLimits::default() };
    let engine = start(Options { streams, ..tls_options() });
    let identity = Identity::new();
    identity.install(&engine);
    let mut client = identity.turn(&engine);
    client.send(&plain_request(1));
    let (path, _) = request(&engine);
    let mut answer = plain_request(2);
    answer[2..4].copy_from_slice(&1024u16.to_be_bytes());
    answer.resize(20 + 1024, 0);
    eventually("messages are dropped", || {
        for _ in 0..100 {
            engine.submit(Command::SendStun { path, data: answer.clone() }).unwrap();
        }
        counter(&engine, "dropped_stream_full") > 0
    });
    eventually("it is sent away", || counter(&engine, "streams_ended_stuck") == 1);
}
