"""Image datasets: folders and archives, safe decoding, a cache, batches, augmentation."""

from gnnvision.data.images.augment import Augment
from gnnvision.data.images.folder import scan
from gnnvision.data.images.new_images import image_files, read_image
from gnnvision.data.images.reconstruction import ReconstructionTask
from gnnvision.data.images.scan_report import Finding, ScanReport
from gnnvision.data.images.task import ImageTask

__all__ = [
    "Augment",
    "Finding",
    "ImageTask",
    "ReconstructionTask",
    "ScanReport",
    "image_files",
    "read_image",
    "scan",
]
