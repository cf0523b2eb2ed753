#!/usr/bin/env python3
"""Holds `llsa-compare run` against the definition written once more in PyTorch, differentiated by autograd.

Nothing is shared with the project: key sets are Python lists, pooling is `mean`, gradients are PyTorch's own. Exits with 77
(skipped) where PyTorch is not installed, with 1 when anything differs.

    autograd_check.py build/release/bin/llsa-compare
"""
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
except ImportError:
    print("PyTorch is not installed: skipped")
    sys.exit(77)


def read_safetensors(path):
    data = path.read_bytes()
    (header_size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + header_size])
    dtypes = {"F64": np.float64, "I32": np.int32}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + header_size + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], dtypes[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def pool(x, block, level):
    span = block**level
    return torch.stack([x[i : i + span].mean(0) for i in range(0, x.shape[0], span)])


def children(tokens, block, count):
    return [c for t in tokens for c in range(t * block, min((t + 1) * block, count))]


def select(q, k, case):
    """Lists per level (spec section 3); level 1 at index 1."""
    lists = {}
    for level in range(case["levels"], 0, -1):
        queries, keys = pool(q, case["block"], level), pool(k, case["block"], level)
        lists[level] = []
        for t, query in enumerate(queries):
            candidates = range(len(keys))
            if level < case["levels"]:
                candidates = children(lists[level + 1][t // case["block"]], case["block"], len(keys))
            scores = {c: float(keys[c] @ query) for c in candidates}
            lists[level].append(sorted(scores, key=lambda c: (-scores[c], c))[: case["top_k"][level - 1]])
    return lists


def key_set(i, lists, lengths, key_tokens, case):
    """(level, token, weight) of every key that query i attends to (spec sections 4 and 6)."""
    block, levels = case["block"], case["levels"]
    if levels == 0:
        return [(0, c, 1.0) for c in range(key_tokens)]
    keys = [(0, c, 1.0) for c in children(lists[1][i // block], block, key_tokens)]
    for level in range(1, case["enrichment"] + 1):
        tokens = range(lengths[level])
        if level < levels:
            tokens = children(lists[level + 1][i // block ** (level + 1)], block, lengths[level])
        for c in tokens:
            if case["disjoint"] and c in lists[level][i // block**level]:
                continue
            count = min((c + 1) * block**level, key_tokens) - c * block**level
            keys.append((level, c, float(count) if case["reweight"] else 1.0))
    return keys


def attend(q, k, v, case):
    lists = select(q.detach(), k.detach(), case)
    keys = [k] + [pool(k, case["block"], level) for level in range(1, case["levels"] + 1)]
    values = [v] + [pool(v, case["block"], level) for level in range(1, case["levels"] + 1)]
    outputs, lses = [], []
    for i in range(q.shape[0]):
        chosen = key_set(i, lists, [len(level) for level in keys], k.shape[0], case)
        weights = torch.tensor([weight for _, _, weight in chosen])
        scores = torch.stack([keys[level][c] for level, c, _ in chosen]) @ q[i] / math.sqrt(q.shape[1]) + weights.log()
        outputs.append(scores.softmax(0) @ torch.stack([values[level][c] for level, c, _ in chosen]))
        lses.append(scores.logsumexp(0))
    return torch.stack(outputs), torch.stack(lses), lists


def run(program, folder, case, tensors):
    command = [program, "run", "--precision", "f64", "--output", str(folder / "out.safetensors")]
    for option, tensor in tensors.items():
        np.save(folder / f"{option}.npy", tensor.detach().numpy())
        command += [f"--{option}", str(folder / f"{option}.npy")]
    command += ["--block-size", str(case["block"]), "--levels", str(case["levels"])]
    command += ["--enrichment-levels", str(case["enrichment"]), "--top-k", ",".join(map(str, case["top_k"]))]
    command += ["--coverage", "disjoint" if case["disjoint"] else "overlapping"]
    command += [] if case["reweight"] else ["--no-reweight"]
    subprocess.run(command, check=True)
    return read_safetensors(folder / "out.safetensors")


def check(program, case):
    heads = 2
    shapes = {"q": (case["nq"], case["dim"]), "k": (case["nk"], case["dim"]), "v": (case["nk"], case["value_dim"])}
    inputs = {name: torch.randn(1, heads, *shape, requires_grad=True) for name, shape in shapes.items()}
    grad_output = torch.randn(1, heads, case["nq"], case["value_dim"])
    grad_lse = torch.randn(1, heads, case["nq"])
    ours = [attend(*(inputs[name][0, head] for name in "qkv"), case) for head in range(heads)]
    output, lse = (torch.stack([result[i] for result in ours]) for i in (0, 1))
    ((output * grad_output[0]).sum() + (lse * grad_lse[0]).sum()).backward()

    with tempfile.TemporaryDirectory() as folder:
        theirs = run(program, Path(folder), case, {**inputs, "grad-output": grad_output, "grad-lse": grad_lse})
    expected = {"o": output, "lse": lse, **{f"d{name}": inputs[name].grad[0] for name in "qkv"}}
    errors = {name: float(np.abs(theirs[name][0] - tensor.detach().numpy()).max()) for name, tensor in expected.items()}
    same = all(
        [[c for c in row if c >= 0] for row in theirs[f"indices_{level}"][0, head].tolist()] == ours[head][2][level]
        for head in range(heads)
        for level in range(1, case["levels"] + 1)
    )
    right = same and all(error <= 1e-12 for error in errors.values())
    print("ok  " if right else "FAIL", case, "lists equal" if same else "lists differ", errors)
    return right


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    names = "nq nk dim value_dim block levels top_k enrichment reweight disjoint".split()
    cases = [
        (100, 100, 16, 16, 4, 2, [3, 2], 2, True, False),
        (100, 100, 16, 16, 4, 2, [3, 2], 2, True, True),
        (73, 131, 8, 24, 3, 3, [2, 3, 1], 2, True, False),
        (50, 50, 7, 5, 5, 1, [4], 1, False, False),
        (64, 64, 16, 16, 2, 4, [3, 3, 3, 3], 4, True, True),
        (40, 30, 8, 8, 16, 0, [8], 0, True, False),
    ]
    results = [check(sys.argv[1], dict(zip(names, case))) for case in cases]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
