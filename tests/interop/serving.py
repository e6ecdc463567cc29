"""The server over HTTP, as a process that ends in order."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tally import expect

# Seconds.
START = 20.0
END = 10.0


class Serving:
    """`rl-mcp serve` with both adapters, each on a free port."""

    def __init__(self, binary: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.command = [binary, "serve", "--mcp", "0", "--rest", "0", *arguments]
        self.environment = environment or {}

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory()
        self.stderr = Path(self.folder.name, "stderr")
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(self.command, env=self.environment, stderr=stderr)
        deadline = time.monotonic() + START
        while not (found := re.search(r"MCP at (\S+)\n.*REST at (\S+) ", self.said())):
            expect(self.process.poll() is None, f"it ended: {self.said()}")
            expect(time.monotonic() < deadline, f"it does not listen: {self.said()}")
            time.sleep(0.02)
        self.mcp, self.rest = found.groups()
        return self

    def said(self) -> str:
        """Standard error so far."""
        return self.stderr.read_text()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.process.terminate()
        code = self.process.wait(END)
        said = self.said()
        self.folder.cleanup()
        if kind is None:
            expect(code == 0, f"exit code {code}: {said}")
        elif said:
            print(said, file=sys.stderr)
