"""Processes over gloo for tests: started once, each test runs a function of `rank_work` on the first few of them."""
import os
import socket
import sys
import traceback
from multiprocessing.connection import wait
from pathlib import Path

import torch.multiprocessing as multiprocessing

MOST = 4


def _work(rank, port, pipe, threads):
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    import rank_work
    import torch
    import torch.distributed as dist

    import pyllsa

    torch.set_num_threads(1)
    pyllsa.set_threads(threads)
    dist.init_process_group("gloo", rank=rank, world_size=MOST)
    groups = {size: dist.new_group(list(range(size))) for size in range(1, MOST + 1)}
    while True:
        name, size, arguments = pipe.recv()
        if name is None:
            break
        if rank >= size:
            continue
        try:
            pipe.send((True, getattr(rank_work, name)(groups[size], rank, size, **arguments)))
        except Exception:
            pipe.send((False, traceback.format_exc()))
    dist.destroy_process_group()


class Ranks:
    """`run(name, size, **arguments)` calls `rank_work.name(group, rank, size, **arguments)` on `size` processes and gives
    their results in a list."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.pipes, self.processes = [], []
        for rank in range(MOST):
            here, there = context.Pipe()
            # One thread here and two there: the bits must not depend on it.
            process = context.Process(target=_work, args=(rank, port, there, 1 + rank % 2), daemon=True)
            process.start()
            self.pipes.append(here)
            self.processes.append(process)

    def run(self, name, size, **arguments):
        for pipe in self.pipes:
            pipe.send((name, size, arguments))
        results, waiting = {}, self.pipes[:size]
        while waiting:
            ready = wait(waiting, 60)
            assert ready, f"ranks {[self.pipes.index(pipe) for pipe in waiting]} do not answer"
            for pipe in ready:
                right, results[self.pipes.index(pipe)] = pipe.recv()
                assert right, results[self.pipes.index(pipe)]
                waiting.remove(pipe)
        return [results[rank] for rank in range(size)]

    def close(self):
        for pipe in self.pipes:
            pipe.send((None, 0, {}))
        for process in self.processes:
            process.join(20)
            if process.is_alive():
                process.terminate()
