"""Checkpoints of `llsa-diffusion`: one `.safetensors` file with the settings as JSON in its metadata."""
import json

from pyllsa import _safetensors
from pyllsa._core import core

_FORMAT = "llsa-diffusion-1"


def _hash(tensors):
    """The sum over tensors of FNV-1a of name and bytes, as the program computes it."""
    total = 0
    for name, x in tensors.items():
        _, stored = _safetensors.as_stored(x)
        total += core.checkpoint_hash(name, stored.ctypes.data, stored.nbytes)
    return f"{total % 2**64:016x}"


def load(path):
    """`(fields of the configuration, weights by name, flow)`."""
    tensors, metadata = _safetensors.read(path)
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path}: is not a checkpoint of llsa-diffusion")
    try:
        fields, flow = json.loads(metadata["model"]), json.loads(metadata["flow"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: metadata {error} is missing or not JSON") from None
    if fields.get("stages", 1) != 1:
        raise ValueError(f"{path}: the model has {fields['stages']} stages of growing resolution; "
                         "only llsa-diffusion runs such models")
    return fields, {k: v for k, v in tensors.items() if not k.startswith("training.")}, flow


def assign(model, weights, path):
    import torch

    state = {name: torch.tensor(x, dtype=torch.float32) for name, x in weights.items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path}: {str(error).splitlines()[-1].strip()}") from None


def save(path, fields, state, flow, step):
    tensors = {name: x.float() for name, x in state.items()}
    flow = flow or {"noise_scale": 1, "time": "uniform", "time_shift": 1}
    metadata = {"format": _FORMAT, "hash": _hash(tensors), "model": json.dumps(fields), "flow": json.dumps(flow),
                "training": "{}", "step": str(step)}
    _safetensors.write(path, tensors, metadata)
