"""What a call of `attention` asks for, checked and with every default filled in. Pure arithmetic, so that a compiler for
tensor programs can trace it with symbolic lengths."""
import functools
import math
import numbers
import warnings
from typing import NamedTuple, Optional, Tuple

# Methods that are LLSA with certain options (docs/spec.md, section 8): levels, enrichment levels, reweighting.
_METHODS = {
    "full": (0, 0, True),
    "topk": (1, 0, True),
    "topk+enrichment": (1, 1, False),
    "topk+enrichment+reweighting": (1, 1, True),
}
METHODS = ("llsa", *_METHODS)
MOST_LEVELS = 62


class DenseAttentionWarning(UserWarning):
    """`levels="auto"` found that dense attention is what to compute. Said once for each reason."""


_said = set()


class Plan(NamedTuple):
    """Options of one call, complete: `top_k` has one number for each level; `scale` None is 1/sqrt(D)."""

    block_size: int
    levels: int
    top_k: Tuple[int, ...]
    enrichment_levels: int
    reweight: bool
    disjoint: bool
    scale: Optional[float]


def dense(scale):
    """The plan of dense attention."""
    return Plan(16, 0, (), 0, True, False, scale)


def level_length(tokens, block_size, level):
    """T_l (section 2)."""
    for _ in range(level):
        tokens = (tokens + block_size - 1) // block_size
    return tokens


def automatic_levels(key_tokens, block_size):
    """The most levels whose coarsest still has 64 key tokens (section 1)."""
    levels = 0
    length = (key_tokens + block_size - 1) // block_size
    while length >= 64:
        levels += 1
        length = (length + block_size - 1) // block_size
    return levels


def keys_per_query(plan, key_tokens):
    """The most keys a query attends to under a plan (section 4)."""
    if plan.levels == 0:
        return key_tokens
    block, keys = plan.block_size, plan.block_size * plan.top_k[0]
    for level in range(1, plan.enrichment_levels + 1):
        top = level == plan.levels
        keys += level_length(key_tokens, block, level) if top else block * plan.top_k[level]
    return keys


def make_plan(
    key_tokens,
    *,
    levels="auto",
    top_k=8,
    block_size=16,
    enrichment_levels=None,
    reweight=True,
    coverage="overlapping",
    scale=None,
    method="llsa",
    quiet=False,
):
    """Checks the options of `attention` against a number of key tokens. Raises `ValueError` (or `TypeError`) that names
    the argument, its value and what is allowed."""
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    _whole("block_size", block_size, 2)
    if coverage not in ("overlapping", "disjoint"):
        raise ValueError(f"coverage is {coverage!r}; it must be 'overlapping' or 'disjoint'")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, numbers.Real)):
        raise TypeError(f"scale is {scale!r}; it must be a number or None")
    if scale is not None and not math.isfinite(scale):
        raise ValueError(f"scale is {scale!r}; it must be finite")
    if method in _METHODS:
        levels, enrichment_levels, reweight = _METHODS[method]
        top_k = top_k if isinstance(top_k, int) else list(top_k)[:1]
    automatic = levels == "auto" or levels is None
    if automatic:
        levels = automatic_levels(key_tokens, block_size)
    else:
        _whole("levels", levels, 0, MOST_LEVELS)
    top_k = _top_k(top_k, levels, automatic)
    if enrichment_levels is None:
        enrichment_levels = levels
    elif automatic and levels == 0:
        enrichment_levels = 0
    else:
        _whole("enrichment_levels", enrichment_levels, 0, levels)
    plan = Plan(
        block_size, levels, top_k, enrichment_levels, bool(reweight), coverage == "disjoint",
        None if scale is None else float(scale),
    )
    if automatic and method == "llsa":
        reason = None
        if levels == 0:
            reason = "fewer tokens than a coarse level needs (64 blocks)"
        elif keys_per_query(plan, key_tokens) >= key_tokens:
            reason = "these options attend to as many keys as there are"
            plan = dense(plan.scale)
        if reason and not quiet and reason not in _said:
            _said.add(reason)
            warnings.warn(f"pyllsa computes dense attention: {reason}", DenseAttentionWarning, stacklevel=4)
    return plan


_remembered = functools.lru_cache(maxsize=256, typed=True)(make_plan)


def remembered_plan(key_tokens, **options):
    """`make_plan`, which a training loop asks for the same again and again."""
    if isinstance(options["top_k"], list):
        options["top_k"] = tuple(options["top_k"])
    try:
        return _remembered(key_tokens, **options)
    except TypeError:  # something that has no hash, or a wrong type: let it be named
        return make_plan(key_tokens, **options)


def _whole(name, value, least, most=None):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}; it must be a whole number")
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {value}; it must be {allowed}")


def _top_k(top_k, levels, automatic):
    numbers_given = [top_k] if isinstance(top_k, numbers.Integral) else list(top_k)
    for value in numbers_given:
        _whole("top_k", value, 1)
    if len(numbers_given) == 1:
        return tuple(numbers_given * levels)
    if levels > 0 and len(numbers_given) != levels:
        found = " (levels='auto')" if automatic else ""
        raise ValueError(
            f"top_k has {len(numbers_given)} numbers for {levels} levels{found}; give one number, or one for each level "
            "with level 1 first"
        )
    return tuple(numbers_given[:levels])


# --- the flat buffer of all lists (binding/lists.hpp) ---------------------------------------------------------------


def list_rows(plan, query_tokens, sequences, level):
    """Rows that level `level` takes for each head."""
    if sequences == 0:
        return level_length(query_tokens, plan.block_size, level)
    return query_tokens // plan.block_size**level + sequences


def list_width(plan, key_tokens, level, smallest=min):
    return smallest(plan.top_k[level - 1], level_length(key_tokens, plan.block_size, level))


def lists_size(plan, heads, query_tokens, key_tokens, sequences, smallest=min):
    """Numbers in the buffer, for `heads` of all batch entries together."""
    return sum(
        heads * list_rows(plan, query_tokens, sequences, level) * list_width(plan, key_tokens, level, smallest)
        for level in range(1, plan.levels + 1)
    )


def split_lists(flat, plan, batch, heads, query_tokens, key_tokens, sequences):
    """The buffer as one `[batch, heads, T_l, K_l]` array a level, level 1 first."""
    levels, begin = [], 0
    for level in range(1, plan.levels + 1):
        rows, width = list_rows(plan, query_tokens, sequences, level), list_width(plan, key_tokens, level)
        size = batch * heads * rows * width
        levels.append(flat[begin : begin + size].reshape(batch, heads, rows, width))
        begin += size
    return levels
