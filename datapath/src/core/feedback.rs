//! What peers report and ask for in RTCP. Nothing a peer can put into one datagram may cost more than the bounds below.

use super::receive::count;
use super::Core;
use crate::egress::Outlet;
use crate::ids::TransportId;
use crate::message::Message;
use crate::packet::rtcp::{self, Packet};
use crate::time::Instant;

/// RTCP packets of one compound that are read: a peer with more to say sends another.
const MAX_RTCP_PACKETS: usize = 64;
/// Packets one compound can have sent again.
const MAX_RESENDS: usize = 128;

impl Core {
    pub(super) fn on_rtcp(&mut self, now: Instant, id: TransportId, datagram: &mut [u8]) {
        let Some(transport) = self.transports.get_mut(&id) else { return };
        let Some(keys) = &mut transport.keys else {
            self.counters.dropped_no_keys += 1;
            return transport.ice.attempts.on_media_dropped();
        };
        let len = match keys.opener.open_rtcp(datagram) {
            Ok(len) => len,
            Err(error) => {
                transport.ice.attempts.on_media_dropped();
                return count(&mut self.counters, error);
            }
        };
        self.counters.rtcp_received += 1;
        let mut resends = MAX_RESENDS;
        for packet in rtcp::parse(&datagram[..len]).take(MAX_RTCP_PACKETS) {
            match packet {
                Ok(packet) => self.on_rtcp_packet(now, id, &packet, &mut resends),
                Err(_) => self.counters.dropped_malformed += 1,
            }
        }
        self.service(now, id);
    }

    fn on_rtcp_packet(&mut self, now: Instant, id: TransportId, packet: &Packet<'_>, resends: &mut usize) {
        match packet {
            Packet::SenderReport { ssrc, ntp, rtp, reports, .. } => {
                self.on_sender_report(now, id, *ssrc, *ntp, *rtp);
                self.on_reports(now, id, reports.clone());
            }
            Packet::ReceiverReport { reports, .. } => self.on_reports(now, id, reports.clone()),
            Packet::Nack { media, lost, .. } => {
                let lost = lost.clone().take(*resends).inspect(|_| *resends -= 1);
                self.on_nack(now, id, *media, lost);
            }
            Packet::Pli { media } => self.on_keyframe_wanted(now, id, *media),
            Packet::Fir { targets } => {
                for target in targets.clone() {
                    self.on_keyframe_wanted(now, id, target);
                }
            }
            Packet::Remb { bitrate, .. } => {
                if let Some(transport) = self.transports.get_mut(&id) {
                    transport.remb = Some(*bitrate);
                }
            }
            Packet::SourceDescription | Packet::Bye { .. } | Packet::TransportFeedback(_) | Packet::Other { .. } => {}
        }
    }

    fn on_sender_report(&mut self, now: Instant, id: TransportId, ssrc: u32, ntp: u64, rtp: u32) {
        let Some(stream) = self.transports.get(&id).and_then(|transport| transport.streams.get(&ssrc)) else { return };
        let Some(track) = self.tracks.get_mut(&stream.track) else { return };
        let Some((source, clock)) = track.on_sender_report(now, ssrc, ntp, rtp) else { return };
        let (track, interested) = (track.id, track.interested());
        for worker in interested {
            self.post(now, worker, Message::Clock { track, source, clock });
        }
    }

    fn on_reports(&mut self, now: Instant, id: TransportId, reports: impl Iterator<Item = rtcp::ReportBlock>) {
        let Self { transports, egresses, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return };
        for block in reports {
            let ids = transport.egresses.iter();
            let found = ids.copied().find(|id| egresses.get(id).is_some_and(|egress| egress.ssrc() == block.ssrc));
            if let Some(rtt) =
                found.and_then(|id| egresses.get_mut(&id)).and_then(|egress| egress.on_report(now, block))
            {
                transport.on_rtt(rtt);
            }
        }
    }

    fn on_nack(&mut self, now: Instant, id: TransportId, media: u32, lost: impl Iterator<Item = u16>) {
        let Self { transports, egresses, relays, direct, counters, .. } = self;
        let Some(transport) = transports.get_mut(&id) else { return };
        let found = transport.egresses.iter().find(|id| egresses.get(id).is_some_and(|egress| egress.ssrc() == media));
        let Some(egress) = found.copied().and_then(|id| egresses.get_mut(&id)) else { return };
        let before = (direct.datagrams().len(), direct.bytes().len());
        let rtt = transport.rtt_or_default();
        let (Some(keys), Some(path)) = (&transport.keys, transport.ice.send_path()) else { return };
        let Some(way) = relays.way(now, path) else { return };
        let mut outlet = Outlet {
            sealer: &keys.sealer,
            way,
            extensions: &transport.extensions,
            transport_sequence: &mut transport.transport_sequence,
            rtt,
        };
        egress.resend(now, lost, &mut outlet, direct, counters);
        transport.traffic.packets_sent += (direct.datagrams().len() - before.0) as u64;
        transport.traffic.bytes_sent += (direct.bytes().len() - before.1) as u64;
    }

    fn on_keyframe_wanted(&mut self, now: Instant, id: TransportId, media: u32) {
        let Some(transport) = self.transports.get(&id) else { return };
        let found = transport.egresses.iter().find(|id| self.egresses.get(id).is_some_and(|it| it.ssrc() == media));
        let Some(egress) = found.copied().and_then(|id| self.egresses.get_mut(&id)) else { return };
        let Some((track, layers)) = egress.on_keyframe_request(now) else { return };
        for layer in layers.iter() {
            self.post(now, track.home(self.workers), Message::KeyframeWanted { track, layer });
        }
    }
}
