"""Sequence-parallel attention over processes: bit for bit that of one process."""
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this PyTorch has no gloo", allow_module_level=True)

import rank_work  # noqa: E402
from ranks import Ranks  # noqa: E402

NAMES = ("o", "lse", "dq", "dk", "dv")


@pytest.fixture(scope="module")
def ranks():
    started = Ranks()
    yield started
    started.close()


def problem(**changes):
    return {"seed": 1, "batch": 1, "heads": 2, "key_heads": 2, "queries": 300, "keys": 300, "dim": 8, "value_dim": 8,
            "dtype": "float32", **changes}


def check(ranks, size, given, options, **how):
    found = [parts for parts, _ in ranks.run("attend", size, problem=given, options=options, **how)]
    want = rank_work.alone(given, options, how.get("through_lse", True))
    for at, name in enumerate(NAMES):
        got = torch.cat([parts[at] for parts in found], dim=2)
        assert got.dtype == want[at].dtype
        assert torch.equal(got, want[at]), f"{name} differs by {(got.double() - want[at].double()).abs().max():.1e}"


CASES = {
    "two_levels": (problem(), {"levels": 2, "top_k": 3, "block_size": 4}),
    "three_levels_of_a_ragged_length": (problem(queries=517, keys=517), {"levels": 3, "top_k": [2, 3, 2], "block_size": 4}),
    "one_level": (problem(), {"levels": 1, "top_k": 4, "block_size": 16}),
    "no_level": (problem(queries=90, keys=90), {"levels": 0}),
    "disjoint_coverage": (problem(), {"levels": 2, "top_k": 3, "block_size": 4, "coverage": "disjoint"}),
    "no_enrichment": (problem(), {"levels": 2, "top_k": 3, "block_size": 4, "enrichment_levels": 0}),
    "enrichment_below_the_top": (problem(), {"levels": 3, "top_k": 3, "block_size": 4, "enrichment_levels": 1}),
    "no_reweighting": (problem(), {"levels": 2, "top_k": 3, "block_size": 4, "reweight": False, "scale": 0.3}),
    "fewer_key_heads": (problem(heads=6, key_heads=2, batch=2), {"levels": 2, "top_k": 2, "block_size": 4}),
    "other_keys_than_queries": (problem(queries=200, keys=333, value_dim=5), {"levels": 2, "top_k": 3, "block_size": 4}),
    "half_precision": (problem(dtype="bfloat16"), {"levels": 2, "top_k": 3, "block_size": 4}),
    "float16": (problem(dtype="float16"), {"levels": 1, "top_k": 3, "block_size": 8}),
    "double_precision": (problem(dtype="float64"), {"levels": 2, "top_k": 3, "block_size": 4}),
    "large_blocks": (problem(), {"levels": 1, "top_k": 1, "block_size": 100}),
    "more_levels_than_tokens": (problem(queries=33, keys=33), {"levels": 6, "top_k": 2, "block_size": 3}),
    "fewer_tokens_than_ranks": (problem(queries=3, keys=2), {"levels": 1, "top_k": 1, "block_size": 2}),
}


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("name", CASES)
def test_any_number_of_ranks_gives_the_bits_of_one_process(ranks, name, size):
    check(ranks, size, *CASES[name], cut_seed=size)


def test_equal_shards_give_the_bits_of_one_process(ranks):
    check(ranks, 4, *CASES["two_levels"], even=True)


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_gives_the_bits_of_one_process(ranks, seed):
    check(ranks, 4, problem(seed=seed, queries=411, keys=411), {"levels": 3, "top_k": 2, "block_size": 4}, cut_seed=50 + seed)


def test_a_loss_of_the_output_alone_gives_the_bits_of_one_process(ranks):
    check(ranks, 3, *CASES["two_levels"], through_lse=False)


@pytest.mark.parametrize("key_heads", [1, 2])
@pytest.mark.parametrize("block_size", [4, 16])
def test_sums_over_many_segments_of_queries_give_the_bits_of_one_process(ranks, block_size, key_heads):
    # 8,192 queries are a segment. With blocks of 4 one part adds all segments, with 16 each is a part.
    check(ranks, 3, problem(heads=2, key_heads=key_heads, queries=20_001, keys=20_001, dim=4, value_dim=4),
          {"levels": 1, "top_k": 2, "block_size": block_size})


