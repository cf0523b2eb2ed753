"""Attention of NumPy arrays: no torch is needed."""
import subprocess
import sys

import numpy as np
import oracle
import pytest

import pyllsa
from pyllsa import _plan
from pyllsa._core import core


def problem(rng, tokens=100, keys=None, heads=2, dim=8, value_dim=8, dtype=np.float64, batch=1):
    shapes = [(batch, heads, tokens, dim), (batch, heads, keys or tokens, dim), (batch, heads, keys or tokens, value_dim)]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


CASES = [
    dict(levels=2, block_size=4, top_k=[3, 2]),
    dict(levels=2, block_size=4, top_k=[3, 2], coverage="disjoint"),
    dict(levels=3, block_size=3, top_k=[2, 3, 1], enrichment_levels=1),
    dict(levels=1, block_size=5, top_k=4, reweight=False, scale=0.7),
    dict(levels=0),
]


def as_oracle(case):
    levels = case["levels"]
    top_k = case.get("top_k", 8)
    return dict(
        block=case.get("block_size", 16), levels=levels, top_k=[top_k] * levels if isinstance(top_k, int) else top_k,
        enrichment=case.get("enrichment_levels"), reweight=case.get("reweight", True),
        disjoint=case.get("coverage") == "disjoint", scale=case.get("scale"),
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tokens,keys,value_dim", [(100, 100, 8), (73, 131, 5)])
def test_attention_is_the_definition(rng, case, tokens, keys, value_dim):
    q, k, v = problem(rng, tokens, keys, value_dim=value_dim)
    o, lse = pyllsa.attention(q, k, v, return_lse=True, **case)
    want_o, want_lse = oracle.attention(q, k, v, **as_oracle(case))
    np.testing.assert_allclose(o, want_o, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lse, want_lse, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name,tolerance", [("float16", 4e-3), ("float32", 1e-5), ("float64", 1e-12)])
def test_every_type_is_close_to_the_definition(rng, name, tolerance):
    q, k, v = problem(rng, dtype=name)
    o = pyllsa.attention(q, k, v, levels=0)
    assert o.dtype.name == name
    assert abs(o - oracle.attention(q, k, v, block=16, levels=0, top_k=[])[0]).max() <= tolerance


def test_strides_change_no_bit(rng):
    q, k, v = problem(rng, dtype=np.float32)
    want = pyllsa.attention(q, k, v, levels=1, block_size=4)
    spread = [np.repeat(x, 2, axis=3)[..., ::2] for x in (q, k, v)]
    backwards = [x[:, :, ::-1].copy()[:, :, ::-1] for x in (q, k, v)]
    tokens_first = [np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k, v)]
    assert np.array_equal(pyllsa.attention(*spread, levels=1, block_size=4), want)
    assert np.array_equal(pyllsa.attention(*backwards, levels=1, block_size=4), want)
    got = pyllsa.attention(*tokens_first, levels=1, block_size=4, layout="bnhd")
    assert got.flags.c_contiguous
    assert np.array_equal(got.transpose(0, 2, 1, 3), want)


def test_threads_change_no_bit(rng):
    q, k, v = problem(rng, tokens=700, dtype=np.float32)
    before = pyllsa.threads()
    results = []
    for threads in (1, 2, 5):
        pyllsa.set_threads(threads)
        results.append(pyllsa.attention(q, k, v, levels=2, block_size=4))
    pyllsa.set_threads(before)
    assert all(np.array_equal(results[0], r) for r in results)


def test_a_selection_that_was_returned_gives_the_same_result(rng):
    q, k, v = problem(rng)
    options = dict(levels=2, block_size=4, top_k=[3, 2])
    o, lists = pyllsa.attention(q, k, v, return_selection=True, **options)
    assert [x.shape for x in lists] == [(1, 2, 25, 3), (1, 2, 7, 2)]
    want = oracle.head(q[0, 1], k[0, 1], v[0, 1], block=4, levels=2, top_k=[3, 2])[2]
    assert [list(row[row >= 0]) for row in lists[0][0, 1]] == want[1]
    assert np.array_equal(pyllsa.attention(q, k, v, selection=lists, **options), o)
    worse = [lists[0][..., ::-1].copy(), lists[1]]
    worse[0][0, 0, 0, 0] = 24  # of another parent, most likely, or listed twice
    with pytest.raises(ValueError, match="selection of level 1"):
        pyllsa.attention(q, k, v, selection=[np.full_like(lists[0], 99), lists[1]], **options)


def test_a_grid_is_attention_of_permuted_tokens(rng):
    q, k, v = problem(rng, tokens=6 * 10)
    order = pyllsa.order((6, 10), "hilbert")
    want = order.undo(pyllsa.attention(*(order.apply(x, 2) for x in (q, k, v)), levels=1, block_size=4), 2)
    assert np.array_equal(pyllsa.attention(q, k, v, grid=(6, 10), levels=1, block_size=4), want)
    assert not np.array_equal(pyllsa.attention(q, k, v, levels=1, block_size=4), want)


@pytest.mark.parametrize("grid", [(8, 8), (5, 7), (3, 4, 5)])
@pytest.mark.parametrize("name", ["auto", "raster", "morton", "hilbert"])
def test_an_order_is_a_permutation(grid, name):
    x = np.arange(np.prod(grid))[None, :, None]
    order = pyllsa.order(grid, name)
    assert sorted(order.apply(x).ravel()) == list(x.ravel())
    assert np.array_equal(order.undo(order.apply(x)), x)


def test_packed_sequences_are_problems_of_their_own(rng):
    q, k, v = problem(rng, tokens=150, dtype=np.float32)
    cu = [0, 60, 60, 63, 150]
    o, lists = pyllsa.attention(q, k, v, cu_seqlens=cu, levels=2, block_size=4, top_k=3, return_selection=True)
    row = 0
    for begin, end in zip(cu, cu[1:]):
        if begin == end:
            continue
        part = [x[:, :, begin:end] for x in (q, k, v)]
        want, alone = pyllsa.attention(*part, levels=2, block_size=4, top_k=3, return_selection=True)
        assert np.array_equal(o[:, :, begin:end], want)
        rows, width = alone[0].shape[2:]
        assert np.array_equal(lists[0][:, :, row : row + rows, :width], alone[0])
        row += rows


def test_queries_and_keys_are_packed_apart(rng):
    q, k, v = problem(rng, tokens=50, keys=80)
    o = pyllsa.attention(q, k, v, cu_seqlens=([0, 50, 50], [0, 30, 80]), levels=1, block_size=4)
    assert np.array_equal(o, pyllsa.attention(q, k[:, :, :30], v[:, :, :30], levels=1, block_size=4))
    with pytest.raises(ValueError, match="queries but no keys"):
        pyllsa.attention(q, k, v, cu_seqlens=([0, 20, 50], [0, 80, 80]), levels=1)


def test_context_is_one_softmax_over_the_union(rng):
    q, k, v = problem(rng)
    context = [x[:, :, :9] for x in problem(rng)[1:]]
    o, lse = pyllsa.attention(q, k, v, levels=1, block_size=4, top_k=3, context=context, return_lse=True)
    want_o, want_lse = oracle.attention(q, k, v, block=4, levels=1, top_k=[3], context=context)
    np.testing.assert_allclose(o, want_o, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lse, want_lse, rtol=0, atol=1e-12)


@pytest.mark.parametrize("packed", [False, True])
def test_a_prefix_is_context_for_all_others_and_attends_densely(rng, packed):
    q, k, v = problem(rng)
    options = dict(levels=1, block_size=4, top_k=3)
    cu = [0, 40, 100] if packed else None
    o, lse = pyllsa.attention(q, k, v, prefix=7, cu_seqlens=cu, return_lse=True, **options)
    for begin, end in [(0, 40), (40, 100)] if packed else [(0, 100)]:
        a, b, c = (x[:, :, begin:end] for x in (q, k, v))
        first = oracle.attention(a[:, :, :7], b, c, block=4, levels=0, top_k=[])
        rest = oracle.attention(
            a[:, :, 7:], b[:, :, 7:], c[:, :, 7:], block=4, levels=1, top_k=[3], context=(b[:, :, :7], c[:, :, :7])
        )
        np.testing.assert_allclose(o[:, :, begin:end], np.concatenate([first[0], rest[0]], 2), rtol=0, atol=1e-12)
        np.testing.assert_allclose(lse[:, :, begin:end], np.concatenate([first[1], rest[1]], 2), rtol=0, atol=1e-12)


def test_merging_halves_is_the_whole(rng):
    q, k, v = problem(rng)
    halves = [pyllsa.attention(q, k[:, :, s], v[:, :, s], levels=0, return_lse=True) for s in (slice(60), slice(60, None))]
    o, lse = pyllsa.merge(*halves[0], *halves[1])
    want = pyllsa.attention(q, k, v, levels=0, return_lse=True)
    np.testing.assert_allclose(o, want[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(lse, want[1], rtol=0, atol=1e-13)
    nothing = np.full_like(halves[0][1], -np.inf)
    assert np.array_equal(pyllsa.merge(*halves[0], halves[1][0] * 0, nothing)[0], halves[0][0])
    assert np.array_equal(pyllsa.merge(halves[0][0] * 0, nothing, halves[0][0] * 0, nothing)[0], halves[0][0] * 0)


@pytest.mark.parametrize("heads,key_heads", [(4, 2), (4, 1), (6, 2)])
def test_fewer_key_heads_are_read_by_groups(rng, heads, key_heads):
    q, k, v = problem(rng, heads=heads, batch=2)
    k, v = k[:, :key_heads], v[:, :key_heads]
    o = pyllsa.attention(q, k, v, levels=2, block_size=4, top_k=2)
    repeated = [np.repeat(x, heads // key_heads, axis=1) for x in (k, v)]
    assert np.array_equal(o, pyllsa.attention(q, *repeated, levels=2, block_size=4, top_k=2))


@pytest.mark.parametrize("method,levels", [("full", 0), ("topk", 1), ("topk+enrichment", 1), ("topk+enrichment+reweighting", 1)])
def test_methods_are_llsa_with_certain_options(rng, method, levels):
    q, k, v = problem(rng)
    case = dict(levels=levels, block_size=4, top_k=5)
    if levels:
        case.update(enrichment_levels=int("enrichment" in method), reweight="reweighting" in method or method == "topk")
    got = pyllsa.attention(q, k, v, method=method, block_size=4, top_k=5)
    assert np.array_equal(got, pyllsa.attention(q, k, v, **case))


def test_the_automatic_number_of_levels_is_the_librarys():
    for block in (2, 3, 16, 64):
        for tokens in [*range(1, 300), 1023, 1024, 1025, 4096, 16368, 16369, 65536, 262144, 10**9]:
            assert _plan.automatic_levels(tokens, block) == core.automatic_levels(tokens, block)


@pytest.mark.parametrize("sequences", [0, 3])
def test_the_size_of_the_lists_is_the_librarys(rng, sequences):
    for _ in range(200):
        levels, block = int(rng.integers(0, 5)), int(rng.integers(2, 7))
        top_k = rng.integers(1, 9, levels).tolist()
        plan = _plan.Plan(block, levels, tuple(top_k), levels, True, False, None)
        queries, keys, heads = rng.integers(1, 400, 3).tolist()
        want = core.lists_size(tuple(plan), sequences, (1, heads, queries, 4), (1, heads, keys, 4))
        assert _plan.lists_size(plan, heads, queries, keys, sequences) == want


WRONG = [
    ("q has shape", lambda q, k, v: dict(q=q[0])),
    ("k has batch", lambda q, k, v: dict(k=k[..., :3])),
    ("v has 99 tokens", lambda q, k, v: dict(v=v[:, :, :99])),
    ("heads; they must divide", lambda q, k, v: dict(q=np.concatenate([q, q[:, :1]], 1))),
    ("k has dtype float32 and q float64", lambda q, k, v: dict(k=k.astype(np.float32))),
    ("q has dtype int64", lambda q, k, v: dict(q=q.astype(np.int64))),
    ("q has no tokens", lambda q, k, v: dict(q=q[:, :, :0])),
    ("levels is -1", lambda q, k, v: dict(levels=-1)),
    ("levels is 1.5", lambda q, k, v: dict(levels=1.5)),
    ("top_k is 0", lambda q, k, v: dict(top_k=0)),
    ("top_k has 3 numbers for 1 levels", lambda q, k, v: dict(levels=1, top_k=[1, 2, 3])),
    ("block_size is 1;", lambda q, k, v: dict(block_size=1)),
    ("enrichment_levels is 2", lambda q, k, v: dict(levels=1, enrichment_levels=2)),
    ("coverage is 'both'", lambda q, k, v: dict(coverage="both")),
    ("scale is nan", lambda q, k, v: dict(scale=float("nan"))),
    ("layout is 'nhd'", lambda q, k, v: dict(layout="nhd")),
    ("method is 'flash'", lambda q, k, v: dict(method="flash")),
    ("grid .* has 12 tokens", lambda q, k, v: dict(grid=(3, 4))),
    ("order is 'snake'", lambda q, k, v: dict(grid=(10, 10), order="snake")),
    ("order is 'hilbert' but grid", lambda q, k, v: dict(order="hilbert")),
    ("cu_seqlens is", lambda q, k, v: dict(cu_seqlens=[0, 120])),
    ("grid cannot be given together", lambda q, k, v: dict(cu_seqlens=[0, 100], grid=(10, 10))),
    ("prefix is 100", lambda q, k, v: dict(prefix=100)),
    ("context must be a pair", lambda q, k, v: dict(context=k)),
    ("context k has 2 heads|context v", lambda q, k, v: dict(context=(k, v[:, :, :5]))),
    ("selection has 1 levels", lambda q, k, v: dict(levels=2, selection=[np.zeros((1, 2, 7, 8), np.int32)])),
]


@pytest.mark.parametrize("message,change", WRONG, ids=[w[0] for w in WRONG])
def test_errors_name_the_argument(rng, message, change):
    q, k, v = problem(rng)
    arguments = dict(zip("qkv", (q, k, v)))
    arguments.update(change(q, k, v))
    q, k, v = (arguments.pop(name) for name in "qkv")
    with pytest.raises((ValueError, TypeError), match=message):
        pyllsa.attention(q, k, v, **arguments)


def test_importing_without_torch_needs_no_torch():
    code = ("import sys; sys.modules['torch'] = None; import numpy, pyllsa; x = numpy.ones((1, 1, 40, 4));"
            "print(pyllsa.attention(x, x, x, levels=1).sum())")
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.strip() == "160.0", run.stderr


def test_other_arrays_come_by_dlpack(rng):
    q, k, v = problem(rng, dtype=np.float32)

    class Foreign:
        def __init__(self, x):
            self.x = x

        def __dlpack__(self, **arguments):
            return self.x.__dlpack__(**arguments)

        def __dlpack_device__(self):
            return self.x.__dlpack_device__()

    got = pyllsa.attention(Foreign(q), Foreign(k), Foreign(v), levels=1, block_size=4)
    assert np.array_equal(got, pyllsa.attention(q, k, v, levels=1, block_size=4))
    with pytest.raises(TypeError, match="q is a list"):
        pyllsa.attention([1], k, v)
