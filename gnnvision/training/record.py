"""The files of a finished run: how they are written, and read again as a result."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gnnvision.data import Task
from gnnvision.domains import StoredGraph
from gnnvision.errors import invalid
from gnnvision.models.arguments import fits
from gnnvision.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from gnnvision.training.folder import read_json, write_csv, write_json
from gnnvision.training.measures import current_metrics
from gnnvision.training.objective import objective
from gnnvision.training.recipe import Recipe
from gnnvision.training.result import Outcome, Result
from gnnvision.training.stored import check_outcomes, check_tensors, checkpoint_errors
from gnnvision.training.stored_graph import GRAPH, pack_graph

__all__ = [
    "BEST",
    "EPOCH",
    "LAST",
    "OUTCOMES",
    "RANK",
    "SEED",
    "NotSaved",
    "describe_run",
    "has_checkpoint",
    "is_complete",
    "pack_outcomes",
    "rank_files",
    "read_result",
    "unpack_outcomes",
    "write_result",
]

LAST = "checkpoints/last.safetensors"
BEST = "checkpoints/best.safetensors"
OUTCOMES = "checkpoints/outcomes.safetensors"
RANK = "checkpoints/rank-{}.safetensors"  # of the other processes of torchrun
SEED = "checkpoints/seed-{}.safetensors"
RESULT = "result.json"
METRICS = "metrics.csv"
STEPS = "steps.csv"  # of `Recipe.evaluate_every`
EPOCH = "checkpoints/epochs/seed-{}-epoch-{:03d}.safetensors"

_PROPERTIES: dict[str, type] = {
    "device": str, "precision": str, "compiled": bool, "threads": int, "train_seconds": float,
    "data_seconds": float,
}  # fmt: skip
_GOAL = ("metric", "higher_is_better", "loss")
_TENSORS = ("target", "prediction")
_Writer = Callable[[Path], None]


class NotSaved(OSError):
    """A finished run could not be written completely; its result is in `result`.

    Args:
        result: the result.
        folder: the run folder.
        failed: the files that could not be written there, with the reason.
        saved: the files that were written there.
        rescued: the files that were written elsewhere instead.
        elsewhere: the folder of those.
    """

    def __init__(
        self,
        result: Result,
        folder: Path,
        failed: Mapping[str, Exception],
        saved: Sequence[str] = (),
        rescued: Sequence[str] = (),
        elsewhere: Path | None = None,
    ) -> None:
        self.result = result
        self.folder = folder
        self.failed = dict(failed)
        self.rescued, self.elsewhere = tuple(rescued), elsewhere
        reasons = dict.fromkeys(_reason(error) for error in failed.values())
        lines = [
            f"The training is finished, but {_listed(failed)} could not be written to "
            f"{str(folder)!r} ({'; '.join(reasons)})."
        ]
        if saved:
            lines.append(f"Saved there: {', '.join(saved)}.")
        if rescued:
            lines.append(f"Saved in {str(elsewhere)!r} instead: {', '.join(rescued)}.")
        lost = [name for name in failed if name not in rescued]
        if lost:
            lines.append(f"Not saved: {', '.join(lost)}.")
        if lost and has_checkpoint(folder):
            lines.append("Make room there, and resume the run from its last checkpoint.")
        elif lost:
            lines.append("Make room there and run it again.")
        else:
            lines.append("Make room and move them there.")
        super().__init__(" ".join(lines))


def write_result(
    result: Result, folder: Path, more: Mapping[str, Checkpoint] | None = None
) -> None:
    """Write the selected weights, `result.json`, `metrics.csv` and what a report needs.

    An error of one file does not keep the others from being written; files for which the folder
    has no room are written to a new temporary folder.

    Args:
        result: the result of a finished run.
        folder: the run folder.
        more: further checkpoints, by their path in the folder.

    Raises:
        NotSaved: if a file could not be written there; it names the folder of each file.
    """
    writers = _writers(result, more or {})
    failed = _write_files(writers, folder)
    if RESULT in failed and OUTCOMES not in failed:  # metrics matter more than the report
        (folder / OUTCOMES).unlink(missing_ok=True)
        failed |= {OUTCOMES: failed.pop(RESULT)} | _write_files({RESULT: writers[RESULT]}, folder)
    if not failed:
        for file in (folder / LAST, *rank_files(folder)):
            file.unlink(missing_ok=True)
        return
    saved = [name for name in writers if name not in failed]
    rescued: list[str] = []
    elsewhere = None
    try:
        elsewhere = Path(tempfile.mkdtemp(prefix=f"gnnvision-{folder.name}-"))
        lost = _write_files({name: writers[name] for name in failed}, elsewhere)
        rescued = [name for name in failed if name not in lost]
    except OSError:
        pass
    if elsewhere is not None and not rescued:
        shutil.rmtree(elsewhere, ignore_errors=True)
    raise NotSaved(result, folder, failed, saved, rescued, elsewhere)


def rank_files(folder: Path) -> list[Path]:
    """The checkpoints of processes other than rank 0."""
    return sorted(folder.glob(RANK.format("*")))


def has_checkpoint(folder: Path) -> bool:
    """Whether a run that was stopped can be resumed."""
    return (folder / LAST).is_file() or bool(rank_files(folder))


def is_readable(folder: Path) -> bool:
    """Whether `result.json` can be read: a run that was killed may leave an incomplete file."""
    try:
        return isinstance(read_json(folder / RESULT), dict)
    except ValueError:
        return False


def is_complete(folder: Path) -> bool:
    """Whether a run is finished and has all files that its report needs."""
    return all((folder / name).is_file() for name in (RESULT, BEST, OUTCOMES))


def read_result(folder: Path, task: Task, model: nn.Module, device: str = "cpu") -> Result:
    """The result of a finished run, read from its folder, as `fit` returned it.

    A damaged `result.json` or a missing `metrics.csv` is written again.

    Args:
        folder: a run folder for which `is_complete`.
        task: the task, loaded as for the run.
        model: a model of the run's architecture; the weights are loaded into it.
        device: where to put the model and the task.

    Returns:
        The result, which can write the report.

    Raises:
        ValueError: if the files are damaged, or of another task or model.
    """
    goal = objective(task)
    saved, best = (read_checkpoint(folder / name) for name in (OUTCOMES, BEST))
    state = saved.state
    with checkpoint_errors(folder / OUTCOMES):
        check_outcomes(state["outcomes"], saved.tensors)
        outcomes = unpack_outcomes(saved.tensors, state["outcomes"])
        if not outcomes:
            raise ValueError("'outcomes' is empty")
        metric, loss = state.get("metric", goal.metric), state.get("loss")
        higher = state.get("higher_is_better", goal.higher_is_better)
        own: tuple[tuple[str, object, Any], ...] = (
            ("metric", metric, str),
            ("loss", loss, str | None),
            ("higher_is_better", higher, bool),
        )
        for name, value, wanted in own:
            if not fits(value, wanted):
                raise ValueError(f"'{name}' is {value!r}"[:100])
        for outcome in outcomes:
            for values in outcome.metrics.values():
                if values and not {metric} <= set(values) <= {metric, *goal.names}:
                    raise ValueError("'metrics' of another task")
        recipe = Recipe.from_dict(state["recipe"])
        properties = {name: state[name] for name in _PROPERTIES}
        for name, kind in _PROPERTIES.items():
            if not fits(properties[name], kind):
                raise ValueError(f"'{name}' is {properties[name]!r}")
        notes, facts = list(state["notes"]), dict(state["facts"])
        identity = state["data_hash"], state["split"]
    if identity != (task.data_hash, task.split_name):
        raise invalid(
            "task",
            f"be the task of the run in {str(folder)!r}",
            f"{task.name!r} with other data or another split",
            "Load it with the options of the run.",
        )
    with checkpoint_errors(folder / BEST):
        check_tensors(best.tensors, model.state_dict())
        model.load_state_dict(best.tensors)
    result = Result(
        task=task,
        recipe=recipe,
        model=model.to(device).eval(),
        outcomes=outcomes,
        metric=metric,
        loss=loss,
        higher_is_better=higher,
        folder=folder,
        notes=notes,
        facts=facts,
        **properties,
    )
    result.task = task.to(device).with_seed(result.best.seed)
    if not is_readable(folder):
        write_json(folder / RESULT, result.to_dict())
    if not (folder / METRICS).is_file():
        write_csv(folder / METRICS, _rows(result), durable=True)
    return result


def pack_outcomes(outcomes: Sequence[Outcome]) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """The tensors of outcomes by path, and their other fields for JSON."""
    tensors, rest = {}, []
    for number, outcome in enumerate(outcomes):
        values = asdict(outcome)
        for name in _TENSORS:
            tensors[f"outcome/{number}/{name}"] = values.pop(name)
        rest.append(values)
    return tensors, rest


def unpack_outcomes(
    tensors: Mapping[str, Tensor], rest: Sequence[Mapping[str, Any]]
) -> list[Outcome]:
    """The outcomes, from what `pack_outcomes` returned.

    Raises:
        KeyError: if a value or a tensor is missing.
    """
    known = {field.name for field in fields(Outcome)} - set(_TENSORS)
    out = []
    for number, values in enumerate(rest):
        held = {name: value for name, value in values.items() if name in known}
        held |= {name: tensors[f"outcome/{number}/{name}"] for name in _TENSORS}
        held["metrics"] = {n: current_metrics(v) for n, v in held["metrics"].items()}
        out.append(Outcome(**held))
    return out


def describe_run(
    task: Task, recipe: Recipe, model: nn.Module, seed: int, epoch: int, precision: str
) -> dict[str, Any]:
    """The description of a run for the checkpoint of its weights: all that prediction needs."""
    return {
        "dataset": task.name,
        "title": task.card.title,
        "data_hash": task.data_hash,
        "class_names": list(task.class_names),
        "in_channels": task.in_channels,
        "split": {
            "name": task.split_name,
            "hash": task.split.hash,
            **_rows_of_split(task),
        },
        "recipe": recipe.to_dict(),
        "seed": seed,
        "epoch": epoch,
        "model": repr(model),
        "spec": getattr(model, "spec", None),
        "kind": task.kind,
        "task": type(task).__name__,
        "item_kind": task.item_kind,
        "origin": origin_of(task),
        "input": task.input_description(),
        "precision": precision,
    }


def _rows_of_split(task: Task) -> dict[str, list[int]]:
    """The rows of a split; none for a graph on disk, whose split is found again by its hash."""
    if isinstance(getattr(task, "graph", None), StoredGraph):
        return {}
    return {part: getattr(task.split, part).tolist() for part in ("train", "val", "test")}


def origin_of(task: Task) -> dict[str, Any]:
    """The arguments that load the task again, as JSON types; empty if one is not of these."""
    try:
        held: dict[str, Any] = json.loads(json.dumps(dict(task.origin)))
    except (TypeError, ValueError):  # such as a featurizer of the user's own
        return {}
    return held


def _writers(result: Result, more: Mapping[str, Checkpoint]) -> dict[str, _Writer]:
    """The function that writes each file, the most valuable file first."""
    task, recipe = result.task, result.recipe
    seed, epoch = result.best.seed, result.best.best_epoch
    about = describe_run(task, recipe, result.model, seed, epoch, result.precision)
    best = Checkpoint(result.model.state_dict(), about)
    tensors, outcomes = pack_outcomes(result.outcomes)
    rest = {name: getattr(result, name) for name in (*_PROPERTIES, *_GOAL, "notes", "facts")}
    rest |= {"outcomes": outcomes, "recipe": recipe.to_dict()}
    rest |= {"data_hash": task.data_hash, "split": task.split_name}
    checkpoints = {BEST: best, OUTCOMES: Checkpoint(tensors, rest), **more}
    if (graph := pack_graph(task)) is not None:
        checkpoints[GRAPH] = graph
    writers: dict[str, _Writer] = {name: _checkpoint(held) for name, held in checkpoints.items()}
    first = {BEST: writers.pop(BEST), OUTCOMES: writers.pop(OUTCOMES)}
    if any(outcome.steps for outcome in result.outcomes):
        steps = [{"seed": o.seed} | row for o in result.outcomes for row in o.steps]
        writers[STEPS] = lambda path: write_csv(path, steps, durable=True)
    # `result.json` comes after the files of the report: where it exists, they do.
    return first | {
        RESULT: lambda path: write_json(path, result.to_dict()),
        METRICS: lambda path: write_csv(path, _rows(result), durable=True),
        **writers,
    }


def _checkpoint(held: Checkpoint) -> _Writer:
    return lambda path: write_checkpoint(path, held)


def _rows(result: Result) -> list[dict[str, float]]:
    return [{"seed": o.seed} | row for o in result.outcomes for row in o.history]


def _write_files(writers: Mapping[str, _Writer], folder: Path) -> dict[str, Exception]:
    """Write each file, and return those that could not be written, with the error."""
    failed: dict[str, Exception] = {}
    for name, write in writers.items():
        try:
            write(folder / name)
        except (OSError, MemoryError, RuntimeError) as error:
            failed[name] = error
    return failed


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(repr(name) for name in names)
