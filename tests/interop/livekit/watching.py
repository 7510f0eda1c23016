"""What is seen of media over a while."""

from tests.interop.livekit.callers import PATIENCE, Caller
from tests.waiting import eventually

# Looks, a tenth of a second apart: more than any gap between pictures.
_LOOKS = 15


async def stops(caller: Caller, sid: str) -> None:
    """Wait until no more pictures of this track come."""
    seen: list[int] = []

    async def look() -> bool:
        seen.append((await caller.ask("media"))[sid]["frames"])
        return len(seen) > _LOOKS and seen[-1] == seen[-_LOOKS]

    await eventually(look, f"{caller.identity} no longer receives {sid}", PATIENCE)


def interruptions(caller: Caller) -> list[str]:
    """What should not happen to somebody who is not meant."""
    bad = {"disconnected", "reconnecting", "reconnected", "track_unsubscribed", "participant_disconnected"}
    return [event["event"] for event in caller.events if event["event"] in bad]
