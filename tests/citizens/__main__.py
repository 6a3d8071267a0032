"""A table of checks and subjects: `python -m tests.citizens [words in their names]`.

A cell has the seconds that the check takes, "-" where it does not apply, or FAIL, with the reasons
below the table.
"""

import sys
import time

import torch

from .checks import CHECKS, applies
from .subjects import LAYERS, NETWORKS, TWINS

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
wanted, errors = sys.argv[1:], []
print(f"{'':28}", *[f"{name[:9]:>9}" for name in CHECKS])
for subject in [*LAYERS, *NETWORKS, *TWINS]:
    if wanted and not any(word in subject.name for word in wanted):
        continue
    cells = []
    for name, check in CHECKS.items():
        start = time.perf_counter()
        try:
            if applies(name, subject):
                check(subject)
            cells.append(f"{time.perf_counter() - start:9.1f}" if applies(name, subject) else "-")
        except Exception as error:
            reason = (str(error).strip().splitlines() or [""])[0]
            errors.append(f"{subject.name} | {name} | {type(error).__name__}: {reason[:200]}")
            cells.append("FAIL")
    print(f"{subject.name:28}", *[f"{cell:>9}" for cell in cells], flush=True)
print(*errors, sep="\n")
