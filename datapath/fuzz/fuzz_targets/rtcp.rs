//! A compound is read to its end or to its first malformed packet, and no list in it is longer than its bytes allow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::packet::rtcp::{self, Packet};

fuzz_target!(|compound: &[u8]| {
    let mut failed = false;
    for packet in rtcp::parse(compound) {
        assert!(!failed, "iteration went on after a malformed packet");
        match packet {
            Err(_) => failed = true,
            Ok(packet) => check(packet, compound.len()),
        }
    }
});

fn check(packet: Packet<'_>, len: usize) {
    match packet {
        Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => {
            let blocks: Vec<_> = reports.collect();
            assert!(blocks.len() <= rtcp::MAX_REPORTS && blocks.len() * 24 <= len);
            let mut out = Vec::new();
            rtcp::write_receiver_report(&mut out, 1, &blocks);
            let Some(Ok(Packet::ReceiverReport { reports, .. })) = rtcp::parse(&out).next() else {
                panic!("what is written can be read");
            };
            assert!(reports.eq(blocks));
        }
        Packet::Bye { ssrcs } | Packet::Remb { ssrcs, .. } => assert!(ssrcs.count() * 4 <= len),
        Packet::Nack { lost, .. } => assert!(lost.count() * 4 <= len * 17),
        Packet::Fir { targets } => assert!(targets.count() * 8 <= len),
        Packet::TransportFeedback(feedback) => {
            let (mut items, mut arrived) = (0, 0);
            for (_, arrival) in feedback.arrivals() {
                items += 1;
                arrived += usize::from(arrival.is_some());
            }
            assert!(items <= 65_535 && arrived <= len);
        }
        Packet::SourceDescription | Packet::Pli { .. } | Packet::Other { .. } => {}
    }
}
