"""Shared by the experiment scripts: their flags, their run folder, and how they end.

A script declares its flags as a dataclass that extends `Options`, and passes its main function to
`run`. User errors exit with code 2 and one line; Ctrl-C exits with code 130 and the command that
resumes the run.
"""

import sys
from typing import TYPE_CHECKING

from gnnvision._lazy import LazyPackage

if TYPE_CHECKING:
    from gnnvision.cli.augment_options import AugmentOptions
    from gnnvision.cli.comparing import compare
    from gnnvision.cli.datasets import grayscale, images, molecules, nodes, regression
    from gnnvision.cli.devices import usable_device, use_deterministic
    from gnnvision.cli.entry import run
    from gnnvision.cli.experiment import TrainingRun, fit_options, report_block, training_run
    from gnnvision.cli.explaining import explain
    from gnnvision.cli.folders import resumable, run_folder, settings
    from gnnvision.cli.inspect_options import ExplainOptions, InspectOptions
    from gnnvision.cli.load_inputs import load_inspected
    from gnnvision.cli.networks import image_network
    from gnnvision.cli.options import ImageOptions, MoleculeOptions, Options, RunOptions
    from gnnvision.cli.output import (
        open_output,
        print_entries,
        print_overview,
        print_report,
        print_table,
    )
    from gnnvision.cli.pages import Page, page, report_progress
    from gnnvision.cli.report_inputs import explained_input, feature_map_sections, output_index
    from gnnvision.cli.transfer_options import TransferOptions
    from gnnvision.cli.unused_flags import refuse_unused

__all__ = [
    "AugmentOptions",
    "ExplainOptions",
    "ImageOptions",
    "InspectOptions",
    "MoleculeOptions",
    "Options",
    "Page",
    "RunOptions",
    "TrainingRun",
    "TransferOptions",
    "compare",
    "explain",
    "explained_input",
    "feature_map_sections",
    "fit_options",
    "grayscale",
    "image_network",
    "images",
    "load_inspected",
    "molecules",
    "nodes",
    "open_output",
    "output_index",
    "page",
    "print_entries",
    "print_overview",
    "print_report",
    "print_table",
    "refuse_unused",
    "regression",
    "report_block",
    "report_progress",
    "resumable",
    "run",
    "run_folder",
    "settings",
    "training_run",
    "usable_device",
    "use_deterministic",
]

# The first six need no torch: a script's flags are read before anything heavy is imported.
_modules = (
    "options", "augment_options", "transfer_options", "inspect_options", "entry", "unused_flags",
    "datasets", "devices", "experiment", "folders", "output", "pages", "load_inputs",
    "report_inputs", "explaining", "networks", "comparing",
)  # fmt: skip
sys.modules[__name__].__class__ = LazyPackage
