"""Rows per second of every generator, and the ratio to River's equivalent in the same run.

Run: python experiments/benchmark_generators.py [--rows 200000] [--chunk 10000]
"""

import argparse
import itertools
import time

from river.datasets import synth

from stream.data.synthetic import create, names

RIVER = {
    "sea": lambda: synth.SEA(variant=0, noise=0.1, seed=42),
    "sea-a": lambda: synth.ConceptDriftStream(
        synth.SEA(variant=0, noise=0.1, seed=42),
        synth.SEA(variant=1, noise=0.1, seed=42),
        position=5_000,
        width=50,
        seed=42,
    ),
    "led": lambda: synth.LED(noise_percentage=0.1, irrelevant_features=True, seed=42),
    "led-a": lambda: synth.LEDDrift(
        noise_percentage=0.1, irrelevant_features=True, n_drift_features=3, seed=42
    ),
    "rbf": lambda: synth.RandomRBF(42, 42, n_classes=5, n_features=10, n_centroids=50),
    "rbf-m": lambda: synth.RandomRBFDrift(
        42, 42, n_classes=5, n_features=10, n_centroids=50, change_speed=1e-4, n_drift_centroids=50
    ),
    "rbf-f": lambda: synth.RandomRBFDrift(
        42, 42, n_classes=5, n_features=10, n_centroids=50, change_speed=1e-3, n_drift_centroids=50
    ),
    "random-tree": lambda: synth.RandomTree(
        42, 42, n_classes=5, n_num_features=10, n_cat_features=0
    ),
    "hyperplane": lambda: synth.Hyperplane(seed=42, n_features=10),
    "agrawal": lambda: synth.Agrawal(seed=42),
}
# The specs that are measured beside the names: the large label spaces.
LARGE = (
    "syn-blocks-sud:labels=200,blocks=20",
    "syn-text:labels=10000,blocks=2500,cardinality=3,features=100000",
    "syn-tree:labels=10000,blocks=2500,cardinality=3",
)


def ours(spec: str, rows: int, chunk_rows: int) -> float:
    """Rows a second, batches assembled; the better of two passes."""
    source = create(spec, n_rows=rows)
    next(source.batches(min(chunk_rows, rows)))  # compiles
    best = 0.0
    for _ in range(2):
        start = time.perf_counter()
        done = sum(batch.n_rows for batch in source.batches(chunk_rows))
        best = max(best, done / (time.perf_counter() - start))
    return best


def rivers(name: str, rows: int) -> float:
    """Rows a second of River's generator."""
    stream = iter(RIVER[name]())
    next(stream)
    start = time.perf_counter()
    done = sum(1 for _ in itertools.islice(stream, rows))
    return done / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="rows of our generators")
    parser.add_argument("--river-rows", type=int, default=10_000, help="rows of River's")
    parser.add_argument("--chunk", type=int, default=10_000, help="rows of a batch")
    arguments = parser.parse_args()
    print(f"{'generator':<64} {'rows/s':>12} {'River rows/s':>13} {'ratio':>7}")
    for spec in (*names(), *LARGE):
        speed = ours(spec, arguments.rows, arguments.chunk)
        line = f"{spec:<64} {speed:>12,.0f}"
        if spec in RIVER:
            peer = rivers(spec, arguments.river_rows)
            line += f" {peer:>13,.0f} {speed / peer:>6,.0f}x"
        print(line)


if __name__ == "__main__":
    main()
