"""Attention of torch tensors on a CUDA device: what `_torch` does for those of the CPU.

The kernels take contiguous `[heads, tokens, dim]` arrays, dims that are multiples of 8, and as many key heads as query
heads; what does not look like that is copied here. All memory is PyTorch's, work is queued on its current stream, and
nothing waits for it, but for `cu_seqlens` on the device and a `selection` from outside, which are read on the host.
"""
import contextlib
import importlib
import importlib.util
import math

import torch

from pyllsa import _plan

_executor = False  # CPU tensors go through the CUDA kernels, which run on the CPU: for tests


def _load(name):
    return importlib.import_module(f"pyllsa.{name}") if importlib.util.find_spec(f"pyllsa.{name}") else None


_modules = {}


def module(device_type):
    """The extension module for tensors of this type of device; a `ValueError` says why there is none."""
    name = "_cuda" if device_type == "cuda" else "_cuda_on_cpu"
    if name not in _modules:
        loaded = _load(name)
        why = loaded.unavailable() if loaded else "this build of pyllsa has no CUDA kernels; install it where nvcc is"
        if why:
            raise ValueError(f"tensors on {device_type} cannot be attended to: {why}")
        _modules[name] = loaded
    return _modules[name]


def present():
    """Whether tensors on CUDA devices can be attended to."""
    try:
        return module("cuda") is not None
    except ValueError:
        return False


def executor_active():
    """Whether CPU tensors go through the CUDA kernels now."""
    return _executor


@contextlib.contextmanager
def executor():
    """CPU tensors go through the CUDA kernels as they run on the CPU, within this context: slow, for tests."""
    global _executor
    module("cpu")
    before, _executor = _executor, True
    try:
        yield
    finally:
        _executor = before


def attend(types, q, k, v, packing, given, plan, o, lse, lists):
    """Fills `o`, `lse` and, unless `given`, `lists` (see `_plan.lists_size`)."""
    with _current(q):
        for part in _parts(q, k, plan, packing):
            problem = _Problem(types, *part.tensors(q, k, v), plan)
            saved, workspace = problem.memory()
            if given is not None:
                problem.put_lists(saved, part.lists(given, plan))
            part_o = problem.new(problem.queries, problem.value_dim)
            part_lse = problem.new(problem.queries, 1, torch.float32)
            problem.forward(part_o, part_lse, saved, workspace, given is not None)
            o[:, :, part.query] = part_o[..., : v.shape[3]]
            lse[:, :, part.query] = part_lse[..., 0]
            if given is None:
                problem.get_lists(saved, part.lists(lists, plan))


def attend_backward(types, q, k, v, o, lse, lists, grad_o, grad_lse, packing, plan, gradients):
    """Fills the gradients of q, k and v; k and v of a sequence without queries get zeros."""
    with _current(q):
        if packing is not None:  # some keys may have no queries
            for gradient in gradients[1:]:
                gradient.zero_()
        for part in _parts(q, k, plan, packing):
            problem = _Problem(types, *part.tensors(q, k, v), plan)
            saved, workspace = problem.memory()
            problem.put_lists(saved, part.lists(lists, plan))
            results = problem.backward(
                o[:, :, part.query], lse[:, :, part.query], grad_o[:, :, part.query],
                None if grad_lse is None else grad_lse[:, :, part.query], saved, workspace,
            )
            for gradient, result, tokens in zip(gradients, results, (part.query, part.key, part.key)):
                gradient[:, :, tokens] = result


def _current(q):
    return torch.cuda.device(q.device) if q.is_cuda else contextlib.nullcontext()


class _Part:
    """One sequence: its tokens, and its first row in each level of the lists."""

    def __init__(self, query, key, rows, shapes):
        self.query, self.key, self.rows, self.shapes = query, key, rows, shapes

    def tensors(self, q, k, v):
        return q[:, :, self.query], k[:, :, self.key], v[:, :, self.key]

    def lists(self, flat, plan):
        """Views of its rows, one for each level."""
        batch, heads, queries, keys, sequences = self.shapes
        levels = _plan.split_lists(flat, plan, batch, heads, queries, keys, sequences)
        return [level[:, :, begin : begin + count] for level, (begin, count) in zip(levels, self.rows)]


def _parts(q, k, plan, packing):
    shapes = (q.shape[0], q.shape[1], q.shape[2], k.shape[2])
    if packing is None:
        rows = [(0, _plan.level_length(q.shape[2], plan.block_size, l)) for l in range(1, plan.levels + 1)]
        yield _Part(slice(None), slice(None), rows, (*shapes, 0))
        return
    first = [0] * plan.levels
    cu_q, cu_k = packing
    for s in range(len(cu_q) - 1):
        query, key = slice(cu_q[s], cu_q[s + 1]), slice(cu_k[s], cu_k[s + 1])
        if query.stop == query.start:
            continue
        counts = [_plan.level_length(query.stop - query.start, plan.block_size, l) for l in range(1, plan.levels + 1)]
        yield _Part(query, key, list(zip(first, counts)), (*shapes, len(cu_q) - 1))
        first = [begin + count for begin, count in zip(first, counts)]


