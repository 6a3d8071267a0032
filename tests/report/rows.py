"""Reading back what a report wrote."""

import csv


def rows_of(path):
    """The rows of the CSV beside a picture."""
    with path.with_suffix(".csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
