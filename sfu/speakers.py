"""Who speaks in one room: audio levels in, changes out that a user interface can show as they come."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

WINDOW_SECONDS = 0.2  # what one report of the data path covers
WINDOW_MS = 200
SILENT_DBOV = 127  # RFC 6464, 3: levels are 0 (loudest) to 127 (silence), in -dBov

# Speech at a headset or laptop lies at 15 to 30; rooms and fans lie below 40. LiveKit's threshold is 35, too.
START_DBOV = 35
# Lower than START, so that one who speaks at about the threshold is not cut in pieces.
STAY_DBOV = 40
# Of the last two windows. More than one window has, so that neither a clap nor one late report makes a speaker;
# LiveKit asks for 40 % of 400 ms.
MIN_ACTIVE_MS = 240
# An exponential average with the centre of mass of four windows: LiveKit's two intervals of 400 ms.
SMOOTHING = 0.4
# Pauses between words and sentences are shorter: one of 0.8 s may look like 1.2 s, for windows that speech only touches
# are not loud.
HANGOVER_SECONDS = 1.2
# A level that is shown changes by factors of two, i.e. 6 dB, once it is this many of them off, and so often at most.
LEVEL_HYSTERESIS = 0.75
LEVEL_SECONDS = 0.5
MIN_LEVEL = 2.0**-7
# The dominant speaker is replaced by one who is twice as loud, or speaks while it pauses, and so often at most. Workers
# do not report at the same moment: a pause is longer than what may lie between their reports.
DOMINANT_SECONDS = 1.0
DOMINANT_FACTOR = 2.0
PAUSE_SECONDS = 2 * WINDOW_SECONDS
# Who is heard, in speech or not yet. Further voices wait until one of these is silent.
MAX_HEARD = 500

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class SpeakerChange(Generic[K]):
    """`level`: linear amplitude, 0 to 1, a power of two; 0 for those who do not speak."""

    key: K
    level: float
    active: bool


@dataclass(slots=True)
class _Voice:
    """`smoothed`: linear amplitude, averaged. `heard`: the time of the last report, with `active_ms` in its window;
    `loud`: of the last that was loud enough to go on speaking. The rest holds while active: `since` when, and the
    `shown` level, since `shown_at`.
    """

    heard: float
    smoothed: float = 0.0
    active_ms: int = 0
    loud: float = -math.inf
    active: bool = False
    since: float = 0.0
    shown: float = 0.0
    shown_at: float = 0.0


class Speakers(Generic[K]):
    """The speakers of one room by key, e.g. participants.

    Levels are what the publishers say themselves (RFC 6464, 5: they can lie): take them as a hint for a layout, not
    as a fact. Somebody becomes active after 0.4 s of speech and stays so until 1.2 s after the last loud window.
    """

    def __init__(self) -> None:
        self.dominant: K | None = None
        self._dominant_at = -math.inf
        self._voices: dict[K, _Voice] = {}

    @property
    def active(self) -> tuple[K, ...]:
        """Who speaks now: the loudest first, of equals who has spoken for longer."""
        return tuple(change.key for change in self.current())

    def current(self) -> list[SpeakerChange[K]]:
        """What all changes up to now amount to, for somebody who heard none of them: who speaks, the loudest first."""
        speaking = [(key, voice) for key, voice in self._voices.items() if voice.active]
        speaking.sort(key=lambda item: (-item[1].shown, item[1].since))
        return [SpeakerChange(key, voice.shown, True) for key, voice in speaking]

    def handle_levels(self, levels: Sequence[tuple[K, int, int]], now: float) -> list[SpeakerChange[K]]:
        """One window: (key, loudest level in -dBov, milliseconds above the data path's threshold) of each track heard
        in it; who is not named was silent. Of several tracks of one key the loudest counts: they are expected in one
        call, as they are of one transport, thus of one worker. Tracks that are muted must not be passed.
        """
        self._forget_silent(now)
        changes = []
        for key, (dbov, active_ms) in _loudest(levels).items():
            voice = self._voices.get(key)
            if voice is None:
                if len(self._voices) >= MAX_HEARD:
                    continue
                voice = self._voices[key] = _Voice(heard=now - WINDOW_SECONDS)
            if _hear(voice, dbov, active_ms, now):
                changes.append(SpeakerChange(key, voice.shown, True))
        changes += self._end_pauses(now)
        self._choose_dominant(now)
        return changes

    def mute(self, key: K) -> list[SpeakerChange[K]]:
        """All audio of this key is muted: silent at once, whatever was heard before."""
        voice = self._voices.pop(key, None)
        if self.dominant == key:
            self.dominant = None
        return [SpeakerChange(key, 0.0, False)] if voice is not None and voice.active else []

    def remove(self, key: K) -> None:
        """The key is gone, which is all that anybody needs to be told about it."""
        self.mute(key)

    def next_deadline(self) -> float | None:
        """When the first of the speakers will have been silent for too long."""
        return min((_ends_at(voice) for voice in self._voices.values() if voice.active), default=None)

    def handle_timeout(self, now: float) -> list[SpeakerChange[K]]:
        """Who fell silent."""
        changes = self._end_pauses(now)
        self._forget_silent(now)
        self._choose_dominant(now)
        return changes

    def _end_pauses(self, now: float) -> list[SpeakerChange[K]]:
        over = [key for key, voice in self._voices.items() if voice.active and _ends_at(voice) <= now]
        for key in over:
            del self._voices[key]
        return [SpeakerChange(key, 0.0, False) for key in over]

    def _forget_silent(self, now: float) -> None:
        """Who was heard lately and did not speak: nothing of it counts any more."""
        quiet = [
            key for key, voice in self._voices.items() if not voice.active and voice.heard + HANGOVER_SECONDS <= now
        ]
        for key in quiet:
            del self._voices[key]

    def _choose_dominant(self, now: float) -> None:
        present = None if self.dominant is None else self._voices.get(self.dominant)
        if present is None or not present.active:
            present, self.dominant, self._dominant_at = None, next(iter(self.active), None), now
        elif now - self._dominant_at < DOMINANT_SECONDS:
            return
        paused = present is None or present.loud <= now - PAUSE_SECONDS
        threshold = 0.0 if present is None or paused else DOMINANT_FACTOR * present.smoothed
        for key, voice in self._voices.items():
            if voice.active and voice.loud > now - PAUSE_SECONDS and voice.smoothed > threshold:
                self.dominant, self._dominant_at, threshold = key, now, voice.smoothed


def _loudest(levels: Sequence[tuple[K, int, int]]) -> dict[K, tuple[int, int]]:
    """By key, within the range of values: durations come from RTP timestamps, which are whatever the sender likes."""
    loudest: dict[K, tuple[int, int]] = {}
    for key, dbov, active_ms in levels:
        known_dbov, known_ms = loudest.get(key, (SILENT_DBOV, 0))
        loudest[key] = max(0, min(dbov, known_dbov)), max(known_ms, min(active_ms, WINDOW_MS))
    return loudest


def _hear(voice: _Voice, dbov: int, active_ms: int, now: float) -> bool:
    """Take in one window. True: others are to be told, of a new speaker or another level."""
    missed = max(0, round((now - voice.heard) / WINDOW_SECONDS) - 1)
    # As LiveKit does it: a window is as loud as its loudest packet, weighed by how much of it was not silent.
    loudness = _amplitude(dbov) * active_ms / WINDOW_MS
    voice.smoothed *= (1.0 - SMOOTHING) ** missed
    voice.smoothed += SMOOTHING * (loudness - voice.smoothed)
    observed_ms = active_ms + (0 if missed else voice.active_ms)
    voice.active_ms, voice.heard = active_ms, now
    if loudness >= _amplitude(STAY_DBOV):
        voice.loud = now
    if voice.active:
        return _show_level(voice, now)
    if voice.smoothed < _amplitude(START_DBOV) or observed_ms < MIN_ACTIVE_MS or voice.loud < now:
        return False
    voice.active, voice.since, voice.shown, voice.shown_at = True, now, _quantised(voice.smoothed), now
    return True


def _show_level(voice: _Voice, now: float) -> bool:
    level = _quantised(voice.smoothed)
    off_by = abs(math.log2(max(voice.smoothed, MIN_LEVEL) / voice.shown))
    if level == voice.shown or off_by < LEVEL_HYSTERESIS or now - voice.shown_at < LEVEL_SECONDS:
        return False
    voice.shown, voice.shown_at = level, now
    return True


def _ends_at(voice: _Voice) -> float:
    return voice.loud + HANGOVER_SECONDS


def _amplitude(dbov: int) -> float:
    """Of a level in -dBov, where 1 is the loudest there is."""
    return float(10.0 ** (-dbov / 20))


def _quantised(amplitude: float) -> float:
    return float(2.0 ** round(math.log2(max(amplitude, MIN_LEVEL))))
