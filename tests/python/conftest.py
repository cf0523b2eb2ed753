"""What the tests share. Properties are sentences; the oracle is `oracle.py`, the definition once more in NumPy."""
import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).resolve().parents[2]

if os.environ.get("PYLLSA_TESTS") == "numpy":
    sys.modules["torch"] = None  # as if it were not installed
elif os.environ.get("PYLLSA_TESTS") == "torch":
    import torch  # noqa: F401  (its absence is a failure then)

import pyllsa  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore::pyllsa.DenseAttentionWarning")


@pytest.fixture
def rng():
    return np.random.default_rng(20250917)


@pytest.fixture(autouse=True)
def seed_torch():
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(20250917)


@pytest.fixture(scope="session")
def root():
    return ROOT
