import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import families


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("name", families.LAYERS)
def test_both_programs_of_a_layer_give_the_same(name):
    ours, theirs = (program() for program in families.programs(name, 50, 300).values())
    torch.testing.assert_close(ours, theirs)
