import torch

from gnnvision import Domain
from gnnvision.domains.base import remember


def test_a_domain_is_abstract():
    assert Domain.__abstractmethods__ == {"num_sites", "to", "derived"}


def test_remember_builds_once():
    cache, calls = {}, []

    def build():
        calls.append(1)
        return torch.ones(1)

    assert remember(cache, "key", build) is remember(cache, "key", build)
    assert calls == [1]


def test_what_is_remembered_can_be_trained_on():
    with torch.inference_mode():
        kept = remember({}, "key", lambda: torch.ones(1))
    assert not kept.is_inference()
