import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import layers


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("name", layers.LAYERS)
def test_all_forms_of_a_layer_give_the_same(name):
    ours, *theirs = (program() for program in layers.programs(name, "cpu", 60, 400, 16).values())
    assert theirs
    for other in theirs:
        torch.testing.assert_close(ours, other)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_bfloat16_has_no_form_with_torch_sparse():
    forms = layers.programs("gcn", "cpu", 60, 400, 16, "bfloat16")
    assert layers.CSR not in forms
    assert {program().dtype for program in forms.values()} == {torch.bfloat16}
