#!/bin/sh
# The server by plain curl: the native API, the query shape of Databricks Vector Search, and a tool of the Model Context
# Protocol. Reads alone; the last request keeps a verdict.
#
#   nba serve &
#   sh examples/curl.sh http://127.0.0.1:8080 TICKET-0042
set -eu
server=${1:-http://127.0.0.1:8080}
ticket=${2:-TICKET-0042}
# With tokens: export NBA_TOKEN=…
ask() {
    curl --silent --show-error --fail-with-body ${NBA_TOKEN:+--header "Authorization: Bearer $NBA_TOKEN"} "$@"
    echo
}
json='Content-Type: application/json'

echo '# is it there'
ask "$server/healthz"

echo '# tickets like this one, with a filter'
ask "$server/v1/similar" --header "$json" --data '{"ticket": "'"$ticket"'", "k": 2, "filter": "csat_score >= 4"}'

echo '# what to do next'
ask "$server/v1/recommend" --header "$json" --data '{"ticket": "'"$ticket"'"}'

echo '# exact words in what agents wrote'
ask "$server/v1/search" --header "$json" \
    --data '{"index": "steps", "text": "conta", "type": "full_text", "k": 1, "columns": ["message", "action"]}'

echo '# the same index in the shape of Databricks Vector Search'
ask "$server/api/2.0/vector-search/indexes/main.support.tickets/query" --header "$json" \
    --data '{"columns": ["ticket_id", "subject"], "query_text": "conta", "query_type": "FULL_TEXT", "num_results": 1,
             "filters_json": "{\"priority NOT\": \"LOW\"}"}'

echo '# a tool of the Model Context Protocol: one message, one answer, no session'
ask "$server/mcp" --header "$json" --header 'Accept: application/json, text/event-stream' \
    --data '{"jsonrpc": "2.0", "id": 1, "method": "tools/call",
             "params": {"name": "get_ticket", "arguments": {"ticket": "'"$ticket"'"}}}'

echo '# what became of a recommendation'
ask "$server/v1/feedback" --header "$json" \
    --data '{"ticket": "'"$ticket"'", "action": "ASK_DOCUMENTS", "verdict": "rejected", "by": "curl"}'
