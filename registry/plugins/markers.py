"""pluggy's markers for the hooks of Antifaz."""

from __future__ import annotations

import pluggy

PROJECT = "antifaz"


hookspec = pluggy.HookspecMarker(PROJECT)


hookimpl = pluggy.HookimplMarker(PROJECT)
