"""What happened on the pretended device, each with the line of the package that caused it."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

PLACES = ("/gnnvision/", "/experiments/")
HERE = Path(__file__).parent
OWN = {str(HERE / f"{name}.py") for name in ("capture", "ledger", "memory", "patches", "rules")}


class Ledger:
    """Counts by (what, line).

    Args:
        waits: calls for which the host stops until the device is done.
        copies: copies to the device out of memory that is not pinned, which stop it as well.
        faults: calls that a real device refuses.
        mode: what torch does at each stop, as it was asked to: "default", "warn" or "error".
        graphs: how many CUDA graphs were replayed.
    """

    def __init__(self):
        self.waits, self.copies, self.faults = Counter(), Counter(), Counter()
        self.mode = "default"
        self.capturing = lambda: False
        self.graphs = 0
        self.calls = 0  # how many operations ran on the device

    def wait(self, what):
        self._stop(what, self.waits)

    def copy(self, what):
        self._stop(what, self.copies)

    def _stop(self, what, counts):
        if self.capturing():
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        place = _line()
        counts[what, place] += 1
        words = "called a synchronizing CUDA operation"
        if self.mode == "error":
            raise RuntimeError(words)
        if self.mode == "warn":
            file, _, number = _line(innermost=True).rpartition(":")
            warnings.warn_explicit(words, UserWarning, file, int(number or 0))

    def fault(self, what, kind=RuntimeError):
        """Note what a real device refuses, and refuse it."""
        self.faults[what, _line()] += 1
        raise kind(what)

    def stops(self):
        """How often the host stopped, for either reason."""
        return self.waits.total() + self.copies.total()

    @contextmanager
    def counting(self):
        """What happens inside the block alone: a ledger that is filled at its end."""
        before = [Counter(c) for c in (self.waits, self.copies, self.faults)]
        calls, graphs, part = self.calls, self.graphs, Ledger()
        yield part
        for name, old in zip(("waits", "copies", "faults"), before, strict=True):
            setattr(part, name, getattr(self, name) - old)
        part.calls, part.graphs = self.calls - calls, self.graphs - graphs

    def __str__(self):
        lines = [f"{self.calls} operations on the device"]
        for name in ("faults", "waits", "copies"):
            counts = getattr(self, name)
            lines.append(f"{name}: {counts.total()}")
            lines += [f"{n:7d} {line}: {what}" for (what, line), n in counts.most_common(40)]
        return "\n".join(lines)


def _line(innermost=False):
    """The innermost line of the package, or of what called it; or of either."""
    frame, outside = sys._getframe(2), None
    while frame is not None:
        file = frame.f_code.co_filename
        if not innermost and any(place in file for place in PLACES) and "/tests/" not in file:
            place = next(p for p in PLACES if p in file)
            return f"{place[1:]}{file.rsplit(place, 1)[-1]}:{frame.f_lineno}"
        if outside is None and "/torch/" not in file and file not in OWN:
            outside = file if innermost else file.rsplit("/", 1)[-1]
            outside = f"{outside}:{frame.f_lineno}"
        frame = frame.f_back
    return outside or "?"
