"""Training speed on this machine, compared with a plain loop and with the hardware's matmul rate.

Run `python benchmarks/training.py`. Each round times all variants in turn, so that other work on
the machine slows all of them, and the best round counts. A variant is a precision, an order of the
channels and a micro-batch size; "plain" is a first PyTorch loop: float32, channels first, 16
subtomograms at a time. bfloat16 is left out where the processor has no units for it, and takes
minutes. On a GPU, it is also timed without convolutions that repeat to the bit
("any sum"). `--compile` adds the network with torch.compile, on a GPU with CUDA graphs; it needs a
C++ compiler or Triton, and a minute for each size. The matmul rate is that of torch's products of
two square matrices (`MATRIX`), on a GPU of several in a row; convolutions may exceed it.

First, the memory of a training at the paper's size is measured: one batch of a shard of
`--subtomograms` made-up subtomograms is trained on, and as many are segmented, as in an epoch of
`ssn3d.segmentation.training.train`. It does not depend on their number (`benchmarks/scale.py`).
With `--epochs`, whole epochs are timed as well: on 81 % of them, and validated on 9 %, as in the
paper.

The last line of the output is JSON: `training_peak_gb` is the peak memory of that training,
`peak_gb` that of all variants, mostly the plain one. On a GPU both are GPU memory. `epoch_seconds`
are those of the fastest epoch.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from made_up import PAPER, an_epoch, open_uncached, peak_gb, reset_peak, write_made_up_shards
from ssn3d.core.device import gpu_names, pick_precision
from ssn3d.core.provenance import hardware
from ssn3d.segmentation.inference.compute import Compute, deterministic
from ssn3d.segmentation.networks.registry import NETWORKS, build_network
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.micro_batch import CANDIDATES, time_step
from ssn3d.segmentation.training.train import train
from ssn3d.subtomograms.samples import Samples
from ssn3d.subtomograms.store import open_dataset

PLAIN_MICRO_BATCH = 16
MATRIX = {"cpu": 4096, "cuda": 8192}
PRODUCTS = {"cpu": 1, "cuda": 10}
"""In a row, since a GPU that has just waited for the next is slower."""


def make_network(name: str) -> nn.Module:
    """Build a network with fixed weights, in training mode."""
    return build_network(name, 0.7, torch.Generator().manual_seed(0)).train()


def plain_step(network: nn.Module, images: Tensor, masks: Tensor) -> None:
    """Pass forward and backward without any optimisation."""
    cross_entropy(network(images), masks).backward()  # type: ignore[no-untyped-call]
    network.zero_grad()


def repeatable_step(network: nn.Module, compute: Compute, count: int, size: int) -> None:
    """Pass forward and backward as a training does."""
    with deterministic():
        time_step(network, compute, count, size)


def seconds_of_an_epoch(
    samples: Samples, name: str, settings: TrainingSettings, epochs: int
) -> float:
    """Seconds of the fastest of some epochs, each with its validation."""
    count = len(samples)
    rows = torch.arange(count).numpy()
    train_rows, validation_rows = rows[: round(0.81 * count)], rows[-round(0.09 * count) :]
    changed = settings.model_copy(update={"epochs": epochs, "patience_epochs": epochs})
    result = train(
        samples, train_rows, validation_rows, name, settings=changed, seed=0, run_name="benchmark"
    )
    return float(result.history["seconds"].min())


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, including GPU work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def flop_per_subtomogram(name: str, size: int, device: torch.device) -> int:
    """Floating-point operations of one forward and backward pass, counted as it runs."""
    network = make_network(name).to(device)
    images = torch.zeros((1, 1, size, size, size), device=device)
    with FlopCounterMode(display=False) as counter:
        plain_step(network, images, torch.zeros_like(images[:, 0], dtype=torch.int64))
    return int(counter.get_total_flops())


def precisions_of(device: torch.device) -> list[torch.dtype]:
    """List float32, and bfloat16 if the device computes with it."""
    return [torch.float32, *{pick_precision("auto", device)} - {torch.float32}]


def multiply(matrix: Tensor) -> None:
    """Multiply a matrix with itself, on a GPU several times."""
    for _ in range(PRODUCTS[matrix.device.type]):
        torch.mm(matrix, matrix)


def make_ways(
    name: str, size: int, device: torch.device, *, compiled: bool
) -> dict[tuple[str, str, int], Callable[[], object]]:
    """Give a step for each (precision, order of channels, micro-batch size), plain first."""
    plain = make_network(name).to(device)
    images = torch.zeros((PLAIN_MICRO_BATCH, 1, size, size, size), device=device)
    masks = torch.zeros_like(images[:, 0], dtype=torch.int64)
    ways: dict[tuple[str, str, int], Callable[[], object]] = {
        ("float32", "first (plain)", PLAIN_MICRO_BATCH): lambda: plain_step(plain, images, masks)
    }
    for precision in precisions_of(device):
        compute = Compute(device, precision)
        network = compute.place(make_network(name))
        order = "last" if compute.memory_format == torch.channels_last_3d else "first"
        for count in CANDIDATES[device.type]:
            step = partial(repeatable_step, network, compute, count, size)
            ways[compute.precision_name, order, count] = step
            if device.type == "cuda" and precision == torch.bfloat16:
                step = partial(time_step, network, compute, count, size)
                ways[compute.precision_name, f"{order}, any sum", count] = step
            if compiled and precision == torch.bfloat16:
                mode = "reduce-overhead" if device.type == "cuda" else "default"  # CUDA graphs
                fused = torch.compile(network, mode=mode, dynamic=False)
                step = partial(repeatable_step, fused, compute, count, size)
                ways[compute.precision_name, f"{order}, compiled", count] = step
    return ways


def parsed() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--network", default="SSN3D-ED", choices=NETWORKS)
    parser.add_argument("--size-voxels", type=int, default=40)
    parser.add_argument("--subtomograms", type=int, default=3380)
    parser.add_argument("--data", type=Path, help="folder that keeps the made-up subtomograms")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=0, help="whole epochs to time (default 0)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--matrix", type=int, help="edge of the matrices of the matmul rate")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    compute = Compute.pick(arguments.device, "auto")
    device, name, size = compute.device, arguments.network, arguments.size_voxels

    settings = PAPER.training.model_copy(update={"device": arguments.device})
    epoch_seconds = None
    with tempfile.TemporaryDirectory() as folder:
        data = (arguments.data or Path(folder)) / f"{arguments.subtomograms}_of_{size}"
        data.mkdir(parents=True, exist_ok=True)
        shards = write_made_up_shards(data, 1, arguments.subtomograms, size)
        reset_peak(device)
        an_epoch(open_uncached(shards), name, settings, 1, Path(folder) / "checkpoint.pt")
        peak_of_training = peak_gb(device)
        count = arguments.subtomograms
        print(f"a training on {count} subtomograms: peak {peak_of_training:.2f} GB")
        if arguments.epochs:
            samples = open_dataset(shards)
            epoch_seconds = seconds_of_an_epoch(samples, name, settings, arguments.epochs)
            print(f"an epoch: {epoch_seconds:.2f} s")

    reset_peak(device)
    edge, products = arguments.matrix or MATRIX[device.type], PRODUCTS[device.type]
    numbers = torch.randn((edge, edge), device=device)  # a GPU multiplies ones faster than data
    matrices = {str(p).removeprefix("torch."): numbers.to(p) for p in precisions_of(device)}
    ways = make_ways(name, size, device, compiled=arguments.compile)
    flop = flop_per_subtomogram(name, size, device)
    best_matmul = dict.fromkeys(matrices, float("inf"))
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(1 + arguments.rounds):  # the first round warms up, and is never the best
        for precision, matrix in matrices.items():
            spent = seconds_of(partial(multiply, matrix), device) / products
            best_matmul[precision] = min(best_matmul[precision], spent)
        for way, step in ways.items():
            best[way] = min(best[way], seconds_of(step, device) / way[2])

    rate = {precision: 2 * edge**3 / spent for precision, spent in best_matmul.items()}
    plain = next(iter(best.values()))
    print(f"{name}, {size}^3, {flop / 1e9:.1f} GFLOP a subtomogram, {arguments.threads} threads")
    for precision, flop_per_s in rate.items():
        print(f"matmul {precision}: {flop_per_s / 1e9:.0f} GFLOP/s")
    print("precision  channels          batch       ms  speedup  of matmul")
    for (precision, order, count), spent in best.items():
        share = flop / spent / rate[precision]
        print(
            f"{precision:10} {order:17} {count:5d} {1e3 * spent:8.1f} {plain / spent:8.2f} "
            f"{100 * share:9.0f}%"
        )
    ours = [w for w in best if w[0] == compute.precision_name and w[1] in {"first", "last"}]
    way = min(ours, key=lambda w: best[w])
    any_sum = (way[0], f"{way[1]}, any sum", way[2])
    result = {
        "network": name,
        "precision": way[0],
        "micro_batch_size": way[2],
        "ms_per_subtomogram": round(1e3 * best[way], 2),
        "plain_float32_ms": round(1e3 * plain, 2),
        "speedup_vs_plain_float32": round(plain / best[way], 2),
        "share_of_matmul_rate": round(flop / best[way] / rate[way[0]], 3),
        "repeating_costs": round(best[way] / best[any_sum], 2) if any_sum in best else None,
        "epoch_seconds": epoch_seconds and round(epoch_seconds, 2),
        "training_subtomograms": arguments.subtomograms,
        "training_peak_gb": round(peak_of_training, 2),
        "peak_gb": round(peak_gb(device), 2),
        "device": device.type,
        **hardware(),
        "gpus": gpu_names(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
