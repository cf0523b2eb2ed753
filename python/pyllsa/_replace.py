"""`pyllsa.replace`: attention inside models that others wrote, computed by `pyllsa.attention`, until it is undone.

Nearly every model calls `torch.nn.functional.scaled_dot_product_attention` in the end. While a replaced module's `forward`
runs, a `TorchFunctionMode` takes that call. Weights, projections, norms and rotary embeddings stay the module's own, and
nothing outside the module changes. Models of `transformers` are switched through its own registry instead.
"""
import collections
import functools
import warnings
from typing import NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from pyllsa import _arguments, _plan, _replace_multihead
from pyllsa._torch import _TYPES
from pyllsa.functional import attention

_sdpa = torch.nn.functional.scaled_dot_product_attention

# Where a joint attention of image and text tokens puts the text, by the name of diffusers' processor.
_TEXT_FIRST = {"FluxAttnProcessor", "FluxAttnProcessor2_0", "FusedFluxAttnProcessor2_0", "QwenDoubleStreamAttnProcessor2_0"}
_TEXT_LAST = {"JointAttnProcessor2_0", "FusedJointAttnProcessor2_0"}


class Entry(NamedTuple):
    """One attention module of a model, as `Replacement.entries` lists it."""

    name: str
    kind: str
    replaced: bool
    why: str  # it stays dense; empty when replaced
    calls: int  # computed by pyllsa
    dense_calls: dict  # reason -> calls that went to the model's own dense attention


class _Site:
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
            return _sdpa(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, **further)
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
        if query.device.type != "cpu":
            return f"it runs on {query.device.type}"
        if query.dtype not in _TYPES or key.dtype != query.dtype or value.dtype != query.dtype:
            return "its types are mixed or unknown"
        return ""

    def entry(self):
        return Entry(self.name, self.kind, not self.why, self.why, self.calls, dict(self.dense_calls))


class _Settings:
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


class _Taking(TorchFunctionMode):
    """Takes the calls of `scaled_dot_product_attention` while it is entered."""

    def __init__(self, site):
        super().__init__()
        self.site = site

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is _sdpa:
            return self.site.attend(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


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


def replace(model, *, grid=None, min_tokens=1024, modules=None, **options):
    """Lets a model's self-attention be computed by `pyllsa.attention`, until `undo()` or the end of a `with` block.

    Knows diffusers (DiT, PixArt, SD3, Flux, Wan, Qwen-Image and others built of the same modules), transformers (through
    its registry of attention functions), timm, and `torch.nn.MultiheadAttention`. Text tokens of joint attention become
    context: every token attends to them one by one, and they attend densely. Cross-attention, masked, causal and dropped
    out attention stay dense.

    Args:
        model: any `torch.nn.Module`.
        grid: `(H, W)` or `(T, H, W)` of the image or video tokens; attention over another number of them stays dense.
        min_tokens: fewer image tokens than this stay dense.
        modules: further classes whose `forward` calls `scaled_dot_product_attention(q, k, v)` for self-attention.
        options: those of `pyllsa.attention` (levels, top_k, block_size, coverage, order ...).

    Returns:
        `Replacement`: `entries`, `calls`, `undo()`; `print` shows it as text.

    Raises:
        ValueError, TypeError: an option is wrong, or the model is replaced already; nothing is replaced then.
    """
    unknown = set(options) - {"order", "levels", "top_k", "block_size", "enrichment_levels", "reweight", "coverage", "method"}
    if unknown:
        raise TypeError(f"replace does not know the option {sorted(unknown)[0]!r}")
    if grid is not None:
        grid = _arguments.grid_of(grid)
    _plan.make_plan(1 << 30, quiet=True, **{k: v for k, v in options.items() if k != "order"})
    settings = _Settings(grid, min_tokens, options)
    if _is_transformers(model):
        from pyllsa import _replace_transformers

        return _replace_transformers.replace(model, settings)
    for name, module in model.named_modules():
        if getattr(module.__dict__.get("forward"), "replaced_by_pyllsa", False):
            raise ValueError(f"model: {name or type(module).__name__} is replaced or captured already; undo that first")
    root = _Text(model)
    sites = []
    for name, module in model.named_modules():
        kind = _kind_of(module, modules or ())
        if kind:
            sites.append(_install(name or type(model).__name__, kind, module, settings, root))
    return Replacement(sites, root.hooks)


def _is_transformers(model):
    return hasattr(model, "set_attn_implementation") and hasattr(model, "config")


def _kind_of(module, further):
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


class _Text:
    """How many text tokens the running model has, which modules of joint sequences cannot see themselves."""

    def __init__(self, model):
        self.tokens = None
        self.hooks = [model.register_forward_pre_hook(self.note, with_kwargs=True)]

    def note(self, module, args, kwargs):
        text = kwargs.get("encoder_hidden_states")
        if text is None and len(args) > 1:
            text = args[1]
        self.tokens = text.shape[1] if isinstance(text, torch.Tensor) and text.dim() == 3 else None


def _install(name, kind, module, settings, root):
    site = _Site(name, kind, settings)
    processor = type(getattr(module, "processor", None)).__name__
    if kind.startswith("diffusers"):
        site.why = _diffusers_reason(module, processor)
    if site.why:
        return site
    if kind == "torch.nn.MultiheadAttention":
        return _replace_multihead.install(site, module, set_forward)
    original = module.forward
    fused = getattr(module, "fused_attn", None)  # timm: whether it calls scaled_dot_product_attention

    @functools.wraps(original)
    def forward(*args, **kwargs):
        # Of a joint sequence: this module's own text, or, where both come as one tensor, the model's.
        own = kwargs.get("encoder_hidden_states")
        if own is None and processor in _TEXT_FIRST | _TEXT_LAST and len(args) > 1:
            own = args[1]
        tokens = own.shape[1] if isinstance(own, torch.Tensor) else None

        def text():
            if processor in _TEXT_LAST:
                return (tokens or 0, "last")
            if processor in _TEXT_FIRST:
                if tokens is None and root.tokens is None:
                    return "the number of text tokens is not known"
                return (root.tokens if tokens is None else tokens, "first")
            return "cross-attention" if tokens is not None else (0, "first")

        site.text = text
        if fused is False:
            module.fused_attn = True
        try:
            with _Taking(site):
                return original(*args, **kwargs)
        finally:
            if fused is False:
                module.fused_attn = False

    site.restore = set_forward(module, forward)
    return site


def _diffusers_reason(module, processor):
    """Why a diffusers module stays dense; empty when it need not."""
    if getattr(module, "is_cross_attention", False) and getattr(module, "added_kv_proj_dim", None) is None:
        return "cross-attention"
    if getattr(module, "cross_attention_dim_head", None) is not None or _takes_other_width(module):
        return "cross-attention"
    if getattr(module, "added_kv_proj_dim", None) is not None and processor not in _TEXT_FIRST | _TEXT_LAST:
        return f"joint attention by {processor}, whose token order is not known"
    return ""


def _takes_other_width(module):
    cross, own = getattr(module, "cross_attention_dim", None), getattr(module, "query_dim", None)
    return cross is not None and own is not None and cross != own
