"""Media files, read and written with PyAV.

A file's clock starts at its earliest stream, for sound and picture alike, so that both of a clip belong together. What a file says
of its length is held against what decodes: where it breaks off inside the span that is asked for, it is refused, never padded.
Facts behind the choices (seek margins, channel means, one decoder thread) are measured: see the comments.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

from antifaz.core.errors import DataError

from .resampling import resample
from .stream_reader import (
    AUDIO_MARGIN,
    ROUNDING,
    Reading,
    assembled,
    last_packet,
    length_is_guessed,
    mono_of,
    seconds_of,
    seek,
    squares,
    stated_end,
    stream_of,
)

NO_SEEK_BELOW = 0.15
"""Seconds below which a fresh open is decoded from its beginning."""


FURTHER_BACK = 10.0
"""Seconds that the next seek goes further back if one lands late, as in transport streams; then the whole is decoded."""


SLACK = 0.5
"""Seconds by which a stream may end before its stated end, and yet be whole."""


NOT_MEDIA = {"tty", "concat", "hls", "dash", "imf", "sdp"}
"""FFmpeg also shows text as pictures of a terminal, and follows playlists to other files: not here."""


av.logging.set_level(av.logging.PANIC)


T = TypeVar("T")


class UnreadableMedia(DataError):
    """A file that is damaged, or no media at all."""


class Media:
    """One media file. Cheap to make; every read opens the file anew.

    has_video, has_audio: the cover picture of a music file is no video. duration: seconds of the longest stream.
    codecs: `video` and `audio` -> FFmpeg's name of the coding.
    Raises:
        UnreadableMedia: no such file, nothing decodable in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as container:
            streams = {kind: stream for kind in ("video", "audio") if (stream := stream_of(container, kind)) is not None}
            self.has_video, self.has_audio = "video" in streams, "audio" in streams
            if not streams:
                raise UnreadableMedia(f"{path} has neither pictures nor sound")
            for kind, stream in streams.items():
                if stream.codec_context is None:
                    raise UnreadableMedia(f"{path} has {kind} in a coding that the installed FFmpeg cannot read")
            self.codecs = {kind: str(stream.codec_context.codec.canonical_name) for kind, stream in streams.items()}
            self.origin = min((seconds_of(s.start_time, s) for s in streams.values() if s.start_time is not None), default=0.0)
            self._ends = {kind: stated_end(stream, self.origin) for kind, stream in streams.items()}
            self._whole = container.duration / av.time_base if container.duration else None
            known = [end for end in self._ends.values() if end is not None]
            if length_is_guessed(container):
                self._ends, self._whole = dict.fromkeys(streams), None
                self.duration = last_packet(container, self.origin)
            else:
                self.duration = max(known) if known else (self._whole or last_packet(container, self.origin))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            _require_file(self.path)
            # `file:` keeps colons in names from being read as protocols; nothing is fetched from elsewhere.
            options = {"protocol_whitelist": "file"}
            container = av.open(f"file:{self.path}", options=options, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableMedia(f"{self.path} cannot be read as media: {_words(error)}") from None
        try:
            if NOT_MEDIA & set(container.format.name.split(",")):
                raise UnreadableMedia(f"{self.path} is not a media file, but one of type {container.format.name!r}")
            yield container
        except (av.FFmpegError, EOFError, ValueError) as error:
            raise UnreadableMedia(f"{self.path} is damaged: {_words(error)}") from None
        finally:
            container.close()

    def frames(self, start: float, count: int, fps: float, size: int, place: float = 0.5) -> NDArray[np.uint8]:
        """Pictures at start + i / fps, each the one on show at that time: (count, size, size, 3) RGB.

        Upright, the shorter side scaled to `size`; place: which square of the longer side, 0 and 1 the ends, 0.5 the centre. Times
        past the stated end repeat the last picture.

        Raises:
            UnreadableMedia: no picture can be decoded, or the stream breaks off before the span and before its stated end.
        """
        times = [start + i / fps for i in range(count)]

        def read(reading: Reading) -> NDArray[np.uint8] | None:
            chosen = self._on_show(reading, times)
            return None if chosen is None else squares(chosen, size, place)

        return self._read("video", start, read)

    def waveform(self, start: float, seconds: float, sample_rate: int) -> NDArray[np.int16]:
        """The sound of a span, the mean of its channels: (round(seconds * sample_rate),), silent past the stated end.

        Raises:
            UnreadableMedia: no sound can be decoded, or the stream breaks off in the span and before its stated end.
        """

        def read(reading: Reading) -> NDArray[np.float32] | None:
            return self._sound(reading, start, seconds, sample_rate)

        sound = self._read("audio", start, read)
        return np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)

    def _read(self, kind: str, start: float, read: Callable[[Reading], T | None]) -> T:
        """Apply `read` to a stream that is decoded from shortly before `start`; `read` returns None if a seek landed late."""
        places: list[float | None] = [p for p in (start, start - FURTHER_BACK) if p > NO_SEEK_BELOW]
        for place in [*places, None]:
            with self._open() as container:
                stream = stream_of(container, kind)
                if stream is None:
                    raise UnreadableMedia(f"{self.path} has no {kind}")
                stream.codec_context.thread_count = 1  # loader processes are the parallelism
                if place is not None and not seek(container, stream, place + self.origin):
                    continue
                decoded = read(Reading(container, stream, self.origin, sought=place is not None))
                if decoded is not None:
                    return decoded
        raise UnreadableMedia(f"{self.path} has no {kind} that can be decoded")

    def _on_show(self, reading: Reading, times: list[float]) -> list[Any] | None:
        """Return for each time, ascending, the last frame that began before it; None if the reading began too late or is empty."""
        chosen: list[Any] = []
        shown, ends = None, 0.0
        for begin, frame in reading:
            if shown is None and reading.is_late(begin, times[0] + ROUNDING):
                return None
            if shown is None and reading.damaged and begin > times[0] + SLACK:
                raise self._breaks_off(times[0])
            while shown is not None and len(chosen) < len(times) and times[len(chosen)] + ROUNDING < begin:
                if reading.damaged and times[len(chosen)] > ends + SLACK:
                    raise self._breaks_off(ends)
                chosen.append(shown)
            if len(chosen) == len(times):
                return chosen
            shown, ends = frame, begin + reading.length(frame)
        if shown is None:
            return None
        self._require_until("video", ends, times[-1])
        return chosen + [shown] * (len(times) - len(chosen))

    def _sound(self, reading: Reading, start: float, seconds: float, sample_rate: int) -> NDArray[np.float32] | None:
        """Mono samples of a span at `sample_rate`. None if the reading began too late or has nothing."""
        rate, chunks, ends = 0, [], start if reading.sought else reading.first
        for begin, frame in reading:
            if not rate:
                if reading.is_late(begin, start):
                    return None
                rate = frame.sample_rate
            if reading.damaged and begin > max(ends, start) + SLACK:
                raise self._breaks_off(ends)
            if begin >= start + seconds + AUDIO_MARGIN:
                break
            if frame.sample_rate != rate:
                raise UnreadableMedia(f"{self.path} changes its sample rate from {rate} to {frame.sample_rate} Hz")
            ends = begin + frame.samples / rate
            if ends > start - AUDIO_MARGIN:
                chunks.append((begin, mono_of(frame)))
        if not rate:
            return None
        self._require_until("audio", ends, start + seconds)

        def at_native_rate(first: int, count: int) -> NDArray[np.float32]:
            return assembled(chunks, rate, first, count)

        sound = resample(at_native_rate, start, seconds, rate, sample_rate)
        if not np.isfinite(sound).all():
            raise UnreadableMedia(f"{self.path} has sound samples that are no numbers")
        return sound

    def _require_until(self, kind: str, reached: float, wanted: float) -> None:
        """Refuse a stream that was read to its last frame, if that lies before what was wanted and before its stated end."""
        end = self._ends[kind]
        if end is None and self._whole is not None and reached < min(wanted, self._whole) - SLACK:
            with self._open() as container:  # no end of its own: is it the file as a whole that breaks off?
                cut = last_packet(container, self.origin) < self._whole - SLACK
            end = self._whole if cut else None
        if end is not None and reached < min(wanted, end) - SLACK:
            raise self._breaks_off(reached)

    def _breaks_off(self, reached: float) -> UnreadableMedia:
        return UnreadableMedia(f"{self.path} is damaged: it breaks off at {reached:.2f} s of {self.duration:.2f} s")


def _require_file(path: Path) -> None:
    """Pipes and devices could block for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    if status.st_size == 0:
        raise OSError("it is empty")


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip() or type(error).__name__