class _Problem:
    """One sequence as the kernels take it."""

    def __init__(self, types, q, k, v, plan):
        self.batch, self.heads, self.queries, self.dim = q.shape
        self.keys, self.key_heads = k.shape[2], k.shape[1]
        self.group = self.heads // self.key_heads
        self.value_dim = _padded(v.shape[3])
        self.device, self.dtype, self.type = q.device, q.dtype, types[q.dtype]
        scale = 1 / math.sqrt(self.dim) if plan.scale is None else plan.scale
        self.plan = plan._replace(scale=scale)
        self.module = module(q.device.type)
        self.value_width = v.shape[3]
        self.q = _packed(q)
        self.k, self.v = (_packed(x.repeat_interleave(self.group, 1) if self.group > 1 else x) for x in (k, v))
        self.extents = (self.batch * self.heads, self.queries, self.keys, _padded(self.dim), self.value_dim)
        self.stream = torch.cuda.current_stream(q.device).cuda_stream if q.is_cuda else 0

    def new(self, tokens, dim, dtype=None):
        return torch.empty((self.batch, self.heads, tokens, dim), dtype=dtype or self.dtype, device=self.device)

    def memory(self):
        saved, workspace, self.widths = self.module.sizes(self.type, self.plan, self.extents)
        return _bytes(saved, self.device), _bytes(workspace, self.device)

    def _saved_lists(self, saved):
        begin = 0
        for level, width in enumerate(self.widths, 1):
            rows = _plan.level_length(self.queries, self.plan.block_size, level)
            size = 4 * self.batch * self.heads * rows * width
            yield saved[begin : begin + size].view(torch.int32).view(self.batch, self.heads, rows, width)
            begin += size

    def put_lists(self, saved, levels):
        for to, level in zip(self._saved_lists(saved), levels):
            to.copy_(level[..., : to.shape[3]])

    def get_lists(self, saved, levels):
        for stored, level in zip(self._saved_lists(saved), levels):
            level[..., : stored.shape[3]] = stored
            level[..., stored.shape[3] :] = -1

    def forward(self, o, lse, saved, workspace, given):
        tensors = (self.q, self.k, self.v, o, lse, saved, workspace)
        self.module.forward(self.type, self.plan, self.extents, tuple(map(_address, tensors)), workspace.numel(), given,
                            self.stream)

    def backward(self, o, lse, grad_o, grad_lse, saved, workspace):
        dim = self.extents[3]
        grad_q, grad_k = self.new(self.queries, dim), self.new(self.keys, dim)
        grad_v = self.new(self.keys, self.value_dim)
        sent = [_packed(o), _aligned(lse), saved, workspace, _packed(grad_o)]
        sent.append(None if grad_lse is None else _aligned(grad_lse))
        tensors = (self.q, self.k, self.v, *sent, grad_q, grad_k, grad_v)
        self.module.backward(self.type, self.plan, self.extents, tuple(map(_address, tensors)), workspace.numel(),
                             self.stream)
        return (grad_q[..., : self.dim], self._of_key_heads(grad_k)[..., : self.dim],
                self._of_key_heads(grad_v)[..., : self.value_width])

    def _of_key_heads(self, gradient):
        """Summed over the query heads that read a key head, first to last, in fp32."""
        if self.group == 1:
            return gradient
        each = gradient.unflatten(1, (self.key_heads, self.group))
        total = each[:, :, 0].float()
        for member in range(1, self.group):
            total = total + each[:, :, member]
        return total.to(self.dtype)


def _padded(dim):
    return (dim + 7) // 8 * 8


def _packed(x):
    """Contiguous, the dim filled up with zeros."""
    more = _padded(x.shape[3]) - x.shape[3]
    return _aligned(torch.nn.functional.pad(x, (0, more)) if more else x)


def _aligned(x):
    x = x.contiguous()
    return x.clone() if x.data_ptr() % 16 else x


def _address(x):
    return 0 if x is None else x.data_ptr()


def _bytes(count, device):
    """At a multiple of 256, as the kernels want it; PyTorch's allocator on the CPU promises 64 only."""
    memory = torch.empty(count + 256, dtype=torch.uint8, device=device)
    begin = -memory.data_ptr() % 256
    return memory[begin : begin + count]
