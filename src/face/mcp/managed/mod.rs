//! The URLs of Databricks' managed MCP servers: a tool for each index of a schema, which takes a text and finds rows.
//! Owns that protocol; which indexes there are and how they are queried is a [`Directory`]'s.
//!
//! ```text
//! /api/2.0/mcp/ai-search/{catalog}/{schema}[/{index}]       main.support.tickets  →  tool main__support__tickets
//! /api/2.0/mcp/vector-search/…                              arguments {"query"}, the rest in _meta: see `presets`
//! ```

pub(super) mod catalog;
mod presets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, JsonObject,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, json};

use super::http;
use crate::error::{Error, Result};
use crate::face::background::blocking;
use crate::face::databricks::Preset;
use crate::face::wire::with_causes;

/// Under which clients look: the present name of the service, and the former one, which its own packages still build.
const PREFIXES: [&str; 2] = ["/api/2.0/mcp/ai-search", "/api/2.0/mcp/vector-search"];
/// The one argument of a tool.
const QUERY: &str = "query";

/// An index that an agent may search.
#[derive(Debug, Clone)]
pub struct IndexTool {
    /// `catalog.schema.index`.
    pub full_name: String,
    /// By which an agent chooses it.
    pub description: String,
}

/// Lists the indexes of a catalog and a schema, in the order in which they are shown.
pub type List = dyn Fn(&str, &str) -> Result<Vec<IndexTool>> + Send + Sync;
/// The best rows of an index, by its full name, for a text: the columns of [`Preset::columns`] by their names, and `score`
/// where [`Preset::include_score`] says so.
pub type Query = dyn Fn(&str, &str, &Preset) -> Result<Vec<Map<String, Value>>> + Send + Sync;

/// Which indexes there are, and what they answer. Called off the server's threads.
#[derive(Clone)]
pub struct Directory {
    /// Which there are.
    pub list: Arc<List>,
    /// What they answer.
    pub query: Arc<Query>,
}

/// The routes, absolute.
pub(super) fn router(directory: Directory) -> Router {
    PREFIXES
        .iter()
        .fold(Router::new(), |router, prefix| {
            router
                .route(&format!("{prefix}/{{catalog}}/{{schema}}"), any(of_schema))
                .route(&format!("{prefix}/{{catalog}}/{{schema}}/{{index}}"), any(of_index))
        })
        .with_state(directory)
}

async fn of_schema(
    State(directory): State<Directory>,
    Path((catalog, schema)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(Managed { directory, catalog, schema, index: None }, request).await
}

async fn of_index(
    State(directory): State<Directory>,
    Path((catalog, schema, index)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    answer(Managed { directory, catalog, schema, index: Some(index) }, request).await
}

async fn answer(server: Managed, request: Request) -> Response {
    http::service(server).handle(request).await.map(Body::new)
}

/// The server behind one of the URLs.
#[derive(Clone)]
struct Managed {
    directory: Directory,
    catalog: String,
    schema: String,
    index: Option<String>,
}

impl Managed {
    /// The indexes of this URL.
    fn indexes(&self) -> Result<Vec<IndexTool>> {
        let mut indexes = (self.directory.list)(&self.catalog, &self.schema)?;
        if let Some(index) = &self.index {
            let wanted = format!("{}.{}.{index}", self.catalog, self.schema);
            indexes.retain(|there| there.full_name == wanted);
            if indexes.is_empty() {
                return Err(Error::argument("index", format!("there is no index `{wanted}`")));
            }
        }
        Ok(indexes)
    }

    fn call(&self, call: &CallToolRequestParams, meta: &JsonObject) -> Result<Option<String>> {
        let Some(index) = self.indexes()?.into_iter().find(|index| tool_name(&index.full_name) == call.name) else {
            return Ok(None);
        };
        let arguments = call.arguments.clone().unwrap_or_default();
        if let Some(other) = arguments.keys().find(|name| *name != QUERY) {
            let message = format!(
                "there is no such argument; the tool takes `{QUERY}`, and what is set beforehand is in `_meta`"
            );
            return Err(Error::argument("arguments", format!("`{other}`: {message}")));
        }
        let text = arguments.get(QUERY).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| Error::argument(QUERY, "give a text to look for"))?;
        let presets = presets::read(meta)?;
        let rows = (self.directory.query)(&index.full_name, text, &presets)?;
        Ok(Some(rows.into_iter().map(Value::Object).collect::<Value>().to_string()))
    }
}

impl ServerHandler for Managed {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("nba", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let server = self.clone();
        let indexes = blocking(move || server.indexes()).await.map_err(|error| refusal(&error))?;
        Ok(ListToolsResult::with_all_items(indexes.iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let server = self.clone();
        // The protocol's layer takes `_meta` out of the parameters of a request into its context.
        let mut meta = JsonObject::clone(&context.meta);
        meta.extend(call.meta.iter().flat_map(|meta| JsonObject::clone(meta)));
        let name = call.name.clone();
        Ok(match blocking(move || server.call(&call, &meta)).await {
            Ok(Some(rows)) => CallToolResult::success(vec![ContentBlock::text(rows)]),
            Ok(None) => {
                let message = format!("no tool `{name}`; `tools/list` names those there are");
                return Err(ErrorData::invalid_params(message, None));
            }
            Err(error) => CallToolResult::error(vec![ContentBlock::text(with_causes(&error))]),
        }
        .into())
    }
}

fn refusal(error: &Error) -> ErrorData {
    ErrorData::invalid_params(with_causes(error), None)
}

/// A name that the protocol allows: dots are written `__`, and clients write them back.
fn tool_name(full_name: &str) -> String {
    full_name.replace('.', "__")
}

fn tool(index: &IndexTool) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": { QUERY: { "type": "string", "description": "What to look for, in words." } },
        "required": [QUERY],
    });
    let schema = schema.as_object().cloned().unwrap_or_default();
    let annotations = ToolAnnotations::new().read_only(true).idempotent(true).open_world(false);
    Tool::new(tool_name(&index.full_name), index.description.clone(), schema).with_annotations(annotations)
}
