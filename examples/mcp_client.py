"""An agent's side of the Model Context Protocol: which tools there are, and what they answer.

    nba serve &
    python examples/mcp_client.py http://127.0.0.1:8080 TICKET-0042

Needs `mcp` of PyPI (see requirements.txt). The same tools are at the standard input of `nba mcp`.
"""

import asyncio
import json
import sys

from mcp import Client


def said(result):
    """The lines of an answer; the JSON of every face is in `result.structured_content`."""
    return "\n".join(part.text for part in result.content)


async def desk(server, ticket):
    async with Client(f"{server}/mcp") as client:
        tools = (await client.list_tools()).tools
        print("tools:", ", ".join(tool.name for tool in tools))

        similar = await client.call_tool("similar_tickets", {"ticket": ticket, "k": 2})
        print(said(similar))
        if similar.is_error:
            return

        # The best of them, whole. The client has held the answer against the tool's schema already.
        best = similar.structured_content["tickets"][0]["ticket_id"]
        print(said(await client.call_tool("get_ticket", {"ticket": best})))

        advice = await client.call_tool("recommend_action", {"ticket": ticket})
        print(said(advice))
        actions = advice.structured_content["actions"]
        if advice.structured_content["abstention"] is None and actions:
            kept = await client.call_tool(
                "record_feedback",
                {
                    "ticket": ticket,
                    "action": actions[0]["id"],
                    "verdict": "displayed",
                    "recommendation": advice.structured_content["recommendation"],
                    "by": "mcp-client",
                },
            )
            print(said(kept))

        # A tool that fails says why, and the agent goes on.
        failed = await client.call_tool("get_ticket", {"ticket": "TICKET-9999999"})
        print("error:", failed.is_error, said(failed).splitlines()[0])


async def managed(server):
    """The URL of a Databricks managed MCP server: a tool for each index of a schema, presets in `_meta`."""
    async with Client(f"{server}/api/2.0/mcp/ai-search/main/support") as client:
        tools = (await client.list_tools()).tools
        print("managed:", ", ".join(tool.name for tool in tools))
        found = await client.call_tool(
            "main__support__tickets",
            {"query": "conta"},
            meta={"num_results": 1, "query_type": "FULL_TEXT", "columns": "ticket_id,subject"},
        )
        for row in json.loads(said(found)):
            print(row["ticket_id"], row["subject"])


if __name__ == "__main__":
    server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
    ticket = sys.argv[2] if len(sys.argv) > 2 else "TICKET-0042"
    asyncio.run(desk(server, ticket))
    asyncio.run(managed(server))
