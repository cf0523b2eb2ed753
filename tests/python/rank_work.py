"""What the tests of `pyllsa.distributed` let every rank do."""
import torch

import pyllsa
from pyllsa import distributed


def make(seed, batch, heads, key_heads, queries, keys, dim, value_dim, dtype):
    """q, k, v, dO and dLSE of a whole problem: the same on every rank."""
    generator = torch.Generator().manual_seed(seed)
    random = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64).to(getattr(torch, dtype))
    return (random(batch, heads, queries, dim), random(batch, key_heads, keys, dim), random(batch, key_heads, keys, value_dim),
            random(batch, heads, queries, value_dim),
            random(batch, heads, queries).to(torch.float64 if dtype == "float64" else torch.float32))


def cuts(seed, tokens, size, even):
    if even:
        return [tokens * r // size for r in range(size + 1)]
    generator = torch.Generator().manual_seed(seed)
    inner = torch.randint(0, tokens + 1, (size - 1,), generator=generator).sort().values.tolist()
    return [0, *inner, tokens]


def alone(problem, options, through_lse):
    q, k, v, grad_o, grad_lse = make(**problem)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    o, lse = pyllsa.attention(*inputs, return_lse=True, **options)
    gradients = torch.autograd.grad((o, lse) if through_lse else o, inputs, (grad_o, grad_lse) if through_lse else grad_o)
    return [o.detach(), lse.detach(), *gradients]


def attend(group, rank, size, problem, options, through_lse=True, even=False, cut_seed=0):
    """This rank's part of o, lse, dq, dk, dv, and what it received from others."""
    q, k, v, grad_o, grad_lse = make(**problem)
    at_q, at_k = (cuts(cut_seed + i, x.shape[2], size, even) for i, x in enumerate((q, k)))
    mine = lambda x, at: x[:, :, at[rank] : at[rank + 1]]
    inputs = [mine(x, at).clone().requires_grad_() for x, at in ((q, at_q), (k, at_k), (v, at_k))]
    with distributed.counted() as traffic:
        o, lse = distributed.attention(*inputs, group, return_lse=True, **options)
        values, seeds = (o, lse), (mine(grad_o, at_q), mine(grad_lse, at_q))
        gradients = torch.autograd.grad(values if through_lse else o, inputs, seeds if through_lse else seeds[0])
    return [o.detach(), lse.detach(), *gradients], traffic.bytes


def disagree(group, rank, size):
    """The message when ranks ask for different things."""
    q = torch.randn(1, 1, 64, 8)
    messages = []
    for options in ({"top_k": 2 + (rank == 1)}, {"scale": 1.0 if rank else 2.0}):
        try:
            distributed.attention(q, q, q, group, levels=1, **options)
        except ValueError as error:
            messages.append(str(error))
    try:
        distributed.attention(q if rank else q.double(), *2 * [q if rank else q.double()], group, levels=1)
    except ValueError as error:
        messages.append(str(error))
    return messages


def token_major(group, rank, size):
    """Largest difference between the layouts; shards made by `shard`, which covers every token once."""
    x = torch.arange(101.0).reshape(1, 1, 101, 1)
    parts = distributed.shard(x, group)
    q, k, v = (torch.randn(2, 3, 40 + rank, 8) for _ in range(3))
    a = distributed.attention(q, k, v, group, levels=1, block_size=4)
    b = distributed.attention(*(x.transpose(1, 2) for x in (q, k, v)), group, levels=1, block_size=4, layout="bnhd")
    return parts.flatten().tolist(), torch.equal(a, b.transpose(1, 2))


def sharded(group, rank, size):
    """Losses and weights of some steps of a model whose parameters FSDP2 shards, on every rank's share of a batch."""
    from pyllsa.models import PixelDiT

    torch.manual_seed(3)
    model = PixelDiT(image_size=8, hidden=24, layers=2, heads=2, classes=0,
                     attention={"name": "llsa", "block_size": 4, "levels": 1, "top_k": [2]})
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.1)
    if size > 1:
        from torch.distributed.device_mesh import DeviceMesh
        from torch.distributed.fsdp import fully_shard

        mesh = DeviceMesh.from_group(group, "cpu")
        for block in model.transformer_blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(4)
    for _ in range(3):
        pictures = torch.randn(4, 3, 8, 8, generator=generator)[rank::size]
        times = torch.rand(4, generator=generator)[rank::size]
        optimizer.zero_grad()
        model(pictures, times).square().mean().backward()
        optimizer.step()
    whole = lambda p: p.full_tensor() if hasattr(p, "full_tensor") else p
    return {name: whole(p).detach() for name, p in model.named_parameters()}
