"""Processes of the bench: started on a core of their own choosing, watched, and always ended."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

ROOT = Path(__file__).parents[2]


class Running:
    """A child process that ends with the block it was started in.

    Attributes:
        log: what it says on standard error.
        started_ns: wall clock just before it was started.
    """

    def __init__(self, command: Sequence[str], log: Path, cores: Sequence[int] = ()) -> None:
        """Start it.

        Args:
            command: program and arguments.
            log: takes its standard error.
            cores: on which it may run; none: wherever the system puts it.
        """
        pinned = ("taskset", "-c", ",".join(map(str, cores))) if cores else ()
        with log.open("wb") as errors:
            self.started_ns = time.time_ns()
            self.process = subprocess.Popen(
                (*pinned, *command),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.log = log
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def cpu_s(self) -> float:
        """CPU time of all its threads, user and system, to the nanosecond.

        The same as utime + stime of /proc/PID/stat, which are cut to hundredths of a second: too
        coarse for a gateway that uses a few of them in all. The clock id is what
        clock_getcpuclockid(3) returns on Linux.
        """
        return time.clock_gettime(~self.process.pid << 3 | 2)

    @property
    def rss_mb(self) -> float:
        """Resident memory, in units of 10^6 bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"{self.process.args!r} has ended; see {self.log}")

    def line(self, timeout_s: float = 30.0, of: Running | None = None) -> str:
        """Return the next line that it prints.

        Args:
            timeout_s: how long to wait for one.
            of: the process on which the line depends, if that is another.

        Raises:
            RuntimeError: a process ended or was silent for too long; with what it said last.
        """
        of = of or self
        deadline = time.monotonic() + timeout_s
        line = None
        while not line and of.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=0.1)
        if line:
            return line.strip()
        said = of.log.read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"nothing came from {of.process.args!r}; it said:\n{said}")

    def ask(self, line: str) -> str:
        """Type a line and return the one that it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.line()

    def stop(self) -> list[str]:
        """End it politely; return what it printed and nobody read. Safe to call twice."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        rest = []
        with contextlib.suppress(queue.Empty):
            while line := self._lines.get_nowait():
                rest.append(line.strip())
        return rest

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")
