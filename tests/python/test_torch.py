"""The torch operator: values, gradients, tracing, compiling, exporting."""
import gc
import os
import threading
import weakref

import numpy as np
import oracle
import pytest

torch = pytest.importorskip("torch")

import pyllsa  # noqa: E402
from pyllsa import _torch  # noqa: E402


def problem(tokens=100, keys=None, heads=2, dim=8, value_dim=8, dtype=torch.float64, batch=1, grad=False):
    shapes = [(batch, heads, tokens, dim), (batch, heads, keys or tokens, dim), (batch, heads, keys or tokens, value_dim)]
    return [torch.randn(shape, dtype=dtype, requires_grad=grad) for shape in shapes]


OPTIONS = dict(levels=2, block_size=4, top_k=[3, 2])


def loss_and_gradients(function, inputs):
    o, lse = function(*inputs)
    weight = torch.linspace(-1, 1, o.numel(), dtype=torch.float32).reshape(o.shape).to(o.dtype)
    loss = (weight * o).sum() + lse.sin().sum()
    return [o, lse, *torch.autograd.grad(loss, inputs)]


def with_lse(**options):
    return lambda q, k, v: pyllsa.attention(q, k, v, return_lse=True, **options)


def test_tensors_give_what_arrays_give():
    q, k, v = problem(dtype=torch.float32)
    want = pyllsa.attention(*(x.numpy() for x in (q, k, v)), **OPTIONS)
    assert np.array_equal(pyllsa.attention(q, k, v, **OPTIONS).numpy(), want)


