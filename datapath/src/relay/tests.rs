use super::*;
use crate::command::RelayedAddress;
use crate::packet::stun::indication::write_data;

const NOW: Instant = Instant::from_micros(1_000_000);
const OWN: &str = "192.0.2.1:3478";
const STRANGER: &str = "203.0.113.9:9000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client(number: u8) -> Path {
    Path::udp(address(OWN), ([198, 51, 100, number], 4000).into())
}

fn relayed(number: u8) -> SocketAddr {
    ([192, 0, 2, 1], 50_000 + u16::from(number)).into()
}

/// Allocations 1 to `count`, each with a relayed address, on a socket or not.
fn table(count: u8, has_socket: bool) -> Relays {
    let mut relays = Relays::default();
    for number in 1..=count {
        add(&mut relays, number, client(number), has_socket);
    }
    assert!(relays.change(RelayChange::OwnAddresses(vec![address(OWN)])));
    relays
}

fn add(relays: &mut Relays, number: u8, client: Path, has_socket: bool) {
    let relayed = vec![RelayedAddress { address: relayed(number), has_socket }];
    let id = RelayId(u32::from(number));
    assert!(relays.change(RelayChange::Add { id, client, relayed, max_bytes_per_second: 0 }));
}

fn permit(relays: &mut Relays, number: u32, peer: &str) {
    permit_reach(relays, number, peer, Reach::Anywhere);
}

fn permit_reach(relays: &mut Relays, number: u32, peer: &str, reach: Reach) {
    assert!(relays.change(RelayChange::Permit { id: RelayId(number), peer: peer.parse().unwrap(), reach }));
}

fn bind(relays: &mut Relays, number: u32, channel: u16, peer: SocketAddr) {
    assert!(relays.change(RelayChange::BindChannel { id: RelayId(number), channel, peer }));
}

fn channel_data(channel: u16, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(channel_data::write(&mut out, channel, |out| {
        out.extend_from_slice(data);
        true
    }));
    out
}

fn send_indication(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(write_data(&mut out, [9; 12], peer, |out| {
        out.extend_from_slice(data);
        true
    }));
    out[1] = 0x16;
    out
}

fn dropped(relays: &Relays) -> Vec<(&'static str, u64)> {
    relays.counters().iter().filter(|(name, count)| name.starts_with("dropped") && *count > 0).collect()
}

#[test]
fn our_own_media_port_is_inside() {
    let mut relays = table(1, false);
    permit(&mut relays, 1, "192.0.2.1");
    bind(&mut relays, 1, 0x4000, address(OWN));
    let inner = Path { local: address(OWN), remote: relayed(1), carrier: Carrier::Relay(RelayId(1)) };
    for datagram in [channel_data(0x4000, b"data"), send_indication(address(OWN), b"data")] {
        let outward = relays.from_client(NOW, &client(1), &datagram).unwrap();
        assert_eq!((outward.to, &datagram[outward.data]), (Destination::Inside(inner), &b"data"[..]));
    }
    assert_eq!(dropped(&relays), []);
}

#[test]
fn another_peer_needs_a_socket() {
    for has_socket in [false, true] {
        let mut relays = table(1, has_socket);
        permit(&mut relays, 1, "203.0.113.9");
        let outward = relays.from_client(NOW, &client(1), &send_indication(address(STRANGER), b"data"));
        let out = Path { local: relayed(1), remote: address(STRANGER), carrier: Carrier::RelaySocket(RelayId(1)) };
        assert_eq!(outward.map(|outward| outward.to), has_socket.then_some(Destination::Peer(out)));
        let unreachable = if has_socket { vec![] } else { vec![("dropped_relay_unreachable", 1)] };
        assert_eq!(dropped(&relays), unreachable);
    }
}

#[test]
fn a_permission_for_what_is_inside_opens_no_other_port_of_that_address() {
    let mut relays = table(2, true);
    for number in [1, 2] {
        permit_reach(&mut relays, number, "192.0.2.1", Reach::Inside);
    }
    let mut to = |peer| relays.from_client(NOW, &client(1), &send_indication(peer, b"data")).map(|outward| outward.to);
    assert!(matches!(to(address(OWN)), Some(Destination::Inside(_))));
    assert_eq!(to(relayed(2)), Some(Destination::Client(RelayId(2), relayed(1))));
    assert_eq!(to(address("192.0.2.1:22")), None);
    let mut batch = SendBatch::new();
    relays.deliver(NOW, RelayId(2), relayed(1), b"data", &mut batch);
    relays.from_peer(NOW, RelayId(2), relayed(1), b"data", &mut batch);
    assert_eq!(batch.datagrams().len(), 1, "nobody outside speaks for what is inside");
    assert_eq!(dropped(&relays), [("dropped_relay_not_permitted", 1), ("dropped_relay_unreachable", 1)]);
}

