#!/usr/bin/env python3
"""Times PyTorch's dense attention on a GPU, each fused backend by name, and with --official the official LLSA kernels.

For the tables beside `llsa-compare profile --backend cuda`: the same shapes, [1, H, N, D], random numbers of variance 1. Every
time is the median of CUDA events around one call on warm caches. A backend that refuses a shape is left out with its reason.

    benchmarks/gpu_peers.py --tokens 4096,65536 --heads 6 --json peers.json
    benchmarks/gpu_peers.py --official LLSA/src        (a clone of the official repository; Triton)
"""
import argparse
import json
import statistics
import sys


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", default="4096,16384,65536", help="lengths, separated by commas")
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--head-dim", type=int, default=64)
    parser.add_argument("--precision", choices=["bf16", "f16"], default="bf16")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--dense-limit", type=int, default=65536, help="dense attention is timed up to this length")
    parser.add_argument("--official", metavar="FOLDER", help="the folder `src` of the official repository")
    parser.add_argument("--json", metavar="FILE", help="every time in microseconds")
    arguments = parser.parse_args()
    try:
        arguments.tokens = [int(text) for text in arguments.tokens.split(",")]
    except ValueError:
        parser.error(f"--tokens is '{arguments.tokens}'; it must be whole numbers separated by commas")
    if min(arguments.tokens) < 1:
        parser.error(f"--tokens holds {min(arguments.tokens)}; lengths must be at least 1")
    for name in ("heads", "head_dim", "repetitions"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(arguments, name)}; it must be at least 1")
    return arguments


def timed(torch, run, repetitions):
    """Microseconds of each of `repetitions` calls, after three to warm up."""
    for _ in range(3):
        run()
    times = []
    for _ in range(repetitions):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) * 1000)
    return times


def both_passes(torch, attention, inputs, repetitions):
    """Times of the forward pass, and of the backward pass alone."""
    forward = timed(torch, lambda: attention(*(x.detach() for x in inputs)), repetitions)
    output = attention(*inputs)
    gradient = torch.randn_like(output)
    backward = timed(torch, lambda: torch.autograd.grad(output, inputs, gradient, retain_graph=True), repetitions)
    return forward, backward


def dense_backends(torch):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    def of(backend):
        def attention(q, k, v):
            with sdpa_kernel(backend):
                return torch.nn.functional.scaled_dot_product_attention(q, k, v)

        return attention

    return {
        "FlashAttention (PyTorch)": of(SDPBackend.FLASH_ATTENTION),
        "cuDNN (PyTorch)": of(SDPBackend.CUDNN_ATTENTION),
    }


def official(folder, tokens):
    """The official kernels for one length: two levels from 16,384 tokens, as their README says; None where they refuse."""
    if tokens & (tokens - 1):
        return None
    sys.path.insert(0, folder)
    if tokens < 16384:
        from llsa.kernel.torch_op.flash_sparse_attention_res_1 import llsa_l1
        return lambda q, k, v: llsa_l1(q, k, v, block_size=16)
    from llsa.kernel.torch_op.flash_sparse_attention_res_2 import llsa_l2
    return lambda q, k, v: llsa_l2(q, k, v, block_size=16)


def main():
    arguments = parse_arguments()
    try:
        import torch
    except ImportError:
        print("gpu_peers: PyTorch is not installed", file=sys.stderr)
        return 2
    if not torch.cuda.is_available():
        print("gpu_peers: PyTorch finds no GPU", file=sys.stderr)
        return 2

    rows = []
    for tokens in arguments.tokens:
        dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[arguments.precision]
        torch.manual_seed(1)
        inputs = [
            torch.randn(1, arguments.heads, tokens, arguments.head_dim, device="cuda", dtype=dtype, requires_grad=True)
            for _ in range(3)
        ]
        peers = dense_backends(torch) if tokens <= arguments.dense_limit else {}
        if arguments.official:
            peers["official LLSA (Triton)"] = official(arguments.official, tokens)
        for name, attention in peers.items():
            if attention is None:
                continue
            try:
                forward, backward = both_passes(torch, attention, inputs, arguments.repetitions)
            except Exception as error:  # a peer's own refusal must not end the others
                reason = str(error).strip().split("\n")[0] if str(error).strip() else type(error).__name__
                print(f"gpu_peers: {name} at {tokens} tokens: {reason}", file=sys.stderr)
                continue
            rows.append({"peer": name, "tokens": tokens, "forward_us": forward, "backward_us": backward})
            torch.cuda.empty_cache()

    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}; "
          f"[1, {arguments.heads}, N, {arguments.head_dim}], {arguments.precision}\n")
    print("| peer | tokens | forward, us | backward, us | backward / forward |\n|---|--:|--:|--:|--:|")
    for row in rows:
        forward, backward = (statistics.median(row[name]) for name in ("forward_us", "backward_us"))
        print(f"| {row['peer']} | {row['tokens']:,} | {forward:,.0f} | {backward:,.0f} | {backward / forward:.2f} |")
    if arguments.json:
        context = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda,
                   "heads": arguments.heads, "head_dim": arguments.head_dim, "precision": arguments.precision}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"context": context, "times": rows}, file, indent=1)
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
