"""A config of the components of planted_contracts.py, in which an override plants one mistake."""

from __future__ import annotations

from pathlib import Path

PLUGIN = Path(__file__).parent / "planted_contracts.py"

CONFIG = """
name: contract
loggers: []
data:
  train:
    use: motions
    batch_size: 4
    transforms: [scale]
graph:
  labels: {use: linear_heads, in: batch.motion, classes: 2}
stages:
  train:
    task: train
    data: train
    steps: 2
    optimizer: {use: adamw, lr: 0.01}
    objectives:
      squares: {use: squares, in: [labels, batch.label]}
  test:
    task: evaluate
    data: train
    init: train
    metrics:
      balanced: {use: balanced, in: [labels, batch.label]}
"""
