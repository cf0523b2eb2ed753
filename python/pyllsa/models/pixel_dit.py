"""The pixel diffusion transformer of `llsa-diffusion` in PyTorch: the same parameters, names and formulas, so that either
opens the other's checkpoints."""
import dataclasses
import math
import re

import torch
from torch import nn

from pyllsa import _plan, functional
from pyllsa.models import _checkpoint


@dataclasses.dataclass
class PixelDiTConfig:
    """The shape of a model, as the program's checkpoints have it."""

    image_size: int | str = 32  # of a square, or "HxW"
    frames: int = 1  # several: a model of videos
    channels: int = 3
    patch_size: int = 1
    hidden: int = 96
    layers: int = 6
    heads: int = 3
    mlp_ratio: int = 4
    classes: int = 0  # 0: unconditional; otherwise labels 0..classes-1, and `classes` means "no label"
    frequency_dim: int = 256
    per_block_embedders: bool = False
    rope_base: float = 100
    order: str = "morton"
    class_names: list = dataclasses.field(default_factory=list)
    attention: dict = dataclasses.field(default_factory=lambda: {"name": "llsa", "block_size": 16, "top_k": [8],
                                                                 "reweight": True, "coverage": "overlapping"})

    @property
    def size(self):
        """`(height, width)` in pixels."""
        size = self.image_size
        if isinstance(size, str):
            if not re.fullmatch(r"[0-9]+x[0-9]+", size):
                raise ValueError(f"image_size is {size!r}; it must be a number, or 'HxW', for example '64x96'")
            return tuple(int(n) for n in size.split("x"))
        return size, size

    @property
    def grid(self):
        """`(frames, height, width)` in tokens."""
        return (self.frames, *(n // self.patch_size for n in self.size))

    @property
    def shape(self):
        """Of one picture or video: `(channels, height, width)` or `(frames, channels, height, width)`."""
        return (self.frames,) * (self.frames > 1) + (self.channels, *self.size)

    @property
    def head_dim(self):
        return self.hidden // self.heads

    def __post_init__(self):
        if min(self.size) < 1:
            raise ValueError(f"image_size is {self.image_size}; it must be at least 1")
        for name in ("frames", "channels", "patch_size", "layers", "heads", "mlp_ratio"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if any(n % self.patch_size for n in self.size):
            raise ValueError(f"patch_size is {self.patch_size}; it must divide image_size, {self.image_size}")
        if self.hidden % self.heads or self.head_dim % 4:
            raise ValueError(f"hidden is {self.hidden}; it must be heads ({self.heads}) times a multiple of 4")
        if self.frames > 1 and self.head_dim < 8:
            raise ValueError(f"heads have {self.head_dim} dimensions; they must have at least 8 for videos")
        if self.classes < 0:
            raise ValueError(f"classes is {self.classes}; it must be at least 0")
        if self.frequency_dim < 4 or self.frequency_dim % 2:
            raise ValueError(f"frequency_dim is {self.frequency_dim}; it must be even and at least 4")
        if not self.rope_base > 1:
            raise ValueError(f"rope_base is {self.rope_base}; it must be above 1")

    def attention_options(self):
        """As options of `pyllsa.attention`."""
        options = {k: v for k, v in self.attention.items() if k != "name"}
        return {"method": self.attention["name"], **options}


class PixelDiT(nn.Module):
    """Predicts the velocity of the flow for noisy pictures.

    Args:
        config: `PixelDiTConfig`, or its fields by name.
    """

    def __init__(self, config=None, **fields):
        super().__init__()
        self.config = c = PixelDiTConfig(**fields) if config is None else config
        if c.attention["name"] not in _plan.METHODS:
            raise ValueError(f"attention is {c.attention['name']!r}; PixelDiT computes llsa and its special cases")
        self.pos_embed = nn.ModuleDict({"proj": nn.Conv2d(c.channels, c.hidden, c.patch_size, c.patch_size)})
        if not c.per_block_embedders:
            self.emb = _Embedder(c)
        self.transformer_blocks = nn.ModuleList(_Block(c) for _ in range(c.layers))
        self.proj_out_1 = nn.Linear(c.hidden, 2 * c.hidden)
        self.proj_out_2 = nn.Linear(c.hidden, c.channels * c.patch_size**2)
        order = functional.order(c.grid if c.frames > 1 else c.grid[1:], c.order)
        to_raster = torch.as_tensor(order.to_raster)
        cosine, sine = _rotary_table(c, to_raster)
        for name, value in (("to_raster", to_raster), ("from_raster", torch.as_tensor(order.from_raster)),
                            ("cosine", cosine), ("sine", sine)):
            self.register_buffer(name, value, persistent=False)
        self.reset_parameters()

    def reset_parameters(self):
        """As the program starts: Xavier for projections, small for embedders, zero for what modulates and for the output."""
        for name, p in self.named_parameters():
            if name.endswith("bias") or "norm1.linear" in name or name.startswith("proj_out"):
                nn.init.zeros_(p)
            elif "norm_q" in name or "norm_k" in name:
                nn.init.ones_(p)
            elif "emb." in name:
                nn.init.normal_(p, std=0.02)
            else:
                nn.init.xavier_uniform_(p.view(p.shape[0], -1))

    def forward(self, images, times, labels=None):
        """
        Args:
            images: `[batch, channels, height, width]`; videos `[batch, frames, channels, height, width]`.
            times: `[batch]` in 0..1.
            labels: `[batch]`, integers in 0..classes; None: without label.

        Returns:
            The velocity, shaped like `images`.
        """
        c = self.config
        if tuple(images.shape[1:]) != c.shape:
            raise ValueError(f"images has shape {tuple(images.shape)}; it must be [batch, {', '.join(map(str, c.shape))}]")
        if c.classes and labels is None:
            labels = torch.full((images.shape[0],), c.classes, device=images.device)
        shared = None if c.per_block_embedders else self.emb(times, labels)
        x = self.pos_embed["proj"](images.reshape(-1, *c.shape[-3:])).flatten(2).transpose(1, 2)
        x = x.reshape(images.shape[0], -1, c.hidden).index_select(1, self.to_raster)
        active = shared
        for i, block in enumerate(self.transformer_blocks):
            own = block.norm1.emb(times, labels) if c.per_block_embedders else shared
            active = own if i == 0 else active
            x = block(x, own, self.cosine, self.sine)
        shift, scale = self.proj_out_1(active).chunk(2, 1)
        x = self.proj_out_2(_modulated(x, shift, scale)).index_select(1, self.from_raster)
        p = c.patch_size
        return x.view(-1, *c.grid[1:], p, p, c.channels).permute(0, 5, 1, 3, 2, 4).reshape(images.shape)

    @classmethod
    def from_checkpoint(cls, path):
        """A model from a checkpoint of `llsa-diffusion` (its averaged weights), or one that `save_checkpoint` wrote.
        Raises `ValueError` that begins with the path."""
        fields, weights, flow = _checkpoint.load(path)
        model = cls(PixelDiTConfig(**fields))
        model.flow = flow
        _checkpoint.assign(model, weights, path)
        return model

    def save_checkpoint(self, path, flow=None, step=0):
        """Writes what `llsa-diffusion sample --checkpoint` opens. `flow`: noise_scale, time, time_shift."""
        fields = dataclasses.asdict(self.config)
        if not self.config.class_names:
            del fields["class_names"]
        if self.config.frames == 1:
            del fields["frames"]
        _checkpoint.save(path, fields, self.state_dict(), flow or getattr(self, "flow", None), step)


class _Embedder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.frequency_dim = c.frequency_dim
        self.timestep_embedder = nn.ModuleDict({"linear_1": nn.Linear(c.frequency_dim, c.hidden),
                                                "linear_2": nn.Linear(c.hidden, c.hidden)})
        if c.classes:
            self.class_embedder = nn.ModuleDict({"embedding_table": nn.Embedding(c.classes + 1, c.hidden)})

    def forward(self, times, labels):
        half = self.frequency_dim // 2
        rates = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half, device=times.device, dtype=torch.float64))
        angles = (1000 * times.double()[:, None] * rates).to(torch.float64)
        weight = self.timestep_embedder["linear_1"].weight
        features = torch.cat([angles.cos(), angles.sin()], 1).to(weight.dtype)
        x = self.timestep_embedder["linear_2"](nn.functional.silu(self.timestep_embedder["linear_1"](features)))
        if hasattr(self, "class_embedder"):
            x = x + self.class_embedder["embedding_table"](labels)
        return nn.functional.silu(x)


class _Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.head_dim, self.options = c.heads, c.head_dim, c.attention_options()
        self.norm1 = nn.Module()
        if c.per_block_embedders:
            self.norm1.emb = _Embedder(c)
        self.norm1.linear = nn.Linear(c.hidden, 6 * c.hidden)
        self.attn1 = nn.Module()
        for name in ("to_q", "to_k", "to_v"):
            setattr(self.attn1, name, nn.Linear(c.hidden, c.hidden))
        self.attn1.norm_q, self.attn1.norm_k = _Weight(c.head_dim), _Weight(c.head_dim)
        self.attn1.to_out = nn.ModuleList([nn.Linear(c.hidden, c.hidden)])
        first = nn.Module()
        first.proj = nn.Linear(c.hidden, c.mlp_ratio * c.hidden)
        self.ff = nn.Module()
        self.ff.net = nn.ModuleList([first, nn.Identity(), nn.Linear(c.mlp_ratio * c.hidden, c.hidden)])

    def forward(self, x, active, cosine, sine):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.norm1.linear(active).chunk(6, 1)
        y = _modulated(x, shift1, scale1)
        q, k, v = (layer(y).unflatten(-1, (self.heads, self.head_dim))
                   for layer in (self.attn1.to_q, self.attn1.to_k, self.attn1.to_v))
        q = _rotated(nn.functional.rms_norm(q, (self.head_dim,), self.attn1.norm_q.weight, 1e-6), cosine, sine)
        k = _rotated(nn.functional.rms_norm(k, (self.head_dim,), self.attn1.norm_k.weight, 1e-6), cosine, sine)
        o = functional.attention(q, k, v, layout="bnhd", **self.options).flatten(2)
        x = x + gate1[:, None] * self.attn1.to_out[0](o)
        y = self.ff.net[0].proj(_modulated(x, shift2, scale2))
        return x + gate2[:, None] * self.ff.net[2](nn.functional.gelu(y, approximate="tanh"))


class _Weight(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))


