"""Modules for models of one's own."""
import torch

from pyllsa.functional import attention

__all__ = ["Attention"]


class Attention(torch.nn.Module):
    """Multi-head self-attention of tokens `[batch, tokens, dim]` by `pyllsa.attention`.

    Args:
        dim: width of the tokens.
        heads: query heads.
        key_heads: heads of keys and values; they divide `heads` (None: as many).
        head_dim: width of a head (None: `dim // heads`).
        bias: biases of the projections.
        qk_norm: root-mean-square norm of queries and keys, each head by itself, with learned factors.
        context_dim: width of context tokens, which get projections of their own (None: no context is taken).
        options: defaults of `pyllsa.attention` (levels, top_k, block_size, coverage, grid, order, prefix ...).

    Parameters are called `to_q`, `to_k`, `to_v`, `to_out`, `norm_q`, `norm_k`, `context_k` and `context_v`.
    """

    def __init__(self, dim, heads, *, key_heads=None, head_dim=None, bias=True, qk_norm=False, context_dim=None, **options):
        super().__init__()
        key_heads = heads if key_heads is None else key_heads
        if heads < 1 or key_heads < 1 or heads % key_heads:
            raise ValueError(f"key_heads is {key_heads}; it must divide heads, {heads}")
        if head_dim is None and dim % heads:
            raise ValueError(f"dim is {dim}; it must be a multiple of heads, {heads}, or head_dim must be given")
        for name in ("layout", "context", "return_lse", "selection", "return_selection"):
            if name in options:
                raise TypeError(f"{name} is not an option of the module")
        self.head_dim = dim // heads if head_dim is None else head_dim
        self.heads, self.key_heads, self.options = heads, key_heads, options
        self.to_q = torch.nn.Linear(dim, heads * self.head_dim, bias)
        self.to_k = torch.nn.Linear(dim, key_heads * self.head_dim, bias)
        self.to_v = torch.nn.Linear(dim, key_heads * self.head_dim, bias)
        self.to_out = torch.nn.Linear(heads * self.head_dim, dim, bias)
        self.norm_q = _Norm(self.head_dim) if qk_norm else torch.nn.Identity()
        self.norm_k = _Norm(self.head_dim) if qk_norm else torch.nn.Identity()
        self.context_k = self.context_v = None
        if context_dim is not None:
            self.context_k = torch.nn.Linear(context_dim, key_heads * self.head_dim, bias)
            self.context_v = torch.nn.Linear(context_dim, key_heads * self.head_dim, bias)

    def forward(self, x, context=None, *, rotate=None, **options):
        """
        Args:
            x: `[batch, tokens, dim]`.
            context: `[batch, context tokens, context_dim]`, or None.
            rotate: called with queries and with keys `[batch, tokens, heads, head_dim]` after their norm, for rotary
                positions; returns them.
            options: override the module's, for this call (`grid`, `cu_seqlens` ...).

        Returns:
            `[batch, tokens, dim]`.
        """
        if context is not None and self.context_k is None:
            raise ValueError("context was given, but the module was made without context_dim")
        q = self.norm_q(self.to_q(x).unflatten(-1, (self.heads, self.head_dim)))
        k = self.norm_k(self.to_k(x).unflatten(-1, (self.key_heads, self.head_dim)))
        v = self.to_v(x).unflatten(-1, (self.key_heads, self.head_dim))
        if rotate is not None:
            q, k = rotate(q), rotate(k)
        extra = None
        if context is not None:
            shape = (self.key_heads, self.head_dim)
            extra = (self.norm_k(self.context_k(context).unflatten(-1, shape)), self.context_v(context).unflatten(-1, shape))
        o = attention(q, k, v, layout="bnhd", context=extra, **{**self.options, **options})
        return self.to_out(o.flatten(-2))

    def extra_repr(self):
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"heads={self.heads}, key_heads={self.key_heads}, head_dim={self.head_dim}{options}"


class _Norm(torch.nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.weight, self.eps = torch.nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        return torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, self.eps)
