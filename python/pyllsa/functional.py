"""`attention` and what goes with it: `merge` and `order`."""
from pyllsa import _arguments, _numpy, _plan

_observers = []  # called with q, k, v as selection sees them, plan and (grid, order); see `capture`


def attention(
    q,
    k,
    v,
    *,
    grid=None,
    order="auto",
    levels="auto",
    top_k=8,
    block_size=16,
    enrichment_levels=None,
    reweight=True,
    coverage="overlapping",
    scale=None,
    layout="bhnd",
    cu_seqlens=None,
    context=None,
    prefix=0,
    method="llsa",
    return_lse=False,
    selection=None,
    return_selection=False,
):
    """Log-linear Sparse Attention (docs/spec.md): for every query, the tokens of the `top_k` best key blocks, found from
    coarse to fine, and the means of what is farther away.

    Takes what `scaled_dot_product_attention` takes: torch tensors (float32, float64, float16, bfloat16; differentiable
    in `q`, `k`, `v` and `context`, through the output and the LSE), or NumPy and other DLPack arrays (no gradient).
    Any strides, no copies. The same bits for any number of threads, eager or compiled.

    Args:
        q: `[batch, heads, tokens, dim]`, or `[batch, tokens, heads, dim]` with `layout="bnhd"`.
        k: `[batch, key heads, key tokens, dim]`; the key heads divide the heads (query head h reads h // group).
        v: `[batch, key heads, key tokens, value dim]`.
        grid: `(H, W)` or `(T, H, W)`: tokens lie on this grid in raster order and are permuted here and back. A model
            saves the permutations by applying `order` once, before its first layer and after its last.
        order: with `grid`: "morton", "hilbert", "raster", or "auto" (morton where all extents but T are the same power
            of two, else hilbert).
        levels: coarse levels L, 0 is dense; "auto" or None: the most that leave 64 coarse key tokens.
        top_k: key blocks selected at each level: one number, or L of them with level 1 first.
        block_size: tokens in a block, at least 2.
        enrichment_levels: levels whose coarse keys are attended to, 0 to L (None: L).
        reweight: coarse keys count as many times as they stand for tokens.
        coverage: "overlapping" (the paper's), or "disjoint": a refined coarse key is dropped.
        scale: factor of the scores; None is `dim ** -0.5`.
        layout: "bhnd" or "bnhd", of every tensor and of the output.
        cu_seqlens: offsets `[0, ..., tokens]` of sequences packed along the token axis, each a problem of its own: a
            list or an integer tensor, or a pair of them for queries and keys. Not together with `grid`.
        context: `(k, v)`, further keys that every query attends to one by one; neither pooled nor selected.
        prefix: the first tokens of `q`, `k` and `v` (of each sequence) are context for all others, and attend densely
            themselves. `grid` then describes the tokens behind them.
        method: "llsa", "full", "topk", "topk+enrichment" or "topk+enrichment+reweighting".
        return_lse: also return the natural log of the sum of weights, `[batch, heads, tokens]` (or `[batch, tokens,
            heads]`), float32 (float64 for float64).
        selection: lists to use instead of selecting, as `return_selection` gives them.
        return_selection: also return, for each level, the selected key tokens `[batch, heads, T_l, K_l]`, int32, best
            first, -1 where there are fewer; packed sequences follow one another.

    Returns:
        The output, shaped like `q` with the value dim; with it the LSE and the selection if they were asked for.

    Raises:
        ValueError, TypeError: an argument is wrong; the message names it, its value and what is allowed.
    """
    backend = _arguments.backend_of(q, k, v)
    if layout not in _arguments.LAYOUTS:
        raise ValueError(f"layout is {layout!r}; it must be one of {', '.join(_arguments.LAYOUTS)}")
    if backend is _numpy.Backend:
        q, k, v = _numpy.as_array("q", q), _numpy.as_array("k", k), _numpy.as_array("v", v)
    tokens_first = layout == "bnhd"
    q, k, v, context_k, context_v = _arguments.checked(backend, q, k, v, context, tokens_first)
    batch, heads, queries, _ = backend.sizes(q)
    keys = backend.sizes(k)[2]
    _arguments.check_prefix(prefix, queries, keys, cu_seqlens)
    packing = _arguments.packing_of(backend, cu_seqlens, queries, keys)
    if cu_seqlens is not None and grid is not None:
        raise ValueError("grid cannot be given together with cu_seqlens: order each sequence's tokens before packing")
    longest = _arguments.longest_of(packing, keys, levels, method)
    make_plan = _plan.make_plan if backend.compiling() else _plan.remembered_plan
    plan = make_plan(
        longest - prefix, levels=levels, top_k=top_k, block_size=block_size, enrichment_levels=enrichment_levels,
        reweight=reweight, coverage=coverage, scale=scale, method=method, quiet=backend.compiling(),
    )

    permutation = None
    if grid is not None:
        permutation = _arguments.permutation_of(backend, grid, order, queries - prefix, keys - prefix, q)
    elif order not in ("auto", "raster"):
        raise ValueError(f"order is {order!r} but grid is not given; a {order} order needs the grid's extents")

    # The tokens that take part in selection: those behind the prefix.
    left = queries - _arguments.packed_prefix(prefix, packing), keys - _arguments.packed_prefix(prefix, packing)
    sequences = packing[2] if packing else 0
    given = None
    if selection is not None:
        given = _arguments.given_lists(backend, selection, plan, batch, heads, *left, sequences)
    run = _Run(backend, plan, tokens_first, given, permutation)
    if permutation is not None:
        extents = _arguments.grid_of(grid)
        run.placed = extents, _arguments.order_name(order, extents)
    if prefix:
        o, lse, lists = run.with_prefix(q, k, v, prefix, packing)
    else:
        o, lse, lists = run.sparse(q, k, v, packing)
    if context is not None:
        o, lse = backend.merge(o, lse, *run.dense(q, context_k, context_v))
    if tokens_first:
        o, lse = backend.heads_first(o), backend.lse_tokens_first(lse)
    results = [o]
    if return_lse:
        results.append(lse)
    if return_selection:
        flat = lists if given is None else given
        results.append(_plan.split_lists(flat, plan, batch, heads, *left, sequences))
    return results[0] if len(results) == 1 else tuple(results)


