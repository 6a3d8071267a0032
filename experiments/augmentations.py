"""Show what an augmentation does: a sheet of random versions of one photograph.

python experiments/augmentations.py                               as in the lecture notes
python experiments/augmentations.py cat.jpg --resized-crop 0.1 1 --ratio 0.5 2
python experiments/augmentations.py cat.jpg --flip random --rotation 15 --hue 0.2
python experiments/augmentations.py --resized-crop 0.1 1 --size 100 100 --seed 1

Without a photograph it is one that comes with scikit-learn. The same flags augment the training
images of cnn_cifar.py.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gnnvision as gv
from gnnvision import cli

# Without a flag for the augmentation: that of the lecture notes.
NOTES: dict[str, Any] = {"resized_crop": (0.1, 1), "ratio": (0.5, 2), "flip": "random"}


@dataclass(frozen=True, kw_only=True)
class Config(cli.AugmentOptions):
    """The flags of this script.

    Args:
        photo: PNG or JPEG; a photograph that comes with scikit-learn if there is none.
        rows: Rows of the sheet.
        columns: Columns of the sheet.
        seed: Of the random numbers.
        out: Folder of all runs.
    """

    photo: Path | None = None
    rows: int = 2
    columns: int = 4
    seed: int = 0
    out: Path = Path("runs")

    arguments = {"photo": "PHOTO"}
    groups = {"augmentation": (), "sheet": ("photo", "rows", "columns", "seed", "out")}
    needs = ("images", "report")
    own_group = "sheet"
    metavars = {"out": "FOLDER"}


def main(config: Config) -> None:
    """Read the photograph, and write a page with its random versions."""
    chosen, photo = config.augmentation(), gv.basics.load_photo(config.photo)
    augment = gv.data.Augment(**NOTES) if chosen == gv.data.Augment() else chosen
    shape = (config.rows, config.columns)
    with cli.page("augmentations", config) as page:
        with page.step("sheet"):
            sections = gv.report.augmentation_sections(
                photo.pixels,
                augment,
                shape,
                name=photo.name,
                seed=config.seed,
                figures=page.figures,
            )
        page.write(f"Augmentation of {photo.name}", photo.credit, sections)


start = partial(cli.run, Config, main)

if __name__ == "__main__":
    start()
