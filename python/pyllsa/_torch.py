"""The torch operators `pyllsa::attend`, `pyllsa::attend_backward` and `pyllsa::order`, and the tensor side of `attention`.

An operator is opaque to torch's compilers: they see its shapes (the fake implementations here) and its gradient, which is
another operator. Nothing of torch is needed to build this; tensors travel as address, shape and strides.
"""
from typing import List, Tuple

import torch
from torch import Tensor

from pyllsa import _device, _plan
from pyllsa._core import BF16, F16, F32, F64, core

_TYPES = {torch.float16: F16, torch.bfloat16: BF16, torch.float32: F32, torch.float64: F64}

_OPTIONS = (
    "int block_size, int levels, int[] top_k, int enrichment_levels, bool reweight, bool disjoint, float? scale, "
    "bool token_major"
)
_library = torch.library.Library("pyllsa", "DEF")
_library.define(
    "attend(Tensor q, Tensor k, Tensor v, Tensor? cu_q, Tensor? cu_k, Tensor? given, " + _OPTIONS + ") -> "
    "(Tensor, Tensor, Tensor)"
)
_library.define(
    "attend_backward(Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor lists, Tensor grad_o, Tensor? grad_lse, "
    "Tensor? cu_q, Tensor? cu_k, " + _OPTIONS + ") -> (Tensor, Tensor, Tensor)"
)
_library.define("order(int[] grid, str name, Device device) -> (Tensor, Tensor)")


def _array(x):
    return x.data_ptr(), x.shape, x.stride()


_NONE = (0, (0, 0, 0, 0), (0, 0, 0, 0))


def _empty(like, heads, tokens, dim, token_major):
    """`[batch, heads, tokens, dim]`, in memory as the layout has it."""
    if token_major:
        return like.new_empty((like.shape[0], tokens, heads, dim)).transpose(1, 2)
    return like.new_empty((like.shape[0], heads, tokens, dim))


def _accumulate(dtype):
    return torch.float64 if dtype == torch.float64 else torch.float32


def _smallest(a, b):
    return torch.sym_min(a, b)


def _lists_size(q, k, cu_q, plan):
    sequences = 0 if cu_q is None else cu_q.shape[0] - 1
    return _plan.lists_size(plan, q.shape[0] * q.shape[1], q.shape[2], k.shape[2], sequences, _smallest)


def _results(q, k, v, cu_q, given, plan, token_major):
    o = _empty(q, q.shape[1], q.shape[2], v.shape[3], token_major)
    lse = q.new_empty((q.shape[0], q.shape[1], q.shape[2]), dtype=_accumulate(q.dtype))
    size = 0 if given is not None else _lists_size(q, k, cu_q, plan)
    return o, lse, q.new_empty((size,), dtype=torch.int32)


def _plan_of(block_size, levels, top_k, enrichment_levels, reweight, disjoint, scale):
    return _plan.Plan(block_size, levels, tuple(top_k), enrichment_levels, reweight, disjoint, scale)


def _packing(cu_q, cu_k):
    return ([], []) if cu_q is None else (cu_q.tolist(), cu_k.tolist())


def _lse_array(lse):
    return lse.data_ptr(), (*lse.shape, 1), (*lse.stride(), 1)


def _packing_or_none(cu_q, cu_k):
    return None if cu_q is None else _packing(cu_q, cu_k)


def _attend_on_device(q, k, v, cu_q, cu_k, given, *options):
    plan, token_major = _plan_of(*options[:-1]), options[-1]
    o, lse, lists = _results(q, k, v, cu_q, given, plan, token_major)
    packing = _packing_or_none(cu_q, cu_k)
    if packing is not None:
        lists.fill_(-1)
    if packing is not None or given is not None:
        flat = lists[:0] if given is None else given.cpu().contiguous()
        core.check(plan, packing or ([], []), tuple(q.shape), tuple(k.shape), (flat.data_ptr(), flat.numel()), given is not None)
    if given is not None:
        given = given.to(q.device)
    _device.attend(_TYPES, q, k, v, packing, given, plan, o, lse, lists)
    return o, lse, lists


