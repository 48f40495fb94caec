"""Scripts under tools/ import each other from their own folder, as they do when `make` runs them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
