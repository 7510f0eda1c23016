//! A header that is read can be written again, and is then read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::packet::{classify, rtp};

fuzz_target!(|packet: &[u8]| {
    let _ = classify(packet);
    let Ok(header) = rtp::Header::parse(packet) else { return };
    assert!(header.payload_offset <= packet.len());
    if let Ok(padding) = rtp::padding_len(packet, &header) {
        assert!(padding <= packet.len() - header.payload_offset);
    }
    let extensions: Vec<(u8, &[u8])> = header.extensions(packet).collect();
    let rtp::Header { marker, payload_type, sequence, timestamp, ssrc, .. } = header;
    let fields = rtp::HeaderFields { marker, payload_type, sequence, timestamp, ssrc };
    // Elements of two bytes at most double when one-byte elements have to move to the two-byte form.
    let mut buf = vec![0; 2 * packet.len() + 16];
    let len = rtp::write_header(&mut buf, &fields, &extensions).expect("the buffer is large enough");
    let written = rtp::Header::parse(&buf[..len]).expect("what is written can be read");
    assert_eq!((written.marker, written.payload_type, written.sequence), (marker, payload_type, sequence));
    assert_eq!((written.timestamp, written.ssrc, written.payload_offset), (timestamp, ssrc, len));
    assert!(written.extensions(&buf).eq(extensions));
});
