"""A data path that only writes down what it is asked, for tests of the glue above it."""

from collections.abc import Mapping

from sfu._datapath import EgressSpec, TrackSpec
from sfu.stats import TransportStats


class Recorder:
    """`calls` are (name, arguments…); ids count from 1."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._ids = 0

    def _id(self) -> int:
        self._ids += 1
        return self._ids

    def add_transport(self, *, ufrag: str, pwd: str, remote_ufrag: str, extensions: Mapping[str, int]) -> int:
        self.calls.append(("add_transport", ufrag, remote_ufrag))
        return self._id()

    def set_extensions(self, transport: int, extensions: Mapping[str, int]) -> None:
        self.calls.append(("set_extensions", transport, dict(extensions)))

    def set_dtls_rate(self, transport: int, datagrams_per_second: int) -> None:
        self.calls.append(("set_dtls_rate", transport, datagrams_per_second))

    def restart_ice(self, transport: int, *, ufrag: str, pwd: str, remote_ufrag: str) -> None:
        self.calls.append(("restart_ice", transport, ufrag, remote_ufrag))

    def remove_transport(self, transport: int) -> None:
        self.calls.append(("remove_transport", transport))

    def send_dtls(self, transport: int, data: bytes) -> None:
        self.calls.append(("send_dtls", transport, data))

    def install_keys(self, transport: int, profile: str, receive: bytes, send: bytes) -> None:
        self.calls.append(("install_keys", transport, profile))

    def publish(self, transport: int, track: TrackSpec) -> int:
        return self._id()

    def unpublish(self, track: int) -> None:
        self.calls.append(("unpublish", track))

    def forward_layer(self, track: int, layer: int) -> None:
        self.calls.append(("forward_layer", track, layer))

    def subscribe(self, transport: int, egress: EgressSpec) -> int:
        return self._id()

    def set_source(
        self,
        egress: int,
        track: int | None,
        payload_types: Mapping[int, tuple[int, int | None]] | None = None,
        layer: int | None = None,
    ) -> None:
        choice = () if layer is None else (layer,)
        self.calls.append(("set_source", egress, track, dict(payload_types or {}), *choice))

    def choose_layer(self, egress: int, layer: int | None) -> None:
        self.calls.append(("choose_layer", egress, layer))

    def unsubscribe(self, egress: int) -> None:
        self.calls.append(("unsubscribe", egress))

    def request_keyframe(self, track: int) -> None:
        self.calls.append(("request_keyframe", track))

    def transport_stats(self, transport: int) -> TransportStats | None:
        return None
