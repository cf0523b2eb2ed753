"""Trains a pixel diffusion transformer by flow matching, on one process or on many.

    python -m pyllsa.train --data pictures/ --output run
    torchrun --nproc-per-node 8 -m pyllsa.train --data pictures/ --output run --resume

Low-resolution pretraining: `--stages 32:100000,128:50000,256:20000` trains that many steps at each size. Weights carry
over; positions are computed anew, and above 64 pixels noise is scaled by size / 64. A run is a function of its settings:
continued with `--resume`, on any number of ranks, it goes on where its last checkpoint was.
"""
import argparse
import contextlib
import os
import sys
import time

import torch
import torch.distributed as dist

from pyllsa import _device, _training, _torch  # noqa: F401  (the operator, before anything compiles)
from pyllsa.models import PixelDiT, flow_loss

SAVED = ("data", "stages", "batch", "hidden", "layers", "heads", "patch_size", "block_size", "levels", "top_k", "lr",
         "warmup", "ema", "clip", "drop_label", "bf16", "seed")


def arguments(argv=None):
    p = argparse.ArgumentParser(prog="pyllsa.train", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--data", default="bars", help="a folder of pictures, a .npy file, or 'bars' (generated)")
    p.add_argument("--output", required=True, help="folder for checkpoint.pt, model.safetensors, log.jsonl")
    p.add_argument("--stages", default="32:1000", help="size:steps, one after the other")
    p.add_argument("--resume", action="store_true", help="continue from checkpoint.pt where there is one")
    p.add_argument("--batch", type=int, default=64, help="pictures a step, over all ranks and micro-batches")
    p.add_argument("--accumulate", type=int, default=1, help="micro-batches a step")
    p.add_argument("--hidden", type=int, default=96)
    p.add_argument("--layers", type=int, default=6)
    p.add_argument("--heads", type=int, default=3)
    p.add_argument("--patch-size", type=int, default=1)
    p.add_argument("--block-size", type=int, default=16)
    p.add_argument("--levels", type=int, help="coarse levels (default: from the number of tokens)")
    p.add_argument("--top-k", type=int, default=8)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--warmup", type=int, default=100, help="steps")
    p.add_argument("--ema", type=float, default=0.9999, help="decay of the averaged weights")
    p.add_argument("--clip", type=float, default=1.0, help="largest norm of the gradient")
    p.add_argument("--drop-label", type=float, default=0.1, help="share of pictures without their label")
    p.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    p.add_argument("--compile", nargs="?", const="inductor", metavar="BACKEND", help="torch.compile the model")
    p.add_argument("--save-every", type=int, default=500, help="steps")
    p.add_argument("--log-every", type=int, default=10, help="steps")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto",
                   help="auto: cuda where there is a GPU and pyllsa has its kernels")
    p.add_argument("--time-out", type=float, default=600, help="seconds until a rank that does not answer is lost")
    a = p.parse_args(argv)
    try:
        a.stages = [tuple(int(n) for n in stage.split(":")) for stage in a.stages.split(",")]
        if any(len(stage) != 2 or min(stage) < 1 for stage in a.stages):
            raise ValueError
    except ValueError:
        p.error("--stages must be size:steps, one or more with commas between")
    if min(a.batch, a.accumulate, a.save_every, a.log_every) < 1:
        p.error("--batch, --accumulate, --save-every and --log-every must be at least 1")
    return a


def noise_scale(size):
    """Large pictures keep more of their signal under the same noise; it grows with them (docs/diffusion.md)."""
    return max(1.0, size / 64)


def stage_of(stages, step):
    """`(number of the stage, its size)` of a step."""
    for number, (size, steps) in enumerate(stages):
        if step < steps:
            return number, size
        step -= steps
    return len(stages) - 1, stages[-1][0]


def device_of(name):
    """The device of this rank; of several GPUs the one of its local rank."""
    if name == "cuda":
        _device.module("cuda")  # says why it cannot be used
    if name == "cpu" or not _device.present():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


