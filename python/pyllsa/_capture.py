"""`pyllsa.capture`: Q, K and V of a model's attention layers, as files that `llsa-viewer` and `llsa-compare` open."""
import functools
import os

from torch.overrides import TorchFunctionMode

from pyllsa import _arguments, _replace_site, _safetensors, functional, nn


class Capture:
    """What `capture` records; a context manager that stops recording at the end.

    Attributes:
        files: paths written so far, in order.
        layers: names of the attention modules that are watched.
    """

    def __init__(self, folder, steps, most_heads, metadata):
        self.folder, self.steps, self.most_heads, self.metadata = folder, steps, most_heads, metadata
        self.files, self.layers, self._calls, self._undo = [], [], {}, []

    def record(self, name, q, k, v, options):
        step = self._calls.get(name, 0)
        self._calls[name] = step + 1
        if self.steps is not None and step not in self.steps:
            return
        heads = slice(None if self.most_heads is None else self.most_heads)
        described = {"layout": "batch,heads,tokens,dim", "source": "pyllsa.capture", "layer": name, "step": step}
        described.update(self.metadata)
        described.update(options)
        path = os.path.join(self.folder, f"{name}.step{step}.safetensors")
        _safetensors.write(path, {"q": q[:, heads], "k": k[:, heads], "v": v[:, heads]}, described)
        self.files.append(path)

    def stop(self):
        """Stops recording and leaves the model as it was."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def capture(model, folder, /, *, layers=None, steps=None, grid=None, order="raster", most_heads=None, **metadata):
    """Records queries, keys and values of a model's self-attention, as attention sees them (after norms and rotation).

    Knows `pyllsa.nn.Attention` and the modules that `replace` knows except `torch.nn.MultiheadAttention`.

    Args:
        model: any `torch.nn.Module`; run it inside the `with` block.
        folder: where the files go, `<layer>.step<n>.safetensors`; made if it is missing.
        layers: names of modules to record (None: all that are known).
        steps: numbers of the calls to record, the first is 0 (None: all).
        grid, order: how tokens lie on the picture, for the viewer.
        most_heads: keep this many heads.
        metadata: further text for the files.

    Returns:
        `Capture`.

    Raises:
        ValueError: no such layer, or none that is known.
    """
    os.makedirs(folder, exist_ok=True)
    if grid is not None:
        metadata = {"grid": "x".join(str(n) for n in _arguments.grid_of(grid)), "order": order, **metadata}
    found = Capture(folder, None if steps is None else set(steps), most_heads, metadata)
    for name, module in model.named_modules():
        kind = "pyllsa" if isinstance(module, nn.Attention) else _replace_site.kind_of(module, ())
        if kind and kind != "torch.nn.MultiheadAttention" and (layers is None or name in layers):
            found.layers.append(name)
            _watch(found, name, module)
    missing = set(layers or ()) - set(found.layers)
    if missing or not found.layers:
        found.stop()
        raise ValueError(f"layers: no attention module is called {sorted(missing)[0]!r}" if missing else
                         "the model has no attention module that capture knows")
    return found


class _Watching(TorchFunctionMode):
    """Notes the calls of attention while it is entered."""

    def __init__(self, found, name):
        super().__init__()
        self.found, self.name = found, name

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is _replace_site.sdpa and args[0].dim() == 4 and args[0].shape[2] == args[1].shape[2]:
            self.found.record(self.name, *args[:3], {"levels": "0"})
        return function(*args, **(kwargs or {}))


def _watch(found, name, module):
    original = module.forward

    @functools.wraps(original)
    def forward(*args, **kwargs):
        observer = lambda q, k, v, plan, placed: found.record(name, q, k, v, _described(q, plan, placed))
        functional._observers.append(observer)
        try:
            with _Watching(found, name):
                return original(*args, **kwargs)
        finally:
            functional._observers.remove(observer)

    found._undo.append(_replace_site.set_forward(module, forward))


def _described(q, plan, placed):
    scale = q.shape[3] ** -0.5 if plan.scale is None else plan.scale
    options = {
        "block_size": plan.block_size, "levels": plan.levels, "top_k": ",".join(map(str, plan.top_k)) or "1",
        "enrichment_levels": plan.enrichment_levels, "reweight": str(plan.reweight).lower(),
        "coverage": "disjoint" if plan.disjoint else "overlapping", "scale": repr(float(scale)), "method": "llsa",
    }
    if placed is not None:
        options.update(grid="x".join(map(str, placed[0])), order=placed[1])
    return options
