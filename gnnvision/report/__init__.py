"""Reports: figures, tables and page of a training run, the index of all runs, and lessons."""

from gnnvision.report.architecture import draw_network
from gnnvision.report.augmentation import augmentation_sections
from gnnvision.report.draw import start_maps
from gnnvision.report.html import write_report
from gnnvision.report.lesson import write_lesson
from gnnvision.report.sweep_page import write_sweep

__all__ = [
    "augmentation_sections",
    "draw_network",
    "start_maps",
    "write_lesson",
    "write_report",
    "write_sweep",
]
