"""What a user passes to `attention`, checked: every error names the argument, its value and what is allowed."""
import numbers

from pyllsa import _numpy, _plan

LAYOUTS = ("bhnd", "bnhd")
ORDERS = ("auto", "raster", "morton", "hilbert")


def is_torch(x):
    return type(x).__module__.partition(".")[0] == "torch" or hasattr(x, "__torch_function__")


def backend_of(*arrays):
    """The side that computes with these: torch's or NumPy's."""
    if any(is_torch(x) for x in arrays):
        from pyllsa import _torch

        return _torch.Backend
    return _numpy.Backend


def _describe(x):
    return "[" + ", ".join(str(n) for n in x.shape) + "]"


def checked(backend, q, k, v, context, tokens_first):
    """All arrays as `[batch, heads, tokens, dim]` that belong together."""
    arrays = [("q", q), ("k", k), ("v", v)]
    if context is not None:
        if not isinstance(context, (tuple, list)) or len(context) != 2:
            raise TypeError("context must be a pair (k, v)")
        extra = context
        if backend is _numpy.Backend:
            extra = [_numpy.as_array("context", x) for x in context]
        arrays += [("context k", extra[0]), ("context v", extra[1])]
    for name, x in arrays:
        if len(x.shape) != 4:
            axes = "[batch, tokens, heads, dim]" if tokens_first else "[batch, heads, tokens, dim]"
            raise ValueError(f"{name} has shape {_describe(x)}; it must be {axes}")
    arrays = backend.check([name for name, _ in arrays], [x for _, x in arrays])
    if tokens_first:
        arrays = [backend.heads_first(x) for x in arrays]
    q, k, v = arrays[:3]
    _check_shapes(q, k, v, "")
    if context is None:
        return q, k, v, None, None
    _check_shapes(q, arrays[3], arrays[4], "context ")
    if arrays[4].shape[3] != v.shape[3]:
        raise ValueError(f"context v has dim {arrays[4].shape[3]} and v {v.shape[3]}; they must be equal")
    return q, k, v, arrays[3], arrays[4]


def _check_shapes(q, k, v, prefix):
    for name, x in (("q", q), (prefix + "k", k), (prefix + "v", v)):
        for axis, extent in zip(("batch", "heads", "tokens", "dim"), x.shape):
            if extent == 0:
                raise ValueError(f"{name} has no {axis}; every extent must be at least 1")
    if k.shape[0] != q.shape[0] or k.shape[3] != q.shape[3]:
        raise ValueError(
            f"{prefix}k has batch {k.shape[0]} and dim {k.shape[3]}, q {q.shape[0]} and {q.shape[3]}; they must be equal"
        )
    if q.shape[1] % k.shape[1] != 0:
        raise ValueError(f"{prefix}k has {k.shape[1]} heads; they must divide q's {q.shape[1]}")
    for axis, name in ((0, "batch"), (1, "heads"), (2, "tokens")):
        if v.shape[axis] != k.shape[axis]:
            raise ValueError(f"{prefix}v has {v.shape[axis]} {name} and {prefix}k {k.shape[axis]}; they must be equal")


def check_prefix(prefix, queries, keys, cu_seqlens):
    if isinstance(prefix, bool) or not isinstance(prefix, numbers.Integral):
        raise TypeError(f"prefix is {prefix!r}; it must be a whole number")
    if prefix < 0 or (prefix and prefix >= queries):
        raise ValueError(f"prefix is {prefix}; it must be 0 or more and less than the {queries} tokens")
    if prefix and queries != keys:
        raise ValueError(f"prefix needs as many query as key tokens; there are {queries} and {keys}")
    if prefix and isinstance(cu_seqlens, tuple):
        raise ValueError("prefix needs one cu_seqlens, for queries and keys alike")


def packing_of(backend, cu_seqlens, queries, keys):
    """`(query offsets, key offsets, sequences)`, or None."""
    if cu_seqlens is None:
        return None
    pair = cu_seqlens if isinstance(cu_seqlens, tuple) and len(cu_seqlens) == 2 else (cu_seqlens, cu_seqlens)
    if any(isinstance(cu, numbers.Integral) for cu in pair):
        pair = (cu_seqlens, cu_seqlens)
    cu_q, cu_k = (backend.offsets("cu_seqlens", cu) for cu in pair)
    if pair[0] is pair[1] and queries != keys:
        raise ValueError(f"cu_seqlens is one list, but there are {queries} query and {keys} key tokens; give a pair")
    if len(cu_q) != len(cu_k) or len(cu_q) < 2:
        raise ValueError(f"cu_seqlens has {len(cu_q)} offsets for queries and {len(cu_k)} for keys; it must have as many, "
                         "and at least 2")
    for cu, tokens in ((cu_q, queries), (cu_k, keys)):
        if isinstance(cu, list) and (cu[0] != 0 or cu[-1] != tokens or any(a > b for a, b in zip(cu, cu[1:]))):
            raise ValueError(f"cu_seqlens is {cu}; it must begin with 0, ascend, and end with the {tokens} tokens")
    return cu_q, cu_k, len(cu_q) - 1


def packed_prefix(prefix, packing):
    return prefix * packing[2] if packing else prefix


def longest_of(packing, keys, levels, method):
    """The number of key tokens that an automatic L follows."""
    if packing is None:
        return keys
    if not isinstance(packing[1], list):
        if levels in ("auto", None) and method == "llsa":
            raise ValueError("levels must be a number when cu_seqlens is a tensor inside a compiled function")
        return keys
    return max(b - a for a, b in zip(packing[1], packing[1][1:]))


def grid_of(grid):
    grid = tuple(grid)
    if len(grid) not in (2, 3) or any(isinstance(n, bool) or not isinstance(n, numbers.Integral) or n < 1 for n in grid):
        raise ValueError(f"grid is {grid}; it must be (H, W) or (T, H, W), each at least 1")
    return tuple(int(n) for n in grid)


def order_name(order, grid):
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}; it must be one of {', '.join(ORDERS)}")
    if order != "auto":
        return order
    height, width = grid[-2:]
    return "morton" if height == width and height & (height - 1) == 0 else "hilbert"


def permutation_of(backend, grid, order, queries, keys, like):
    grid = grid_of(grid)
    tokens = 1
    for extent in grid:
        tokens *= extent
    if queries != tokens or keys != tokens:
        raise ValueError(f"grid {grid} has {tokens} tokens; q has {queries} and k {keys} (behind the prefix)")
    name = order_name(order, grid)
    return None if name == "raster" else backend.order(grid, name, like)


def given_lists(backend, selection, plan, batch, heads, queries, keys, sequences):
    if len(selection) != plan.levels:
        raise ValueError(f"selection has {len(selection)} levels; the options ask for {plan.levels}")
    parts = []
    for level, lists in enumerate(selection, 1):
        rows, width = _plan.list_rows(plan, queries, sequences, level), _plan.list_width(plan, keys, level)
        expected = (batch, heads, rows)
        if len(lists.shape) != 4 or tuple(lists.shape[:3]) != expected or lists.shape[3] > width:
            raise ValueError(f"selection of level {level} has shape {_describe(lists)}; it must be [{batch}, {heads}, {rows}, "
                             f"at most {width}]")
        parts.append(backend.padded(lists, width))
    return backend.flat_lists(parts)
