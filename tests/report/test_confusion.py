import csv

import torch

from gnnvision.report.confusion import confusion_counts


def test_counts_are_summed_over_seeds(karate_run):
    result, _ = karate_run
    counts = confusion_counts(result)
    targets = torch.cat([outcome.target for outcome in result.outcomes])
    assert counts.sum(1).tolist() == torch.bincount(targets, minlength=2).tolist()
    right = sum(int((o.target == o.prediction).sum()) for o in result.outcomes)
    assert counts.trace() == right


def test_the_file_holds_the_counts(karate_run):
    result, page = karate_run
    with (page.parent / "figures" / "confusion.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["true_class"] for row in rows] == ["Mr. Hi", "Officer"]
    numbers = [[int(row[name]) for name in result.task.class_names] for row in rows]
    assert numbers == confusion_counts(result).tolist()
