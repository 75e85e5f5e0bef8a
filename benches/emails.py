#!/usr/bin/env python3
"""Makes e-mails of a generated desk's descriptions: quoted mails, signatures, legal notices.

    nba generate --labels --locale mixed --tickets 500 --queries --out desk
    python3 benches/emails.py desk emails
    nba index build --data emails --index index && nba evaluate queries --index index --queries emails/queries.csv

Every description gets one of the trappings below, drawn with a fixed seed; a quoted mail holds what an agent wrote on
some other ticket, as happens where one mail thread runs through several. A first message that repeats the description
changes with it; nothing else does.
"""

import csv
import pathlib
import random
import shutil
import sys

SIGNATURES = [
    "Atenciosamente,\n{name}\nGerente financeira\nTel. (11) 3{n:03}-4455",
    "Att.\n{name} | Loja {n}",
    "Best regards,\n{name}\nStore manager, shop {n}",
    "-- \n{name}\nwww.loja{n}.com.br",
    "Enviado do meu iPhone",
    "Sent from my Galaxy",
]
NOTICES = [
    "AVISO DE CONFIDENCIALIDADE: esta mensagem se destina apenas ao destinatário. Se a recebeu por engano, apague-a.",
    "This e-mail is confidential and intended for the recipient only. If you are not the recipient, delete it.",
]
QUOTES = [
    "Em qua., {n} de mar. de 2026 às 10:12, Suporte <suporte@acquirer.example> escreveu:\n{quoted}",
    "On Wed, Mar {n}, 2026 at 10:12 AM Support <support@acquirer.example> wrote:\n{quoted}",
    "-----Mensagem original-----\nDe: Suporte\nEnviada em: {n} de março de 2026 10:12\nAssunto: Re: chamado\n\n{plain}",
    "From: Support\nSent: March {n}, 2026 10:12\nTo: Shop\nSubject: Re: ticket\n\n{plain}",
]
NAMES = ["Marina Coutinho", "Rui Prado", "Helen Shaw", "Caio Nogueira", "Joana Bastos"]


def main() -> None:
    source, target = map(pathlib.Path, sys.argv[1:3])
    shutil.copytree(source, target)
    draw = random.Random(7)
    columns, tickets = read(source / "tickets.csv")
    message_columns, messages = read(source / "ticket_interactions.csv")
    answers = [row["message"] for row in messages if row["author_type"] == "AGENT"]
    changed = {}
    for ticket in tickets:
        parts = [ticket["description"]]
        if draw.random() < 0.7:
            parts.append(draw.choice(SIGNATURES).format(name=draw.choice(NAMES), n=draw.randrange(100, 999)))
        if draw.random() < 0.3:
            parts.append(draw.choice(NOTICES))
        if draw.random() < 0.5:
            plain = "\n".join(draw.sample(answers, 2))
            quoted = "\n".join(f"> {line}" for line in plain.splitlines())
            parts.append(draw.choice(QUOTES).format(n=draw.randrange(1, 29), plain=plain, quoted=quoted))
        changed[ticket["ticket_id"], ticket["description"]] = "\n\n".join(parts)
        ticket["description"] = "\n\n".join(parts)
    for row in messages:
        row["message"] = changed.get((row["ticket_id"], row["message"]), row["message"])
    write(target / "tickets.csv", columns, tickets)
    write(target / "ticket_interactions.csv", message_columns, messages)


def read(path: pathlib.Path) -> tuple[list[str], list[dict[str, str]]]:
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def write(path: pathlib.Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


main()
