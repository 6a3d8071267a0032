from dataclasses import replace

import pytest
from torch import nn

import gnnvision as gv
from gnnvision.data.card import PaperFigure
from gnnvision.report.headline import banner, headline
from gnnvision.report.parts import Run
from gnnvision.report.published import compare, find_paper, lookup_name

PAPER = PaperFigure("GCN", "public", "accuracy", 0.815, "somewhere")


def asked(result, requested, card=None, notes=()):
    task = replace(result.task, requested=requested, card=card or result.task.card)
    return replace(result, task=task, notes=list(notes))


def test_another_dataset_than_asked_for_gets_a_banner(stdlib_run):
    title, ran = banner(asked(stdlib_run, "cora"))
    assert title == "This is not Cora"
    assert "The import graph of Python's standard library" in ran


@pytest.mark.parametrize("name", ["cora", "esol", "cifar10", "mutag"])
def test_the_banner_names_the_dataset_that_auto_stands_for(stdlib_run, name):
    result = asked(stdlib_run, "auto")
    reason = "The files of 'x' could not be downloaded (offline)."
    result.task = replace(result.task, preferred=name, reason=reason)
    title, ran, why = banner(result)
    wanted = gv.data.describe(name).title
    assert title == f"This is not {wanted}"
    assert f"because {wanted} could not be loaded or downloaded. Its results" in ran
    assert why == f"Reason: {reason}"


def test_auto_without_a_preference_names_no_dataset(stdlib_run):
    assert banner(asked(stdlib_run, "auto"))[0] == "This is not a published dataset"


@pytest.mark.parametrize("requested", ["stdlib", "StdLib", "std-lib"])
def test_the_data_set_asked_for_needs_no_banner(stdlib_run, requested):
    assert banner(asked(stdlib_run, requested)) == []


@pytest.mark.parametrize("found", ["cora", "cats_dogs", "cifar10-jpeg", "esol"])
def test_auto_that_found_the_real_data_needs_no_banner(stdlib_run, found):
    assert banner(asked(stdlib_run, "auto", gv.data.describe(found))) == []


def test_a_table_of_ones_own_needs_no_banner(molecules_run):
    assert molecules_run.task.requested.endswith("/table.csv")
    assert banner(molecules_run) == []


def test_notes_are_never_left_out(stdlib_run):
    assert banner(asked(stdlib_run, "stdlib", notes=["Mind this."])) == [
        "Please note",
        "Mind this.",
    ]
    assert "Mind this." in banner(asked(stdlib_run, "auto", notes=["Mind this."]))


def test_what_the_caller_knows_is_among_the_facts(stdlib_run, tmp_path):
    told = replace(stdlib_run, facts={"Strategy": "The head alone."})
    assert ("Strategy", "The head alone.") in headline(Run(told, tmp_path)).facts
    assert banner(told) == []


@pytest.mark.parametrize(
    ("mean", "std", "seeds", "words"),
    [
        (0.812, 0.005, 10, "0.3 points below the published 81.5 %: within one"),
        (0.823, 0.005, 10, "0.8 points above the published 81.5 %: within two"),
        (0.900, 0.005, 10, "8.5 points above the published 81.5 %: more than two"),
        (0.8151, 0.005, 10, "agrees with the published 81.5 %"),
        (0.812, 0.0, 1, "One seed does not show"),
    ],
)
def test_the_difference_in_words(mean, std, seeds, words):
    assert words in compare({"mean": mean, "std": std}, seeds, PAPER, "accuracy")


def test_a_network_has_its_registered_name_or_that_of_its_only_kind_of_convolution():
    assert lookup_name(gv.models.classic_gcn(4, 8, 2)) == "classic_gcn"
    assert lookup_name(gv.models.build("resnet18", num_classes=2)) == "resnet18"
    assert lookup_name(gv.Sequential(gv.GCNConv(4, 8), nn.ReLU(), gv.GCNConv(8, 2))) == "GCN"
    assert lookup_name(gv.Sequential(gv.GCNConv(4, 8), nn.Linear(8, 2))) == ""
    assert lookup_name(nn.Linear(4, 2)) == ""


def test_the_published_figure_is_of_the_same_split_and_metric(stdlib_run):
    card = replace(stdlib_run.task.card, paper=(replace(PAPER, split="random"), PAPER))
    assert find_paper(asked(stdlib_run, "stdlib", card)) == (PAPER, True)
    assert find_paper(stdlib_run) == (None, False)


def test_the_title_names_the_network_and_the_dataset(stdlib_run, tmp_path):
    top = headline(Run(stdlib_run, tmp_path))
    assert top.title == f"GCN, 2 layers on {stdlib_run.task.card.title}"
