"""The judge: exact nearest rows by a float32 scan, and how many of an engine's rows are right. Knows no engine."""

import hashlib
from pathlib import Path

import numpy as np

DEPTH = 100
BLOCK = 20_000
# Two float32 sums of 384 products in different orders differ by less.
TOLERANCE = 1e-6


def load_vectors(path: Path, rows: int | None = None) -> np.ndarray:
    vectors = np.load(path, mmap_mode="r")
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        found = f"{vectors.dtype} of shape {vectors.shape}"
        raise SystemExit(f"{path}: {found}, not a table of float32; `nba embed --in F --out F.npy` writes one")
    vectors = vectors if rows is None else vectors[:rows]
    sample = np.asarray(vectors[:: max(1, len(vectors) // 1000)])
    if np.abs(np.linalg.norm(sample, axis=1) - 1).max() > 1e-4:
        raise SystemExit(f"{path}: the vectors are not of unit length")
    return vectors


def fingerprint(*paths: Path) -> str:
    """Names a data set, so that what is kept in the work folder is never used for another one."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def eligible(rows: int, percent: float) -> np.ndarray:
    """A fixed pseudo-random choice of rows: the one that `benches/vectors.rs` documents."""
    hashed = (np.arange(rows, dtype=np.uint64) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    return hashed < np.uint64(percent / 100 * 2**32)


def nearest(base: np.ndarray, queries: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The best rows of each query, best first, ties by lower row."""
    rows_of = np.flatnonzero(mask) if mask is not None else None
    total = len(base) if rows_of is None else len(rows_of)
    depth = min(DEPTH, total)
    best_scores = np.full((len(queries), 0), -np.inf, dtype=np.float32)
    best_rows = np.zeros((len(queries), 0), dtype=np.int64)
    for start in range(0, total, BLOCK):
        stop = min(start + BLOCK, total)
        rows = np.arange(start, stop) if rows_of is None else rows_of[start:stop]
        block = np.asarray(base[start:stop]) if rows_of is None else np.asarray(base[rows])
        scores = np.hstack([best_scores, queries @ block.T])
        known = np.hstack([best_rows, np.broadcast_to(rows, (len(queries), len(rows)))])
        keep = np.argpartition(-scores, min(depth, scores.shape[1]) - 1, axis=1)[:, :depth]
        best_scores = np.take_along_axis(scores, keep, axis=1)
        best_rows = np.take_along_axis(known, keep, axis=1)
    order = np.lexsort((best_rows, -best_scores), axis=1)
    return np.take_along_axis(best_rows, order, axis=1)


def truth(base: np.ndarray, queries: np.ndarray, percent: float, kept: Path) -> np.ndarray:
    if not kept.exists():
        mask = eligible(len(base), percent) if percent < 100 else None
        np.save(kept, nearest(base, queries, mask))
    return np.load(kept)


def recall(base: np.ndarray, queries: np.ndarray, exact: np.ndarray, found: np.ndarray, k: int) -> float:
    """Share of the k nearest that were found.

    A row is right when its exact score is that of the k-th nearest or better, within `TOLERANCE`: rows of equal vectors
    stand for each other. A row counts once however often it is named, and −1 is no row.
    """
    right = 0
    for query, best, rows in zip(queries, exact, found):
        rows = np.unique(rows[rows >= 0])
        worst = np.asarray(base[best[k - 1]]) @ query
        right += min(k, int((np.asarray(base[rows]) @ query >= worst - TOLERANCE).sum()))
    return right / (len(queries) * k)
