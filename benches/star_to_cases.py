#!/usr/bin/env python3
"""Turns STAR's next-action rows into the case files of `nba evaluate actions`.

STAR (Mosig, Mehri, Kober 2020, MIT licence) has one row for each action a support worker took. The published split is
kept; the task's name becomes the category; every turn that is not the user's counts as the agent's.

    python3 benches/star_to_cases.py next_action.jsonl.gz out/
    nba evaluate actions --train out/train.jsonl --test out/test.jsonl
"""

import argparse
import gzip
import json
import re
from pathlib import Path


def query(text: str) -> str:
    """The action of a query of the knowledge base, which has its text as its only mark: the same names as in the truths."""
    kind = re.search(r'RequestType = (?:api\.is_equal_to\()?"(Check|Book)"', text)
    return f"query_{kind[1].lower()}" if kind else "query"


def turn(entry: dict) -> dict:
    author = "CUSTOMER" if entry["agent"] == "User" else "AGENT"
    text = entry["text"] or ""
    return {"author": author, "text": text, "action": query(text) if text.startswith("[QUERY]") else entry["action"]}


def case(row: dict) -> dict:
    return {
        "case": f"star-{row['dialog_id']}-{row['event']}",
        "category": row["tasks"][0] if row["tasks"] else None,
        "turns": [turn(entry) for entry in row["context"]],
        "action": row["action"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="STAR rows, gzipped JSON lines")
    parser.add_argument("out", type=Path, help="folder for train.jsonl and test.jsonl")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with (
        gzip.open(args.rows, "rt", encoding="utf-8") as rows,
        (args.out / "train.jsonl").open("w", encoding="utf-8") as train,
        (args.out / "test.jsonl").open("w", encoding="utf-8") as test,
    ):
        files = {"train": train, "test": test}
        for line in rows:
            row = json.loads(line)
            if row["sam_split"] in files:
                print(json.dumps(case(row), ensure_ascii=False), file=files[row["sam_split"]])


if __name__ == "__main__":
    main()
