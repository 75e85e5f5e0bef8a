//! What the catalogue does by itself while a server runs: sources that change are followed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::catalog::Catalog;
use crate::face::background::aside;
use crate::face::clock::now_millis;

/// How long a change of a source may go unseen.
const EVERY: Duration = Duration::from_secs(1);

/// Looks after the catalogue for as long as the server lives. What goes wrong with an index shows in its state.
pub async fn follow(catalog: Arc<Catalog>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let catalog = Arc::clone(&catalog);
        _ = aside(move || catalog.follow(now_millis())).await;
    }
}
