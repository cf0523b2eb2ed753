"""Attention of CUDA tensors. The same kernels, run on the CPU by the executor, take CPU tensors here; on a machine with a
GPU the same tests run on it."""
import importlib.util

import pytest

torch = pytest.importorskip("torch")

import pyllsa  # noqa: E402
from pyllsa import _device  # noqa: E402


def worlds():
    found = []
    if importlib.util.find_spec("pyllsa._cuda_on_cpu"):  # what is there must load
        _device.module("cpu")
        found.append("executor")
    if _device.present():
        found.append("cuda")
    return found or [pytest.param("none", marks=pytest.mark.skip(reason="neither the executor's module nor a GPU"))]


@pytest.fixture(params=worlds())
def on_device(request):
    """Calls a function of tensors with the device's kernels; results come back to the CPU."""

    def call(function, *tensors):
        if request.param == "executor":
            with _device.executor():
                return function(*tensors)
        return [x.cpu() for x in function(*(x.detach().cuda().requires_grad_(x.requires_grad) for x in tensors))]

    return call


def tensors(tokens=70, keys=None, heads=2, key_heads=None, dim=8, value_dim=8, batch=1, dtype=torch.float32):
    keys, key_heads = keys or tokens, key_heads or heads
    shapes = [(batch, heads, tokens, dim), (batch, key_heads, keys, dim), (batch, key_heads, keys, value_dim)]
    return [torch.randn(shape).to(dtype).requires_grad_() for shape in shapes]


def outputs_and_gradients(**options):
    def run(q, k, v):
        o, lse = pyllsa.attention(q, k, v, return_lse=True, **options)
        weight = torch.linspace(-1, 1, o.numel(), device=o.device).reshape(o.shape)
        loss = (weight * o.float()).sum() + lse.sin().sum()
        return [o, lse, *torch.autograd.grad(loss, (q, k, v))]

    return run


def check(on_device, inputs, tolerance=2e-5, **options):
    run = outputs_and_gradients(**options)
    want = run(*inputs)
    got = on_device(run, *inputs)
    for name, a, b in zip(("O", "LSE", "dQ", "dK", "dV"), got, want):
        assert a.dtype == b.dtype and a.shape == b.shape, name
        scale = max(1.0, b.abs().max().item())
        assert (a.float() - b.float()).abs().max().item() <= tolerance * scale, name


SPARSE = dict(levels=2, block_size=4, top_k=[3, 2])


@pytest.mark.parametrize("options", [
    dict(levels=0), dict(levels=1, block_size=16, top_k=2), SPARSE, dict(SPARSE, coverage="disjoint"),
    dict(SPARSE, reweight=False), dict(SPARSE, enrichment_levels=1), dict(SPARSE, scale=0.7),
    dict(levels=2, block_size=4, top_k=[9, 1]),
])
def test_the_device_computes_what_the_processor_computes(on_device, options):
    check(on_device, tensors(batch=2), **options)


@pytest.mark.parametrize("dim,value_dim", [(3, 5), (16, 8), (40, 72)])
def test_any_head_dim_is_taken(on_device, dim, value_dim):
    check(on_device, tensors(dim=dim, value_dim=value_dim), **SPARSE)


def test_key_heads_are_shared_by_query_heads(on_device):
    check(on_device, tensors(heads=6, key_heads=2, batch=2), **SPARSE)


@pytest.mark.parametrize("dtype,tolerance", [(torch.float16, 4e-3), (torch.bfloat16, 3e-2)])
def test_half_types_are_taken(on_device, dtype, tolerance):
    check(on_device, tensors(dtype=dtype, heads=4, key_heads=2), tolerance, levels=1, block_size=16, top_k=2)


def test_other_numbers_of_keys_than_queries_are_taken(on_device):
    check(on_device, tensors(tokens=33, keys=90), **SPARSE)


@pytest.mark.parametrize("offsets", [[0, 70], [0, 9, 9, 41, 70], ([0, 0, 30, 70], [0, 20, 50, 70])])
def test_packed_sequences_are_problems_of_their_own(on_device, offsets):
    check(on_device, tensors(batch=2), cu_seqlens=offsets, **SPARSE)