def _attend(q, k, v, cu_q, cu_k, given, *options):
    if _device.executor_active():
        return _attend_on_device(q, k, v, cu_q, cu_k, given, *options)
    plan, token_major = _plan_of(*options[:-1]), options[-1]
    o, lse, lists = _results(q, k, v, cu_q, given, plan, token_major)
    flat = lists if given is None else given.contiguous()
    core.forward(
        _TYPES[q.dtype], plan, _packing(cu_q, cu_k), (_array(q), _array(k), _array(v), _array(o), _lse_array(lse)),
        (flat.data_ptr(), flat.numel()), given is not None,
    )
    return o, lse, lists


def _attend_fake(q, k, v, cu_q, cu_k, given, *options):
    return _results(q, k, v, cu_q, given, _plan_of(*options[:-1]), options[-1])


def _gradients(q, k, v, token_major):
    return tuple(_empty(x, x.shape[1], x.shape[2], x.shape[3], token_major) for x in (q, k, v))


def _attend_backward_on_device(q, k, v, o, lse, lists, grad_o, grad_lse, cu_q, cu_k, *options):
    gradients = _gradients(q, k, v, options[-1])
    _device.attend_backward(_TYPES, q, k, v, o, lse, lists.to(q.device), grad_o, grad_lse, _packing_or_none(cu_q, cu_k),
                            _plan_of(*options[:-1]), gradients)
    return gradients


def _attend_backward(q, k, v, o, lse, lists, grad_o, grad_lse, cu_q, cu_k, *options):
    if _device.executor_active():
        return _attend_backward_on_device(q, k, v, o, lse, lists, grad_o, grad_lse, cu_q, cu_k, *options)
    gradients = _gradients(q, k, v, options[-1])
    lists = lists.contiguous()
    core.backward(
        _TYPES[q.dtype], _plan_of(*options[:-1]), _packing(cu_q, cu_k),
        (_array(q), _array(k), _array(v), _array(o), _lse_array(lse)), (lists.data_ptr(), lists.numel()),
        (_array(grad_o), _NONE if grad_lse is None else _lse_array(grad_lse), *map(_array, gradients)),
    )
    return gradients


def _attend_backward_fake(q, k, v, o, lse, lists, grad_o, grad_lse, cu_q, cu_k, *options):
    return _gradients(q, k, v, options[-1])


def _save(ctx, inputs, output):
    q, k, v, cu_q, cu_k, given = inputs[:6]
    o, lse, lists = output
    ctx.save_for_backward(q, k, v, o, lse, lists if given is None else given, cu_q, cu_k)
    ctx.options = inputs[6:]
    ctx.set_materialize_grads(False)


def _differentiate(ctx, grad_o, grad_lse, _):
    rest = (None,) * (3 + len(ctx.options))
    if grad_o is None and grad_lse is None:
        return (None, None, None, *rest)
    q, k, v, o, lse, lists, cu_q, cu_k = ctx.saved_tensors
    if grad_o is None:
        grad_o = torch.zeros_like(o)
    gradients = torch.ops.pyllsa.attend_backward(q, k, v, o, lse, lists, grad_o, grad_lse, cu_q, cu_k, *ctx.options)
    return (*gradients, *rest)


def _no_second_derivative(ctx, *_):
    raise RuntimeError("pyllsa.attention can be differentiated once; its gradient has no derivative here")


_orders = {}


def _order(grid: List[int], name: str, device) -> Tuple[Tensor, Tensor]:
    key = (tuple(grid), name)
    if key not in _orders:
        to_raster = torch.tensor(core.token_order(name, list(grid)), dtype=torch.int64)
        from_raster = torch.empty_like(to_raster)
        from_raster[to_raster] = torch.arange(to_raster.numel())
        _orders[key] = to_raster, from_raster
    return tuple(x.to(device, copy=True) for x in _orders[key])


def _order_fake(grid, name, device):
    tokens = 1
    for extent in grid:
        tokens *= extent
    return tuple(torch.empty(tokens, dtype=torch.int64, device=device) for _ in range(2))


_library.impl("attend", _attend, "CPU")
_library.impl("attend_backward", _attend_backward, "CPU")
_library.impl("attend", _attend_on_device, "CUDA")
_library.impl("attend_backward", _attend_backward_on_device, "CUDA")
_library.impl("order", _order, "CompositeExplicitAutograd")
torch.library.register_fake("pyllsa::attend", _attend_fake, lib=_library)
torch.library.register_fake("pyllsa::attend_backward", _attend_backward_fake, lib=_library)
torch.library.register_fake("pyllsa::order", _order_fake, lib=_library)
torch.library.register_autograd("pyllsa::attend", _differentiate, setup_context=_save, lib=_library)
torch.library.register_autograd("pyllsa::attend_backward", _no_second_derivative, lib=_library)


