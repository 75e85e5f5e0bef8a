"""Every call that databricks-sdk can make of vector search and of its second generation, and every error that it tells apart.

    python tests/sdk/conformance.py http://127.0.0.1:8080

Prints a line a group of calls and `ok` at the end; an assertion that fails is a traceback and exit code 1. The server's index is
that of the shipped desk. tests/it/sdk.rs runs it.
"""

import json
import math
import random
import sys

from databricks.sdk import WorkspaceClient, errors
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.service import aisearch as second
from databricks.sdk.service import vectorsearch as v

ENDPOINT = "conformance"
DIRECT = "main.conformance.direct"
FOLLOWS = "main.conformance.follows"
WORDS = "main.conformance.words"


def raises(kind, work, part=""):
    """That a call fails as this exception and no other, with these words."""
    try:
        work()
    except Exception as error:  # noqa: BLE001: the point is which
        assert type(error) is kind, (kind, type(error), error)
        assert part in str(error), (part, str(error))
        return
    raise AssertionError(f"no {kind.__name__}")


def rows(answer):
    """Rows as objects, by the names of the manifest."""
    names = [column.name for column in answer.manifest.columns]
    assert answer.manifest.column_count == len(names)
    assert answer.result.row_count == len(answer.result.data_array or [])
    assert names[-1] == "score"
    found = [dict(zip(names, row, strict=True)) for row in answer.result.data_array or []]
    scores = [row["score"] for row in found]
    assert all(isinstance(score, float | int) for score in scores)
    return found


def endpoints(w):
    e = w.vector_search_endpoints
    made = e.create_endpoint_and_wait(
        name=ENDPOINT, endpoint_type=v.EndpointType.STANDARD, target_qps=5, usage_policy_id="policy"
    )
    assert (made.name, made.endpoint_type, made.num_indexes) == (ENDPOINT, v.EndpointType.STANDARD, 0)
    assert made.endpoint_status.state == v.EndpointStatusState.ONLINE
    assert ENDPOINT in [endpoint.name for endpoint in e.list_endpoints()]
    assert e.get_endpoint(ENDPOINT).id == made.id
    assert e.patch_endpoint(ENDPOINT, target_qps=9).scaling_info.requested_target_qps == 9
    tags = e.update_endpoint_custom_tags(ENDPOINT, [v.CustomTag(key="team", value="support"), v.CustomTag(key="bare")])
    assert [(tag.key, tag.value) for tag in tags.custom_tags] == [("team", "support"), ("bare", None)]
    assert e.get_endpoint(ENDPOINT).custom_tags == tags.custom_tags
    assert e.update_endpoint_budget_policy(ENDPOINT, "b1").effective_budget_policy_id == "b1"
    metrics = e.retrieve_user_visible_metrics(ENDPOINT, metrics=[v.Metric(name="qps")], granularity_in_seconds=60)
    assert metrics.metric_values is None or isinstance(metrics.metric_values, list)

    use, manage = v.VectorSearchEndpointPermissionLevel.CAN_USE, v.VectorSearchEndpointPermissionLevel.CAN_MANAGE
    ask = v.VectorSearchEndpointAccessControlRequest
    levels = {level.permission_level for level in e.get_permission_levels(made.id).permission_levels}
    assert {use, manage} <= levels
    e.set_permissions(made.id, access_control_list=[ask(user_name="ana@example.com", permission_level=use)])
    e.update_permissions(made.id, access_control_list=[ask(group_name="desk", permission_level=manage)])
    held = e.get_permissions(made.id).access_control_list
    names = {entry.user_name or entry.group_name for entry in held}
    assert {"ana@example.com", "desk"} <= names, names

    raises(errors.ResourceAlreadyExists, lambda: e.create_endpoint(ENDPOINT, v.EndpointType.STANDARD))
    raises(errors.ResourceDoesNotExist, lambda: e.get_endpoint("none"))
    raises(errors.ResourceDoesNotExist, lambda: e.delete_endpoint("none"))
    print("endpoints")


