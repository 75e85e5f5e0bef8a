"""A process for one peer, so that its memory is its own. Reads one JSON request a line, writes one JSON answer a line.

    python3 worker.py '{"library": "hnswlib", "params": {…}, "folder": "…", "queries": "…", "threads": 1}'

`build`: builds from a file of vectors and saves. `open`: opens what was saved. `rows`: answers all queries, untimed, and
writes the rows to a file. `time`: answers some, timed. `memory`: peak so far.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

# Libraries print; answers must stay alone on their channel.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402
from engines import KINDS  # noqa: E402

WARM = 20
PACKAGES = {"faiss": "faiss-cpu"}


def peak_kb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    task = json.loads(sys.argv[1])
    threads, folder = task["threads"], Path(task["folder"])
    queries = np.load(task["queries"])
    texts = Path(task["query_texts"]).read_text(encoding="utf-8").splitlines() if task.get("query_texts") else None
    engine = KINDS[task["library"]](folder, task["params"], queries.shape[1])

    def search(request: dict, first: int, count: int, width: int) -> np.ndarray:
        some = {"texts": texts[first : first + count]} if request["point"].get("kind") in ("hybrid", "keyword") else {}
        block = queries[first : first + count]
        return engine.search(block, request["k"], request["point"], request["percent"], width, **some)

    def build(request: dict) -> dict:
        base = np.load(request["base"], mmap_mode="r")
        lines = Path(request["texts"]).read_text(encoding="utf-8").splitlines() if request.get("texts") else None
        base = np.ascontiguousarray(base)  # read before the clock starts
        start = time.perf_counter()
        engine.build(base, lines, threads)
        return {"seconds": time.perf_counter() - start}

    def open_saved(_request: dict) -> dict:
        start = time.perf_counter()
        engine.open(threads)
        return {"seconds": time.perf_counter() - start}

    def rows(request: dict) -> dict:
        np.save(request["out"], search(request, 0, request["count"], threads))
        return {}

    def timed(request: dict) -> dict:
        count = request["count"]
        search(request, 0, min(WARM, count), threads)
        start = time.perf_counter()
        search(request, 0, count, threads)
        batch = time.perf_counter() - start
        latencies = []
        for at in range(request["single"]):
            start = time.perf_counter()
            search(request, at, 1, threads)
            latencies.append(time.perf_counter() - start)
        return {"per_second": count / batch, "latencies": latencies}

    actions = {"build": build, "open": open_saved, "rows": rows, "time": timed, "memory": lambda _: {}}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request["do"]](request)
        except Exception as error:  # noqa: BLE001 - the parent decides
            answer = {"error": f"{type(error).__name__}: {error}"}
        answer |= {"peak_kb": peak_kb(), "version": version(PACKAGES.get(task["library"], task["library"]))}
        print(json.dumps(answer), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main()
