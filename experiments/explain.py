"""Why does a network answer as it does? Which pixels, atoms or papers made the answer.

python experiments/explain.py runs/cnn_cifar/STAMP photo.jpg
python experiments/explain.py runs/gcn_molecules/STAMP CCO "c1ccccc1C(=O)O"
python experiments/explain.py runs/gcn_cora/STAMP 1708                       a node, by number
python experiments/explain.py runs/gcn_molecules/MUTAG_STAMP 17   a graph of the set, from 1
python experiments/explain.py torchvision:mobilenet_v2=FILE.safetensors photo.jpg --target tabby
python experiments/explain.py RUN photo.jpg --method gradient guided-gradient occlusion

It leaves a page with several explanations side by side and what each is worth: whether the answer
falls when the sites that it names are covered, and whether it depends on what was learned at all.
Beside it are the numbers: attributions.csv (quality) and attributions.npz (values).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from gnnvision import cli
from gnnvision.cli.questions import column, question
from gnnvision.cli.subjects import load_subjects
from gnnvision.explain import METHODS, method_named
from gnnvision.report.attribution_found import explain_inputs, write_values
from gnnvision.report.attribution_page import sections_of
from gnnvision.report.page import write_page

FOR_ALL = ("grad_cam", "integrated_gradients", "occlusion")
FOR_NODES = ("gradient", "input_gradient", "integrated_gradients")  # occlusion takes minutes


@dataclass(frozen=True, kw_only=True)
class Config(cli.LookOptions):
    """The flags of this script.

    Args:
        method: gradient, input_gradient, integrated_gradients, grad_cam, guided_gradient,
            guided_grad_cam or occlusion; several stand side by side.
        target: the class or target to explain, by name or number; else what the network says.
        layer: for Grad-CAM; else the last layer with sites that all of the output goes through.
        checks: whether to measure what the explanations are worth, which takes longer.
        draws: randomized networks of the sanity check; else 20, or 10 for a large image.
        orders: random orders to compare deletion and insertion with; 19 or more to tell.
    """

    method: tuple[str, ...] = ()
    target: str | None = None
    layer: str | None = None
    checks: bool = True
    draws: int | None = None
    orders: int = 20


def main(config: Config) -> None:
    """Explain, measure, and make the page in a run folder."""
    subjects = load_subjects(config.model, config.inputs, cli.usable_device(config.device))
    inputs = [question(subjects, subject) for subject in subjects.items]
    usual = FOR_ALL if inputs[0].site is None else FOR_NODES
    methods = [method_named(name) for name in config.method or usual]
    for name in ("draws", "orders"):
        count = getattr(config, name)
        if count is not None and count < 1:
            raise ValueError(f"'--{name}' must be at least 1, got {count}. Raise it.")
    if not config.checks:
        cli.refuse_unused(config, {"draws": None, "orders": 20}, "with --no-checks")
    target = None if config.target is None else column(subjects, config.target)
    if config.layer is not None and not any(METHODS[name].takes_layer for name in methods):
        raise ValueError(
            f"'--layer' must be left out for {', '.join(methods)}, which look at the input, got "
            f"{config.layer!r}. Add --method grad-cam."
        )
    explained = explain_inputs(
        subjects.model, inputs, methods, subjects.output_names, subjects.kind,
        target=target, layer=config.layer, checked=config.checks, draws=config.draws,
        orders=config.orders,
    )  # fmt: skip
    command = shlex.join(["python", *sys.argv])
    title = f"Why this answer: a network for {subjects.title}"
    about = "What of each input made the network's answer, and how far to trust the explanation."
    settings = {"experiment": "explain", "command": command}
    with cli.run_folder(config.out, "explain", settings) as folder:
        figures = folder / "figures"
        figures.mkdir()
        write_values(folder, explained)
        sections = sections_of(explained, figures)
        page = write_page(folder, title, about, sections, command)
    print(f"report: {page}")


def start(argv: Sequence[str] | None = None) -> None:
    """Run with the flags of the command line, or with `argv`."""
    cli.run(Config, main, argv)


if __name__ == "__main__":
    start()
