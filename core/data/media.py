"""Media files, read and written with PyAV.

A file's clock starts at its earliest stream, for sound and picture alike, so that both of a clip belong together. Facts behind the
choices (seek margins, channel means, one decoder thread) are measured: see the comments.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torchaudio.functional as AF
from numpy.typing import NDArray

from antifaz.registry import DataError

AUDIO_MARGIN = 0.1
"""After a seek the first 600 to 900 AAC samples are wrong: begin so much earlier, in seconds."""
NO_SEEK_BELOW = 0.15
"""Seconds below which a fresh open is decoded from its beginning."""

av.logging.set_level(av.logging.PANIC)


class UnreadableMedia(DataError):
    """A file that is damaged, or no media at all."""


class Media:
    """One media file. Cheap to make; every read opens the file anew.

    Raises:
        UnreadableMedia: no such file, nothing decodable in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as container:
            video, audio = container.streams.video, container.streams.audio
            self.has_video = bool(video) and not _is_cover(video[0])
            self.has_audio = bool(audio)
            if not (self.has_video or self.has_audio):
                raise UnreadableMedia(f"{path} has neither pictures nor sound")
            used = [*(video[:1] if self.has_video else []), *audio[:1]]
            starts = [float(s.start_time * s.time_base) for s in used if s.start_time is not None and s.time_base is not None]
            self.origin = min(starts, default=0.0)
            self.duration = _duration(container, used)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            container = av.open(str(self.path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableMedia(f"{self.path} cannot be read as media: {_words(error)}") from None
        try:
            yield container
        except (av.FFmpegError, EOFError) as error:
            raise UnreadableMedia(f"{self.path} is damaged: {_words(error)}") from None
        finally:
            container.close()

    def frames(self, start: float, count: int, fps: float, size: int) -> NDArray[np.uint8]:
        """Pictures at start + i / fps, each the one on show at that time: (count, size, size, 3) RGB.

        The shorter side is scaled to `size`, the centre is kept. Times past the end repeat the last picture.
        """
        times = [start + i / fps + 1e-4 for i in range(count)]
        with self._open() as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # loader processes are the parallelism
            if start > NO_SEEK_BELOW:
                container.seek(int((start + self.origin) / stream.time_base), stream=stream)
            chosen = _on_show(container, stream, times, self.origin, self.path)
            reformatter = av.video.reformatter.VideoReformatter()
            made: dict[int, NDArray[np.uint8]] = {}
            for frame in chosen:
                if id(frame) not in made:
                    made[id(frame)] = _square(reformatter, frame, size)
            return np.stack([made[id(frame)] for frame in chosen])

    def waveform(self, start: float, seconds: float, sample_rate: int) -> NDArray[np.int16]:
        """The sound of a span, the mean of its channels: (round(seconds * sample_rate),), silent where there is none."""
        wanted = round(seconds * sample_rate)
        with self._open() as container:
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            rate = stream.codec_context.sample_rate
            if start > NO_SEEK_BELOW:
                container.seek(int((start - AUDIO_MARGIN + self.origin) / stream.time_base), stream=stream)
            sound = _sound(container, stream, start, start + seconds, rate, self.origin, self.path)
        if rate != sample_rate:
            sound = AF.resample(torch.from_numpy(sound), rate, sample_rate).numpy()
        fitted = np.zeros(wanted, np.float32)
        length = min(wanted, len(sound))
        fitted[:length] = sound[:length]
        return np.clip(np.rint(fitted * 32767), -32768, 32767).astype(np.int16)


def _is_cover(stream: Any) -> bool:
    """Whether a picture stream is only the cover of a music file."""
    return bool(int(stream.disposition) & int(av.stream.Disposition.attached_pic))


def _duration(container: Any, streams: list[Any]) -> float:
    """Seconds of the longest stream; of the container where streams do not say."""
    known = [float(s.duration * s.time_base) for s in streams if s.duration]
    if known:
        return max(known)
    return float(container.duration / av.time_base) if container.duration else 0.0


def _on_show(container: Any, stream: Any, times: list[float], origin: float, path: Path) -> list[Any]:
    """For each time, ascending, the last frame that began before it, by time stamps."""
    chosen: list[Any] = []
    shown = None
    try:
        for frame in container.decode(stream):
            at = frame.time - origin if frame.time is not None else len(chosen) / 25
            while shown is not None and len(chosen) < len(times) and times[len(chosen)] < at:
                chosen.append(shown)
            if len(chosen) == len(times):
                return chosen
            shown = frame
    except (av.FFmpegError, EOFError) as error:
        raise UnreadableMedia(f"{path} is damaged: {_words(error)}") from None
    if shown is None:
        raise UnreadableMedia(f"{path} has no picture at {times[0]:.2f} s")
    return chosen + [shown] * (len(times) - len(chosen))


def _square(reformatter: Any, frame: Any, size: int) -> NDArray[np.uint8]:
    scale = size / min(frame.width, frame.height)
    width, height = max(size, round(frame.width * scale)), max(size, round(frame.height * scale))
    picture: NDArray[np.uint8] = reformatter.reformat(frame, width, height, format="rgb24").to_ndarray()
    top, left = (height - size) // 2, (width - size) // 2
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def _sound(container: Any, stream: Any, start: float, end: float, rate: int, origin: float, path: Path) -> NDArray[np.float32]:
    """Mono samples from start to end at the file's own rate, placed by time stamps."""
    total = math.ceil((end - start) * rate)
    sound = np.zeros(total, np.float32)
    resampler = av.AudioResampler(format="fltp")  # the sample format alone: channels and rate stay
    heard = False
    for frame in container.decode(stream):
        at = frame.time - origin if frame.time is not None else 0.0
        if at >= end:
            break
        for part in resampler.resample(frame):
            # FFmpeg's own mono mix multiplies identical channels by sqrt(2); a mean does not.
            mono = part.to_ndarray().mean(axis=0)
            offset = round((at - start) * rate)
            first, last = max(0, -offset), min(len(mono), total - offset)
            if last > first:
                sound[offset + first : offset + last] = mono[first:last]
                heard = True
    if not heard and start == 0.0:
        raise UnreadableMedia(f"{path} has a sound track without sound")
    return sound


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip() or type(error).__name__


def write_clip(
    path: Path, frames: NDArray[np.uint8] | None, waveform: NDArray[np.float32] | None, *, fps: int, sample_rate: int
) -> None:
    """Write an mp4 (H.264 and AAC), atomically and reproducibly.

    frames: (T, H, W, 3) RGB. waveform: (samples,) in [-1, 1]. Either may be None.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
    try:
        with av.open(str(temporary), "w", options={"fflags": "+bitexact"}) as container:
            # Both streams must be declared before the first packet.
            video: Any = None if frames is None else container.add_stream("libx264", rate=fps)
            audio: Any = None
            if waveform is not None:
                # Perceptual noise substitution would make decoding depend on the decoder's history.
                audio = container.add_stream("aac", rate=sample_rate, layout="mono", options={"aac_pns": "0"})
            if frames is not None:
                video.height, video.width = frames.shape[1:3]
                video.pix_fmt = "yuv420p"
                video.codec_context.thread_count = 1
                video.options = {"preset": "veryfast", "crf": "20", "flags": "+bitexact"}
                for picture in frames:
                    container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(video.encode())
            if waveform is not None:
                sound = av.AudioFrame.from_ndarray(waveform.astype(np.float32)[None], format="fltp", layout="mono")
                sound.sample_rate = sample_rate
                sound.pts = 0
                container.mux(audio.encode(sound))
                container.mux(audio.encode())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
