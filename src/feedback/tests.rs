//! The log under crashes, damage and many writers; the counts by hand.

use std::io::Write as _;
use std::path::Path;
use std::thread;

use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;

use super::*;

const AT: &str = "2026-07-01T10:00:00Z";

fn event(kind: Kind, ticket: &str, action: &str) -> Event {
    Event {
        at: AT.to_owned(),
        kind,
        recommendation: None,
        ticket: ticket.to_owned(),
        action: action.to_owned(),
        category: None,
        edited_to: None,
        by: None,
    }
}

fn record(kind: Kind, ticket: &str, action: &str) -> Record {
    Record::new(event(kind, ticket, action)).unwrap()
}

/// A record that uses every field, with texts that JSON must escape.
fn full(number: usize) -> Record {
    Record::new(Event {
        recommendation: Some(recommendation_id("g000001", "TICKET-1", &["REFUND"])),
        category: Some("Cobrança \"dúplice\" \\ taxa".to_owned()),
        edited_to: Some("EXPLAIN_FEE".to_owned()),
        by: Some("AGENT-007".to_owned()),
        ..event(Kind::Edited, &format!("TICKET-{number}"), "REFUND")
    })
    .unwrap()
}

fn read(index: &Path) -> Reading {
    Log::of(index).read().unwrap()
}

#[test]
fn what_is_appended_is_read_in_order() {
    let index = tempfile::tempdir().unwrap();
    let log = Log::of(index.path());
    assert_eq!(log.read().unwrap().report, LogReport::default());
    assert!(!index.path().join(FOLDER).exists(), "reading made a folder");
    let records: Vec<Record> = (0..5).map(full).chain([record(Kind::Displayed, "T", "A")]).collect();
    log.append(&records[..1]).unwrap();
    log.append(&[]).unwrap();
    log.append(&records[1..]).unwrap();
    let reading = log.read().unwrap();
    assert_eq!(reading.records, records);
    assert_eq!(reading.report, LogReport { records: 6, ..LogReport::default() });
}

