"""Memory that is kept: a large tensor made again costs no new pages."""

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from gnnvision.training import keep_memory
kept = keep_memory() if sys.argv[1] == "keep" else None
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.set_num_threads(1)
for _ in range(10):  # until the blocks have found their places
    torch.ones(1 << 24)
before = faults()
for _ in range(10):
    torch.ones(1 << 24)
print(kept, faults() - before)
"""


def page_faults(how):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.slow
def test_a_block_is_used_again():
    kept, faults = page_faults("keep")
    if kept != "True":
        pytest.skip("not the GNU C library")
    _, usual = page_faults("leave")
    assert 10 * faults < usual
