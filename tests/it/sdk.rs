//! The real `databricks-sdk` against the server: every call that it has of vector search, in `tests/sdk/conformance.py`.

use crate::examples::{python, script};
use crate::serve::Server;

#[test]
fn every_call_of_the_databricks_sdk_is_answered() {
    let Some(python) = python() else { return };
    let sandbox = crate::examples::index_of_the_desk();
    let server = Server::start(&sandbox);
    let said = script(&python, "../tests/sdk/conformance.py", &[&format!("http://{}", server.address())]).ok();
    assert!(said.stdout.ends_with("\nok\n"), "{}{}", said.stdout, said.stderr);
}