def direct_access(w):
    i = w.vector_search_indexes
    schema = {"id": "integer", "text": "string", "kind": "string", "price": "double", "tags": "array<string>", "v": "array<float>"}
    spec = v.DirectAccessVectorIndexSpec(
        embedding_vector_columns=[v.EmbeddingVectorColumn(name="v", embedding_dimension=4)],
        schema_json=json.dumps(schema),
    )

    def create(**change):
        asked = {"name": DIRECT, "endpoint_name": ENDPOINT, "primary_key": "id", "direct_access_index_spec": spec}
        return i.create_index(**{**asked, "index_type": v.VectorIndexType.DIRECT_ACCESS, **change})

    raises(errors.InvalidParameterValue, lambda: create(name="two.parts"))
    raises(errors.ResourceDoesNotExist, lambda: create(endpoint_name="none"))
    raises(errors.InvalidParameterValue, lambda: create(primary_key="price"))
    made = create()
    assert (made.name, made.primary_key, made.endpoint_name) == (DIRECT, "id", ENDPOINT)
    assert made.status.ready and made.status.index_url.startswith("http://")
    # Types come back as the service writes them.
    assert json.loads(made.direct_access_index_spec.schema_json)["id"] == "int"
    raises(errors.ResourceAlreadyExists, create)

    chance = random.Random(4)
    words = ["refund", "card", "terminal", "late", "fee", "pix"]
    table = [
        {
            "id": n,
            "text": " ".join(chance.choices(words, k=5)),
            "kind": chance.choice(["money", "device", "other"]),
            "price": chance.choice([None, 1.5, 20.0, 300.25]),
            "tags": chance.sample(["a", "b", "c"], k=chance.randrange(3)),
            "v": [chance.uniform(-1, 1) for _ in range(4)],
        }
        for n in range(1500)
    ]
    done = i.upsert_data_vector_index(DIRECT, json.dumps(table))
    assert done.status == v.UpsertDataStatus.SUCCESS and done.result.success_row_count == 1500
    assert not done.result.failed_primary_keys
    part = i.upsert_data_vector_index(DIRECT, json.dumps([{"id": 7, **{k: x for k, x in table[7].items() if k != "id"}}, {"id": 9, "v": [1, 2]}]))
    assert part.status == v.UpsertDataStatus.PARTIAL_SUCCESS and part.result.failed_primary_keys == ["9"]
    assert i.upsert_data_vector_index(DIRECT, json.dumps([{"id": "x"}])).status == v.UpsertDataStatus.FAILURE
    raises(errors.InvalidParameterValue, lambda: i.upsert_data_vector_index(DIRECT, "{"))
    assert i.get_index(DIRECT, ensure_reranker_compatible=True).status.indexed_row_count == 1500

    # ANN: 1 / (1 + d²), by looking at all.
    query = [0.1, 0.2, 1e-09, 3]
    score = lambda row: 1 / (1 + sum((a - b) ** 2 for a, b in zip(row["v"], query, strict=True)))
    best = sorted(table, key=lambda row: (-score(row), row["id"]))
    found = rows(i.query_index(DIRECT, ["id", "text", "v"], query_vector=query, num_results=5))
    assert [row["id"] for row in found] == [row["id"] for row in best[:5]]
    assert all(math.isclose(got["score"], score(row), rel_tol=1e-4) for got, row in zip(found, best, strict=False))
    assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(found[0]["v"], best[0]["v"], strict=True))
    limit = score(best[2])
    reach = rows(i.query_index(DIRECT, ["id"], query_vector=query, num_results=5, score_threshold=limit * 0.9999))
    assert [row["id"] for row in reach] == [row["id"] for row in best[:3]]

    # Pages: 1,000 rows each, to the end, no row twice.
    answer = i.query_index(DIRECT, ["id"], query_vector=query, num_results=1400)
    ids = [row["id"] for row in rows(answer)]
    assert len(ids) == 1000 and answer.next_page_token
    while answer.next_page_token:
        answer = i.query_next_page(DIRECT, endpoint_name=ENDPOINT, page_token=answer.next_page_token)
        ids += [row["id"] for row in rows(answer)]
    ranks = [score(table[id]) for id in ids]
    # Vectors are kept in single precision, in which near ties may change places.
    assert len(set(ids)) == 1400 and all(a >= b - 1e-6 for a, b in zip(ranks, ranks[1:], strict=False))
    raises(errors.InvalidParameterValue, lambda: i.query_next_page(DIRECT, page_token="made up"), "page_token")

    # Both dialects of filters, and what is refused.
    cheap = lambda row: row["kind"] == "money" and row["price"] is not None and row["price"] < 50
    for filters in ['{"kind": "money", "price <": 50}', "kind = 'money' AND price < 50"]:
        got = rows(i.query_index(DIRECT, ["id"], query_vector=query, num_results=1500, filters_json=filters))
        assert {row["id"] for row in got} == {row["id"] for row in table if cheap(row)}, filters
    got = rows(i.query_index(DIRECT, ["id"], query_vector=query, num_results=1500, filters_json='{"tags": ["a", "b"]}'))
    assert {row["id"] for row in got} == {row["id"] for row in table if {"a", "b"} & set(row["tags"])}
    for bad in ['{"colour": 1}', '{"price <"}', '{"kind <": 3}', "kind ="]:
        raises(errors.InvalidParameterValue, lambda: i.query_index(DIRECT, ["id"], query_vector=query, filters_json=bad))

    # Words, both, a second look, facets, sorting.
    worded = rows(i.query_index(DIRECT, ["id", "text"], query_text="pix refund", query_type="FULL_TEXT", query_columns=["text"]))
    assert len(worded) == 10 and all("pix" in row["text"] and "refund" in row["text"] for row in worded)
    both = i.query_index(
        DIRECT, ["id"], query_text="pix", query_vector=query, query_type="HYBRID", columns_to_rerank=["text"],
        reranker=v.RerankerConfig(
            model="databricks_reranker", parameters=v.RerankerConfigRerankerParameters(columns_to_rerank=["text"])
        ),
    )
    assert len(rows(both)) == 10
    faceted = i.query_index(
        DIRECT, ["id", "price"], query_text="pix", query_type="FULL_TEXT", num_results=200,
        facets=["kind TOP 5", "price BUCKETS [[0,10],[11,20]]"], sort_columns=["price DESC"],
    )
    with_pix = [row for row in table if "pix" in row["text"].split()]
    counted = {tuple(row[:2]): row[2] for row in faceted.facet_result.facet_array}
    assert {kind: counted["kind", kind] for kind in ("money", "device", "other")} == {
        kind: sum(row["kind"] == kind for row in with_pix) for kind in ("money", "device", "other")
    }
    assert counted["price", "[0,10]"] == sum(row["price"] == 1.5 for row in with_pix)
    prices = [row["price"] for row in rows(faceted)]
    known = [price for price in prices if price is not None]
    assert known == sorted(known, reverse=True) and all(price is None for price in prices[len(known) :])

    for refused in [
        {},
        {"query_vector": [1.0]},
        {"query_vector": query, "num_results": 0},
        {"query_vector": query, "num_results": 10_001},
        {"query_vector": query, "query_type": "NEAREST"},
        {"query_text": "x", "query_type": "FULL_TEXT", "num_results": 201},
        {"query_text": "x"},
        {"query_text": "x", "query_type": "HYBRID"},
        {"query_text": "x", "query_type": "FULL_TEXT", "query_columns": ["price"]},
        {"query_text": "x", "query_type": "FULL_TEXT", "facets": ["kind", "kind TOP 3"]},
        {"query_vector": query, "sort_columns": ["colour ASC"]},
    ]:
        raises(errors.InvalidParameterValue, lambda: i.query_index(DIRECT, ["id"], **refused))
    raises(errors.InvalidParameterValue, lambda: i.query_index(DIRECT, ["colour"], query_vector=query), "colour")
    raises(errors.ResourceDoesNotExist, lambda: i.query_index("main.no.index", ["id"], query_vector=query))
    raises(errors.InvalidParameterValue, lambda: i.sync_index(DIRECT))

    # Every row in the order of its key; then some go.
    seen, last = [], None
    while True:
        page = i.scan_index(DIRECT, num_results=400, last_primary_key=last)
        if not page.data:
            break
        fields = [{field.key: field.value for field in row.fields} for row in page.data]
        seen += [int(row["id"].number_value) for row in fields]
        last = page.last_primary_key
    assert seen == list(range(1500)) and len(fields[0]["v"].list_value.values) == 4
    gone = i.delete_data_vector_index(DIRECT, [str(row["id"]) for row in best[:3]] + ["99999"])
    assert gone.status == v.DeleteDataStatus.SUCCESS
    assert rows(i.query_index(DIRECT, ["id"], query_vector=query, num_results=1))[0]["id"] == best[3]["id"]
    print("direct access")


