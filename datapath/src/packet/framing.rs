//! Messages within a byte stream: RFC 4571 frames for ICE, STUN and ChannelData as they are for TURN.

use core::ops::Range;

use super::{u16_at, u32_at, Malformed};

/// Bytes a message has at most: a datagram as long as any we take by UDP, wrapped in a Send indication, or a request
/// with long credentials. Longer ones are passed over.
pub const MAX_MESSAGE: usize = 4096;

const MAGIC_COOKIE: u32 = 0x2112_a442;
const STUN_HEADER_LEN: usize = 20;
const CHANNEL_HEADER_LEN: usize = 4;
const LENGTH_LEN: usize = 2;

/// How messages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A 16-bit length before each (RFC 4571 section 2, RFC 6544 section 3).
    Ice,
    /// STUN messages by their length field, ChannelData padded to a multiple of four bytes (RFC 8656 section 12.5).
    Turn,
}

/// One message at the start of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    /// The message itself.
    data: Range<usize>,
    /// Where the next one starts.
    end: usize,
}

impl Framing {
    /// Which one a stream that begins with `bytes` uses; None: too few bytes to tell. Both begin with a STUN request,
    /// whose magic cookie stands at byte 4, or at byte 6 behind a length.
    ///
    /// # Errors
    /// [`Malformed`]: neither.
    pub fn detect(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let cookie_at = |at| u32_at(bytes, at).map(|cookie| cookie == MAGIC_COOKIE);
        match (cookie_at(4), cookie_at(6)) {
            (Ok(true), _) => Ok(Some(Self::Turn)),
            (_, Ok(true)) => Ok(Some(Self::Ice)),
            (Ok(false), Ok(false)) => Err(Malformed),
            _ => Ok(None),
        }
    }

    /// Appends `message` as it goes over the stream. False, and nothing is written: this framing cannot carry it.
    pub fn write(self, message: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Self::Ice => {
                let Ok(len) = u16::try_from(message.len()) else { return false };
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(message);
            }
            Self::Turn => {
                // Padding is ours to add.
                if !matches!(self.first(message), Ok(Some(frame)) if frame.data.end == message.len()) {
                    return false;
                }
                out.extend_from_slice(message);
                out.resize(out.len() + padding(message.len()), 0);
            }
        }
        true
    }

    /// The first frame of `bytes`, perhaps reaching beyond them; None: too few bytes to tell its length.
    fn first(self, bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
        match self {
            Self::Ice => Ok(u16_at(bytes, 0).ok().map(|len| {
                let end = LENGTH_LEN + usize::from(len);
                Frame { data: LENGTH_LEN..end, end }
            })),
            Self::Turn => first_of_turn(bytes),
        }
    }
}

fn first_of_turn(bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
    match bytes.first() {
        None => return Ok(None),
        Some(0..=3 | 64..=127) => {}
        Some(_) => return Err(Malformed),
    }
    let Ok(len) = u16_at(bytes, 2) else { return Ok(None) };
    let len = usize::from(len);
    if bytes[0] >= 64 {
        let end = CHANNEL_HEADER_LEN + len;
        return Ok(Some(Frame { data: 0..end, end: end + padding(end) }));
    }
    match u32_at(bytes, 4) {
        _ if len % 4 != 0 => Err(Malformed),
        Ok(MAGIC_COOKIE) => Ok(Some(Frame { data: 0..STUN_HEADER_LEN + len, end: STUN_HEADER_LEN + len })),
        Ok(_) => Err(Malformed),
        Err(_) => Ok(None),
    }
}

fn padding(len: usize) -> usize {
    len.next_multiple_of(4) - len
}

/// Takes messages out of a stream, however the bytes of it arrive.
#[derive(Debug)]
pub struct Deframer {
    framing: Framing,
    /// The beginning of a message whose end has not come, never more than one of [`MAX_MESSAGE`] has.
    rest: Vec<u8>,
    /// Bytes still to come of a message that is passed over.
    skip: usize,
    oversize: u64,
}

impl Deframer {
    /// For a stream that begins now.
    pub fn new(framing: Framing) -> Self {
        Self { framing, rest: Vec::new(), skip: 0, oversize: 0 }
    }

    /// How messages follow each other.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Messages passed over since start because they were too long.
    pub fn oversize(&self) -> u64 {
        self.oversize
    }

    /// Appends what was kept of the bytes so far to `bytes`. What comes next of the stream belongs behind it.
    pub fn resume(&mut self, bytes: &mut Vec<u8>) {
        bytes.append(&mut self.rest);
    }

    /// What was kept and will not be needed as a message: the stream becomes something else.
    pub fn into_rest(self) -> Vec<u8> {
        self.rest
    }

