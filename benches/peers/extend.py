#!/usr/bin/env python3
"""More rows of the same distribution, seeded: what a desk looks like when it has grown.

A new row is a base row moved part of the way to one of its near neighbours, plus noise, scaled back to unit length:

    row = unit(b + t (neighbour − b) + s |b − nearest| g),   t uniform in 0…0.5, g Gaussian of expected length 1

The noise is as long as s times the distance to the nearest neighbour, so dense regions stay dense and sparse ones sparse.
Base rows come in turns, from a seeded order, so that each is used equally often; the base itself stays in front, unchanged.
`SPREAD` (s) was chosen so that the cosines of a base row to its nearest neighbours keep their quantiles; both are printed:

    python3 benches/peers/extend.py --base base.npy --rows 1000000 --out base-1m.npy
"""

import argparse
import sys
from pathlib import Path

import numpy as np

SEED = 42
NEIGHBOURS = 10
SPREAD = 0.8
BLOCK = 50_000
SAMPLE = 500
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


def neighbours(base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows of each row, itself left out, and their cosines; from an inverted file, which is enough to draw from."""
    import faiss

    index = faiss.index_factory(base.shape[1], f"IVF{max(1, round(len(base) ** 0.5))},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(base[:: max(1, len(base) // 40_000)])
    index.add(base)
    index.nprobe = 8
    cosines, rows = index.search(base, NEIGHBOURS + 1)
    own = rows == np.arange(len(base))[:, None]
    own[~own.any(axis=1), -1] = True  # among equal vectors a row may miss itself: its last goes
    missing = rows < 0
    rows[missing] = np.broadcast_to(np.arange(len(base))[:, None], rows.shape)[missing]
    return rows[~own].reshape(len(base), NEIGHBOURS), cosines[~own].reshape(len(base), NEIGHBOURS)


def extended(base: np.ndarray, rows: int) -> np.ndarray:
    base = np.ascontiguousarray(base)
    near, cosines = neighbours(base)
    gaps = np.sqrt(np.clip(2 - 2 * cosines[:, 0], 0, None))
    random = np.random.default_rng(SEED)
    result = np.empty((rows, base.shape[1]), dtype=np.float32)
    result[: len(base)] = base
    order = random.permutation(len(base))
    for start in range(len(base), rows, BLOCK):
        stop = min(start + BLOCK, rows)
        source = order[np.arange(start, stop) % len(base)]
        toward = base[near[source, random.integers(NEIGHBOURS, size=len(source))]]
        step = random.uniform(0, 0.5, size=(len(source), 1)).astype(np.float32)
        noise = random.standard_normal((len(source), base.shape[1]), dtype=np.float32) / np.sqrt(base.shape[1])
        moved = base[source] + step * (toward - base[source]) + (SPREAD * gaps[source, None]).astype(np.float32) * noise
        result[start:stop] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return result


def quantiles(vectors: np.ndarray, at: np.ndarray) -> dict[int, np.ndarray]:
    """Quantiles of the cosine between sampled rows and their first and tenth nearest other rows, exact."""
    best = np.full((len(at), 11), -1, dtype=np.float32)
    for start in range(0, len(vectors), BLOCK):
        scores = np.hstack([best, vectors[at] @ vectors[start : start + BLOCK].T])
        best = -np.partition(-scores, 10, axis=1)[:, :11]
    best = -np.sort(-best, axis=1)
    return {place: np.quantile(best[:, place], QUANTILES) for place in (1, 10)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    base = np.load(args.base)
    result = extended(base, args.rows)
    np.save(args.out, result)
    random = np.random.default_rng(SEED)
    print("cosine to the nearest other row, quantiles " + ", ".join(map(str, QUANTILES)), file=sys.stderr)
    samples = {
        "base, its rows": (base, random.choice(len(base), min(SAMPLE, len(base)), replace=False)),
        "extended, its rows": (result, random.choice(len(result), min(SAMPLE, len(result)), replace=False)),
    }
    for name, (vectors, at) in samples.items():
        for place, values in quantiles(vectors, at).items():
            print(f"{name:<20} {place:>2}. nearest: " + "  ".join(f"{value:.4f}" for value in values))


if __name__ == "__main__":
    main()
