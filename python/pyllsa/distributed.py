"""Attention whose tokens are spread over the ranks of a process group: sequence (context) parallelism.

    torch.distributed.init_process_group("gloo")
    o = pyllsa.distributed.attention(q, k, v)       # q, k, v: this rank's tokens, in hierarchical order
"""
import zlib

import torch
import torch.distributed as dist

from pyllsa import _arguments, _plan, _torch
from pyllsa._exchange import Exchange, LostRank, Traffic, counted
from pyllsa._sharded import Problem, SequenceParallel

__all__ = ["attention", "counted", "shard", "LostRank", "Traffic"]


def shard(x, group=None, dim=2):
    """This rank's share of a tensor that every rank has: equal ranges of tokens along `dim`, the first ones longer by
    one where the number does not divide."""
    rank, ranks = dist.get_rank(group), dist.get_world_size(group)
    tokens = x.shape[dim]
    begin, end = (r * (tokens // ranks) + min(r, tokens % ranks) for r in (rank, rank + 1))
    return x.narrow(dim, begin, end - begin)


@torch.compiler.disable
def attention(q, k, v, group=None, *, levels="auto", top_k=8, block_size=16, enrichment_levels=None, reweight=True,
              coverage="overlapping", scale=None, layout="bhnd", method="llsa", return_lse=False):
    """`pyllsa.attention` of tokens that are spread over the ranks of a group: rank 0 has the first tokens of the sequence,
    rank 1 the next. Bit for bit the output and gradients of one process with all tokens, for any number of ranks and any
    number of tokens on each, none included.

    Every rank of the group must call it, and its gradient, with the same options. Coarse keys and values, and the lists
    of selected blocks, go to every rank; of fine keys and values a rank fetches the blocks that its queries selected.

    Args:
        q: this rank's queries, `[batch, heads, tokens, dim]`; permute the whole sequence with `pyllsa.order` before it is
            cut. CPU tensors.
        k, v: this rank's keys `[batch, key heads, key tokens, dim]` and values.
        group: a process group; None is the default one.
        others: as `pyllsa.attention`; `levels="auto"` follows the tokens of all ranks.

    Returns:
        This rank's output, shaped like `q` with the value dim; with `return_lse` also the LSE.

    Raises:
        ValueError, TypeError: an argument is wrong, or differs between ranks.
        LostRank: another rank ended, or did not answer within the group's time-out.
    """
    if layout not in _arguments.LAYOUTS:
        raise ValueError(f"layout is {layout!r}; it must be one of {', '.join(_arguments.LAYOUTS)}")
    for name, x in (("q", q), ("k", k), ("v", v)):
        if not isinstance(x, torch.Tensor) or x.dim() != 4:
            raise TypeError(f"{name} must be a torch tensor of 4 axes")
    q, k, v = _torch.Backend.check(("q", "k", "v"), (q, k, v))
    if layout == "bnhd":
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    _check_shapes(q, k, v)
    options = dict(levels=levels, top_k=top_k, block_size=block_size, enrichment_levels=enrichment_levels,
                   reweight=reweight, coverage=coverage, scale=scale, method=method)
    exchange = Exchange(group)
    given_q, given_k = _agreed(exchange, q, k, v, options)
    plan = _plan.make_plan(given_k[-1], **options)
    shapes = tuple((x.shape[0], x.shape[1], tokens, x.shape[3])
                   for x, tokens in ((q, given_q[-1]), (k, given_k[-1]), (v, given_k[-1])))
    o, lse = SequenceParallel.apply(q, k, v, Problem(exchange, plan, shapes, q.dtype, given_q, given_k))
    if layout == "bnhd":
        o, lse = o.transpose(1, 2), lse.transpose(1, 2)
    return (o, lse) if return_lse else o


def _check_shapes(q, k, v):
    if k.shape[0] != q.shape[0] or k.shape[3] != q.shape[3]:
        raise ValueError(f"k has batch {k.shape[0]} and dim {k.shape[3]}, q {q.shape[0]} and {q.shape[3]}; they must be equal")
    if k.shape[1] == 0 or q.shape[1] % k.shape[1]:
        raise ValueError(f"k has {k.shape[1]} heads; they must divide q's {q.shape[1]}")
    if v.shape[:3] != k.shape[:3]:
        raise ValueError(f"v has shape {tuple(v.shape)} and k {tuple(k.shape)}; all but the last extent must be equal")


def _agreed(exchange, q, k, v, options):
    """Bounds of queries and keys over the ranks. Raises on every rank alike where they do not belong together."""
    about = (*q.shape[:2], q.shape[3], k.shape[1], v.shape[3], _torch._TYPES[q.dtype],
             zlib.crc32(repr(sorted((n, tuple(x) if isinstance(x, list) else x) for n, x in options.items())).encode()))
    everybody = exchange.all_numbers([q.shape[2], k.shape[2], *about])
    names = ("batch", "heads", "dim", "key heads", "value dim", "dtype", "options")
    for at, name in enumerate(names, 2):
        values = [numbers[at] for numbers in everybody]
        if len(set(values)) > 1:
            other = next(r for r, value in enumerate(values) if value != values[0])
            raise ValueError(f"{name} of rank {other} and rank 0 differ; they must be equal on all ranks")
    bounds = []
    for at, name in ((0, "query"), (1, "key")):
        bounds.append([0])
        for numbers in everybody:
            bounds[-1].append(bounds[-1][-1] + numbers[at])
        if bounds[-1][-1] == 0:
            raise ValueError(f"no rank has a {name} token; there must be at least one")
    return bounds
