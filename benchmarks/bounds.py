"""What the machine reaches in arithmetic and in memory: the bounds of the benchmarks.

    python benchmarks/bounds.py

Arithmetic is that of a matrix product of 2048 x 2048, by MKL or oneDNN, whichever is faster.
Memory is that of a copy of 256 MiB, read and written. Each is the fastest of several tries.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from timing import machine, with_allocator

if __name__ == "__main__":
    with_allocator()

import torch

SIDE = 2048
BYTES = {"float32": 4, "bfloat16": 2}
PEAK, MEMORY = "GFLOP/s, {}", "GB/s, copy"


def quickest(program: Callable[[], object], tries: int) -> float:
    """The smallest time of some tries, in seconds."""
    best = float("inf")
    for _ in range(tries):
        started = time.perf_counter()
        program()
        best = min(best, time.perf_counter() - started)
    return best


def measure(tries: int = 20) -> dict[str, float]:
    """GFLOP/s in float32 and bfloat16, and GB/s, with torch's current number of threads."""
    found: dict[str, float] = {}
    for name in BYTES:
        a, b = torch.randn(2, SIDE, SIDE).to(getattr(torch, name))
        seconds = quickest(lambda a=a, b=b: a @ b, tries)
        if torch.backends.mkldnn.is_available():
            product = torch.ops.mkldnn._linear_pointwise
            settings = (None, "none", [], "")  # no bias, no activation
            call = functools.partial(product, a, b, *settings)
            seconds = min(seconds, quickest(call, tries))
        found[PEAK.format(name)] = 2 * SIDE**3 / seconds / 1e9
    source = torch.ones(2**26)
    target = torch.empty_like(source)
    seconds = quickest(lambda: target.copy_(source), tries)
    found[MEMORY] = 2 * source.nbytes / seconds / 1e9
    return found


def layer_bound(
    bounds: dict[str, float], gathered: int, products: int, width: int, dtype: str = "float32"
) -> float:
    """The least seconds of a layer: rows that are read at random, then matrix products.

    Args:
        bounds: of `measure`.
        gathered: the number of rows that are read, one for each edge of each sparse product.
        products: rows of all matrix products with a square matrix.
        width: the number of channels.
        dtype: of the rows and the products.
    """
    memory = gathered * width * BYTES[dtype] / (bounds[MEMORY] * 1e9)
    arithmetic = 2 * products * width**2 / (bounds[PEAK.format(dtype)] * 1e9)
    return memory + arithmetic


def main() -> None:
    """Print the bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(machine(options.threads))
    for name, value in measure().items():
        print(f"{name:24}{value:10.0f}")


if __name__ == "__main__":
    main()
