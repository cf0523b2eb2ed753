#!/usr/bin/env python3
"""Times PyTorch's scaled_dot_product_attention on the CPU side by side with this project's dense attention and LLSA.

The two take turns, repetition by repetition, so that a change of the machine's speed meets both. Prints a Markdown table of
medians. PyTorch before 2.0 has no public scaled_dot_product_attention: softmax(Q K^T) V is then computed from its matrix
products in chunks of queries, and the table says so.

    benchmarks/compare_pytorch.py --tokens 4096,65536 --repetitions 3
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

CHUNK = 1024  # queries at a time where PyTorch has no fused attention: bounds the memory to CHUNK * N scores


def parse_arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    default_program = os.path.join(here, "..", "build", "release", "bin", "llsa-compare")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=default_program, help="llsa-compare (default: build/release/bin)")
    parser.add_argument("--tokens", default="4096,16384", help="lengths, separated by commas")
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--head-dim", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    try:
        arguments.tokens = [int(text) for text in arguments.tokens.split(",")]
    except ValueError:
        parser.error(f"--tokens is '{arguments.tokens}'; it must be whole numbers separated by commas")
    for name in ("heads", "head_dim", "repetitions", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(arguments, name)}; it must be at least 1")
    if min(arguments.tokens) < 1:
        parser.error(f"--tokens holds {min(arguments.tokens)}; lengths must be at least 1")
    if not os.access(arguments.program, os.X_OK):
        parser.error(f"cannot run {arguments.program}; build llsa-compare first or give --program")
    return arguments


def attention_of(torch):
    """PyTorch's attention as a function of q, k, v, and what it is."""
    functional = torch.nn.functional
    if hasattr(functional, "scaled_dot_product_attention"):
        return functional.scaled_dot_product_attention, "scaled_dot_product_attention"

    def chunked(q, k, v):
        output = torch.empty_like(q)
        scale = 1 / math.sqrt(q.shape[-1])
        for begin in range(0, q.shape[-2], CHUNK):
            rows = slice(begin, begin + CHUNK)
            scores = torch.matmul(q[..., rows, :] * scale, k.transpose(-1, -2))
            output[..., rows, :] = torch.matmul(torch.softmax(scores, dim=-1), v)
        return output

    return chunked, f"softmax(Q K^T) V in chunks of {CHUNK} queries (no fused attention in this version)"


def time_llsa(arguments, tokens):
    """Seconds of one forward pass: {"dense": ..., "llsa": ...}, as llsa-compare profile measures them."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile.json")
        command = [arguments.program, "profile", "--tokens", str(tokens), "--heads", str(arguments.heads), "--head-dim",
                   str(arguments.head_dim), "--repetitions", "1", "--threads", str(arguments.threads), "--dense-limit",
                   str(tokens), "--json", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"compare_pytorch: {' '.join(command)} failed: {done.stderr.strip()}")
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)["benchmarks"]
    times = {row["name"]: row["real_time"] / 1e3 for row in rows if row["run_type"] == "iteration"}
    return {method: times[f"reference/{method}/forward/total/{tokens}"] for method in ("dense", "llsa")}


def main():
    arguments = parse_arguments()
    try:
        import torch
    except ImportError:
        sys.exit("compare_pytorch: PyTorch is not installed for this Python; on Debian: "
                 "apt-get install python3-torch libopenblas0-pthread, then run with /usr/bin/python3")
    torch.set_num_threads(arguments.threads)
    attention, kind = attention_of(torch)
    print(f"PyTorch {torch.__version__}: {kind}; {arguments.threads} threads, fp32, {arguments.heads} heads of dimension "
          f"{arguments.head_dim}; medians of {arguments.repetitions} in turn\n")
    print("|    tokens |   PyTorch | dense here |      LLSA | PyTorch / dense | PyTorch / LLSA |")
    print("|----------:|----------:|-----------:|----------:|----------------:|---------------:|")
    for tokens in arguments.tokens:
        shape = (1, arguments.heads, tokens, arguments.head_dim)
        torch.manual_seed(1)
        q, k, v = (torch.randn(shape) for _ in range(3))
        times = {"torch": [], "dense": [], "llsa": []}
        with torch.no_grad():
            small = slice(0, min(tokens, 2 * CHUNK))
            attention(q[..., small, :], k[..., small, :], v[..., small, :])  # warms up threads and kernels
            for _ in range(arguments.repetitions):
                begin = time.perf_counter()
                attention(q, k, v)
                times["torch"].append(time.perf_counter() - begin)
                for method, seconds in time_llsa(arguments, tokens).items():
                    times[method].append(seconds)
        pytorch, dense, llsa = (statistics.median(times[name]) for name in ("torch", "dense", "llsa"))
        print(f"| {tokens:9,} | {pytorch * 1e3:6.1f} ms | {dense * 1e3:7.1f} ms | {llsa * 1e3:6.1f} ms | "
              f"{pytorch / dense:14.2f}x | {pytorch / llsa:13.1f}x |", flush=True)


if __name__ == "__main__":
    main()
