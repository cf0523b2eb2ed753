"""`python -m pyllsa.train` at tiny sizes."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import pyllsa  # noqa: E402
from pyllsa import _training, train  # noqa: E402
from pyllsa.models import PixelDiT  # noqa: E402

TINY = ["--hidden", "24", "--layers", "2", "--heads", "2", "--block-size", "4", "--levels", "1", "--top-k", "2", "--batch", "4",
        "--warmup", "1", "--lr", "0.005", "--log-every", "1"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads(), pyllsa.threads()
    torch.set_num_threads(1)
    pyllsa.set_threads(1)
    yield
    torch.set_num_threads(before[0])
    pyllsa.set_threads(before[1])


def run(folder, *more):
    train.main(["--output", str(folder), *TINY, *more])
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def start(folder, ranks, *more):
    """The script on several processes, as torchrun starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(ranks):
        environment = {**os.environ, "WORLD_SIZE": str(ranks), "RANK": str(rank), "LOCAL_RANK": str(rank),
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pyllsa.train", "--output", str(folder), *TINY, *more]
        started.append(subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    return started


def run_many(folder, ranks, *more):
    for process in start(folder, ranks, *more):
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, out + err
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def logged(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def difference(a, b):
    return max(float((x - y).abs().max()) for x, y in zip(a["model"].values(), b["model"].values()))


def same(a, b):
    return all(torch.equal(a[part][name], b[part][name]) for part in ("model", "average") for name in a[part])


def test_the_loss_falls_and_every_step_is_logged(tmp_path):
    run(tmp_path, "--stages", "8:40")
    lines = logged(tmp_path)
    assert [line["step"] for line in lines] == list(range(40))
    assert sum(line["loss"] for line in lines[-10:]) < 0.8 * sum(line["loss"] for line in lines[:10])


def test_a_continued_run_ends_with_the_bits_of_one_that_never_stopped(tmp_path):
    whole = run(tmp_path / "whole", "--stages", "8:6")
    run(tmp_path / "parts", "--stages", "8:3")
    assert same(whole, run(tmp_path / "parts", "--stages", "8:6", "--resume"))
    keep = ("step", "loss", "gradient_norm")
    assert [[l[k] for k in keep] for l in logged(tmp_path / "parts")] == [[l[k] for k in keep] for l in logged(tmp_path / "whole")]


def test_lines_logged_behind_the_last_checkpoint_are_written_again_once(tmp_path):
    run(tmp_path, "--stages", "8:3")
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 3, "loss": 99}\n{"step": 4, "lo')
    run(tmp_path, "--stages", "8:5", "--resume")
    assert [line["step"] for line in logged(tmp_path)] == [0, 1, 2, 3, 4]
    assert all(line["loss"] < 99 for line in logged(tmp_path))


def test_micro_batches_sum_to_the_batch(tmp_path):
    whole = run(tmp_path / "whole", "--stages", "8:3")
    parts = run(tmp_path / "parts", "--stages", "8:3", "--accumulate", "3")  # 2, 1 and 1 pictures
    assert 0 < difference(whole, parts) < 2e-3
    for a, b in zip(logged(tmp_path / "whole"), logged(tmp_path / "parts")):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-3)


def test_a_run_goes_on_with_another_number_of_ranks(tmp_path):
    alone = run(tmp_path / "alone", "--stages", "8:6", "--clip", "1e9")
    run_many(tmp_path / "many", 3, "--stages", "8:3", "--clip", "1e9")
    many = run_many(tmp_path / "many", 2, "--stages", "8:6", "--clip", "1e9", "--resume")
    assert many["step"] == 6 and difference(alone, many) < 5e-3
    for a, b in zip(logged(tmp_path / "alone"), logged(tmp_path / "many")):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-2)


def test_weights_carry_over_to_larger_pictures_with_new_positions_and_more_noise(tmp_path):
    run(tmp_path, "--stages", "8:2,128:1", "--batch", "1")
    assert [line["size"] for line in logged(tmp_path)] == [8, 8, 128]
    model = PixelDiT.from_checkpoint(tmp_path / "model.safetensors")
    assert model.config.image_size == 128 and model.flow["noise_scale"] == 2
    assert train.noise_scale(64) == train.noise_scale(32) == 1 and train.noise_scale(512) == 8
    small = run(tmp_path / "small", "--stages", "8:2", "--batch", "1")
    grown = train.Run(train.arguments(["--output", str(tmp_path / "grown"), *TINY, "--stages", "8:2,128:1"]))
    grown.make(128, small["model"])
    assert all(torch.equal(grown.model.state_dict()[name], x) for name, x in small["model"].items())
    assert grown.model.cosine.shape[0] == 128 * 128


def test_the_average_follows_the_weights(tmp_path):
    state = run(tmp_path, "--stages", "8:5", "--ema", "0.5")
    moved = [name for name, x in state["model"].items() if not torch.equal(x, state["average"][name])]
    assert moved
    model = PixelDiT.from_checkpoint(tmp_path / "model.safetensors")
    assert all(torch.equal(x, state["average"][name]) for name, x in model.state_dict().items())


def test_bf16_and_a_compiled_model_train(tmp_path):
    plain, rounded = run(tmp_path / "plain", "--stages", "8:3"), run(tmp_path / "bf16", "--stages", "8:3", "--bf16")
    assert 0 < difference(plain, rounded) < 0.05
    compiled = run(tmp_path / "compiled", "--stages", "8:2", "--compile", "aot_eager")
    assert list(compiled["model"]) == list(plain["model"])
    for a, b in zip(logged(tmp_path / "plain"), logged(tmp_path / "compiled")):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-3)


