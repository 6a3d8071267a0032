import csv
import io
import json

import pytest

import gnnvision as gv

from .networks import lenet, path, summarized


def test_depth_opens_blocks():
    result = summarized("resnet18")
    names = [layer.name for layer in result.at_depth(1).layers]
    assert names == [
        *("conv1", "bn1", "relu", "maxpool"),
        *(f"layer{i}" for i in range(1, 5)),
        *("avgpool", "fc"),
    ]
    assert [layer.name for layer in result.at_depth(0).layers] == [""]
    second = [layer.name for layer in result.at_depth(2).layers]
    assert second[4:6] == ["layer1.0", "layer1.1"]
    assert result.at_depth(1).total_macs == result.total_macs
    assert result.depth is None


def test_depth_of_the_call_and_of_the_result_are_one():
    grid = gv.Grid((32, 32))
    assert (
        gv.summary(lenet(), grid, depth=1).rows() == gv.summary(lenet(), grid).at_depth(1).rows()
    )


@pytest.mark.parametrize(
    ("depth", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_depths_that_are_none(depth, error):
    with pytest.raises(error, match="'depth' must be"):
        summarized("resnet18").at_depth(depth)


def test_plain_values():
    result = gv.summary(gv.models.gcn(4, 8, 3), path(5))
    values = json.loads(json.dumps(result.to_dict()))
    assert values["total_parameters"] == result.total_parameters == 4 * 8 + 8 + 8 * 3 + 3
    assert values["output_shape"] == [5, 3]
    assert [row["hops"] for row in values["layers"]] == [0, 1, 1, 1, 2]
    assert values["domain"] == "Graph(num_nodes=5, num_edges=8)"
    file = io.StringIO()
    writer = csv.DictWriter(file, result.rows()[0])
    writer.writerows(result.rows())
    assert len(file.getvalue().splitlines()) == 5


def test_results_are_fixed():
    with pytest.raises(AttributeError):
        summarized("resnet18").depth = 1
    with pytest.raises(AttributeError):
        summarized("resnet18").layers[0].macs = 1
