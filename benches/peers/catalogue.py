"""What is compared: every engine with how it is built and the points at which it is asked. Data only."""

from dataclasses import dataclass, field

TARGETS = [0.99, 0.995, 0.998, 0.999]
PERCENTS = [1, 10, 50]


@dataclass(frozen=True)
class Peer:
    """One index of a peer library."""

    name: str
    library: str
    params: dict
    points: list[dict]
    # For these engines the smallest ef that reaches each target is looked for, so that no grid holds them back.
    tuned: bool = False
    # Points for filtered search; none where the library has no filter, or where another index of it answers.
    filtered: list[dict] = field(default_factory=list)
    # Recall is counted over so many queries at most: some engines need 10 ms for one.
    judged: int = 1_000_000
    # Left out above this many rows unless it is named.
    rows_at_most: int = 200_000


def efs(*values: int) -> list[dict]:
    return [{"ef": value} for value in values]


def refined(*pairs: tuple[int, int]) -> list[dict]:
    return [{"nprobe": nprobe, "k_factor_rf": factor} for nprobe, factor in pairs]


PEERS = [
    Peer(
        "hnswlib-m16",
        "hnswlib",
        {"m": 16, "ef_construction": 200},
        efs(32, 64, 128, 256, 512),
        tuned=True,
        filtered=efs(32, 128, 512),
        rows_at_most=10_000_000,
    ),
    Peer(
        "hnswlib-m32",
        "hnswlib",
        {"m": 32, "ef_construction": 400},
        efs(32, 64, 128, 256, 512),
        tuned=True,
        filtered=efs(32, 128, 512),
    ),
    Peer("faiss-flat", "faiss", {"factory": "Flat"}, [{}], filtered=[{}]),
    Peer(
        "faiss-hnsw-m32",
        "faiss",
        {"factory": "HNSW32", "ef_construction": 200},
        [{"efSearch": ef} for ef in (64, 256, 512, 1024)],
        filtered=[{"efSearch": 128}, {"efSearch": 512}],
        judged=1000,
    ),
    # One-bit codes of rotated vectors, all scanned, the best rescored in full.
    Peer(
        "faiss-rabitq",
        "faiss",
        {"factory": "RR384,RaBitQfs,RFlat"},
        [{"k_factor_rf": factor} for factor in (5, 10, 20, 40, 100)],
        rows_at_most=10_000_000,
    ),
    Peer(
        "faiss-ivf-rabitq",
        "faiss",
        {"factory": "RR384,IVF256,RaBitQfs,RFlat"},
        refined((16, 10), (32, 20), (64, 40), (128, 40), (256, 100)),
        rows_at_most=10_000_000,
    ),
    Peer(
        "faiss-ivf-pq-fastscan",
        "faiss",
        {"factory": "IVF256,PQ96x4fs,RFlat"},
        refined((16, 20), (32, 40), (64, 100), (128, 200)),
    ),
    Peer("usearch-m16", "usearch", {"m": 16, "ef_construction": 200}, efs(64, 256, 512, 1024), judged=1000),
    Peer(
        "lancedb-ivf-hnsw-sq",
        "lancedb",
        {"index": "HnswSq", "options": {"num_partitions": 1, "m": 20, "ef_construction": 300}},
        [{"nprobes": 1, "ef": 100, "refine": 5}, {"nprobes": 1, "ef": 400, "refine": 10}],
        judged=500,
    ),
    Peer(
        "lancedb-ivf-pq",
        "lancedb",
        {"index": "IvfPq", "options": {"num_partitions": 256, "num_sub_vectors": 96}},
        [{"nprobes": 20, "refine": 10}, {"nprobes": 64, "refine": 20}],
        judged=500,
    ),
]

# Requests to `benches/vectors.rs`, by the name to give to `--engines`; the graph is run only when it is named.
OURS = {
    "nba": [{"kind": "codes", "params": {"recall": target}} for target in TARGETS],
    "nba-hnsw": [{"kind": "hnsw", "params": {}}],
}
OURS_FILTERED = {"nba": [{"kind": "codes", "params": {"recall": 0.999}}], "nba-hnsw": [{"kind": "hnsw", "params": {}}]}

# The index whose table also gets texts and a full-text index.
HYBRID = "lancedb-ivf-hnsw-sq"
HYBRID_POINT = {"nprobes": 1, "ef": 100, "refine": 5}
OURS_HYBRID = {"kind": "auto"}
