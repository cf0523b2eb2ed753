"""One attention module of a model in place of which `pyllsa.attention` attends, and what `replace` did with all of them:
what every kind of model (`_replace`, `_replace_multihead`, `_replace_transformers`) is replaced through."""
import collections
import warnings
from typing import NamedTuple

import torch

from pyllsa import _device
from pyllsa._torch import _TYPES
from pyllsa.functional import attention

sdpa = torch.nn.functional.scaled_dot_product_attention


class Entry(NamedTuple):
    """One attention module of a model, as `Replacement.entries` lists it."""

    name: str
    kind: str
    replaced: bool
    why: str  # it stays dense; empty when replaced
    calls: int  # computed by pyllsa
    dense_calls: dict  # reason -> calls that went to the model's own dense attention


class Site:
    """One attention module: how to attend in place of it, and what happened so far."""

    def __init__(self, name, kind, settings):
        self.name, self.kind, self.settings = name, kind, settings
        self.why = ""
        self.calls, self.dense_calls = 0, collections.Counter()
        self.text = lambda: (0, "first")  # tokens of text in a joint sequence, and where; a string says why not
        self.restore = lambda: None

    def attend(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
        reason = self.reason_against(query, key, value, attn_mask, dropout_p, is_causal)
        text = (0, "first") if reason else self.text()
        if isinstance(text, str):
            reason = text
        s = self.settings
        if not reason:
            reason = s.reason_against_tokens(query.shape[2] - text[0])
        if reason:
            self.dense_calls[reason] += 1
            further = {"enable_gqa": True} if enable_gqa else {}
            return sdpa(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **further)
        self.calls += 1
        options = s.options if scale is None else {**s.options, "scale": float(scale)}
        count, where = text
        if not count:
            return attention(query, key, value, grid=s.grid, **options)
        if where == "first":
            return attention(query, key, value, grid=s.grid, prefix=count, **options)
        image = query.shape[2] - count
        near = attention(
            query[:, :, :image], key[:, :, :image], value[:, :, :image], grid=s.grid,
            context=(key[:, :, image:], value[:, :, image:]), **options,
        )
        words = attention(query[:, :, image:], key, value, levels=0, scale=options.get("scale"))
        return torch.cat([near, words], 2)

    def reason_against(self, query, key, value, attn_mask, dropout_p, is_causal):
        if query.dim() != 4:
            return "not [batch, heads, tokens, dim]"
        if query.shape[2] != key.shape[2]:
            return "cross-attention"
        if attn_mask is not None:
            return "it has a mask"
        if is_causal:
            return "it is causal"
        if dropout_p > 0:
            return "it drops weights out"
        if query.device.type not in ("cpu", "cuda") or (query.is_cuda and not _device.present()):
            return f"it runs on {query.device.type}"
        if query.dtype not in _TYPES or key.dtype != query.dtype or value.dtype != query.dtype:
            return "its types are mixed or unknown"
        return ""

    def entry(self):
        return Entry(self.name, self.kind, not self.why, self.why, self.calls, dict(self.dense_calls))


class Settings:
    def __init__(self, grid, min_tokens, options):
        self.grid, self.min_tokens, self.options = grid, min_tokens, options

    def reason_against_tokens(self, tokens):
        if tokens < self.min_tokens:
            return f"fewer than {self.min_tokens} tokens"
        if self.grid is not None:
            size = 1
            for extent in self.grid:
                size *= extent
            if tokens != size:
                return f"not the {size} tokens of the grid"
        return ""


class Replacement:
    """What `replace` did. As a context manager it undoes that at the end.

    Attributes:
        entries: one `Entry` for each attention module that was found: what was replaced, what stays dense and why, and
            how often each was called since.
    """

    def __init__(self, sites, hooks):
        self._sites, self._hooks, self._active = sites, hooks, True

    @property
    def entries(self):
        return [site.entry() for site in self._sites]

    @property
    def calls(self):
        """How many attentions pyllsa computed in place of the model."""
        return sum(site.calls for site in self._sites)

    def undo(self):
        """Gives the model its own attention back. Warns when a module was replaced and never called it."""
        if not self._active:
            return
        self._active = False
        for site in reversed(self._sites):
            site.restore()
        for hook in self._hooks:
            hook.remove()
        silent = [s.name for s in self._sites if not s.why and not s.calls and not s.dense_calls]
        if silent:
            warnings.warn(f"pyllsa.replace was never used by {', '.join(silent[:5])}{' ...' if len(silent) > 5 else ''}: "
                          "the model did not run, or computes attention without scaled_dot_product_attention", stacklevel=2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.undo()

    def __str__(self):
        lines = []
        for e in self.entries:
            what = "replaced" if e.replaced else f"stays dense: {e.why}"
            calls = "" if not e.replaced else f", {e.calls} calls"
            dense = "".join(f", {n} dense ({why})" for why, n in e.dense_calls.items())
            lines.append(f"{e.name} ({e.kind}): {what}{calls}{dense}")
        return "\n".join(lines) or "no attention module was found"


def set_forward(module, forward):
    """Gives one module another `forward`; returns what gives back the one before."""
    before = module.__dict__.get("forward")

    def restore():
        if before is None:
            module.__dict__.pop("forward", None)
        else:
            module.forward = before

    forward.replaced_by_pyllsa = True
    module.forward = forward
    return restore


def kind_of(module, further):
    """The name under which an attention module is listed; None for other modules."""
    cls = type(module)
    if isinstance(module, torch.nn.MultiheadAttention):
        return "torch.nn.MultiheadAttention"
    for base in cls.__mro__:
        home = base.__module__.split(".")[0]
        if home == "diffusers" and base.__name__ in ("Attention", "AttentionModuleMixin") and hasattr(module, "processor"):
            return f"diffusers {cls.__name__}"
        if home == "timm" and "Attention" in base.__name__ and hasattr(module, "num_heads"):
            return f"timm {cls.__name__}"
    return cls.__name__ if isinstance(module, tuple(further)) else None
