"""Several processes that share the work of a training, as torchrun starts them, for tests."""

import faulthandler
import multiprocessing
import os
import pickle
import traceback
import warnings

import torch
from torch.distributed import TCPStore

LONGEST_S = 60


def on_ranks(work, size=2, *given):
    """What `work(*given)` returns in each of `size` processes, in the order of their ranks."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context("fork")
    pipes, processes = [], []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        for rank in range(size):
            ours, theirs = context.Pipe(duplex=False)
            arguments = (work, rank, size, store.port, theirs, given)
            process = context.Process(target=_rank, args=arguments)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
    try:
        found = [_received(pipe) for pipe in pipes]
    finally:
        for process in processes:
            process.join(1)
            process.kill()
    if failed := [value for ok, value in found if not ok]:
        raise AssertionError("\n".join(failed))
    return [value for _, value in found]


def _received(pipe):
    if not pipe.poll(LONGEST_S):
        return False, "the process has hung"
    try:
        return pickle.loads(pipe.recv_bytes())
    except EOFError:
        return False, "the process was killed"


def _rank(work, rank, size, port, pipe, given):
    names = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
    names |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    names |= {"TORCHELASTIC_USE_AGENT_STORE": True, "TORCHELASTIC_RESTART_COUNT": 0}
    os.environ |= {name: str(value) for name, value in names.items()}
    torch.set_num_threads(1)
    faulthandler.dump_traceback_later(LONGEST_S - 30)
    try:
        pipe.send_bytes(pickle.dumps((True, work(*given))))
    except BaseException:
        pipe.send_bytes(pickle.dumps((False, traceback.format_exc())))
    finally:
        pipe.close()
        os._exit(0)