def merge(o_a, lse_a, o_b, lse_b):
    """Attention over the union of two disjoint key sets, from the attentions over each (docs/spec.md, section 11).

    Args:
        o_a, o_b: outputs `[..., dim]`.
        lse_a, lse_b: their LSE, natural log, `[...]`.

    Returns:
        `(o, lse)` of one softmax over the union, differentiable in all four. `o` has the type of `o_a`; sums are in the
        type of the LSE. A side without keys has an LSE of -inf.
    """
    for name, o, lse in (("lse_a", o_a, lse_a), ("lse_b", o_b, lse_b)):
        if tuple(o.shape[:-1]) != tuple(lse.shape):
            raise ValueError(f"{name} has shape {tuple(lse.shape)}; its output's is {tuple(o.shape)} without the last")
    if tuple(o_a.shape) != tuple(o_b.shape):
        raise ValueError(f"o_b has shape {tuple(o_b.shape)} and o_a {tuple(o_a.shape)}; they must be equal")
    return _arguments.backend_of(o_a, o_b).merge(o_a, lse_a, o_b, lse_b)


class Order:
    """A token order over a grid: `apply` puts raster tokens in order, `undo` puts them back. See `order`."""

    def __init__(self, grid, name):
        self.grid, self.name = tuple(grid), name
        to_raster, from_raster = _numpy.Backend.order(self.grid, name, None)
        self.to_raster, self.from_raster = to_raster, from_raster

    def __repr__(self):
        return f"pyllsa.order({self.grid}, {self.name!r})"

    def apply(self, x, dim=1):
        """The tokens of `x` along axis `dim`, in this order."""
        return self._take(x, dim, 0)

    def undo(self, x, dim=1):
        """The tokens of `x` along axis `dim`, back in raster order."""
        return self._take(x, dim, 1)

    def _take(self, x, dim, which):
        if x.shape[dim] != self.to_raster.size:
            raise ValueError(f"x has {x.shape[dim]} tokens along axis {dim}; grid {self.grid} has {self.to_raster.size}")
        if _arguments.is_torch(x):
            return x.index_select(dim, _arguments.backend_of(x).order(self.grid, self.name, x)[which])
        return _numpy.np.take(x, (self.to_raster, self.from_raster)[which], axis=dim)


