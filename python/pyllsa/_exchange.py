"""Moves rows of tokens between the ranks of a process group, and counts the bytes."""
import contextlib

import torch
import torch.distributed as dist

_counting = []


class LostRank(RuntimeError):
    """A collective failed: another rank ended, or did not answer within the group's time-out. One line says so."""


class Traffic:
    """Bytes that this rank received from others, by stage.

    Attributes:
        bytes: dictionary, in the order in which the stages first ran.
        total: their sum.
    """

    def __init__(self):
        self.bytes = {}

    @property
    def total(self):
        return sum(self.bytes.values())

    def add(self, stage, count):
        self.bytes[stage] = self.bytes.get(stage, 0) + count

    def __repr__(self):
        return ", ".join(f"{stage} {count:,}" for stage, count in self.bytes.items()) + f"; total {self.total:,} bytes"


@contextlib.contextmanager
def counted():
    """Counts the bytes that this rank receives in `attention` and its gradient, while the block runs:

    `with pyllsa.distributed.counted() as traffic: ...; print(traffic)`
    """
    traffic = Traffic()
    _counting.append(traffic)
    try:
        yield traffic
    finally:
        _counting.remove(traffic)


def _note(stage, count):
    for traffic in _counting:
        traffic.add(stage, count)


class Exchange:
    """The ranks of a group. Tensors are `[rows, tokens, ...]`, one contiguous range of tokens on each rank, given by
    `bounds`: rank r has `[bounds[r], bounds[r + 1])`."""

    def __init__(self, group):
        self.group, self.rank, self.ranks = group, dist.get_rank(group), dist.get_world_size(group)

    def _collective(self, what, *arguments, **named):
        try:
            what(*arguments, group=self.group, **named)
        except (RuntimeError, dist.DistError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise LostRank(f"rank {self.rank} of {self.ranks} lost another rank: {reason}") from None

    def pieces(self, send, sizes, stage):
        """Sends `send[r]` to rank r; returns one flat tensor from each, of `sizes[r]` elements."""
        dtype, width = send[0].dtype, send[0].element_size()
        packed = torch.cat([x.reshape(-1) for x in send]).view(torch.uint8)
        received = torch.empty(sum(sizes) * width, dtype=torch.uint8, device=packed.device)
        self._collective(dist.all_to_all_single, received, packed, [n * width for n in sizes],
                         [x.numel() * width for x in send])
        _note(stage, (sum(sizes) - sizes[self.rank]) * width)
        return received.view(dtype).split(sizes)

    def all_numbers(self, numbers):
        """Everybody's whole numbers, as one list for each rank."""
        mine = torch.tensor(numbers, dtype=torch.int64)
        everybody = [torch.empty_like(mine) for _ in range(self.ranks)]
        self._collective(dist.all_gather, everybody, mine)
        return [x.tolist() for x in everybody]

    def gather(self, x, bounds, stage):
        """All tokens, on every rank. Shards are filled up to the longest while they travel."""
        longest = max(b - a for a, b in zip(bounds, bounds[1:]))
        mine = x.new_zeros((x.shape[0], longest, *x.shape[2:]))
        mine[:, : x.shape[1]] = x
        flat = mine.view(torch.uint8) if mine.numel() else mine
        everybody = [torch.empty_like(flat) for _ in range(self.ranks)]
        self._collective(dist.all_gather, everybody, flat)
        _note(stage, (self.ranks - 1) * mine.numel() * mine.element_size())
        shards = [y.view(x.dtype)[:, : b - a] for y, a, b in zip(everybody, bounds, bounds[1:])]
        return torch.cat(shards, dim=1)

    def reshard(self, x, before, after, stage):
        """The tokens of the ranges `before`, moved to the ranges `after`."""
        return x if before == after else self.bring(x, before, list(zip(after, after[1:])), stage)

    def bring(self, x, before, wanted, stage):
        """Gives every rank the range `wanted[rank]`, which may overlap with others'."""
        me, begin, rest = self.rank, before[self.rank], x.shape[2:]

        def overlap(owner, asking):
            low = max(before[owner], wanted[asking][0])
            return low, max(min(before[owner + 1], wanted[asking][1]), low)

        send = []
        for r in range(self.ranks):
            low, high = overlap(me, r)
            send.append(x[:, low - begin : high - begin])
        ranges = [overlap(r, me) for r in range(self.ranks)]
        row = x.shape[0] * rest.numel()
        parts = self.pieces(send, [(high - low) * row for low, high in ranges], stage)
        return torch.cat([p.view(x.shape[0], high - low, *rest) for p, (low, high) in zip(parts, ranges)], dim=1)


class Shards:
    """Which rank has which tokens. Users give fine tokens to ranks as they like; work is done on whole tokens of every
    level: a token of level l belongs to the rank of its first fine token's block.

    Attributes:
        given: the user's bounds.
        lengths: T_l of every level, T_0 first.
        bounds: of level l at `bounds[l]`, l >= 1.
    """

    def __init__(self, given, block, levels):
        self.given, self.block = given, block
        self.lengths, self.bounds = [given[-1]], [None]
        for _ in range(max(levels, 1)):
            below = self.bounds[-1] or given
            self.bounds.append([-(-b // block) for b in below])
            self.lengths.append(self.bounds[-1][-1])

    def children(self, level):
        """Bounds of level `level` that hold the children of `bounds[level + 1]` together; 0 is fine."""
        return [min(b * self.block, self.lengths[level]) for b in self.bounds[level + 1]]

    def counts(self, level, begin, end):
        """How many fine tokens each token of a level stands for, float64."""
        span = self.block**level
        first = torch.arange(begin, end, dtype=torch.float64) * span
        return torch.clamp(self.lengths[0] - first, max=float(span))


def padded_blocks(x, block):
    """`[rows, tokens, ...]` as `[rows, blocks, block, ...]`, zeros behind a ragged end."""
    missing = -x.shape[1] % block
    if missing:
        x = torch.cat([x, x.new_zeros((x.shape[0], missing, *x.shape[2:]))], dim=1)
    return x.reshape(x.shape[0], x.shape[1] // block, block, *x.shape[2:])


def pooled(exchange, x, shards, levels, stage):
    """The means of this rank's tokens of each level (docs/spec.md, section 2), level 1 first: in double and in the order
    of one process, so that these are its bits. `x` holds the tokens of `shards.children(0)`."""
    means, sums = [], x
    for level in range(1, levels + 1):
        if level > 1:
            sums = exchange.reshard(sums, shards.bounds[level - 1], shards.children(level - 1), stage)
        blocks = padded_blocks(sums, shards.block)
        sums = torch.zeros((blocks.shape[0], blocks.shape[1], *blocks.shape[3:]), dtype=torch.float64)
        for child in range(shards.block):
            sums += blocks[:, :, child].double()
        counts = shards.counts(level, shards.bounds[level][exchange.rank], shards.bounds[level][exchange.rank + 1])
        accumulate = torch.float64 if x.dtype == torch.float64 else torch.float32
        means.append((sums / counts[:, None]).to(accumulate))
    return means


class Blocks:
    """Blocks of fine tokens that ranks need of one another: everybody knows everybody's lists, so that nobody asks.

    `needed(rank)` gives a mask `[heads, blocks]` of what a rank needs; `bounds` says which blocks a rank has.
    """

    def __init__(self, exchange, needed, bounds):
        self.exchange = exchange
        me = exchange.rank
        mine = slice(bounds[me], bounds[me + 1])
        self.send = [needed(r)[:, mine].nonzero(as_tuple=True) for r in range(exchange.ranks)]
        mask = needed(me)
        self.receive = [mask[:, a:b].nonzero(as_tuple=True) for a, b in zip(bounds, bounds[1:])]
        self.heads = torch.cat([head for head, _ in self.receive])
        self.blocks = torch.cat([block + a for (_, block), a in zip(self.receive, bounds)])
        places = mask.long().cumsum(1) - 1
        self.slots = torch.where(mask, places, -1).to(torch.int32).contiguous()  # neighbours stay neighbours
        self.places = places[self.heads, self.blocks]
        self.most = max(1, int(mask.sum(1).max()))

    def fetch(self, blocks, stage):
        """`[heads, own blocks, block, ...]` -> `[heads, most, block, ...]`, the block of `slots` at its slot."""
        return self.into(blocks.new_zeros((blocks.shape[0], self.most, *blocks.shape[2:])), self.places, blocks, stage)

    def into(self, out, places, blocks, stage):
        """The same, into a tensor that is there, at these places."""
        rest = blocks.shape[2:]
        parts = self.exchange.pieces([blocks[at] for at in self.send],
                                     [head.numel() * rest.numel() for head, _ in self.receive], stage)
        out[self.heads, places] = torch.cat([p.view(-1, *rest) for p in parts])
        return out
