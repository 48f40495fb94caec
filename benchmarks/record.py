"""Writing down a measurement: hardware, versions, date, config and figures in one dated file."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"


def hardware(device: str) -> dict[str, Any]:
    """Describe the hardware and versions that the figures were measured on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    environment = {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    if device == "cuda":
        environment["gpu"] = torch.cuda.get_device_name()
    return environment


def write(name: str, device: str, config: Mapping[str, Any], figures: Mapping[str, Any], output: Path = RESULTS) -> Path:
    """Write `DATE-NAME-DEVICE.json`."""
    date = datetime.date.today().isoformat()
    versions = {package: metadata.version(package) for package in ("antifaz", "torch")}
    record = {
        "date": date,
        "hardware": hardware(device),
        "versions": {**versions, "python": platform.python_version()},
        "config": dict(config),
        "figures": dict(figures),
    }
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{date}-{name}-{device}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


def seconds(call: Callable[[], object], device: str) -> float:
    """One timed call."""
    import time

    if device == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def alternate(sides: Mapping[str, Callable[[], object]], repeats: int, device: str) -> dict[str, list[float]]:
    """Time every side once in turn, `repeats` times over, after a warm-up of each."""
    for call in sides.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            times[name].append(seconds(call, device))
    return times


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest of the ratios of runs that stood side by side."""
    values = [a / b for a, b in zip(above, below, strict=True)]
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
