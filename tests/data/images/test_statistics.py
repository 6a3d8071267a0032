import pytest
import torch

from gnnvision.data.images.statistics import channel_statistics


@pytest.mark.parametrize("channels", [1, 3])
def test_mean_and_deviation_are_exact(channels):
    images = torch.randint(0, 256, (600, channels, 5, 4), dtype=torch.uint8)
    index = torch.randperm(600)[:517]
    mean, std = channel_statistics(images, index)
    x = images[index].double() / 255
    assert mean == pytest.approx(x.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(x.std((0, 2, 3), correction=0).tolist(), abs=1e-9)


def test_white_pictures_do_not_overflow():
    mean, std = channel_statistics(torch.full((1000, 1, 4, 4), 255, dtype=torch.uint8))
    assert mean == (1.0,)
    assert std == (1.0,)  # nothing to divide by


def test_no_picture():
    with pytest.raises(ValueError, match="'index' must not be empty"):
        channel_statistics(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), [])
