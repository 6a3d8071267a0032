"""Explain the predictions of a trained network: which pixels, atoms or nodes they depend on.

python experiments/explain.py runs/cnn_cifar/STAMP photo.jpg
python experiments/explain.py runs/gcn_molecules/STAMP CCO "c1ccccc1C(=O)O"
python experiments/explain.py runs/gcn_cora/STAMP 1708           a node, by number from 0
python experiments/explain.py runs/gcn_molecules/MUTAG_STAMP 17  a graph, by number from 1
python experiments/explain.py torchvision:mobilenet_v2=FILE.safetensors photo.jpg --target tabby
python experiments/explain.py RUN photo.jpg --method gradient guided-gradient occlusion

The page shows several attribution methods side by side and tests each: whether the prediction
falls when the sites with the highest attribution are removed (deletion and insertion), and
whether the attribution depends on the learned weights (parameter-randomization test). The numbers
are in attributions.csv (test results) and attributions.npz (attributions).
"""

from dataclasses import dataclass
from functools import partial

import gnnvision as gv
from gnnvision import cli
from gnnvision.errors import at_least, invalid

FOR_ALL = ("grad_cam", "integrated_gradients", "occlusion")
FOR_NODES = ("gradient", "input_gradient", "integrated_gradients")  # occlusion takes minutes


@dataclass(frozen=True, kw_only=True)
class Config(cli.InspectOptions):
    """The flags of this script.

    Args:
        method: Attribution methods to compare, of gradient, input_gradient,
            integrated_gradients, grad_cam, guided_gradient, guided_grad_cam and occlusion. By
            default grad_cam, integrated_gradients and occlusion; for nodes three gradient
            methods.
        target: The class or target to explain, by name or number. By default the predicted one.
        layer: Layer for Grad-CAM. By default the last one with sites that the whole output
            depends on.
        checks: Test the attributions, which takes longer.
        draws: Randomized networks of the parameter-randomization test. By default 20, or 10 for a
            large image.
        orders: Random orders that deletion and insertion are compared with, at least 19 for a
            significant result.
    """

    method: tuple[str, ...] = ()
    target: str | None = None
    layer: str | None = None
    checks: bool = True
    draws: int | None = None
    orders: int = 20

    metavars = {"method": "METHOD", "target": "CLASS", "layer": "LAYER"}


def main(config: Config) -> None:
    """Compute and test the attributions, and write the page to a run folder."""
    from gnnvision.report.attribution_found import explain_inputs, write_values
    from gnnvision.report.attribution_page import attribution_sections

    inspected = cli.load_inspected(config.model, config.inputs, cli.usable_device(config.device))
    inputs = [cli.explained_input(inspected, item) for item in inspected.inputs]
    usual = FOR_ALL if inputs[0].site is None else FOR_NODES
    methods = [gv.explain.method_named(name) for name in config.method or usual]
    for name in ("draws", "orders"):
        if (count := getattr(config, name)) is not None:
            at_least(f"--{name}", count, 1)
    if not config.checks:
        cli.refuse_unused(config, {"draws": None, "orders": 20}, "with --no-checks")
    target = None if config.target is None else cli.output_index(inspected, config.target)
    if config.layer is not None and not any(gv.explain.METHODS[m].takes_layer for m in methods):
        condition = f"be left out for {', '.join(methods)}, which need no layer"
        raise invalid("--layer", condition, repr(config.layer), "Add --method grad-cam.")
    with cli.page("explain", config) as page:
        with page.step("explanations"):
            explained = explain_inputs(
                inspected.model, inputs, methods, inspected.output_names, inspected.kind,
                target=target, layer=config.layer, checked=config.checks, draws=config.draws,
                orders=config.orders,
            )  # fmt: skip
        with page.step("report"):
            write_values(page.folder, explained)
            sections = attribution_sections(explained, page.figures)
        page.write(
            f"Explanations of a network trained on {inspected.title}",
            "Which parts of each input the prediction depends on, and how far to trust that.",
            sections,
        )


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
