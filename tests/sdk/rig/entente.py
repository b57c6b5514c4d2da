"""The binary under test."""

import json
import os
import urllib.parse
import urllib.request
from pathlib import Path

from .process import Process

ROOT = Path(__file__).resolve().parents[3]
TENANT = "3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11"
CLIENT = "b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90"
SECRET = "bootstrap-secret-of-the-suites"
# A clean end may take this long.
STOP_SECONDS = 10


def binary() -> Path:
    """What ENTENTE_BIN names, else the newest build of this repository."""
    if named := os.environ.get("ENTENTE_BIN"):
        return Path(named)
    builds = [ROOT / "target" / kind / "entente" for kind in ("debug", "release")]
    found = [build for build in builds if build.exists()]
    if not found:
        raise RuntimeError("there is no binary: run `cargo build`, or set ENTENTE_BIN")
    return max(found, key=lambda build: build.stat().st_mtime)


class Entente:
    """`entente serve` on a data directory that outlives the process."""

    def __init__(self, folder: Path, *options: str):
        self.folder = folder
        self.options = options
        self.log = folder / "entente.log"
        self.process: Process | None = None
        self.address = ""
        self._token = None

    def start(self):
        self.process = Process(
            [binary(), "serve", "--data-dir", self.folder / "data", "--listen", "127.0.0.1:0", *self.options],
            self.log,
            {
                "ENTENTE_TENANT_ID": TENANT,
                "ENTENTE_BOOTSTRAP_CLIENT_ID": CLIENT,
                "ENTENTE_BOOTSTRAP_CLIENT_SECRET": SECRET,
            },
        )
        self.address = self.process.wait_for_line("listening on ")
        return self

    def kill(self):
        self.process.kill()

    def crash(self):
        """`kill -9`, then a new process on the same data directory (and on another port)."""
        self.kill()
        return self.start()

    def stop(self) -> int | None:
        return self.process.terminate(STOP_SECONDS)

    def token(self) -> str:
        """An access token by plain client credentials. It stays good when the process is started anew."""
        if self._token is None:
            form = {
                "grant_type": "client_credentials",
                "client_id": CLIENT,
                "client_secret": SECRET,
                "scope": "https://graph.microsoft.com/.default",
            }
            request = urllib.request.Request(
                f"{self.address}/{TENANT}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode()
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                self._token = json.load(answer)["access_token"]
        return self._token
