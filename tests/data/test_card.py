import pytest

from gnnvision.data import Card, card_names, dataset_names, datasets_folder, describe, read_card
from gnnvision.data.card import DataFile, SplitRule

TEXT = """
name = "a"
title = "A"
kind = "node"
description = "d"
source = "s"
license = "l"
citation = "c"
class_names = ["x", "y"]
files = [{ path = "a.bin", size = 3 }]

[splits.public]
description = "r"
train = [1, 2]

[[paper]]
model = "GCN"
split = "public"
metric = "accuracy"
value = 0.8
source = "t"
"""


@pytest.fixture
def parse(tmp_path):
    def parse(text):
        path = tmp_path / "a.toml"
        path.write_text(text)
        return read_card(path)

    return parse


def test_a_card_is_read(parse):
    card = parse(TEXT)
    assert card.files == (DataFile("a.bin", 3, None),)
    assert card.splits["public"] == SplitRule("r", train=(1, 2))
    assert card.paper[0].value == 0.8
    assert card.class_names == ("x", "y")
    with pytest.raises(TypeError):
        card.splits["public"] = None


def test_a_card_of_version_0_1_has_a_licence(parse):
    card = parse(TEXT.replace("license", "licence"))
    assert card == parse(TEXT)
    with pytest.raises(ValueError, match="'licence' must not be given together with 'license'"):
        parse(TEXT.replace('kind = "node"', 'kind = "node"\nlicence = "l"'))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('license = "l"', "", "'card' must have all required keys: .*'license'"),
        (
            'license = "l"',
            'licensed = "l"',
            r"'card' must have only the keys .*got \['licensed'\]",
        ),
        ("size = 3", "bytes = 3", r"'files' must have only the keys .*got \['bytes'\]"),
        ("size = 3", 'sha256 = "ABC"', "'sha256' must be 64 hexadecimal digits.*got 'ABC'"),
        ('"a.bin"', '"../a.bin"', "'path' must be a relative path inside"),
        ('"a.bin"', '"/a.bin"', "'path' must be a relative path inside"),
        ("value = 0.8\n", "", "'paper' must have all required keys"),
        ('name = "a"', "name = ", "cannot be read"),
    ],
)
def test_a_malformed_card_is_named(parse, old, new, fault):
    with pytest.raises(
        ValueError,
        match=f"(?s)The card .*a.toml cannot be read.*{fault}"
        if fault != "cannot be read"
        else fault,
    ):
        parse(TEXT.replace(old, new))


def test_an_unknown_split_names_the_known_ones(parse):
    with pytest.raises(ValueError, match="'split' must be one of 'public', got 'mine'"):
        parse(TEXT).split_rule("mine")


def test_every_card_of_the_project_reads_and_is_complete():
    assert set(card_names()) >= set(dataset_names())
    for name in card_names():
        card = read_card(datasets_folder() / "cards" / f"{name}.toml")
        assert isinstance(card, Card)
        assert card.name == name
        assert card.description
        assert card.license
        assert all(url.startswith("https://") for url in card.urls)


@pytest.mark.parametrize("name", ["cora", "citeseer", "karate", "stdlib"])
def test_class_names_and_sizes_go_together(name):
    card = describe(name)
    assert len(card.class_names) == len(card.facts["class_sizes"])
    assert sum(card.facts["class_sizes"]) + card.facts["num_unlabeled"] == card.facts["num_nodes"]
    assert card.class_names_source


@pytest.mark.parametrize("name", ["cifar10", "cifar10-jpeg", "fashion_mnist", "mnist", "digits"])
def test_cards_of_pictures(name):
    card = describe(name)
    facts = card.facts
    assert len(card.class_names) == len(facts["class_sizes"])
    assert sum(facts["class_sizes"]) == facts["num_train"] + facts["num_test"]
    assert set(card.splits) == {"public", "full", "random"}
    assert all(file.sha256 and file.size for file in card.files) or not card.urls
    assert all(0 < figure.value < 1 and figure.source for figure in card.paper)
