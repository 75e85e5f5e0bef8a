"""The processes that are measured, each alone with its memory: peers behind `worker.py`, ours behind the two drivers.

Owns starting, pinning, talking, and what is kept in the work folder; judges nothing and prints no table.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
THREAD_VARIABLES = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "LANCE_CPU_THREADS",
    "TOKIO_WORKER_THREADS",
]


@dataclass(frozen=True)
class Data:
    """The files of one run."""

    base: Path
    queries: Path
    texts: Path | None
    query_texts: Path | None
    rows: int
    dimension: int
    folder: Path


class Process:
    """One process that answers JSON lines; pinned to one core and told to use one thread unless `core` is None."""

    def __init__(self, command: list[str], core: int | None):
        environment = dict(os.environ)
        threads = os.cpu_count() if core is None else 1
        environment |= {name: str(threads) for name in THREAD_VARIABLES} | {"LANCEDB_LOG": "error"}
        pin = None if core is None else (lambda: os.sched_setaffinity(0, {core}))
        self.name = " ".join(command)
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, preexec_fn=pin
        )

    def ask(self, request: dict) -> dict:
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"it ended with code {self.child.wait()}, see above: {self.name[:300]}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{answer['error']}: {json.dumps(request)}")
        return answer

    def peak_kb(self) -> int:
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def close(self) -> None:
        self.child.stdin.close()
        self.child.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def worker(data: Data, peer, core: int | None, texts: bool = False) -> Process:
    task = {
        "library": peer.library,
        "params": peer.params,
        "folder": str(data.folder / peer.name),
        "queries": str(data.queries),
        "query_texts": str(data.query_texts) if texts else None,
        "threads": (os.cpu_count() or 1) if core is None else 1,
    }
    return Process([sys.executable, str(HERE / "worker.py"), json.dumps(task)], core)


def built(data: Data, peer, texts: bool, version: str) -> dict:
    """Builds a peer's index with all cores, or reads what an earlier run noted about the same one."""
    folder = data.folder / peer.name
    note = data.folder / f"{peer.name}.json"
    wanted = {"params": peer.params, "texts": texts, "version": version}
    if note.exists():
        known = json.loads(note.read_text())
        if {name: known.get(name) for name in wanted} == wanted:
            return known
    shutil.rmtree(folder, ignore_errors=True)
    for kept in data.folder.glob(f"{peer.name}.rows-*"):
        kept.unlink()
    folder.mkdir(parents=True)
    request = {"do": "build", "base": str(data.base), "texts": str(data.texts) if texts else None}
    with worker(data, peer, None) as process:
        answer = process.ask(request)
    known = wanted | {
        "seconds": answer["seconds"],
        "peak_kb": answer["peak_kb"],
        "bytes": folder_bytes(folder),
        "load_average": os.getloadavg()[0],
    }
    note.write_text(json.dumps(known))
    return known


def driver(name: str, given: Path | None) -> Path:
    """The executable of one of our drivers, in the release profile."""
    if given:
        return given
    command = ["cargo", "bench", "--locked", "--bench", name, "--no-run", "--message-format", "json"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1]).stdout.splitlines()
    made = [json.loads(line) for line in lines if line.startswith("{")]
    paths = [each["executable"] for each in made if each.get("executable") and each["target"]["name"] == name]
    if not paths:
        raise SystemExit(f"cargo built no bench named {name}")
    return Path(paths[-1])


def sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def our_folder(data: Data, program: Path) -> Path:
    """Our indexes belong to the very build of the driver, so a changed program builds again."""
    folder = data.folder / f"ours-vectors-{sum_of(program)}"
    folder.mkdir(exist_ok=True)
    return folder


def our_vectors(data: Data, program: Path, core: int | None, truth: Path) -> Process:
    """`benches/vectors.rs`, which builds what a request names where it is not built."""
    files = ["--base", data.base, "--queries", data.queries, "--folder", our_folder(data, program), "--truth", truth]
    return Process([str(word) for word in [program, *files, "--serve"]], core)


def our_hybrid(data: Data, program: Path, core: int | None) -> tuple[Process, Path]:
    """`benches/hybrid.rs`, and the folder of its index."""
    folder = data.folder / f"ours-hybrid-{sum_of(program)}"
    files = ["--base", data.base, "--texts", data.texts, "--queries", data.queries, "--query-texts", data.query_texts]
    return Process([str(word) for word in [program, *files, "--index", folder]], core), folder
