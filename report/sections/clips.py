"""Clips that play in the page itself: the file where it is small and browsers play it, otherwise a short one made of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import attrs
import numpy as np

from antifaz.core.errors import DataError
from antifaz.data.clips import Clip
from antifaz.data.media.file import Media, UnreadableMedia
from antifaz.data.media.writing import write_clip
from antifaz.report.rendering import data_uri

SMALL = 200_000
"""Bytes up to which a file is taken as it is."""
SECONDS, FPS, SIZE, SAMPLE_RATE = 10.0, 12, 144, 16000
"""The length, frame rate, side and sample rate of a clip that is written for the page."""
CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".m4a": "mp4",
    ".webm": "webm",
    ".mp3": "mpeg",
    ".wav": "wav",
    ".ogg": "ogg",
    ".flac": "flac",
}
CODECS = {"h264", "vp8", "vp9", "av1", "aac", "mp3", "opus", "vorbis", "flac", "pcm_s16le"}
"""Codecs that browsers play."""


@attrs.frozen
class Player:
    """kind: `video` or `audio`, empty where there is nothing to play and `note` says why."""

    kind: str
    uri: str
    note: str = ""


class Clips:
    """The clips of a page, within a number of bytes; every file is read once.

    Args:
        room: bytes of data URIs that the page has room for.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._players: dict[Path, Player] = {}
        self.left_out = 0

    def players(self, name: str, folder: str, clip: Clip | None) -> list[Player]:
        """Return the players of a sample. name: as its data set calls it. folder: where relative names begin. clip: its span."""
        paths = files_of(name, folder)
        if not paths:
            return [Player("", "", "the file is not on this machine")]
        return [self._player(path, clip) for path in paths]

    def _player(self, path: Path, clip: Clip | None) -> Player:
        if path not in self._players:
            try:
                self._players[path] = make_player(path, clip)
            except UnreadableMedia:
                self._players[path] = Player("", "", "nothing to play: not a media file")  # data of another kind, or damaged
            except (DataError, OSError) as error:
                self._players[path] = Player("", "", str(error))
        player = self._players[path]
        if len(player.uri) > self.room:
            self.left_out += 1
            return Player("", "", "left out: the page is full")
        self.room -= len(player.uri)
        return player


def files_of(name: str, folder: str) -> list[Path]:
    """List the files of a sample, which is named by its path, or by several with commas between. Empty unless all exist."""
    for names in ([name], name.split(", ")):
        paths = [Path(folder, each) for each in names]
        if all(_is_file(path) for path in paths):
            return paths
    return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that cannot be a path
        return False


def make_player(path: Path, clip: Clip | None) -> Player:
    """Make a player of a file, or of the span of it that is a sample.

    Raises:
        DataError: a file that cannot be read as media. OSError: no room for the clip that is made.
    """
    media = Media(path)
    kind = "video" if media.has_video else "audio"
    container = CONTAINERS.get(path.suffix.lower())
    if container is not None and set(media.codecs.values()) <= CODECS and path.stat().st_size <= SMALL:
        return Player(kind, data_uri(f"{kind}/{container}", path.read_bytes()))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clip.mp4"
        _shorten(media, clip, target)
        return Player(kind, data_uri(f"{kind}/mp4", target.read_bytes()), "a small version of the clip")


def _shorten(media: Media, clip: Clip | None, target: Path) -> None:
    span = clip or Clip(seconds=SECONDS)
    start = span.start(media.duration, 0.5, training=False)
    seconds = min(span.seconds, SECONDS, max(1.0, media.duration - start))
    frames = media.frames(start, round(seconds * FPS), FPS, SIZE) if media.has_video else None
    sound = media.waveform(start, seconds, SAMPLE_RATE).astype(np.float32) / np.float32(32768) if media.has_audio else None
    write_clip(target, frames, sound, fps=FPS, sample_rate=SAMPLE_RATE)


def short_name(name: str, folder: str) -> str:
    """Return a name without the folder that all of a run's relative names begin in."""
    start = folder.rstrip(os.sep) + os.sep
    return ", ".join(part.removeprefix(start) for part in name.split(", "))
