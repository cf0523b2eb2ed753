"""What do the attention layers of a model look at? Recorded for llsa-viewer, and drawn here."""
import torch

import pyllsa
from pyllsa import _safetensors

torch.manual_seed(0)
side = 16
layer = torch.nn.TransformerEncoderLayer(32, 2, 64, dropout=0, batch_first=True)
model = torch.nn.Sequential(pyllsa.nn.Attention(32, 2, levels=1, block_size=4, top_k=4, grid=(side, side)), layer)
x = torch.randn(1, side * side, 32)

with pyllsa.capture(model, "captured") as captured:
    model(x)
print("recorded, for llsa-viewer:", *captured.files)

with pyllsa.replace(model, grid=(side, side), levels=1, block_size=4, top_k=4, min_tokens=0) as replaced:
    model(x)
    print(replaced)

tensors, _ = _safetensors.read(captured.files[0])
order = pyllsa.order((side, side))
q, k, v = (order.undo(tensors[name], 2) for name in "qkv")
picture = pyllsa.show(q, k, v, (side, side), query=(5, 9), levels=1, block_size=4, top_k=4)
picture.save("query.svg")
print(f"query.svg: {(picture.levels == 0).sum()} tokens seen one by one")
