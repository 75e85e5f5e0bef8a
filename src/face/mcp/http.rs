//! Tools over streamable HTTP: the desk's own at `/mcp`, those of indexes at the URLs of Databricks' managed MCP servers.
//!
//! There are no sessions. Every request is answered by itself, by one JSON document: nothing is kept between two of them,
//! so that no client can make the server's memory grow, and a server may be replaced between any two. The newest revision
//! of the protocol has no sessions at all; clients of the older ones take a server that hands out none.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use rmcp::ServerHandler;
use rmcp::model::Extensions;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::{Server, managed};
use crate::catalog::Catalog;
use crate::desk::TitleLanguage;
use crate::engine::Engine;
use crate::face::http::{Grant, Scope};

/// Where the desk's tools are.
const PATH: &str = "/mcp";
/// The largest request, in bytes, as of the native API.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// The routes, absolute, to be merged with others. Whose requests come this far has been looked at before.
pub fn http_service(engine: Arc<Engine>, catalog: Arc<Catalog>, language: TitleLanguage) -> Router {
    let directory = managed::catalog::directory(Arc::clone(&engine), catalog);
    let server = Server { engine, language };
    Router::new().route_service(PATH, service(server)).merge(managed::router(directory))
}

/// A server over HTTP.
pub(super) fn service<S: ServerHandler + Clone + Sync>(server: S) -> StreamableHttpService<S, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY)
        // The server that this is a part of refuses other hosts, and knows its own name.
        .disable_allowed_hosts();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(NeverSessionManager::default()), config)
}

/// Whether whoever sent a call may change what is kept. At standard input it is who started the program.
pub(super) fn may_write(extensions: &Extensions) -> bool {
    let granted = |request: &Parts| request.extensions.get::<Grant>().is_some_and(|grant| grant.scope >= Scope::Write);
    extensions.get::<Parts>().is_none_or(granted)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn a_request_changes_nothing_unless_it_is_granted() {
        let (mut request, ()) = Request::new(()).into_parts();
        let mut extensions = Extensions::new();
        assert!(may_write(&extensions));
        extensions.insert(request.clone());
        assert!(!may_write(&extensions));
        for (scope, is_enough) in [(Scope::Read, false), (Scope::Write, true)] {
            request.extensions.insert(Grant { scope, token: None });
            extensions.insert(request.clone());
            assert_eq!(may_write(&extensions), is_enough);
        }
    }
}
