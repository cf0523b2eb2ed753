"""The tools of `llsa-compare`, from Python: judge a kernel, measure an approximation, choose settings.

They run in double on the CPU and are the program's own code, so that a diagnosis reads the same in both.
"""
import json
from typing import NamedTuple

import numpy as np

from pyllsa import _plan
from pyllsa._arguments import is_torch
from pyllsa._core import core

try:
    from pyllsa import _tools
except ImportError as error:
    _tools, _why = None, error

__all__ = ["verify", "compare", "approximate", "recommend", "Verdict", "Recommendation", "Comparison"]

_NAMES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64"}


def _module():
    if _tools is None:
        raise ImportError(f"pyllsa was built without its tools (PYLLSA_TOOLS), or they cannot be loaded here: {_why}")
    return _tools


def _contiguous(name, x):
    """`(array or tensor that owns the memory, what the extension takes)`."""
    if is_torch(x):
        x = x.detach().cpu().contiguous()
        kind = str(x.dtype).replace("torch.", "")
        address, size = x.data_ptr(), x.numel() * x.element_size()
    else:
        x = np.ascontiguousarray(x)
        kind = x.dtype.name
        address, size = x.ctypes.data, x.nbytes
    if kind not in _NAMES:
        raise TypeError(f"{name} has dtype {kind}; it must be one of {', '.join(_NAMES)}")
    return x, (name, _NAMES[kind], list(x.shape), address, size)


class _Given:
    """Named tensors for the extension; keeps their memory alive."""

    def __init__(self, tensors):
        pairs = [_contiguous(name, x) for name, x in tensors.items() if x is not None]
        self.owners = [owner for owner, _ in pairs]
        self.values = [value for _, value in pairs]

    def coarsest(self):
        order = ("BF16", "F16", "F32", "F64")
        return min((value[1] for value in self.values if value[1] in order), key=order.index)


class Verdict:
    """What `verify` found. True when something was judged and nothing is wrong; `str` is the program's table.

    Attributes:
        right: the verdict.
        text: the table of `llsa-compare verify`, with its diagnosis.
        data: the same as a dictionary (docs/llsa-compare.md): `verdict`, `options`, `tensors`, `notes`.
    """

    def __init__(self, text, data):
        self.text, self.data = text, data
        self.right = data["verdict"] == "right"

    def findings(self, name):
        """What is wrong with tensor `name`: o, lse, indices_1, dq, dk or dv; most telling first."""
        return next((t["findings"] for t in self.data["tensors"] if t["name"] == name), [])

    def __bool__(self):
        return self.right

    def __str__(self):
        return self.text

    __repr__ = __str__


def verify(function, q=None, k=None, v=None, *, grad_output=None, grad_lse=None, backward=True, tolerance=None, seed=0,
           shape=(1, 2, 500, 32), **options):
    """Judges an attention function, forward and autograd, as `llsa-compare verify` judges the outputs of a kernel, and
    says what a wrong one looks like.

    Args:
        function: called with q, k, v `[batch, heads, tokens, dim]`; returns O, or `(O, LSE)`, or a dictionary with any of
            o, lse, indices_1 ..., dq, dk, dv. With torch tensors its gradients are taken by autograd.
        q, k, v: the problem, torch tensors or NumPy arrays; None: random ones of `shape`.
        grad_output, grad_lse: gradients of a loss with respect to O and LSE; None: random, and none.
        backward: judge gradients too, where autograd gives them.
        tolerance: "f16", "bf16", "f32" or "f64": expect no better than this arithmetic; None: the stored types decide.
        seed, shape: of the random problem.
        options: of `pyllsa.attention`: what the function is meant to compute (levels, top_k, block_size,
            enrichment_levels, reweight, coverage, scale, method).

    Returns:
        `Verdict`.

    Raises:
        ValueError: the outputs' shapes do not belong to the problem, or an option is wrong.
    """
    tools = _module()
    if (q is None) != (k is None) or (q is None) != (v is None):
        raise ValueError("q, k and v must be given together")
    if tolerance not in (None, "f16", "bf16", "f32", "f64"):
        raise ValueError(f"tolerance is {tolerance!r}; it must be f16, bf16, f32 or f64")
    torch = _loaded_torch(q)
    if q is None:
        q, k, v = _random(torch, shape, seed)
    plan = _plan.make_plan(int(k.shape[2]), quiet=True, **options)
    problem = {"q": q, "k": k, "v": v}
    outputs = _run(torch, function, problem, grad_output, grad_lse, backward, seed)
    given, theirs = _Given(problem), _Given(outputs)
    text, data = tools.verify(given.values, tuple(plan), theirs.values, given.coarsest(), (tolerance or "").upper(),
                              core.threads())
    return Verdict(text, json.loads(data))


