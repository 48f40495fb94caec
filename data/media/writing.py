"""Writing media files with PyAV."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


def write_clip(
    path: Path, frames: NDArray[np.uint8] | None, waveform: NDArray[np.float32] | None, *, fps: int, sample_rate: int
) -> None:
    """Write an mp4 (H.264 and AAC), atomically and reproducibly.

    frames: (T, H, W, 3) RGB, even sides. waveform: (samples,) in [-1, 1]. Either may be None.
    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
    try:
        with av.open(f"file:{temporary}", "w", format="mp4", options={"fflags": "+bitexact"}) as container:
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
                # x264's macroblock tree reads memory that nobody set: its bytes differ from run to run.
                video.options = {"preset": "veryfast", "crf": "20", "flags": "+bitexact", "x264-params": "mbtree=0"}
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
