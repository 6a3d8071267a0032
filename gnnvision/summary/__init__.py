"""The summary of a network: shapes, parameters, costs and receptive fields, without running it."""

from gnnvision.summary.layer import LayerSummary
from gnnvision.summary.measure import summary
from gnnvision.summary.network import Summary
from gnnvision.summary.reach import Reach

__all__ = ["LayerSummary", "Reach", "Summary", "summary"]
