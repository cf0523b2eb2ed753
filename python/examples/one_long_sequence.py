"""One sequence over several processes with torch.distributed, here three on one machine over gloo: bit for bit the output
and the gradient of one process.

On several machines: torchrun --nnodes ... --nproc-per-node ... with `init_process_group()` in place of what `main` does.
"""
import os
import socket
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

import pyllsa

SIDE = 32 if "--quick" in sys.argv else 256
PROCESSES = 3
OPTIONS = {"levels": 2, "block_size": 4 if SIDE == 32 else 16, "top_k": 4}


def work(rank, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    pyllsa.set_threads(1)
    torch.manual_seed(0)
    # The whole picture is put in order before it is cut, so that a rank's tokens lie together.
    whole = pyllsa.order((SIDE, SIDE)).apply(torch.randn(3, 1, 2, SIDE * SIDE, 32), dim=3)
    q, k, v = (pyllsa.distributed.shard(x).clone().requires_grad_() for x in whole)
    with pyllsa.distributed.counted() as traffic:
        o = pyllsa.distributed.attention(q, k, v, **OPTIONS)
        o.square().sum().backward()
    print(f"rank {rank}: {q.shape[2]} tokens, received {traffic}", flush=True)

    alone = [x.clone().requires_grad_() for x in whole]
    want = pyllsa.attention(*alone, **OPTIONS)
    want.square().sum().backward()
    for got, expected in ((o, want), (q.grad, alone[0].grad), (k.grad, alone[1].grad), (v.grad, alone[2].grad)):
        assert torch.equal(got, pyllsa.distributed.shard(expected)), "differs from one process"
    dist.destroy_process_group()


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (port,), PROCESSES)
