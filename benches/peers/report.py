"""From figures to a page: the tables, the ratios at equal recall, and every bar with met or not met. Measures nothing."""

import json
import os
import platform
import time
from pathlib import Path

OURS = "nba"
# Recall → how many times hnswlib's queries a second, by rows.
VECTOR_BARS = {100_000: {0.99: 3, 0.995: 6, 0.999: 10}, 1_000_000: {0.99: 3, 0.998: 6}}
FILTER_BAR = 10
HYBRID_BAR = 0.25


def machine() -> str:
    model, flags = platform.processor(), set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
        if name.strip() == "flags":
            flags = set(value.split())
    vectors = [name for name in ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_vpopcntdq") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {' '.join(vectors)}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]] + [""]


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}".replace("0.", ".", 1) if value < 1 else "1.0000"


def milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1e3:.3f}"


def settings(point: dict) -> str:
    flat = {key: value for key, value in point.items() if key != "params"} | point.get("params", {})
    return " ".join(f"{name}={value}" for name, value in flat.items()) or "-"


def vector_table(cases: list[dict]) -> list[str]:
    head = ["engine", "point", "recall@10", "recall@100", "q/s", "q/s k=100", "p50 ms", "p99 ms", "peak MB of search"]
    rows = []
    for case in cases:
        if "failed" in case:
            rows.append([case["engine"], settings(case["point"]), f"failed: {case['failed'][:120]}", *[""] * 6])
            continue
        speeds = [f"{case['qps']:,.0f}", f"{case['qps_100']:,.0f}" if "qps_100" in case else ""]
        recalls = [share(case["recall_10"]), share(case["recall_100"])]
        times = [milliseconds(case["p50"]), milliseconds(case["p99"])]
        rows.append([case["engine"], settings(case["point"]), *recalls, *speeds, *times, f"{case['search_kb'] / 1e3:.0f}"])
    return table(head, rows)


def build_table(result: dict) -> list[str]:
    seen, rows = set(), []
    for case in result["vector"]:
        name = f"{case['engine']} {settings(case['point'])}" if case["engine"].startswith(OURS) else case["engine"]
        if name in seen or "failed" in case:
            continue
        seen.add(name)
        rows.append([name, f"{case['build_s']:.1f}", f"{case['bytes'] / 1e6:.0f}", f"{case['build_kb'] / 1e3:.0f}"])
    whole = result["our_index"]
    if whole:
        seconds = whole["seconds"]
        name = f"{OURS}, whole index (vectors and words at once)"
        rows.append([name, f"{seconds['total']:.1f}", f"{whole['bytes'] / 1e6:.0f}", f"{whole['peak_kb'] / 1e3:.0f}"])
    return table(["index", "build s, all cores", "MB on disk", "peak MB of build"], rows)


def fastest(cases: list[dict], engine: str, target: float, percent: float = 100) -> dict | None:
    """The fastest point that reaches a recall."""
    able = [
        case
        for case in cases
        if "failed" not in case
        and case["engine"].startswith(engine)
        and case["percent"] == percent
        and case["recall_10"] >= target
    ]
    return max(able, key=lambda case: case["qps"], default=None)


def best_recall(cases: list[dict], engine: str, percent: float) -> float:
    asked = [case for case in cases if case["engine"].startswith(engine) and case["percent"] == percent]
    return max((case["recall_10"] for case in asked if "failed" not in case), default=0)


def verdict(met: bool | None) -> str:
    return "not measured" if met is None else "met" if met else "**not met**"


def point_of(case: dict | None, cases: list[dict], engine: str, percent: float) -> str:
    if not any(each["engine"].startswith(engine) for each in cases):
        return "not run"
    if case is None:
        return f"never (best {share(best_recall(cases, engine, percent))})"
    name = case["engine"].removeprefix(f"{engine}-")
    return f"{case['qps']:,.0f} ({'' if name == engine else name + ' '}{settings(case['point'])})"


