"""Judging, measuring, choosing, showing and recording. Most of it needs NumPy alone."""
import importlib.util
import json
import subprocess

import numpy as np
import pytest

import pyllsa
from pyllsa import _safetensors

try:
    import torch
except ImportError:
    torch = None
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")

# What is there must load: a module that lacks a symbol is a failure.
needs_tools = pytest.mark.skipif(importlib.util.find_spec("pyllsa._tools") is None, reason="built without PYLLSA_TOOLS")

OPTIONS = dict(levels=2, block_size=4, top_k=3)


def arrays(rng, tokens=200, dim=16):
    return list(rng.standard_normal((3, 1, 2, tokens, dim), dtype=np.float32))


@needs_tools
def test_verify_accepts_the_packages_own_attention(rng):
    verdict = pyllsa.verify(lambda q, k, v: pyllsa.attention(q, k, v, return_lse=True, **OPTIONS), *arrays(rng), **OPTIONS)
    assert verdict and verdict.right, str(verdict)
    assert [t["name"] for t in verdict.data["tensors"]] == ["o", "lse"]
    assert "verdict: right" in str(verdict)


@needs_tools
@needs_torch
def test_verify_judges_autograd():
    verdict = pyllsa.verify(lambda q, k, v: pyllsa.attention(q, k, v, **OPTIONS), shape=(1, 2, 200, 16), **OPTIONS)
    assert verdict, str(verdict)
    assert [t["name"] for t in verdict.data["tensors"]] == ["o", "dq", "dk", "dv"]
    dense = torch.nn.functional.scaled_dot_product_attention
    assert pyllsa.verify(dense, shape=(1, 1, 100, 8), levels=0)


@needs_tools
def test_verify_names_the_mistake(rng):
    q, k, v = arrays(rng)
    wrong = pyllsa.verify(lambda q, k, v: pyllsa.attention(q, k, v, reweight=False, **OPTIONS), q, k, v, **OPTIONS)
    assert not wrong and any("weigh" in finding for finding in wrong.findings("o")), str(wrong)
    zeros = pyllsa.verify(lambda q, k, v: np.zeros_like(q), q, k, v, **OPTIONS)
    assert not zeros and any("zero" in finding for finding in zeros.findings("o")), str(zeros)


@needs_tools
@needs_torch
def test_verify_names_a_mistake_of_the_gradient():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            return v.clone()

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    verdict = pyllsa.verify(lambda q, k, v: pyllsa.attention(q, k, Wrong.apply(v), **OPTIONS), shape=(1, 1, 100, 8), **OPTIONS)
    assert not verdict and verdict.findings("dv") and not verdict.findings("dq"), str(verdict)
    equation = next(t["equation"] for t in verdict.data["tensors"] if t["name"] == "dv")
    assert "2.00" in equation, equation


@needs_tools
def test_verify_refuses_what_it_cannot_judge(rng):
    q, k, v = arrays(rng)
    with pytest.raises(ValueError, match="o has shape"):
        pyllsa.verify(lambda q, k, v: q[:, :, :5], q, k, v, **OPTIONS)
    with pytest.raises(ValueError, match="tolerance is 'f8'"):
        pyllsa.verify(lambda q, k, v: q, q, k, v, tolerance="f8")
    with pytest.raises(ValueError, match="given together"):
        pyllsa.verify(lambda q, k, v: q, q)


