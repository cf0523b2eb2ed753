"""`pyllsa.models.PixelDiT` against `llsa-diffusion`: one model in two programs."""
import subprocess

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import pyllsa  # noqa: E402
from pyllsa import _safetensors  # noqa: E402
from pyllsa.models import PixelDiT, flow_loss, flow_point, sample  # noqa: E402


def program(root, name):
    path = root / "build" / "release" / "bin" / name
    if not path.exists():
        pytest.skip(f"{path.relative_to(root)} is not built")
    return path


SMALL = dict(image_size=16, hidden=24, layers=2, heads=2, frequency_dim=32)
CONFIGS = {
    "llsa": dict(SMALL, classes=3, attention={"name": "llsa", "block_size": 4, "levels": 2, "top_k": [3], "reweight": True,
                                              "coverage": "overlapping"}),
    "full, patches, an embedder a block": dict(SMALL, patch_size=2, per_block_embedders=True, order="hilbert",
                                               attention={"name": "full", "block_size": 16, "top_k": [8],
                                                          "reweight": True, "coverage": "overlapping"}),
    "wide": dict(SMALL, image_size="8x12", patch_size=2),
    "video": dict(SMALL, image_size="4x6", frames=3, hidden=64, classes=3),
}


def random_model(config):
    model = PixelDiT(**config)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return model


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_one_step_is_the_programs(root, tmp_path, config):
    once = program(root, "pixel_dit_once")
    model = random_model(config)
    model.save_checkpoint(tmp_path / "model.safetensors")
    pictures, noise = torch.randn(2, 2, *model.config.shape)
    times, labels = torch.tensor([0.3, 0.8]), torch.tensor([1, model.config.classes])
    noisy, target = flow_point(pictures, noise, times)
    _safetensors.write(tmp_path / "in.safetensors", {"noisy": noisy, "target": target, "times": times, "labels": labels.int()})
    subprocess.run([once, tmp_path / "model.safetensors", tmp_path / "in.safetensors", tmp_path / "out.safetensors"],
                   check=True)
    want, _ = _safetensors.read(tmp_path / "out.safetensors")
    loss = flow_loss(model, pictures, noise, times, labels)
    loss.backward()
    close = lambda got, right, name: np.testing.assert_allclose(
        got, right, rtol=0, atol=2e-4 * np.abs(right).max() + 1e-7, err_msg=name)
    close(model(noisy, times, labels).detach().numpy(), want["velocity"], "velocity")
    close(loss.item(), want["loss"][0], "loss")
    for name, p in model.named_parameters():
        close(p.grad.numpy(), want[name], name)


def test_checkpoints_are_opened_by_either(root, tmp_path):
    shipped = root / "diffusion" / "checkpoints" / "shapes16.safetensors"
    model = PixelDiT.from_checkpoint(shipped)
    assert model.flow["noise_scale"] == 1
    model.save_checkpoint(tmp_path / "again.safetensors")
    again = PixelDiT.from_checkpoint(tmp_path / "again.safetensors")
    assert again.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    run = program(root, "llsa-diffusion")
    grid = tmp_path / "grid.png"
    subprocess.run([run, "sample", "--checkpoint", tmp_path / "again.safetensors", "--count", "2", "--steps", "2",
                    "--grid", grid], check=True, capture_output=True)
    assert grid.stat().st_size > 0


def test_the_shipped_model_denoises(root):
    model = PixelDiT.from_checkpoint(root / "diffusion" / "checkpoints" / "shapes16.safetensors").eval()
    size = model.config.image_size
    pictures = sample(model, torch.randn(2, 3, size, size), steps=8, labels=torch.tensor([0, 1]))
    assert pictures.abs().mean() < 1.5 and torch.isfinite(pictures).all()


def test_a_step_of_training_lowers_the_loss():
    model = random_model(CONFIGS["llsa"])
    pictures, noise = torch.randn(2, 2, *model.config.shape)
    times, labels = torch.tensor([0.3, 0.8]), torch.tensor([0, 2])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(5):
        loss = flow_loss(model, pictures, noise, times, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_wrong_files_and_settings_are_refused(tmp_path):
    with pytest.raises(ValueError, match="hidden is 25"):
        PixelDiT(hidden=25)
    with pytest.raises(ValueError, match="image_size is '8x'; it must be a number, or 'HxW'"):
        PixelDiT(image_size="8x")
    with pytest.raises(ValueError, match="patch_size is 3; it must divide image_size, 6x8"):
        PixelDiT(image_size="6x8", patch_size=3)
    with pytest.raises(ValueError, match="frames is 0"):
        PixelDiT(frames=0)
    with pytest.raises(ValueError, match="heads have 4 dimensions"):
        PixelDiT(frames=2, hidden=12)
    with pytest.raises(ValueError, match=r"it must be \[batch, 2, 3, 4, 6\]"):
        PixelDiT(image_size="4x6", frames=2)(torch.zeros(1, 3, 4, 6), torch.zeros(1))
    _safetensors.write(tmp_path / "other.safetensors", {"x": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="is not a checkpoint"):
        PixelDiT.from_checkpoint(tmp_path / "other.safetensors")
    (tmp_path / "short.safetensors").write_bytes(b"123")
    with pytest.raises(ValueError, match="short.safetensors: the header"):
        PixelDiT.from_checkpoint(tmp_path / "short.safetensors")
