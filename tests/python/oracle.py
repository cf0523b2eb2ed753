"""Attention written out from docs/spec.md in NumPy and float64, one query at a time. Shares nothing with the package."""
import numpy as np


def pooled(x, block, levels):
    """Level 0 to L of one head `[tokens, dim]`: means of the fine tokens."""
    return [np.stack([x[i : i + block**l].mean(0) for i in range(0, len(x), block**l)]) for l in range(levels + 1)]


def children(tokens, block, length):
    return [c for t in tokens for c in range(t * block, min((t + 1) * block, length))]


def select(q_levels, k_levels, block, top_k):
    """Lists per level, level 1 at index 1 (section 3)."""
    levels = len(q_levels) - 1
    lists = [None] * (levels + 1)
    for l in range(levels, 0, -1):
        lists[l] = []
        for t, query in enumerate(q_levels[l]):
            among = range(len(k_levels[l]))
            if l < levels:
                among = children(lists[l + 1][t // block], block, len(k_levels[l]))
            score = {c: float(k_levels[l][c] @ query) for c in among}
            lists[l].append(sorted(score, key=lambda c: (-score[c], c))[: top_k[l - 1]])
    return lists


def head(q, k, v, *, block, levels, top_k, enrichment=None, reweight=True, disjoint=False, scale=None, context=None):
    """`(o, lse, lists)` of one head in float64."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    scale = q.shape[1] ** -0.5 if scale is None else scale
    enrichment = levels if enrichment is None else enrichment
    q_levels, k_levels, v_levels = (pooled(x, block, levels) for x in (q, k, v))
    lists = select(q_levels, k_levels, block, top_k)
    outputs, lses = [], []
    for i in range(len(q)):
        keys = [(0, c, 1) for c in (range(len(k)) if levels == 0 else children(lists[1][i // block], block, len(k)))]
        for l in range(1, enrichment + 1):
            tokens = range(len(k_levels[l]))
            if l < levels:
                tokens = children(lists[l + 1][i // block ** (l + 1)], block, len(k_levels[l]))
            for c in tokens:
                if disjoint and c in lists[l][i // block**l]:
                    continue
                keys.append((l, c, min((c + 1) * block**l, len(k)) - c * block**l if reweight else 1))
        vectors = [k_levels[l][c] for l, c, _ in keys]
        values = [v_levels[l][c] for l, c, _ in keys]
        weights = [w for _, _, w in keys]
        if context is not None:
            vectors += list(np.asarray(context[0], np.float64))
            values += list(np.asarray(context[1], np.float64))
            weights += [1] * len(context[0])
        scores = scale * (np.stack(vectors) @ q[i]) + np.log(weights)
        largest = scores.max()
        p = np.exp(scores - largest)
        outputs.append(p @ np.stack(values) / p.sum())
        lses.append(largest + np.log(p.sum()))
    return np.stack(outputs), np.array(lses), lists


def attention(q, k, v, **options):
    """`(o, lse)` of `[batch, heads, tokens, dim]`; query head h reads key head h // group."""
    group = q.shape[1] // k.shape[1]
    context = options.pop("context", None)
    results = []
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            g = h // group
            extra = None if context is None else (context[0][b, h // (q.shape[1] // context[0].shape[1])],
                                                  context[1][b, h // (q.shape[1] // context[1].shape[1])])
            results.append(head(q[b, h], k[b, g], v[b, g], context=extra, **options))
    o = np.stack([r[0] for r in results]).reshape(*q.shape[:3], v.shape[3])
    lse = np.stack([r[1] for r in results]).reshape(q.shape[:3])
    return o, lse
