"""The loop over the events of a training: it shows, saves and logs them, and stops on request."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from gnnvision import _torchrun as torchrun
from gnnvision.training.checkpoint import Checkpoint, write_checkpoint
from gnnvision.training.events import EpochDone, Event, Saved, SeedDone, Stopped, Waiting
from gnnvision.training.logs import Log
from gnnvision.training.progress import Interrupted, Reporter, StopRequest
from gnnvision.training.record import EPOCH, LAST, RANK, SEED, describe_run
from gnnvision.training.seeds import rng_state, set_rng_state
from gnnvision.training.trainer import Trainer

__all__ = ["Loop"]


class Loop:
    """The loop over the events of a training.

    Args:
        trainer: the training.
        stop: whether the user asked to stop.
        folder: the run folder for the checkpoints; None to save nothing.
        reporter: shows the progress.
        log: writes the metrics of each epoch.
        callbacks: called with each event.
        ensemble: whether to save the weights of each seed.
        keep_epochs: whether to save the weights after each epoch.
        save_every: the seconds between checkpoints; 0 saves at each event.
    """

    def __init__(
        self,
        trainer: Trainer,
        stop: StopRequest,
        folder: Path | None = None,
        reporter: Reporter | None = None,
        log: Log | None = None,
        callbacks: Sequence[Callable[[Event], object]] = (),
        ensemble: bool = False,
        keep_epochs: bool = False,
        save_every: float = 30.0,
    ) -> None:
        self.trainer, self.stop, self.folder = trainer, stop, folder
        self.reporter, self.log, self.callbacks = reporter, log, callbacks
        self.ensemble, self.keep_epochs = ensemble, keep_epochs
        self.save_every = save_every
        # Of the processes that share the seeds, the others than rank 0 only train and save.
        self.rank = torchrun.rank() if trainer.parallel == "seeds" else 0
        self._name = RANK.format(self.rank) if self.rank else LAST  # of the checkpoint
        self.unsaved: dict[str, Checkpoint] = {}  # weights of seeds, to be written at the end
        self._lost: ChildProcessError | None = None  # after which everything is saved
        self._saved_place = ""  # the seed and epoch of the last checkpoint written

    def run(self) -> None:
        """Train to the end.

        Raises:
            Interrupted: if stopped, after saving.
            ChildProcessError: if another process was killed, after saving what the others did.
        """
        try:
            self._run()
        except ChildProcessError as error:
            if error is not self._lost:
                self._save()
            raise

    def _run(self) -> None:
        trainer, saved_at = self.trainer, time.monotonic()
        self._saved_place = trainer.place() if trainer.is_resumed else ""
        how = {"watched": bool(self.callbacks), "snapshots": self.keep_epochs}
        with closing(trainer.events(**how)) as events:
            for event in events:
                if not self.rank:
                    self._take(event)
                if isinstance(event, Waiting) and event.error is not None:
                    self._lost = event.error
                    self._save()  # here, where the seeds in progress have their random numbers
                    raise event.error
                if trainer.is_done:
                    continue
                stop, due = self.stop.requested, time.monotonic() - saved_at >= self.save_every
                if (processes := trainer.shared.processes) is not None:
                    stop, due = processes.agreed(stop, due)
                # After its last epoch a seed is evaluated before the training is stopped.
                if stop and not (isinstance(event, EpochDone) and event.last):
                    self._save()
                    self._call_back(Stopped(trainer.place()))
                    raise Interrupted(self.stopped())
                if due:
                    self._save()
                    saved_at = time.monotonic()

    def _take(self, event: Event) -> None:
        """Show, log and keep what happened."""
        if self.reporter is not None:
            self.reporter.show(event)
        if self.log is not None:
            self.log.show(event)
        if self.callbacks and not isinstance(event, Waiting):
            self._call_back(event)
        if not torchrun.is_first():
            return
        if isinstance(event, EpochDone) and self.keep_epochs:
            self._keep_epoch(event)
        if isinstance(event, SeedDone) and self.ensemble:
            self._keep(event)

    @property
    def _is_shared(self) -> bool:
        processes = self.trainer.shared.processes
        return processes is not None and processes.several

    def stopped(self, at_once: bool = False) -> str:
        """Two sentences for the user: where the training was stopped, and what is saved.

        Args:
            at_once: whether it was stopped without saving.
        """
        place = self.trainer.place()
        words = f"Stopped{' immediately' if at_once else ''} at {place}."
        if not self._saved_place:
            return f"{words} Nothing {'was' if at_once else 'could be'} saved."
        if self._saved_place == place and not at_once:
            return f"{words} Everything is saved."
        return f"{words} The last checkpoint is of {self._saved_place}."

    def _call_back(self, event: Event) -> None:
        """Call the user's functions, which neither change the random numbers nor lose the run."""
        before = rng_state()
        try:
            for callback in self.callbacks:
                callback(event)
        except Exception:
            set_rng_state(before)
            if not isinstance(event, Saved | Stopped) and not self._is_shared:
                self._save()
            raise
        set_rng_state(before)

    def _save(self) -> None:
        """Write a checkpoint to resume from; if that fails the training continues.

        Processes that share each batch put together what it has, and the first one writes it.
        """
        if self.folder is None:
            return
        checkpoint, processes = self.trainer.checkpoint(), self.trainer.shared.processes
        try:
            if processes is None or processes.here.is_first:
                write_checkpoint(self.folder / self._name, checkpoint)
        except OSError as error:
            words = f"No checkpoint could be written to {self.folder}: {error}"
            warnings.warn(words, stacklevel=4)
            return
        finally:
            if processes is not None:
                processes.here.wait()  # torchrun ends all processes when one of them has ended
        self._saved_place = self.trainer.place()
        if self.callbacks and not self.rank:
            self._call_back(Saved(self.folder / self._name, self._saved_place))

    def _keep(self, done: SeedDone) -> None:
        """Write the weights of a seed, or keep them to be written at the end."""
        assert self.folder is not None
        recipe, precision = self.trainer.stages[-1].recipe, self.trainer.precision
        kept = done.outcome.best_epoch
        about = describe_run(done.task, recipe, done.model, done.seed, kept, precision)
        name, weights = SEED.format(done.seed), Checkpoint(done.weights, about)
        try:
            write_checkpoint(self.folder / name, weights)
        except OSError:
            self.unsaved[name] = weights

    def _keep_epoch(self, done: EpochDone) -> None:
        """Write the weights after an epoch, which can be loaded and evaluated like those kept."""
        assert self.folder is not None
        recipe, precision = self.trainer.stages[-1].recipe, self.trainer.precision
        task, network = self.trainer.snapshot(done.number)
        epoch = int(done.row["epoch"])
        about = describe_run(task, recipe, network, done.seed, epoch, precision)
        file = self.folder / EPOCH.format(done.seed, epoch)
        try:
            write_checkpoint(file, Checkpoint(network.state_dict(), about))
        except OSError as error:
            words = f"The weights of epoch {epoch} could not be written to {file}: {error}"
            warnings.warn(words, stacklevel=4)
