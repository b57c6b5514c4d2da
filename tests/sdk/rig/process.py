"""Processes that are ended by their id, whatever happens."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

START_SECONDS = 60


class Process:
    """A child process whose output is kept in a file, line by line as it comes."""

    def __init__(self, arguments, log: Path, environment=None):
        self.log = log
        self._file = open(log, "ab")
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self.child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._file,
            env={**os.environ, **(environment or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self._changed:
                self._file.write(line)
                self._file.flush()
                self._lines.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for_line(self, start: str) -> str:
        """The rest of the first line that begins with `start`."""
        deadline = time.monotonic() + START_SECONDS
        with self._changed:
            while True:
                for line in self._lines:
                    if line.startswith(start):
                        return line.removeprefix(start).strip()
                if self.child.poll() is not None and not self._reader.is_alive():
                    raise RuntimeError(f"{self.child.args} ended with {self.child.returncode}:\n{self.tail()}")
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.child.args} did not print {start!r} in time:\n{self.tail()}")
                self._changed.wait(0.1)

    def alive(self) -> bool:
        return self.child.poll() is None

    def kill(self):
        """As `kill -9` does."""
        if self.alive():
            os.kill(self.child.pid, signal.SIGKILL)
        self._gone()

    def terminate(self, seconds: float) -> int | None:
        """Asks the process to end; its exit status, or None where it had to be killed after that many seconds."""
        if self.alive():
            os.kill(self.child.pid, signal.SIGTERM)
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
            os.kill(self.child.pid, signal.SIGKILL)
        self._gone()
        return status

    def _gone(self):
        self.child.wait()
        self._reader.join(5)
        self._file.close()

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
