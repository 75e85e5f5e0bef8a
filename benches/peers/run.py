#!/usr/bin/env python3
"""Our release build beside hnswlib, faiss, usearch and LanceDB: the same vectors and texts, one core, in turns, in one run.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    nba embed --in base.txt --out base.npy
    nba embed --in queries.txt --out queries.npy
    venv/bin/python benches/peers/run.py --base base.npy --queries queries.npy \
        --texts base.txt --query-texts queries.txt --work work --out benches/runs --machine "epyc 2core avx2"

Any file with one text a line will do: the first `--rows` lines are the base. Above the rows of `--base` more are made by
`extend.py`. Every engine runs in processes of its own. Built indexes, their build times, exact answers and recalls stay in
`--work` and are used again while data, parameters and versions are the same; speeds are always measured anew.

What is measured: builds use all cores, one engine after another. Recall is counted over all queries by one judge
(`exact.py`; ours counts its own, by the same rule). Speed: in each round every point of every engine answers the first `--timed`
queries, pinned to one core, and a quarter of them one by one for the latencies; the median of the rounds counts. A peer's
queries a second come from one call for all the queries, so that Python costs it nothing; ours and LanceDB are asked one by one.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from catalogue import HYBRID, HYBRID_POINT, OURS, OURS_FILTERED, OURS_HYBRID, PEERS, PERCENTS, TARGETS
from exact import fingerprint, load_vectors, recall, truth
from extend import extended
from processes import Data, Process, built, driver, folder_bytes, our_folder, our_hybrid, our_vectors, worker
from report import write_report

GRID = sorted({round(20 * 1.1**step) for step in range(57)})  # ef from 20 to 4,158
MASKED_QUERIES = 100


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Judge:
    """Recall of the peers' points, each counted once and kept."""

    def __init__(self, data: Data):
        self.data = data
        self.base = load_vectors(data.base)
        self.queries = load_vectors(data.queries)
        self.exact = {percent: self.truth(percent) for percent in [100, *PERCENTS]}

    def truth_file(self, percent: float) -> Path:
        return self.data.folder / f"exact-{percent}.npy"

    def truth(self, percent: float) -> np.ndarray:
        queries = self.queries if percent == 100 else self.queries[:MASKED_QUERIES]
        return truth(self.base, queries, percent, self.truth_file(percent))

    def recall(self, process: Process, peer, point: dict, k: int, percent: float = 100) -> float:
        count = min(len(self.exact[percent]), peer.judged if k == 10 else min(peer.judged, 500))
        request = {"do": "rows", "point": point, "k": k, "percent": percent, "count": count}
        key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
        kept = self.data.folder / f"{peer.name}.rows-{key}.npy"
        if not kept.exists():
            process.ask(request | {"out": str(kept)})
        found = np.load(kept)
        return recall(self.base, self.queries[:count], self.exact[percent][:count], found, k)

    def tuned(self, process: Process, peer) -> list[dict]:
        """The smallest ef of the grid that reaches each target; the largest where none does."""
        points = []
        for target in TARGETS:
            low, high = 0, len(GRID) - 1
            while low < high:
                middle = (low + high) // 2
                if self.recall(process, peer, {"ef": GRID[middle]}, 10) >= target:
                    high = middle
                else:
                    low = middle + 1
            points.append({"ef": GRID[low]})
        return points


def library_versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = {"hnswlib": "hnswlib", "faiss": "faiss-cpu", "usearch": "usearch", "lancedb": "lancedb"}
    return {library: version(package) for library, package in packages.items()}


def judge_peer(data: Data, judge: Judge, peer, versions: dict) -> list[dict]:
    """Builds a peer where it is not built, and counts the recall of its points."""
    texts = peer.name == HYBRID and data.texts is not None
    made = built(data, peer, texts, versions[peer.library])
    say(f"{peer.name}: built in {made['seconds']:.1f} s, {made['bytes'] / 1e6:.0f} MB")
    cases = []
    with worker(data, peer, None) as process:
        process.ask({"do": "open"})
        points = peer.points + (judge.tuned(process, peer) if peer.tuned else [])
        unique = {json.dumps(point, sort_keys=True): point for point in points}
        wanted = [(point, 100) for point in unique.values()]
        wanted += [(point, percent) for percent in PERCENTS for point in peer.filtered]
        for point, percent in wanted:
            judged = min(peer.judged, len(judge.exact[percent]))
            case = {"engine": peer.name, "point": point, "percent": percent, "judged": judged}
            case["recall_10"] = judge.recall(process, peer, point, 10, percent)
            case["recall_100"] = judge.recall(process, peer, point, 100) if percent == 100 else None
            case |= {"build_s": made["seconds"], "bytes": made["bytes"], "build_kb": made["peak_kb"], "rounds": []}
            cases.append(case)
            say(f"  {point} {percent} %: recall@10 {case['recall_10']:.4f}")
    return cases


