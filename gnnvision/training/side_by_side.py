"""Several models of one architecture, one for each seed, trained in one program.

Their parameters and buffers are stacked. The forward pass is `torch.func.vmap` over one functional
call, with the masks of dropout as inputs, which each seed draws as it does alone; the gradients
are those of the stacked parameters. A sparse product is one wide product for all seeds.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from gnnvision.data import SplitName
from gnnvision.domains import Domain
from gnnvision.layers.calling import call, form_of
from gnnvision.layers.dropout import Asked, Mask, Noise
from gnnvision.training.average import update_average
from gnnvision.training.captured import Captured, Stepped
from gnnvision.training.checks import check_output
from gnnvision.training.joined_batches import Alone, Batch, is_shared, joined, next_batch
from gnnvision.training.repeated import is_repeatable
from gnnvision.training.seed_run import SeedRun, arithmetic
from gnnvision.training.seeds import RandomNumbers
from gnnvision.training.stacking import Stack, StackedOptimizer, with_layout_of
from gnnvision.training.tape import NotRepeatable, Tape

__all__ = ["Alone", "SideBySide"]

# The largest difference of a group from the same seeds alone, relative to the largest value.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1}
_MOST_TAPES = 8  # one for each batch that comes again


class SideBySide:
    """The training of several `SeedRun`s of one task and one recipe, in lockstep.

    Args:
        runs: the runs, at the same step; their models become views of the stacked ones.
        numbers: the random numbers of each seed, in place of the global ones.
        compares: whether a first forward pass is compared with those of the seeds alone.

    Raises:
        Alone: if they cannot be trained side by side, or would not give what they give alone.
    """

    def __init__(
        self,
        runs: Sequence[SeedRun],
        numbers: Sequence[RandomNumbers],
        compares: bool = True,
    ) -> None:
        self.runs, self.numbers = list(runs), list(numbers)
        if len({(run.epoch, run.step) for run in runs}) > 1:
            raise Alone("they are at different steps")
        batches = [next_batch(run) for run in runs]
        self._is_shared = is_shared(batches)
        alone, self._masks = self._each_alone(batches)
        # The random numbers of each seed, for each mask of dropout, and the masks made of them.
        self._drawn = [mask.room(len(runs)) for mask in self._masks]
        self._keep: list[Tensor] = []
        self._last: list[Tensor] = []  # outputs, losses and targets of the last step
        averages = [run.average.module for run in runs if run.average is not None]
        self._models = Stack([run.model for run in runs])
        self._kept = Stack(averages) if averages else self._models
        self._optimizer = StackedOptimizer([run.optimizer for run in runs], self._models)
        self._tapes: dict[tuple[object, ...], tuple[Batch, Tape | None]] = {}
        self._repeats = (
            self._is_shared
            and runs[0].device.type == "cpu"
            and runs[0].goal.own_loss is None
            and is_repeatable(runs[0].model)
        )
        self._captured: Captured | None = None
        if runs[0].device.type == "cuda":
            model = runs[0].model
            self._captured = Captured(
                self._device_step, self._state, counts=lambda: _attributes(model)
            )
        try:
            if compares:
                self._compare(batches, alone)
        except Alone:
            self.release()
            raise
        finally:
            for run in runs:
                run.computed.clear()

    # --- training ---------------------------------------------------------------------------

    def train_epoch(self) -> Iterator[list[int]]:
        """Train to the end of the epoch.

        Yields:
            After each step, the number of known targets that are done in this epoch, of each seed.
        """
        first, count = self.runs[0], len(self.runs)
        own = (run.batches_left() for run in self.runs)
        shared = ([batch] * count for batch in first.batches_left())
        for batches in shared if self._is_shared else zip(*own, strict=True):
            stepped = self.take_step(batches)
            if first.every_step and (first.step + 1) % first.every_step == 0:
                self._compute("val")
                self._compute("test")
            yield [run.record(each) for run, each in zip(self.runs, stepped, strict=True)]

    def take_step(self, batches: Sequence[Batch]) -> list[Stepped]:
        """Train on the batches of all seeds."""
        batch = joined(batches, self._is_shared)
        if self._captured is not None:
            self._draw(self.numbers)
            outputs, target, losses = self._captured(*batch)
        else:
            outputs, losses, target = self._host_step(batch)
        targets = [target] * len(batches) if self._is_shared else list(target)
        self._last = [outputs, losses, target]
        return [Stepped(*each) for each in zip(outputs, targets, losses, strict=True)]

    def finish_epoch(self) -> list[dict[str, float]]:
        """Measure the epoch of each seed; see `SeedRun.finish_epoch`."""
        first, goal = self.runs[0], self.runs[0].goal
        parts: list[SplitName] = ["val"]
        if first.recipe.evaluate_every == "epoch":
            parts.append("test")
        parts = [part for part in parts if len(getattr(first.task.split, part))]
        at_once = self._is_shared and first.steps_done == 1
        if at_once and not self._last:  # the step was done before the run was stopped
            stepped = [run.last_step for run in self.runs]
            self._last = [torch.stack([s.output for s in stepped]),
                          torch.stack([s.loss for s in stepped]), stepped[0].target]  # fmt: skip
        last, self._last = self._last, []
        found = {"train": last} | {part: self._compute(part) for part in parts}
        if not at_once or not all(each is not None and len(each[2]) for each in found.values()):
            return [run.finish_epoch() for run in self.runs]
        rows: list[dict[str, float]] = [{"epoch": run.epoch + 1} for run in self.runs]
        for part, each in found.items():
            assert each is not None
            outputs, losses, target = each
            values, scores = losses.tolist(), goal.scores(outputs, target)
            if not all(map(math.isfinite, values)):  # each seed raises its own error
                return [run.finish_epoch() for run in self.runs]
            for row, loss, score in zip(rows, values, scores, strict=True):
                row |= {f"{part}_loss": loss, f"{part}_{goal.metric}": score}
        for run in self.runs:
            run.epoch += 1
            run.computed.clear()
            run.start_epoch()
        return [run.keep_if_best(row) for run, row in zip(self.runs, rows, strict=True)]

    def hand_over(self) -> None:
        """Bring the runs up to date, to be saved."""
        self._optimizer.hand_over()

    def release(self) -> None:
        """Give the runs separate tensors again, to continue alone."""
        self._optimizer.hand_over()
        self._models.release()
        if self._kept is not self._models:
            self._kept.release()

    # --- the step ---------------------------------------------------------------------------

    def _draw(self, numbers: Sequence[RandomNumbers]) -> None:
        """Draw the masks of dropout for a step, of each seed from its own numbers."""
        for place, own in enumerate(numbers):
            with nullcontext() if self._captured is None or not self._masks else own.used():
                for mask, drawn in zip(self._masks, self._drawn, strict=True):
                    mask.draw(drawn[place], own.generator)
        self._keep = [mask.keep(all) for mask, all in zip(self._masks, self._drawn, strict=True)]

    def _host_step(self, batch: Batch) -> list[Tensor]:
        """A step on the CPU, from a tape where it can: outputs, losses and targets."""
        if self.runs[0].recipe.schedule == "constant":
            found = self._repeated("step", batch, partial(self._whole_step, batch))
        else:  # the learning rate differs from step to step
            self._draw(self.numbers)
            found = self._repeated("train", batch, partial(self._gradients, batch))
            self._optimizer.step(found[3:])
        self._update_averages()
        return found[:3]

    def _whole_step(self, batch: Batch) -> list[Tensor]:
        """The step with its random numbers and the optimizer."""
        self._draw(self.numbers)
        found = self._gradients(batch)
        self._optimizer.step(found[3:])
        return found[:3]

    def _device_step(self, x: Tensor, domain: Domain, y: Tensor) -> Stepped:
        """A step on a GPU, after its random numbers were drawn; it can be captured."""
        outputs, losses, target, *gradients = self._gradients((x, domain, y))
        self._optimizer.step(gradients)
        self._update_averages()
        return Stepped(outputs, target, losses)

    def _state(self) -> list[Tensor]:
        """The tensors that a step changes in place."""
        kept = [] if self._kept is self._models else [*self._kept.state.values()]
        found = [*self._models.state.values(), *kept, *self._optimizer.state()]
        return [tensor for tensor in found if tensor.is_cuda]

    def _update_averages(self) -> None:
        for run in self.runs:
            if run.average is not None:
                update_average(run.average, run.model)

    def _gradients(self, batch: Batch) -> list[Tensor]:
        """Known outputs, losses and targets, stacked, and the gradients of all parameters."""
        run = self.runs[0]
        run.set_mode(training=True)
        smoothing, learned = run.recipe.label_smoothing, self._optimizer.learned
        ys = [batch[2]] * len(self.runs) if self._is_shared else batch[2].unbind(0)
        outputs, targets = self._known(self._models, "train", batch, ys)
        if self._is_shared:
            given, target = torch.stack(outputs), targets[0]
            minimized = run.goal.losses(given, target, smoothing)
            losses = run.goal.losses(given.detach(), target) if smoothing else minimized.detach()
        else:
            given, target = torch.stack(outputs), torch.stack(targets)
            pairs = list(zip(given, target, strict=True))
            minimized = torch.stack([run.goal.loss(*pair, smoothing) for pair in pairs])
            losses = minimized.detach()
            if smoothing:  # recorded without it, like the validation loss
                losses = torch.stack([run.goal.loss(o.detach(), y) for o, y in pairs])
        gradients = torch.autograd.grad(minimized.sum(), learned)
        # In the memory layout of the parameters: a fused optimizer takes it for granted.
        laid_out = map(with_layout_of, gradients, learned)
        return [given.detach(), losses, target, *laid_out]

    def _known(
        self, stack: Stack, part: SplitName, batch: Batch, targets: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The known outputs and targets of each seed for a batch."""
        run, model, (x, domain, _) = self.runs[0], stack.template, batch
        args, named = form_of(model).arguments(model, x, domain)
        asked = Asked(self._masks)

        def of_seed(state: Mapping[str, Tensor], keep: Sequence[Tensor], x: Tensor) -> Tensor:
            asked.given = list(keep)
            out: Tensor = functional_call(model, dict(state), (x, *args[1:]), named)
            return out

        is_shared = self._is_shared or part != "train"
        over = vmap(of_seed, in_dims=(0, 0, None if is_shared else 0), randomness="different")
        with asked, arithmetic(run.device, run.precision), warnings.catch_warnings():
            # Of operations that vmap runs for each seed in turn.
            warnings.filterwarnings("ignore", "There is a performance drop")
            outputs = over(stack.state, self._keep if model.training else [], x)
            pairs = [
                each.known(part, output, target)
                for each, output, target in zip(self.runs, outputs, targets, strict=True)
            ]
        known = [o.float() if o.dtype is torch.bfloat16 else o for o, _ in pairs]
        return known, [target for _, target in pairs]

    def _repeated(
        self, name: str, batch: Batch, compute: Callable[[], list[Tensor]]
    ) -> list[Tensor]:
        """The results of a computation on a batch, from its record from the third time on.

        At the first time it runs as it is, as operators are made then and kept; at the second it
        is recorded.
        """
        key = (name, *map(id, batch))
        known = self._tapes.get(key)
        if known is not None and known[1] is not None:
            return known[1].run()
        if self._repeats and known is not None:
            generators = [own.generator for own in self.numbers]
            states = [generator.get_state() for generator in generators]
            buffers = [(buffer, buffer.clone()) for buffer in self._models.buffers.values()]
            try:
                tape = Tape(compute, draws=True)
            except NotRepeatable:
                self._repeats = False
                for generator, state in zip(generators, states, strict=True):
                    generator.set_state(state)
                for buffer, value in buffers:
                    buffer.copy_(value)
                return compute()
            self._tapes[key] = batch, tape
            first, tape.first = tape.first, []
            return first
        if self._repeats:
            if len(self._tapes) == _MOST_TAPES:
                self._tapes.clear()
            self._tapes[key] = batch, None  # with the batch, so that its id stays its own
        return compute()

    # --- evaluation -------------------------------------------------------------------------

    def _compute(self, part: SplitName) -> list[Tensor] | None:
        """Compute the outputs of all seeds for a split, if they share the task.

        Otherwise, or if the split has several batches, each seed computes its own.

        Returns:
            The known outputs, their losses, and the targets.
        """
        first = self.runs[0]
        if any(run.task is not first.task for run in self.runs) or (
            not len(getattr(first.task.split, part))
        ):
            return None
        batches = list(islice(first.task.batches(part), 2))
        if len(batches) > 1:
            return None
        with torch.no_grad():
            evaluate = partial(self._evaluated, part, batches[0])
            found = self._repeated(part, batches[0], evaluate)
        for run, output in zip(self.runs, found[0], strict=True):
            run.computed[part] = output, found[2]
        return found

    def _evaluated(self, part: SplitName, batch: Batch) -> list[Tensor]:
        """Known outputs, losses and targets of all seeds for a batch that they share."""
        first = self.runs[0]
        first.set_mode(training=False)
        first.kept_model.eval()
        outputs, targets = self._known(self._kept, part, batch, [batch[2]] * len(self.runs))
        given = torch.stack(outputs)
        return [given, first.goal.losses(given, targets[0]), targets[0]]

    # --- the comparison with the seeds alone ------------------------------------------------

    def _each_alone(
        self, batches: Sequence[Batch]
    ) -> tuple[list[list[Tensor]], list[Mask | Noise]]:
        """The outputs and buffers of each seed alone after a forward pass, and its masks."""
        found, masks = [], []
        for run, own, (x, domain, y) in zip(self.runs, self.numbers, batches, strict=True):
            run.set_mode(training=True)
            model, asked = copy.deepcopy(run.model), Asked()
            with own.used(keep=False), asked:
                before = _attributes(model)
                try:
                    with arithmetic(run.device, run.precision):
                        output = call(model, x, domain)
                        check_output(model, output, run.task, y)
                        output, target = run.known("train", output, y)
                    run.goal.loss(output, target)  # which checks a loss of the user's own
                except Exception as error:  # which the seed raises again, alone
                    raise Alone(f"the forward pass failed ({error})") from error
            if _attributes(model) != before:
                raise Alone("a module changes its attributes in each forward pass")
            found.append([output.detach(), *model.buffers()])
            masks.append(asked.masks)
        if any([m.shape for m in each] != [m.shape for m in masks[0]] for each in masks):
            raise Alone("their forward passes differ")
        return found, masks[0]

    def _compare(self, batches: Sequence[Batch], alone: Sequence[Sequence[Tensor]]) -> None:
        """Compare a forward pass of the group with those of the seeds alone."""
        first, buffers = self.runs[0], list(self._models.buffers.values())
        before = [buffer.clone() for buffer in buffers]
        try:
            self._draw([own.copy() for own in self.numbers])
            outputs = self._gradients(joined(batches, self._is_shared))[0]
            after = [buffer.clone() for buffer in buffers]
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)
            self._compute("val")
        except Exception as error:  # of a module or a loss that `vmap` does not support
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Alone(f"torch.func.vmap does not support the model ({reason})") from error
        tolerance = _TOLERANCE[first.precision]
        if first.device.type != "cpu":  # where products may use shorter numbers
            tolerance = max(tolerance, 0.02)
        for number, values in enumerate(alone):
            found = [outputs[number], *(buffer[number] for buffer in after)]
            for one, other in zip(found, values, strict=True):
                scale = other.double().abs().amax() if other.numel() else 0
                worst = (one.double() - other.double()).abs().amax() if other.numel() else 0
                if not worst <= tolerance * scale + 1e-6:
                    raise Alone("the model draws random numbers that differ in a group")


def _attributes(model: nn.Module) -> list[object]:
    """The numbers, words and flags that the modules hold as attributes."""
    plain = (bool, int, float, str, type(None))
    held = (vars(module).items() for module in model.modules())
    return [(name, value) for items in held for name, value in items if isinstance(value, plain)]
