//! The header extensions the data path knows, and the ids one peer gave them.

/// An RTP header extension by meaning, whatever id the peers agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExtensionKind {
    /// Media section identification (RFC 9143 section 15).
    Mid,
    /// RTP stream identifier (RFC 8852).
    Rid,
    /// The stream a redundancy stream repairs (RFC 8852).
    RepairedRid,
    /// Client-to-mixer audio level (RFC 6464).
    AudioLevel,
    /// When the packet left its sender, 6.18 fixed-point seconds.
    AbsSendTime,
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportWideCc,
    /// Coordination of video orientation (3GPP TS 26.114).
    VideoOrientation,
    /// Limits for the receiver's playout delay.
    PlayoutDelay,
    /// What the video shows: camera or screen.
    ContentType,
    /// Colour space and HDR metadata.
    ColorSpace,
    /// When the frame was captured.
    AbsCaptureTime,
    /// AV1 dependency descriptor.
    DependencyDescriptor,
    /// Which layers the sender is sending, with their target rates.
    VideoLayersAllocation,
}

impl ExtensionKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every kind, in order of its discriminant.
    pub const ALL: [Self; 13] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::AudioLevel,
        Self::AbsSendTime,
        Self::TransportWideCc,
        Self::VideoOrientation,
        Self::PlayoutDelay,
        Self::ContentType,
        Self::ColorSpace,
        Self::AbsCaptureTime,
        Self::DependencyDescriptor,
        Self::VideoLayersAllocation,
    ];

    /// The kind that `a=extmap` (RFC 8285 section 5) names by `uri`.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }

    /// The URI that names the extension in `a=extmap`.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportWideCc => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::ContentType => "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
            Self::ColorSpace => "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::VideoLayersAllocation => "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        }
    }

    /// True if the value is from publisher to viewer and is copied through; the others are made anew or dropped.
    pub fn is_end_to_end(self) -> bool {
        matches!(
            self,
            Self::AudioLevel
                | Self::VideoOrientation
                | Self::PlayoutDelay
                | Self::ContentType
                | Self::ColorSpace
                | Self::AbsCaptureTime
        )
    }
}

/// The ids one peer uses for the extensions, both ways round.
///
/// Ids are 1 to 255 (RFC 8285 section 4.3); id 0 is padding and never maps to anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionMap {
    ids: [u8; ExtensionKind::COUNT],
    kinds: [Option<ExtensionKind>; 256],
    /// How often extensions were added, and at which of these times each was.
    edition: u8,
    added: [u8; ExtensionKind::COUNT],
}

impl ExtensionMap {
    /// The map of `pairs`. Id 0 is ignored; of two pairs that claim one id or one kind, the later one stands.
    pub fn new(pairs: impl IntoIterator<Item = (ExtensionKind, u8)>) -> Self {
        let mut map =
            Self { ids: [0; ExtensionKind::COUNT], kinds: [None; 256], edition: 0, added: [0; ExtensionKind::COUNT] };
        for (kind, id) in pairs.into_iter().filter(|&(_, id)| id != 0) {
            let former_id = core::mem::replace(&mut map.ids[kind as usize], id);
            map.kinds[usize::from(former_id)] = None;
            if let Some(former_kind) = map.kinds[usize::from(id)].replace(kind) {
                map.ids[former_kind as usize] = 0;
            }
        }
        map
    }

    /// Take over what `other` has beyond this. A kind keeps its id and an id its kind for the whole session (RFC 8285,
    /// 5 and 6), whatever `other` says.
    pub fn add(&mut self, other: &Self) {
        // Each edition adds a kind at least, so that there are never more editions than kinds.
        let next = self.edition + 1;
        for kind in ExtensionKind::ALL {
            let Some(id) = other.id(kind) else { continue };
            if self.id(kind).is_none() && self.kind(id).is_none() {
                self.ids[kind as usize] = id;
                self.kinds[usize::from(id)] = Some(kind);
                self.added[kind as usize] = next;
                self.edition = next;
            }
        }
    }

    /// Which state of the map this is: it grows when extensions are added.
    pub fn edition(&self) -> u8 {
        self.edition
    }

    /// The id to send `kind` with, if it had one in this edition.
    pub fn id_in(&self, kind: ExtensionKind, edition: u8) -> Option<u8> {
        self.id(kind).filter(|_| self.added[kind as usize] <= edition)
    }

    /// What `id` stands for.
    pub fn kind(&self, id: u8) -> Option<ExtensionKind> {
        self.kinds[usize::from(id)]
    }

    /// The id to send `kind` with.
    pub fn id(&self, kind: ExtensionKind) -> Option<u8> {
        Some(self.ids[kind as usize]).filter(|&id| id != 0)
    }
}

impl Default for ExtensionMap {
    fn default() -> Self {
        Self::new([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn discriminants_follow_the_list() {
        for (index, kind) in ExtensionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
        }
        assert_eq!(ExtensionKind::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
    }

    #[test]
    fn a_pair_claimed_again_replaces_the_earlier_one() {
        let map = ExtensionMap::new([(ExtensionKind::Mid, 4), (ExtensionKind::Rid, 4), (ExtensionKind::Rid, 5)]);
        assert_eq!(map.kind(4), None);
        assert_eq!(map.kind(5), Some(ExtensionKind::Rid));
        assert_eq!(map.id(ExtensionKind::Mid), None);
        assert_eq!(ExtensionMap::new([(ExtensionKind::Mid, 0)]), ExtensionMap::default());
    }

    #[test]
    fn what_is_added_changes_nothing_that_was_agreed_on() {
        let mut map = ExtensionMap::new([(ExtensionKind::Mid, 4), (ExtensionKind::AudioLevel, 1)]);
        let later = [(ExtensionKind::Mid, 5), (ExtensionKind::Rid, 1), (ExtensionKind::TransportWideCc, 7)];
        map.add(&ExtensionMap::new(later));
        assert_eq!((map.id(ExtensionKind::Mid), map.kind(5)), (Some(4), None));
        assert_eq!((map.id(ExtensionKind::Rid), map.kind(1)), (None, Some(ExtensionKind::AudioLevel)));
        assert_eq!((map.edition(), map.id(ExtensionKind::TransportWideCc)), (1, Some(7)));
        assert_eq!(map.id_in(ExtensionKind::TransportWideCc, 0), None, "it was not there then");
        assert_eq!(map.id_in(ExtensionKind::Mid, 0), Some(4));
        let before = map;
        map.add(&ExtensionMap::new(later));
        assert_eq!(map, before);
    }

    proptest! {
        #[test]
        fn both_directions_agree(
            pairs in prop::collection::vec((0..ExtensionKind::COUNT, any::<u8>()), 0..40),
            later in prop::collection::vec((0..ExtensionKind::COUNT, any::<u8>()), 0..40),
        ) {
            let of = |pairs: Vec<(usize, u8)>| {
                ExtensionMap::new(pairs.into_iter().map(|(kind, id)| (ExtensionKind::ALL[kind], id)))
            };
            let mut map = of(pairs);
            let before = map;
            map.add(&of(later));
            for kind in ExtensionKind::ALL {
                prop_assert!(before.id(kind).is_none_or(|id| map.id(kind) == Some(id)));
                prop_assert_eq!(before.id(kind), map.id_in(kind, before.edition()));
            }
            for kind in ExtensionKind::ALL {
                prop_assert!(map.id(kind).is_none_or(|id| map.kind(id) == Some(kind)));
            }
            for id in 0..=255 {
                prop_assert!(map.kind(id).is_none_or(|kind| map.id(kind) == Some(id)));
            }
        }
    }
}
