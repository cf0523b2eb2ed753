"""Attention of NumPy arrays: no gradient, no copies of the inputs, whatever their strides."""
import numpy as np

from pyllsa import _plan
from pyllsa._core import BF16, F16, F32, F64, core

_TYPES = {"float16": F16, "bfloat16": BF16, "float32": F32, "float64": F64}


def as_array(name, x):
    """`x` as a NumPy array that shares its memory: NumPy's own, or anything that speaks DLPack."""
    if not isinstance(x, np.ndarray):
        if not hasattr(x, "__dlpack__"):
            raise TypeError(f"{name} is a {type(x).__name__}; it must be an array (NumPy, DLPack) or a torch tensor")
        x = np.from_dlpack(x)
    if x.dtype.name not in _TYPES or not x.dtype.isnative:
        raise TypeError(f"{name} has dtype {x.dtype}; it must be one of {', '.join(_TYPES)}")
    return x


def _array(x):
    size = x.itemsize
    if any(s % size for s in x.strides) or x.ctypes.data % size:
        raise ValueError("an array's strides and address must be multiples of its element size")
    return x.ctypes.data, x.shape, tuple(s // size for s in x.strides)


class Backend:
    """What `functional` asks of arrays; `_torch.Backend` is its other implementation."""

    @staticmethod
    def sizes(x):
        return x.shape

    @staticmethod
    def heads_first(x):
        return x.transpose(0, 2, 1, 3)

    @staticmethod
    def lse_tokens_first(x):
        return x.transpose(0, 2, 1)

    @staticmethod
    def cat(parts):
        return np.concatenate(parts, axis=2)

    @staticmethod
    def take(x, index):
        return np.take(x, index, axis=2)

    @staticmethod
    def token_index(values, like):
        del like
        return np.asarray(values, dtype=np.int64)

    @staticmethod
    def order(grid, order, like):
        del like
        to_raster = np.asarray(core.token_order(order, list(grid)))
        from_raster = np.empty_like(to_raster)
        from_raster[to_raster] = np.arange(to_raster.size)
        return to_raster, from_raster

    @staticmethod
    def offsets(name, value):
        return np.asarray(value, dtype=np.int64).tolist()

    @staticmethod
    def compiling():
        return False

    @staticmethod
    def check(names, arrays):
        for name, x in zip(names, arrays):
            if x.dtype != arrays[0].dtype:
                raise TypeError(f"{name} has dtype {x.dtype} and q {arrays[0].dtype}; they must be equal")
        return arrays

    @staticmethod
    def flat_lists(parts):
        return np.concatenate([np.ascontiguousarray(p, dtype=np.int32).ravel() for p in parts] or [np.empty(0, np.int32)])

    @staticmethod
    def padded(lists, width):
        lists = np.asarray(lists)
        return np.pad(lists, ((0, 0), (0, 0), (0, 0), (0, width - lists.shape[3])), constant_values=-1)

    @staticmethod
    def attend(q, k, v, plan, packing, given, token_major):
        batch, heads, queries, _ = q.shape
        accumulate = np.float64 if q.dtype == np.float64 else np.float32
        if token_major:
            o = np.empty((batch, queries, heads, v.shape[3]), q.dtype).transpose(0, 2, 1, 3)
        else:
            o = np.empty((batch, heads, queries, v.shape[3]), q.dtype)
        lse = np.empty((batch, heads, queries, 1), accumulate)
        cu_q, cu_k = packing or ([], [])
        lists = given
        if given is None:
            size = _plan.lists_size(plan, batch * heads, queries, k.shape[2], max(len(cu_q) - 1, 0))
            lists = np.empty(size, np.int32)
        core.forward(
            _TYPES[q.dtype.name], tuple(plan), (cu_q, cu_k), tuple(map(_array, (q, k, v, o, lse))),
            (lists.ctypes.data, lists.size), given is not None,
        )
        return o, lse[..., 0], lists

    @staticmethod
    def merge(o_a, lse_a, o_b, lse_b):
        lse = np.logaddexp(lse_a, lse_b)
        base = np.where(np.isneginf(lse), 0, lse)  # no keys on either side: weights 0, not NaN
        weight_a, weight_b = np.exp(lse_a - base)[..., None], np.exp(lse_b - base)[..., None]
        o = weight_a * o_a.astype(lse.dtype, copy=False) + weight_b * o_b.astype(lse.dtype, copy=False)
        return o.astype(o_a.dtype), lse
