#!/usr/bin/env python3
"""The native API under schemathesis: requests made up from `docs/openapi.json`, fitting and not.

Starts the server on an index, runs schemathesis against it, and fails where an answer is a fault of the server's or none
that the contract knows, where the server says `panicked`, or where it has grown. What a schema cannot say (which columns
there are, how long a vector is) may be refused: `positive_data_acceptance` is left out.

    pip install schemathesis
    nba index build --data fixtures --index index
    python3 benches/abuse.py --nba target/release/nba --index index --examples 2000
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path


def resident(url: str) -> float:
    """Resident memory of the server, in megabytes."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("process_resident_memory_bytes "):
                return float(line.split()[1]) / 1e6
    raise SystemExit("the server does not tell its memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nba", type=Path, required=True, help="the program")
    parser.add_argument("--index", type=Path, required=True, help="index folder; feedback is written into it")
    parser.add_argument("--examples", type=int, default=300, help="requests of each operation and phase, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=200, help="megabytes that it may grow by")
    args = parser.parse_args()

    with tempfile.TemporaryFile("w+") as said:
        command = [args.nba, "serve", "--listen", "127.0.0.1:0", "--json", "--index", args.index]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            url = json.loads(server.stdout.readline())["listening"]
            options = ["--seed", str(args.seed), "--max-examples", str(args.examples), "--workers", "2"]
            options += ["--continue-on-failure", "--no-color", "--exclude-checks", "positive_data_acceptance"]
            run = ["schemathesis", "run", f"{url}/openapi.json", *options]
            # A first, small run brings the server to the memory that it needs.
            subprocess.run([*run, "--phases", "examples"], check=False, stdout=subprocess.DEVNULL)
            before = resident(url)
            outcome = subprocess.run(run, check=False).returncode
            after = resident(url)
        finally:
            server.terminate()
            ended = server.wait()
        said.seek(0)
        panicked = "panicked" in said.read()
    print(f"schemathesis {outcome}, server {ended}, panicked {panicked}, {before:.0f} MB before, {after:.0f} MB after")
    sys.exit(outcome != 0 or ended != 0 or panicked or after - before > args.growth)


if __name__ == "__main__":
    main()
