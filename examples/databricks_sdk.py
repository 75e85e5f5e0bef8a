"""The whole life of a vector search index, by the real `databricks-sdk` against this server in place of a workspace.

    nba serve &
    python examples/databricks_sdk.py http://127.0.0.1:8080

Needs `databricks-sdk` of PyPI (see requirements.txt). The address must have its scheme; any token will do where the
server asks for none. The client looks for /.well-known/databricks-config first and retries for minutes where nobody
answers: start the server before it.
"""

import json
import os
import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    DirectAccessVectorIndexSpec,
    EmbeddingSourceColumn,
    EmbeddingVectorColumn,
    EndpointType,
    PipelineType,
    VectorIndexType,
)

ENDPOINT = "example"
NOTES = "main.example.notes"
TICKETS = "main.example.tickets"


def show(title, answer):
    """The rows of a query, without their scores."""
    rows = answer.result.data_array or []
    print(f"{title}:", "; ".join(" | ".join(str(cell) for cell in row[:-1]) for row in rows))


def direct_access(w):
    """An index whose rows and vectors the caller brings."""
    indexes = w.vector_search_indexes
    schema = {"id": "int", "text": "string", "kind": "string", "price": "double", "vector": "array<float>"}
    created = indexes.create_index(
        name=NOTES,
        endpoint_name=ENDPOINT,
        primary_key="id",
        index_type=VectorIndexType.DIRECT_ACCESS,
        direct_access_index_spec=DirectAccessVectorIndexSpec(
            embedding_vector_columns=[EmbeddingVectorColumn(name="vector", embedding_dimension=4)],
            schema_json=json.dumps(schema),
        ),
    )
    print("created:", created.name, created.status.ready)

    rows = [
        {"id": 1, "text": "refund not received", "kind": "money", "price": 10.0, "vector": [1.0, 0.0, 0.0, 0.0]},
        {"id": 2, "text": "refund too late", "kind": "money", "price": 25.5, "vector": [0.9, 0.1, 0.0, 0.0]},
        {"id": 3, "text": "terminal does not start", "kind": "device", "price": 99.0, "vector": [0.0, 1.0, 0.0, 0.0]},
    ]
    upserted = indexes.upsert_data_vector_index(index_name=NOTES, inputs_json=json.dumps(rows))
    print("upserted:", upserted.status.value, upserted.result.success_row_count)

    columns = ["id", "text"]
    near = {"index_name": NOTES, "columns": columns, "query_vector": [1.0, 0.05, 0.0, 0.0], "num_results": 2}
    show("nearest", indexes.query_index(**near))
    show("nearest, filtered", indexes.query_index(**near, filters_json=json.dumps({"kind": "money", "price >": 20})))
    show(
        "by words",
        indexes.query_index(index_name=NOTES, columns=columns, query_text="terminal", query_type="FULL_TEXT"),
    )

    # Every row in the order of its key, a page at a time.
    keys, last = [], None
    while True:
        page = indexes.scan_index(index_name=NOTES, num_results=2, last_primary_key=last)
        if not page.data:
            break
        keys += [field.value.number_value for row in page.data for field in row.fields if field.key == "id"]
        last = page.last_primary_key
    print("scanned:", [int(key) for key in keys])

    deleted = indexes.delete_data_vector_index(index_name=NOTES, primary_keys=["2"])
    print("deleted:", deleted.status.value, deleted.result.success_row_count)
    show("nearest, then", indexes.query_index(**near))


def delta_sync(w):
    """An index that follows a table, here the desk's own, and embeds its texts on this machine."""
    indexes = w.vector_search_indexes
    indexes.create_index(
        name=TICKETS,
        endpoint_name=ENDPOINT,
        primary_key="ticket_id",
        index_type=VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table="main.support.tickets",
            pipeline_type=PipelineType.TRIGGERED,
            columns_to_sync=["ticket_id", "subject", "category", "status"],
            embedding_source_columns=[EmbeddingSourceColumn(name="subject", embedding_model_endpoint_name="local")],
        ),
    )
    indexes.sync_index(index_name=TICKETS)
    found = indexes.get_index(index_name=TICKETS)
    print("followed:", found.name, found.status.ready, found.status.indexed_row_count > 0)
    answer = indexes.query_index(
        index_name=TICKETS,
        columns=["ticket_id", "category"],
        query_text="estorno não caiu",
        query_type="HYBRID",
        num_results=3,
        filters_json=json.dumps({"category": "FINANCIAL"}),
    )
    print("hybrid:", {row[1] for row in answer.result.data_array})


def main(server):
    w = WorkspaceClient(host=server, token=os.environ.get("NBA_TOKEN", "any"))
    w.vector_search_endpoints.create_endpoint_and_wait(name=ENDPOINT, endpoint_type=EndpointType.STANDARD)
    print("endpoints:", ", ".join(sorted(endpoint.name for endpoint in w.vector_search_endpoints.list_endpoints())))
    direct_access(w)
    delta_sync(w)
    listed = [index.name for index in w.vector_search_indexes.list_indexes(endpoint_name=ENDPOINT)]
    print("indexes:", ", ".join(sorted(listed)))

    # What is not there is told as the service tells it.
    try:
        w.vector_search_indexes.get_index(index_name="main.example.none")
    except NotFound as error:
        print("not found:", error)
    for name in listed:
        w.vector_search_indexes.delete_index(index_name=name)
    w.vector_search_endpoints.delete_endpoint(endpoint_name=ENDPOINT)
    print("left:", [endpoint.name for endpoint in w.vector_search_endpoints.list_endpoints() if endpoint.name == ENDPOINT])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080")
