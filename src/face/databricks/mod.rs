//! The wire of Databricks Vector Search, for clients written against it: both families of its paths, its second generation, and the
//! look-ups that its clients make besides. Owns shapes, codes and paths; what there is, is the catalogue's.
//!
//! One table of paths a file: `route` here, `second::route`, `lookups::route`. Clients disagree about methods, put bodies into GET and
//! backticks into names, so a path is matched by hand, piece by piece.

mod asked;
mod call;
mod data;
mod endpoints;
mod errors;
mod facets;
mod filters;
mod follow;
mod indexes;
mod lookups;
mod pages;
mod patience;
mod query;
mod rows;
mod second;
mod shapes;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::any;

use super::background::blocking;
use crate::catalog::Catalog;
use call::{Call, Reply};
use errors::Refusal;

pub use follow::follow;
pub use tools::{Preset, indexes_of_schema, rows_for_text};

/// Where the service's own clients look for it.
const FIRST: &str = "/api/2.0/vector-search/";
/// Where those of its second generation do.
const SECOND: &str = "/api/2.0/ai-search/";
/// What the service takes in one request, 10 MB, and what JSON in JSON adds to it.
const MAX_BODY: usize = 32 << 20;

/// What the paths answer from.
#[derive(Clone)]
struct Served {
    catalog: Arc<Catalog>,
    scheme: &'static str,
}

/// Every path of the service, absolute, to be merged with other routes: it answers below its own prefixes alone. `scheme` is
/// that of this server's own addresses.
pub fn router(catalog: Arc<Catalog>, scheme: &'static str) -> Router {
    let paths = [
        "/api/2.0/vector-search/{*rest}",
        "/api/2.0/ai-search/{*rest}",
        "/api/2.0/permissions/vector-search-endpoints/{*rest}",
        "/api/2.0/serving-endpoints",
        "/api/2.0/serving-endpoints/{*rest}",
        "/serving-endpoints/{*rest}",
        "/api/2.1/unity-catalog/tables/{*rest}",
        "/api/2.0/preview/scim/v2/Me",
        "/.well-known/databricks-config",
        "/oidc/v1/token",
    ];
    paths
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, any(handle)))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Served { catalog, scheme })
}

async fn handle(
    State(Served { catalog, scheme }): State<Served>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let origin = format!("{scheme}://{host}");
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Refusal::of_body(&rejection).response(),
    };
    let path = uri.path().to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let answered = blocking(move || {
        let call = Call::new(&method, &path, &query, &body, &origin);
        Ok(answer(&catalog, &call).map_or_else(|refusal| refusal.response(), Reply::response))
    });
    answered.await.unwrap_or_else(|error| Refusal::from(error).response())
}

/// The answer to any request.
fn answer(catalog: &Arc<Catalog>, call: &Call) -> Result<Reply, Refusal> {
    if let Some(path) = call.path.strip_prefix(FIRST) {
        return route(catalog, call, &call::pieces(path));
    }
    if let Some(path) = call.path.strip_prefix(SECOND) {
        return second::route(catalog, call, &call::pieces(path));
    }
    lookups::route(catalog, call, &call::pieces(&call.path))
}

/// The paths below [`FIRST`].
fn route(catalog: &Arc<Catalog>, call: &Call, path: &[String]) -> Result<Reply, Refusal> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (call.method, path.as_slice()) {
        ("GET", ["endpoints"]) => endpoints::list(catalog),
        ("POST", ["endpoints"]) => endpoints::create(catalog, call.json()?),
        ("GET", ["endpoints", name]) => endpoints::get(catalog, name),
        ("PATCH", ["endpoints", name]) => endpoints::patch(catalog, name, call.json()?),
        ("DELETE", ["endpoints", name]) => endpoints::delete(catalog, name),
        ("PATCH", ["endpoints", name, "tags"]) => endpoints::tags(catalog, name, call.json()?),
        ("PATCH", ["endpoints", name, "budget-policy"]) => endpoints::budget(catalog, name, call.json()?),
        ("POST", ["endpoints", name, "metrics"]) => endpoints::metrics(catalog, name, call.json()?),
        ("POST", ["endpoints", name, verb @ ("start" | "stop")]) => endpoints::start(catalog, name, *verb == "start"),
        ("GET", ["indexes"]) => indexes::list(catalog, call.param("endpoint_name")),
        ("GET", ["endpoints", endpoint, "indexes"]) => indexes::list(catalog, Some(endpoint)),
        ("POST", ["indexes"]) => indexes::create(catalog, call, None),
        ("POST", ["endpoints", endpoint, "indexes"]) => indexes::create(catalog, call, Some(endpoint)),
        (_, ["indexes", name, rest @ ..]) => of_index(catalog, call, None, name, rest),
        (_, ["endpoints", endpoint, "indexes", name, rest @ ..]) => of_index(catalog, call, Some(endpoint), name, rest),
        _ => Err(call.unknown()),
    }
}

/// What is asked of one index, found by its name alone or on an endpoint.
fn of_index(
    catalog: &Arc<Catalog>,
    call: &Call,
    endpoint: Option<&str>,
    name: &str,
    rest: &[&str],
) -> Result<Reply, Refusal> {
    let index = || indexes::find(catalog, endpoint, name);
    match (call.method, rest) {
        ("GET", []) => indexes::get(&index()?, call),
        ("DELETE", []) => indexes::delete(catalog, &index()?),
        ("PATCH", []) => indexes::log_payload(catalog, &index()?, call),
        ("PATCH", ["usage-policy"]) => indexes::usage_policy(catalog, &index()?, call),
        ("POST", ["sync"]) => indexes::sync(catalog, &index()?),
        ("POST", ["upsert-data"]) => data::upsert(&index()?, &call.json()?),
        ("DELETE", ["delete-data"]) => data::delete(&index()?, data::keys(call)?),
        ("GET" | "POST", ["scan"]) => data::scan(&index()?, &call.json()?),
        ("GET" | "POST", ["query"]) => query::first_page(catalog, &index()?, &call.object()?),
        ("GET" | "POST", ["query-next-page"]) => query::next_page(catalog, &index()?, &call.json()?),
        _ => Err(call.unknown()),
    }
}