def test_dense_attention_is_scaled_dot_product_attention():
    q, k, v = problem(dtype=torch.float32, tokens=300)
    want = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(pyllsa.attention(q, k, v, levels=0), want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype,tolerance", [(torch.float16, 4e-3), (torch.bfloat16, 3e-2), (torch.float32, 1e-5)])
def test_every_type_is_close_to_the_definition(dtype, tolerance):
    q, k, v = (x.to(dtype) for x in problem())
    o, lse = pyllsa.attention(q, k, v, return_lse=True, levels=0)
    want = oracle.attention(*(x.double().numpy() for x in (q, k, v)), block=16, levels=0, top_k=[])
    assert o.dtype == dtype and lse.dtype == torch.float32
    assert abs(o.double().numpy() - want[0]).max() <= tolerance
    assert abs(lse.numpy() - want[1]).max() <= 1e-5


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("coverage", ["overlapping", "disjoint"])
def test_gradients_are_those_of_finite_differences(levels, coverage):
    inputs = [x.requires_grad_() for x in problem(tokens=22, keys=27, dim=3, value_dim=2)]
    function = with_lse(levels=levels, block_size=3, top_k=2, coverage=coverage)
    assert torch.autograd.gradcheck(function, inputs)


@pytest.mark.parametrize("options", [dict(prefix=3), dict(cu_seqlens=[0, 9, 24]), dict(prefix=2, cu_seqlens=[0, 9, 24]),
                                     dict(grid=(4, 6)), dict(layout="bnhd")])
def test_gradients_go_through_everything_around(options):
    shape = (1, 24, 2, 3) if options.get("layout") == "bnhd" else (1, 2, 24, 3)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(with_lse(levels=1, block_size=3, top_k=2, **options), inputs)


def test_gradients_go_into_the_context():
    q, k, v = problem(tokens=20, dim=3, value_dim=2, grad=True)
    context = [torch.randn(1, 2, 4, n, dtype=torch.float64, requires_grad=True) for n in (3, 2)]
    function = lambda q, k, v, a, b: pyllsa.attention(q, k, v, context=(a, b), return_lse=True, levels=1, block_size=3, top_k=2)
    assert torch.autograd.gradcheck(function, (q, k, v, *context))


def test_the_gradient_of_the_lse_alone_arrives():
    q, k, v = problem(grad=True)
    lse = pyllsa.attention(q, k, v, levels=0, return_lse=True)[1]
    want = torch.logsumexp(q @ k.transpose(2, 3) * 8**-0.5, 3)
    for got, right in zip(torch.autograd.grad(lse.sum(), (q, k)), torch.autograd.grad(want.sum(), (q, k))):
        torch.testing.assert_close(got, right)


@pytest.mark.parametrize("layout", ["bhnd", "bnhd"])
def test_the_operator_passes_torchs_own_checks(layout):
    q, k, v = problem(grad=True)
    if layout == "bnhd":
        q, k, v = (x.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_() for x in (q, k, v))
    options = (4, 2, [3, 2], 2, True, False, None, layout == "bnhd")
    cu = torch.tensor([0, 33, 100])
    for packing in ((None, None), (cu, cu)):
        torch.library.opcheck(torch.ops.pyllsa.attend.default, (q, k, v, *packing, None, *options))
    torch.library.opcheck(torch.ops.pyllsa.order.default, ([4, 5], "hilbert", torch.device("cpu")))


@pytest.mark.parametrize("options", [OPTIONS, dict(levels="auto"), dict(OPTIONS, layout="bnhd"), dict(OPTIONS, prefix=5),
                                     dict(OPTIONS, grid=(25, 8)), dict(OPTIONS, context=True)],
                         ids=["levels", "auto", "bnhd", "prefix", "grid", "context"])
def test_compiled_is_eager_bit_for_bit(options):
    options = dict(options)
    extra = [torch.randn(1, 2, 6, 8) for _ in range(2)]
    if options.pop("context", False):
        options["context"] = extra
    function = with_lse(**options)
    torch._dynamo.reset()
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    inputs = problem(tokens=200, dtype=torch.float32, grad=True)
    if options.get("layout") == "bnhd":
        inputs = [x.detach().transpose(1, 2).contiguous().requires_grad_() for x in inputs]
    for a, b in zip(loss_and_gradients(function, inputs), loss_and_gradients(compiled, inputs)):
        assert torch.equal(a, b)


def test_one_compilation_serves_many_lengths():
    torch._dynamo.reset()
    compilations = []

    def count(graph, examples):
        compilations.append(1)
        return graph.forward

    compiled = torch.compile(with_lse(**OPTIONS), fullgraph=True, dynamic=True, backend=count)
    for tokens in (100, 333, 1000):
        q, k, v = problem(tokens=tokens, dtype=torch.float32)
        assert torch.equal(compiled(q, k, v)[0], pyllsa.attention(q, k, v, **OPTIONS))
    assert len(compilations) == 1


def test_the_default_compiler_takes_it():
    torch._dynamo.reset()
    layer = torch.nn.Linear(16, 48)

    def block(x):
        q, k, v = layer(x).unflatten(-1, (3, 2, 8)).unbind(2)
        return x + pyllsa.attention(q, k, v, layout="bnhd", **OPTIONS).flatten(2)

    x = torch.randn(1, 100, 16)
    try:
        got = torch.compile(block, fullgraph=True)(x)
    except Exception as error:  # a machine without a C++ compiler that inductor can use
        if "compiler" in str(error).lower():
            pytest.skip(str(error).splitlines()[0])
        raise
    torch.testing.assert_close(got, block(x))


def test_an_exported_program_takes_other_lengths():
    class Model(torch.nn.Module):
        def forward(self, q, k, v):
            return pyllsa.attention(q, k, v, **OPTIONS)

    inputs = tuple(problem(dtype=torch.float32))
    tokens = {2: torch.export.Dim("tokens", min=65, max=10_000)}
    program = torch.export.export(Model(), inputs, dynamic_shapes=(tokens, tokens, tokens))
    inputs = problem(tokens=777, dtype=torch.float32)
    assert torch.equal(program.module()(*inputs), pyllsa.attention(*inputs, **OPTIONS))


def test_packed_sequences_can_be_compiled():
    torch._dynamo.reset()
    q, k, v = problem(dtype=torch.float32)
    cu = torch.tensor([0, 33, 100])
    function = lambda q, k, v, cu: pyllsa.attention(q, k, v, cu_seqlens=cu, **OPTIONS)
    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(q, k, v, cu), function(q, k, v, cu))


def test_autocast_computes_in_its_type():
    q, k, v = problem(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = pyllsa.attention(q, k.bfloat16(), v, **OPTIONS)
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, pyllsa.attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), **OPTIONS))


def test_it_can_be_used_twice_in_a_graph():
    q, k, v = problem(grad=True)
    twice = lambda q, k, v: pyllsa.attention(pyllsa.attention(q, k, v, **OPTIONS), k, v, **OPTIONS)
    once = torch.autograd.grad(twice(q, k, v).sum(), (q, k, v))
    o = twice(q, k, v)
    o.sum().backward(retain_graph=True)
    o.sum().backward()
    torch.testing.assert_close(k.grad, 2 * once[1])


