"""What a participant of a call may do."""

from dataclasses import dataclass

from sfu.track import TrackSource


@dataclass(frozen=True, slots=True)
class Permissions:
    """`sources`: what may be published; empty: everything."""

    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    can_update_metadata: bool = False
    can_subscribe_metrics: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False
    sources: frozenset[TrackSource] = frozenset()

    def may_publish(self, source: TrackSource) -> bool:
        return self.can_publish and (not self.sources or source in self.sources)
