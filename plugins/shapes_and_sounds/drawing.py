"""Pictures and sound of one clip, from its content and its random numbers. Axes: T frames, H height, W width, S samples."""

from __future__ import annotations

import colorsys
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from .rules import Content

SECONDS, FPS, SIZE, SAMPLE_RATE = 2.0, 8, 64, 16000
FRAMES, SAMPLES = int(SECONDS * FPS), int(SECONDS * SAMPLE_RATE)
HUES = (0.0, 0.25, 0.5, 0.75)
"""Centre of each object's range of hues in the normal preset."""

Array = NDArray[np.floating[Any]]


@attrs.frozen
class Rhythm:
    """The beat that motion and contour share: turns a second, and where in a turn the clip begins."""

    speed: float
    phase: float

    def wave(self, t: Array) -> Array:
        wave: Array = np.sin(2 * np.pi * (self.speed * t + self.phase))
        return wave

    def quarter(self, t: Array) -> Array:
        quarter: Array = np.cos(2 * np.pi * (self.speed * t + self.phase))
        return quarter


def rhythm(rng: np.random.Generator) -> Rhythm:
    return Rhythm(float(rng.uniform(0.6, 1.2)), float(rng.uniform()))


def draw(content: Content, beat: Rhythm, rng: np.random.Generator, *, hard: bool) -> NDArray[np.uint8]:
    """(T, H, W, 3) RGB. With `hard` every object has every hue, so that only its outline tells it."""
    t = np.arange(FRAMES) / FPS
    x, y = (np.full(FRAMES, value) for value in rng.uniform(-0.25, 0.25, 2))
    size = np.full(FRAMES, rng.uniform(0.28, 0.4))
    reach = rng.uniform(0.3, 0.45)
    if content.motion in (0, 2):
        x = x * 0.4 + reach * beat.wave(t)
    if content.motion in (1, 2):
        y = y * 0.4 + reach * (beat.quarter(t) if content.motion == 2 else beat.wave(t))
    if content.motion == 3:
        size = size * (1 + 0.5 * beat.wave(t))
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    u = axis[None, None, :] - x[:, None, None]
    v = axis[None, :, None] - y[:, None, None]
    angle = rng.uniform(0, 2 * np.pi)
    turned_u, turned_v = np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u
    inside = _inside(content.shape, turned_u / size[:, None, None], turned_v / size[:, None, None])
    hue = rng.uniform() if hard else HUES[content.shape] + rng.uniform(-0.1, 0.1)
    colour = np.array(colorsys.hsv_to_rgb(hue % 1.0, rng.uniform(0.6, 1.0), rng.uniform(0.7, 1.0)))
    picture = np.where(inside[..., None], colour, _background(rng)[None])
    noise = rng.normal(0, 0.03, (FRAMES, SIZE, SIZE, 1))
    return np.clip((picture + noise) * 255, 0, 255).astype(np.uint8)


def _inside(shape: int, u: Array, v: Array) -> NDArray[np.bool_]:
    """Return which points lie in an object of size 1."""
    if shape == 0:
        return u**2 + v**2 < 1
    if shape == 1:
        return np.maximum(abs(u), abs(v)) < 0.88
    if shape == 2:
        return (v < 0.6) & (v > 1.9 * abs(u) - 1.15)
    return (np.minimum(abs(u), abs(v)) < 0.32) & (np.maximum(abs(u), abs(v)) < 1.05)


def _background(rng: np.random.Generator) -> Array:
    """A dim smooth texture (H, W, 3)."""
    coarse = rng.uniform(0.05, 0.4, (5, 5, 3))
    place = np.linspace(0, 4, SIZE)
    low = np.minimum(place.astype(int), 3)
    share = place - low
    rows = coarse[low] * (1 - share)[:, None, None] + coarse[low + 1] * share[:, None, None]
    smooth: Array = rows[:, low] * (1 - share)[None, :, None] + rows[:, low + 1] * share[None, :, None]
    return smooth


def sound(content: Content, beat: Rhythm, rng: np.random.Generator) -> NDArray[np.float32]:
    """(S,) in [-1, 1]."""
    t = np.arange(SAMPLES) / SAMPLE_RATE
    pitch = rng.uniform(220, 440)
    frequency: Array = np.full(SAMPLES, pitch)
    loudness: Array = np.ones(SAMPLES)
    if content.contour == 1:
        frequency = pitch * 2 ** (0.5 * beat.wave(t))
    elif content.contour == 2:
        frequency = pitch * (1 + 0.06 * np.sin(2 * np.pi * (8 * beat.speed * t + beat.phase)))
    elif content.contour == 3:
        loudness = 0.55 + 0.45 * beat.wave(t)
    turns = np.cumsum(frequency) / SAMPLE_RATE + rng.uniform()
    tone = _tone(content.timbre, turns, rng) * loudness * rng.uniform(0.4, 0.8)
    noisy = tone + rng.normal(0, 0.01, SAMPLES)
    clipped: NDArray[np.float32] = np.clip(noisy, -1, 1).astype(np.float32)
    return clipped


def _tone(timbre: int, turns: Array, rng: np.random.Generator) -> Array:
    def partials(*numbers: int) -> Array:
        mixed: Array = np.sum([np.sin(2 * np.pi * n * turns) / n**0.5 for n in numbers], axis=0)
        mixed = mixed / sum(1 / n**0.5 for n in numbers)
        return mixed

    if timbre == 0:
        return partials(1)
    if timbre == 1:
        return partials(1, 3, 5, 7)
    if timbre == 2:
        return partials(1, 2, 4, 6, 8)
    step = SAMPLE_RATE // 400
    coarse = rng.uniform(0, 1, SAMPLES // step + 2)
    return partials(1) * np.interp(np.arange(SAMPLES) / step, np.arange(len(coarse)), coarse)
