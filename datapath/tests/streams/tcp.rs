//! ICE and TURN by TCP.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};

use sluice_datapath::command::{Command, Reach, RelayChange};
use sluice_datapath::engine::controls::{Controls, Relayed};
use sluice_datapath::engine::Engine;
use sluice_datapath::event::Event;
use sluice_datapath::packet::framing::Framing;
use sluice_datapath::path::{Carrier, Path};

use crate::common::{video_egress, video_track, viewer_extensions, vp8_packet, PROFILE};
use crate::support::{
    connect, counter, event, eventually, options, plain_request, send_dtls, start, wait_for_end, Framed, User, PATIENCE,
};

fn ice(engine: &Engine) -> Framed<TcpStream> {
    Framed::new(connect(engine.local_addresses()[0]), Framing::Ice)
}

fn turn(engine: &Engine) -> Framed<TcpStream> {
    Framed::new(connect(engine.local_addresses()[0]), Framing::Turn)
}

fn stun_received(event: Event) -> Option<(Path, Vec<u8>)> {
    match event {
        Event::StunReceived { path, data } => Some((path, data)),
        _ => None,
    }
}

#[test]
fn ice_over_tcp_reaches_its_transport_whichever_worker_has_the_connection() {
    let engine = start(options());
    for _ in 0..20 {
        let user = User::add(&engine);
        let mut client = ice(&engine);
        let address = client.stream.local_addr().unwrap();
        client.send(&user.check(1));
        assert_eq!(user.verify(&client.receive().unwrap()), address);
        let path = event(&engine, "ICE connects", |event| match event {
            Event::IceConnected { transport, path } if transport == user.id => Some(path),
            _ => None,
        });
        assert_eq!((path.local, path.remote), (engine.local_addresses()[0], address));
        assert!(matches!(path.carrier, Carrier::Tcp(_)));
        client.send(&[22, 254, 253, 1, 2, 3]);
        let data = event(&engine, "DTLS arrives", |event| match event {
            Event::DtlsReceived { transport, data } if transport == user.id => Some(data),
            _ => None,
        });
        assert_eq!(data, [22, 254, 253, 1, 2, 3]);
        for number in 0..3 {
            send_dtls(&engine, user.id, &[22, number]);
        }
        for number in 0..3 {
            assert_eq!(client.receive().unwrap(), [22, number]);
        }
    }
    eventually("some came to the other worker", || counter(&engine, "datagrams_rerouted") > 0);
    assert_eq!(counter(&engine, "panics"), 0);
}

#[test]
fn a_message_arrives_however_its_bytes_do() {
    let engine = start(options());
    let user = User::add(&engine);
    let mut client = ice(&engine);
    let bytes = [client.framed(&user.check(1)), client.framed(&[]), client.framed(&user.check(2))].concat();
    for byte in bytes {
        client.stream.write_all(&[byte]).unwrap();
    }
    for _ in 0..2 {
        user.verify(&client.receive().unwrap());
    }
}

#[test]
fn requests_go_up_answers_down_and_the_end_up_again() {
    let engine = start(options());
    let mut client = turn(&engine);
    client.send(&plain_request(1));
    client.send(&plain_request(2));
    let (path, data) = event(&engine, "a request", stun_received);
    assert_eq!((path.remote, data), (client.stream.local_addr().unwrap(), plain_request(1)));
    assert_eq!(event(&engine, "another", stun_received), (path, plain_request(2)));
    let mut answer = plain_request(1);
    answer[0] = 1;
    engine.submit(Command::SendStun { path, data: answer.clone() }).unwrap();
    assert_eq!(client.receive().unwrap(), answer);
    drop(client);
    let Some(stream) = path.carrier.stream() else { panic!("{path:?} is no connection") };
    let ended = |event| matches!(event, Event::StreamClosed { stream: ended } if ended == stream).then_some(());
    event(&engine, "the end", ended);
}

#[test]
fn python_is_told_the_end_of_those_it_knows_only() {
    let engine = start(options());
    let user = User::add(&engine);
    let mut silent = ice(&engine);
    silent.send(&user.check(1));
    user.verify(&silent.receive().unwrap());
    drop(silent);
    let mut known = turn(&engine);
    known.send(&plain_request(1));
    let (path, _) = event(&engine, "a request", stun_received);
    engine.close_stream(path.carrier.stream().unwrap()).unwrap();
    wait_for_end(&mut known.stream);
    let ended = |event| match event {
        Event::StreamClosed { stream } => Some(stream),
        _ => None,
    };
    assert_eq!(event(&engine, "an end", ended), path.carrier.stream().unwrap());
    assert!(engine.drain_events(9).into_iter().find_map(ended).is_none());
}

#[test]
fn what_was_to_be_sent_leaves_before_the_end() {
    let engine = start(options());
    let mut client = turn(&engine);
    client.send(&plain_request(1));
    let (path, data) = event(&engine, "a request", stun_received);
    engine.submit(Command::SendStun { path, data: data.clone() }).unwrap();
    engine.close_stream(path.carrier.stream().unwrap()).unwrap();
    assert_eq!(client.receive().unwrap(), data);
    wait_for_end(&mut client.stream);
    engine.submit(Command::SendStun { path, data }).unwrap();
    eventually("nobody is there", || counter(&engine, "dropped_stream_ended") == 1);
}

