"""Debian's Chromium driven through chromedriver's HTTP interface; nothing but the standard library."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip


def missing() -> str:
    """Why there is no browser here; empty when there is one."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed (Debian's packages chromium and chromium-driver)" if absent else ""


class Browser:
    """One headless window; a context manager."""

    def __enter__(self) -> Browser:
        self._folder = tempfile.TemporaryDirectory(prefix="forebear-browser-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._base = f"http://127.0.0.1:{port}"
        options = {
            "binary": shutil.which("chromium"),
            "args": [*FLAGS, f"--user-data-dir={self._folder.name}"],
            "prefs": {},
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = self._post("/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except (ConnectionError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        self._base += f"/session/{answer['sessionId']}"
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(urllib.request.Request(self._base, method="DELETE"), timeout=20).close()
        self._driver.terminate()
        self._driver.wait(timeout=20)
        self._folder.cleanup()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self._base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def cdp(self, command: str, **parameters: Any) -> Any:
        """One command of Chromium's own protocol."""
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, path: Path, *, width: int, dark: bool = False, media: str = "") -> None:
        """Open a page at a width, in a colour scheme, as a screen or as paper."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._post("/url", {"url": path.resolve().as_uri()})

    def ask(self, script: str) -> Any:
        """The value of a script run in the page."""
        return self._post("/execute/sync", {"script": script, "args": []})

    def wait(self, script: str) -> Any:
        """What a script run in the page hands to its last argument, which is called when it is done."""
        return self._post("/execute/async", {"script": script, "args": []})

    def console(self) -> list[str]:
        """What the page complained of since the last call: errors, and anything about its policy."""
        return [entry["message"] for entry in self._post("/se/log", {"type": "browser"})]

    def picture(self, width: int = 0, height: int = 0) -> bytes:
        """The whole page as PNG, or its top of a given size in pixels."""
        clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}} if height else {}
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        return base64.b64decode(shot["data"])

    def paper(self) -> bytes:
        """The page printed, as PDF."""
        return base64.b64decode(self.cdp("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