    /// Says where the messages in `bytes[start..]` lie, which are what [`Deframer::resume`] gave and what came since,
    /// and keeps the beginning of one that is incomplete. Empty ones are passed over.
    ///
    /// # Errors
    /// [`Malformed`]: from here on there is no telling where messages begin; those before are good.
    pub fn split(&mut self, bytes: &[u8], start: usize, mut found: impl FnMut(Range<usize>)) -> Result<(), Malformed> {
        let mut at = start;
        loop {
            let skipped = self.skip.min(bytes.len() - at);
            self.skip -= skipped;
            at += skipped;
            let Some(frame) = self.framing.first(&bytes[at..])? else { break };
            let len = frame.data.len();
            if len > MAX_MESSAGE {
                self.oversize += 1;
                self.skip = frame.end;
                continue;
            }
            if frame.end > bytes.len() - at {
                break;
            }
            if len > 0 {
                found(at + frame.data.start..at + frame.data.end);
            }
            at += frame.end;
        }
        self.rest.extend_from_slice(&bytes[at..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stun(len: usize) -> Vec<u8> {
        let mut message = vec![0, 1];
        message.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        message.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        message.resize(STUN_HEADER_LEN + len, 7);
        message
    }

    fn channel_data(len: usize) -> Vec<u8> {
        let mut message = vec![0x40, 1];
        message.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        message.resize(CHANNEL_HEADER_LEN + len, 9);
        message
    }

    fn framed(framing: Framing, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for message in messages {
            assert!(framing.write(message, &mut stream));
        }
        stream
    }

    /// What a deframer finds in a stream that arrives in pieces of these lengths, and whether it is sound to its end.
    fn deframed(framing: Framing, mut stream: &[u8], pieces: &[usize]) -> (Vec<Vec<u8>>, bool) {
        let mut deframer = Deframer::new(framing);
        let mut messages = Vec::new();
        let mut pieces = pieces.iter().copied().chain([usize::MAX]);
        while !stream.is_empty() {
            let (piece, rest) = stream.split_at(pieces.next().unwrap_or(1).clamp(1, stream.len()));
            stream = rest;
            let mut bytes = b"somebody else's".to_vec();
            let start = bytes.len();
            deframer.resume(&mut bytes);
            bytes.extend_from_slice(piece);
            if deframer.split(&bytes, start, |range| messages.push(bytes[range].to_vec())).is_err() {
                return (messages, false);
            }
            assert!(deframer.rest.len() < MAX_MESSAGE + CHANNEL_HEADER_LEN);
        }
        (messages, true)
    }

    #[test]
    fn the_place_of_the_cookie_tells_the_framing() {
        for framing in [Framing::Ice, Framing::Turn] {
            let stream = framed(framing, &[stun(8)]);
            let enough = if framing == Framing::Ice { 10 } else { 8 };
            for len in 0..stream.len() {
                let expected = (len >= enough).then_some(framing);
                assert_eq!(Framing::detect(&stream[..len]), Ok(expected), "{len} bytes");
            }
        }
        assert_eq!(Framing::detect(b"GET / HTTP/1.1"), Err(Malformed));
        assert_eq!(Framing::detect(b"GET / HTT"), Ok(None));
    }

    #[test]
    fn channel_data_is_padded_on_the_stream_and_delivered_without() {
        let messages = [channel_data(5), channel_data(0), channel_data(8), stun(4)];
        let stream = framed(Framing::Turn, &messages);
        assert_eq!(stream.len(), 12 + 4 + 12 + 24);
        assert_eq!(deframed(Framing::Turn, &stream, &[]), (messages.to_vec(), true));
    }

    #[test]
    fn only_what_tells_its_own_length_goes_over_a_turn_stream() {
        let mut padded = channel_data(5);
        padded.push(0);
        let mut short = stun(8);
        short.truncate(24);
        for message in [vec![], vec![0x80; 20], vec![22; 20], vec![0x40], padded, short] {
            let mut out = vec![1];
            assert!(!Framing::Turn.write(&message, &mut out), "{message:?}");
            assert_eq!(out, [1]);
        }
        assert!(!Framing::Ice.write(&[0; 65_536], &mut Vec::new()));
    }

    #[test]
    fn garbage_ends_a_turn_stream_but_not_what_came_before() {
        let mut stream = framed(Framing::Turn, &[stun(0), channel_data(3)]);
        let good = deframed(Framing::Turn, &stream, &[]).0;
        for garbage in [&b"\x16\x03\x01"[..], &[0, 1, 0, 3], &[0, 1, 0, 0, 1, 2, 3, 4], &[0x80, 0, 0, 0]] {
            let len = stream.len();
            stream.extend_from_slice(garbage);
            assert_eq!(deframed(Framing::Turn, &stream, &[]), (good.clone(), false));
            stream.truncate(len);
        }
    }

    #[test]
    fn a_message_beyond_the_bound_is_passed_over() {
        for (framing, long) in [
            (Framing::Ice, vec![0x80; MAX_MESSAGE + 1]),
            (Framing::Turn, channel_data(MAX_MESSAGE - CHANNEL_HEADER_LEN + 1)),
            (Framing::Turn, stun(65_532)),
        ] {
            let stream = framed(framing, &[stun(0), long.clone(), stun(4)]);
            let (messages, sound) = deframed(framing, &stream, &[30, 1, 1000, 1]);
            assert_eq!((messages, sound), (vec![stun(0), stun(4)], true));
        }
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0usize..400).prop_map(|words| stun(words * 4)),
            (0usize..1600).prop_map(channel_data),
            Just(channel_data(MAX_MESSAGE)),
        ]
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            messages in prop::collection::vec(message(), 0..12),
            pieces in prop::collection::vec(1usize..3000, 0..20),
            ice: bool,
        ) {
            let framing = if ice { Framing::Ice } else { Framing::Turn };
            let stream = framed(framing, &messages);
            let expected: Vec<Vec<u8>> =
                messages.into_iter().filter(|message| message.len() <= MAX_MESSAGE).collect();
            prop_assert_eq!(deframed(framing, &stream, &pieces), (expected, true));
        }

        #[test]
        fn any_bytes_in_any_pieces_come_to_the_same(
            stream in prop::collection::vec(any::<u8>(), 0..600),
            pieces in prop::collection::vec(1usize..50, 0..40),
            ice: bool,
        ) {
            let framing = if ice { Framing::Ice } else { Framing::Turn };
            let whole = deframed(framing, &stream, &[]);
            prop_assert_eq!(deframed(framing, &stream, &pieces), whole);
            let _ = Framing::detect(&stream);
        }
    }
}
