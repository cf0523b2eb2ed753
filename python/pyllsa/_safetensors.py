"""Reading and writing `.safetensors` as docs/file-formats.md has it, with NumPy alone."""
import json
import os
import tempfile

import numpy as np

_TYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "BF16": np.uint16}


def as_stored(x):
    """`(element type, array)` of an array or tensor; bfloat16 as its bits."""
    if type(x).__module__.partition(".")[0] == "torch" or hasattr(x, "__torch_function__"):
        x = x.detach().cpu().contiguous()
        if str(x.dtype) == "torch.bfloat16":
            import torch

            return "BF16", x.view(torch.int16).numpy().view(np.uint16)
        x = x.numpy()
    x = np.ascontiguousarray(x)
    if x.dtype.name == "bfloat16":
        return "BF16", x.view(np.uint16)
    for name, kind in _TYPES.items():
        if x.dtype == kind and name != "BF16":
            return name, x
    raise TypeError(f"tensors of {x.dtype} cannot be stored; they must be one of {', '.join(_TYPES)}")


def write(path, tensors, metadata=None):
    """Writes named arrays or tensors and text metadata; the file appears complete or not at all."""
    stored = [(name, *as_stored(x)) for name, x in tensors.items()]
    stored.sort(key=lambda each: -each[2].itemsize)  # wider elements first, so that all are aligned
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = {str(k): str(v) for k, v in metadata.items()}
    for name, kind, x in stored:
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path), suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for _, _, x in stored:
                file.write(x.tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read(path):
    """`(arrays by name, metadata)`; bfloat16 becomes float32. Raises `ValueError` that begins with the path."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        size = int.from_bytes(data[:8], "little")
        if len(data) < 8 or size > len(data) - 8:
            raise ValueError("the header is longer than the file")
        header = json.loads(data[8 : 8 + size])
        metadata, arrays = header.pop("__metadata__", {}), {}
        for name, entry in header.items():
            if entry["dtype"] not in _TYPES:
                raise ValueError(f"tensor {name!r} has type {entry['dtype']}; it must be one of {', '.join(_TYPES)}")
            kind = np.dtype(_TYPES[entry["dtype"]])
            begin, end = entry["data_offsets"]
            count = int(np.prod(entry["shape"], dtype=np.int64))
            if not 0 <= begin <= end <= len(data) - 8 - size or end - begin != count * kind.itemsize:
                raise ValueError(f"tensor {name!r} does not fit its place in the file")
            x = np.frombuffer(data, kind, count, 8 + size + begin).reshape(entry["shape"])
            if entry["dtype"] == "BF16":
                x = (x.astype(np.uint32) << 16).view(np.float32)
            arrays[name] = x
        return arrays, metadata
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from None
