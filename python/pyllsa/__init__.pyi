from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, TypeVar, overload

import numpy as np
import numpy.typing as npt

from pyllsa import distributed as distributed
from pyllsa import models as models
from pyllsa import nn as nn
from pyllsa import tools as tools
from pyllsa._capture import Capture
from pyllsa._replace_site import Replacement as Replacement
from pyllsa._show import Picture
from pyllsa.tools import Comparison, Recommendation, Verdict

__version__: str
instruction_set: str

_Array = TypeVar("_Array")
_Order = Literal["auto", "raster", "morton", "hilbert"]
_Method = Literal["llsa", "full", "topk", "topk+enrichment", "topk+enrichment+reweighting"]
_Coverage = Literal["overlapping", "disjoint"]
_Grid = tuple[int, int] | tuple[int, int, int]

class DenseAttentionWarning(UserWarning): ...

class Order:
    grid: tuple[int, ...]
    name: str
    to_raster: npt.NDArray[np.int64]
    from_raster: npt.NDArray[np.int64]
    def apply(self, x: _Array, dim: int = 1) -> _Array: ...
    def undo(self, x: _Array, dim: int = 1) -> _Array: ...

def threads() -> int: ...
def set_threads(threads: int) -> None: ...
def order(grid: _Grid, order: _Order = "auto") -> Order: ...
def merge(o_a: _Array, lse_a: _Array, o_b: _Array, lse_b: _Array) -> tuple[_Array, _Array]: ...
@overload
def attention(
    q: _Array,
    k: _Array,
    v: _Array,
    *,
    grid: _Grid | None = None,
    order: _Order = "auto",
    levels: int | Literal["auto"] | None = "auto",
    top_k: int | Sequence[int] = 8,
    block_size: int = 16,
    enrichment_levels: int | None = None,
    reweight: bool = True,
    coverage: _Coverage = "overlapping",
    scale: float | None = None,
    layout: Literal["bhnd", "bnhd"] = "bhnd",
    cu_seqlens: Any = None,
    context: tuple[_Array, _Array] | None = None,
    prefix: int = 0,
    method: _Method = "llsa",
    return_lse: Literal[False] = False,
    selection: Sequence[_Array] | None = None,
    return_selection: Literal[False] = False,
) -> _Array: ...
@overload
def attention(
    q: _Array,
    k: _Array,
    v: _Array,
    *,
    grid: _Grid | None = None,
    order: _Order = "auto",
    levels: int | Literal["auto"] | None = "auto",
    top_k: int | Sequence[int] = 8,
    block_size: int = 16,
    enrichment_levels: int | None = None,
    reweight: bool = True,
    coverage: _Coverage = "overlapping",
    scale: float | None = None,
    layout: Literal["bhnd", "bnhd"] = "bhnd",
    cu_seqlens: Any = None,
    context: tuple[_Array, _Array] | None = None,
    prefix: int = 0,
    method: _Method = "llsa",
    return_lse: bool = False,
    selection: Sequence[_Array] | None = None,
    return_selection: bool = False,
) -> tuple[Any, ...]: ...
def replace(
    model: Any,
    *,
    grid: _Grid | None = None,
    min_tokens: int = 1024,
    modules: Sequence[type] | None = None,
    **options: Any,
) -> Replacement: ...
def verify(
    function: Callable[..., Any],
    q: Any = None,
    k: Any = None,
    v: Any = None,
    *,
    grad_output: Any = None,
    grad_lse: Any = None,
    backward: bool = True,
    tolerance: Literal["f16", "bf16", "f32", "f64"] | None = None,
    seed: int = 0,
    shape: tuple[int, int, int, int] = (1, 2, 500, 32),
    **options: Any,
) -> Verdict: ...
def compare(got: Any, want: Any) -> Comparison: ...
def approximate(
    q: Any,
    k: Any,
    v: Any,
    configurations: Sequence[dict[str, Any]] | None = None,
    *,
    grid: _Grid | None = None,
    order: str = "raster",
    queries: int = 1024,
    scale: float | None = None,
) -> list[dict[str, Any]]: ...
def recommend(
    tokens: int | None = None,
    head_dim: int = 64,
    *,
    heads: int = 1,
    max_error: float | None = None,
    time_budget: float | None = None,
    q: Any = None,
    k: Any = None,
    v: Any = None,
) -> Recommendation: ...
def show(
    q: Any,
    k: Any,
    v: Any,
    grid: tuple[int, int],
    *,
    query: int | tuple[int, int] | None = None,
    batch: int = 0,
    head: int = 0,
    order: _Order = "auto",
    layout: Literal["bhnd", "bnhd"] = "bhnd",
    **options: Any,
) -> Picture: ...
def capture(
    model: Any,
    folder: str | PathLike[str],
    /,
    *,
    layers: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    grid: _Grid | None = None,
    order: str = "raster",
    most_heads: int | None = None,
    **metadata: Any,
) -> Capture: ...
