//! The Model Context Protocol over standard input and output, and over HTTP: the tools of an engine, for an agent to
//! choose from. Owns the protocol's side alone; what the tools are is in `tools`, how an answer reads in `text`.

#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
pub mod managed;
mod schemas;
mod text;
mod tools;

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer, ServerInitializeError};
use rmcp::{ServerHandler, ServiceExt as _};
use serde_json::json;

use super::background::{self, blocking};
use super::wire::{ErrorJson, with_causes};
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::error::{Error, Result};

#[cfg(feature = "http")]
pub use http::http_service;

/// What an agent is told before it sees the tools.
const INSTRUCTIONS: &str = "Next best action for a customer support desk, from its own resolved tickets. \
    To answer or advance an open ticket, call recommend_action first; call similar_tickets to read how like cases were \
    solved, and get_ticket to read one of them whole. Evidence is real and masked; when recommend_action abstains, say so rather than guess. Once a \
    person has decided on a recommended action, call record_feedback.";

/// Threads beyond one a core: standard input and output each keep one waiting.
const WAITING_THREADS: usize = 2;

/// Serves the client at standard input and output until it closes the input. Nothing else may write to standard output.
///
/// # Errors
/// [`Error::Argument`] for a client that does not begin as the protocol says; [`Error::Internal`].
pub fn serve(engine: Engine, language: TitleLanguage) -> Result<()> {
    let runtime = background::runtime(background::cores() + WAITING_THREADS)?;
    let ended = runtime.block_on(run(Server { engine: Arc::new(engine), language }));
    // A read of standard input that nobody answers would keep the runtime waiting.
    runtime.shutdown_background();
    ended
}

async fn run(server: Server) -> Result<()> {
    let session = match server.serve(rmcp::transport::stdio()).await {
        Ok(session) => session,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(Error::argument("standard input", error.to_string())),
    };
    session.waiting().await.map_err(|panic| Error::internal("serving", panic))?;
    Ok(())
}

/// One client's server.
#[derive(Clone)]
struct Server {
    engine: Arc<Engine>,
    language: TitleLanguage,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("nba", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.get_tool(&call.name).is_none() {
            let message = format!("no tool `{}`; `tools/list` names those there are", call.name);
            return Err(ErrorData::invalid_params(message, None));
        }
        let Self { engine, language } = self.clone();
        let is_refused = tools::writes(&call.name) && !may_write(&context);
        let answered = blocking(move || {
            if is_refused {
                return Err(Error::argument(
                    "token",
                    "it may ask and not change anything; this tool needs the scope `write`",
                ));
            }
            fresh(&engine)?;
            tools::call(&engine, language, &call.name, call.arguments.unwrap_or_default())
        });
        Ok(match answered.await {
            Ok(answer) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(answer.text)]);
                result.structured_content = Some(answer.structured);
                result
            }
            Err(error) => {
                let mut result = CallToolResult::error(vec![ContentBlock::text(with_causes(&error))]);
                result.structured_content = Some(json!(ErrorJson::from(&error)));
                result
            }
        }
        .into())
    }
}

/// Brings an engine up to the generation that serves now.
///
/// A generation that cannot be opened leaves the one that serves. A ledger that cannot be read leaves nothing: what it hides
/// by now might be shown.
fn fresh(engine: &Engine) -> Result<()> {
    match engine.reload_if_changed() {
        Err(error @ Error::Ledger { .. }) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether whoever sent a call may change what is kept.
fn may_write(context: &RequestContext<RoleServer>) -> bool {
    #[cfg(feature = "http")]
    return http::may_write(&context.extensions);
    #[cfg(not(feature = "http"))]
    return {
        let _ = context;
        true
    };
}