@needs_tools
def test_verify_says_what_the_program_says(rng, root, tmp_path):
    program = root / "build" / "release" / "bin" / "llsa-compare"
    if not program.exists():
        pytest.skip("llsa-compare is not built")
    q, k, v = arrays(rng)
    o = pyllsa.attention(q, k, v, coverage="disjoint", **OPTIONS)
    ours = pyllsa.verify(lambda q, k, v: o, q, k, v, **OPTIONS)
    _safetensors.write(tmp_path / "qkv.safetensors", {"q": q, "k": k, "v": v})
    _safetensors.write(tmp_path / "theirs.safetensors", {"o": o})
    run = subprocess.run([program, "verify", "--input", tmp_path / "qkv.safetensors", "--theirs", tmp_path / "theirs.safetensors",
                          "--levels", "2", "--block-size", "4", "--top-k", "3"], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == str(ours)


def test_compare_says_how_far_and_where(rng):
    x = rng.standard_normal((2, 3, 4))
    assert pyllsa.compare(x, x) == (0, pytest.approx(1), 0, (0, 0, 0), x[0, 0, 0], x[0, 0, 0], 0)
    y = x.copy()
    y[1, 2, 3] += 100
    found = pyllsa.compare(y, x)
    assert found.worst == (1, 2, 3) and found.got == y[1, 2, 3] and found.relative_l2 > 1
    y[0, 0, 0] = np.nan
    assert pyllsa.compare(y, x).nonfinite_differences == 1
    with pytest.raises(ValueError, match="must be equal"):
        pyllsa.compare(x, x[:1])


@needs_tools
def test_approximate_falls_with_more_keys(rng):
    q, k, v = arrays(rng, tokens=1024)
    rows = pyllsa.approximate(q, k, v, [dict(OPTIONS, top_k=n, coverage="disjoint") for n in (2, 8, 1000)])
    errors = [row["relative_l2"] for row in rows]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-5
    assert rows[0]["keys_per_query"] < rows[1]["keys_per_query"]
    dense, near = (pyllsa.attention(q, k, v, **o) for o in (dict(levels=0), dict(OPTIONS, top_k=2, coverage="disjoint")))
    assert errors[0] == pytest.approx(pyllsa.compare(near, dense).relative_l2, rel=1e-4)
    assert len(pyllsa.approximate(q, k, v)) == 14


@needs_tools
def test_recommend_advises_options_that_attention_takes(rng):
    advice = pyllsa.recommend(4096, 32, max_error=0.2)
    assert "For 4,096 tokens" in str(advice) and advice.data["front"]
    q, k, v = arrays(rng, tokens=4096, dim=32)
    assert pyllsa.attention(q, k, v, **advice.options).shape == q.shape
    with pytest.raises(ValueError, match="tokens must be given"):
        pyllsa.recommend()


def test_a_picture_shows_the_querys_weights(rng, tmp_path):
    q, k, v = arrays(rng, tokens=16 * 16)
    picture = pyllsa.show(q, k, v, (16, 16), query=(3, 5), levels=1, block_size=4, top_k=4)
    assert picture.weights.sum() == pytest.approx(1) and picture.dense.sum() == pytest.approx(1)
    assert (picture.levels == 0).sum() == 16 and set(np.unique(picture.levels)) == {0, 1}
    scores = k[0, 0].astype(float) @ q[0, 0, 3 * 16 + 5] / 4
    p = np.exp(scores - scores.max())
    np.testing.assert_allclose(picture.dense.ravel(), p / p.sum(), atol=1e-6)
    # What the weights say is what attention computes.
    o = pyllsa.attention(q, k, v, grid=(16, 16), levels=1, block_size=4, top_k=4)
    np.testing.assert_allclose(picture.weights.ravel() @ v[0, 0], o[0, 0, 3 * 16 + 5], atol=1e-5)
    assert picture._repr_svg_().startswith("<svg") and picture.svg.count("<image") == 3
    for name in ("a.svg", "a.png"):
        picture.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    with pytest.raises(ValueError, match="must end in"):
        picture.save(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match="query is"):
        pyllsa.show(q, k, v, (16, 16), query=(16, 0))


@needs_torch
def test_a_capture_is_what_attention_saw(tmp_path, root):
    model = torch.nn.Sequential(pyllsa.nn.Attention(16, 2, levels=1, block_size=4, top_k=2, grid=(8, 8)),
                                pyllsa.nn.Attention(16, 2, levels=0))
    x = torch.randn(1, 64, 16)
    want = model(x)
    with pyllsa.capture(model, tmp_path / "c", steps=[1], model="mine") as captured:
        model(torch.zeros_like(x))
        assert torch.equal(model(x), want)
    model(x)
    assert [p.split("/")[-1] for p in captured.files] == ["0.step1.safetensors", "1.step1.safetensors"]
    tensors, metadata = _safetensors.read(captured.files[0])
    q = model[0].to_q(x).unflatten(-1, (2, 8)).transpose(1, 2)
    assert np.array_equal(tensors["q"], pyllsa.order((8, 8)).apply(q.detach().numpy(), 2))
    assert metadata["grid"] == "8x8" and metadata["order"] == "morton" and metadata["levels"] == "1"
    assert metadata["model"] == "mine"
    program = root / "build" / "release" / "bin" / "llsa-compare"
    if program.exists():
        out = tmp_path / "out.safetensors"
        subprocess.run([program, "run", "--input", captured.files[0], "--levels", "1", "--block-size", "4", "--top-k", "2",
                        "--output", out], check=True, capture_output=True)
    with pytest.raises(ValueError, match="no attention module is called 'nine'"):
        pyllsa.capture(model, tmp_path, layers=["nine"])


def test_files_are_read_as_they_were_written(rng, tmp_path):
    tensors = {"a": rng.standard_normal((2, 3)).astype(np.float16), "b": np.arange(5), "c": np.float64(3) * np.ones((1, 1))}
    _safetensors.write(tmp_path / "x.safetensors", tensors, {"key": "value"})
    back, metadata = _safetensors.read(tmp_path / "x.safetensors")
    assert metadata == {"key": "value"} and all(np.array_equal(back[n], x) for n, x in tensors.items())
    header = json.loads((tmp_path / "x.safetensors").read_bytes()[8:].split(b"}}")[0] + b"}}")
    assert list(header)[1:] == ["b", "c", "a"]  # wider elements first
    with pytest.raises(TypeError, match="cannot be stored"):
        _safetensors.write(tmp_path / "y.safetensors", {"a": np.ones(2, np.complex64)})
    assert not list(tmp_path.glob(".*"))
