"""The extension module for this processor, as `core`.

A wheel holds the same code compiled for several instruction sets; the best one that this processor has is loaded.
`PYLLSA_INSTRUCTION_SET` names another (baseline, avx2, avx512, native), for comparisons. A child made by `fork()` starts
threads of its own, so that data loader workers can attend.
"""
import importlib
import importlib.util
import os

from pyllsa import _cpu


def _choose():
    asked = os.environ.get("PYLLSA_INSTRUCTION_SET")
    names = (asked,) if asked else ("native", *_cpu.instruction_sets())
    for name in names:
        if importlib.util.find_spec(f"pyllsa._core_{name}"):
            return name, importlib.import_module(f"pyllsa._core_{name}")
    raise ImportError(
        f"pyllsa was built without an extension module for {' or '.join(names)}; install it again for this machine"
    )


instruction_set, core = _choose()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=core.forget_pool)

F16, BF16, F32, F64 = range(4)  # llsa::DType
