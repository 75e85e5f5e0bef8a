#!/usr/bin/env python3
"""Whole-process times of the commands that people and the nightly batch wait for, against what was promised.

Every command is run several times in turns with the others and its median is shown, beside its limit, their ratio (below
1 is within the limit) and its ratio to `nba --version`, the cost of starting the program at all.

    python3 benches/commands.py --nba target/release/nba --data fixtures
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

TICKET = "TICKET-0042"
TEXT = "o repasse da venda não caiu na conta"


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nba", type=Path, required=True, help="release build of the program")
    parser.add_argument("--data", type=Path, required=True, help="folder with the five tables")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()

    program = str(args.nba)
    with tempfile.TemporaryDirectory() as index:
        build = seconds([program, "index", "build", "--data", str(args.data), "--index", index])
        commands = {
            "--version": ([program, "--version"], None),
            "similar TICKET": ([program, "similar", TICKET, "--index", index], 0.05),
            "recommend TICKET": ([program, "recommend", TICKET, "--index", index], 0.06),
            "similar --text": ([program, "similar", "--text", TEXT, "--index", index], 0.6),
            "recommend --text": ([program, "recommend", "--text", TEXT, "--index", index], 0.6),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(args.rounds):
            for name, (command, _limit) in commands.items():
                times[name].append(seconds(command))
    start_up = statistics.median(times["--version"])
    print(f"{'command':<18}{'median':>9}{'slowest':>9}{'limit':>8}{'of limit':>10}{'of start-up':>13}")
    print(f"{'index build':<18}{build:>8.2f}s{build:>8.2f}s{40:>7}s{build / 40:>10.2f}{build / start_up:>13.0f}")
    for name, (_, limit) in commands.items():
        median, slowest = statistics.median(times[name]), max(times[name])
        shown = f"{limit:>7}s{median / limit:>10.2f}" if limit else f"{'':>18}"
        print(f"{name:<18}{median:>8.3f}s{slowest:>8.3f}s{shown}{median / start_up:>13.1f}")


if __name__ == "__main__":
    main()
