"""Count the functions of the package that one call of `fit` (one seed, one epoch) runs through."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import gnnvision as gv


def functions_called(name: str, recipe: gv.Recipe) -> Counter[tuple[str, str]]:
    """The file and the name of each function of the package in a training on this dataset.

    A generator expression or a comprehension counts as part of the function around it.
    """
    task = gv.data.load(name)
    model = gv.models.gcn(task.in_channels, 16, task.num_classes)
    root = str(Path(gv.__file__).parent)
    found: Counter[tuple[str, str]] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(root) and code.co_name[0] != "<":
            place = code.co_filename.removeprefix(root)
            found[place, code.co_qualname.replace(".<locals>.<genexpr>", "")] += 1

    sys.setprofile(note)
    try:
        gv.fit(model, task, recipe, progress=False)
    finally:
        sys.setprofile(None)
    return found


def main() -> None:
    """Print each function with the number of its calls, and the number of functions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="karate")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    found = functions_called(options.dataset, gv.Recipe(epochs=options.epochs))
    for (file, name), count in sorted(found.items()):
        print(f"{count:6d}  {file}: {name}")
    print(f"{len(found)} functions in {len({file for file, _ in found})} files")


if __name__ == "__main__":
    main()
