"""`pyllsa.replace`: attention inside models that others wrote, computed by `pyllsa.attention`, until it is undone.

Nearly every model calls `torch.nn.functional.scaled_dot_product_attention` in the end. While a replaced module's `forward`
runs, a `TorchFunctionMode` takes that call. Weights, projections, norms and rotary embeddings stay the module's own, and
nothing outside the module changes. Models of `transformers` are switched through its own registry instead.
"""
import functools

import torch
from torch.overrides import TorchFunctionMode

from pyllsa import _arguments, _plan, _replace_multihead
from pyllsa._replace_site import Replacement, Settings, Site, kind_of, sdpa, set_forward

# Where a joint attention of image and text tokens puts the text, by the name of diffusers' processor.
_TEXT_FIRST = {"FluxAttnProcessor", "FluxAttnProcessor2_0", "FusedFluxAttnProcessor2_0", "QwenDoubleStreamAttnProcessor2_0"}
_TEXT_LAST = {"JointAttnProcessor2_0", "FusedJointAttnProcessor2_0"}


class _Taking(TorchFunctionMode):
    """Takes the calls of `scaled_dot_product_attention` while it is entered."""

    def __init__(self, site):
        super().__init__()
        self.site = site

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is sdpa:
            return self.site.attend(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


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
    settings = Settings(grid, min_tokens, options)
    if _is_transformers(model):
        from pyllsa import _replace_transformers

        return _replace_transformers.replace(model, settings)
    for name, module in model.named_modules():
        if getattr(module.__dict__.get("forward"), "replaced_by_pyllsa", False):
            raise ValueError(f"model: {name or type(module).__name__} is replaced or captured already; undo that first")
    root = _Text(model)
    sites = []
    for name, module in model.named_modules():
        kind = kind_of(module, modules or ())
        if kind:
            sites.append(_install(name or type(model).__name__, kind, module, settings, root))
    return Replacement(sites, root.hooks)


def _is_transformers(model):
    return hasattr(model, "set_attn_implementation") and hasattr(model, "config")


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
    site = Site(name, kind, settings)
    processor = type(getattr(module, "processor", None)).__name__
    if kind.startswith("diffusers"):
        site.why = _diffusers_reason(module, processor)
    if site.why:
        return site
    if kind == "torch.nn.MultiheadAttention":
        return _replace_multihead.install(site, module)
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
