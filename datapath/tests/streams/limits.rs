//! Clients that take their time, take no answers, or come in numbers.

use core::time::Duration;
use std::io::Write;
use std::net::TcpStream;

use sluice_datapath::command::RelayChange;
use sluice_datapath::engine::controls::{Controls, Relayed};
use sluice_datapath::engine::Options;
use sluice_datapath::event::Event;
use sluice_datapath::net::stream::reception::StreamLimits;
use sluice_datapath::packet::framing::Framing;

use crate::support::{
    connect, counter, event, eventually, options, plain_request, send_dtls, start, wait_for_end, Framed, User, PATIENCE,
};

/// A fraction of a second where it is tens of seconds by default, and no end of all else.
fn limits() -> StreamLimits {
    StreamLimits { total: 4096, per_source: 4096, opening: PATIENCE * 9, idle: PATIENCE * 9, stuck: PATIENCE * 9 }
}

fn with(streams: StreamLimits) -> Options {
    Options { streams, ..options() }
}

#[test]
fn who_does_not_come_to_the_point_is_sent_away() {
    let engine = start(with(StreamLimits { opening: Duration::from_millis(200), ..limits() }));
    let mut silent = connect(engine.local_addresses()[0]);
    // Enough to see what is coming; it does not come.
    let mut half = connect(engine.local_addresses()[0]);
    half.write_all(&plain_request(0)[..9]).unwrap();
    let mut slow = connect(engine.local_addresses()[0]);
    let mut client = Framed::new(connect(engine.local_addresses()[0]), Framing::Turn);
    client.send(&plain_request(1));
    wait_for_end(&mut silent);
    wait_for_end(&mut half);
    let request = plain_request(2);
    let mut bytes = request.iter().take(7).cycle();
    slow.set_nodelay(true).unwrap();
    eventually("the slow one is sent away", || slow.write_all(&[*bytes.next().unwrap()]).is_err());
    eventually("all are counted", || {
        counter(&engine, "streams_ended_timeout") + counter(&engine, "streams_ended_garbage") == 3
    });
    client.send(&plain_request(3));
    let last = |event| matches!(event, Event::StunReceived { data, .. } if data == plain_request(3)).then_some(());
    event(&engine, "one that came to the point stays", last);
}

#[test]
fn who_has_nothing_to_say_is_sent_away_unless_it_has_an_allocation() {
    let engine = start(with(StreamLimits { idle: Duration::from_millis(300), ..limits() }));
    let mut clients: Vec<(Framed<TcpStream>, _)> = (0..2)
        .map(|number| {
            let mut client = Framed::new(connect(engine.local_addresses()[0]), Framing::Turn);
            client.send(&plain_request(number));
            let path = event(&engine, "a request", |event| match event {
                Event::StunReceived { path, .. } => Some(path),
                _ => None,
            });
            (client, path)
        })
        .collect();
    let relayed = "127.0.0.1:1".parse().unwrap();
    let relay = engine.add_relay(clients[0].1, vec![Relayed::Virtual(relayed)], 0).unwrap();
    wait_for_end(&mut clients[1].0.stream);
    eventually("it is counted", || counter(&engine, "streams_ended_timeout") == 1);
    clients[0].0.send(&plain_request(3));
    event(&engine, "the other is heard", |event| matches!(event, Event::StunReceived { .. }).then_some(()));
    engine.change_relays(RelayChange::Remove { id: relay }).unwrap();
    wait_for_end(&mut clients[0].0.stream);
}

#[test]
fn who_does_not_read_loses_messages_and_is_sent_away() {
    let engine = start(with(StreamLimits { stuck: Duration::from_millis(300), ..limits() }));
    let user = User::add(&engine);
    let mut stuck = Framed::new(connect(engine.local_addresses()[0]), Framing::Ice);
    stuck.send(&user.check(1));
    user.verify(&stuck.receive().unwrap());
    let other = User::add(&engine);
    let mut reader = Framed::new(connect(engine.local_addresses()[0]), Framing::Ice);
    reader.send(&other.check(1));
    other.verify(&reader.receive().unwrap());
    let mut datagram = vec![22; 1200];
    eventually("messages are dropped", || {
        for _ in 0..100 {
            send_dtls(&engine, user.id, &datagram);
        }
        counter(&engine, "dropped_stream_full") > 0
    });
    datagram[1] = 7;
    send_dtls(&engine, other.id, &datagram);
    assert_eq!(reader.receive().unwrap(), datagram);
    eventually("it is sent away", || counter(&engine, "streams_ended_stuck") == 1);
    // What it finds when it reads at last are whole messages to the end.
    while let Ok(message) = stuck.receive() {
        assert_eq!(message, [22; 1200]);
    }
}

#[test]
fn a_source_and_all_together_have_so_many_connections() {
    for streams in [StreamLimits { total: 3, ..limits() }, StreamLimits { per_source: 3, ..limits() }] {
        let engine = start(with(streams));
        let server = engine.local_addresses()[0];
        let mut clients: Vec<Framed<TcpStream>> = (0..3)
            .map(|number| {
                let mut client = Framed::new(connect(server), Framing::Turn);
                client.send(&plain_request(number));
                event(&engine, "a request", |event| matches!(event, Event::StunReceived { .. }).then_some(()));
                client
            })
            .collect();
        wait_for_end(&mut connect(server));
        eventually("one is refused", || counter(&engine, "streams_refused") == 1);
        clients.pop();
        let mut heard = None;
        eventually("there is room again", || {
            let mut client = Framed::new(connect(server), Framing::Turn);
            let bytes = client.framed(&plain_request(9));
            // It may be refused while we write.
            let _ = client.stream.write_all(&bytes);
            client.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let refused = client.receive().is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock);
            heard = (!refused).then_some(client);
            heard.is_some()
        });
    }
}