#[test]
fn the_line_is_what_the_documentation_says() {
    let index = tempfile::tempdir().unwrap();
    Log::of(index.path()).append(&[full(7), record(Kind::Rejected, "T", "A")]).unwrap();
    let text = fs::read_to_string(Log::of(index.path()).path()).unwrap();
    expect![[r#"
        {"v":1,"id":"f44176d92aa5ed29","at":"2026-07-01T10:00:00Z","kind":"edited","recommendation":"81af1df77af63c99","ticket":"TICKET-7","action":"REFUND","category":"Cobrança \"dúplice\" \\ taxa","edited_to":"EXPLAIN_FEE","by":"AGENT-007"}	e539d803dc5afb5c
        {"v":1,"id":"cae844da65a60649","at":"2026-07-01T10:00:00Z","kind":"rejected","recommendation":null,"ticket":"T","action":"A","category":null,"edited_to":null,"by":null}	c306fff0235f171d
    "#]]
    .assert_eq(&text);
}

/// A process that dies while it appends leaves some first bytes of what it wrote.
#[test]
fn a_write_cut_short_anywhere_costs_that_record_alone() {
    let index = tempfile::tempdir().unwrap();
    let log = Log::of(index.path());
    log.append(&[full(1), full(2)]).unwrap();
    let whole = fs::read(log.path()).unwrap();
    let kept = 1 + whole.iter().position(|byte| *byte == b'\n').unwrap();
    for end in kept..=whole.len() {
        fs::write(log.path(), &whole[..end]).unwrap();
        // All that is missing may be the end of the line: then the record itself is whole.
        let survivors = if end >= whole.len() - 1 { vec![full(1), full(2)] } else { vec![full(1)] };
        let torn = usize::from(end > kept && end < whole.len() - 1);
        let report = |records| LogReport { records, torn, damaged: Vec::new() };
        let reading = log.read().unwrap();
        assert_eq!((reading.records, reading.report), (survivors.clone(), report(survivors.len())), "{end} bytes");

        log.append(&[full(3)]).unwrap();
        let reading = log.read().unwrap();
        let expected = [survivors, vec![full(3)]].concat();
        assert_eq!((reading.report, reading.records), (report(expected.len()), expected), "{end} bytes, then one more");
        assert!(fs::read(log.path()).unwrap().starts_with(&whole[..end]), "{end} bytes: some were written again");
    }
}

/// A closing mark may be cut short too, and what a crash leaves need not be the beginning of a record.
#[test]
fn whatever_a_crash_leaves_is_closed() {
    for tail in ["x", "{\"v\":1", "{}\tto", "{}\ttorn", "\t", "\0\0\0\0", "a\tb\tc", "{}\t0123456789abcdef"] {
        let index = tempfile::tempdir().unwrap();
        let log = Log::of(index.path());
        log.append(&[full(1)]).unwrap();
        fs::OpenOptions::new().append(true).open(log.path()).unwrap().write_all(tail.as_bytes()).unwrap();
        for round in 2..4 {
            let reading = log.read().unwrap();
            assert_eq!((reading.report.records, reading.report.torn), (round - 1, 1), "{tail:?}");
            log.append(&[full(round)]).unwrap();
        }
        let reading = log.read().unwrap();
        assert_eq!(reading.records, [full(1), full(2), full(3)], "{tail:?}");
        assert_eq!(reading.report, LogReport { records: 3, torn: 1, damaged: Vec::new() }, "{tail:?}");
    }
}

#[test]
fn a_damaged_line_is_named_and_left_out() {
    let index = tempfile::tempdir().unwrap();
    let log = Log::of(index.path());
    log.append(&(0..6).map(full).collect::<Vec<_>>()).unwrap();
    let text = fs::read_to_string(log.path()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace("TICKET-1", "TICKET-9");
    lines[2] = String::new();
    lines[3] = "what somebody typed".to_owned();
    lines[4] = super::line::write(&full(4)).unwrap().replace("\"v\":1", "\"v\":2").trim_end().to_owned();
    lines[4] = resummed(&lines[4]);
    lines[5] = resummed(&lines[5].replace("\"edited\"", "\"praised\""));
    fs::write(log.path(), lines.join("\n") + "\n").unwrap();
    log.append(&[full(6)]).unwrap();
    let reading = log.read().unwrap();
    assert_eq!(reading.records, [full(0), full(6)]);
    assert_eq!((reading.report.records, reading.report.torn), (2, 0));
    let told: Vec<String> =
        reading.report.damaged.iter().map(|damaged| format!("{}: {}\n", damaged.line, damaged.reason)).collect();
    expect![[r#"
        2: its checksum does not match
        3: it has no checksum
        4: it has no checksum
        5: it is of version 2, and this program reads 1
        6: unknown variant `praised`, expected one of `displayed`, `accepted`, `rejected`, `edited` at line 1 column 75
    "#]]
    .assert_eq(&told.concat());
}

/// A line whose JSON was changed by somebody who knows how sums are made.
fn resummed(line: &str) -> String {
    let (json, _) = line.rsplit_once('\t').unwrap();
    format!("{json}\t{}", hex16(&Sha256::digest(json)))
}

proptest! {
    /// Wherever a byte of the log is changed, at most the lines that it touches are lost, and nothing else is made up.
    #[test]
    fn a_changed_byte_makes_up_nothing(place in 0.0..1.0_f64, byte: u8) {
        let index = tempfile::tempdir().unwrap();
        let log = Log::of(index.path());
        let records: Vec<Record> = (0..4).map(full).collect();
        log.append(&records).unwrap();
        let mut bytes = fs::read(log.path()).unwrap();
        let at = (place * bytes.len() as f64) as usize;
        bytes[at] = byte;
        fs::write(log.path(), bytes).unwrap();
        let found = log.read().unwrap().records;
        prop_assert!(found.iter().all(|one| records.contains(one)));
        prop_assert!(found.len() >= 2, "{} of 4 are left", found.len());
    }
}

#[test]
fn many_append_at_once_and_none_is_lost() {
    let index = tempfile::tempdir().unwrap();
    let of = |thread: usize| -> Vec<Record> { (0..50).map(|number| full(thread * 50 + number)).collect() };
    thread::scope(|scope| {
        for number in 0..8 {
            let log = Log::of(index.path());
            scope.spawn(move || of(number).iter().for_each(|one| log.append(std::slice::from_ref(one)).unwrap()));
        }
        // Meanwhile whatever is read is whole, and of each writer a first part in its order.
        while read(index.path()).records.len() < 400 {
            let reading = read(index.path());
            assert_eq!(reading.report.damaged, []);
            for number in 0..8 {
                let all = of(number);
                let seen: Vec<&Record> = reading.records.iter().filter(|one| all.contains(one)).collect();
                assert!(seen.iter().zip(&all).all(|(seen, written)| *seen == written), "writer {number}");
            }
        }
    });
    let reading = read(index.path());
    assert_eq!(reading.report, LogReport { records: 400, ..LogReport::default() });
    let mut tickets: Vec<&str> = reading.records.iter().map(|one| one.event().ticket.as_str()).collect();
    tickets.sort_unstable();
    tickets.dedup();
    assert_eq!(tickets.len(), 400);
}

#[test]
fn events_that_cannot_be_kept() {
    let check = |change: &dyn Fn(&mut Event), expected: Expect| {
        let mut event = full(1).event().clone();
        change(&mut event);
        expected.assert_eq(&Record::new(event).unwrap_err().to_string());
    };
    check(&|event| event.at = "yesterday".to_owned(), expect!["at: `yesterday` is no instant in RFC 3339"]);
    check(&|event| event.ticket = " ".to_owned(), expect!["ticket: it is empty"]);
    check(&|event| event.action = "A\nB".to_owned(), expect![r"action: `A\nB` has control characters"]);
    check(&|event| event.category = Some("é".repeat(129)), expect!["category: it has 258 bytes; 256 are the most"]);
    check(
        &|event| event.by = Some("Iara Vidal".to_owned()),
        expect!["by: it has blanks; give the id of a person, not a name"],
    );
    check(&|event| event.kind = Kind::Rejected, expect!["edited_to: it goes with `edited`, not with `rejected`"]);
    check(
        &|event| event.recommendation = Some("3A6A4A13B37F0C59".to_owned()),
        expect!["recommendation: `3A6A4A13B37F0C59` is no id of a recommendation: 16 digits of 0-9 and a-f"],
    );
}

/// The longest line that can be is shorter than what a writer looks at to find the last one.
#[test]
fn the_longest_record_is_found_whole() {
    let longest = |letter: &str| letter.repeat(MAX_TEXT);
    let event = Event {
        at: format!("2026-07-01T10:00:00.{}Z", "0".repeat(MAX_TEXT - 21)),
        category: Some(longest("\\")),
        edited_to: Some(longest("\"")),
        by: Some(longest("\\")),
        ..event(Kind::Edited, &longest("\""), &longest("\\"))
    };
    let record = Record::new(event).unwrap();
    let index = tempfile::tempdir().unwrap();
    let log = Log::of(index.path());
    log.append(std::slice::from_ref(&record)).unwrap();
    let bytes = fs::read(log.path()).unwrap();
    fs::write(log.path(), &bytes[..bytes.len() - 1]).unwrap();
    log.append(&[full(1)]).unwrap();
    assert_eq!(log.read().unwrap().records, [record, full(1)]);
}

#[test]
fn verdicts_are_counted_by_hand() {
    let in_category = |kind, ticket: &str, action: &str, category: &str| {
        Record::new(Event { category: Some(category.to_owned()), ..event(kind, ticket, action) }).unwrap()
    };
    let tally = Tally::of(&[
        // Three tickets saw A; one has no verdict.
        in_category(Kind::Displayed, "T1", "A", "FINANCIAL"),
        in_category(Kind::Displayed, "T2", "A", "FINANCIAL"),
        in_category(Kind::Displayed, "T3", "A", "TECHNICAL"),
        in_category(Kind::Accepted, "T1", "A", "FINANCIAL"),
        in_category(Kind::Rejected, "T3", "A", "TECHNICAL"),
        // B must have been shown to be edited; its ticket's category is not known.
        record(Kind::Edited, "T1", "B"),
    ]);
    let counts = |displayed, accepted, rejected, edited| FeedbackCounts { displayed, accepted, rejected, edited };
    assert_eq!(tally.action("A"), counts(3, 1, 1, 0));
    assert_eq!(tally.action("B"), counts(1, 0, 0, 1));
    assert_eq!(tally.action("C"), counts(0, 0, 0, 0));
    assert_eq!(tally.in_category("FINANCIAL", "A"), counts(2, 1, 0, 0));
    assert_eq!(tally.in_category("TECHNICAL", "A"), counts(1, 0, 1, 0));
    assert_eq!(tally.in_category("FINANCIAL", "B"), counts(0, 0, 0, 0));
    assert_eq!(tally.categories.len(), 2);
    let json = serde_json::to_string(&tally).unwrap();
    assert_eq!(serde_json::from_str::<Tally>(&json).unwrap(), tally);
    assert!(Tally::of(&[]).is_empty() && !tally.is_empty());
}

#[test]
fn the_last_verdict_counts_and_the_same_record_once() {
    let at = |record: &Record, at: &str| Record::new(Event { at: at.to_owned(), ..record.event().clone() }).unwrap();
    let accepted = record(Kind::Accepted, "T1", "A");
    let rejected = record(Kind::Rejected, "T1", "A");
    let counts = |records: &[Record]| {
        let FeedbackCounts { displayed, accepted, rejected, edited } = Tally::of(records).action("A");
        [displayed, accepted, rejected, edited]
    };
    assert_eq!(counts(&[accepted.clone(), rejected.clone()]), [1, 0, 1, 0]);
    assert_eq!(counts(&[rejected.clone(), accepted.clone()]), [1, 1, 0, 0]);
    // A record that is sent once more says nothing new, even behind another verdict; a new one does.
    assert_eq!(counts(&[accepted.clone(), rejected.clone(), accepted.clone()]), [1, 0, 1, 0]);
    assert_eq!(counts(&[accepted.clone(), rejected.clone(), at(&accepted, "2026-07-02T10:00:00Z")]), [1, 1, 0, 0]);
    // Being shown twice is being shown, before the verdict or after it.
    let shown = record(Kind::Displayed, "T1", "A");
    assert_eq!(counts(&[shown.clone(), accepted.clone(), at(&shown, "2026-07-03T10:00:00Z")]), [1, 1, 0, 0]);
    // Another ticket and another recommendation are other cases; the recommendation goes before the ticket.
    let of = |recommendation: &str, record: &Record| {
        Record::new(Event { recommendation: Some(recommendation.repeat(16)), ..record.event().clone() }).unwrap()
    };
    let other_ticket = record(Kind::Accepted, "T2", "A");
    assert_eq!(counts(&[accepted.clone(), other_ticket.clone()]), [2, 2, 0, 0]);
    assert_eq!(counts(&[of("0", &accepted), of("0", &rejected), of("1", &accepted)]), [2, 1, 1, 0]);
    assert_eq!(counts(&[of("0", &accepted), of("0", &other_ticket)]), [1, 1, 0, 0]);
}

#[test]
fn the_smoothed_rate_by_hand() {
    let rate = |accepted, rejected, edited, mean, strength| {
        let displayed = accepted + rejected + edited;
        let params = FeedbackParams { strength, ..FeedbackParams::default() };
        FeedbackCounts { displayed, accepted, rejected, edited }.acceptance(mean, &params)
    };
    let ignored = FeedbackCounts { displayed: 10, accepted: 0, rejected: 0, edited: 0 };
    let cases = [
        // Nothing is known but the assumption.
        (rate(0, 0, 0, 0.5, 10.0), 0.5),
        (rate(0, 0, 0, 0.3, 0.0), 0.3),
        // (1 + 0.5 × 10) / (1 + 10)
        (rate(1, 0, 0, 0.5, 10.0), 6.0 / 11.0),
        (rate(0, 1, 0, 0.5, 10.0), 5.0 / 11.0),
        // As many verdicts as are assumed: half-way between 0.3 and 0.8.
        (rate(40, 10, 0, 0.3, 50.0), 0.55),
        // A change is half of each: (1 + 2 / 2 + 0.25 × 4) / (1 + 1 + 2 + 4).
        (rate(1, 1, 2, 0.25, 4.0), 3.0 / 8.0),
        // Without an assumption, what was counted.
        (rate(3, 1, 0, 0.5, 0.0), 0.75),
        // Ten that nobody decided on are one rejection.
        (ignored.acceptance(0.5, &FeedbackParams::default()), 5.0 / 11.0),
    ];
    for (at, (found, expected)) in cases.into_iter().enumerate() {
        assert!((found - expected).abs() < 1e-6, "case {at}: {found}, {expected} expected");
    }
}

#[test]
fn how_much_more_often_than_others_an_action_is_accepted() {
    let many = |kind, count: usize, action: &str, category: &str| -> Vec<Record> {
        let of = |at| Event { category: Some(category.to_owned()), ..event(kind, &format!("{category}{at}"), action) };
        (0..count).map(|at| Record::new(of(at)).unwrap()).collect()
    };
    let records = [
        many(Kind::Accepted, 40, "LIKED", "FINANCIAL"),
        many(Kind::Rejected, 40, "DISLIKED", "FINANCIAL"),
        many(Kind::Accepted, 20, "HERE", "FINANCIAL"),
        many(Kind::Rejected, 20, "HERE", "TECHNICAL"),
    ];
    let tally = Tally::of(&records.concat());
    let params = FeedbackParams::default();
    let factors = |category| tally.relative_acceptance(category, &params);

    // 60 of 120 are accepted: a half, whatever is assumed. LIKED: (40 + 0.5 × 10) / 50 of it.
    let financial = factors(Some("FINANCIAL"));
    assert!((financial["LIKED"] - 0.9 / 0.5).abs() < 1e-6, "{financial:?}");
    // 0.1 / 0.5 is less than the bound of 1 / 3.
    assert!((financial["DISLIKED"] - 1.0 / 3.0).abs() < 1e-6, "{financial:?}");
    // Elsewhere (0 + 0.5 × 10) / 30 = 1/6; here (20 + 10 / 6) / 30.
    assert!((financial["HERE"] - (20.0 + 10.0 / 6.0) / 30.0 / 0.5).abs() < 1e-6, "{financial:?}");
    assert!(factors(Some("TECHNICAL"))["HERE"] < 1.0, "what is liked in one category need not be in another");
    let everywhere = factors(None);
    assert!((everywhere["HERE"] - 1.0).abs() < 1e-6, "half of all is like half of all: {everywhere:?}");
    assert!(!everywhere.contains_key("UNKNOWN"));

    let off = FeedbackParams { bound: 1.0, ..params };
    assert!(tally.relative_acceptance(None, &off).values().all(|factor| *factor == 1.0));
    assert!(Tally::default().relative_acceptance(Some("FINANCIAL"), &params).is_empty());
}

#[test]
fn a_recommendation_s_id_follows_from_what_it_is_of() {
    let id = recommendation_id("g000001", "TICKET-1", &["A", "B"]);
    expect!["e046813cef5b7d4c"].assert_eq(&id);
    assert_eq!(id, recommendation_id("g000001", "TICKET-1", &["A", "B"]));
    let others = [
        recommendation_id("g000002", "TICKET-1", &["A", "B"]),
        recommendation_id("g000001", "TICKET-2", &["A", "B"]),
        recommendation_id("g000001", "TICKET-1", &["B", "A"]),
        recommendation_id("g000001", "TICKET-1", &["AB"]),
        recommendation_id("g000001TICKET-1", "", &["A", "B"]),
    ];
    for (at, other) in others.iter().enumerate() {
        assert!(*other != id && is_id(other) && !others[..at].contains(other), "{at}: {other}");
    }
}