#[test]
fn what_may_not_pass_is_counted_by_its_reason() {
    let mut relays = table(1, true);
    bind(&mut relays, 1, 0x4000, address(STRANGER));
    for (path, datagram, reason) in [
        (client(2), channel_data(0x4000, b"data"), "dropped_relay_unknown"),
        (client(1), channel_data(0x4001, b"data"), "dropped_relay_unbound_channel"),
        (client(1), channel_data(0x4000, b"data"), "dropped_relay_not_permitted"),
        (client(1), send_indication(address(STRANGER), b"data"), "dropped_relay_not_permitted"),
        (client(1), vec![0x40, 0, 0, 9], "dropped_relay_malformed"),
    ] {
        let before = dropped(&relays).iter().find(|(name, _)| *name == reason).map_or(0, |(_, count)| *count);
        assert_eq!(relays.from_client(NOW, &path, &datagram), None);
        assert!(dropped(&relays).contains(&(reason, before + 1)), "{reason}");
    }
    assert_eq!(relays.stats().next().unwrap().dropped, 4);
}

#[test]
fn a_peer_of_a_family_without_a_relayed_address_is_unreachable() {
    let mut relays = table(1, true);
    permit(&mut relays, 1, "2001:db8::1");
    assert_eq!(relays.from_client(NOW, &client(1), &send_indication(address("[2001:db8::1]:9"), b"data")), None);
    assert_eq!(dropped(&relays), [("dropped_relay_unreachable", 1)]);
}

#[test]
fn clients_of_two_allocations_reach_each_other_if_both_permit_it() {
    let mut relays = table(2, false);
    permit(&mut relays, 1, "192.0.2.1");
    let outward = relays.from_client(NOW, &client(1), &send_indication(relayed(2), b"data")).unwrap();
    assert_eq!(outward.to, Destination::Client(RelayId(2), relayed(1)));
    let mut batch = SendBatch::new();
    relays.deliver(NOW, RelayId(2), relayed(1), b"data", &mut batch);
    assert!(batch.is_empty());
    assert_eq!(dropped(&relays), [("dropped_relay_not_permitted", 1)]);
    permit(&mut relays, 2, "192.0.2.1");
    relays.deliver(NOW, RelayId(2), relayed(1), b"data", &mut batch);
    let (path, message) = batch.iter().next().unwrap();
    assert_eq!((path, &message[..2], &message[message.len() - 4..]), (client(2), &[0x00, 0x17][..], &b"data"[..]));
}

#[test]
fn data_goes_to_the_client_by_channel_where_one_is_bound() {
    let mut relays = table(1, true);
    permit(&mut relays, 1, "203.0.113.9");
    bind(&mut relays, 1, 0x4007, address(STRANGER));
    let mut batch = SendBatch::new();
    for data in [&b"data"[..], b"", b"more"] {
        relays.from_peer(NOW, RelayId(1), address(STRANGER), data, &mut batch);
    }
    let sent: Vec<_> = batch.iter().map(|(path, message)| (path, message.to_vec())).collect();
    let expected = [&b"data"[..], b"", b"more"].map(|data| (client(1), channel_data(0x4007, data)));
    assert_eq!(sent, expected);
}

#[test]
fn a_limit_holds_for_each_direction() {
    let mut relays = Relays::default();
    let relayed = vec![RelayedAddress { address: relayed(1), has_socket: true }];
    let id = RelayId(1);
    relays.change(RelayChange::Add { id, client: client(1), relayed, max_bytes_per_second: 1000 });
    permit(&mut relays, 1, "203.0.113.9");
    let datagram = send_indication(address(STRANGER), &[0; 1024]);
    let passed = (0..100).filter(|_| relays.from_client(NOW, &client(1), &datagram).is_some()).count();
    let mut batch = SendBatch::new();
    for _ in 0..100 {
        relays.from_peer(NOW, id, address(STRANGER), &[0; 1024], &mut batch);
    }
    assert_eq!((passed, batch.datagrams().len()), (64, 64));
    assert_eq!(dropped(&relays), [("dropped_relay_over_limit", 72)]);
    let stats = relays.stats().next().unwrap();
    assert_eq!((stats.packets_received, stats.bytes_sent, stats.dropped), (64, 65_536, 72));
}

