"""Data-parallel training over processes with torch.distributed, here two on one machine over gloo.

On several machines: torchrun --nnodes ... --nproc-per-node ... with `init_process_group()` in place of what `main` does.
"""
import os
import socket
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

import pyllsa
from pyllsa.models import PixelDiT, flow_loss

steps = 3 if "--quick" in sys.argv else 50
PROCESSES = 2


def make_model():
    torch.manual_seed(0)
    return PixelDiT(image_size=16, hidden=24, layers=2, heads=2,
                    attention={"name": "llsa", "block_size": 4, "levels": 2, "top_k": [4], "reweight": True,
                               "coverage": "overlapping"})


def batch(step):
    generator = torch.Generator().manual_seed(step)
    pictures, noise = torch.randn(2, 4, 3, 16, 16, generator=generator)
    return pictures, noise, torch.rand(4, generator=generator)


def train(model, mine):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(steps):
        loss = flow_loss(model, *(x[mine] for x in batch(step)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def work(rank, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    pyllsa.set_threads(1)
    model = torch.nn.parallel.DistributedDataParallel(make_model())
    loss = train(model, slice(rank, None, PROCESSES))
    if rank == 0:
        # One process with the whole batch takes the same steps, but for the order of a sum.
        alone = make_model()
        train(alone, slice(None))
        error = max((a - b).abs().max().item() for a, b in zip(model.module.parameters(), alone.parameters()))
        print(f"{PROCESSES} processes, {steps} steps: loss {loss:.4f}, parameters differ from one process by {error:.1e}")
        assert error < 1e-5
    dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (port,), PROCESSES)
