"""Several processes that share the work of a training, as torchrun starts them, for tests."""

import multiprocessing
import os
import socket
import traceback
import warnings

import torch

from gnnvision.training.world import _connect, _disconnect, world


def on_ranks(work, size=2, *given):
    """What `work(*given)` returns in each of `size` processes, in the order of their ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    pipes, processes = [], []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        for rank in range(size):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_rank, args=(work, rank, size, port, theirs, given))
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
    try:
        found = [pipe.recv() for pipe in pipes]
    finally:
        for process in processes:
            process.join(20)
            process.kill()
    for ok, value in found:
        if not ok:
            raise AssertionError(value)
    return [value for _, value in found]


def _rank(work, rank, size, port, pipe, given):
    as_rank(rank, size, port)
    torch.set_num_threads(1)
    try:
        pipe.send((True, work(*given)))
    except BaseException:
        pipe.send((False, traceback.format_exc()))
    finally:
        _disconnect()
        pipe.close()
        os._exit(0)


def as_rank(rank, size, port=0):
    """Be one of several processes from here on."""
    named = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in named.items()}
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    world.cache_clear()
    _connect.cache_clear()