def text_keys(w):
    i = w.vector_search_indexes
    i.create_index(
        WORDS, ENDPOINT, "key", v.VectorIndexType.DIRECT_ACCESS,
        direct_access_index_spec=v.DirectAccessVectorIndexSpec(
            embedding_vector_columns=[v.EmbeddingVectorColumn(name="v", embedding_dimension=1)],
            schema_json=json.dumps({"key": "string", "v": "array<float>"}),
        ),
    )
    keys = ["1", "a b", "c,d&e=é", "😀", "100%"]
    i.upsert_data_vector_index(WORDS, json.dumps([{"key": key, "v": [n]} for n, key in enumerate(keys)]))
    assert i.get_index(WORDS).status.indexed_row_count == 5
    i.delete_data_vector_index(WORDS, keys[1:])
    left = i.scan_index(WORDS)
    assert [field.value.string_value for row in left.data for field in row.fields if field.key == "key"] == ["1"]
    print("keys that are text")


def delta_sync(w):
    i = w.vector_search_indexes

    def create(**change):
        spec = {
            "source_table": "main.support.tickets",
            "pipeline_type": v.PipelineType.TRIGGERED,
            "columns_to_sync": ["ticket_id", "subject", "category"],
            "embedding_source_columns": [v.EmbeddingSourceColumn(name="subject", embedding_model_endpoint_name="local")],
        }
        return i.create_index(
            FOLLOWS, ENDPOINT, "ticket_id", v.VectorIndexType.DELTA_SYNC,
            delta_sync_index_spec=v.DeltaSyncVectorIndexSpecRequest(**{**spec, **change}),
        )

    raises(errors.ResourceDoesNotExist, lambda: create(source_table="main.no.table"))
    raises(errors.InvalidParameterValue, lambda: create(pipeline_type=None))
    create()
    i.sync_index(FOLLOWS)
    found = i.get_index(FOLLOWS)
    assert found.status.ready and found.status.indexed_row_count == 500
    assert found.delta_sync_index_spec.embedding_source_columns[0].name == "subject"
    for kind in ["ANN", "hybrid", "FULL_TEXT"]:
        got = rows(i.query_index(FOLLOWS, ["ticket_id", "category"], query_text="PIX", query_type=kind, num_results=3))
        assert len(got) == 3
    raises(errors.InvalidParameterValue, lambda: i.upsert_data_vector_index(FOLLOWS, "[]"))
    names = {index.name: index.index_type for index in i.list_indexes(ENDPOINT)}
    assert names[FOLLOWS] == v.VectorIndexType.DELTA_SYNC and names[DIRECT] == v.VectorIndexType.DIRECT_ACCESS

    w.vector_search_endpoints.stop_endpoint(ENDPOINT)
    raises(errors.InvalidState, lambda: i.query_index(FOLLOWS, ["ticket_id"], query_text="PIX"))
    w.vector_search_endpoints.start_endpoint(ENDPOINT)
    assert rows(i.query_index(FOLLOWS, ["ticket_id"], query_text="PIX"))
    print("delta sync")


