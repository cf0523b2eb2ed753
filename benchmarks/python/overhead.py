"""What a call of pyllsa.attention costs besides the kernel: medians in microseconds, of a problem that takes next to no
time, on one thread.

    python benchmarks/python/overhead.py [--json FILE] [--calls 2000]
"""
import argparse
import json
import statistics
import time

import torch

import pyllsa
from pyllsa import _plan, _torch
from pyllsa._core import F32, core


def median(call, calls):
    for _ in range(min(calls, 50)):
        call()
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        times.append(1e6 * (time.perf_counter() - began))
    return round(statistics.median(times), 1)


def measure(calls):
    torch.set_num_threads(1)
    pyllsa.set_threads(1)
    q, k, v = (torch.randn(1, 1, 64, 8) for _ in range(3))
    options = {"levels": 1, "block_size": 16, "top_k": 2}
    plan = _plan.make_plan(64, **options)
    o, lse = torch.empty(1, 1, 64, 8), torch.empty(1, 1, 64)
    lists = torch.empty(_plan.lists_size(plan, 1, 64, 64, 0), dtype=torch.int32)
    arrays = (*map(_torch._array, (q, k, v, o)), _torch._lse_array(lse))
    wanting = [x.clone().requires_grad_() for x in (q, k, v)]
    sdpa = torch.nn.functional.scaled_dot_product_attention
    times = {
        "kernel": median(lambda: core.forward(F32, plan, ([], []), arrays, (lists.data_ptr(), lists.numel()), False), calls),
        "attention": median(lambda: pyllsa.attention(q, k, v, **options), calls),
        "attention, gradient wanted": median(lambda: pyllsa.attention(*wanting, **options), calls),
        "scaled_dot_product_attention": median(lambda: sdpa(q, k, v), calls),
        "scaled_dot_product_attention, gradient wanted": median(lambda: sdpa(*wanting), calls),
    }
    times["besides the kernel"] = round(times["attention"] - times["kernel"], 1)
    times["besides the kernel, gradient wanted"] = round(times["attention, gradient wanted"] - times["kernel"], 1)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", help="write the numbers here, too")
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    times = measure(options.calls)
    for name, value in times.items():
        print(f"{name:46} {value:8.1f} us")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"torch": torch.__version__, "instruction_set": pyllsa.instruction_set, "microseconds": times}, file)


if __name__ == "__main__":
    main()