def test_a_run_is_not_continued_with_other_settings_and_not_overwritten(tmp_path):
    run(tmp_path, "--stages", "8:1")
    with pytest.raises(SystemExit, match="--lr was 0.005; a run is continued with its settings"):
        run(tmp_path, "--stages", "8:2", "--lr", "0.1", "--resume")
    with pytest.raises(SystemExit, match="checkpoint.pt is there: --resume continues it"):
        run(tmp_path, "--stages", "8:2")


def test_arrays_and_folders_of_pictures_are_data(tmp_path):
    white = np.full((3, 20, 30, 3), 255, np.uint8)
    np.save(tmp_path / "white.npy", white)
    picture, label = _training.data_set(str(tmp_path / "white.npy")).picture(1, 16)
    assert picture.shape == (3, 16, 16) and label == 0 and torch.allclose(picture, torch.ones(()))
    np.save(tmp_path / "flat.npy", white[0])
    with pytest.raises(ValueError, match=r"flat.npy: has shape \(20, 30, 3\)"):
        _training.data_set(str(tmp_path / "flat.npy"))
    image = pytest.importorskip("PIL.Image")
    for name in ("cats", "dogs"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        image.fromarray(white[0]).save(tmp_path / "pictures" / name / "a.png")
    data = _training.data_set(str(tmp_path / "pictures"))
    assert data.classes == ["cats", "dogs"] and data.picture(1, 8)[1] == 1


def test_a_sample_is_the_same_whoever_computes_it():
    data = _training.Bars()
    whole = _training.batch(data, 3, 7, range(6), 16, 0.5)
    part = _training.batch(data, 3, 7, [4, 1], 16, 0.5)
    assert all(torch.equal(a[[4, 1]], b) for a, b in zip(whole, part))


def test_a_killed_rank_ends_the_other_with_one_line(tmp_path):
    first, second = start(tmp_path, 2, "--stages", "8:100000", "--time-out", "20", "--save-every", "1")
    limit = time.monotonic() + 100
    while not (tmp_path / "checkpoint.pt").exists() and time.monotonic() < limit:
        time.sleep(0.2)
    second.send_signal(signal.SIGKILL)
    _, err = first.communicate(timeout=60)
    second.communicate()
    lines = [line for line in err.splitlines() if "lost another rank" in line]
    assert first.returncode == 1 and len(lines) == 1 and lines[0].startswith("rank 0 of 2 lost another rank: "), err
    assert "Traceback" not in err
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] >= 1


def test_tensorboard_gets_what_the_log_has_where_it_is_installed(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, "--stages", "8:2")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [0, 1]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([line["loss"] for line in logged(tmp_path)])


def test_torchrun_starts_the_ranks(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "pyllsa.train",
               "--output", str(tmp_path / "two"), *TINY, "--stages", "8:3", "--device", "cpu"]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True, capture_output=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    two = torch.load(tmp_path / "two/checkpoint.pt", weights_only=True)
    one = run(tmp_path / "one", "--stages", "8:3", "--device", "cpu")
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(SystemExit, match="--device cuda: tensors on cuda cannot be attended to: "):
        run(tmp_path / "run", "--stages", "8:1", "--device", "cuda")
    assert not (tmp_path / "run").exists()
