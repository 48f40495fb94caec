"""A headless Chromium for tests, spoken to in the DevTools protocol over a pipe: no port, no further package."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0
"""Seconds for any answer."""


def executable() -> str | None:
    """The browser of this machine, if it has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page in a browser of its own, with an empty profile. A context manager."""

    def __init__(self, browser: str) -> None:
        self.browser = browser
        self.requests: list[str] = []
        """Addresses of everything that the page asked for."""
        self._events: list[dict[str, Any]] = []
        self._number = 0
        self._pending = b""

    def __enter__(self) -> Page:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Chromium reads its descriptor 3 and writes 4; high numbers, so that the shell's redirections cannot collide.
        high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 20) for descriptor in (theirs_in, theirs_out)]
        shell = f'exec "$@" 3<&{high[0]} 4>&{high[1]}'
        command = ["bash", "-c", shell, "browser", self.browser, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        for descriptor in (theirs_in, theirs_out, *high):
            os.close(descriptor)
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._out)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._in)
        self._profile.cleanup()

    def open(self, address: str) -> None:
        """Go to an address and wait until it is loaded."""
        self._events.clear()
        self.call("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._read(time.monotonic() + PATIENCE)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol, and its answer."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._read(time.monotonic() + PATIENCE, lambda found: found.get("id") == number)

    def _read(self, deadline: float, wanted: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Take messages until the wanted answer is there, or just the next one."""
        while True:
            while b"\0" not in self._pending:
                ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
                part = os.read(self._in, 1 << 16) if ready else b""
                if not part:
                    raise TimeoutError("the browser does not answer" if not ready else "the browser is gone")
                self._pending += part
            text, _, self._pending = self._pending.partition(b"\0")
            found: dict[str, Any] = json.loads(text)
            if found.get("method") == "Network.requestWillBeSent":
                self.requests.append(found["params"]["request"]["url"])
            if "method" in found:
                self._events.append(found)
            if wanted is None or wanted(found):
                if "error" in found:
                    raise RuntimeError(found["error"]["message"])
                return found.get("result", {})


def file_address(path: Path) -> str:
    return path.resolve().as_uri()