#[test]
fn a_transport_falls_back_to_another_path_when_its_connection_ends() {
    let engine = start(options());
    // Transports take turns among workers: one of two is on another worker than the connection.
    for _ in 0..4 {
        let user = User::add(&engine);
        let connected = |event| match event {
            Event::IceConnected { transport, path } if transport == user.id => Some(path),
            _ => None,
        };
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 2048];
        udp.send_to(&user.check(1), engine.local_addresses()[0]).unwrap();
        udp.recv(&mut buffer).unwrap();
        assert_eq!(event(&engine, "ICE by UDP", connected).carrier, Carrier::Udp);
        let mut tcp = ice(&engine);
        tcp.send(&user.check(2));
        user.verify(&tcp.receive().unwrap());
        assert!(matches!(event(&engine, "ICE by TCP", connected).carrier, Carrier::Tcp(_)));
        send_dtls(&engine, user.id, &[22, 1]);
        assert_eq!(tcp.receive().unwrap(), [22, 1]);
        drop(tcp);
        assert_eq!(event(&engine, "ICE by UDP again", connected).carrier, Carrier::Udp);
        send_dtls(&engine, user.id, &[22, 2]);
        let len = udp.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], [22, 2]);
    }
}

#[test]
fn media_goes_from_connection_to_connection() {
    use sluice_datapath::packet::rtp::Header;
    use sluice_datapath::packet::{classify, Class};
    use sluice_datapath::srtp::{Opener, Sealer};

    let engine = start(options());
    let keyed = |secret: u8| {
        let user = User::add_with(&engine, viewer_extensions());
        let key = vec![secret; PROFILE.key_len() + PROFILE.salt_len()];
        let command = Command::InstallKeys { id: user.id, profile: PROFILE, receive: key.clone(), send: key.clone() };
        engine.submit(command).unwrap();
        let mut client = ice(&engine);
        client.send(&user.check(1));
        user.verify(&client.receive().unwrap());
        (user, client, key)
    };
    let (publisher, mut from, key) = keyed(1);
    let sealer = Sealer::new(PROFILE, &key).unwrap();
    let track = engine.publish(publisher.id, video_track()).unwrap();
    let (viewer, mut to, key) = keyed(2);
    let mut opener = Opener::new(PROFILE, &key).unwrap();
    let egress = engine.subscribe(viewer.id, video_egress(1, false)).unwrap();
    let payload_types = vec![(96, (100, None))];
    engine.submit(Command::SetSource { egress, track: Some(track), payload_types, layer: None }).unwrap();
    // A keyframe that came before the viewer was known is not kept for it.
    to.stream.set_read_timeout(Some(core::time::Duration::from_millis(20))).unwrap();
    let mut marks = Vec::new();
    for sequence in 1..2000u16 {
        let mut packet = vp8_packet(0x1000, sequence, u32::from(sequence) * 3000, true, true, sequence);
        let header = Header::parse(&packet).unwrap();
        let len = packet.len();
        packet.resize(len + PROFILE.rtp_overhead(), 0);
        let len = sealer.seal_rtp(&mut packet, len, header.payload_offset, 0).unwrap();
        from.send(&packet[..len]);
        while let Ok(mut packet) = to.receive() {
            if classify(&packet) != Class::Rtp {
                continue;
            }
            let header = Header::parse(&packet).unwrap();
            let len = opener.open_rtp(&mut packet, &header).unwrap().len;
            assert!(len > header.payload_offset);
            marks.push(u16::from_be_bytes([packet[header.payload_offset + 5], packet[header.payload_offset + 6]]));
            break;
        }
        if marks.len() >= 20 {
            break;
        }
    }
    assert!(marks.len() >= 20 && marks.windows(2).all(|pair| pair[1] == pair[0] + 1), "{marks:?}");
}

#[test]
fn garbage_ends_the_connection() {
    let engine = start(options());
    let messages = turn(&engine).framed(&plain_request(1));
    for garbage in
        [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3], [messages, vec![0x80; 20]].concat()]
    {
        let mut stream = connect(engine.local_addresses()[0]);
        stream.write_all(&garbage).unwrap();
        wait_for_end(&mut stream);
    }
    eventually("they are counted", || counter(&engine, "streams_ended_garbage") == 3);
}

#[test]
fn a_channel_message_goes_to_its_allocation_and_back() {
    let engine = start(options());
    let own = engine.local_addresses()[0];
    engine.change_relays(RelayChange::OwnAddresses(vec![own])).unwrap();
    let mut client = turn(&engine);
    client.send(&plain_request(1));
    let (path, _) = event(&engine, "a request", stun_received);
    let relayed = "127.0.0.1:1".parse().unwrap();
    let relay = engine.add_relay(path, vec![Relayed::Virtual(relayed)], 0).unwrap();
    engine.change_relays(RelayChange::Permit { id: relay, peer: own.ip(), reach: Reach::Inside }).unwrap();
    engine.change_relays(RelayChange::BindChannel { id: relay, channel: 0x4001, peer: own }).unwrap();
    let user = User::add(&engine);
    let check = user.check(1);
    let mut message = vec![0x40, 1];
    message.extend_from_slice(&u16::try_from(check.len()).unwrap().to_be_bytes());
    message.extend_from_slice(&check);
    client.send(&message);
    let answer = client.receive().unwrap();
    assert_eq!(answer[..2], [0x40, 1]);
    assert_eq!(user.verify(&answer[4..]), relayed);
}
