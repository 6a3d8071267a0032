"""Reports: the figures, tables and page of a training run, and the index of all runs."""

from gnnvision.report.draw import start_maps
from gnnvision.report.html import write_report

__all__ = ["start_maps", "write_report"]
