"""Trains a pixel diffusion transformer on pictures of bars and writes a checkpoint that llsa-diffusion samples from."""
import sys

import torch

from pyllsa.models import PixelDiT, flow_loss, sample

steps = 20 if "--quick" in sys.argv else 2000
torch.manual_seed(0)


def bars(count, size):
    """Pictures in -1..1 with one bright bar, lying (label 0) or standing (label 1)."""
    labels = torch.randint(2, (count,))
    pictures = -torch.ones(count, 3, size, size)
    for picture, label, place in zip(pictures, labels, torch.randint(2, size - 4, (count,))):
        if label:
            picture[:, :, place : place + 2] = 1
        else:
            picture[:, place : place + 2] = 1
    return pictures, labels


model = PixelDiT(image_size=16, hidden=48, layers=3, heads=3, classes=2,
                 attention={"name": "llsa", "block_size": 4, "levels": 2, "top_k": [4], "reweight": True,
                            "coverage": "overlapping"})
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
losses = []
for step in range(steps):
    pictures, labels = bars(8, 16)
    loss = flow_loss(model, pictures, torch.randn_like(pictures), torch.rand(8), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % max(1, steps // 5) == 0:
        print(f"step {step}: loss {loss.item():.3f}")

quarter = max(1, steps // 4)
assert sum(losses[-quarter:]) < sum(losses[:quarter]), "the loss did not fall"
model.save_checkpoint("bars.safetensors", step=steps)
pictures = sample(model, torch.randn(2, 3, 16, 16), steps=4 if "--quick" in sys.argv else 30, labels=torch.tensor([0, 1]))
print(f"sampled {tuple(pictures.shape)}; llsa-diffusion sample --checkpoint bars.safetensors does the same")
