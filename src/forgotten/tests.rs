//! The ledger through its public face: nothing of it is lost unnoticed, and no id is in it.

use std::collections::{BTreeMap, BTreeSet};

use fs_err as fs;

use super::*;

const SALT: [u8; SALT_BYTES] = [7; SALT_BYTES];

fn forget(ledger: &Ledger, column: &str, value: &str) {
    ledger
        .change(SALT, |forgotten| {
            let keys = BTreeMap::from([(column.to_owned(), BTreeSet::from([forgotten.key(column, value)]))]);
            let (at, by) = ("2026-07-01T02:00:00Z".to_owned(), "ana@desk".to_owned());
            forgotten.forget(Asked { at, by, customers: 1, tickets: 0, hidden_tickets: 1, hidden_rows: 2, keys })
        })
        .unwrap();
}

#[test]
fn what_is_forgotten_is_told_and_not_named() {
    let index = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(index.path());
    assert!(ledger.read().unwrap().all().is_empty());
    forget(&ledger, "customer_id", "CUST00017");
    let forgotten = ledger.read().unwrap();
    assert!(forgotten.all().has("customer_id", "CUST00017"));
    assert!(!forgotten.all().has("ticket_id", "CUST00017"), "another column");
    assert!(!forgotten.all().has("customer_id", "CUST0001"), "another value");
    assert!(!fs::read_to_string(ledger.path()).unwrap().contains("CUST"));
    // Another index has another salt, and so other keys.
    let other = Ledger::of(&index.path().join("other"));
    let key = other.change([8; SALT_BYTES], |it| Ok(it.key("customer_id", "CUST00017"))).unwrap();
    assert_ne!(key, forgotten.key("customer_id", "CUST00017"));
    assert!(!other.path().exists(), "nothing was asked for");
}

#[test]
fn a_generation_is_asked_only_for_what_came_after_it() {
    let index = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(index.path());
    forget(&ledger, "customer_id", "A");
    let first = ledger.read().unwrap().head().unwrap().to_owned();
    forget(&ledger, "customer_id", "B");
    let forgotten = ledger.read().unwrap();
    let told = |head: Option<&str>| {
        let keys = forgotten.since(head).unwrap();
        ["A", "B"].map(|value| keys.has("customer_id", value))
    };
    assert_eq!(told(None), [true, true]);
    assert_eq!(told(Some(&first)), [false, true]);
    assert!(forgotten.since(forgotten.head()).unwrap().is_empty());
    // A head that it never had: lines are lost.
    assert!(matches!(forgotten.since(Some("0")), Err(Error::Ledger { .. })));
}

#[test]
fn it_is_pending_until_a_build_has_purged_the_newest() {
    let index = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(index.path());
    let purge = |through: &str| {
        let purged = Purged {
            at: "2026-07-01T02:00:00Z".to_owned(),
            generation: "g000002".to_owned(),
            through: through.to_owned(),
        };
        ledger.change(SALT, |forgotten| forgotten.purge(purged)).unwrap();
        ledger.read().unwrap().is_pending()
    };
    assert!(!ledger.read().unwrap().is_pending());
    forget(&ledger, "customer_id", "A");
    let first = ledger.read().unwrap().head().unwrap().to_owned();
    forget(&ledger, "customer_id", "B");
    assert!(purge(&first), "the second came while that build ran");
    let second = ledger.read().unwrap().head().unwrap().to_owned();
    assert!(!purge(&second));
    forget(&ledger, "customer_id", "C");
    assert!(ledger.read().unwrap().is_pending());
}

/// Any byte that is another, and any end that is missing: never fewer keys, always an error.
#[test]
fn a_ledger_that_is_not_what_was_written_is_refused() {
    let index = tempfile::tempdir().unwrap();
    let ledger = Ledger::of(index.path());
    forget(&ledger, "customer_id", "A");
    forget(&ledger, "ticket_id", "B");
    let whole = fs::read(ledger.path()).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &whole[..at]] {
            fs::write(ledger.path(), bytes).unwrap();
            assert!(matches!(ledger.read(), Err(Error::Ledger { .. })), "byte {at}");
            assert!(ledger.change(SALT, |it| it.forget(asked())).is_err(), "byte {at}");
            assert_eq!(fs::read(ledger.path()).unwrap(), bytes, "it is left for a person to look at");
        }
    }
    fs::write(ledger.path(), &whole).unwrap();
    assert_eq!(ledger.read().unwrap().entries().len(), 2);
}

fn asked() -> Asked {
    let keys = BTreeMap::new();
    Asked { at: String::new(), by: String::new(), customers: 0, tickets: 0, hidden_tickets: 0, hidden_rows: 0, keys }
}
