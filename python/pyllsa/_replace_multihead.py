"""Replacing in `torch.nn.MultiheadAttention`. Its function is overridable as a whole, so that the call inside cannot be taken:
the projections are applied here."""
import functools

import torch

from pyllsa._replace_site import set_forward


def install(site, module):
    """Gives the module a `forward` that lets `site` attend where it may; returns the site."""
    site.why = _static_reason(module)
    if site.why:
        return site
    original = module.forward

    @functools.wraps(original)
    def forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, average_attn_weights=True,
                is_causal=False):
        reason = _reason(module, query, key, value, key_padding_mask, need_weights, attn_mask, is_causal)
        if reason:
            site.dense_calls[reason] += 1
            return original(query, key, value, key_padding_mask=key_padding_mask, need_weights=need_weights,
                            attn_mask=attn_mask, average_attn_weights=average_attn_weights, is_causal=is_causal)
        x = query if module.batch_first else query.transpose(0, 1)
        qkv = torch.nn.functional.linear(x, module.in_proj_weight, module.in_proj_bias)
        q, k, v = qkv.unflatten(-1, (3, module.num_heads, module.head_dim)).permute(2, 0, 3, 1, 4).unbind(0)
        o = module.out_proj(site.attend(q, k, v).transpose(1, 2).flatten(2))
        return o if module.batch_first else o.transpose(0, 1), None

    # Encoder layers have a fused path around their attention's `forward`; a hook on the attention turns it off.
    hook = module.register_forward_pre_hook(lambda *_: None)

    give_back = set_forward(module, forward)

    def restore():
        give_back()
        hook.remove()

    site.restore = restore
    return site


def _static_reason(module):
    if not module._qkv_same_embed_dim:
        return "cross-attention: keys of another width"
    if module.bias_k is not None or module.add_zero_attn:
        return "it adds a key of its own"
    return ""


def _reason(module, query, key, value, key_padding_mask, need_weights, attn_mask, is_causal):
    if key is not query or value is not query:
        return "cross-attention"
    if query.dim() != 3:
        return "not a batch"
    if key_padding_mask is not None or attn_mask is not None:
        return "it has a mask"
    if is_causal:
        return "it is causal"
    if need_weights:
        return "its weights are asked for"
    if module.dropout > 0 and module.training:
        return "it drops weights out"
    return ""