#[test]
fn icmp_errors_of_permitted_peers_are_told_in_indications() {
    let mut relays = table(1, true);
    let mut batch = SendBatch::new();
    let error = IcmpError { kind: 3, code: 3, data: 0 };
    relays.report_icmp(RelayId(1), address(STRANGER), error, &mut batch);
    permit(&mut relays, 1, "203.0.113.9");
    bind(&mut relays, 1, 0x4007, address(STRANGER));
    relays.report_icmp(RelayId(1), address(STRANGER), IcmpError { kind: 5, ..error }, &mut batch);
    assert!(batch.is_empty());
    assert_eq!(dropped(&relays), [("dropped_relay_not_permitted", 1), ("dropped_relay_icmp", 1)]);
    relays.report_icmp(RelayId(1), address(STRANGER), error, &mut batch);
    let (path, message) = batch.iter().next().unwrap();
    assert_eq!((path, &message[32..]), (client(1), &[0x80, 0x04, 0, 8, 0, 0, 0x06, 0x03, 0, 0, 0, 0][..]));
}

#[test]
fn a_moved_client_is_known_by_its_new_path_only() {
    let mut relays = table(1, false);
    permit(&mut relays, 1, "192.0.2.1");
    assert!(relays.change(RelayChange::Move { id: RelayId(1), client: client(7) }));
    let datagram = send_indication(address(OWN), b"data");
    assert!(relays.from_client(NOW, &client(1), &datagram).is_none());
    assert!(relays.from_client(NOW, &client(7), &datagram).is_some());
    let mut batch = SendBatch::new();
    relays.deliver(NOW, RelayId(1), address(OWN), b"data", &mut batch);
    assert_eq!(batch.datagrams()[0].path, client(7));
}

#[test]
fn whoever_has_a_path_or_an_address_last_keeps_it_when_the_other_goes() {
    let mut relays = table(1, false);
    add(&mut relays, 2, client(1), false);
    let same = vec![RelayedAddress { address: relayed(1), has_socket: false }];
    relays.change(RelayChange::Add { id: RelayId(3), client: client(3), relayed: same, max_bytes_per_second: 0 });
    assert!(relays.change(RelayChange::Remove { id: RelayId(1) }));
    for id in [2, 3] {
        permit(&mut relays, id, "192.0.2.1");
    }
    let to = |relays: &mut Relays, path: &Path, peer| {
        relays.from_client(NOW, path, &send_indication(peer, b"data")).map(|outward| outward.to)
    };
    assert_eq!(to(&mut relays, &client(1), relayed(1)), Some(Destination::Client(RelayId(3), relayed(2))));
    for id in [2, 3] {
        assert!(relays.change(RelayChange::Remove { id: RelayId(id) }));
    }
    assert!(relays.is_empty());
}

#[test]
fn nobody_inside_a_relay_is_its_client() {
    let mut relays = table(1, false);
    for carrier in [Carrier::Relay(RelayId(1)), Carrier::RelaySocket(RelayId(1))] {
        let client = Path { carrier, ..client(1) };
        let add = RelayChange::Add { id: RelayId(2), client, relayed: vec![], max_bytes_per_second: 0 };
        assert!(!relays.change(add) && !relays.change(RelayChange::Move { id: RelayId(1), client }));
    }
    assert_eq!(relays.stats().count(), 1);
}

#[test]
fn changes_to_what_is_gone_change_nothing() {
    let mut relays = table(1, false);
    let (id, peer) = (RelayId(9), address(STRANGER));
    for change in [
        RelayChange::Move { id, client: client(9) },
        RelayChange::Remove { id },
        RelayChange::Permit { id, peer: peer.ip(), reach: Reach::Anywhere },
        RelayChange::Forbid { id, peer: peer.ip() },
        RelayChange::BindChannel { id, channel: 0x4000, peer },
        RelayChange::UnbindChannel { id, channel: 0x4000 },
    ] {
        assert!(!relays.change(change));
    }
    assert!(relays.change(RelayChange::Remove { id: RelayId(1) }));
    assert!(relays.is_empty());
}
