"""Convolution step by step: calculations, figures and exercises on one page, without training.

The page is made of lessons of the documentation, which lie in docs/lessons of this checkout.

python experiments/convolution_basics.py                             write the page
python experiments/convolution_basics.py --photo cat.jpg             use your own photograph
python experiments/convolution_basics.py --size 100 75 --stride 2    calculate output sizes only
"""

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import gnnvision as gv
from gnnvision import cli

DOCS = Path(__file__).resolve().parents[1] / "docs" / "lessons"
NAMES = ("convolution", "kernels", "counting", "exercises", "pooling", "gradients")
ABOUT = """What a convolution computes, how large its output is, how many parameters it has, and
how it relates to graph convolution. The code that you see computed every number and figure."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The flags of this script.

    Args:
        photo: PNG or JPEG for the examples. By default a photograph that comes with scikit-learn.
        out: Folder of all runs.
        size: Print the output size for each of these input sizes, step by step, and write no page.
        kernel: Kernel size, with --size.
        stride: Step from one window to the next, with --size.
        padding: Number of padded positions on each side, or a name, with --size.
    """

    photo: Path | None = None
    out: Path = Path("runs")
    size: tuple[int, ...] = ()
    kernel: int = 3
    stride: int = 1
    padding: int | Literal["valid", "same", "full"] = "same"

    groups = {"page": ("photo", "out"), "output size": ("size", "kernel", "stride", "padding")}
    metavars = {"photo": "FILE", "out": "FOLDER", "padding": "INT|NAME"}


def main(config: Config) -> None:
    """Print the calculation of an output size, or write the page to a run folder."""
    only_with_size = {"kernel": 3, "stride": 1, "padding": "same"}
    if not config.size:
        cli.refuse_unused(config, only_with_size, "without --size")
    else:
        cli.refuse_unused(config, {"photo": None, "out": Path("runs")}, "with --size")
        for size in config.size:
            print(f"Input size {size}, kernel size {config.kernel}, stride {config.stride}:")
            steps = gv.basics.output_size(size, config.kernel, config.stride, config.padding)
            print(steps, end="\n\n")
        return
    photo = gv.basics.load_photo(config.photo)  # an unreadable one is refused before any work
    named = replace(config, photo=config.photo or Path(photo.name))
    with cli.page("convolution_basics", named) as page:
        started = time.perf_counter()
        with cli.report_progress() as progress:
            lessons = [DOCS / f"{name}.md" for name in NAMES]
            values = {"photo": config.photo.resolve()} if config.photo else {}
            texts = {"title": "Convolution step by step", "about": ABOUT, "command": page.command}
            path = gv.report.write_lesson(page.folder, lessons, values, progress=progress, **texts)
        cli.print_report(path, report=time.perf_counter() - started)


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
