#!/usr/bin/env python3
"""Embedding speed: `nba embed` against Python's onnxruntime, in turns within one run.

Python runs the same model file or, with `--float`, the plain dynamic int8 form of a float export of the same weights
(`onnxruntime.quantization.quantize_dynamic`, a scale for each column), whose vectors depend on their batch.

Python gets every advantage that batching gives: texts sorted by length, every batch size of the list, and both ways to
use the cores (one session with a thread each, or a worker with a session each). Its best time counts. Loading is left out
on both sides. The last lines set nba beside the peak of the runtime's int8 product on the same cores. Needs `pip install onnxruntime==1.31.1 onnx tokenizers numpy`.

    python3 benches/embed_vs_python.py --nba target/release/nba --texts texts.txt --rounds 3
    python3 models/measure.py --wheels WHEELS --forms float --keep forms
    python3 benches/embed_vs_python.py --nba target/release/nba --texts texts.txt --float forms/float.onnx
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MODEL = Path(__file__).parents[1] / "models" / "portuguese-multilingual-e5-small"
BUDGETS = [128, 256, 512]


def session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def plain_int8(floats: Path, folder: Path) -> Path:
    """The form that onnxruntime's own tool makes of a float graph."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = folder / "plain.onnx"
    floats_where_unknown = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(floats, plain, per_channel=True, weight_type=QuantType.QInt8, extra_options=floats_where_unknown)
    return plain


def batches(ids: list[list[int]], budget: int) -> list[list[int]]:
    """Places of the texts, by length, as many together as fit the budget of padded tokens."""
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    groups: list[list[int]] = [[]]
    for at in order:
        if groups[-1] and (len(groups[-1]) + 1) * len(ids[at]) > budget:
            groups.append([])
        groups[-1].append(at)
    return groups


def run(model: onnxruntime.InferenceSession, ids: list[list[int]], group: list[int], out: np.ndarray) -> None:
    width = max(len(ids[at]) for at in group)
    tokens = np.ones((len(group), width), dtype=np.int64)
    mask = np.zeros((len(group), width), dtype=np.int64)
    for row, at in enumerate(group):
        tokens[row, : len(ids[at])] = ids[at]
        mask[row, : len(ids[at])] = 1
    states = model.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
    pooled = (states * mask[:, :, None]).sum(axis=1)
    out[group] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def int8_peak(cores: int, folder: Path) -> float:
    """Multiplications and additions a second, all cores, of the runtime's own int8 matrix product at a size that suits it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rows, inner, columns = 512, 1536, 1536
    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.integers(-63, 64, (inner, columns), dtype=np.int8), "b")
    node = helper.make_node("MatMulInteger", ["a", "b", "zero"], ["c"])
    zero = numpy_helper.from_array(np.uint8(128), "zero")
    a = helper.make_tensor_value_info("a", TensorProto.UINT8, [rows, inner])
    c = helper.make_tensor_value_info("c", TensorProto.INT32, [rows, columns])
    graph = helper.make_graph([node], "peak", [a], [c], [weights, zero])
    path = folder / "peak.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    values = {"a": rng.integers(0, 256, (rows, inner), dtype=np.uint8)}
    models = [session(path, 1) for _ in range(cores)]
    fastest = float("inf")
    with ThreadPoolExecutor(cores) as workers:
        for _ in range(40):
            start = time.perf_counter()
            list(workers.map(lambda model: model.run(None, values), models))
            fastest = min(fastest, time.perf_counter() - start)
    return cores * rows * inner * columns / fastest


def products_a_token(graph: Path) -> int:
    """Multiplications of a token by the weights of all matrices, of the file that nba runs."""
    import onnx

    model = onnx.load(graph)
    matrices = {node.input[1] for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"}
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer if tensor.name in matrices)


def python_seconds(tokenizer: Tokenizer, texts: list[str], models: list, budget: int, out: np.ndarray) -> float:
    """One pass over the texts; a worker for each session."""
    start = time.perf_counter()
    ids = [encoding.ids for encoding in tokenizer.encode_batch(["query: " + text for text in texts])]
    groups = batches(ids, budget)[::-1]
    with ThreadPoolExecutor(len(models)) as workers:
        for worker, model in enumerate(models):
            for group in groups[worker :: len(models)]:
                workers.submit(run, model, ids, group, out)
    return time.perf_counter() - start


def nba_seconds(program: Path, texts: Path, out: Path) -> float:
    command = [program, "embed", "--in", texts, "--out", out, "--model", MODEL, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nba", type=Path, required=True, help="release build of the program")
    parser.add_argument("--texts", type=Path, required=True, help="one text a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--float", type=Path, help="float export of the same weights; Python runs its plain dynamic int8 form")
    args = parser.parse_args()

    texts = args.texts.read_text(encoding="utf-8").splitlines()
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    cores = os.cpu_count() or 1
    vectors = np.zeros((len(texts), 384), dtype=np.float32)
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        graph = plain_int8(args.float, Path(folder)) if args.float else MODEL / "model.onnx"
        ways = {"one session": [session(graph, cores)], "a session a core": [session(graph, 1) for _ in range(cores)]}
        out = Path(folder) / "vectors.npy"
        for _ in range(args.rounds):
            times = {"nba": nba_seconds(args.nba, args.texts, out)}
            for way, models in ways.items():
                for budget in BUDGETS:
                    times[f"python, {way}, {budget} tokens"] = python_seconds(tokenizer, texts, models, budget, vectors)
            for name, seconds in times.items():
                best[name] = min(seconds, best.get(name, seconds))
        cosines = (np.load(out) * vectors).sum(axis=1)
        peak = int8_peak(cores, Path(folder))
    for name, seconds in sorted(best.items(), key=lambda item: item[1]):
        print(f"{len(texts) / seconds:8.1f} texts/s  {name}")
    fastest = min(seconds for name, seconds in best.items() if name != "nba")
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(["query: " + text for text in set(texts)]))
    rate, most = tokens / best["nba"], peak / products_a_token(MODEL / "model.onnx")
    print(f"nba: {rate:.0f} tokens/s, {rate / most:.0%} of the {most:.0f} that int8 products alone would allow", end="")
    print(f" ({peak / 1e9:.0f} billion a second by MatMulInteger, 512 x 1536 x 1536, a session a core)")
    print(f"nba / best of python: {fastest / best['nba']:.2f}   lowest cosine between the two: {cosines.min():.6f}")


if __name__ == "__main__":
    main()