def time_peer(process: Process, case: dict, timed: int) -> None:
    masked = case["percent"] < 100
    count = MASKED_QUERIES if masked else timed
    slow = case["engine"].startswith("lancedb")
    count = count // 4 if slow else count
    request = {"do": "time", "point": case["point"], "percent": case["percent"]}
    single = count if slow else max(25, count // 4)
    ten = process.ask(request | {"k": 10, "count": count, "single": single})
    turn = {"qps": ten["per_second"], "latencies": ten["latencies"]}
    if not masked:
        turn["qps_100"] = process.ask(request | {"k": 100, "count": max(25, count // 4), "single": 0})["per_second"]
    case["rounds"].append(turn)
    case["search_kb"] = process.peak_kb()


def time_ours(process: Process, case: dict, timed: int) -> None:
    queries = MASKED_QUERIES if case["percent"] < 100 else timed
    answer = process.ask(case["point"] | {"percent": case["percent"], "queries": queries})
    turn = {"qps": answer["queries_per_second"], "qps_100": answer["queries_per_second_at_100"]}
    case["rounds"].append(turn | {"p50": answer["p50_us"] / 1e6, "p99": answer["p99_us"] / 1e6})
    case["search_kb"] = answer["peak_rss_kb"]


def judge_ours(data: Data, judge: Judge, program: Path, name: str) -> list[dict]:
    """Builds ours with all cores in a process of its own for each point, and takes the recall that the driver counts."""
    cases = []
    wanted = [(point, 100) for point in OURS[name]]
    wanted += [(point, percent) for percent in PERCENTS for point in OURS_FILTERED[name]]
    for point, percent in wanted:
        queries = MASKED_QUERIES if percent < 100 else len(judge.queries)
        request = point | {"percent": percent, "queries": queries}
        case = {"engine": name, "point": point, "percent": percent, "judged": queries, "rounds": []}
        cases.append(case)
        try:
            answer = judged_once(data, judge, program, request)
        except RuntimeError as error:
            case["failed"] = str(error)
            say(f"{name} {point}: {error}")
            continue
        case |= {"recall_10": answer["recall_at_10"], "recall_100": answer["recall_at_100"]}
        case |= {"build_s": answer["build_seconds"], "bytes": answer["bytes"], "build_kb": answer["build_kb"]}
        say(f"{name} {point} {percent} %: recall@10 {case['recall_10']:.4f}, built in {case['build_s']:.1f} s")
    return cases


def judged_once(data: Data, judge: Judge, program: Path, request: dict) -> dict:
    """What the driver says of a point, kept beside its indexes: the same program gives the same rows."""
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
    kept = our_folder(data, program) / f"answer-{key}.json"
    if not kept.exists():
        with our_vectors(data, program, None, judge.truth_file(100)) as process:
            answer = process.ask(request)
            kept.write_text(json.dumps(answer | {"build_kb": process.peak_kb()}))
    return json.loads(kept.read_text())


def vector_rounds(data: Data, judge: Judge, cases: list[dict], args: argparse.Namespace, program: Path | None) -> None:
    """Every point of every engine in turns. Ours has a process for each point, so that memory is the point's own."""
    processes: dict[str, Process] = {}
    peers = {peer.name: peer for peer in PEERS}
    for round_number in range(args.rounds):
        for case in cases:
            if "failed" in case or (case["percent"] < 100 and round_number >= 3):
                continue
            name = case["engine"] + ("-masked" if case["percent"] < 100 else "")
            if case["engine"] in OURS:
                name += json.dumps(case["point"])
                if name not in processes:
                    processes[name] = our_vectors(data, program, args.core, judge.truth_file(100))
                time_ours(processes[name], case, args.timed)
            else:
                if name not in processes:
                    processes[name] = worker(data, peers[case["engine"]], args.core)
                    processes[name].ask({"do": "open"})
                time_peer(processes[name], case, args.timed)
        say(f"round {round_number + 1} of {args.rounds} done")
    for process in processes.values():
        process.close()
    for case in cases:
        if case.get("rounds"):
            summarize(case)


def summarize(case: dict) -> None:
    """The median of the rounds; the quantiles of peers over the latencies of all rounds together."""
    rounds = case.pop("rounds")
    for name in ("qps", "qps_100", "p50", "p99"):
        values = [turn[name] for turn in rounds if name in turn]
        if values:
            case[name] = statistics.median(values)
    latencies = sorted(latency for turn in rounds for latency in turn.get("latencies", []))
    if latencies:
        case["p50"], case["p99"] = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))


def hybrid_rounds(data: Data, args: argparse.Namespace, program: Path) -> tuple[list[dict], dict]:
    """Hybrid queries and their legs, on one core and on all; and what building our whole index took."""
    process, folder = our_hybrid(data, program, None)
    note = folder / "build.json"
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        made = process.ask({"build": OURS_HYBRID})
        note.write_text(json.dumps(made | {"peak_kb": process.peak_kb(), "bytes": folder_bytes(folder)}))
    process.close()
    peer = next(peer for peer in PEERS if peer.name == HYBRID)
    cases = []
    for cores, core in (("one", args.core), ("all", None)):
        theirs = worker(data, peer, core, texts=True)
        theirs.ask({"do": "open"})
        ours, _ = our_hybrid(data, program, core)
        ours.ask({"open": False})
        for kind in ("hybrid", "keyword", "vector"):
            cases.append({"engine": HYBRID, "kind": kind, "cores": cores, "process": theirs, "rounds": []})
            cases.append({"engine": "nba", "kind": kind, "cores": cores, "process": ours, "rounds": []})
    for _ in range(args.rounds):
        for case in cases:
            count = max(25, args.timed // (2 if case["kind"] == "hybrid" else 8))
            if case["engine"] == "nba":
                kind = {"hybrid": "hybrid", "keyword": "full_text", "vector": "ann"}[case["kind"]]
                request = {"kind": kind, "k": 10, "first": 0, "count": count}
                case["process"].ask(request | {"count": 20})
            else:
                point = HYBRID_POINT | {"kind": case["kind"]}
                request = {"do": "time", "point": point, "k": 10, "percent": 100, "count": 20, "single": count}
            case["rounds"].append({"latencies": case["process"].ask(request)["latencies"]})
            case["search_kb"] = case["process"].peak_kb()
    for case in cases:
        process = case.pop("process")
        if process.child.poll() is None:
            process.close()
        summarize(case)
    return cases, json.loads(note.read_text())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="vectors to search, from `nba embed`")
    parser.add_argument("--queries", type=Path, required=True, help="vectors to search for")
    parser.add_argument("--texts", type=Path, help="the base's texts, one a line; without them hybrid is not compared")
    parser.add_argument("--query-texts", type=Path, help="the queries' texts")
    parser.add_argument("--work", type=Path, required=True, help="where built indexes are kept")
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--machine", required=True, help="a few words for the report's name, such as 'epyc 2core avx2'")
    parser.add_argument("--rows", type=int, help="how many rows; more than --base has are made by extend.py")
    parser.add_argument("--engines", help="names from catalogue.py, with commas, and nba; default: all for these rows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timed", type=int, default=400, help="queries a round")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that searches are pinned to")
    parser.add_argument("--our-vectors", type=Path, help="built benches/vectors.rs; default: cargo builds it")
    parser.add_argument("--our-hybrid", type=Path, help="built benches/hybrid.rs; default: cargo builds it")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    began = time.time()
    queries = load_vectors(args.queries)
    source_rows = len(load_vectors(args.base))
    rows = args.rows or source_rows
    makers = [Path(__file__).with_name("extend.py")] if rows > source_rows else []
    folder = args.work / f"{fingerprint(args.base, args.queries, *makers)}-{rows}"
    folder.mkdir(parents=True, exist_ok=True)
    base, texts = args.base.resolve(), args.texts
    left_out = []
    if rows != source_rows:
        base = folder / "base.npy"
        if not base.exists():
            np.save(base, extended(np.load(args.base), rows) if rows > source_rows else np.load(args.base)[:rows])
    if rows != source_rows or not args.texts or not args.query_texts:
        texts = None
        left_out.append("hybrid search: no texts were given, or not one for each row")
    data = Data(base, args.queries.resolve(), texts, args.query_texts if texts else None, rows, queries.shape[1], folder)

    names = args.engines.split(",") if args.engines else [peer.name for peer in PEERS if rows <= peer.rows_at_most] + ["nba"]
    known = [peer.name for peer in PEERS] + list(OURS)
    unknown = set(names) - set(known)
    if unknown:
        raise SystemExit(f"not in catalogue.py: {', '.join(sorted(unknown))}")
    absent = [name for name in known if name not in names]
    if absent:
        left_out.append(f"not run: {', '.join(absent)}")
    versions = library_versions()
    vectors_program = driver("vectors", args.our_vectors) if set(names) & set(OURS) else None

    judge = Judge(data)
    say(f"{rows} rows, {len(queries)} queries; exact answers are there")
    load_before = os.getloadavg()[0]
    cases = [case for peer in PEERS if peer.name in names for case in judge_peer(data, judge, peer, versions)]
    for name in OURS:
        if name in names:
            cases += judge_ours(data, judge, vectors_program, name)
    vector_rounds(data, judge, cases, args, vectors_program)
    hybrid, whole = [], None
    if texts and HYBRID in names and "nba" in names:
        hybrid, whole = hybrid_rounds(data, args, driver("hybrid", args.our_hybrid))
    result = {
        "rows": rows,
        "dimension": data.dimension,
        "queries": len(queries),
        "machine": args.machine,
        "versions": versions | {"numpy": np.__version__, "python": sys.version.split()[0]},
        "options": {"rounds": args.rounds, "timed": args.timed},
        "load_average": [load_before, os.getloadavg()[0]],
        "seconds": time.time() - began,
        "left_out": left_out,
        "vector": cases,
        "hybrid": hybrid,
        "our_index": whole,
    }
    for path in write_report(result, args.out):
        say(f"written: {path}")


if __name__ == "__main__":
    main()
