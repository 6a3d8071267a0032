"""The arithmetic of a network before it runs: shapes, parameters, costs, receptive fields."""

from gnnvision.summary.layer import LayerSummary
from gnnvision.summary.measure import summary
from gnnvision.summary.network import Summary
from gnnvision.summary.reach import Reach

__all__ = ["LayerSummary", "Reach", "Summary", "summary"]
