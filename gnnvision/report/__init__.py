"""Reports: the figures, tables and the page of a run."""

from gnnvision.report.html import write_report

__all__ = ["write_report"]
