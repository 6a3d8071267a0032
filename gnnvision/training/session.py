"""The state of a run between two epochs, and the step from one to the next."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gnnvision.data import Part, Task
from gnnvision.training.checkpoint import (
    Checkpoint,
    pack,
    pack_optimizer,
    snapshot,
    unpack_optimizer,
)
from gnnvision.training.objective import objective
from gnnvision.training.progress import Reporter, StopRequest
from gnnvision.training.recipe import Recipe
from gnnvision.training.result import Outcome, best_outcome
from gnnvision.training.seeds import fresh_model, rng_state, seeded, set_rng_state
from gnnvision.training.threads import largest_signal, threads_for

__all__ = ["Session"]

SAVE_EVERY_S = 30.0


class Session:
    """A run over several seeds that can be saved after any epoch and go on from there.

    Args: as those of `fit`.
    """

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module],
        task: Task,
        recipe: Recipe,
        seeds: Sequence[int],
        reset: bool,
        device: str,
        precision: str,
    ) -> None:
        self.template = model
        self.task = task.to(device)
        self.recipe = recipe
        self.seeds = list(seeds)
        self.reset = reset
        self.device = device
        self.precision = precision
        self.goal = objective(task.kind)
        self.outcomes: list[Outcome] = []
        self._kept: dict[str, Tensor] = {}  # the weights of the best seed so far
        self._in_progress = False
        self._pending: Checkpoint | None = None
        self.threads = torch.get_num_threads()
        self.saved = False  # whether a stopped run was written down
        self._saved_at = time.monotonic()
        if recipe.select != "last" and not len(task.split.val):
            raise ValueError(
                f"'recipe' must select the last epoch of a task without a validation part, got "
                f"select={recipe.select!r}. Use Recipe(select='last')."
            )

    # --- running ----------------------------------------------------------------------------

    def run(
        self, stop: StopRequest, reporter: Reporter, save: Callable[[Checkpoint], bool]
    ) -> bool:
        """Train all seeds that are not done yet; False if stopped on the way."""
        with threads_for(self._largest_signal()):
            self.threads = torch.get_num_threads()
            return self._run_seeds(stop, reporter, save)

    def _run_seeds(
        self, stop: StopRequest, reporter: Reporter, save: Callable[[Checkpoint], bool]
    ) -> bool:
        for number in range(len(self.outcomes), len(self.seeds)):
            seed = self.seeds[number]
            with seeded(seed):
                if not self._run_seed(number, seed, stop, reporter, save):
                    return False
            outcome = self.outcomes[-1]
            self._in_progress = False
            if self._best_outcome() is outcome:
                self._kept = self._best
            val, test = outcome.metrics["val"], outcome.metrics["test"]
            metric = self.goal.metric
            note = f"validation {metric} {val[metric]:.4f} at epoch {outcome.best_epoch}"
            reporter.seed(number, seed, f"{note}, test {test[metric]:.4f}")
            if number + 1 < len(self.seeds):
                self._save_when_due(save)
        return True

    def _largest_signal(self) -> int:
        model = fresh_model(self.template, reset=False).to(self.device)
        x, domain, _ = next(iter(self.task.batches("train", self.recipe.batch_size)))
        with seeded(0):
            return largest_signal(model, x, domain)

    def _run_seed(
        self,
        number: int,
        seed: int,
        stop: StopRequest,
        reporter: Reporter,
        save: Callable[[Checkpoint], bool],
    ) -> bool:
        self._begin(seed)
        while self.epoch < self.recipe.epochs and not self._out_of_patience():
            if stop.asked:
                self.saved = save(self.checkpoint())
                return False
            started = time.perf_counter()
            row = self._train_epoch() | self._validate()
            self._consider(row)
            self.seconds += time.perf_counter() - started
            reporter.epoch(number, seed, row)
            self._save_when_due(save)
        self._finish(seed)
        return True

    def _begin(self, seed: int) -> None:
        started = time.perf_counter()
        self._in_progress = True
        self.seed_task = self.task.with_seed(seed)
        self.model = fresh_model(self.template, self.reset).to(self.device)
        self.optimizer = self.recipe.make_optimizer(self.model)
        self.modules = list(self.model.modules())
        self.has_own_modes = any(type(m).train is not nn.Module.train for m in self.modules)
        self.learnt = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.schedule = self.recipe.make_schedule(self.optimizer)
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = 0
        self.best_epoch = 0
        self.best_rank: tuple[float, ...] = (-math.inf,)
        self.history: list[dict[str, float]] = []
        self._best: dict[str, Tensor] = {}
        self.seconds = time.perf_counter() - started
        if self._pending is not None:
            self._continue(self._pending)
            self._pending = None

    def _train_epoch(self) -> dict[str, float]:
        self._set_mode(training=True)
        outputs, targets, total, count = [], [], 0.0, 0
        batches = self.seed_task.batches("train", self.recipe.batch_size, self.generator)
        for x, domain, y in batches:
            for parameter in self.learnt:  # without the bookkeeping of optimizer.zero_grad
                parameter.grad = None
            with self._arithmetic():
                output, target = self.goal.known(self.model(x, domain), y)
            output = output.float() if output.dtype is torch.bfloat16 else output
            loss = self.goal.loss(output, target, self.recipe.label_smoothing)
            loss.backward()
            self.optimizer.step()
            outputs.append(output.detach())
            targets.append(target)
            total += float(loss.detach()) * len(target)
            count += len(target)
        if self.schedule is not None:
            self.schedule.step()
        self.epoch += 1
        loss_value = total / max(count, 1)
        if not math.isfinite(loss_value):
            raise ValueError(
                f"'lr' must let the loss fall, got loss {loss_value} in epoch {self.epoch} with "
                f"lr={self.recipe.lr:g}. Lower it."
            )
        score = self.goal.score(*_together(outputs, targets))
        return {
            "epoch": self.epoch,
            "train_loss": loss_value,
            f"train_{self.goal.metric}": score,
        }

    def _validate(self) -> dict[str, float]:
        if not len(self.task.split.val):
            return {}
        output, target = self._outputs("val")
        return {
            "val_loss": float(self.goal.loss(output, target)),
            f"val_{self.goal.metric}": self.goal.score(output, target),
        }

    def _set_mode(self, training: bool) -> None:
        """`model.train(training)`, which is slow for what little it does, twice an epoch."""
        if self.has_own_modes:
            self.model.train(training)
        else:
            for module in self.modules:
                module.__dict__["training"] = training

    def _outputs(self, part: Part) -> tuple[Tensor, Tensor]:
        """The model's outputs on a part, where targets are known."""
        self._set_mode(training=False)
        outputs, targets = [], []
        with torch.no_grad(), self._arithmetic():
            for x, domain, y in self.seed_task.batches(part, self.recipe.batch_size):
                output, target = self.goal.known(self.model(x, domain), y)
                outputs.append(output.float() if output.dtype is torch.bfloat16 else output)
                targets.append(target)
        return _together(outputs, targets)

    def _arithmetic(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def _consider(self, row: dict[str, float]) -> None:
        """Keep this epoch's weights if validation says they are the best so far."""
        self.history.append(row)
        match self.recipe.select:
            case "score":
                sign = 1 if self.goal.higher_is_better else -1
                rank = (sign * row[f"val_{self.goal.metric}"], -row["val_loss"])
            case "loss":
                rank = (-row["val_loss"], 0.0)
            case _:
                rank = (float(self.epoch), 0.0)
        if rank > self.best_rank:
            self.best_rank = rank
            self.best_epoch = self.epoch
            if self.recipe.select != "last" or self.epoch == self.recipe.epochs:
                self._best = snapshot(self.model)

    def _out_of_patience(self) -> bool:
        patience = self.recipe.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def _finish(self, seed: int) -> None:
        """Measure the kept epoch's model: the one time that the test part is read."""
        started = time.perf_counter()
        self.model.load_state_dict(self._best)
        metrics: dict[str, dict[str, float]] = {}
        parts: tuple[Part, ...] = ("train", "val", "test")
        for part in parts:
            output, target = self._outputs(part)
            metrics[part] = self.goal.metrics(output, target) if len(target) else {}
        self.outcomes.append(
            Outcome(
                seed=seed,
                epochs=self.epoch,
                best_epoch=self.best_epoch,
                metrics=metrics,
                seconds=self.seconds + time.perf_counter() - started,
                history=self.history,
                split_hash=self.seed_task.split.hash,
                target=target.cpu(),
                prediction=self.goal.predict(output).cpu(),
            )
        )

    # --- what comes out ---------------------------------------------------------------------

    def _best_outcome(self) -> Outcome:
        return best_outcome(self.outcomes, self.goal.metric, self.goal.higher_is_better)

    def best_model(self) -> nn.Module:
        """The model of the best seed with its kept weights, in evaluation mode."""
        model = fresh_model(self.template, reset=False).to(self.device)
        model.load_state_dict(self._kept)
        return model.eval()

    def best_task(self) -> Task:
        """The task as the best seed saw it."""
        return self.task.with_seed(self._best_outcome().seed)

    def place(self) -> str:
        """Where the run is, in words."""
        return f"seed {self.seeds[len(self.outcomes)]}, epoch {self.epoch}"

    def device_name(self) -> str:
        """The device with its name: "cpu (x86_64)", "cuda (NVIDIA H200)"."""
        if torch.device(self.device).type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        return f"{self.device} ({platform.machine()})"

    # --- saving and going on ----------------------------------------------------------------

    def _save_when_due(self, save: Callable[[Checkpoint], bool]) -> None:
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            save(self.checkpoint())
            self._saved_at = time.monotonic()

    def identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be of this run."""
        model = self.template if isinstance(self.template, nn.Module) else self.template()
        shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
        described = json.dumps([repr(model), shapes])
        return {
            "recipe": self.recipe.to_dict(),
            "seeds": self.seeds,
            "data": self.task.data_hash,
            "split": self.task.split_name,
            "model": hashlib.sha256(described.encode()).hexdigest(),
            "precision": self.precision,
        }

    def checkpoint(self) -> Checkpoint:
        """Everything the run needs to go on."""
        tensors, groups = pack_optimizer(self.optimizer)
        tensors |= pack("model", self.model.state_dict()) | pack("best", self._best)
        tensors |= pack("kept", self._kept) | pack("rng", rng_state())
        tensors["generator"] = self.generator.get_state()
        outcomes = []
        for number, outcome in enumerate(self.outcomes):
            fields = asdict(outcome)
            for name in ("target", "prediction"):
                tensors[f"outcome/{number}/{name}"] = fields.pop(name)
            outcomes.append(fields)
        state = {
            "identity": self.identity(),
            "in_progress": self._in_progress,
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_rank": list(self.best_rank),
            "history": self.history,
            "seconds": self.seconds,
            "groups": groups,
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "outcomes": outcomes,
        }
        return Checkpoint(tensors, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint at the next `run`.

        Raises:
            ValueError: if it is of another run, with what is different.
        """
        saved, here = checkpoint.state.get("identity"), self.identity()
        for name, value in here.items():
            then = None if saved is None else saved.get(name)
            if then != value:
                if isinstance(value, dict) and isinstance(then, dict):
                    name, value, then = next(
                        (k, v, then.get(k)) for k, v in value.items() if then.get(k) != v
                    )
                raise ValueError(
                    f"'{name}' must be {then} as in the run that is resumed, got {value}. "
                    "Leave it as it was, or start a new run."
                )
        held = checkpoint.group("outcome")
        for number, fields in enumerate(checkpoint.state["outcomes"]):
            fields["target"] = held[f"{number}/target"]
            fields["prediction"] = held[f"{number}/prediction"]
            self.outcomes.append(Outcome(**fields))
        self._kept = checkpoint.group("kept")
        self._pending = checkpoint if checkpoint.state["in_progress"] else None

    def _continue(self, checkpoint: Checkpoint) -> None:
        """Put the seed that was going on back to where it was."""
        state = checkpoint.state
        self.model.load_state_dict(checkpoint.group("model"))
        unpack_optimizer(self.optimizer, checkpoint.group("optimizer"), state["groups"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.epoch = state["epoch"]
        self.best_epoch = state["best_epoch"]
        self.best_rank = tuple(state["best_rank"])
        self.history = state["history"]
        self.seconds = state["seconds"]
        self._best = checkpoint.group("best")
        self.generator.set_state(checkpoint.tensors["generator"])
        set_rng_state(checkpoint.group("rng"))


def _together(outputs: list[Tensor], targets: list[Tensor]) -> tuple[Tensor, Tensor]:
    if len(outputs) == 1:
        return outputs[0], targets[0]
    return torch.cat(outputs), torch.cat(targets)
