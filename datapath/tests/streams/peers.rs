//! TCP allocations: connections with peers (RFC 6062).

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use sluice_datapath::command::{Command, Reach, RelayChange};
use sluice_datapath::engine::controls::{Controls, Relayed};
use sluice_datapath::engine::Engine;
use sluice_datapath::event::Event;
use sluice_datapath::ids::{ConnectionId, RelayId, StreamId};
use sluice_datapath::net::sys::tcp;
use sluice_datapath::packet::framing::Framing;
use sluice_datapath::path::Path;

use crate::support::{
    connect, counter, event, eventually, options, plain_request, start, wait_for_end, Framed, PATIENCE,
};

const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn client(engine: &Engine) -> (Framed<TcpStream>, Path) {
    let mut client = Framed::new(connect(engine.local_addresses()[0]), Framing::Turn);
    client.send(&plain_request(1));
    let path = event(engine, "a request", |event| match event {
        Event::StunReceived { path, .. } => Some(path),
        _ => None,
    });
    (client, path)
}

/// An allocation, its relayed address, and its client's first connection.
fn allocation(engine: &Engine) -> (RelayId, SocketAddr, Framed<TcpStream>) {
    let (control, path) = client(engine);
    let listener = tcp::listen("127.0.0.1:0".parse().unwrap(), true).unwrap();
    let address = listener.local_addr().unwrap();
    let relay = engine.add_relay(path, vec![Relayed::Listening(address, listener)], 0).unwrap();
    engine.change_relays(RelayChange::Permit { id: relay, peer: LOCALHOST, reach: Reach::Anywhere }).unwrap();
    (relay, address, control)
}

fn failed(event: Event) -> Option<ConnectionId> {
    match event {
        Event::PeerFailed { connection, .. } => Some(connection),
        _ => None,
    }
}

fn closed(event: Event) -> Option<StreamId> {
    match event {
        Event::StreamClosed { stream } => Some(stream),
        _ => None,
    }
}

fn arrived(event: Event) -> Option<(RelayId, ConnectionId, SocketAddr)> {
    match event {
        Event::PeerArrived { relay, connection, peer } => Some((relay, connection, peer)),
        _ => None,
    }
}

/// A connection of the allocation with a peer, as both have it.
fn connected(engine: &Engine, relay: RelayId) -> (ConnectionId, TcpStream, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = engine.connect_peer(relay, address).unwrap();
    let connection = event(engine, "a peer answers", |event| match event {
        Event::PeerConnected { relay: of, connection, peer } => {
            assert_eq!((of, peer), (relay, address));
            Some(connection)
        }
        _ => None,
    });
    assert_eq!(connection, asked);
    let (peer, from) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    (connection, peer, from)
}

#[test]
fn a_client_and_a_peer_become_one_connection_on_whichever_workers_they_are() {
    let engine = start(options());
    for _ in 0..10 {
        let (relay, relayed, _control) = allocation(&engine);
        let (connection, mut peer, from) = connected(&engine, relay);
        assert_eq!(from, relayed, "it comes from the relayed address");
        peer.write_all(b"early").unwrap();
        let (mut data, path) = client(&engine);
        let mut answer = plain_request(9);
        answer[0] = 1;
        engine.submit(Command::SendStun { path, data: answer.clone() }).unwrap();
        engine.join_peer(connection, path.carrier.stream().unwrap()).unwrap();
        let mut first = [0; 20];
        data.stream.read_exact(&mut first).unwrap();
        assert_eq!(first, answer[..], "the answer comes first");
        let mut bytes = [0; 5];
        data.stream.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"early");
        data.stream.write_all(&[0xff; 5]).unwrap();
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [0xff; 5]);
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        wait_for_end(&mut data.stream);
        data.stream.write_all(b"later").unwrap();
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"later");
        drop(data);
        assert_eq!(event(&engine, "the end", closed), path.carrier.stream().unwrap());
        wait_for_end(&mut peer);
        engine.remove_relay(relay).unwrap();
    }
}

