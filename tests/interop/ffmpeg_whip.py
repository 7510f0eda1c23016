"""FFmpeg's own WHIP muxer, as PyAV brings it, publishing the numbered test picture as H.264 and a tone as Opus.

    python -m tests.interop.ffmpeg_whip URL TOKEN SECONDS

A process of its own, because the muxer blocks while it connects. Ends with status 0 when everything was sent.
"""

import math
import sys
import time
from array import array
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from clients.testsrc import SAMPLE_RATE, TestPicture

RATE = 30
OPUS_SAMPLES = 960
WIDTH, HEIGHT = 640, 360


def main(url: str, token: str, seconds: float) -> None:
    with av.open(url, "w", format="whip", options={"authorization": token}) as output:
        video = output.add_stream(
            "libx264",
            rate=RATE,
            options={"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency", "bf": "0", "g": "30"},
        )
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", 800_000
        audio = output.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        _publish(output, video, audio, seconds)


def _publish(output: OutputContainer, video: VideoStream, audio: AudioStream, seconds: float) -> None:
    """Encode both in real time, interleaved."""
    picture = TestPicture(WIDTH, HEIGHT)
    started = time.monotonic()
    heard = 0
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, started + number / RATE - time.monotonic()))
        frame = picture.frame(number)
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        output.mux(video.encode(frame))
        while heard * OPUS_SAMPLES / SAMPLE_RATE < (number + 1) / RATE:
            output.mux(audio.encode(_tone(heard)))
            heard += 1


def _tone(number: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="stereo", samples=OPUS_SAMPLES)
    first = number * OPUS_SAMPLES
    wave = (int(8000 * math.sin(2 * math.pi * 440 * (first + at) / SAMPLE_RATE)) for at in range(OPUS_SAMPLES))
    frame.planes[0].update(array("h", [sample for value in wave for sample in (value, value)]).tobytes())
    frame.pts, frame.sample_rate, frame.time_base = first, SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    return frame


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
