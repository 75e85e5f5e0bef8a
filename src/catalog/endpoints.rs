//! Endpoints: made, changed, stopped, removed.

use super::desk::ENDPOINT;
use super::name::check_endpoint;
use super::record::{Endpoint, EndpointKind};
use super::{Catalog, State};
use crate::error::{Error, Result};

/// How many endpoints the service has; a strict catalogue refuses more.
const MOST_ENDPOINTS: usize = 100;

/// An endpoint that is to be made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its name.
    pub name: String,
    /// Which rules its indexes have.
    pub kind: EndpointKind,
    /// Who makes it.
    pub creator: String,
    /// Kept and given back.
    pub budget_policy: Option<String>,
    /// Kept and given back.
    pub usage_policy: Option<String>,
    /// Above 0; of a standard endpoint alone. Kept and given back.
    pub target_qps: Option<i64>,
}

impl Catalog {
    /// All endpoints, by name, the built-in one first.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let own = self.read().records.endpoints.values().cloned().collect::<Vec<_>>();
        std::iter::once(self.desk.endpoint()).chain(own).collect()
    }

    /// An endpoint.
    ///
    /// # Errors
    /// [`Error::NotThere`].
    pub fn endpoint(&self, name: &str) -> Result<Endpoint> {
        if name == ENDPOINT {
            return Ok(self.desk.endpoint());
        }
        self.read().endpoint(name).cloned()
    }

    /// An endpoint by its id.
    ///
    /// # Errors
    /// [`Error::NotThere`].
    pub fn endpoint_of_id(&self, id: &str) -> Result<Endpoint> {
        let found = self.endpoints().into_iter().find(|endpoint| endpoint.id == id);
        found.ok_or_else(|| Error::NotThere { what: "endpoint", name: id.to_owned() })
    }

    /// Makes an endpoint; `at_ms` is the present, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Argument`].
    pub fn create_endpoint(&self, new: NewEndpoint, at_ms: i64) -> Result<Endpoint> {
        check_endpoint(&new.name)?;
        check_qps(new.kind, new.target_qps)?;
        self.not_built_in(&new.name).map_err(|_| exists(&new.name))?;
        self.change(|state| {
            if state.records.endpoints.contains_key(&new.name) {
                return Err(exists(&new.name));
            }
            if self.params.strict && state.records.endpoints.len() >= MOST_ENDPOINTS {
                return Err(Error::argument(
                    "name",
                    format!("there are {MOST_ENDPOINTS} endpoints, which is the most"),
                ));
            }
            let endpoint = Endpoint {
                id: state.next_id(&new.name, at_ms),
                name: new.name,
                kind: new.kind,
                updated_by: new.creator.clone(),
                creator: new.creator,
                created_ms: at_ms,
                updated_ms: at_ms,
                stopped: false,
                tags: Vec::new(),
                budget_policy: new.budget_policy,
                usage_policy: new.usage_policy,
                target_qps: new.target_qps,
                permissions: Vec::new(),
            };
            state.records.endpoints.insert(endpoint.name.clone(), endpoint.clone());
            Ok(endpoint)
        })
    }

    /// Changes an endpoint; `at_ms` is the present.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::BuiltIn`], those of `change`; [`Error::Argument`] for what `change` left unfit.
    pub fn change_endpoint(
        &self,
        name: &str,
        at_ms: i64,
        change: impl FnOnce(&mut Endpoint) -> Result<()>,
    ) -> Result<Endpoint> {
        self.not_built_in(name)?;
        self.read().endpoint(name)?;
        self.change(|state| {
            let mut changed = state.endpoint(name)?.clone();
            change(&mut changed)?;
            check_qps(changed.kind, changed.target_qps)?;
            changed.updated_ms = at_ms;
            state.records.endpoints.insert(name.to_owned(), changed.clone());
            Ok(changed)
        })
    }

    /// Removes an endpoint that has no index.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::BuiltIn`]; [`Error::Argument`] for one that has indexes.
    pub fn delete_endpoint(&self, name: &str) -> Result<()> {
        self.not_built_in(name)?;
        self.read().endpoint(name)?;
        self.change(|state| {
            state.endpoint(name)?;
            let on_it = state.records.indexes.values().filter(|index| index.endpoint == name);
            let names: Vec<&str> = on_it.map(|index| index.name.as_str()).collect();
            if !names.is_empty() {
                let message = format!("endpoint `{name}` still has {}; delete its indexes first", names.join(", "));
                return Err(Error::argument("endpoint_name", message));
            }
            state.records.endpoints.remove(name);
            Ok(())
        })
    }

    /// Refuses the endpoint of the desk.
    pub(super) fn not_built_in(&self, name: &str) -> Result<()> {
        if name == ENDPOINT {
            return Err(Error::BuiltIn { what: "endpoint", name: name.to_owned() });
        }
        Ok(())
    }
}

impl State {
    pub(super) fn endpoint(&self, name: &str) -> Result<&Endpoint> {
        let found = self.records.endpoints.get(name);
        found.ok_or_else(|| Error::NotThere { what: "endpoint", name: name.to_owned() })
    }
}

fn exists(name: &str) -> Error {
    Error::Exists { what: "endpoint", name: name.to_owned() }
}

fn check_qps(kind: EndpointKind, qps: Option<i64>) -> Result<()> {
    match (kind, qps) {
        (EndpointKind::StorageOptimized, Some(_)) => {
            Err(Error::argument("target_qps", "a STORAGE_OPTIMIZED endpoint has none"))
        }
        // −1 asks for no target, as clients do.
        (EndpointKind::Standard, Some(qps)) if qps < -1 || qps == 0 => {
            Err(Error::argument("target_qps", format!("{qps} is not above 0")))
        }
        _ => Ok(()),
    }
}
