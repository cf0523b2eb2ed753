"""`pyllsa.show`: what one query attends to, as a picture for a notebook or a file. NumPy alone."""
import base64
import html
import struct
import zlib

import numpy as np

from pyllsa import _arguments, _plan, functional

_LEVELS = [(214, 69, 65), (242, 157, 75), (247, 212, 124), (155, 199, 177), (110, 146, 189), (120, 110, 160)]
_UNSEEN = (238, 238, 238)
_HEAT = [(13, 8, 60), (92, 22, 110), (165, 44, 96), (222, 90, 52), (250, 160, 40), (252, 250, 190)]


class Picture:
    """A picture: shown by notebooks; `svg` is its text, `save` writes `.svg` or `.png` (without the words).

    Attributes:
        weights: `[H, W]`, the share of each token in the query's output; a coarse key's weight is spread over its tokens.
        dense: `[H, W]`, the same under dense attention.
        levels: `[H, W]`, the finest level at which the query sees each token: 0 is one by one; -1 not at all.
    """

    def __init__(self, panels, weights, dense, levels):
        self._panels, self.weights, self.dense, self.levels = panels, weights, dense, levels

    @property
    def svg(self):
        size, gap, parts = 300, 20, []
        for i, (title, pixels) in enumerate(self._panels):
            x = gap + i * (size + gap)
            height = round(size * pixels.shape[0] / pixels.shape[1])
            data = base64.b64encode(_png(pixels)).decode()
            parts.append(f'<text x="{x}" y="22" font-family="sans-serif" font-size="13">{html.escape(title)}</text>'
                         f'<image x="{x}" y="34" width="{size}" height="{height}" preserveAspectRatio="none" '
                         f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>')
        width = gap + len(self._panels) * (size + gap)
        height = 54 + max(round(size * p.shape[0] / p.shape[1]) for _, p in self._panels)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>')

    def _repr_svg_(self):
        return self.svg

    def save(self, path):
        """Writes the picture. Raises `ValueError` for an ending other than `.svg` and `.png`."""
        path = str(path)
        if path.endswith(".svg"):
            data = self.svg.encode()
        elif path.endswith(".png"):
            side = max(1, 256 // self._panels[0][1].shape[1])
            data = _png(np.concatenate([np.kron(p, np.ones((side, side, 1), np.uint8)) for _, p in self._panels], 1))
        else:
            raise ValueError(f"path is {path!r}; it must end in .svg or .png")
        with open(path, "wb") as file:
            file.write(data)


def _png(pixels):
    """8-bit RGB `[H, W, 3]` as a PNG file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def show(q, k, v, grid, *, query=None, batch=0, head=0, order="auto", layout="bhnd", **options):
    """Draws what one query attends to: the level at which it sees every token, the weights that it really gives, and
    those of dense attention.

    Args:
        q, k, v: as for `pyllsa.attention`, of tokens in raster order on `grid`.
        grid: `(H, W)`.
        query: `(row, column)`, or a raster index; None: the middle.
        batch, head: which.
        order, layout, options: as for `pyllsa.attention`.

    Returns:
        `Picture`.

    Raises:
        ValueError: an argument is wrong; the message names it.
    """
    grid = _arguments.grid_of(grid)
    if len(grid) != 2:
        raise ValueError(f"grid is {grid}; show draws pictures, (H, W)")
    q, k, v = (_head(name, x, layout, batch, head) for name, x in (("q", q), ("k", k), ("v", v)))
    if len(q) != grid[0] * grid[1] or len(k) != len(q):
        raise ValueError(f"grid {grid} has {grid[0] * grid[1]} tokens; q has {len(q)} and k {len(k)}")
    at = _index(query, grid)
    arranged = functional.order(grid, order)
    q, k, v = (x[arranged.to_raster] for x in (q, k, v))
    i = int(arranged.from_raster[at])
    plan = _plan.make_plan(len(k), quiet=True, **options)
    lists = []
    if plan.levels:
        lists = functional.attention(*(x[None, None] for x in (q, k, v)), return_selection=True, **options)[1]
    weights, levels = _weights(q, k, plan, [x[0, 0] for x in lists], i)
    dense, _ = _weights(q, k, _plan.dense(plan.scale), [], i)
    weights, levels, dense = (x[arranged.from_raster].reshape(grid) for x in (weights, levels, dense))
    shades = np.array([*_LEVELS, _UNSEEN], np.uint8)[np.where(levels < 0, -1, np.minimum(levels, len(_LEVELS) - 1))]
    shades[at // grid[1], at % grid[1]] = 0
    top = max(weights.max(), dense.max())
    panels = [("level at which each token is seen (red: one by one)", shades), ("weights, log scale", _heat(weights, top)),
              ("dense attention", _heat(dense, top))]
    return Picture(panels, weights, dense, levels)


def _head(name, x, layout, batch, head):
    if _arguments.is_torch(x):
        x = x.detach().cpu().double().numpy()
    if layout == "bnhd":
        x = x.transpose(0, 2, 1, 3)
    if not (0 <= batch < x.shape[0] and 0 <= head):
        raise ValueError(f"batch {batch}, head {head} is not in {name} of shape {x.shape}")
    return np.asarray(x[batch, min(head, x.shape[1] - 1) if name != "q" else head], np.float64)


def _index(query, grid):
    height, width = grid
    if query is None:
        return height // 2 * width + width // 2
    row, column = divmod(query, width) if isinstance(query, (int, np.integer)) else query
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"query is {query}; it must lie on the grid {grid}")
    return int(row) * width + int(column)


def _weights(q, k, plan, lists, i):
    """`(share of each fine token, finest level)` for query `i`, straight from section 4 of the specification."""
    block, tokens = plan.block_size, len(k)
    keys = []  # level, first fine token, last
    span = lambda level, t: (level, t * block**level, min((t + 1) * block**level, tokens))
    chosen = [[int(c) for c in level[i // block ** (l + 1)] if c >= 0] for l, level in enumerate(lists)]
    children = lambda level, c: range(c * block, min((c + 1) * block, _plan.level_length(tokens, block, level - 1)))
    if plan.levels == 0:
        keys = [span(0, t) for t in range(tokens)]
    else:
        keys = [span(0, t) for c in chosen[0] for t in children(1, c)]
    for level in range(1, plan.enrichment_levels + 1):
        if level == plan.levels:
            seen = range(_plan.level_length(tokens, block, level))
        else:
            seen = [t for c in chosen[level] for t in children(level + 1, c)]
        keys += [span(level, t) for t in seen if not (plan.disjoint and t in chosen[level - 1])]
    sums = np.concatenate([np.zeros((1, k.shape[1])), np.cumsum(k, 0)])
    first, last = np.array([a for _, a, _ in keys]), np.array([b for _, _, b in keys])
    counts = last - first
    scale = q.shape[1] ** -0.5 if plan.scale is None else plan.scale
    scores = scale * ((sums[last] - sums[first]) / counts[:, None]) @ q[i]
    if plan.reweight:
        scores = scores + np.log(counts)
    p = np.exp(scores - scores.max())
    p /= p.sum()
    weights, levels = np.zeros(tokens), np.full(tokens, -1)
    for (level, a, b), share in sorted(zip(keys, p), key=lambda each: -each[0][0]):
        weights[a:b] += share / (b - a)
        levels[a:b] = level
    return weights, levels


def _heat(weights, top):
    """Colours of a log scale over three decades below `top`."""
    place = np.clip(1 + np.log10(np.maximum(weights, 1e-300) / top) / 3, 0, 1) * (len(_HEAT) - 1)
    low = np.minimum(place.astype(int), len(_HEAT) - 2)
    colours = np.array(_HEAT, float)
    share = (place - low)[..., None]
    return (colours[low] * (1 - share) + colours[low + 1] * share + 0.5).astype(np.uint8)
