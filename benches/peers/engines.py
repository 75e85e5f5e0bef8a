"""The peers: how each builds, saves, opens and answers. One thread or all is said by the caller; nothing here is timed.

Every engine searches by inner product of unit vectors and answers with row numbers, -1 where it found none.
"""

import asyncio
from pathlib import Path

import numpy as np

from exact import eligible

LANCE_BATCH = 10_000


class Hnswlib:
    """`params`: m, ef_construction. A point: ef."""

    def __init__(self, folder: Path, params: dict, dimension: int):
        import hnswlib

        self.file, self.params = folder / "index.bin", params
        self.index = hnswlib.Index(space="ip", dim=dimension)
        self.allowed: dict[float, list[bool]] = {}

    def build(self, base: np.ndarray, _texts: list[str] | None, threads: int) -> None:
        self.index.init_index(len(base), self.params["ef_construction"], self.params["m"], random_seed=42)
        self.index.add_items(base, num_threads=threads)
        self.index.save_index(str(self.file))

    def open(self, _threads: int) -> None:
        self.index.load_index(str(self.file))

    def search(self, queries: np.ndarray, k: int, point: dict, percent: float, threads: int) -> np.ndarray:
        self.index.set_ef(max(point["ef"], k))
        if percent == 100:
            return self.index.knn_query(queries, k, num_threads=threads)[0].astype(np.int64)
        if percent not in self.allowed:
            self.allowed[percent] = eligible(self.index.element_count, percent).tolist()
        # The cheapest callback that Python has: a method written in C. It still takes the interpreter's lock each time.
        accept = self.allowed[percent].__getitem__
        found = np.full((len(queries), k), -1, dtype=np.int64)
        for at, query in enumerate(queries):
            try:
                found[at] = self.index.knn_query(query, k, num_threads=1, filter=accept)[0][0]
            except RuntimeError:  # fewer than k were found: the library then answers with none
                pass
        return found


class Faiss:
    """`params`: factory, and what `ParameterSpace` or HNSW knows. A point: efSearch, nprobe, k_factor_rf, …"""

    def __init__(self, folder: Path, params: dict, dimension: int):
        import faiss

        self.faiss, self.file, self.params, self.dimension = faiss, folder / "index.faiss", params, dimension
        self.point: dict = {}
        self.selectors: dict = {}

    def build(self, base: np.ndarray, _texts: list[str] | None, threads: int) -> None:
        self.faiss.omp_set_num_threads(threads)
        index = self.faiss.index_factory(self.dimension, self.params["factory"], self.faiss.METRIC_INNER_PRODUCT)
        if "ef_construction" in self.params:
            index.hnsw.efConstruction = self.params["ef_construction"]
        base = np.ascontiguousarray(base)
        index.train(base)
        index.add(base)
        self.faiss.write_index(index, str(self.file))

    def open(self, _threads: int) -> None:
        self.index = self.faiss.read_index(str(self.file))

    def search(self, queries: np.ndarray, k: int, point: dict, percent: float, threads: int) -> np.ndarray:
        self.faiss.omp_set_num_threads(threads)
        if point != self.point:
            space = self.faiss.ParameterSpace()
            space.initialize(self.index)
            for name, value in point.items():
                space.set_index_parameter(self.index, name, value)
            self.point = point
        return self.index.search(queries, k, params=self.filtered(percent, point))[1]

    def filtered(self, percent: float, point: dict):
        if percent == 100:
            return None
        if percent not in self.selectors:
            bits = np.packbits(eligible(self.index.ntotal, percent), bitorder="little")
            self.selectors[percent] = self.faiss.IDSelectorBitmap(bits)
        selector = self.selectors[percent]
        if "efSearch" in point:
            return self.faiss.SearchParametersHNSW(sel=selector, efSearch=point["efSearch"])
        return self.faiss.SearchParameters(sel=selector)