def test_a_rank_fetches_the_selected_blocks_and_no_more(ranks):
    import pyllsa

    given, options = problem(queries=512, keys=512), {"levels": 2, "top_k": 2, "block_size": 4}
    received = [traffic for _, traffic in ranks.run("attend", 4, problem=given, options=options, even=True)]
    q, k, v, *_ = rank_work.make(**given)
    _, lists = pyllsa.attention(q, k, v, return_selection=True, **options)
    for rank in range(4):
        blocks = 0
        for head in range(2):
            chosen = set(lists[0][0, head, 32 * rank : 32 * rank + 32].flatten().tolist()) - {-1}
            blocks += len([b for b in chosen if b // 32 != rank])
        assert received[rank]["keys"] == blocks * 4 * (8 + 8) * 4
        assert received[rank]["keys"] < 3 / 4 * k.numel() * 2 * 4


def test_the_bytes_of_keys_do_not_grow_with_the_sequence(ranks):
    most = {}
    for tokens in (1024, 4096):  # on four times as many tokens a rank's share is four times as large, no more
        given = problem(heads=1, key_heads=1, queries=tokens, keys=tokens)
        results = ranks.run("attend", 4, problem=given, options={"levels": 3, "top_k": 1, "block_size": 4}, even=True)
        most[tokens] = max(traffic["keys"] for _, traffic in results)
    assert most[4096] <= 5 * most[1024]


def test_ranks_that_ask_for_different_things_are_told_so_on_every_rank(ranks):
    for messages in ranks.run("disagree", 2):
        assert messages == ["options of rank 1 and rank 0 differ; they must be equal on all ranks"] * 2 + [
            "dtype of rank 1 and rank 0 differ; they must be equal on all ranks"]


def test_shard_covers_every_token_once_and_layouts_agree(ranks):
    results = ranks.run("token_major", 3)
    assert sum((parts for parts, _ in results), []) == list(map(float, range(101)))
    assert all(equal for _, equal in results)


DYING = """
import datetime, os, sys, torch, torch.distributed as dist, pyllsa.distributed
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=3,
                        timeout=datetime.timedelta(seconds=20))
q = torch.randn(1, 1, 64, 8)
pyllsa.distributed.attention(q, q, q, levels=1)
if rank == 2: os._exit(3)
try:
    pyllsa.distributed.attention(q, q, q, levels=1)
except pyllsa.distributed.LostRank as lost:
    print(lost, flush=True)
    os._exit(7)
"""


def test_a_dead_rank_ends_the_others_with_one_line(tmp_path):
    began = time.monotonic()
    started = [subprocess.Popen([sys.executable, "-c", DYING, str(rank), str(tmp_path / "store")], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for rank in range(3)]
    outputs = [process.communicate(timeout=100)[0] for process in started]
    assert [process.returncode for process in started] == [7, 7, 3]
    for rank in (0, 1):
        assert outputs[rank].startswith(f"rank {rank} of 3 lost another rank: ") and outputs[rank].count("\n") == 1
    assert time.monotonic() - began < 90


def test_the_computed_bytes_bound_the_counted_ones(ranks):
    from pyllsa import _traffic

    options = {"levels": 2, "top_k": 2, "block_size": 4}
    given = problem(heads=1, key_heads=1, queries=512, keys=512)
    received = [traffic for _, traffic in ranks.run("attend", 4, problem=given, options=options, even=True)]
    mean = {stage: sum(traffic[stage] for traffic in received) / 4 for stage in received[0]}
    bound = _traffic.most_bytes(512, 4, head_dim=8, element_size=4, **options)
    assert set(mean) == set(bound)
    assert mean["lists"] == bound["lists"]
    for stage, most in bound.items():
        assert most / 8 < mean[stage] <= most, stage


def test_the_table_in_the_documentation_is_the_computed_one(root):
    from pyllsa import _traffic

    assert _traffic.table() in (root / "docs" / "python.md").read_text()


def test_ring_attention_passes_every_key_and_value():
    from pyllsa import _traffic

    assert _traffic.ring_bytes(1024, 4, head_dim=64, element_size=2, backward=False) == 768 * 64 * 2 * 2
    assert _traffic.ring_bytes(1024, 4, head_dim=64, element_size=2) == 768 * 64 * 2 * (2 + 2 + 4)


def test_a_model_with_sharded_parameters_trains_as_a_whole_one(ranks):
    try:
        from torch.distributed.fsdp import fully_shard  # noqa: F401
    except ImportError:
        pytest.skip("this PyTorch has no FSDP2")
    want = rank_work.sharded(None, 0, 1)
    for found in ranks.run("sharded", 2):
        for name, value in want.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
