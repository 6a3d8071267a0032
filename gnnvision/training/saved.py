"""The checkpoints of a run that was stopped: that of rank 0, and those of the other processes.

Under torchrun each process saves the seeds that it trains. A run is resumed from all these files
by any number of processes: what is in one of the files counts, and of a seed in progress that
with the most steps.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from gnnvision import _torchrun as torchrun
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gnnvision.training.messages import dumps, loads
from gnnvision.training.record import LAST, rank_files
from gnnvision.training.trainer import Trainer

__all__ = ["resume_from"]


def resume_from(folder: Path, trainer: Trainer) -> bool:
    """Make a trainer continue where a run was stopped; under torchrun, rank 0 reads the files.

    Args:
        folder: of the run.
        trainer: that has not begun.

    Returns:
        Whether there was a checkpoint.

    Raises:
        ValueError: if a file is damaged or of another run.
    """
    key = torchrun.next_key("resume") if torchrun.size() > 1 else ""
    found: Checkpoint | None = None
    if not torchrun.is_first():
        found = loads(torchrun.await_message(key))
        if found is not None:
            trainer.restore(found, folder / LAST)
        return found is not None
    last, others = folder / LAST, rank_files(folder)
    if last.is_file() or others:
        trainer.restore_all({f: read_checkpoint(f) for f in [last, *others] if f.is_file()})
        found = trainer.checkpoint()
        if others:
            with contextlib.suppress(OSError):  # a full disk: all files stay
                write_checkpoint(last, found)
                for file in others:
                    file.unlink()
    elif not (folder / "checkpoints").is_dir():
        read_checkpoint(last)  # which says what is missing
    if key:
        torchrun.post(key, dumps(found))
    return found is not None
