"""Makes the Delta Lake tables beside this file: pip install deltalake pyarrow, then python make.py.

tickets/: version 0 creates (change data feed on), 1 inserts, 2 updates TICKET-3, 3 deletes TICKET-2, 4 inserts two tickets
and has a checkpoint, 5 deletes TICKET-5 by a deletion vector. All but the last is written by delta-rs, which writes no
deletion vectors: that commit is put together here. The desk is that of tests/formats/desk and made up.
"""

import csv
import json
import shutil
import struct
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

HERE = Path(__file__).parent
DESK = HERE.parent / "formats" / "desk"


def rows(name):
    with open(DESK / name, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(dicts):
    names = list(dicts[0])
    return pa.table({name: pa.array([row[name] or None for row in dicts], pa.string()) for name in names})


def main():
    tickets = rows("tickets.csv")
    folder = HERE / "tickets"
    shutil.rmtree(folder, ignore_errors=True)
    feed = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(folder, table(tickets[:2]), configuration=feed)
    write_deltalake(folder, table(tickets[2:]), mode="append")
    DeltaTable(folder).update(predicate="ticket_id = 'TICKET-3'", new_values={"status": "IN_PROGRESS"})
    DeltaTable(folder).delete("ticket_id = 'TICKET-2'")
    fresh = dict(tickets[2], ticket_id="TICKET-4", subject="Visor", description="O visor da maquininha apagou")
    write_deltalake(folder, table([fresh, dict(fresh, ticket_id="TICKET-5")]), mode="append")
    DeltaTable(folder).create_checkpoint()
    delete_row(folder / "_delta_log", 4, 1)


def delete_row(log, version, row):
    """Commits a deletion vector for a row of the one file that a version added."""
    actions = [json.loads(line) for line in open(log / f"{version:020}.json", encoding="utf-8")]
    add = next(action["add"] for action in actions if "add" in action)
    now = add["modificationTime"] + 1000
    features = ["deletionVectors", "changeDataFeed", "appendOnly", "invariants"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features[:1], "writerFeatures": features}
    gone = {"path": add["path"], "deletionTimestamp": now, "dataChange": True, "extendedFileMetadata": True}
    gone |= {"partitionValues": {}, "size": add["size"]}
    with open(log / f"{version + 1:020}.json", "w", encoding="utf-8") as file:
        for action in (
            {"commitInfo": {"timestamp": now, "operation": "DELETE", "operationParameters": {}}},
            {"protocol": protocol},
            {"remove": gone},
            {"add": add | {"modificationTime": now, "deletionVector": vector(row)}},
        ):
            file.write(json.dumps(action) + "\n")


def vector(row):
    """A deletion vector in the log itself: magic number, one 32-bit roaring bitmap with one row, as Z85."""
    bitmap = struct.pack("<IIHHIH", 12346, 1, 0, 0, 16, row)
    raw = struct.pack("<I", 1681511377) + struct.pack("<QI", 1, 0) + bitmap
    padded = raw + bytes(-len(raw) % 4)
    return {"storageType": "i", "pathOrInlineDv": z85(padded), "sizeInBytes": len(raw), "cardinality": 1}


def z85(raw):
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    text = ""
    for (word,) in struct.iter_unpack(">I", raw):
        text += "".join(digits[word // 85**at % 85] for at in (4, 3, 2, 1, 0))
    return text


main()
