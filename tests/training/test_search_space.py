"""The settings that a sweep varies: what texts stand for, and every wrong form."""

import pytest

from gnnvision.training import Choices, Range
from gnnvision.training.search_space import combinations, read_space, read_value


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("lr", "1e-4..1e-1", Range(1e-4, 0.1, log=True)),
        ("weight_decay", "1e-5..1e-2", Range(1e-5, 1e-2, log=True)),
        ("weight_decay", "0..1e-2:linear", Range(0, 1e-2)),
        ("dropout", "0..0.8", Range(0, 0.8)),
        ("dropout", "0.1..0.8:log", Range(0.1, 0.8, log=True)),
        ("layers", "2..4", Range(2, 4)),
        ("hidden", "16..256:log", Range(16, 256, log=True)),
        ("momentum", "-0.5..-0.1", Range(-0.5, -0.1)),
        ("hidden", "16,32,64", Choices((16, 32, 64))),
        ("optimizer", "adam, muon", Choices(("adam", "muon"))),
        ("residual", "true,false", Choices((True, False))),
        ("norm", "none,batch", Choices((None, "batch"))),
        ("hidden", [16, 32], Choices((16, 32))),
        ("hidden", Range(1, 2), Range(1, 2)),
    ],
)
def test_what_a_text_stands_for(name, given, expected):
    assert read_space({name: given})[name] == expected


@pytest.mark.parametrize(
    "one", [Range(1e-4, 0.1, log=True), Range(0, 0.8), Range(2, 4), Choices((16, None, "a", True))]
)
def test_the_text_of_a_range_is_read_as_the_same(one):
    assert read_space({"x": one.to_text()})["x"] == one


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("0.1", "'lr' must be a range such as 1e-4..1e-1, or values such as 16,32,64"),
        ("1,,2", "or values such as 16,32,64, got '1,,2'"),
        ("a..b", "'lr' must be two numbers with '..' between them, got 'a..b'"),
        ("1..2..3", "'lr' must be two numbers"),
        ("..2", "'lr' must be two numbers"),
        ("1..2:cubic", "'lr' must end with ':log' or ':linear', got '1..2:cubic'"),
        ("0..1", "'low' must be above 0 on a log scale, got 0"),
        ("2..1", "'low' must be below 'high', got 2..1"),
        ("1..nan", "'high' must be finite, got nan"),
        ("1..inf", "'high' must be finite, got inf"),
        ("a,a", "'values' must differ from each other, got a, a"),
        ([1], "'values' must be at least two, got 1"),
        ([], "'values' must be at least two, got none"),
    ],
)
def test_a_wrong_form_is_one_sentence(given, words):
    with pytest.raises(ValueError, match=r"^lr=") as error:
        read_space({"lr": given})
    assert words in str(error.value)


def test_wrong_kinds():
    with pytest.raises(TypeError, match="'values' must have numbers, texts, booleans or None"):
        read_space({"lr": [1, {}]})
    with pytest.raises(TypeError, match="'lr' must be a text, several values, a Range or Choices"):
        read_space({"lr": 3})
    with pytest.raises(ValueError, match="'settings' must name a setting to vary, got none"):
        read_space({})


def test_all_combinations_if_they_are_few():
    space = read_space({"hidden": "16,32", "layers": "2..4"})
    assert len(combinations(space, 6)) == 6
    assert combinations(space, 6)[0] == {"hidden": 16, "layers": 2}
    assert combinations(space, 5) is None
    assert combinations(read_space({"dropout": "0..0.5"}), 100) is None


def test_drawn_numbers_have_few_digits_and_stay_in_the_range():
    assert Range(1e-4, 0.1).rounded(0.0123456789) == 0.01235
    assert Range(0.5, 0.99999).rounded(0.99998) == 0.99999
    assert Range(2, 4).rounded(3) == 3
    assert read_value("1e-3") == 0.001
