import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks lose by more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def counts(network):
    """The parameters of each layer that has some, in order."""
    own = [[p.numel() for p in m.parameters(recurse=False)] for m in network.modules()]
    return [sum(sizes) for sizes in own if sizes]
