#!/usr/bin/env python3
"""Training steps of llsa-diffusion beside the same model in PyTorch with scaled_dot_product_attention.

The model, the loss, clipping, AdamW and the averaged weights are those of `llsa-diffusion train`; PyTorch's attention is
dense. The three take turns (PyTorch, our full attention, LLSA), one thread count for all, and medians of the rounds are
shown. Needs PyTorch 2 and the built program.

    python benchmarks/python/training_step.py build/release/bin/llsa-diffusion --image-size 64 --json step.json
"""
import argparse
import json
import platform
import re
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", help="build/release/bin/llsa-diffusion")
    p.add_argument("--image-size", type=int, default=64)
    p.add_argument("--hidden", type=int, default=96)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--heads", type=int, default=3)
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--json", help="write every number to this file")
    return p.parse_args()


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.first, self.second = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.query_norm, self.key_norm = (nn.RMSNorm(width // heads, eps=1e-6) for _ in range(2))

    def forward(self, x, c, cosine, sine):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(c)[:, None].chunk(6, 2)
        h = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = (rotate(norm(y), cosine, sine) for norm, y in ((self.query_norm, q), (self.key_norm, k)))
        mixed = F.scaled_dot_product_attention(q, k, v)
        x = x + gate1 * self.out(mixed.transpose(1, 2).flatten(2))
        h = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale2) + shift2
        return x + gate2 * self.second(F.gelu(self.first(h), approximate="tanh"))


def rotate(x, cosine, sine):
    """[batch, heads, tokens, dim]: the first half of a head by the token's row, the second by its column."""
    a, b = x.unflatten(3, (2, 2, -1)).unbind(4)  # [..., axis, quarter]
    return torch.stack([a * cosine - b * sine, b * cosine + a * sine], 4).flatten(3)


class Model(nn.Module):
    def __init__(self, a):
        super().__init__()
        width, quarter = a.hidden, a.hidden // a.heads // 4
        self.embed, self.last = nn.Linear(3, width), nn.Linear(width, 3)
        self.time1, self.time2 = nn.Linear(256, width), nn.Linear(width, width)
        self.blocks = nn.ModuleList(Block(width, a.heads) for _ in range(a.layers))
        self.last_modulation = nn.Linear(width, 2 * width)
        cells = torch.arange(a.image_size**2)
        places = torch.stack([cells // a.image_size, cells % a.image_size], 1)
        angle = places[..., None] * 100.0 ** (-torch.arange(quarter) / quarter)
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())

    def forward(self, x, time):
        angle = 1000 * time[:, None] * torch.exp(-9.210340371976184 * torch.arange(128) / 127)
        c = F.silu(self.time2(F.silu(self.time1(torch.cat([angle.cos(), angle.sin()], 1)))))
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, c, self.cosine, self.sine)
        shift, scale = self.last_modulation(c)[:, None].chunk(2, 2)
        return self.last(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class Trainer:
    """One step of flow matching, as llsa-diffusion does it."""

    def __init__(self, a):
        torch.manual_seed(1)
        self.model = Model(a)
        self.averages = [p.detach().clone() for p in self.model.parameters()]
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, betas=(0.9, 0.95))
        self.pictures = torch.randn(a.batch, a.image_size**2, 3) / 2

    def step(self):
        noise, time = torch.randn_like(self.pictures), torch.rand(len(self.pictures))
        t = time[:, None, None]
        loss = F.mse_loss(self.model((1 - t) * self.pictures + t * noise, time), noise - self.pictures)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, list(self.model.parameters()), 0.001)


def ours(a, method):
    command = [a.program, "profile", "--method", method, "--image-size", a.image_size, "--hidden", a.hidden]
    command += ["--layers", a.layers, "--heads", a.heads, "--batch", a.batch, "--threads", a.threads, "--repeats", 3]
    text = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"median ([0-9.]+) ms", text)[1])


def main():
    a = parse()
    torch.set_num_threads(a.threads)
    trainer = Trainer(a)
    trainer.step()  # touches all memory once
    times = {"PyTorch, SDPA": [], "llsa-diffusion, full attention": [], "llsa-diffusion, LLSA": []}
    for _ in range(a.rounds):
        own = []
        for _ in range(3):
            begin = time.perf_counter()
            trainer.step()
            own.append(1e3 * (time.perf_counter() - begin))
        times["PyTorch, SDPA"].append(statistics.median(own))
        times["llsa-diffusion, full attention"].append(ours(a, "full"))
        times["llsa-diffusion, LLSA"].append(ours(a, "llsa"))
    reference = statistics.median(times["PyTorch, SDPA"])
    print(f"{a.image_size} x {a.image_size} pixels, {a.layers} layers of {a.hidden}, {a.heads} heads, batch {a.batch}, "
          f"{a.threads} threads, PyTorch {torch.__version__}, float32; medians of {a.rounds} rounds")
    for name, values in times.items():
        ms = statistics.median(values)
        print(f"  {name:<32}{ms:>10.1f} ms a step{reference / ms:>8.2f} times PyTorch's speed")
    if a.json:
        about = {"processor": platform.processor(), "torch": torch.__version__, **vars(a)}
        with open(a.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "milliseconds": times}, file, indent=1)


if __name__ == "__main__":
    main()
