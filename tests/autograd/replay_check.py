#!/usr/bin/env python3
"""Replays training runs of `llsa-diffusion` in PyTorch, in float64 with autograd, from the checkpoints of every step.

The model, the noise, the loss, AdamW, clipping, averages and the sampler are written once more here; only the key sets are
those of autograd_check.py. Losses, gradients (from the moments), gradient norms, weights, moments and averages are held
against the checkpoints and the log, and samples against the pictures. Exits with 77 (skipped) where PyTorch is not
installed, with 1 when anything differs.

    replay_check.py build/release/bin/llsa-diffusion
"""
import itertools
import json
import math
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import autograd_check  # exits with 77 without PyTorch
import numpy as np
import torch
from torch.nn import functional as F

SIZE, STEPS, BATCH, ROPE_BASE = 8, 5, 4, 50.0
PURPOSES = {"noise": 3, "time": 4, "dropout": 5, "mirror": 6, "sampling": 7}


# Random numbers: Philox4x32-10, addressed by seed, purpose, sequence and index.


def philox(counter, key):
    counter, key = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [b >> 32 ^ counter[1] ^ key[0], b & 0xFFFFFFFF, a >> 32 ^ counter[3] ^ key[1], a & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def words(seed, purpose, sequence, count):
    groups = range((count + 3) // 4)
    key = (seed & 0xFFFFFFFF, seed >> 32)
    drawn = [philox((g, sequence & 0xFFFFFFFF, sequence >> 32, PURPOSES[purpose]), key) for g in groups]
    return np.array(drawn, dtype=np.float64).reshape(-1)[:count]


def uniform(seed, purpose, sequence, index):
    return float((words(seed, purpose, sequence, index + 1)[index] + 0.5) / 2**32)


def normals(seed, purpose, sequence, count):
    unit = (words(seed, purpose, sequence, (count + 3) // 4 * 4) + 0.5) / 2**32
    radius, angle = np.sqrt(-2 * np.log(unit[0::2])), 2 * np.pi * unit[1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count].astype(np.float32)


# The model, from the parameters' names.


def morton(side):
    def key(cell):
        y, x = divmod(cell, side)
        return sum((x >> b & 1) << 2 * b | (y >> b & 1) << 2 * b + 1 for b in range(8))

    return sorted(range(side * side), key=key)


def attention(q, k, v, config):
    """[heads, tokens, dim] of one picture."""
    if config["method"] == "full":
        return (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(2) @ v
    case = {"block": config["block_size"], "levels": config["levels"], "top_k": [config["top_k"]] * config["levels"]}
    case.update(enrichment=config["levels"], reweight=True, disjoint=False)
    return torch.stack([autograd_check.attend(*head, case)[0] for head in zip(q, k, v)])


def rotate(x, cells, side):
    """The first half of a head by the token's row, the second by its column."""
    quarter = x.shape[2] // 4
    rates = ROPE_BASE ** (-torch.arange(quarter) / quarter)
    out = []
    for axis, position in enumerate((cells // side, cells % side)):
        angle = position[:, None] * rates
        a, b = x[..., 2 * axis * quarter :][..., :quarter], x[..., (2 * axis + 1) * quarter :][..., :quarter]
        out += [a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()]
    return torch.cat(out, 2)


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def rms_norm(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight


def velocity(p, config, picture, time, label):
    """The model's answer for one picture [3, SIZE, SIZE] at a float32 time."""
    linear = lambda x, name: F.linear(x, p[name + ".weight"], p[name + ".bias"])
    patch, side, heads = config["patch"], SIZE // config["patch"], config["heads"]
    cells = torch.tensor(morton(side) if config["order"] == "morton" else range(side * side))
    patches = picture.reshape(3, side, patch, side, patch).permute(1, 3, 0, 2, 4).reshape(side * side, -1)[cells]
    half = config["frequencies"] // 2
    angle = 1000.0 * time * torch.exp(-math.log(10000.0) * torch.arange(half) / (half - 1))
    c = linear(torch.cat([angle.cos(), angle.sin()]), "emb.timestep_embedder.linear_1")
    c = linear(F.silu(c), "emb.timestep_embedder.linear_2") + p["emb.class_embedder.embedding_table.weight"][label]
    c = F.silu(c)
    x = F.linear(patches, p["pos_embed.proj.weight"].flatten(1), p["pos_embed.proj.bias"])
    split = lambda y: y.reshape(len(y), heads, -1).transpose(0, 1)
    for block in range(config["layers"]):
        name = f"transformer_blocks.{block}."
        shift1, scale1, gate1, shift2, scale2, gate2 = linear(c, name + "norm1.linear").chunk(6)
        h = layer_norm(x) * (1 + scale1) + shift1
        q, k, v = (split(linear(h, name + "attn1.to_" + letter)) for letter in "qkv")
        q, k = (rms_norm(y, p[f"{name}attn1.norm_{letter}.weight"]) for y, letter in ((q, "q"), (k, "k")))
        mixed = attention(rotate(q, cells, side), rotate(k, cells, side), v, config)
        x = x + gate1 * linear(mixed.transpose(0, 1).reshape(len(x), -1), name + "attn1.to_out.0")
        h = layer_norm(x) * (1 + scale2) + shift2
        h = F.gelu(linear(h, name + "ff.net.0.proj"), approximate="tanh")
        x = x + gate2 * linear(h, name + "ff.net.2")
    shift, scale = linear(c, "proj_out_1").chunk(2)
    x = linear(layer_norm(x) * (1 + scale) + shift, "proj_out_2")
    image = torch.empty_like(x)
    image[cells] = x
    return image.reshape(side, side, patch, patch, 3).permute(4, 0, 2, 1, 3).reshape(3, SIZE, SIZE)


# Files.


def write_png(path, pixels):
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def read_png(path):
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8 : at + 16])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    raw = zlib.decompress(packed)
    rows, stride = np.zeros((height + 1, width * 3 + 3), int), width * 3 + 1
    for y in range(height):
        kind, line = raw[y * stride], raw[y * stride + 1 : (y + 1) * stride]
        for i, value in enumerate(line):
            a, b, c = rows[y + 1, i], rows[y, i + 3], rows[y, i]
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            rows[y + 1, i + 3] = (value + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
    return rows[1:, 3:].reshape(height, width, 3)


def read_checkpoint(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            array = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.astype(np.float64))
    part = lambda prefix: {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
    averages = {n: t for n, t in tensors.items() if not n.startswith("training.")}
    return averages, part("training.weights."), part("training.first_moments."), part("training.second_moments.")


# The runs.

COMMON = {"hidden": 16, "heads": 2, "layers": 2, "frequencies": 8, "patch": 1, "order": "morton"}
COMMON.update(seed=3, scale=1.0)
ADAM = {"lr": 0.02, "warmup": 2, "decay": 0.05, "beta1": 0.8, "beta2": 0.95, "clip": 0.5, "ema": 0.7, "dropout": 0.3}
RUNS = {
    "full attention, micro-batches": ({"method": "full", "order": "raster"}, ["--micro-batch", "2"]),
    "full attention, patches, noise scale": ({"method": "full", "patch": 2, "scale": 1.5}, ["--noise-scale", "1.5"]),
    "LLSA, one level, recompute": ({"method": "llsa", "levels": 1, "block_size": 4, "top_k": 3}, ["--recompute"]),
    "LLSA, three levels, mirrored": ({"method": "llsa", "levels": 3, "block_size": 4, "top_k": 2}, ["--mirror"]),
}


def train(program, folder, config, extra):
    options = {"image-size": SIZE, "hidden": config["hidden"], "heads": config["heads"], "layers": config["layers"]}
    options.update({"frequency-dim": config["frequencies"], "mlp-ratio": 2, "patch-size": config["patch"]})
    options.update({"order": config["order"], "method": config["method"], "seed": config["seed"], "steps": STEPS})
    options.update({"batch": BATCH, "lr": ADAM["lr"], "warmup": ADAM["warmup"], "weight-decay": ADAM["decay"]})
    options.update({"beta1": ADAM["beta1"], "beta2": ADAM["beta2"], "clip": ADAM["clip"], "ema": ADAM["ema"]})
    options.update({"rope-base": ROPE_BASE, "label-dropout": ADAM["dropout"], "schedule": "cosine"})
    options.update({"checkpoint-every": 1, "keep": 99})
    options.update({"sample-minutes": 0, "sample-every": 0, "sample-count": 1, "validation-pictures": 1, "threads": 1})
    if config["method"] == "llsa":
        options.update({"levels": config["levels"], "block-size": config["block_size"], "top-k": config["top_k"]})
    command = [program, "train", "--quiet", "--output", folder / "run", "--data", folder / "data"]
    command += ["--validation-data", folder / "held-out", *extra]
    for name, value in options.items():
        command += [f"--{name}", value]
    subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)


def make_pictures(folder):
    """Four pictures of two classes, and as many held out; [3, SIZE, SIZE] in -1..1, with labels."""
    random, made = np.random.default_rng(5), []
    for place in ("data", "held-out"):
        for number in range(BATCH):
            label = number % 2
            pixels = random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            target = folder / place / f"class{label}" / f"{number}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_png(target, pixels)
            if place == "data":
                made.append((torch.from_numpy(pixels / np.float32(127.5) - 1).double().permute(2, 0, 1), label))
    return made


def loss_of(p, config, step, slot, picture, label):
    """The share of one picture, at its place in the batch."""
    seed, scale = config["seed"], config["scale"]
    time = uniform(seed, "time", step, slot)
    noise = normals(seed, "noise", step * BATCH + slot, picture.numel())
    noise = torch.from_numpy(noise).double().reshape(picture.shape)
    dropped = uniform(seed, "dropout", step, slot) < ADAM["dropout"]
    noisy = (1 - time) * picture + time * scale * noise
    found = velocity(p, config, noisy, float(np.float32(time)), 2 if dropped else label)
    return (found - (scale * noise - picture)).square().mean() / BATCH


def batch_loss(weights, config, step, pictures, logged):
    """Pictures come in an order that the loader draws anew each epoch; each epoch is one batch here, and one order only
    gives the loss that was logged. Returns the differentiable loss of that order."""
    turned = lambda number: (number, len(pictures) + number) if config["mirror"] else (number,)
    choices = pictures + [(picture.flip(2), label) for picture, label in pictures]
    with torch.no_grad():
        parts = {
            (slot, choice): float(loss_of(weights, config, step, slot, *choices[choice]))
            for slot in range(BATCH)
            for number in range(len(pictures))
            for choice in turned(number)
        }
    orders = [
        order
        for numbers in itertools.permutations(range(len(pictures)))
        for order in itertools.product(*(turned(number) for number in numbers))
    ]
    loss_in = lambda order: sum(parts[slot, choice] for slot, choice in enumerate(order))
    best = min(orders, key=lambda order: abs(loss_in(order) - logged))
    return sum(loss_of(weights, config, step, slot, *choices[choice]) for slot, choice in enumerate(best))


def relative(found, expected):
    norm = float(sum(t.square().sum() for t in expected.values())) ** 0.5
    return float(sum((found[n] - t).square().sum() for n, t in expected.items())) ** 0.5 / (norm or 1)


def replay_step(config, before, after, step, pictures, entry):
    """The errors of one step from its checkpoints."""
    averages, weights, first, second = before
    weights = {n: t.clone().requires_grad_() for n, t in weights.items()}
    loss = batch_loss(weights, config, step, pictures, entry["loss"])
    gradient = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()), allow_unused=True)))
    gradient = {n: torch.zeros_like(weights[n]) if g is None else g for n, g in gradient.items()}
    norm = float(sum(g.square().sum() for g in gradient.values())) ** 0.5
    clipped = {n: g * min(1, ADAM["clip"] / norm) for n, g in gradient.items()}
    progress = min(1, max(0, step - ADAM["warmup"]) / (STEPS - ADAM["warmup"]))
    rate = ADAM["lr"] * min(1, (step + 1) / ADAM["warmup"]) * 0.5 * (1 + math.cos(math.pi * progress))
    b1, b2 = ADAM["beta1"], ADAM["beta2"]
    new_first = {n: b1 * first[n] + (1 - b1) * g for n, g in clipped.items()}
    new_second = {n: b2 * second[n] + (1 - b2) * g.square() for n, g in clipped.items()}
    # The step from the moments that were kept: where a gradient is rounding alone, its sign is chance.
    root = lambda n: (after[3][n] / (1 - b2 ** (step + 1))).sqrt() + 1e-8
    moved = {
        n: w.detach() * (1 - rate * ADAM["decay"]) - rate * after[2][n] / (1 - b1 ** (step + 1)) / root(n)
        for n, w in weights.items()
    }
    keep = min(ADAM["ema"], (1 + step) / (10 + step))
    averaged = {n: keep * averages[n] + (1 - keep) * after[1][n] for n in averages}
    change = {n: t - before[1][n] for n, t in after[1].items()}
    return {
        "loss": abs(float(loss.detach()) - entry["loss"]) / entry["loss"],
        "norm": abs(norm - entry["gradient_norm"]) / norm,
        "rate": abs(rate - entry["learning_rate"]) / rate,
        "first moments": relative(new_first, after[2]),
        "second moments": relative(new_second, after[3]),
        "weights": relative({n: t - before[1][n] for n, t in moved.items()}, change),
        "averages": relative(averaged, after[0]),
    }


def replay_samples(program, folder, config, averages):
    """The largest difference of a byte between two pictures of the program and of the replay."""
    steps, guidance, seed = 4, 1.5, 7
    checkpoint = sorted((folder / "run/checkpoints").iterdir())[-1]
    command = [program, "sample", "--checkpoint", checkpoint, "--folder", folder / "made", "--count", 2]
    command += ["--steps", steps, "--guidance", guidance, "--seed", seed]
    subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    worst = 0
    for number in range(2):
        noise = normals(seed, "sampling", number, 3 * SIZE * SIZE).astype(np.float64)
        x = config["scale"] * torch.from_numpy(noise).reshape(3, SIZE, SIZE)
        for k in range(steps):
            now, then = 1 - k / steps, 1 - (k + 1) / steps
            plain, labelled = (velocity(averages, config, x, now, label) for label in (2, number % 2))
            x = x + (then - now) * (plain + guidance * (labelled - plain))
        expected = ((x + 1) * 127.5).clamp(0, 255).round().permute(1, 2, 0).numpy()
        worst = max(worst, int(np.abs(read_png(folder / "made" / f"{number:06}.png") - expected).max()))
    return worst


def check(program, name, config, extra):
    config = {**COMMON, "mirror": "--mirror" in extra, **config}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pictures = make_pictures(folder)
        train(program, folder, config, extra)
        states = [read_checkpoint(path) for path in sorted((folder / "run/checkpoints").iterdir())]
        log = [json.loads(line) for line in (folder / "run/log.jsonl").read_text().splitlines()]
        assert len(states) == STEPS + 1 and len(log) == STEPS, (len(states), len(log))
        worst = {}
        for step in range(STEPS):
            errors = replay_step(config, states[step], states[step + 1], step, pictures, log[step])
            worst = {key: max(error, worst.get(key, 0)) for key, error in errors.items()}
        with torch.no_grad():
            byte = replay_samples(program, folder, config, states[-1][0])
    # The weights' rounding to float32 shows beside the small changes of a step.
    allowed = {"weights": 3e-5}
    right = all(error <= allowed.get(key, 3e-6) for key, error in worst.items()) and byte <= 1
    print("ok  " if right else "FAIL", name, {key: f"{error:.1e}" for key, error in worst.items()}, "bytes", byte)
    return right


def main():
    torch.set_default_dtype(torch.float64)
    results = [check(sys.argv[1], name, *run) for name, run in RUNS.items()]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
