"""Finished runs: loaded again to predict, to embed and to explain."""

from gnnvision.runs.explanation import Explanation
from gnnvision.runs.inputs import Input
from gnnvision.runs.load import load_run
from gnnvision.runs.predictions import Counts, Predictions, write_predictions
from gnnvision.runs.run import Run

__all__ = [
    "Counts",
    "Explanation",
    "Input",
    "Predictions",
    "Run",
    "load_run",
    "write_predictions",
]