class Run:
    """A run on this rank: `train` goes from the last checkpoint to the end."""

    def __init__(self, options, device=torch.device("cpu")):
        self.options, self.device = options, device
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        os.makedirs(options.output, exist_ok=True)
        self.data = _training.data_set(options.data)
        self.path = os.path.join(options.output, "checkpoint.pt")
        self.settings = {name: getattr(options, name) for name in SAVED}
        self.step = 0
        self.make(stage_of(options.stages, 0)[1])
        self.average = _training.Average(self.model, options.ema)
        if options.resume and os.path.exists(self.path):
            self.load()
        elif os.path.exists(self.path):
            raise SystemExit(f"{self.path} is there: --resume continues it, another --output leaves it alone")
        self.logs = _training.Logs(options.output, self.step) if self.rank == 0 else None

    def make(self, size, weights=None, optimizer=None):
        """A model for pictures of a size, with the weights and the optimizer's state of another."""
        o = self.options
        attention = {"name": "llsa", "block_size": o.block_size, "top_k": [o.top_k], "reweight": True,
                     "coverage": "overlapping"}
        if o.levels is not None:
            attention["levels"] = o.levels
        torch.manual_seed(o.seed)
        self.size = size
        self.model = PixelDiT(image_size=size, patch_size=o.patch_size, hidden=o.hidden, layers=o.layers, heads=o.heads,
                              classes=len(self.data.classes), class_names=list(self.data.classes), attention=attention)
        self.model.to(self.device)
        if weights:
            self.model.load_state_dict(weights)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=o.lr, betas=(0.9, 0.99), weight_decay=0.0)
        if optimizer:
            self.optimizer.load_state_dict(optimizer)
        run = torch.compile(self.model, backend=o.compile) if o.compile else self.model
        self.parallel = torch.nn.parallel.DistributedDataParallel(run) if self.ranks > 1 else run

    def train(self):
        o, total = self.options, sum(steps for _, steps in self.options.stages)
        began, since = time.monotonic(), self.step
        while self.step < total:
            size = stage_of(o.stages, self.step)[1]
            if size != self.size:
                self.make(size, self.model.state_dict(), self.optimizer.state_dict())
            loss, norm = self.one_step()
            self.average.update(self.model, self.step)
            if self.logs and (self.step % o.log_every == 0 or self.step + 1 == total):
                seconds = (time.monotonic() - began) / (self.step + 1 - since)
                self.logs.write(self.step, loss=loss, gradient_norm=norm, lr=self.rate(), size=size, seconds=seconds)
                print(f"step {self.step}, {size} pixels: loss {loss:.4f}, {seconds:.2f} s a step", flush=True)
            self.step += 1
            if self.rank == 0 and (self.step % o.save_every == 0 or self.step == total):
                self.save()

    def rate(self):
        return self.options.lr * min(1.0, (self.step + 1) / max(1, self.options.warmup))

    def one_step(self):
        """One step on the batch of all ranks. Returns its loss and the norm of its gradient."""
        o = self.options
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.optimizer.zero_grad(set_to_none=True)
        mine = list(range(self.rank, o.batch, self.ranks))
        parts = [mine[i :: o.accumulate] for i in range(o.accumulate)]
        loss = torch.zeros((), device=self.device)
        for number, part in enumerate(parts):
            last = number + 1 == len(parts)
            wait = contextlib.nullcontext() if last or self.ranks == 1 else self.parallel.no_sync()
            with wait:
                loss += self.backward(part)
        if self.ranks > 1:
            dist.all_reduce(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), o.clip)
        if not torch.isfinite(norm):
            raise SystemExit(f"step {self.step}: the gradient is not finite")
        self.optimizer.step()
        return float(loss), float(norm)

    def backward(self, samples):
        """Adds the gradient of these samples' share of the mean over the batch; returns the share."""
        o = self.options
        weight = len(samples) / o.batch
        # A rank without samples takes part, with weight 0: the others wait for its gradient.
        batch = _training.batch(self.data, o.seed, self.step, samples or [0], self.size, o.drop_label)
        pictures, noise, times, labels = (x.to(self.device) for x in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16):
            loss = flow_loss(self.parallel, pictures, noise, times, labels if self.data.classes else None,
                             noise_scale(self.size))
        (loss * weight * self.ranks).backward()  # the ranks' gradients are averaged
        return loss.detach().float() * weight

    def save(self):
        state = {"step": self.step, "size": self.size, "settings": self.settings, "model": self.model.state_dict(),
                 "average": self.average.values, "optimizer": self.optimizer.state_dict()}
        _training.replaced(self.path, lambda path: torch.save(state, path))
        averaged = PixelDiT(self.model.config)
        averaged.load_state_dict({name: value.cpu() for name, value in self.average.values.items()})
        flow = {"noise_scale": noise_scale(self.size), "time": "uniform", "time_shift": 1}
        name = os.path.join(self.options.output, "model.safetensors")
        _training.replaced(name, lambda path: averaged.save_checkpoint(path, flow=flow, step=self.step))

    def load(self):
        state = torch.load(self.path, map_location=self.device, weights_only=True)
        for name, value in self.settings.items():
            was = state["settings"][name]
            if name == "stages":  # later stages may be added or made longer
                was, value = was[: stage_of(was, state["step"])[0]], value[: stage_of(was, state["step"])[0]]
            if was != value:
                raise SystemExit(f"{self.path}: --{name.replace('_', '-')} was {was}; a run is continued with its settings")
        self.step = state["step"]
        self.make(state["size"], state["model"], state["optimizer"])
        self.average.values = state["average"]


def main(argv=None):
    options = arguments(argv)
    many = int(os.environ.get("WORLD_SIZE", "1")) > 1
    try:
        device = device_of(options.device)
    except ValueError as error:
        raise SystemExit(f"--device cuda: {error}") from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if many:
        from datetime import timedelta

        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(seconds=options.time_out))
    try:
        Run(options, device).train()
    except ValueError as error:
        raise SystemExit(str(error)) from None
    except (RuntimeError, dist.DistError) as error:
        if not many or not _is_lost(error):
            raise
        sys.stderr.write(f"rank {dist.get_rank()} of {dist.get_world_size()} lost another rank: "
                         f"{str(error).strip().splitlines()[0]}\n")
        sys.stderr.flush()
        os._exit(1)  # a group that has lost a rank cannot be closed in order
    if many:
        dist.destroy_process_group()


def _is_lost(error):
    words = str(error).lower()
    return isinstance(error, dist.DistError) or any(w in words for w in ("gloo", "nccl", "connection", "timed out", "timeout"))


if __name__ == "__main__":
    main()
