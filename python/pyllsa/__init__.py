"""Log-linear Sparse Attention for PyTorch and NumPy.

    import pyllsa
    o = pyllsa.attention(q, k, v, grid=(256, 256))     # in place of scaled_dot_product_attention(q, k, v)

See docs/python.md of the project, and `help(pyllsa.attention)`.
"""
import importlib
import sys

from pyllsa._core import core as _core
from pyllsa._core import instruction_set
from pyllsa._plan import DenseAttentionWarning
from pyllsa.functional import Order, attention, merge, order

__version__ = "0.1.0"


def threads():
    """How many threads attention uses: at first the cores that this process may use."""
    return _core.threads()


def set_threads(threads):
    """Sets how many threads attention uses from the next call on, 1 to 1024. Results do not depend on it."""
    _core.set_threads(threads)


# Loaded when they are first used: what needs torch, and the tools.
_LAZY = {
    "models": ("pyllsa.models", None),
    "distributed": ("pyllsa.distributed", None),
    "tools": ("pyllsa.tools", None),
    "verify": ("pyllsa.tools", "verify"),
    "compare": ("pyllsa.tools", "compare"),
    "approximate": ("pyllsa.tools", "approximate"),
    "recommend": ("pyllsa.tools", "recommend"),
    "show": ("pyllsa._show", "show"),
    "capture": ("pyllsa._capture", "capture"),
    "nn": ("pyllsa.nn", None),
    "replace": ("pyllsa._replace", "replace"),
    "Replacement": ("pyllsa._replace_site", "Replacement"),
}


def __getattr__(name):
    if name in _LAZY:
        module, attribute = _LAZY[name]
        loaded = importlib.import_module(module)
        value = getattr(loaded, attribute) if attribute else loaded
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pyllsa' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])


# The operator must be known before a compiler traces a model.
if sys.modules.get("torch") is not None:
    from pyllsa import _torch as _torch
