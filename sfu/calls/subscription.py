"""What joins a member of a call to another's track, and the stream that comes of it."""

from dataclasses import dataclass, field

from sfu._datapath import EgressSpec
from sfu.answer import SentStream
from sfu.attributes import Msid
from sfu.codecs import CodecPair
from sfu.datapath import DataPath
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.participant import Participant
from sfu.slot import mapped
from sfu.track import Track
from sfu.view_settings import ViewSettings, layer_for

SHOWN = ViewSettings()


@dataclass(slots=True, eq=False)
class Subscription:
    """`stream` is what its m-section says of it, once there is one; `egress` what the data path calls it, once the
    client has agreed. `paused` by the last-N rule, whatever the view.
    """

    publisher: Participant
    track: Track
    view: ViewSettings = SHOWN
    paused: bool = False
    stream: SentStream | None = None
    egress: int | None = None
    _payload_types: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    _fed: tuple[int | None, int | None] = (None, None)

    def understood_by(self, codecs: tuple[CodecPair, ...]) -> bool:
        return bool(mapped(self.track.codecs, codecs))

    def place(self, ids: Ids, *, rtx: bool) -> SentStream:
        """It has an m-section now: the stream's names there. The stream's id tells whose track it is to LiveKit's
        clients."""
        ssrc = ids.ssrc(())
        msid = Msid(f"{self.publisher.id}|{self.track.id}", self.track.id)
        self.stream = SentStream(ssrc, ids.ssrc((ssrc,)) if rtx else None, self.publisher.id, msid)
        return self.stream

    def start(
        self, datapath: DataPath, transport: int, mid: str, codecs: tuple[CodecPair, ...], layering: Layering
    ) -> None:
        """The client is ready for it, in these codecs."""
        if self.stream is None or self.egress is not None:
            return
        self._payload_types = dict(mapped(self.track.codecs, codecs))
        self.egress = datapath.subscribe(
            transport,
            EgressSpec(
                kind=self.track.kind,
                mid=mid,
                ssrc=self.stream.ssrc,
                rtx_ssrc=self.stream.rtx_ssrc if any(pair.rtx for pair in codecs) else None,
                cname=self.stream.cname,
                nack=any("nack" in pair.codec.feedback for pair in codecs),
            ),
        )
        self.feed(datapath, layering)

    def stop(self, datapath: DataPath) -> None:
        if self.egress is not None:
            datapath.unsubscribe(self.egress)
        self.egress = self.stream = None
        self._fed = (None, None)

    def feed(self, datapath: DataPath, layering: Layering) -> None:
        """Have the data path send what is to be seen now: nothing, the layer all get, or one of its own."""
        if self.egress is None:
            return
        handle = None if self.paused or not self.view.enabled else self.track.handle
        layer = self._layer(layering) if handle is not None else None
        before, self._fed = self._fed, (handle, layer)
        if handle != before[0]:
            datapath.set_source(self.egress, handle, self._payload_types)
            if layer is not None:
                datapath.choose_layer(self.egress, layer)
        elif layer != before[1]:
            datapath.choose_layer(self.egress, layer)

    def _layer(self, layering: Layering) -> int | None:
        """None: as high as there is."""
        layers = self.track.video_layers
        if self.track.handle is None or self.view == SHOWN or len(layers) < 2:
            return None
        return layer_for(self.view, layers, layering.flowing(self.track.handle))
