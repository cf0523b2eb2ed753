"""Replacing in models of `transformers`, through its registry of attention functions."""
import itertools

from pyllsa._replace_site import Replacement, Site

_numbers = itertools.count()


def replace(model, settings):
    """As `pyllsa.replace`: registers an attention function of its own for this model and switches to it."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    name = f"pyllsa_{next(_numbers)}"
    before = model.config._attn_implementation
    site = Site(type(model).__name__, "transformers", settings)

    def attend(module, query, key, value, attention_mask, dropout=0.0, scaling=None, is_causal=None, **kwargs):
        causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
        reason = site.reason_against(query, key, value, attention_mask, dropout if module.training else 0.0, bool(causal))
        reason = reason or settings.reason_against_tokens(query.shape[2])
        if reason:
            site.dense_calls[reason] += 1
            return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling,
                                          is_causal=is_causal, **kwargs)
        # No mask, not causal, no dropout: what is left of the arguments is the scale.
        return site.attend(query, key, value, scale=scaling).transpose(1, 2), None

    AttentionInterface.register(name, attend)
    try:
        from transformers import AttentionMaskInterface
        from transformers.masking_utils import sdpa_mask

        AttentionMaskInterface.register(name, sdpa_mask)
    except ImportError:  # before masks had a registry
        pass
    model.set_attn_implementation(name)

    def restore():
        model.set_attn_implementation(before)

    site.restore = restore
    return Replacement([site], [])
