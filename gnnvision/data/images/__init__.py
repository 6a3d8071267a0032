"""Pictures: their sources, safe decoding, a cache, batches and augmentation."""

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.findings import Finding, ScanReport
from gnnvision.data.images.folder import scan
from gnnvision.data.images.reconstruction import ReconstructionTask
from gnnvision.data.images.single import picture_files, read_picture
from gnnvision.data.images.task import ImageTask

__all__ = [
    "Augment",
    "Finding",
    "ImageTask",
    "ReconstructionTask",
    "ScanReport",
    "picture_files",
    "read_picture",
    "scan",
]
