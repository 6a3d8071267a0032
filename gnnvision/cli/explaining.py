"""Explanations of predictions, tested, as a page in a run folder."""

from __future__ import annotations

from gnnvision.cli.devices import usable_device
from gnnvision.cli.inspect_options import ExplainOptions
from gnnvision.cli.load_inputs import load_inspected
from gnnvision.cli.pages import page as new_page
from gnnvision.cli.report_inputs import explained_input, output_index
from gnnvision.cli.unused_flags import refuse_unused
from gnnvision.errors import at_least, invalid
from gnnvision.explain import METHODS, method_named
from gnnvision.report import attribution_found
from gnnvision.report.attribution_page import attribution_sections
from gnnvision.runs.run import FOR_ALL, FOR_NODES

__all__ = ["explain"]


def explain(config: ExplainOptions, model: str) -> None:
    """Compute and test attributions as the flags say, and write their page to a run folder.

    Args:
        config: the flags.
        model: a run, or a network of torchvision.

    Raises:
        ValueError: if a flag does not fit the network.
    """
    inspected = load_inspected(model, config.inputs, usable_device(config.device))
    inputs = [explained_input(inspected, item) for item in inspected.inputs]
    usual = FOR_ALL if inputs[0].site is None else FOR_NODES
    methods = [method_named(name) for name in config.method or usual]
    for name in ("draws", "orders"):
        if (count := getattr(config, name)) is not None:
            at_least(f"--{name}", count, 1)
    if not config.checks:
        refuse_unused(config, {"draws": None, "orders": 20}, "with --no-checks")
    target = None if config.target is None else output_index(inspected, config.target)
    if config.layer is not None and not any(METHODS[m].takes_layer for m in methods):
        condition = f"be left out for {', '.join(methods)}, which need no layer"
        raise invalid("--layer", condition, repr(config.layer), "Add --method grad-cam.")
    with new_page("explain", config) as page:
        with page.step("explanations"):
            explained = attribution_found.explain_inputs(
                inspected.model, inputs, methods, inspected.output_names, inspected.kind,
                target=target, layer=config.layer, checked=config.checks, draws=config.draws,
                orders=config.orders,
            )  # fmt: skip
        with page.step("report"):
            attribution_found.write_values(page.folder, explained)
            sections = attribution_sections(explained, page.figures)
        page.write(
            f"Explanations of a network trained on {inspected.title}",
            "Which parts of each input the prediction depends on, and how far to trust that.",
            sections,
        )
