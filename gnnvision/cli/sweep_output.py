"""What `gnnvision sweep` says: what is fixed, the command of the best settings, the report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import nn

from gnnvision.cli.command_train import TrainFlags
from gnnvision.cli.command_train import flags as train_flags
from gnnvision.cli.entry import print_warning
from gnnvision.cli.experiment import warn_without_figures
from gnnvision.cli.flags import flags_of
from gnnvision.cli.folders import settings as all_settings
from gnnvision.cli.output import print_report
from gnnvision.cli.pages import report_progress
from gnnvision.cli.settings import GIVEN
from gnnvision.models import network_name
from gnnvision.report.headline import banner
from gnnvision.training import Recipe, Sweep
from gnnvision.training.claims import Claims
from gnnvision.training.folder import write_json
from gnnvision.training.sweep_result import setting_word

__all__ = ["fixed_flags", "fixed_recipe", "show_sweep", "train_command"]

# Flags in which the processes of a sweep may differ, or that it checks itself.
_FREE = (
    "vary", "trials", "study", "seeds", "first_seed", "metric", "device", "jobs", "data_root",
    "out", "resume", "compare", "log", "save_every", "dataset",
)  # fmt: skip


def fixed_flags(config: TrainFlags, network: str) -> dict[str, Any]:
    """The flags in which all processes of a sweep must agree, for JSON."""
    names = [field.name for field in fields(config) if field.name not in _FREE]
    stored = all_settings("sweep", config)["flags"]
    return {name: stored[name] for name in names} | {"model": network}


def fixed_recipe(model: nn.Module, recipe: Recipe, space: Mapping[str, object]) -> dict[str, str]:
    """The network and the recipe without what varies, as lines of the overview."""
    spec = getattr(model, "spec", {})
    arguments = {
        n: v for n, v in spec.get("arguments", {}).items() if n not in space and n not in GIVEN
    }
    shown = ", ".join(f"{name} {value}" for name, value in arguments.items())
    kept = ", ".join(
        part for part in str(recipe).split(", ") if part.partition(" ")[0] not in space
    )
    network = {} if "model" in space else {"network": f"{network_name(model)}: {shown}"}
    return network | {"recipe": kept}


def train_command(config: TrainFlags, found: Sweep) -> tuple[TrainFlags, str]:
    """The flags of `gnnvision train` that train the best settings, and the command line."""
    made = train_flags()
    known = {field.name for field in fields(made)}
    values = {n: getattr(config, n) for n in known if n not in ("seeds", "first_seed", "log")}
    chosen = dict(found.best.settings)
    if "model" in chosen:
        values["model"] = str(chosen.pop("model"))
    values["set"] = (*config.set, *(f"{n}={setting_word(v)}" for n, v in chosen.items()))
    seeds = [outcome.seed for outcome in found.result.outcomes]
    flags: TrainFlags = made(**values, seeds=len(seeds), first_seed=seeds[0])
    words = ["gnnvision", "train", config.dataset]
    for flag in flags_of(made):
        value = getattr(flags, flag.name)
        if flag.positional or value == flag.default or flag.name == "resume":
            continue
        if isinstance(value, bool):
            words.append(flag.option if value else f"--no-{flag.option.strip('-')}")
        else:
            listed = value if isinstance(value, tuple) else (value,)
            words += [flag.option, *map(str, listed)]
    return flags, shlex.join(words)


def show_sweep(config: TrainFlags, found: Sweep, inputs: str) -> None:
    """Print the outcome of a sweep, and write the tables, its page and the report of the best.

    Args:
        config: the flags.
        found: the outcome.
        inputs: what `gnnvision predict` takes, as an example.
    """
    result = found.result
    assert result.folder is not None
    print(f"\n{found.summary()}", flush=True)
    for line in banner(result):
        print_warning(line)
    flags, command = train_command(config, found)
    print(f"train these settings: {command}")
    claim = Claims().take(result.folder)
    if claim is None:  # another process of the sweep
        print(f"Another process writes the report: {found.folder / 'report.html'}")
        return
    with claim:
        started = time.perf_counter()
        found.write_tables()
        warn_without_figures()
        if not (result.folder / "config.json").exists():
            about = all_settings("train", flags, dataset=result.task.name)
            about |= {"script": "gnnvision train", "command": command, "model": repr(result.model)}
            write_json(result.folder / "config.json", about)
        with report_progress() as progress:
            result.report(progress)
        page = found.report(command)
    print(f"predict: gnnvision predict {shlex.quote(str(result.folder))} {inputs}".rstrip())
    print_report(
        page, sweep=sum(t.seconds for t in found.trials), report=time.perf_counter() - started
    )