def second_generation(w):
    a = w.ai_search
    home = "workspaces/1"
    endpoint = f"{home}/endpoints/second"
    name = f"{endpoint}/indexes/main.conformance.second"
    made = a.create_endpoint(home, second.Endpoint(endpoint_type=second.EndpointType.STANDARD), endpoint_id="second")
    assert made.name == endpoint
    assert endpoint in [one.name for one in a.list_endpoints(home)]
    assert a.get_endpoint(endpoint).index_count == 0
    changed = a.update_endpoint(endpoint, second.Endpoint(endpoint_type=second.EndpointType.STANDARD, target_qps=3), FieldMask(["target_qps"]))
    assert changed.target_qps == 3
    index = second.Index(
        primary_key="id",
        index_type=second.IndexType.DIRECT_ACCESS,
        direct_access_index_spec=second.DirectAccessIndexSpec(
            embedding_vector_columns=[second.EmbeddingVectorColumn(name="v", embedding_dimension=2)],
            schema_json=json.dumps({"id": "int", "text": "string", "v": "array<float>"}),
        ),
    )
    assert a.create_index(endpoint, index, index_id="main.conformance.second").name == name
    a.upsert_data(name, json.dumps([{"id": n, "text": f"row {n}", "v": [n, 1]} for n in range(5)]))
    assert a.get_index(name).status.indexed_row_count == 5
    answer = a.query_index(name, ["id"], query_vector=[2, 1], max_results=2)
    assert [row[0] for row in answer.result.data_array] == [2, 1]
    scanned = a.scan_index(name, page_size=2)
    assert len(scanned.data) == 2 and scanned.next_page_token
    a.remove_data(name, ["2"])
    assert a.query_index(name, ["id"], query_vector=[2, 1], max_results=1).result.data_array[0][0] == 1
    raises(errors.InvalidParameterValue, lambda: a.sync_index(name))
    assert [one.name for one in a.list_indexes(endpoint)] == [name]
    a.delete_index(name)
    a.delete_endpoint(endpoint)
    raises(errors.ResourceDoesNotExist, lambda: a.get_endpoint(endpoint))
    print("second generation")


def look_ups(w):
    assert w.current_user.me().user_name
    assert w.get_workspace_id() >= 0
    assert w.serving_endpoints.get("local").name == "local"
    columns = {column.name for column in w.tables.get("main.support.tickets").columns}
    assert {"ticket_id", "subject"} <= columns
    print("look-ups")


def leave(w):
    raises(errors.InvalidParameterValue, lambda: w.vector_search_endpoints.delete_endpoint(ENDPOINT), FOLLOWS)
    for index in list(w.vector_search_indexes.list_indexes(ENDPOINT)):
        w.vector_search_indexes.delete_index(index.name)
    raises(errors.ResourceDoesNotExist, lambda: w.vector_search_indexes.get_index(DIRECT))
    w.vector_search_endpoints.delete_endpoint(ENDPOINT)
    raises(errors.ResourceDoesNotExist, lambda: w.vector_search_indexes.list_indexes(ENDPOINT).__next__())
    print("left")


if __name__ == "__main__":
    client = WorkspaceClient(host=sys.argv[1], token="any")
    for group in [endpoints, direct_access, text_keys, delta_sync, second_generation, look_ups, leave]:
        group(client)
    print("ok")
