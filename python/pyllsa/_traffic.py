"""How many bytes a rank receives, computed: what `distributed.counted` counts, for machines that are not here."""
from pyllsa import _plan


def _bounds(tokens, ranks, block, levels):
    """Shards of equal length, as `_exchange.Shards` has them."""
    given = [r * (tokens // ranks) + min(r, tokens % ranks) for r in range(ranks + 1)]
    bounds, lengths = [given], [tokens]
    for _ in range(max(levels, 1)):
        bounds.append([-(-b // block) for b in bounds[-1]])
        lengths.append(bounds[-1][-1])
    return bounds, lengths


def _gathered(bounds, bytes_each):
    """An all-gather, filled up to the longest shard."""
    return (len(bounds) - 2) * max(b - a for a, b in zip(bounds, bounds[1:])) * bytes_each


def most_bytes(tokens, ranks, *, head_dim=64, element_size=2, backward=True, **options):
    """The bytes that a rank receives at most, in the mean over ranks, for one head of self-attention over equal shards of
    whole blocks: `{stage: bytes}`. How many key blocks are fetched depends on the data: at most, every list names other
    blocks, and all of them are on other ranks.

    Args:
        tokens, ranks: of the whole sequence; of the group.
        head_dim: of queries, keys and values.
        element_size: bytes of an element of q, k and v.
        backward: count the gradient, too.
        options: of `attention`.
    """
    plan = _plan.make_plan(tokens, quiet=True, **options)
    block, levels = plan.block_size, plan.levels
    bounds, lengths = _bounds(tokens, ranks, block, levels)
    accumulate = 8 if element_size == 8 else 4
    own_blocks, blocks = lengths[1] / ranks, lengths[1]
    stages = {"coarse": 0, "lists": 0, "keys": 0}
    row = 2 * head_dim * accumulate  # a coarse key and its value
    for level in range(1, levels + 1):
        stages["lists"] += _gathered(bounds[level], 4 * _plan.list_width(plan, tokens, level))
        # Where a token begins on one rank and ends on another: its children, as sums in double (q, k, v) and as means.
        stages["coarse"] += head_dim * accumulate + (block - 1) * (3 * head_dim * 8 + row) if level > 1 else 0
        if level == levels:
            stages["coarse"] += _gathered(bounds[level], row)
        else:
            asked = (own_blocks / block**level + 1) * plan.top_k[level]
            stages["coarse"] += int(min(asked, lengths[level + 1]) * block * row)
    fetched = min(plan.top_k[0] * own_blocks, blocks - own_blocks) if levels else blocks - own_blocks
    stages["keys"] = int(fetched * block * 2 * head_dim * element_size)
    if not backward:
        return stages
    row = 2 * head_dim * element_size + 2 * accumulate  # q, dO, LSE and delta
    times = sum(plan.top_k[level] for level in range(plan.enrichment_levels + 1) if level < levels)
    sent = min(times, ranks - 1) * own_blocks * block * row
    stages["queries"], stages["sums"] = 0, 0
    if plan.enrichment_levels == levels:
        segments = -(-tokens // 8192)
        if tokens / ranks % 8192:  # a segment's queries meet on one rank
            sent += min(tokens / ranks, 8192) * row
        stages["sums"] += int(segments * lengths[levels] / ranks * 2 * head_dim * accumulate)
    for level in range(1, min(plan.enrichment_levels, levels) + 1):
        stages["sums"] += (block - 1) * 2 * head_dim * accumulate
    stages["queries"] = int(sent)
    return stages


def ring_bytes(tokens, ranks, *, head_dim=64, element_size=2, backward=True):
    """Ring attention's: all keys and values pass every rank; in the gradient once more, with dK and dV in float32."""
    forward = tokens * (ranks - 1) // ranks * 2 * head_dim * element_size
    return forward * 2 + tokens * (ranks - 1) // ranks * 2 * head_dim * 4 if backward else forward


def table():
    """The table of docs/python.md, in Markdown."""
    lines = ["| tokens | ranks | forward | ring | less by | with the gradient | ring | less by |",
             "|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for tokens in (65_536, 262_144, 1_048_576, 4_194_304, 16_777_216):
        for ranks in (8, 64, 1024):
            cells = [f"{tokens:,}", f"{ranks:,}"]
            for backward in (False, True):
                ours = sum(most_bytes(tokens, ranks, backward=backward).values())
                ring = ring_bytes(tokens, ranks, backward=backward)
                cells += [f"{ours / 1e6:,.1f}", f"{ring / 1e6:,.1f}", f"{ring / ours:.1f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
