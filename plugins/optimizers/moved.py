"""Advice for keys that `optimizer:` had before optimizers and schedules were components."""

from __future__ import annotations

from collections.abc import Mapping

MOVED: Mapping[str, str] = {
    "method": "write `use: sgd` or `use: adamw`",
    "warmup": "it is an option of the schedule: write `schedule: {use: cosine, warmup: ...}` of the stage",
    "schedule": "write `schedule:` beside `optimizer:`, not in it",
    "final": "it is an option of the schedule: write `schedule: {use: cosine, min_lr_ratio: ...}` of the stage",
}