@pytest.mark.parametrize("options", [dict(grid=(7, 10)), dict(prefix=6), dict(layout="bnhd"),
                                     dict(prefix=2, cu_seqlens=[0, 30, 70])])
def test_everything_around_attention_works(on_device, options):
    inputs = tensors()
    if "layout" in options:
        inputs = [x.detach().transpose(1, 2).contiguous().requires_grad_() for x in inputs]
    check(on_device, inputs, **SPARSE, **options)


def test_every_query_attends_to_the_context(on_device):
    def run(q, k, v, a, b):
        o, lse = pyllsa.attention(q, k, v, context=(a, b), return_lse=True, **SPARSE)
        return [o, lse, *torch.autograd.grad(o.sin().sum() + lse.sum(), (q, k, v, a, b))]

    inputs = [*tensors(), *(torch.randn(1, 2, 5, 8, requires_grad=True) for _ in range(2))]
    for got, want in zip(on_device(run, *inputs), run(*inputs)):
        torch.testing.assert_close(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("cu_seqlens", [None, [0, 25, 70]])
def test_the_selection_is_the_same_and_can_be_given(on_device, cu_seqlens):
    q, k, v = (x.detach() for x in tensors())
    options = dict(levels=2, block_size=4, top_k=[9, 1], cu_seqlens=cu_seqlens)
    lists = pyllsa.attention(q, k, v, return_selection=True, **options)[1]
    got = on_device(lambda *x: pyllsa.attention(*x, return_selection=True, **options)[1], q, k, v)
    assert [x.tolist() for x in got] == [x.tolist() for x in lists]
    other = pyllsa.attention(*(torch.randn_like(x) for x in (q, k, v)), return_selection=True, **options)[1]
    want = pyllsa.attention(q, k, v, selection=other, **options)
    given = on_device(lambda *x: [pyllsa.attention(*x, selection=[s.to(x[0].device) for s in other], **options)], q, k, v)
    torch.testing.assert_close(given[0], want, rtol=2e-5, atol=2e-5)


def test_a_wrong_selection_is_refused(on_device):
    q, k, v = (x.detach() for x in tensors())
    lists = pyllsa.attention(q, k, v, return_selection=True, **SPARSE)[1]
    lists[0][0, 1, 3, 0] = 18
    with pytest.raises(ValueError, match="level 1"):
        on_device(lambda *x: [pyllsa.attention(*x, selection=[s.to(x[0].device) for s in lists], **SPARSE)], q, k, v)


def test_views_that_lie_anywhere_are_taken(on_device):
    whole = torch.randn(1, 2, 71, 27)
    q, k, v = (whole[:, :, 1:, i * 9 : i * 9 + 8].detach().requires_grad_() for i in range(3))
    check(on_device, [q, k, v], **SPARSE)


def test_the_same_bits_come_again(on_device):
    inputs = tensors(heads=4, key_heads=2)
    run = outputs_and_gradients(**SPARSE)
    first, second = on_device(run, *inputs), on_device(run, *inputs)
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_double_precision_is_refused_with_a_word(on_device):
    q, k, v = (x.detach() for x in tensors(dtype=torch.float64))
    with pytest.raises((TypeError, ValueError), match="float64"):
        on_device(lambda *x: [pyllsa.attention(*x, **SPARSE)], q, k, v)


def test_too_many_dimensions_are_refused_with_a_word(on_device):
    q, k, v = (x.detach() for x in tensors(dim=264))
    with pytest.raises(ValueError, match="head_dim is 264"):
        on_device(lambda *x: [pyllsa.attention(*x, **SPARSE)], q, k, v)


def test_a_compiled_function_calls_the_kernels(on_device):
    function = torch.compile(outputs_and_gradients(**SPARSE), backend="aot_eager")
    inputs = tensors()
    want = on_device(outputs_and_gradients(**SPARSE), *inputs)
    assert all(torch.equal(a, b) for a, b in zip(on_device(function, *inputs), want))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_device_the_reason_is_said():
    with pytest.raises(ValueError, match="tensors on cuda cannot be attended to: .+"):
        _device.module("cuda")
    assert not _device.present()
