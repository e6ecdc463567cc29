"""Counting checks, for all that lets somebody else's client drive the server or the sandbox."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class Mismatch(Exception):
    """Something else happened than expected."""


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Mismatch(otherwise)


class Tally:
    """Counts checks; one that fails does not stop the others."""

    def __init__(self, *, telling: bool = False) -> None:
        self.passed = 0
        self.failed = 0
        self.telling = telling
        self.lock = threading.Lock()

    @contextmanager
    def check(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            with self.lock:
                self.failed += 1
            print(f"FAILED {name}: {error}")
            if not isinstance(error, Mismatch):
                traceback.print_exc(file=sys.stdout)
        else:
            with self.lock:
                self.passed += 1
            if self.telling:
                print(f"passed {name} ({time.monotonic() - began:.1f} s)")

    def end(self) -> int:
        """Says what it came to; the answer is an exit code."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0
