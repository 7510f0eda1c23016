//! Connections by way of a proxy that tells whom it speaks for.

use std::io::Write;
use std::net::SocketAddr;

use sluice_datapath::engine::Options;
use sluice_datapath::event::Event;
use sluice_datapath::net::network::Network;
use sluice_datapath::net::stream::reception::StreamLimits;
use sluice_datapath::packet::framing::Framing;

use crate::support::{connect, counter, event, eventually, options, plain_request, start, wait_for_end, Framed};

fn header(source: &str, destination: &str) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    let addresses: [SocketAddr; 2] = [source.parse().unwrap(), destination.parse().unwrap()];
    for address in addresses {
        let SocketAddr::V4(address) = address else { panic!("an IPv4 address") };
        header.extend_from_slice(&address.ip().octets());
    }
    for address in addresses {
        header.extend_from_slice(&address.port().to_be_bytes());
    }
    header
}

fn behind(proxies: &str) -> Options {
    let streams = StreamLimits { per_source: 1, ..StreamLimits::default() };
    Options { proxies: vec![Network::parse(proxies).unwrap()], streams, ..options() }
}

#[test]
fn a_client_behind_a_proxy_is_known_by_its_own_address() {
    let engine = start(behind("127.0.0.0/8"));
    let server = engine.local_addresses()[0];
    let mut clients = Vec::new();
    for source in ["192.0.2.1:4000", "192.0.2.2:4000"] {
        let mut client = Framed::new(connect(server), Framing::Turn);
        let bytes = [header(source, "198.51.100.1:3478"), client.framed(&plain_request(1))].concat();
        for piece in bytes.chunks(9) {
            client.stream.write_all(piece).unwrap();
        }
        let path = event(&engine, "a request", |event| match event {
            Event::StunReceived { path, .. } => Some(path),
            _ => None,
        });
        assert_eq!((path.local, path.remote), ("198.51.100.1:3478".parse().unwrap(), source.parse().unwrap()));
        clients.push(client);
    }
    let mut third = connect(server);
    third.write_all(&header("192.0.2.1:4001", "198.51.100.1:3478")).unwrap();
    wait_for_end(&mut third);
    eventually("each counts for itself", || counter(&engine, "streams_refused") == 1);
}

#[test]
fn a_proxy_that_does_not_say_is_refused_and_so_is_a_header_from_anybody_else() {
    for (proxies, bytes) in [("127.0.0.1", plain_request(1)), ("192.0.2.0/24", header("192.0.2.1:1", "192.0.2.2:2"))] {
        let engine = start(behind(proxies));
        let mut client = connect(engine.local_addresses()[0]);
        client.write_all(&bytes).unwrap();
        wait_for_end(&mut client);
        eventually("it is counted", || counter(&engine, "streams_ended_garbage") == 1);
    }
}