def _modulated(x, shift, scale):
    return nn.functional.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


def _rotary_table(c, to_raster):
    """`[tokens, 1, 2, quarter]`: the angles of a token's row, then of its column; the slowest of both are its frame's."""
    _, height, width = c.grid
    quarter = c.head_dim // 4
    rates = c.rope_base ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    places = torch.stack([to_raster // width % height, to_raster % width], 1).double()
    angles = places[:, :, None] * rates
    if c.frames > 1:
        slow = max(1, quarter // 4)
        rates = c.rope_base ** (-torch.arange(2 * slow, dtype=torch.float64) / (2 * slow))
        angles[:, :, quarter - slow:] = ((to_raster // (height * width)).double()[:, None] * rates).view(-1, 2, slow)
    angles = angles[:, None]
    return angles.cos().float(), angles.sin().float()


def _rotated(x, cosine, sine):
    """Turns the pairs (j, j + quarter) of each half of every head."""
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    a, b = x.unflatten(-1, (2, 2, -1)).unbind(-2)
    return torch.stack([a * cosine - b * sine, b * cosine + a * sine], -2).flatten(-3)


def flow_point(pictures, noise, times, noise_scale=1.0):
    """`(noisy, velocity)` of flow matching: `(1 - t) x + t s e` and `s e - x`."""
    t = times.view(-1, *([1] * (pictures.dim() - 1)))
    return (1 - t) * pictures + t * noise_scale * noise, noise_scale * noise - pictures


def flow_loss(model, pictures, noise, times, labels=None, noise_scale=1.0):
    """The mean squared error of the velocity that the model predicts."""
    noisy, velocity = flow_point(pictures, noise, times, noise_scale)
    return torch.nn.functional.mse_loss(model(noisy, times, labels), velocity)


@torch.no_grad()
def sample(model, noise, steps=50, labels=None, time_shift=1.0):
    """Pictures from `noise` (times the noise scale it was trained with) by Euler steps from t = 1 to 0."""
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    times = time_shift * times / (1 + (time_shift - 1) * times)
    x = noise
    for now, then in zip(times[:-1], times[1:]):
        t = torch.full((x.shape[0],), float(now), dtype=x.dtype, device=x.device)
        x = x + float(then - now) * model(x, t, labels)
    return x
