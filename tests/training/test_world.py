import pytest
import torch

from gnnvision.training.world import World, world

from .ranks import on_ranks


@pytest.fixture
def environment(monkeypatch):
    """A function that sets what torchrun sets."""
    world.cache_clear()
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    place = {"MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    yield lambda **names: [monkeypatch.setenv(k, v) for k, v in (place | names).items()]
    world.cache_clear()


def test_without_torchrun_there_is_one_process_and_nothing_is_connected(environment):
    alone = world()
    assert alone == World(0, 1, 0, launched=False)
    assert alone.is_first
    value = torch.ones(2)
    assert alone.sum(value) is value
    assert alone.put(value) is value
    assert alone.from_first("a") == "a"
    alone.wait()
    assert not torch.distributed.is_initialized()


def test_one_process_of_torchrun_is_known_to_be_launched(environment):
    environment(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0")
    assert world() == World(0, 1, 0, launched=True)


@pytest.mark.parametrize("rank", ["2", "-1", "first"])
def test_an_environment_that_contradicts_itself_is_refused(environment, rank):
    environment(RANK=rank, WORLD_SIZE="2", LOCAL_RANK="0")
    with pytest.raises(ValueError, match="'RANK' must be from 0 to WORLD_SIZE - 1"):
        world()


def exchange():
    here = world()
    rows = torch.zeros(3, dtype=torch.int64)
    rows[here.rank] = here.rank + 1
    first = here.put(torch.full((2,), float(here.rank)))
    here.wait()
    return (
        here.rank,
        here.sum(rows).tolist(),
        first.tolist(),
        here.from_first({"of": here.rank}),
    )


def test_two_processes_exchange_sums_and_what_the_first_one_has():
    found = on_ranks(exchange)
    assert [rank for rank, *_ in found] == [0, 1]
    assert found[0][1:] == found[1][1:] == ([1, 2, 0], [0.0, 0.0], {"of": 0})
