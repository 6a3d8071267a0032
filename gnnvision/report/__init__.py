"""Reports: the figures, tables and page of a training run, and the index of all runs."""

from gnnvision.report.html import write_report

__all__ = ["write_report"]