def ratio_table(result: dict) -> list[str]:
    """Ours over hnswlib's fastest, over every other peer's fastest, at equal recall."""
    cases, bars = result["vector"], VECTOR_BARS.get(result["rows"], {})
    rows = []
    for target in sorted({0.99, 0.995, 0.999} | set(bars)):
        ours, theirs = fastest(cases, OURS, target), fastest(cases, "hnswlib", target)
        others = [fastest(cases, name, target) for name in ("faiss", "usearch", "lancedb")]
        other = max((case for case in others if case), key=lambda case: case["qps"], default=None)
        ratio = ours["qps"] / theirs["qps"] if ours and theirs else None
        bar = bars.get(target)
        met = None  # where one of the two was not run
        if {"nba", "hnswlib"} <= {case["engine"].split("-")[0] for case in cases}:
            met = bool(ours) and (ratio is None or ratio >= bar) if bar else None
        rows.append([
            f"≥ {share(target)}",
            point_of(ours, cases, OURS, 100),
            point_of(theirs, cases, "hnswlib", 100),
            f"{ratio:.2f}" if ratio else "",
            f"{bar} ×" if bar else "",
            verdict(met) if bar else "",
            f"{other['engine']} {settings(other['point'])}: {other['qps']:,.0f}" if other else "none reaches it",
            f"{ours['qps'] / other['qps']:.2f}" if ours and other else "",
        ])
    head = ["recall@10", "nba q/s", "hnswlib's best q/s", "ratio", "bar", "", "best other peer q/s", "ratio"]
    return table(head, rows)


def filter_rows(result: dict) -> list[list[str]]:
    cases, rows = result["vector"], []
    for percent in sorted({case["percent"] for case in cases if case["percent"] < 100}):
        ours = fastest(cases, OURS, 0, percent)
        theirs = fastest(cases, "hnswlib", 0.999, percent)
        target = 0.999 if theirs else best_recall(cases, "hnswlib", percent)
        theirs = theirs or fastest(cases, "hnswlib", target, percent)
        ratio = ours["qps"] / theirs["qps"] if ours and theirs else None
        met = None if percent != 1 or ratio is None else ratio >= FILTER_BAR and ours["recall_10"] >= 1
        said = "not run"
        if theirs:
            name = f"{theirs['engine']} {settings(theirs['point'])}"
            said = f"{theirs['qps']:,.0f} at {share(theirs['recall_10'])} ({name})"
        mine = f"{ours['qps']:,.0f} at {share(ours['recall_10'])}" if ours else "not measured"
        bar = [f"{FILTER_BAR} ×, recall 1", verdict(met)] if percent == 1 else ["", ""]
        rows.append([f"{percent} %", mine, said, f"{ratio:.1f}" if ratio else "", *bar])
    return rows


def hybrid_section(result: dict) -> list[str]:
    rows = []
    for case in result["hybrid"]:
        figures = [milliseconds(case["p50"]), milliseconds(case["p99"]), f"{case['search_kb'] / 1e3:.0f}"]
        rows.append([case["engine"], case["kind"], case["cores"], *figures])
    lines = table(["engine", "query", "cores", "p50 ms", "p99 ms", "peak MB"], rows)
    of = {(case["engine"] == OURS, case["kind"], case["cores"]): case for case in result["hybrid"]}
    bars = []
    for cores in ("one", "all"):
        ours, theirs = of[True, "hybrid", cores], of[False, "hybrid", cores]
        for part in ("p50", "p99"):
            ratio = ours[part] / theirs[part]
            name = f"hybrid {part}, {cores} core(s): nba / LanceDB"
            bars.append([name, f"{ratio:.3f}", f"≤ {HYBRID_BAR}", verdict(ratio <= HYBRID_BAR)])
        ratio = ours["p50"] / max(of[True, kind, cores]["p50"] for kind in ("keyword", "vector"))
        bars.append([f"nba hybrid p50 / its slower leg, {cores} core(s)", f"{ratio:.2f}", "≤ 1.5", verdict(ratio <= 1.5)])
    return lines + table(["", "ratio", "bar", ""], bars)


