"""The training loop of one model, its state and its evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gnnvision.data import NodeTask, SplitName, Task
from gnnvision.data.graphs.sampled_nodes import BATCH
from gnnvision.domains import Domain
from gnnvision.layers import FromSignal, FromTargets
from gnnvision.layers.calling import call, caller, one_tensor
from gnnvision.layers.hooks import attached, evaluating
from gnnvision.training.average import update_average
from gnnvision.training.blocks import first_trainable
from gnnvision.training.by_layer import outputs_by_layer
from gnnvision.training.captured import Step, Stepped, captured, set_lr
from gnnvision.training.checkpoint import (
    Checkpoint,
    pack,
    pack_optimizer,
    snapshot,
    unpack_optimizer,
)
from gnnvision.training.checks import check_first_block, check_output
from gnnvision.training.data_parallel import DataParallel
from gnnvision.training.failures import cause_of, not_finite, nothing_to_select
from gnnvision.training.measures import rank
from gnnvision.training.objective import Objective, concatenate, objective
from gnnvision.training.reading import to_host
from gnnvision.training.recipe import Recipe
from gnnvision.training.repeated import Repeated, is_repeatable
from gnnvision.training.seeds import rng_state, set_rng_state
from gnnvision.training.stacking import with_layout_of
from gnnvision.training.stored import check_progress, check_tensors
from gnnvision.training.threads import MANY_VALUES

__all__ = ["Evaluation", "SeedRun", "arithmetic", "initialize"]

INITIAL_BATCH = 2000

# Metrics and remarks of each split, and the known targets and outputs of the last one.
Evaluation = tuple[dict[str, dict[str, float]], dict[str, dict[str, str]], Tensor, Tensor]


class Evaluated(NamedTuple):
    """What a model gives for a split: the outputs and targets of known items."""

    output: Tensor
    target: Tensor


class SeedRun:
    """The training of one model, which can be saved after any step and resumed from there.

    Args:
        model: the initialized model, on its device.
        task: the task with the split of this seed.
        recipe: the recipe.
        seed: determines the order of the items and their augmentation.
        precision: "float32" or "bfloat16".
        compiled: whether to compile the model.
        goal: the objective; by default that of the task and the recipe.
        processes: those that share each batch, if `torchrun` started them.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        recipe: Recipe,
        seed: int,
        precision: str,
        compiled: bool,
        goal: Objective | None = None,
        processes: DataParallel | None = None,
    ) -> None:
        self.model = model
        self.processes = processes
        share = (0, 1) if processes is None else processes.share
        self._shares: dict[str, Any] = {} if share[1] == 1 else {"share": share}
        self.task = task
        self.resized = {scale: task.low_resolution(scale) for _, scale in recipe.resizing}
        self.recipe = recipe
        self.goal = goal or objective(task, recipe)
        self.precision = precision
        self.compiled = compiled
        called: Any = torch.compile(model) if compiled else model
        self.call = caller(called if processes is None else processes.wrapped(called))
        self.optimizer = recipe.make_optimizer(model)
        self.first_lrs = [group["lr"] for group in self.optimizer.param_groups]
        self.learned = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.first_block: list[nn.Parameter] = []
        if recipe.freeze_first_block:
            self.first_block = first_trainable(model)
            check_first_block(recipe, model, self.first_block)
        self.average: AveragedModel | None = None
        size = max(len(task.split.train), 1)
        self.is_sampled = isinstance(task, NodeTask) and task.is_sampled
        batch = recipe.batch_size or (BATCH if self.is_sampled else size)
        per_epoch = math.ceil(size / (batch * share[1]))
        if recipe.clusters is not None:
            per_epoch = math.ceil(recipe.clusters[0] / recipe.clusters[1])
        steps = recipe.epochs * per_epoch
        if decay := recipe.average_decay(steps):
            average = get_ema_multi_avg_fn(decay)
            self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        # The model to evaluate.
        self.kept_model: nn.Module = model if self.average is None else self.average.module
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = 0
        self.best_epoch = 0
        self.best_rank: tuple[float, ...] = (-math.inf,)
        self.best: dict[str, Tensor] = {}
        self.history: list[dict[str, float]] = []
        self.steps: list[dict[str, float]] = []  # rows between epochs, of `evaluate_every`
        self.step = 0  # how many steps are done
        self.seconds = 0.0
        self.waited = 0.0
        self._size = max(len(task.split.train), 1)
        self._labeled: dict[str, bool] = {}
        # Outputs and known targets of a split that a group of seeds has computed at once.
        self.computed: dict[SplitName, tuple[Tensor, Tensor]] = {}
        self.modules = list(model.modules())
        self.has_own_modes = any(type(m).train is not nn.Module.train for m in self.modules)
        self.device = self.learned[0].device
        every = recipe.evaluate_every
        self.every_step = 0 if every is None or isinstance(every, str) else every
        self._since = torch.zeros(2, device=self.device)  # losses since the last row, and number
        self._evaluations: dict[SplitName, Repeated[Evaluated]] = {}  # on the same batch each time
        self.advance: Step = self.take_step
        if processes is not None:
            self.advance = self._take_shared_step
        elif self.device.type == "cuda" and not self.is_sampled:
            self.advance = captured(self.take_step, model, self.optimizer, self.average)
        elif not compiled and self._repeats():
            self.advance = Repeated(self._take_recorded_step, model)
            for part in ("val", "test"):
                self._evaluations[part] = Repeated(partial(self._evaluate, part), self.kept_model)
        self.start_epoch()

    def start_epoch(self) -> None:
        """Forget the steps of the last epoch."""
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._losses: list[Tensor] = []
        self._rows: list[list[int]] = []  # how many known targets each process had of a batch
        self._batch = 0  # how many batches of this epoch are done
        self._seen = 0  # how many known targets they had
        self._order = self.generator.get_state()  # determines the order of this epoch

    # --- training ---------------------------------------------------------------------------

    def train_epoch(self) -> Iterator[int]:
        """Train to the end of the epoch.

        Yields:
            After each step, the number of known targets that are done in this epoch. Here the
            training can be saved, and given up.
        """
        for x, domain, y in self.batches_left():
            yield self.record(self.advance(x, domain, y))

    def batches_left(self) -> Iterator[tuple[Tensor, Domain, Tensor]]:
        """The batches of this epoch that are left, each to be followed by `record`.

        Before each one the learning rate is set, and the mode of the model.
        """
        self.set_mode(training=True)
        recipe, done = self.recipe, self._batch
        task = self.resized.get(recipe.image_scale(self.epoch), self.task)
        for parameter in self.first_block:
            parameter.requires_grad_(not recipe.freezes_first_block(self.epoch))
        batches = task.batches(
            "train", recipe.batch_size, self.generator, self.epoch, **self._shares
        )
        number = -1
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - started
            if batch is None:
                break
            number += 1
            if number < done:  # before the run was stopped and resumed
                continue
            if recipe.schedule != "constant":
                progress = (self.epoch + min(self._seen / self._size, 1.0)) / recipe.epochs
                factor = recipe.lr_factor(progress)
                for group, lr in zip(self.optimizer.param_groups, self.first_lrs, strict=True):
                    set_lr(group, lr * factor)
            yield batch

    def record(self, stepped: Stepped) -> int:
        """Note what a step gave.

        Returns:
            The number of known targets that are done in this epoch.
        """
        self._outputs.append(stepped.output)
        self._targets.append(stepped.target)
        self._losses.append(stepped.loss)
        rows = [len(stepped.target)]
        if self.processes is not None:
            rows = self.processes.decide()
        self._rows.append(rows)
        self._seen += sum(rows)
        self._batch += 1
        self.step += 1
        if self.average is not None:
            self.average.n_averaged += 1
        if self.every_step:
            self._since[0] += stepped.loss
            self._since[1] += 1
            if self.step % self.every_step == 0:
                self._measure()
        return self._seen

    def _repeats(self) -> bool:
        """Whether all steps are on one small batch, with the same operations, as of a graph."""
        if not isinstance(self.task, NodeTask) or self.precision != "float32":
            return False
        if self.is_sampled:
            return False
        x, _, _ = next(iter(self.task.batches("train")))
        small = (x._nnz() if x.layout is torch.sparse_coo else x.numel()) < MANY_VALUES
        elementwise = isinstance(self.optimizer, (torch.optim.Adam, torch.optim.SGD))
        plain = self.recipe.schedule == "constant" and self.average is None
        plain = plain and not self.first_block  # which is frozen in some epochs
        own = self.goal.own_loss is not None or not is_repeatable(self.model)
        return small and elementwise and plain and not own

    def _take_recorded_step(self, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A step whose gradients are results of operations, not of the bookkeeping of backward."""
        return self.take_step(x, domain, y, self._differentiate)

    def _differentiate(self, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, self.learned, allow_unused=True)
        for parameter, gradient in zip(self.learned, gradients, strict=True):
            # A fused optimizer reads both in one order, and would train wrongly without a word.
            same = gradient is None or gradient.stride() == parameter.stride()
            parameter.grad = gradient if same else with_layout_of(gradient, parameter)

    def _take_shared_step(self, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A step on this process's share of a batch, along the gradient of the whole batch.

        Its loss is the part of this share in that of the whole batch.
        """
        assert self.processes is not None
        target = y if self._is_labeled("train") else self.goal.known_targets(y)
        weight, known = self.goal.weight(target), len(target)
        part = self.processes.begin((self.seed, self.step), weight, known, x, domain)
        with part.random_numbers(keyed=not self.compiled):
            stepped = self.take_step(x, domain, y, part.differentiate)
        return stepped._replace(loss=stepped.loss * part.fraction.to(stepped.loss.dtype))

    def take_step(
        self,
        x: Tensor,
        domain: Domain,
        y: Tensor,
        differentiate: Callable[[Tensor], None] = torch.autograd.backward,
    ) -> Stepped:
        """Train on a batch: forward, loss, backward, optimizer and average of the weights.

        It reads and changes tensors only, and the host waits for none of them (but for the very
        first step, whose output is checked), so that it can be captured as a CUDA graph.
        """
        recipe, goal = self.recipe, self.goal
        for parameter in self.learned:  # without the bookkeeping of optimizer.zero_grad
            parameter.grad = None
        at_once = not self.epoch and not self._batch
        try:
            with arithmetic(self.device, self.precision):
                output = self.call(x, domain)
                if at_once:
                    check_output(self.model, output, self.task, y)
                output, target = self.known("train", output, y)
        except ValueError as error:
            cause = cause_of(error, self.task, recipe, self.epoch + 1, len(y), at_once)
            if cause is None:
                raise
            raise cause from error
        output = output.float() if output.dtype is torch.bfloat16 else output
        loss = goal.loss(output, target, recipe.label_smoothing)
        differentiate(loss)
        self.optimizer.step()
        if self.average is not None:
            update_average(self.average, self.model)
        output = output.detach()
        if recipe.label_smoothing:  # recorded like the validation loss, without it
            loss = goal.loss(output, target)
        return Stepped(output, target, loss.detach())

    def finish_epoch(self) -> dict[str, float]:
        """Measure the epoch, validate it, and keep its weights if they are the best so far.

        Where the score is undefined the loss decides; an epoch where both are NaN is not kept.

        Returns:
            The row of the history: the epoch, and the loss and score of the training and, unless
            it is empty, of the validation split (without test-time augmentation).

        Raises:
            ValueError: if the training loss is not finite, or this was the last epoch and none
                was kept.
        """
        goal, recipe = self.goal, self.recipe
        self.epoch += 1
        for parameter in self.first_block:
            parameter.requires_grad_(True)
        self._agree()
        output, target, losses = self._so_far()
        sizes = [sum(rows) for rows in self._rows]
        if self.device.type == "cpu":  # before a layer refuses what diverged weights give
            loss = self._training_loss(losses, target.split(sizes))
        parts: list[SplitName] = ["val"]
        if recipe.evaluate_every == "epoch":
            parts.append("test")  # only drawn: nothing below reads it
        parts = [part for part in parts if len(getattr(self.task.split, part))]
        found = [(output, target), *map(self._evaluated, parts)]
        # On the device, where a loss of the user's may have tensors of its own.
        each = [losses, *(goal.loss(o.detach(), t) for o, t in found[1:])]
        read = to_host([*each, *(tensor for pair in found for tensor in pair)])
        rest = read[len(each) :]
        pairs = list(zip(rest[::2], rest[1::2], strict=True))
        if self.device.type != "cpu":
            loss = self._training_loss(read[0], pairs[0][1].split(sizes))
        self.start_epoch()
        row = {
            "epoch": self.epoch,
            "train_loss": loss,
            f"train_{goal.metric}": goal.score(*pairs[0]),
        }
        for part, known_loss, pair in zip(parts, read[1:], pairs[1:], strict=False):
            row[f"{part}_loss"], row[f"{part}_{goal.metric}"] = goal.loss_and_score(
                *pair, known_loss
            )
        return self.keep_if_best(row if self.processes is None else self.processes.same(row))

    def _so_far(self) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs, known targets and losses of the steps of this epoch, of all processes."""
        output, target = concatenate(self._outputs, self._targets)
        losses = torch.stack(self._losses)
        if self.processes is None:
            return output, target, losses
        output, target = (self.processes.whole(each, self._rows) for each in (output, target))
        return output, target, self.processes.here.sum(losses)

    def _agree(self) -> None:
        """Give all processes the same buffers, before they evaluate together."""
        if self.processes is not None:
            self.processes.agree(self.model, self.kept_model)

    def _training_loss(self, each: Tensor, targets: Sequence[Tensor]) -> float:
        """The loss of the epoch.

        Args:
            each: the loss of each batch.
            targets: their known targets.

        Raises:
            ValueError: if it is not finite.
        """
        losses, counts = each.tolist(), self.goal.counts(targets)
        loss = sum(one * n for one, n in zip(losses, counts, strict=True)) / max(sum(counts), 1)
        if not math.isfinite(loss):
            first = self.epoch == 1 and not math.isfinite(losses[0])
            raise not_finite(self.task, self.recipe, self.epoch, loss, first)
        return float(loss)

    @property
    def last_step(self) -> Stepped:
        """What the last step of the current epoch gave."""
        return Stepped(self._outputs[-1], self._targets[-1], self._losses[-1])

    @property
    def steps_done(self) -> int:
        """The number of steps of this epoch that are done."""
        return self._batch

    def keep_if_best(self, row: dict[str, float]) -> dict[str, float]:
        """Add the row of an epoch to the history, and keep its weights if they are the best.

        Raises:
            ValueError: if this was the last epoch and none was kept.
        """
        goal, recipe = self.goal, self.recipe
        self.history.append(row)
        place = (float(self.epoch), 0.0)
        if recipe.checkpoint_selection == "score":
            place = rank(row[f"val_{goal.metric}"], row["val_loss"], goal.higher_is_better)
        elif recipe.checkpoint_selection == "loss":
            place = rank(math.nan, row["val_loss"], False)
        if place > max(self.best_rank, (-math.inf, -math.inf)):
            self.best_rank, self.best_epoch = place, self.epoch
            if recipe.checkpoint_selection != "last" or self.epoch == recipe.epochs:
                self.best = snapshot(self.kept_model)
        if self.finished and not self.best_epoch:
            raise nothing_to_select(self.task, recipe)
        return row

    def _measure(self) -> None:
        """Add a row between epochs; neither the weights nor the random numbers change."""
        before = rng_state()
        self._agree()
        total, count = self._sum_since().tolist()
        epoch = self.epoch + min(self._seen / self._size, 1.0)
        row = {"step": self.step, "epoch": epoch, "train_loss": total / count}
        self.steps.append(row | self._loss_and_score("val") | self._loss_and_score("test"))
        self._since.zero_()
        set_rng_state(before)
        self.set_mode(training=True)

    def _sum_since(self) -> Tensor:
        """The sum of the losses since the last row, of all processes, and their number."""
        if self.processes is None:
            return self._since
        return torch.stack([self.processes.here.sum(self._since[0].clone()), self._since[1]])

    def _loss_and_score(self, part: SplitName) -> dict[str, float]:
        """Loss and score of a split without test-time augmentation; empty for an empty split."""
        if not len(getattr(self.task.split, part)):
            return {}
        found = self.goal.loss_and_score(*self._evaluated(part))
        return {f"{part}_loss": found[0], f"{part}_{self.goal.metric}": found[1]}

    def _evaluated(self, part: SplitName) -> tuple[Tensor, Tensor]:
        """Outputs and targets of a split, without test-time augmentation."""
        computed = self.computed.pop(part, None)
        if computed is None and part in self._evaluations:
            computed = self._evaluations[part](*next(iter(self.task.batches(part))))
        return computed or self.outputs(part, caller(self.kept_model))

    def _evaluate(self, part: SplitName, *batch: object) -> Evaluated:
        """Outputs and targets of the only batch of a split."""
        return Evaluated(*self.outputs(part, caller(self.kept_model)))

    # --- evaluation -------------------------------------------------------------------------

    def evaluate_splits(self, parts: Sequence[SplitName], most: float = math.inf) -> Evaluation:
        """Evaluate the kept model, whose weights have been loaded, on some splits.

        Args:
            parts: names of splits, in order.
            most: a larger training split has the metrics of the kept epoch itself.

        Returns:
            Metrics and remarks of each split (none of an empty one), and the known targets and
            the outputs of the last one, on the CPU.
        """
        metrics: dict[str, dict[str, float]] = {"train": {}, "val": {}, "test": {}}
        remarks: dict[str, dict[str, str]] = {}
        target = output = torch.empty(0)
        exact = self._on_all_neighbors(
            [p for p in parts if p != "train" or len(self.task.split.train) <= most]
        )
        for part in parts:
            size = len(getattr(self.task.split, part))
            if not size:
                output, target = output[:0], target[:0]
            elif part == "train" and size > most:
                kept = self.history[self.best_epoch - 1]
                metrics[part] = {n: kept[f"train_{n}"] for n in (self.goal.metric, "loss")}
            else:
                found = exact.get(part)
                output, target = found or self.outputs(part, self._over_views)
                metrics[part] = self.goal.metrics(output, target)
                if words := self.goal.remarks(output, target, self.task.class_names):
                    remarks[part] = words
        return metrics, remarks, target.cpu(), output.cpu()

    def _on_all_neighbors(
        self, parts: Sequence[SplitName]
    ) -> dict[SplitName, tuple[Tensor, Tensor]]:
        """Outputs and targets of splits, where training draws some neighbors; else nothing."""
        task = self.task
        if not isinstance(task, NodeTask) or not task.is_sampled:
            return {}
        known = {part: task.known(part).cpu() for part in parts}
        nodes, places = torch.cat(list(known.values())).unique(return_inverse=True)
        with arithmetic(self.device, self.precision):
            outputs = outputs_by_layer(
                self.kept_model, task.rows, task.graph, nodes, device=self.device
            )
        each = outputs[places].split([len(of_part) for of_part in known.values()])
        y = task.y.cpu()
        return {p: (out, y[known[p]]) for p, out in zip(known, each, strict=True)}

    def outputs(self, part: SplitName, predict: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
        """The outputs for a split and its targets, of the items whose target is known."""
        if self.average is None:
            self.set_mode(training=False)
        else:
            self.kept_model.eval()
        outputs, targets = [], []
        processes = self.processes
        if processes is None or not processes.can_share(len(getattr(self.task.split, part))):
            processes = None
        shares = {} if processes is None else self._shares
        try:
            with torch.no_grad(), arithmetic(self.device, self.precision):
                for x, domain, y in self.task.batches(part, **shares):
                    output = one_tensor(predict(x, domain), self.model)
                    output, target = self.known(part, output, y)
                    outputs.append(output.float() if output.dtype is torch.bfloat16 else output)
                    targets.append(target)
        except ValueError as error:
            cause = cause_of(error, self.task, self.recipe, self.epoch, 0, False)
            if cause is None:
                raise
            raise cause from error
        output, target = concatenate(outputs, targets)
        if processes is None:
            return output, target
        rows = [processes.counts(len(target))]
        return processes.whole(output, rows), processes.whole(target, rows)

    def _over_views(self, x: Tensor, domain: Domain) -> Tensor:
        """The kept model's output, over the task's test views."""
        return self.task.predict(self.kept_model, x, domain)

    def known(self, part: SplitName, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and targets at the positions where the target is known."""
        return (output, y) if self._is_labeled(part) else self.goal.known(output, y)

    def _is_labeled(self, part: SplitName) -> bool:
        if part not in self._labeled:
            self._labeled[part] = self.task.is_labeled(part)
        return self._labeled[part]

    def set_mode(self, training: bool) -> None:
        """Do what `model.train(training)` does, but faster."""
        if self.has_own_modes:
            self.model.train(training)
        else:
            for module in self.modules:
                module.__dict__["training"] = training

    @property
    def _is_first(self) -> bool:
        return self.processes is None or self.processes.here.is_first

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the patience is exhausted."""
        patience = self.recipe.patience
        out_of_patience = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.recipe.epochs or out_of_patience

    # --- saving and resuming ----------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to resume this seed, also in the middle of an epoch."""
        tensors, groups = pack_optimizer(self.optimizer)
        tensors |= pack("model", self.model.state_dict()) | pack("best", self.best)
        tensors |= pack("rng", rng_state()) | {"generator": self._order}
        if self.average is not None:
            tensors |= pack("average", self.average.state_dict())
        if self._batch:
            output, target, losses = self._so_far()
            rows = torch.tensor(self._rows)
            tensors |= {"part/output": output, "part/target": target}
            tensors |= {"part/loss": losses, "part/count": rows.sum(1)}
            if self._shares:
                tensors |= {"part/rows": rows}
        if self.every_step:
            since = self._since
            tensors |= {"since": self.processes.each(since) if self.processes else since}
        state = {
            "epoch": self.epoch,
            "batch": self._batch,
            "best_epoch": self.best_epoch,
            "best_rank": list(self.best_rank),
            "history": self.history,
            "steps": self.steps,
            "step": self.step,
            "seconds": self.seconds,
            "waited": self.waited,
            "groups": groups,
        }
        return Checkpoint(tensors, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Load what `checkpoint` saved.

        Raises:
            ValueError: if it is damaged; torch may raise other errors too.
        """
        state, part = checkpoint.state, checkpoint.group("part")
        counts: list[int] = part["count"].tolist() if part else []
        check_progress(state, self.recipe.epochs, len(counts))
        own, best = self.model.state_dict(), checkpoint.group("best")
        check_tensors(checkpoint.group("model"), own, prefix="model/")
        if best or (state["best_epoch"] and self.recipe.checkpoint_selection != "last"):
            check_tensors(best, own, prefix="best/")
        self.model.load_state_dict(checkpoint.group("model"))
        if self.average is not None:
            average = checkpoint.group("average")
            check_tensors(average, self.average.state_dict(), prefix="average/")
            self.average.load_state_dict(average)
        unpack_optimizer(self.optimizer, checkpoint.group("optimizer"), state["groups"])
        self.epoch = state["epoch"]
        self.best_epoch = state["best_epoch"]
        self.best_rank = tuple(state["best_rank"])
        self.history = state["history"]
        self.steps, self.step = state.get("steps", []), state.get("step", 0)
        if self.every_step:
            since = checkpoint.tensors["since"].to(self.device)
            self._since = since[self.processes.here.rank] if self.processes else since
        self.seconds = state["seconds"]
        self.waited = state["waited"]
        self.best = best
        self.generator.set_state(checkpoint.tensors["generator"])
        self.start_epoch()
        if "rng/cpu" not in checkpoint.tensors:
            raise ValueError("no tensor rng/cpu")
        set_rng_state(checkpoint.group("rng"))
        if state["batch"]:
            sizes = {len(part["output"]), len(part["target"]), sum(counts)}
            if min(counts) < 0 or len(sizes) > 1 or part["loss"].shape != (len(counts),):
                raise ValueError("'part' is of other batches")
            self._check_batches(part)
            rows = part["rows"] if self._shares else part["count"][:, None]
            rank, size = self._shares.get("share", (0, 1))
            if rows.shape != (len(counts), size) or rows.sum(1).tolist() != counts:
                raise ValueError("'part' is of other processes")
            self._rows, every = rows.tolist(), rows.flatten().tolist()
            self._outputs = list(part["output"].to(self.device).split(every))[rank::size]
            self._targets = list(part["target"].to(self.device).split(every))[rank::size]
            self._losses = list(part["loss"].to(self.device) * self._is_first)
            self._batch, self._seen = state["batch"], sum(counts)

    def _check_batches(self, saved: dict[str, Tensor]) -> None:
        """Refuse saved outputs and targets whose shape or type is not that of the next ones."""
        x, domain, y = next(iter(self.task.batches("train", self.recipe.batch_size)))
        with evaluating(self.model), torch.no_grad():
            output, target = self.goal.known(call(self.model, x, domain), y)
        for name, like in (("output", output), ("target", target)):
            found = saved[name]
            if found.shape[1:] != like.shape[1:] or (
                found.is_floating_point() != like.is_floating_point()
            ):
                raise ValueError(f"part/{name} of another shape or type")


def arithmetic(device: torch.device | str, precision: str) -> AbstractContextManager[object]:
    """A context in which operations use this precision where that is safe (autocast)."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


def initialize(model: nn.Module, task: Task) -> None:
    """Initialize the layers whose initial weights depend on the data or the targets.

    Each one is given the output of the layers before it, already initialized, for a training
    batch.
    """
    if (moments := task.target_statistics) is not None:
        for module in model.modules():
            if isinstance(module, FromTargets):
                module.initialize_targets(*moments)
    waiting = [
        m for m in model.modules() if isinstance(m, FromSignal) and "initialize" not in vars(m)
    ]
    if not waiting:
        return
    x, domain, _ = next(iter(task.batches("train", INITIAL_BATCH)))

    def initialize_layer(module: nn.Module, given: tuple[Any, ...]) -> None:
        assert isinstance(module, FromSignal)
        module.initialize(given[0])

    hooks = (m.register_forward_pre_hook(initialize_layer) for m in waiting)
    with attached(hooks), evaluating(model), torch.no_grad():
        call(model, x, domain)