#[test]
fn a_peer_that_is_permitted_arrives_and_no_other() {
    let engine = start(options());
    let (relay, relayed, _control) = allocation(&engine);
    let mut peer = connect(relayed);
    let (of, connection, address) = event(&engine, "a peer arrives", arrived);
    assert_eq!((of, address), (relay, peer.local_addr().unwrap()));
    let (mut data, path) = client(&engine);
    engine.join_peer(connection, path.carrier.stream().unwrap()).unwrap();
    peer.write_all(b"hello").unwrap();
    let mut bytes = [0; 5];
    data.stream.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    for reach in [None, Some(Reach::Inside)] {
        engine.change_relays(RelayChange::Forbid { id: relay, peer: LOCALHOST }).unwrap();
        if let Some(reach) = reach {
            engine.change_relays(RelayChange::Permit { id: relay, peer: LOCALHOST, reach }).unwrap();
        }
        wait_for_end(&mut connect(relayed));
    }
    eventually("they are counted", || counter(&engine, "peers_refused") == 2);
    assert!(engine.drain_events(9).into_iter().find_map(arrived).is_none());
}

#[test]
fn what_cannot_be_reached_has_failed() {
    let engine = start(options());
    let (relay, _, _control) = allocation(&engine);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let connection = engine.connect_peer(relay, nobody).unwrap();
    assert_eq!(event(&engine, "nobody listens", failed), connection);
    let connection = engine.connect_peer(relay, "[::1]:9".parse().unwrap()).unwrap();
    assert_eq!(event(&engine, "no address of that family", failed), connection);
    let connection = engine.connect_peer(RelayId(relay.0 + 1), nobody).unwrap();
    assert_eq!(event(&engine, "no such allocation", failed), connection);
    let (connection, peer, _) = connected(&engine, relay);
    // Its end is a reset.
    tcp::forget_unsent(&peer).unwrap();
    drop(peer);
    assert_eq!(event(&engine, "it is gone before anybody came", failed), connection);
}

#[test]
fn closing_ends_a_peers_connection_before_and_after_it_is_joined() {
    let engine = start(options());
    for joined in [false, true, true, true, true] {
        let (relay, _, _control) = allocation(&engine);
        let (connection, mut peer, _) = connected(&engine, relay);
        let (mut data, path) = client(&engine);
        if joined {
            engine.join_peer(connection, path.carrier.stream().unwrap()).unwrap();
        }
        engine.close_peer(connection).unwrap();
        wait_for_end(&mut peer);
        if joined {
            wait_for_end(&mut data.stream);
            assert_eq!(event(&engine, "the end", closed), path.carrier.stream().unwrap());
        }
    }
}

#[test]
fn all_connections_end_with_their_allocation() {
    let engine = start(options());
    let (relay, relayed, _control) = allocation(&engine);
    let (connection, mut joined, _) = connected(&engine, relay);
    let (mut data, path) = client(&engine);
    engine.join_peer(connection, path.carrier.stream().unwrap()).unwrap();
    joined.write_all(b"x").unwrap();
    data.stream.read_exact(&mut [0]).unwrap();
    let (_, mut waiting, _) = connected(&engine, relay);
    engine.remove_relay(relay).unwrap();
    for stream in [&mut joined, &mut waiting, &mut data.stream] {
        wait_for_end(stream);
    }
    eventually("nobody listens", || TcpStream::connect_timeout(&relayed, Duration::from_secs(1)).is_err());
}

#[test]
fn a_fast_peer_waits_for_a_slow_client() {
    const SIZE: usize = 8 << 20;
    let engine = start(options());
    let (relay, _, _control) = allocation(&engine);
    let (connection, mut peer, _) = connected(&engine, relay);
    let body: Vec<u8> = (0..SIZE).map(|index| (index / 1000) as u8).collect();
    let copy = body.clone();
    let writer = std::thread::spawn(move || {
        peer.write_all(&copy).unwrap();
        drop(peer);
    });
    let (mut data, path) = client(&engine);
    engine.join_peer(connection, path.carrier.stream().unwrap()).unwrap();
    let mut received = Vec::new();
    data.stream.read_to_end(&mut received).unwrap();
    assert!(received == body);
    writer.join().unwrap();
}
