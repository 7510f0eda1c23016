//! What the publisher puts into a packet so that a viewer can tell that it is whole, which one it is and how old.
//!
//! VP8 payload descriptor (RFC 7741, 4.2) with a 15-bit picture id, the first byte of a VP8 frame, then a number, the
//! time of sending and a filler. The forwarder may rewrite the descriptor and nothing behind it.

/// Bytes of descriptor and frame header in front of the stamp.
const PREFIX: usize = 5;
/// Bytes of the stamp: number, time, check.
const STAMP: usize = 24;
/// The shortest payload that can be stamped.
pub const MIN_LEN: usize = PREFIX + STAMP;
/// Packets per frame.
pub const PACKETS_PER_FRAME: u64 = 5;
/// Frames between two keyframes.
const KEYFRAME_INTERVAL: u64 = 30;

/// The publisher's packet `number`, as read back by a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Counts the publisher's packets from 0.
    pub number: u64,
    /// Monotonic clock at sending, in nanoseconds.
    pub sent_ns: u64,
}

/// Fill a payload. Every fifth packet starts a frame, every thirtieth frame is a keyframe.
pub fn write(payload: &mut [u8], stamp: Stamp) {
    let frame = stamp.number / PACKETS_PER_FRAME;
    let starts_frame = stamp.number % PACKETS_PER_FRAME == 0;
    payload[0] = 0x80 | if starts_frame { 0x10 } else { 0 }; // X, S
    payload[1] = 0x80; // I
    payload[2] = 0x80 | ((frame >> 8) & 0x7F) as u8; // M and the high bits of the picture id
    payload[3] = frame as u8;
    payload[4] = if frame % KEYFRAME_INTERVAL == 0 { 0x10 } else { 0x11 }; // bit 0 clear: keyframe
    let number = stamp.number.to_be_bytes();
    let sent = stamp.sent_ns.to_be_bytes();
    let check = check(stamp).to_be_bytes();
    for (at, bytes) in [(PREFIX, number), (PREFIX + 8, sent), (PREFIX + 16, check)] {
        payload[at..at + 8].copy_from_slice(&bytes);
    }
    fill(&mut payload[MIN_LEN..], stamp.number);
}

/// Let the packet be of a keyframe, whatever its number.
pub fn mark_keyframe(payload: &mut [u8]) {
    payload[4] = 0x10;
}

/// Read the stamp of a payload; None if any byte behind the descriptor is not what was written.
pub fn read(payload: &[u8]) -> Option<Stamp> {
    let word = |at: usize| -> Option<u64> { Some(u64::from_be_bytes(payload.get(at..at + 8)?.try_into().ok()?)) };
    let stamp = Stamp { number: word(PREFIX)?, sent_ns: word(PREFIX + 8)? };
    let whole = word(PREFIX + 16)? == check(stamp) && is_filler(&payload[MIN_LEN..], stamp.number);
    whole.then_some(stamp)
}

/// Whether the packet ends a frame (its marker bit).
pub fn ends_frame(number: u64) -> bool {
    number % PACKETS_PER_FRAME == PACKETS_PER_FRAME - 1
}

/// Steps of the filler: eight bytes each.
const FILLER_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

fn fill(filler: &mut [u8], number: u64) {
    let mut word = mixed(number);
    for bytes in filler.chunks_mut(8) {
        bytes.copy_from_slice(&word.to_be_bytes()[..bytes.len()]);
        word = word.wrapping_add(FILLER_STEP);
    }
}

fn is_filler(filler: &[u8], number: u64) -> bool {
    let mut word = mixed(number);
    filler.chunks(8).all(|bytes| {
        let expected = word.to_be_bytes();
        word = word.wrapping_add(FILLER_STEP);
        bytes == &expected[..bytes.len()]
    })
}

fn check(stamp: Stamp) -> u64 {
    mixed(stamp.number ^ mixed(stamp.sent_ns))
}

/// The finalizer of SplitMix64: every bit of the input changes half the bits of the output.
const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_any_change_is_noticed() {
        let stamp = Stamp { number: 1234, sent_ns: 56_789_012_345 };
        let mut payload = vec![0; 1072];
        write(&mut payload, stamp);
        assert_eq!(read(&payload), Some(stamp));
        for at in PREFIX..payload.len() {
            payload[at] ^= 0x04;
            assert_eq!(read(&payload), None, "byte {at}");
            payload[at] ^= 0x04;
        }
    }

    #[test]
    fn a_rewritten_picture_id_is_no_damage() {
        let stamp = Stamp { number: 7, sent_ns: 1 };
        let mut payload = vec![0; 100];
        write(&mut payload, stamp);
        payload[2] = 0xFF;
        payload[3] = 0xFF;
        assert_eq!(read(&payload), Some(stamp));
    }

    #[test]
    fn short_payloads_are_no_stamps() {
        let mut payload = vec![0; 100];
        write(&mut payload, Stamp { number: 7, sent_ns: 1 });
        for len in 0..MIN_LEN {
            assert_eq!(read(&payload[..len]), None);
        }
    }

    #[test]
    fn the_first_packet_starts_a_keyframe() {
        let mut payload = vec![0; 100];
        write(&mut payload, Stamp { number: 0, sent_ns: 0 });
        assert_eq!(payload[0] & 0x10, 0x10);
        assert_eq!(payload[4] & 0x01, 0);
        assert!(ends_frame(4) && !ends_frame(5));
    }
}
