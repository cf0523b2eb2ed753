"""Is somebody's attention right, and if not, what is wrong with it?"""
import pyllsa

OPTIONS = dict(levels=2, block_size=4, top_k=3)


def right(q, k, v):
    return pyllsa.attention(q, k, v, return_lse=True, **OPTIONS)


def wrong(q, k, v):
    """Coarse keys that weigh 1 instead of the number of tokens they stand for."""
    return pyllsa.attention(q, k, v, return_lse=True, reweight=False, **OPTIONS)


for function in (right, wrong):
    verdict = pyllsa.verify(function, shape=(1, 2, 200, 16), **OPTIONS)
    print(f"--- {function.__name__}\n{verdict}")
    assert verdict.right == (function is right)