def order(grid, order="auto"):
    """The token order of a grid `(H, W)` or `(T, H, W)` (docs/spec.md, section 7), to permute a model's tokens once,
    before its first layer and back after its last.

    Args:
        grid: extents, each at least 1; time slowest.
        order: "morton", "hilbert", "raster", or "auto" as in `attention`.

    Returns:
        `Order`, with `apply(x, dim=1)`, `undo(x, dim=1)` and the index arrays `to_raster` and `from_raster`.
    """
    grid = _arguments.grid_of(grid)
    return Order(grid, _arguments.order_name(order, grid))


# --- below: one call, step by step ----------------------------------------------------------------------------------


class _Run:
    """One problem: the pieces of `attention`, all in `[batch, heads, tokens, dim]`."""

    def __init__(self, backend, plan, tokens_first, given, permutation):
        self.backend, self.plan, self.tokens_first = backend, plan, tokens_first
        self.given, self.permutation = given, permutation
        self.placed = None

    def sparse(self, q, k, v, packing):
        backend = self.backend
        if self.permutation is not None:
            forth, back = self.permutation
            q, k, v = backend.take(q, forth), backend.take(k, forth), backend.take(v, forth)
        for observe in _observers:
            observe(q, k, v, self.plan, self.placed)
        o, lse, lists = backend.attend(q, k, v, self.plan, packing and packing[:2], self.given, self.tokens_first)
        if self.permutation is not None:
            o = backend.take(o, back)
            lse = backend.take(lse[..., None], back)[..., 0]
        return o, lse, lists

    def dense(self, q, k, v, packing=None):
        plan = _plan.dense(self.plan.scale)
        return self.backend.attend(q, k, v, plan, packing, None, self.tokens_first)[:2]

    def with_prefix(self, q, k, v, prefix, packing):
        """The first `prefix` tokens attend to all; the others to the prefix and, sparsely, to one another."""
        if packing:
            return self.with_packed_prefix(q, k, v, prefix, packing)
        rest = self.sparse(q[:, :, prefix:], k[:, :, prefix:], v[:, :, prefix:], None)
        near = self.dense(q[:, :, prefix:], k[:, :, :prefix], v[:, :, :prefix])
        o, lse = self.backend.merge(rest[0], rest[1], *near)
        first_o, first_lse = self.dense(q[:, :, :prefix], k, v)
        lse = self.backend.cat([first_lse[..., None], lse[..., None]])[..., 0]
        return self.backend.cat([first_o, o]), lse, rest[2]

    def with_packed_prefix(self, q, k, v, prefix, packing):
        backend, (cu, _, _) = self.backend, packing
        cu = cu if isinstance(cu, list) else cu.tolist()
        first, rest, cu_rest = [], [], [0]
        for begin, end in zip(cu, cu[1:]):
            if end - begin <= prefix:
                raise ValueError(f"prefix is {prefix}; every sequence must have more tokens, but one has {end - begin}")
            first += range(begin, begin + prefix)
            rest += range(begin + prefix, end)
            cu_rest.append(len(rest))
        cu_first = [prefix * s for s in range(len(cu))]
        at_first, at_rest = backend.token_index(first, q), backend.token_index(rest, q)
        q_first, k_first, v_first = (backend.take(x, at_first) for x in (q, k, v))
        q_rest, k_rest, v_rest = (backend.take(x, at_rest) for x in (q, k, v))
        far = self.sparse(q_rest, k_rest, v_rest, (cu_rest, cu_rest, len(cu) - 1))
        near = self.dense(q_rest, k_first, v_first, (cu_rest, cu_first))
        o, lse = backend.merge(far[0], far[1], *near)
        first_o, first_lse = self.dense(q_first, k, v, (cu_first, cu))
        places = [0] * cu[-1]
        for place, token in enumerate(first + rest):
            places[token] = place
        back = backend.token_index(places, q)
        lse = backend.take(backend.cat([first_lse[..., None], lse[..., None]]), back)[..., 0]
        return backend.take(backend.cat([first_o, o]), back), lse, far[2]