class Usearch:
    """`params`: m, ef_construction. A point: ef."""

    def __init__(self, folder: Path, params: dict, dimension: int):
        from usearch.index import Index

        self.file = folder / "index.usearch"
        self.index = Index(
            ndim=dimension,
            metric="ip",
            dtype="f32",
            connectivity=params["m"],
            expansion_add=params["ef_construction"],
        )

    def build(self, base: np.ndarray, _texts: list[str] | None, threads: int) -> None:
        self.index.add(np.arange(len(base)), np.ascontiguousarray(base), threads=threads)
        self.index.save(str(self.file))

    def open(self, _threads: int) -> None:
        self.index.load(str(self.file))

    def search(self, queries: np.ndarray, k: int, point: dict, percent: float, threads: int) -> np.ndarray:
        if percent != 100:
            raise ValueError("usearch has no filter in Python")
        self.index.expansion_search = max(point["ef"], k)
        keys = self.index.search(queries, k, threads=threads).keys
        return keys.astype(np.int64).reshape(len(queries), -1)


class Lancedb:
    """`params`: index (a class of `lancedb.index`) and its options, fts. A point: refine, nprobes, ef, kind.

    The asynchronous interface is used, one query after another: it costs less than the synchronous one, which wraps it.
    """

    def __init__(self, folder: Path, params: dict, _dimension: int):
        self.folder, self.params = folder / "db", params
        self.loop = asyncio.new_event_loop()

    def build(self, base: np.ndarray, texts: list[str] | None, _threads: int) -> None:
        self.loop.run_until_complete(self._build(base, texts))

    async def _build(self, base: np.ndarray, texts: list[str] | None) -> None:
        import lancedb
        import lancedb.index
        import pyarrow as pa

        def batches():
            for start in range(0, len(base), LANCE_BATCH):
                block = np.asarray(base[start : start + LANCE_BATCH])
                columns = {
                    "id": pa.array(np.arange(start, start + len(block)), pa.int32()),
                    "vector": pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), base.shape[1]),
                }
                if texts is not None:
                    columns["text"] = pa.array(texts[start : start + len(block)])
                yield pa.RecordBatch.from_pydict(columns)

        data = list(batches())
        database = await lancedb.connect_async(str(self.folder))
        table = await database.create_table("rows", data=pa.Table.from_batches(data), mode="overwrite")
        kind = getattr(lancedb.index, self.params["index"])
        await table.create_index("vector", config=kind(distance_type="dot", **self.params["options"]))
        if texts is not None:
            await table.create_index("text", config=lancedb.index.FTS())
        await table.optimize()

    def open(self, _threads: int) -> None:
        import lancedb

        async def table():
            return await (await lancedb.connect_async(str(self.folder))).open_table("rows")

        self.table = self.loop.run_until_complete(table())

    def search(
        self, queries: np.ndarray, k: int, point: dict, percent: float, threads: int, texts: list[str] | None = None
    ) -> np.ndarray:
        if percent != 100:
            raise ValueError("filters are not asked of LanceDB here")
        found = np.full((len(queries), k), -1, dtype=np.int64)
        for at, query in enumerate(queries):
            rows = self.loop.run_until_complete(self._one(query, texts[at] if texts else None, k, point))
            found[at, : len(rows)] = rows[:k]
        return found

    async def _one(self, vector: np.ndarray, text: str | None, k: int, point: dict) -> np.ndarray:
        from lancedb.query import MatchQuery
        from lancedb.rerankers import RRFReranker

        kind = point.get("kind", "vector")
        query = self.table.query()
        if kind == "keyword":
            query = query.nearest_to_text(MatchQuery(text, "text"))
        else:
            query = query.nearest_to(vector).distance_type("dot")
            if "nprobes" in point:
                query = query.nprobes(point["nprobes"])
            if "ef" in point:
                query = query.ef(max(point["ef"], k * point.get("refine", 1)))
            if "refine" in point:
                query = query.refine_factor(point["refine"])
        if kind == "hybrid":
            query = query.nearest_to_text(MatchQuery(text, "text")).rerank(RRFReranker())
        answer = await query.select(["id"]).limit(k).to_arrow()
        return answer["id"].to_numpy()


KINDS = {"hnswlib": Hnswlib, "faiss": Faiss, "usearch": Usearch, "lancedb": Lancedb}
