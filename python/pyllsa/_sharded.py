"""Sequence-parallel attention, step by step. Every sum runs over the same numbers in the same order as in one process, so
that the results are its bits; docs/python.md says how."""
import torch

from pyllsa import _plan
from pyllsa._core import core
from pyllsa._exchange import Blocks, Shards, padded_blocks, pooled
from pyllsa._torch import _NONE, _TYPES, _accumulate, _array, _lse_array


class Problem:
    """What every rank knows of a call, and the work on this rank's share. Tensors are `[batch * heads, tokens, dim]`."""

    def __init__(self, exchange, plan, shapes, dtype, given_q, given_k):
        self.exchange, self.plan, self.dtype = exchange, plan, dtype
        self.q_shape, self.k_shape, self.v_shape = shapes  # of the whole problem
        self.queries = Shards(given_q, plan.block_size, plan.levels)
        self.keys = Shards(given_k, plan.block_size, plan.levels)
        self.fine_q, self.fine_k = self.queries.children(0), self.keys.children(0)
        self.begin, self.end = self.fine_q[exchange.rank : exchange.rank + 2]
        self.accumulate = _accumulate(dtype)
        self.heads, self.key_heads = (shape[0] * shape[1] for shape in (self.q_shape, self.k_shape))
        self.coarse_k, self.coarse_v, self.lists = [], [], None

    # --- what the extension takes -----------------------------------------------------------------------------------

    def shard(self):
        return (_TYPES[self.dtype], self.plan, (self.q_shape, self.k_shape, self.v_shape), self.lists.data_ptr(),
                *([self.level(level, coarse) for level in range(1, self.plan.levels + 1)]
                  for coarse in (self.coarse_k, self.coarse_v)))

    def level(self, level, coarse):
        x, length = coarse[level - 1], self.keys.lengths[level]
        return (0, 0, 0, 0) if x is None else (x.data_ptr(), 0, length, x.shape[1])

    def split(self, x, heads):
        """`[batch * heads, tokens, dim]` as `[batch, heads, tokens, dim]`."""
        return x.view(self.q_shape[0], heads, *x.shape[1:])

    def arrays(self, q, k, v, o=None, lse=None, queries=None, query_place=None, key_place=(0, 0)):
        """Arrays for the extension; blocks are laid one behind the other."""
        q, k, v = (x.flatten(1, 2) if x.dim() == 4 else x for x in (q, k, v))
        heads, key_heads = self.q_shape[1], self.k_shape[1]
        return (queries or (self.begin, self.end), (
            _array(self.split(q, heads)), _array(self.split(k, key_heads)), _array(self.split(v, key_heads)),
            _NONE if o is None else _array(self.split(o, heads)),
            _NONE if lse is None else _lse_array(lse.view(self.q_shape[0], heads, -1)),
        ), query_place or (self.begin, 0), key_place)

    # --- forward ----------------------------------------------------------------------------------------------------

    def prepare(self, q, k, v):
        """Selects from coarse to fine. The coarsest keys and values go to everybody; of each level below, a rank fetches the
        children of what its queries selected above. The lists of a level go to everybody once they are made."""
        levels, exchange = self.plan.levels, self.exchange
        pooled_q, pooled_k, pooled_v = (pooled(exchange, x, shards, levels, "coarse") for x, shards in (
            (q, self.queries), (k, self.keys), (v, self.keys)))
        size = _plan.lists_size(self.plan, self.heads, self.q_shape[2], self.k_shape[2], 0)
        self.lists = torch.full((size,), -1, dtype=torch.int32)
        self.coarse_k, self.coarse_v = [None] * levels, [None] * levels
        for level in range(levels, 0, -1):
            blocks = self.key_blocks(level) if level < levels else None
            for mine, coarse in ((pooled_k, self.coarse_k), (pooled_v, self.coarse_v)):
                coarse[level - 1] = self.coarse_level(level, mine[level - 1], blocks)
            above = [self.above(rank, level) for rank in range(exchange.ranks)]
            mine = exchange.bring(pooled_q[level - 1], self.queries.bounds[level], above, "coarse").contiguous()
            first, end = above[exchange.rank]
            if end > first:
                core.shard_select(self.shard(), (self.begin, self.end), level,
                                  (mine.data_ptr(), first, end - first, end - first), self.level(level, self.coarse_k))
            self.share_lists(level)

    def above(self, rank, level):
        """The query tokens of a level that stand for queries of a rank, as a range."""
        begin, end = self.queries.bounds[1][rank : rank + 2]
        span = self.plan.block_size ** (level - 1)
        return (begin // span, (end - 1) // span + 1) if end > begin else (0, 0)

    def coarse_level(self, level, mine, blocks):
        """Keys or values of a level, of its full length, with zeros where this rank needs none."""
        exchange, keys = self.exchange, self.keys
        if blocks is None:
            return exchange.gather(mine, keys.bounds[level], "coarse").contiguous()
        own = padded_blocks(exchange.reshard(mine, keys.bounds[level], keys.children(level), "coarse"), keys.block)
        full = own.new_zeros((own.shape[0], keys.lengths[level + 1], *own.shape[2:]))
        begin, end = keys.bounds[level + 1][exchange.rank : exchange.rank + 2]
        full[:, begin:end] = own
        return blocks.into(full, blocks.blocks, own, "coarse").flatten(1, 2)

    def share_lists(self, level):
        bounds = self.queries.bounds[level]
        lists = self.list_levels()[level - 1]
        mine = lists[:, bounds[self.exchange.rank] : bounds[self.exchange.rank + 1]]
        lists.copy_(self.exchange.gather(mine, bounds, "lists"))

    def list_levels(self):
        """The lists as `[batch * heads, T_l, K_l]`, level 1 first."""
        levels = _plan.split_lists(self.lists, self.plan, 1, self.heads, self.q_shape[2], self.k_shape[2], 0)
        return [x[0] for x in levels]

    def key_blocks(self, level=0):
        """The exchange of the keys of a level below what ranks' queries selected at `level + 1`; all of them where there is
        no level."""
        lists = self.list_levels()[level] if self.plan.levels else None
        blocks = self.keys.lengths[level + 1]

        def needed(rank):
            begin, end = self.above(rank, level + 1)
            if lists is None:
                return torch.full((self.key_heads, blocks), end > begin, dtype=torch.bool)
            chosen = lists[:, begin:end].reshape(self.key_heads, -1).long()
            mask = torch.zeros(self.key_heads, blocks + 1, dtype=torch.bool)
            mask.scatter_(1, torch.where(chosen < 0, blocks, chosen), True)
            return mask[:, :blocks]

        return Blocks(self.exchange, needed, self.keys.bounds[level + 1])

    def fetch_keys(self, k, v):
        blocks = self.key_blocks()
        block = self.plan.block_size
        return blocks.fetch(padded_blocks(k, block), "keys"), blocks.fetch(padded_blocks(v, block), "keys"), blocks.slots

    def attend(self, q, keys, values, slots):
        o = q.new_empty((self.heads, self.end - self.begin, self.v_shape[3]))
        lse = torch.empty((self.heads, self.end - self.begin), dtype=self.accumulate)
        if self.end > self.begin:
            core.shard_attend(self.shard(), self.arrays(q, keys, values, o, lse, key_place=(0, slots.data_ptr())))
        return o, lse

    # --- backward ---------------------------------------------------------------------------------------------------

    def query_gradient(self, q, keys, values, slots, o, lse, grad_o, grad_lse):
        """dQ, and `[batch * heads, queries, 2]`: base-2 LSE and delta."""
        dq = torch.empty_like(q)
        lse2, delta = (torch.empty_like(lse) for _ in range(2))
        if self.end > self.begin:
            heads = self.q_shape[1]
            lse_of = lambda x: _NONE if x is None else _lse_array(x.view(self.q_shape[0], heads, -1))
            core.shard_query_gradient(
                self.shard(), self.arrays(q, keys, values, o, lse, key_place=(0, slots.data_ptr())),
                (_array(self.split(grad_o, heads)), lse_of(grad_lse), _array(self.split(dq, heads))), lse2.data_ptr(),
                delta.data_ptr(),
            )
        return dq, torch.stack([lse2, delta], dim=-1)

    def key_levels(self):
        """Levels whose keys only some queries attend to: those of a key are sent to its rank."""
        return [level for level in range(self.plan.enrichment_levels, -1, -1) if level < self.plan.levels]

    def fetch_queries(self, q, grad_o, statistics):
        """The query blocks that attend to a key of this rank, of any of `key_levels`."""
        lists, blocks, span = self.list_levels(), self.queries.lengths[1], self.plan.block_size

        def needed(rank):
            mask = torch.zeros(self.heads, blocks, dtype=torch.bool)
            for level in self.key_levels():
                begin, end = self.keys.bounds[level + 1][rank : rank + 2]
                hit = ((lists[level] >= begin) & (lists[level] < end)).any(-1)
                mask |= hit.repeat_interleave(min(span**level, blocks), dim=1)[:, :blocks]
            return mask

        exchange = Blocks(self.exchange, needed, self.queries.bounds[1])
        fetched = [exchange.fetch(padded_blocks(x, span), "queries") for x in (q, grad_o, statistics)]
        return (*fetched, exchange.slots)

    def rows(self, level, begin, end):
        """Room for dK and dV of tokens of a level."""
        return tuple(torch.empty((self.key_heads, end - begin, shape[3]), dtype=self.accumulate)
                     for shape in (self.k_shape, self.v_shape))

    def key_gradient(self, level, k, v, queries):
        """dK^(level), dV^(level) before unpooling, of the tokens below this rank's tokens of `level + 1`."""
        q, grad_o, statistics, slots = queries
        own = self.keys.bounds[level + 1][self.exchange.rank : self.exchange.rank + 2]
        bounds = self.keys.children(level)[self.exchange.rank : self.exchange.rank + 2]
        dk, dv = self.rows(level, *bounds)
        if own[1] > own[0]:
            core.shard_key_gradient(
                self.shard(), self.arrays(q, k, v, query_place=(0, slots.data_ptr()),
                                          key_place=(self.fine_k[self.exchange.rank], 0)),
                self.gradients(grad_o, statistics, self.split(dk, self.k_shape[1]), self.split(dv, self.k_shape[1])),
                level, own,
            )
        return dk, dv

    def gradients(self, grad_o, statistics, dk, dv):
        grad_o = grad_o.flatten(1, 2) if grad_o.dim() == 4 else grad_o
        lse2, delta = statistics.reshape(-1, 2).t().contiguous()
        self.kept = lse2, delta  # alive while the extension reads them
        return _array(self.split(grad_o, self.q_shape[1])), lse2.data_ptr(), delta.data_ptr(), _array(dk), _array(dv)

    def coarsest_gradient(self, q, grad_o, statistics, keys, values, slots):
        """Of the coarsest level, whose keys every query attends to: sums over segments of queries, made where the queries
        are, added in order where the keys are."""
        exchange, level, rank = self.exchange, self.plan.levels, self.exchange.rank
        span, together = core.shard_segments(self.shard())
        tokens = self.q_shape[2]
        bounds = [min(-(-b // span), -(-tokens // span)) for b in self.fine_q]  # in segments
        fine = [min(b * span, tokens) for b in bounds]
        q, grad_o, statistics = (exchange.reshard(x, self.fine_q, fine, "queries").contiguous()
                                 for x in (q, grad_o, statistics))
        mine, length = bounds[rank + 1] - bounds[rank], self.keys.lengths[level]
        dims = self.k_shape[3], self.v_shape[3]
        sums = [torch.empty((self.heads, mine, length, dim), dtype=self.accumulate) for dim in dims]
        if mine:
            core.shard_segment_gradient(
                self.shard(), self.arrays(q, keys, values, queries=tuple(fine[rank : rank + 2]),
                                          query_place=(fine[rank], 0), key_place=(0, slots.data_ptr())),
                self.gradients(grad_o, statistics, *sums), tuple(bounds[rank : rank + 2]),
            )
        owned = self.keys.bounds[level] if level else self.fine_k
        return tuple(self.added(exchange.pieces(
            [x[:, :, owned[r] : owned[r + 1]] for r in range(exchange.ranks)],
            [self.heads * (b - a) * (owned[rank + 1] - owned[rank]) * dim for a, b in zip(bounds, bounds[1:])], "sums",
        ), bounds, owned[rank + 1] - owned[rank], dim, together) for x, dim in zip(sums, dims))

    def added(self, parts, bounds, own, dim, together):
        """The segments' sums added as one process adds them: query heads of a key head ascending, segments ascending,
        `together` of them first."""
        shaped = [p.view(self.heads, b - a, own, dim) for p, a, b in zip(parts, bounds, bounds[1:])]
        segments = torch.cat(shaped, dim=1).view(self.key_heads, self.heads // self.key_heads * bounds[-1], own, dim)
        total = None
        for first in range(0, segments.shape[1], together):
            part = segments[:, first].clone()
            for each in range(first + 1, min(first + together, segments.shape[1])):
                part += segments[:, each]
            total = part if total is None else total.add_(part)
        return total

    def key_gradients(self, q, k, v, keys, values, slots, grad_o, statistics):
        """dK and dV of this rank's fine keys, `[batch * Hk, keys, dim]`, and their bounds are `fine_k`."""
        exchange, rank, plan = self.exchange, self.exchange.rank, self.plan
        above = None
        if plan.enrichment_levels == plan.levels:
            above = self.coarsest_gradient(q, grad_o, statistics, keys, values, slots)
            if plan.levels == 0:
                return tuple(x.to(self.dtype) for x in above)
            above, level = self.passed_down(above, None, plan.levels, self.keys.bounds[plan.levels]), plan.levels
        queries = self.fetch_queries(q, grad_o, statistics)
        for level in self.key_levels():
            here = self.key_gradient(level, k, v, queries)
            if above is not None:
                before = self.keys.bounds[level + 1] if level + 1 == plan.levels else self.keys.children(level + 1)
                above = tuple(exchange.reshard(x, before, self.keys.bounds[level + 1], "sums") for x in above)
            if level == 0:
                return tuple((x if a is None else x + self.below(a, x)).to(self.dtype)
                             for x, a in zip(here, above or (None, None)))
            above = self.passed_down(here, above, level, self.keys.children(level))
        raise AssertionError("there is always a level 0")

    def below(self, above, here):
        return above.repeat_interleave(self.plan.block_size, dim=1)[:, : here.shape[1]]

    def passed_down(self, here, above, level, bounds):
        """What the tokens of a level hand to each of their fine tokens."""
        rank = self.exchange.rank
        counts = self.keys.counts(level, bounds[rank], bounds[rank + 1]).to(self.accumulate)[:, None]
        rows = [x / counts for x in here]
        return tuple(rows) if above is None else tuple(x + self.below(a, x) for x, a in zip(rows, above))


class SequenceParallel(torch.autograd.Function):
    """Arguments and results are `[batch, heads, this rank's tokens, dim]`."""

    @staticmethod
    def forward(ctx, q, k, v, problem):
        flat = lambda x: x.detach().contiguous().flatten(0, 1)
        exchange = problem.exchange
        q, k, v = (exchange.reshard(flat(x), shards.given, fine, "align").contiguous() for x, shards, fine in (
            (q, problem.queries, problem.fine_q), (k, problem.keys, problem.fine_k), (v, problem.keys, problem.fine_k)))
        problem.prepare(q, k, v)
        keys, values, slots = problem.fetch_keys(k, v)
        o, lse = problem.attend(q, keys, values, slots)
        ctx.problem = problem
        ctx.save_for_backward(q, k, v, keys, values, slots, o, lse)
        ctx.set_materialize_grads(False)
        back = lambda x: exchange.reshard(x, problem.fine_q, problem.queries.given, "align")
        return problem.split(back(o), problem.q_shape[1]).clone(), back(lse).view(*problem.q_shape[:2], -1).clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_o, grad_lse):
        problem, exchange = ctx.problem, ctx.problem.exchange
        q, k, v, keys, values, slots, o, lse = ctx.saved_tensors
        # Whether there is a gradient of the LSE must not depend on the rank: its absence is zeros where others have one.
        given = max(n[0] for n in exchange.all_numbers([grad_lse is not None]))
        aligned = lambda x, like: like.new_zeros(like.shape) if x is None else x
        own_q = problem.queries.given[exchange.rank + 1] - problem.queries.given[exchange.rank]
        there = lambda x: exchange.reshard(x, problem.queries.given, problem.fine_q, "align").contiguous()
        grad_o = there(o.new_zeros((problem.heads, own_q, o.shape[2])) if grad_o is None
                       else grad_o.contiguous().flatten(0, 1))
        if given:
            grad_lse = there(lse.new_zeros((problem.heads, own_q)) if grad_lse is None
                             else grad_lse.contiguous().flatten(0, 1))
        dq, statistics = problem.query_gradient(q, keys, values, slots, o, lse, grad_o, grad_lse)
        dk, dv = problem.key_gradients(q, k, v, keys, values, slots, grad_o, statistics)
        result = []
        for x, fine, shards, heads in ((dq, problem.fine_q, problem.queries, problem.q_shape[1]),
                                       (dk, problem.fine_k, problem.keys, problem.k_shape[1]),
                                       (dv, problem.fine_k, problem.keys, problem.k_shape[1])):
            result.append(problem.split(exchange.reshard(x.contiguous(), fine, shards.given, "align"), heads))
        return (*result, None)
