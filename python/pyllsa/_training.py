"""What `pyllsa.train` is made of: pictures, a run's random numbers, logs and checkpoints."""
import json
import os
import pathlib
import tempfile

import numpy as np
import torch

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class Bars:
    """Pictures with one bright bar, lying (label 0) or standing (label 1): a data set without files."""

    classes = ["lying", "standing"]

    def __len__(self):
        return 4096

    def picture(self, index, size):
        place, label = index // 2 % (size - size // 8), index % 2
        picture = -torch.ones(3, size, size)
        bar = slice(place, place + size // 8)
        if label:
            picture[:, :, bar] = 1
        else:
            picture[:, bar] = 1
        return picture, label


class Array:
    """A `.npy` file of pictures, `[count, height, width, 3]` bytes or `[count, 3, height, width]` floats in -1..1."""

    classes = []

    def __init__(self, path):
        self.pictures = np.load(path, mmap_mode="r")
        if self.pictures.ndim != 4 or 3 not in (self.pictures.shape[1], self.pictures.shape[3]):
            raise ValueError(f"{path}: has shape {self.pictures.shape}; it must be [count, height, width, 3] or "
                             "[count, 3, height, width]")

    def __len__(self):
        return len(self.pictures)

    def picture(self, index, size):
        x = torch.from_numpy(np.array(self.pictures[index]))
        if x.dtype == torch.uint8:
            x = x.permute(2, 0, 1).float() / 127.5 - 1
        return _resized(x.float(), size), 0


class Folder:
    """Pictures in a folder; those of its folders are classes. Needs Pillow."""

    def __init__(self, path):
        from PIL import Image

        self.open = Image.open
        files = sorted(p for p in pathlib.Path(path).rglob("*") if p.suffix.lower() in PICTURES)
        if not files:
            raise ValueError(f"{path}: has no picture ({', '.join(PICTURES)})")
        names = sorted({p.parent.name for p in files if p.parent != pathlib.Path(path)})
        self.files = [(p, names.index(p.parent.name) if p.parent.name in names else 0) for p in files]
        self.classes = names

    def __len__(self):
        return len(self.files)

    def picture(self, index, size):
        path, label = self.files[index]
        with self.open(path) as image:
            x = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 127.5 - 1
        return _resized(x, size), label


def _resized(x, size):
    """The square in the middle, averaged or interpolated to `size`."""
    side = min(x.shape[1:])
    top, left = (x.shape[1] - side) // 2, (x.shape[2] - side) // 2
    x = x[None, :, top : top + side, left : left + side]
    mode = {"mode": "area"} if side >= size else {"mode": "bilinear", "align_corners": False}
    return torch.nn.functional.interpolate(x, (size, size), **mode)[0]


def data_set(name):
    if name == "bars":
        return Bars()
    return Array(name) if name.endswith(".npy") else Folder(name)


def batch(data, seed, step, samples, size, drop_label):
    """Pictures, noise, times and labels of these samples of a step. A sample is a function of seed, step and its number,
    whoever computes it: the run does not depend on the number of ranks, and needs no state to be continued."""
    parts = []
    for sample in samples:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + step) * 65_537 + sample)
        index = int(torch.randint(len(data), (1,), generator=generator))
        picture, label = data.picture(index, size)
        time = torch.rand((), generator=generator)
        if torch.rand((), generator=generator) < drop_label:
            label = len(data.classes)
        parts.append((picture, torch.randn(picture.shape, generator=generator), time, torch.tensor(label)))
    return tuple(torch.stack(column) for column in zip(*parts))


class Average:
    """The exponential moving average of a model's parameters."""

    def __init__(self, model, decay):
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model, step):
        decay = min(self.decay, (1 + step) / (10 + step))  # a young average follows faster
        for name, p in model.named_parameters():
            self.values[name].lerp_(p, 1 - decay)


class Logs:
    """`log.jsonl`, one line a record, and TensorBoard where it is installed."""

    def __init__(self, folder, step):
        self.path = os.path.join(folder, "log.jsonl")
        lines = []
        if os.path.exists(self.path):  # what a broken run logged behind its last checkpoint is computed again
            with open(self.path) as file:
                lines = [line for line in file if line.endswith("\n") and json.loads(line)["step"] < step]
        replaced(self.path, lambda path: pathlib.Path(path).write_text("".join(lines)))
        self.writer = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(folder, purge_step=step)
        except ImportError:
            pass

    def write(self, step, **values):
        with open(self.path, "a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        if self.writer:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)
            self.writer.flush()


def replaced(path, write):
    """Writes a file under another name, and then gives it this one: a run that is killed leaves the old or the new."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".")
    os.close(handle)
    try:
        write(temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