def _loaded_torch(q):
    if q is not None and not is_torch(q):
        return None
    try:
        import torch
    except ImportError:
        return None
    return torch


def _random(torch, shape, seed):
    arrays = np.random.default_rng(seed).standard_normal((3, *shape), dtype=np.float32)
    return list(arrays) if torch is None else [torch.from_numpy(x) for x in arrays]


def _run(torch, function, problem, grad_output, grad_lse, backward, seed):
    """The function's outputs by name; adds the gradients that went in to `problem`."""
    inputs = [problem[name] for name in "qkv"]
    if torch is not None and backward:
        inputs = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
    result = function(*inputs)
    if isinstance(result, dict):
        outputs = dict(result)
    elif isinstance(result, (tuple, list)):
        outputs = dict(zip(("o", "lse"), result))
    else:
        outputs = {"o": result}
    o, lse = outputs.get("o"), outputs.get("lse")
    gradients = any(name in outputs for name in ("dq", "dk", "dv"))
    by_autograd = torch is not None and backward and not gradients and o is not None and o.requires_grad
    if by_autograd or gradients:
        if grad_output is None:
            noise = np.random.default_rng(seed + 1).standard_normal(tuple(o.shape), dtype=np.float32)
            grad_output = noise if torch is None else torch.from_numpy(noise).to(o.dtype)
        problem["grad_output"], problem["grad_lse"] = grad_output, grad_lse
    if by_autograd:
        values, seeds = [o], [grad_output]
        if grad_lse is not None:
            values, seeds = [o, lse], [grad_output, grad_lse]
        found = torch.autograd.grad(values, inputs, seeds, allow_unused=True)
        for name, x, gradient in zip(("dq", "dk", "dv"), inputs, found):
            outputs[name] = torch.zeros_like(x) if gradient is None else gradient
    return outputs


class Comparison(NamedTuple):
    """How far one array is from another; see `compare`."""

    relative_l2: float
    cosine: float
    max_error: float
    worst: tuple
    got: float
    want: float
    nonfinite_differences: int


def compare(got, want):
    """How far `got` is from `want`, arrays or tensors of one shape, computed in double.

    Returns:
        `Comparison`: relative L2 error, cosine, largest `|got - want| / max(|want|, rms(want))`, where that is and the
        two values there, and how many positions are not finite in one but in the other (or differ in kind). Those
        are left out of the numbers.
    """
    got, want = (np.asarray(x.detach().double().cpu() if is_torch(x) else x, np.float64) for x in (got, want))
    if got.shape != want.shape:
        raise ValueError(f"got has shape {got.shape} and want {want.shape}; they must be equal")
    if got.size == 0:
        raise ValueError("got and want are empty")
    finite = np.isfinite(got) & np.isfinite(want)
    same = finite | (np.isnan(got) & np.isnan(want)) | (got == want)
    a, b = np.where(finite, got, 0), np.where(finite, want, 0)
    error = np.abs(a - b)
    norm_a, norm_b = np.linalg.norm(a), np.linalg.norm(b)
    largest = np.maximum(np.abs(b), norm_b / np.sqrt(max(int(finite.sum()), 1)))
    error = np.divide(error, largest, out=np.where(error > 0, np.inf, 0.0), where=largest > 0)
    divide = lambda x, y: float(x / y) if y > 0 else (0.0 if x == 0 else float("inf"))
    worst = np.unravel_index(int(error.argmax()), error.shape)
    return Comparison(
        divide(np.linalg.norm(a - b), norm_b), 1.0 if norm_a == norm_b == 0 else divide((a * b).sum(), norm_a * norm_b),
        float(error.max()), tuple(int(i) for i in worst), float(got[worst]), float(want[worst]),
        int((~same).sum()),
    )


