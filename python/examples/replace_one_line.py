"""Attention over the pixels of a picture: one line instead of `scaled_dot_product_attention`."""
import sys
import time

import torch

import pyllsa

side = 64 if "--quick" in sys.argv else 256
q, k, v = torch.randn(3, 1, 4, side * side, 64)

begin = time.perf_counter()
o = pyllsa.attention(q, k, v, grid=(side, side))  # was: torch.nn.functional.scaled_dot_product_attention(q, k, v)
print(f"{side * side:,} tokens, 4 heads of 64: {time.perf_counter() - begin:.3f} s")

# How far from dense attention is that? Random tensors are the hardest case; `recommend` knows real pictures.
rows = pyllsa.approximate(q, k, v, [{"top_k": 8}, {"top_k": 32}], queries=256)
for row in rows:
    print(f"top_k {row['top_k'][0]}: {row['keys_per_query']:.0f} keys a query, relative error {row['relative_l2']:.2f}")
print(pyllsa.recommend(side * side, 64))