def test_no_graph_is_kept_alive():
    q, k, v = problem(grad=True)
    o = pyllsa.attention(q, k, v, **OPTIONS)
    o.sum().backward()
    dead = weakref.ref(o)
    del o
    gc.collect()
    assert dead() is None


def test_a_second_derivative_is_refused():
    q, k, v = problem(grad=True)
    (dq,) = torch.autograd.grad(pyllsa.attention(q, k, v, **OPTIONS).square().sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(dq.sum(), q)


def test_strided_and_expanded_tensors_are_read_in_place():
    qkv = torch.randn(2, 100, 3, 2, 8)
    q, k, v = qkv.unbind(2)
    want = pyllsa.attention(*(x.transpose(1, 2).contiguous() for x in (q, k, v)), **OPTIONS)
    got = pyllsa.attention(q, k, v, layout="bnhd", **OPTIONS)
    assert got.is_contiguous() and torch.equal(got.transpose(1, 2), want)
    one = q[:1].expand(2, -1, -1, -1)
    assert torch.equal(pyllsa.attention(one, k, v, layout="bnhd", **OPTIONS)[0], got[0])


def test_fewer_key_heads_sum_their_queries_gradients():
    q, k, v = problem(heads=4, batch=2, grad=True)
    fewer = [x.detach()[:, :2].clone().requires_grad_() for x in (k, v)]
    repeated = [x.detach().repeat_interleave(2, 1).requires_grad_() for x in fewer]
    a = loss_and_gradients(with_lse(**OPTIONS), [q, *fewer])
    b = loss_and_gradients(with_lse(**OPTIONS), [q, *repeated])
    assert torch.equal(a[0], b[0]) and torch.equal(a[2], b[2])
    for got, want in zip(a[3:], b[3:]):
        torch.testing.assert_close(got, want.unflatten(1, (2, 2)).sum(2), rtol=1e-12, atol=1e-12)


def test_a_shape_is_known_without_computing():
    q, k, v = (x.to("meta") for x in problem())
    o, lists = pyllsa.attention(q, k, v, return_selection=True, **OPTIONS)
    assert o.shape == (1, 2, 100, 8) and [x.shape for x in lists] == [(1, 2, 25, 3), (1, 2, 7, 2)]


def test_errors_name_the_argument():
    q, k, v = problem()
    with pytest.raises(TypeError, match="k is a ndarray"):
        pyllsa.attention(q, k.numpy(), v)
    with pytest.raises(TypeError, match="v has dtype torch.float32 and q torch.float64"):
        pyllsa.attention(q, k, v.float())
    with pytest.raises(TypeError, match="q has dtype torch.int64"):
        pyllsa.attention(q.long(), k.long(), v.long())
    with pytest.raises(ValueError, match="cu_seqlens must be one axis"):
        pyllsa.attention(q, k, v, cu_seqlens=torch.tensor([0.0, 100.0]))


def test_a_forked_child_attends():
    q, k, v = problem(dtype=torch.float32)
    want = pyllsa.attention(q, k, v, **OPTIONS)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        right = torch.equal(pyllsa.attention(q, k, v, **OPTIONS), want)
        os.write(writer, b"1" if right else b"0")
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 1) == b"1"
    os.waitpid(child, 0)


class Attending(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        x = torch.full((1, 1, 64, 4), float(i))
        return pyllsa.attention(x, x, x, levels=1, block_size=4)


def test_data_loader_workers_attend():
    pyllsa.attention(*problem(), **OPTIONS)
    loader = torch.utils.data.DataLoader(Attending(), num_workers=2, multiprocessing_context="fork", timeout=60)
    assert [float(x.mean()) for x in loader] == [0, 1, 2, 3]


def test_other_threads_run_meanwhile():
    q, k, v = problem(tokens=4096, dtype=torch.float32, dim=64, value_dim=64)
    counted = [0]
    stop = threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted[0]
    _torch._attend(q, k, v, None, None, None, 16, 0, [], 0, True, False, None, False)
    during = counted[0] - before
    stop.set()
    thread.join()
    assert during > 1000


def test_calls_from_many_threads_are_right():
    problems = [problem(dtype=torch.float32) for _ in range(6)]
    want = [pyllsa.attention(*p, **OPTIONS) for p in problems]
    got = [None] * 6

    def work(i):
        for _ in range(20):
            got[i] = pyllsa.attention(*problems[i], **OPTIONS)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(torch.equal(a, b) for a, b in zip(want, got))
