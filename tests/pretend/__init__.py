"""An accelerator that is not there: how code behaves on one, tested on a machine without.

Every tensor is computed on the CPU and remembers on which device it would be. What a real
device refuses is refused here, and what would make the host wait is counted with the line of
the package that caused it:

    with pretended("cuda") as ledger:
        gv.fit(model, task, device="cuda")
    assert not ledger.faults
"""

from .ledger import Ledger
from .patches import pretended

__all__ = ["Ledger", "pretended"]