def approximate(q, k, v, configurations=None, *, grid=None, order="raster", queries=1024, scale=None):
    """Measures how near configurations come to dense attention on given tensors.

    Args:
        q, k, v: `[batch, heads, tokens, dim]`.
        configurations: dictionaries of `pyllsa.attention`'s options (and `order`); None: top_k 4, 8, 16 and 32 under both
            coverages, and the top-K methods.
        grid, order: how the given tokens lie on a picture: then a configuration's `order` may differ.
        queries: judge this many, spread evenly; 0: all.

    Returns:
        A list of dictionaries, one for each configuration: `method`, the options, `keys_per_query`, `relative_l2` and
        `cosine` against dense attention, `mass` (share of the dense weights on the fine keys selected), `seconds`.
    """
    tools = _module()
    if configurations is None:
        configurations = [{"top_k": n, "coverage": c} for c in ("overlapping", "disjoint") for n in (4, 8, 16, 32)]
        configurations += [{"method": m, "top_k": n} for m in ("topk", "topk+enrichment+reweighting") for n in (8, 20, 32)]
    rows = []
    for each in configurations:
        each = dict(each)
        name = each.pop("order", "")
        if name and grid is None:
            raise ValueError(f"order is {name!r}; another token order needs the grid")
        plan = _plan.make_plan(int(k.shape[2]), quiet=True, **{"scale": scale, **each})
        rows.append((each.get("method", "llsa"), tuple(plan), name))
    given = _Given({"q": q, "k": k, "v": v})
    return json.loads(tools.approximate(given.values, list(grid or ()), order, scale, rows, queries, core.threads()))


class Recommendation:
    """What `recommend` advises; `str` is the text of `llsa-compare recommend`.

    Attributes:
        options: for `pyllsa.attention(q, k, v, **options)`; `{"levels": 0}` where dense attention is advised.
        text, data: the whole answer.
    """

    def __init__(self, text, data, options):
        self.text, self.data, self.options = text, data, options

    def __str__(self):
        return self.text

    __repr__ = __str__


def recommend(tokens=None, head_dim=64, *, heads=1, max_error=None, time_budget=None, q=None, k=None, v=None):
    """Which options to use for a length, with the error and time to expect, and why.

    Args:
        tokens, head_dim, heads: the attention; taken from `q`, `k`, `v` where these are given, whose errors are then
            measured instead of expected.
        max_error: largest relative L2 error against dense attention (None: 0.1, unless a time is given).
        time_budget: seconds that one forward pass over all heads may take on this machine.

    Returns:
        `Recommendation`.
    """
    tools = _module()
    given = _Given({} if q is None else {"q": q, "k": k, "v": v})
    if q is not None:
        tokens, head_dim, heads = int(q.shape[2]), int(q.shape[3]), int(q.shape[1])
    if tokens is None:
        raise ValueError("tokens must be given, or q, k and v")
    text, data = tools.recommend(tokens, head_dim, heads, max_error, time_budget, given.values, core.threads())
    data = json.loads(data)
    return Recommendation(text, data, _options(data))


def _options(data):
    best = data["front"][data["chosen"]]
    if best["dense"]:
        return {"levels": 0}
    names = ("levels", "top_k", "block_size", "enrichment_levels", "coverage")
    return {name: best[name] for name in names}
