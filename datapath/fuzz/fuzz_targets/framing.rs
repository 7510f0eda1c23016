//! However a stream is cut, the same messages are in it; none is longer than it may be, and each can be sent on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_datapath::net::proxy;
use sluice_datapath::packet::framing::{Deframer, Framing, MAX_MESSAGE};

fuzz_target!(|input: &[u8]| {
    let [cut, stream @ ..] = input else { return };
    let _ = Framing::detect(stream);
    if let Ok(Some(header)) = proxy::parse(stream) {
        assert!(header.len <= stream.len());
    }
    for framing in [Framing::Ice, Framing::Turn] {
        let whole = deframed(framing, stream, stream.len());
        assert_eq!(deframed(framing, stream, usize::from(*cut)), whole);
        let mut sent = Vec::new();
        for message in &whole.0 {
            assert!((1..=MAX_MESSAGE).contains(&message.len()));
            assert!(framing.write(message, &mut sent), "what came cannot be sent");
        }
        assert_eq!(deframed(framing, &sent, usize::from(*cut)), (whole.0, true));
    }
});

/// The messages of a stream that comes in pieces of this length, and whether it is sound to its end.
fn deframed(framing: Framing, stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
    let mut deframer = Deframer::new(framing);
    let mut messages = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        let mut bytes = Vec::new();
        deframer.resume(&mut bytes);
        bytes.extend_from_slice(piece);
        if deframer.split(&bytes, 0, |range| messages.push(bytes[range].to_vec())).is_err() {
            return (messages, false);
        }
    }
    (messages, true)
}