def build_bar(result: dict) -> list[str]:
    hnswlib = {case["engine"]: case["build_s"] for case in result["vector"] if case["engine"].startswith("hnswlib")}
    if not result["our_index"] or not hnswlib:
        return []
    ours, (name, theirs) = result["our_index"]["seconds"]["total"], min(hnswlib.items(), key=lambda item: item[1])
    said = f"nba's whole index (vectors and keyword) {ours:.1f} s, {name} alone {theirs:.1f} s: ratio {ours / theirs:.2f}"
    return [f"Build, all cores: {said}, bar < 1: {verdict(ours < theirs)}.", ""]


def write_report(result: dict, folder: Path) -> list[Path]:
    unmasked = [case for case in result["vector"] if case["percent"] == 100]
    masked = [case for case in result["vector"] if case["percent"] < 100]
    date = time.strftime("%Y-%m-%d")
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    rows = result["rows"]
    options = f"--rows {rows} --rounds {result['options']['rounds']} --timed {result['options']['timed']}"
    before, after = result["load_average"]
    lines = [
        f"# {rows:,} rows, {date}, {result['machine']}",
        "",
        f"Machine: {machine()}; load average {before:.2f} before, {after:.2f} after (this run's own work included).",
        f"Data: {rows:,} × {result['dimension']} vectors, {result['queries']:,} queries. Versions: {versions}.",
        f"Command: `benches/peers/run.py --base base.npy --queries queries.npy … {options}` ({result['seconds'] / 60:.0f} min).",
        "",
        "One core, one thread, in turns; medians of the rounds. Builds use all cores.",
        "A row counts as right when its exact score is that of the k-th nearest or better (within 1e-6 for the peers, 0 for nba).",
        "hnswlib is compiled with -march=native; its ef is the smallest on a grid of steps of 10 % that reaches .99, .995, .998, .999.",
        "Recall@10 is counted over all queries (LanceDB 500, usearch and faiss-hnsw 1,000; filtered 100), recall@100 of peers over 500.",
        "Queries a second of hnswlib, faiss and usearch come from one call for all queries; nba and LanceDB are asked one by one.",
        "",
        *[f"Left out: {what}." for what in result["left_out"]],
        *([""] if result["left_out"] else []),
        "## At equal recall",
        "",
        *ratio_table(result),
        *build_bar(result),
    ]
    if masked:
        lines += [
            "## Filtered",
            "",
            "A fixed choice of rows is eligible. hnswlib calls back into Python for each row that it sees (a method in C, but under",
            "the interpreter's lock): that is its only filter. Its fastest point with recall@10 ≥ .999 counts, else its best.",
            "",
            *table(["eligible", "nba q/s", "hnswlib q/s", "ratio", "bar", ""], filter_rows(result)),
        ]
        for percent in sorted({case["percent"] for case in masked}):
            chosen = [case for case in masked if case["percent"] == percent]
            lines += [f"{percent} % eligible:", "", *vector_table(chosen)]
    if result["hybrid"]:
        lines += [
            "## Hybrid, k = 10, vector and text given",
            "",
            "LanceDB: IVF_HNSW_SQ and its English full-text index, RRF, its asynchronous interface; each leg brings 10.",
            "nba: the whole index, words analysed as Portuguese and as English, RRF; each leg brings 100.",
            "",
            *hybrid_section(result),
        ]
    lines += ["## All points", "", *vector_table(unmasked), "## Builds", "", *build_table(result)]
    folder.mkdir(parents=True, exist_ok=True)
    words = result["machine"].lower().replace(" ", "-")
    name = f"{date}-{words}" if rows == 100_000 else f"{date}-{words}-{rows}-rows"
    page, figures = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    figures.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return [page, figures]
