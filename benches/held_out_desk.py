"""Takes every fourth ticket out of a generated desk and asks for it: what is left of the desk, and questions for
`nba evaluate queries`, whose answers are the ended tickets with the same subcategory.

    nba generate --labels --locale mixed --tickets 1500 --seed 3 --out desk
    python3 benches/held_out_desk.py desk rest
    nba index build --data rest --index index
    nba evaluate queries --queries rest/queries.csv --index index
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

TABLES = ["companies", "customers", "agents", "tickets", "ticket_interactions"]
ENDED = {"RESOLVED", "CLOSED"}
ASKED_BY = {
    "problem": lambda ticket: f"{ticket['subject']}\n{ticket['description']}",
    "body": lambda ticket: ticket["description"],
    "subject": lambda ticket: ticket["subject"],
}


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main(desk, rest):
    rest.mkdir(parents=True, exist_ok=True)
    tickets = read(desk / "tickets.csv")
    held = {ticket["ticket_id"] for ticket in tickets[1::4]}
    for table in TABLES:
        rows = read(desk / f"{table}.csv")
        with (rest / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=rows[0])
            writer.writeheader()
            writer.writerows(row for row in rows if row.get("ticket_id") not in held)

    answers = defaultdict(list)
    for ticket in tickets:
        if ticket["ticket_id"] not in held and ticket["status"] in ENDED:
            answers[ticket["subcategory"]].append(ticket["ticket_id"])
    with (rest / "queries.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "query", "answers"])
        for name, text in ASKED_BY.items():
            for ticket in tickets[1::4]:
                if text(ticket).strip() and answers[ticket["subcategory"]]:
                    writer.writerow([name, text(ticket), "|".join(answers[ticket["subcategory"]])])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
