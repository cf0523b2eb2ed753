#!/usr/bin/env python3
"""Attention from Python beside its peers: pyllsa, torch's SDPA, and FlexAttention with the same selection as a block mask.

Correctness first: an implementation of the same definition is judged by `pyllsa.verify` before it is timed. Runs are
interleaved (one of each, again and again), medians are reported, forward and forward with backward.

    python benchmarks/python/attention.py --tokens 4096 16384 --json times.json
"""
import argparse
import json
import platform
import statistics
import sys
import time
import warnings

import torch

import pyllsa


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tokens", type=int, nargs="+", default=[1024, 4096, 16384])
    p.add_argument("--heads", type=int, default=1)
    p.add_argument("--head-dim", type=int, default=64)
    p.add_argument("--top-k", type=int, default=8)
    p.add_argument("--block-size", type=int, default=16)
    p.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], default="float32")
    p.add_argument("--threads", type=int, default=pyllsa.threads())
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--dense-up-to", type=int, default=16384, help="dense implementations are left out beyond this length")
    p.add_argument("--forward-only", action="store_true")
    p.add_argument("--flex", action="store_true", help="FlexAttention, compiled; forward only on a CPU")
    p.add_argument("--json", help="write every number to this file")
    return p.parse_args()


def llsa(a, tokens):
    return lambda q, k, v: pyllsa.attention(q, k, v, top_k=a.top_k, block_size=a.block_size)


def flex(a, q, k, v):
    """FlexAttention over the fine keys that pyllsa selects (no coarse keys: a mask cannot make them)."""
    from torch.nn.attention.flex_attention import BlockMask, flex_attention

    options = dict(levels=1, enrichment_levels=0, top_k=a.top_k, block_size=a.block_size)
    _, (lists,) = pyllsa.attention(q, k, v, return_selection=True, **options)
    indices = lists.sort(-1).values.contiguous()
    counts = torch.full(indices.shape[:3], indices.shape[3], dtype=torch.int32)
    mask = BlockMask.from_kv_blocks(counts, indices, BLOCK_SIZE=a.block_size)
    compiled = torch.compile(flex_attention)
    return (lambda q, k, v: compiled(q, k, v, block_mask=mask)), options


def judge(name, function, options):
    verdict = pyllsa.verify(function, shape=(1, 1, 1100, 64), backward=name != "flex", **options)
    if not verdict:
        print(f"{name} is not right and not timed:\n{verdict}")
    return verdict.right


def timed(function, q, k, v, backward):
    begin = time.perf_counter()
    if not backward:
        with torch.no_grad():
            function(q, k, v)
        return time.perf_counter() - begin
    function(q, k, v).sum().backward()
    took = time.perf_counter() - begin
    for x in (q, k, v):
        x.grad = None
    return took


def measure(functions, inputs, backward, runs):
    """Medians of seconds by name; one round to warm up."""
    times = {name: [] for name in functions}
    for round_number in range(runs + 1):
        for name, function in functions.items():
            seconds = timed(function, *inputs, backward)
            if round_number:
                times[name].append(seconds)
    return {name: {"median": statistics.median(t), "least": min(t), "most": max(t)} for name, t in times.items()}


def main():
    a = parse()
    warnings.simplefilter("ignore", pyllsa.DenseAttentionWarning)
    torch.set_num_threads(a.threads)
    pyllsa.set_threads(a.threads)
    dtype = getattr(torch, a.dtype)
    sdpa = torch.nn.functional.scaled_dot_product_attention
    dense = lambda q, k, v: pyllsa.attention(q, k, v, levels=0)
    right = judge("pyllsa", llsa(a, 1100), dict(top_k=a.top_k, block_size=a.block_size)) and judge("sdpa", sdpa, dict(levels=0))
    right = right and judge("pyllsa, dense", dense, dict(levels=0))
    if not right:
        return 1
    rows = []
    for tokens in a.tokens:
        inputs = [torch.randn(1, a.heads, tokens, a.head_dim).to(dtype).requires_grad_() for _ in range(3)]
        functions = {"pyllsa": llsa(a, tokens)}
        if tokens <= a.dense_up_to:
            functions.update({"sdpa": sdpa, "pyllsa, dense": dense})
        for backward in (False,) if a.forward_only else (False, True):
            chosen = dict(functions)
            if a.flex and not backward and dtype == torch.float32:
                chosen["flex"], options = flex(a, *(x.detach() for x in inputs))
                chosen["pyllsa, fine keys"] = lambda q, k, v, o=options: pyllsa.attention(q, k, v, **o)
            found = measure(chosen, inputs, backward, a.runs)
            for name, seconds in found.items():
                rows.append({"tokens": tokens, "pass": "forward+backward" if backward else "forward", "name": name, **seconds})
                against = found.get("sdpa")
                ratio = f"  {against['median'] / seconds['median']:7.2f} x sdpa" if against else ""
                print(f"{tokens:>9,} {rows[-1]['pass']:<17} {name:<18} {1e3 * seconds['median']:10.2f} ms{ratio}")
    if a.json:
        about = {"torch": torch.__version__, "pyllsa": pyllsa.__version__, "instruction_set": pyllsa.instruction_set,
                 "machine": platform.processor() or platform.machine(), **vars(a)}
        with open(a.json, "w") as file:
            json.dump({"about": about, "rows": rows}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
