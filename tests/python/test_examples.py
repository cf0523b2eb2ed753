"""Every example runs, and the PyTorch check of the program runs here too."""
import os
import subprocess
import sys

import pytest

import pyllsa

EXAMPLES = ["replace_one_line", "judge_a_kernel", "train_a_tiny_model", "look_at_a_model", "many_processes",
            "one_long_sequence"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(root, tmp_path, name):
    pytest.importorskip("torch")
    if name in ("replace_one_line", "judge_a_kernel") and pyllsa.tools._tools is None:
        pytest.skip("built without PYLLSA_TOOLS")
    path = root / "python" / "examples" / f"{name}.py"
    run = subprocess.run([sys.executable, path, "--quick"], cwd=tmp_path, capture_output=True, text=True, timeout=170,
                         env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip()


def test_every_example_is_tried(root):
    assert sorted(EXAMPLES) == sorted(p.stem for p in (root / "python" / "examples").glob("*.py"))


def test_the_program_agrees_with_autograd(root):
    pytest.importorskip("torch")
    program = root / "build" / "release" / "bin" / "llsa-compare"
    if not program.exists():
        pytest.skip("llsa-compare is not built")
    run = subprocess.run([sys.executable, root / "tests" / "autograd" / "autograd_check.py", program],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