class Backend:
    """What `functional` asks of tensors; `_numpy.Backend` is its other implementation."""

    @staticmethod
    def sizes(x):
        return x.shape

    @staticmethod
    def heads_first(x):
        return x.transpose(1, 2)

    @staticmethod
    def lse_tokens_first(x):
        return x.transpose(1, 2)

    @staticmethod
    def cat(parts):
        return torch.cat(parts, dim=2)

    @staticmethod
    def take(x, index):
        return x.index_select(2, index)

    @staticmethod
    def token_index(values, like):
        return torch.tensor(values, dtype=torch.int64, device=like.device)

    @staticmethod
    def order(grid, name, like):
        return torch.ops.pyllsa.order(grid, name, like.device)

    @staticmethod
    def offsets(name, value):
        """A list where the values are at hand; the tensor itself while a compiler traces, which knows no values."""
        if not isinstance(value, Tensor):
            return [int(n) for n in value]
        if value.dim() != 1 or value.is_floating_point() or value.is_complex():
            raise ValueError(f"{name} must be one axis of whole numbers; it is {value.dtype} of shape {tuple(value.shape)}")
        return value if torch.compiler.is_compiling() else value.tolist()

    @staticmethod
    def compiling():
        return torch.compiler.is_compiling()

    @staticmethod
    def check(names, tensors):
        """Tensors that belong together, after autocast."""
        q = tensors[0]
        for name, x in zip(names, tensors):
            if not isinstance(x, Tensor):
                raise TypeError(f"{name} is a {type(x).__name__}; q is a torch tensor, so it must be one too")
            if x.device != q.device:
                raise ValueError(f"{name} is on {x.device} and q on {q.device}; they must be on one device")
        kind = q.device.type
        if kind not in ("cpu", "meta", "cuda"):
            raise ValueError(f"q is on {q.device}; pyllsa computes on the CPU and on CUDA devices")
        if kind == "cuda":
            _device.module("cuda")
        if kind != "meta" and torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            tensors = tuple(x.to(dtype) if x.is_floating_point() and x.dtype != torch.float64 else x for x in tensors)
        for name, x in zip(names, tensors):
            if x.dtype not in _TYPES:
                known = ", ".join(str(t) for t in _TYPES)
                raise TypeError(f"{name} has dtype {x.dtype}; it must be one of {known}")
            if kind == "cuda" and x.dtype == torch.float64:
                raise TypeError(f"{name} has dtype {x.dtype}; on CUDA it must be torch.float32, torch.float16 or torch.bfloat16")
            if x.dtype != tensors[0].dtype:
                raise TypeError(f"{name} has dtype {x.dtype} and q {tensors[0].dtype}; they must be equal")
        return tensors

    @staticmethod
    def flat_lists(parts):
        if not parts:
            return torch.empty(0, dtype=torch.int32)
        return torch.cat([p.reshape(-1).to(torch.int32) for p in parts])

    @staticmethod
    def padded(lists, width):
        return torch.nn.functional.pad(lists, (0, width - lists.shape[3]), value=-1)

    @staticmethod
    def attend(q, k, v, plan, packing, given, token_major):
        cu_q = cu_k = None
        if packing is not None:
            cu_q, cu_k = (torch.tensor(cu) if isinstance(cu, list) else cu for cu in packing)
        return torch.ops.pyllsa.attend(q, k, v, cu_q, cu_k, given, *plan, token_major)

    @staticmethod
    def merge(o_a, lse_a, o_b, lse_b):
        lse = torch.logaddexp(lse_a, lse_b)
        base = lse.masked_fill(lse == -torch.inf, 0)  # no keys on either side: weights 0, not NaN
        weight_a, weight_b = (torch.exp(x - base).unsqueeze(-1) for x in (lse_a, lse_b))
        o = weight_a * o_a.to(lse.dtype) + weight_b * o_b.to(lse.dtype)
        return o.to(o_a.dtype), lse
