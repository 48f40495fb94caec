"""One stream of a media file: its frames by time, what the file says of it, pictures as squares, sound as a mean of channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

AUDIO_MARGIN = 0.1
"""After a seek the first 600 to 900 AAC samples are wrong: begin so much earlier, in seconds."""
ROUNDING = 0.002
"""Matroska keeps time stamps in whole milliseconds: a frame is on show from so many seconds before its own."""
JITTER = 0.01
"""Sound whose time stamp is nearer than this to the end of what came before continues it without a seam, in seconds."""


class Reading:
    """Frames of a stream with the time at which each begins, in seconds on the file's clock. Broken packets are left out."""

    def __init__(self, container: Any, stream: Any, origin: float, *, sought: bool) -> None:
        self.container, self.stream, self.origin, self.sought = container, stream, origin, sought
        self.damaged = False
        self.first = seconds_of(stream.start_time or 0, stream) - origin
        self._next = 0.0
        self._typical = 0.0 if stream.type == "audio" else 1 / float(stream.average_rate or stream.guessed_rate or 25)

    def is_late(self, begin: float, wanted: float) -> bool:
        """Return True if a seek for `wanted` landed at a later `begin`, though the stream starts before that."""
        return self.sought and begin > wanted and begin > self.first + ROUNDING

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        for frame in self._decoded():
            begin = self._next if frame.time is None else frame.time - self.origin
            self._next = begin + self.length(frame)
            yield begin, frame

    def length(self, frame: Any) -> float:
        """Seconds of a frame; of a typical one where it does not say."""
        if self.stream.type == "audio":
            return float(frame.samples / frame.sample_rate)
        return float(frame.duration * frame.time_base) if frame.duration else self._typical

    def _decoded(self) -> Iterator[Any]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, EOFError):
                self.damaged, packet = True, None
            try:
                frames = self.stream.codec_context.decode(None) if packet is None else packet.decode()
            except EOFError:
                return
            except av.FFmpegError:
                self.damaged, frames = True, []
            yield from frames
            if packet is None:
                return


def stream_of(container: Any, kind: str) -> Any:
    """The first stream of a kind, or None."""
    cover = av.stream.Disposition.attached_pic
    return next((s for s in container.streams if s.type == kind and not s.disposition & cover), None)


def seconds_of(stamp: int, stream: Any) -> float:
    return float(stamp * stream.time_base)


def stated_end(stream: Any, origin: float) -> float | None:
    """Return the end that a stream states, on the file's clock; Matroska states it in a tag."""
    if stream.duration:
        return seconds_of(stream.duration + (stream.start_time or 0), stream) - origin
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) - origin
    except ValueError:
        return None


def length_is_guessed(container: Any) -> bool:
    """Streams without a header: FFmpeg divides the file's size by a bit rate."""
    return bool({"aac", "mp3", "ac3", "eac3", "dts"} & set(container.format.name.split(",")))


def last_packet(container: Any, origin: float) -> float:
    """The end of the last packet that is there, by reading all of them without decoding."""
    end = 0.0
    try:
        for packet in container.demux():
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None and packet.size:
                end = max(end, float((stamp + (packet.duration or 0)) * packet.time_base) - origin)
    except (av.FFmpegError, EOFError):
        pass  # what came before it counts
    return end


def seek(container: Any, stream: Any, seconds: float) -> bool:
    """Go to the key frame before a time (for sound, with the margin), if the format can."""
    margin = AUDIO_MARGIN if stream.type == "audio" else 0.0
    try:
        container.seek(int((seconds - margin) / stream.time_base), stream=stream)
    except av.FFmpegError:
        return False
    return True


def squares(frames: list[Any], size: int, place: float = 0.5) -> NDArray[np.uint8]:
    """(T, size, size, 3); a frame that comes several times is converted once. place: along the longer side, 0 and 1 the ends."""
    reformatter = av.video.reformatter.VideoReformatter()  # one for all: `to_ndarray` alone would make one for each frame
    pictures: dict[int, NDArray[np.uint8]] = {}
    for frame in frames:
        if id(frame) not in pictures:
            pictures[id(frame)] = _square(reformatter, frame, size, place)
    return np.stack([pictures[id(frame)] for frame in frames])


def _square(reformatter: Any, frame: Any, size: int, place: float) -> NDArray[np.uint8]:
    scale = size / min(frame.width, frame.height)
    width, height = max(size, round(frame.width * scale)), max(size, round(frame.height * scale))
    picture: NDArray[np.uint8] = reformatter.reformat(frame, width, height, format="rgb24").to_ndarray()
    top, left = int((height - size) * place), int((width - size) * place)
    return np.rot90(picture[top : top + size, left : left + size], round(frame.rotation / 90))


def mono_of(frame: Any) -> NDArray[np.float32]:
    """Return (samples,) in [-1, 1]. FFmpeg's own mono mix multiplies identical channels by sqrt(2); a mean does not."""
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(-1, frame.layout.nb_channels).T
    if array.dtype == np.uint8:
        array = (array.astype(np.int16) - 128) * 256  # in this order: every step stays within 16 bits
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused later, with the file's name
        mono: NDArray[np.float32] = array.mean(axis=0, dtype=np.float64 if array.itemsize > 4 else np.float32)
    return mono.astype(np.float32) if array.dtype.kind == "f" else (mono / -np.iinfo(array.dtype).min).astype(np.float32)


def assembled(chunks: list[tuple[float, NDArray[np.float32]]], rate: int, first: int, count: int) -> NDArray[np.float32]:
    """Return the samples first ... first + count of the file's clock, 0 where no chunk has any."""
    sound = np.zeros(count, np.float32)
    for place, run in _runs(chunks, rate):
        low, high = max(0, first - place), min(len(run), first + count - place)
        if high > low:
            sound[place + low - first : place + high - first] = run[low:high]
    return sound


def _runs(chunks: list[tuple[float, NDArray[np.float32]]], rate: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Chunks without a gap between them, joined, with the number of their first sample.

    Time stamps may be rounded to milliseconds: their mean over a run is nearer to the truth than any of them.
    """
    stamps: list[float] = []
    parts: list[NDArray[np.float32]] = []
    length = 0
    for begin, mono in chunks:
        if parts and abs(begin * rate - length - stamps[0]) > JITTER * rate:
            yield round(sum(stamps) / len(stamps)), np.concatenate(parts)
            stamps, parts, length = [], [], 0
        stamps.append(begin * rate - length)
        parts.append(mono)
        length += len(mono)
    if parts:
        yield round(sum(stamps) / len(stamps)), np.concatenate(parts)
