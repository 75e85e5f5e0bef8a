//! What filters mean, by tables, by oracles, and by the faults they point at.

mod oracle;
mod random;
mod table;

use std::sync::Arc;

use arrow::array::builder::{ListBuilder, StringBuilder};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, TimestampMillisecondArray, TimestampSecondArray,
};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::{Filter, MAX_DEPTH, MAX_VALUES};

/// Six rows, 0 to 5; row 5 is NULL everywhere but in `id`.
fn batch() -> RecordBatch {
    let mut tags = ListBuilder::new(StringBuilder::new());
    for list in [&["pix", "fee"][..], &["card"], &[], &["pix"], &["card", "pix"]] {
        list.iter().for_each(|tag| tags.values().append_value(tag));
        tags.append(true);
    }
    tags.append(false);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![0, 1, 2, 3, 4, 5]))),
        (
            "status",
            Arc::new(StringArray::from(vec![
                Some("OPEN"),
                Some("CLOSED"),
                Some("OPEN"),
                Some("RESOLVED"),
                Some(""),
                None,
            ])),
        ),
        (
            "subject",
            Arc::new(LargeStringArray::from(vec![
                Some("apple pear"),
                Some("pineapple"),
                Some("100% off"),
                Some("o'clock \"now\""),
                Some("não caiu"),
                None,
            ])),
        ),
        (
            "cents",
            Arc::new(Int64Array::from(vec![
                Some(9_007_199_254_740_993),
                Some(-5),
                Some(0),
                Some(100),
                Some(2500),
                None,
            ])),
        ),
        ("rate", Arc::new(Float32Array::from(vec![Some(0.1), Some(1.5), Some(f32::NAN), Some(-2.0), Some(1e9), None]))),
        (
            "hours",
            Arc::new(Float64Array::from(vec![
                Some(0.1),
                Some(24.0),
                Some(f64::INFINITY),
                Some(-2.5),
                Some(24.5),
                None,
            ])),
        ),
        (
            "reopened",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), Some(false), Some(true), None])),
        ),
        (
            "opened",
            Arc::new(
                TimestampMillisecondArray::from(vec![
                    Some(1_704_067_200_000), // 2024-01-01T00:00:00Z
                    Some(1_704_067_200_500),
                    Some(1_709_251_200_000), // 2024-03-01T00:00:00Z
                    Some(-1),
                    Some(253_402_300_800_000), // 10000-01-01T00:00:00Z
                    None,
                ])
                .with_timezone("America/Sao_Paulo"),
            ),
        ),
        (
            "closed",
            Arc::new(TimestampSecondArray::from(vec![Some(0), Some(1_704_067_200), Some(2), Some(3), Some(4), None])),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(19723), Some(19724), Some(0), Some(-1), Some(20000), None]))),
        ("tags", Arc::new(tags.finish())),
        ("two words", Arc::new(Int32Array::from(vec![Some(1), Some(2), Some(3), Some(4), Some(5), None]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn rows(text: &str) -> String {
    match Filter::parse(text).and_then(|filter| filter.rows(&batch())) {
        Ok(rows) => format!("{:?}", rows.iter().collect::<Vec<_>>()),
        Err(error) => error.to_string(),
    }
}

fn check(cases: &[&str], expected: Expect) {
    let lines: Vec<String> = cases.iter().map(|case| format!("{case}  →  {}", rows(case))).collect();
    expected.assert_eq(&lines.join("\n"));
}

/// How each text reads in SQL.
fn check_sql_form(cases: &[&str], expected: Expect) {
    let lines: Vec<String> = cases.iter().map(|case| format!("{case}  →  {}", Filter::parse(case).unwrap())).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn json_forms() {
    check(
        &[
            r#"{"status": "OPEN"}"#,
            r#"{"status": ["OPEN", "RESOLVED"]}"#,
            r#"{"status": ""}"#,
            r#"{"status NOT": "OPEN"}"#,
            r#"{"status not": ["OPEN", ""]}"#,
            r#"{"status": null}"#,
            r#"{"status NOT": null}"#,
            r#"{"status": ["OPEN", null]}"#,
            r#"{"status NOT": ["OPEN", null]}"#,
            r#"{"id >=": 2, "id <": 4}"#,
            r#"[{"id >": 0}, {"id >": 2}]"#,
            r#"{"status OR id": ["CLOSED", 3]}"#,
            r#"{"status or id <=": ["RESOLVED", 1]}"#,
            r#"{"status NOT OR id": ["OPEN", 0]}"#,
            r#"{"subject LIKE": "apple"}"#,
            r#"{"subject LIKE": "%apple%"}"#,
            r#"{"subject LIKE": "p_neap%"}"#,
            r#"{"subject LIKE": "100\\% %"}"#,
            r#"{"subject NOT LIKE": "apple"}"#,
            r#"{"subject LIKE": "não"}"#,
            r#"{"tags": "pix"}"#,
            r#"{"tags": ["fee", "card"]}"#,
            r#"{"tags NOT": "pix"}"#,
            r#"{"reopened": true}"#,
            r#"{"reopened NOT": true}"#,
            r#"{"opened >": "2024-01-01T00:00:00Z"}"#,
            r#"{"opened": "2023-12-31T21:00:00-03:00"}"#,
            r#"{"day": "2024-01-01"}"#,
            "{}",
            "[]",
            "[{}, []]",
            "",
            "  null ",
        ],
        expect![[r#"
            {"status": "OPEN"}  →  [0, 2]
            {"status": ["OPEN", "RESOLVED"]}  →  [0, 2, 3]
            {"status": ""}  →  [4]
            {"status NOT": "OPEN"}  →  [1, 3, 4, 5]
            {"status not": ["OPEN", ""]}  →  [1, 3, 5]
            {"status": null}  →  [5]
            {"status NOT": null}  →  [0, 1, 2, 3, 4]
            {"status": ["OPEN", null]}  →  [0, 2, 5]
            {"status NOT": ["OPEN", null]}  →  [1, 3, 4]
            {"id >=": 2, "id <": 4}  →  [2, 3]
            [{"id >": 0}, {"id >": 2}]  →  [3, 4, 5]
            {"status OR id": ["CLOSED", 3]}  →  [1, 3]
            {"status or id <=": ["RESOLVED", 1]}  →  [0, 1, 3]
            {"status NOT OR id": ["OPEN", 0]}  →  [0, 1, 3, 4, 5]
            {"subject LIKE": "apple"}  →  [0]
            {"subject LIKE": "%apple%"}  →  [0, 1]
            {"subject LIKE": "p_neap%"}  →  [1]
            {"subject LIKE": "100\\% %"}  →  [2]
            {"subject NOT LIKE": "apple"}  →  [1, 2, 3, 4, 5]
            {"subject LIKE": "não"}  →  [4]
            {"tags": "pix"}  →  [0, 3, 4]
            {"tags": ["fee", "card"]}  →  [0, 1, 4]
            {"tags NOT": "pix"}  →  [1, 2, 5]
            {"reopened": true}  →  [0, 2, 4]
            {"reopened NOT": true}  →  [1, 3, 5]
            {"opened >": "2024-01-01T00:00:00Z"}  →  [1, 2, 4]
            {"opened": "2023-12-31T21:00:00-03:00"}  →  [0]
            {"day": "2024-01-01"}  →  [0]
            {}  →  [0, 1, 2, 3, 4, 5]
            []  →  [0, 1, 2, 3, 4, 5]
            [{}, []]  →  [0, 1, 2, 3, 4, 5]
              →  [0, 1, 2, 3, 4, 5]
              null   →  [0, 1, 2, 3, 4, 5]"#]],
    );
}

#[test]
fn sql_forms() {
    check(
        &[
            "status = 'OPEN'",
            "status = \"OPEN\" and id > 0",
            "status <> 'OPEN'",
            "NOT status = 'OPEN'",
            "status != 'OPEN' OR status IS NULL",
            "status IS NOT NULL",
            "status IN ('OPEN', 'CLOSED') AND NOT (id = 0 OR id = 1)",
            "status NOT IN ('OPEN')",
            "status = 'CLOSED' OR status = 'OPEN' AND id = 2",
            "(status = 'CLOSED' OR status = 'OPEN') AND id = 2",
            "subject LIKE 'apple'",
            "subject LIKE '%apple'",
            "subject NOT LIKE '%a%'",
            "subject = 'o''clock \"now\"'",
            "HAS_TOKEN(subject, 'apple')",
            "array_contains(tags, 'fee')",
            "tags = 'card' AND NOT tags = 'pix'",
            "cents = 9007199254740993",
            "cents = 9007199254740992.0",
            "cents > 9.007199254740992e15",
            "cents BETWEEN -5 AND 100",
            "cents NOT BETWEEN -5 AND 100",
            "cents < 0.5 AND cents > -5.5",
            "rate = 0.1",
            "rate < 1e300",
            "NOT rate = 5",
            "hours = 0.1 OR hours = 24",
            "reopened IS TRUE",
            "reopened IS NOT TRUE",
            "NOT reopened IS FALSE",
            "reopened = false",
            "opened > TO_TIMESTAMP('2024-03-01T00:00:00')",
            "opened = '2024-01-01 00:00:00.5'",
            "closed = '2024-01-01'",
            "day >= TO_TIMESTAMP('2024-01-01T00:00:01Z')",
            "`two words` = 3",
        ],
        expect![[r#"
            status = 'OPEN'  →  [0, 2]
            status = "OPEN" and id > 0  →  [2]
            status <> 'OPEN'  →  [1, 3, 4]
            NOT status = 'OPEN'  →  [1, 3, 4]
            status != 'OPEN' OR status IS NULL  →  [1, 3, 4, 5]
            status IS NOT NULL  →  [0, 1, 2, 3, 4]
            status IN ('OPEN', 'CLOSED') AND NOT (id = 0 OR id = 1)  →  [2]
            status NOT IN ('OPEN')  →  [1, 3, 4]
            status = 'CLOSED' OR status = 'OPEN' AND id = 2  →  [1, 2]
            (status = 'CLOSED' OR status = 'OPEN') AND id = 2  →  [2]
            subject LIKE 'apple'  →  []
            subject LIKE '%apple'  →  [1]
            subject NOT LIKE '%a%'  →  [2, 3]
            subject = 'o''clock "now"'  →  [3]
            HAS_TOKEN(subject, 'apple')  →  [0]
            array_contains(tags, 'fee')  →  [0]
            tags = 'card' AND NOT tags = 'pix'  →  [1]
            cents = 9007199254740993  →  [0]
            cents = 9007199254740992.0  →  []
            cents > 9.007199254740992e15  →  [0]
            cents BETWEEN -5 AND 100  →  [1, 2, 3]
            cents NOT BETWEEN -5 AND 100  →  [0, 4]
            cents < 0.5 AND cents > -5.5  →  [1, 2]
            rate = 0.1  →  [0]
            rate < 1e300  →  [0, 1, 3, 4]
            NOT rate = 5  →  [0, 1, 2, 3, 4]
            hours = 0.1 OR hours = 24  →  [0, 1]
            reopened IS TRUE  →  [0, 2, 4]
            reopened IS NOT TRUE  →  [1, 3, 5]
            NOT reopened IS FALSE  →  [0, 2, 4, 5]
            reopened = false  →  [1, 3]
            opened > TO_TIMESTAMP('2024-03-01T00:00:00')  →  [4]
            opened = '2024-01-01 00:00:00.5'  →  [1]
            closed = '2024-01-01'  →  [1]
            day >= TO_TIMESTAMP('2024-01-01T00:00:01Z')  →  [1, 4]
            `two words` = 3  →  [2]"#]],
    );
}

#[test]
fn display_is_sql() {
    check_sql_form(
        &[
            r#"{"a": 1, "b NOT": ["x", "it's"], "c LIKE": "tok", "d LIKE": "a%", "e NOT LIKE": "z"}"#,
            r#"{"a OR b <=": ["x", 2.0], "two": null}"#,
            r#"[[{"a": true}], [{"b": 1}, {"c": 2}]]"#,
            "a between 1 and 2 or not (b is not null and c not like 'x') or not a < 1",
            "not not a = 1 and not (not (b = 2))",
            "`select me` = 1 and `or` = 2 and `tick``ed` = 3 and `9` = 4",
            "x > to_timestamp('2024-01-01') and y in (1, -2.50, +3)",
            "x = 12345678901234567890",
            "",
        ],
        expect![[r#"
            {"a": 1, "b NOT": ["x", "it's"], "c LIKE": "tok", "d LIKE": "a%", "e NOT LIKE": "z"}  →  a = 1 AND (b NOT IN ('x', 'it''s') OR b IS NULL) AND HAS_TOKEN(c, 'tok') AND d LIKE 'a%' AND (NOT HAS_TOKEN(e, 'z') OR e IS NULL)
            {"a OR b <=": ["x", 2.0], "two": null}  →  (a = 'x' OR b <= 2.0) AND two IS NULL
            [[{"a": true}], [{"b": 1}, {"c": 2}]]  →  a = TRUE AND b = 1 AND c = 2
            a between 1 and 2 or not (b is not null and c not like 'x') or not a < 1  →  a >= 1 AND a <= 2 OR NOT (b IS NOT NULL AND c NOT LIKE 'x') OR NOT a < 1
            not not a = 1 and not (not (b = 2))  →  a = 1 AND NOT (b <> 2)
            `select me` = 1 and `or` = 2 and `tick``ed` = 3 and `9` = 4  →  `select me` = 1 AND `or` = 2 AND `tick``ed` = 3 AND `9` = 4
            x > to_timestamp('2024-01-01') and y in (1, -2.50, +3)  →  x > TO_TIMESTAMP('2024-01-01') AND y IN (1, -2.5, 3)
            x = 12345678901234567890  →  x = 1.2345678901234567e19
              →  "#]],
    );
}

#[test]
fn faults_point_at_the_place() {
    let cases = [
        "status = ",
        "status == 'OPEN'",
        "status = OPEN",
        "status = 'OPEN",
        "status",
        "'status' = 'OPEN'",
        "reopened AND id = 1",
        "status = NULL",
        "id = 1 id = 2",
        "(id = 1",
        "id = 1)",
        "id IN ()",
        "id IN (1, 2",
        "id NOT 5",
        "id = 1; DROP TABLE x",
        "id BETWEEN 1 OR 2",
        "upper(status) = 'OPEN'",
        "id = 1e999",
        "id = 12ab",
        "status = 'ção' AND id @ 1",
        "x > TO_TIMESTAMP('yesterday')",
        "id =\n  1 OR\n\t2",
        "id = '5'",
        "id = 'five'",
        "status = 5",
        "status LIKE 5",
        "id LIKE '5'",
        "tags LIKE 'pix'",
        "tags < 'pix'",
        "reopened > FALSE",
        "reopened = 'yes'",
        "status IS TRUE",
        "opened > 'soon'",
        "opened > 5",
        "nope = 1 AND id = 2",
        r#"{"nope": 1}"#,
        r#"{"id": "5"}"#,
        r#"[{"id": 1}, {"status": "a"}, {"id": "x"}]"#,
        r#"{"id <": [1, 2]}"#,
        r#"{"id": {"$lt": 5}}"#,
        r#"{"id": []}"#,
        r#"{"id ==": 5}"#,
        r#"{"": 5}"#,
        r#"{"a OR b": [1]}"#,
        r#"{"status LIKE": ["a"]}"#,
        r#"{"a": 1, "b": }"#,
        "[5]",
        r#"{"a": NaN}"#,
    ];
    let found: Vec<String> = cases.iter().map(|case| rows(case)).collect();
    expect![[r#"
        bad filter: expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')
          status = 
                   ^
        bad filter: expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')
          status == 'OPEN'
                  ^
        bad filter: expected a value; a text is quoted: 'OPEN'
          status = OPEN
                   ^
        bad filter: this ' is never closed; a quote inside is doubled
          status = 'OPEN
                   ^
        bad filter: expected =, <>, <, <=, >, >=, IN, LIKE, BETWEEN or IS after column `status` (for a boolean: `status IS TRUE`)
          status
                ^
        bad filter: expected a column's name; quote it with ` where it needs quotes
          'status' = 'OPEN'
          ^
        bad filter: expected =, <>, <, <=, >, >=, IN, LIKE, BETWEEN or IS after column `reopened` (for a boolean: `reopened IS TRUE`)
          reopened AND id = 1
                   ^
        bad filter: nothing equals NULL; write IS NULL or IS NOT NULL
          status = NULL
                   ^
        bad filter: expected AND, OR or the end of the filter
          id = 1 id = 2
                 ^
        bad filter: expected AND, OR or a closing bracket
          (id = 1
                 ^
        bad filter: this bracket was never opened
          id = 1)
                ^
        bad filter: expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')
          id IN ()
                 ^
        bad filter: expected a comma or the closing bracket of the list
          id IN (1, 2
                     ^
        bad filter: expected IN, LIKE or BETWEEN after NOT
          id NOT 5
                 ^
        bad filter: `;` has no meaning in a filter
          id = 1; DROP TABLE x
                ^
        bad filter: expected AND and the upper bound of BETWEEN
          id BETWEEN 1 OR 2
                       ^
        bad filter: there is no such function; a filter knows ARRAY_CONTAINS and HAS_TOKEN
          upper(status) = 'OPEN'
          ^
        bad filter: this number is too large or malformed
          id = 1e999
               ^
        bad filter: this number is too large or malformed
          id = 12ab
               ^
        bad filter: `@` has no meaning in a filter
          status = 'ção' AND id @ 1
                                ^
        bad filter: `yesterday` is no timestamp such as 2026-01-31T08:00:00Z
          x > TO_TIMESTAMP('yesterday')
                           ^
        bad filter: expected a column's name
          id =   1 OR  2
                       ^
        bad filter: column `id` holds numbers; write 5 without quotes
          id = '5'
               ^
        bad filter: column `id` holds numbers, and 'five' is none
          id = 'five'
               ^
        bad filter: column `status` holds texts; quote the value: '5'
          status = 5
                   ^
        bad filter: expected a text in quotes
          status LIKE 5
                      ^
        bad filter: column `id` holds numbers; LIKE needs a text
          id LIKE '5'
                  ^
        bad filter: column `tags` holds lists of texts; LIKE needs a text
          tags LIKE 'pix'
                    ^
        bad filter: column `tags` holds lists of texts, which have no order; use = or IN
          tags < 'pix'
                 ^
        bad filter: column `reopened` holds TRUE and FALSE, which have no order; use = or IN
          reopened > FALSE
                     ^
        bad filter: column `reopened` holds TRUE and FALSE, and 'yes' is neither
          reopened = 'yes'
                     ^
        bad filter: column `status` holds texts, not TRUE and FALSE
          status IS TRUE
                    ^
        bad filter: column `opened` holds dates, and `soon` is none; write one as 2026-01-31 or 2026-01-31T08:00:00Z
          opened > 'soon'
                   ^
        bad filter: column `opened` holds dates, and 5 is none; write one as '2026-01-31T08:00:00Z'
          opened > 5
                   ^
        no column `nope`; there are `id`, `status`, `subject`, `cents`, `rate`, `hours`, `reopened`, `opened`, `closed`, `day`, `tags`, `two words`
        no column `nope`; there are `id`, `status`, `subject`, `cents`, `rate`, `hours`, `reopened`, `opened`, `closed`, `day`, `tags`, `two words`
        bad filter: column `id` holds numbers; write 5 without quotes
          {"id": "5"}
                 ^
        bad filter: column `id` holds numbers, and 'x' is none
          [{"id": 1}, {"status": "a"}, {"id": "x"}]
                                              ^
        bad filter: expected one number or one ISO date, such as 2026-01-31T08:00:00Z
          {"id <": [1, 2]}
                   ^
        bad filter: expected a text, number, boolean, null or a list of them
          {"id": {"$lt": 5}}
                 ^
        bad filter: an empty list lets no row through; leave the column out to let all through
          {"id": []}
                 ^
        bad filter: expected `column` or `column op` with op NOT, <, <=, >, >=, LIKE or NOT LIKE
          {"id ==": 5}
           ^
        bad filter: expected `column` or `column op` with op NOT, <, <=, >, >=, LIKE or NOT LIKE
          {"": 5}
           ^
        bad filter: with OR the value is a list of 2 values, one for each term
          {"a OR b": [1]}
                     ^
        bad filter: LIKE takes one text
          {"status LIKE": ["a"]}
                          ^
        bad filter: not JSON: expected value
          {"a": 1, "b": }
                        ^
        bad filter: a filter is an object such as {"column": value}, or a list of them
          [5]
           ^
        bad filter: not JSON: expected value
          {"a": NaN}
                ^"#]].assert_eq(&found.join("\n"));
}

#[test]
fn a_value_is_rendered_to_one_line_for_its_faults() {
    let found = Filter::from_json(&json!({"status": "OPEN", "id": "x"})).and_then(|filter| filter.rows(&batch()));
    expect![[r#"
        bad filter: column `id` holds numbers, and 'x' is none
          {"id":"x","status":"OPEN"}
                ^"#]]
    .assert_eq(&found.unwrap_err().to_string());
    let found = Filter::from_json(&json!("status = 'OPEN'"));
    expect![[r#"
        bad filter: a filter is an object such as {"column": value}, or a list of them
          "status = 'OPEN'"
          ^"#]]
    .assert_eq(&found.unwrap_err().to_string());
    assert_eq!(Filter::from_json(&json!(null)).unwrap().rows(&batch()).unwrap().count(), 6);
}

#[test]
fn a_long_text_is_cut_to_what_is_near_the_fault() {
    let text = format!("id IN ({}'oops')", "1, ".repeat(1000));
    expect![[r#"
        bad filter: column `id` holds numbers, and 'oops' is none
          …, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 'oops')
                                                                                           ^"#]]
    .assert_eq(&Filter::from_sql(&text).and_then(|filter| filter.rows(&batch())).unwrap_err().to_string());
    let text = format!("id IN ({} @)", "1, ".repeat(1000));
    expect![[r#"
        bad filter: `@` has no meaning in a filter
          … 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  @)
                                                                                           ^"#]]
    .assert_eq(&Filter::from_sql(&text).unwrap_err().to_string());
}

#[test]
fn depth_is_bounded_and_length_is_not() {
    let nested = |depth: usize| format!("{}id = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(rows(&nested(MAX_DEPTH)), "[1]");
    assert!(rows(&nested(MAX_DEPTH + 1)).contains("nest deeper than 64"));
    assert!(rows(&nested(100_000)).contains("nest deeper than 64"));
    assert_eq!(rows(&format!("{}id = 1", "NOT ".repeat(100_000))), "[1]");
    assert!(rows(&format!("{}id = 1", "NOT (".repeat(100_000))).contains("nest deeper than 64"));
    assert_eq!(rows(&format!("id = 1{}", " OR id = 2".repeat(5_000))), "[1, 2]");
    let between = |depth: usize| nested(depth).replace("id = 1", "id NOT BETWEEN 1 AND 5");
    assert_eq!(rows(&between(MAX_DEPTH - 1)), "[0]");
    assert!(rows(&between(MAX_DEPTH)).contains("nest deeper than 64"));
    let lists = |depth: usize| format!("{}{{\"id\": 1}}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(rows(&lists(MAX_DEPTH)), "[1]");
    assert!(rows(&lists(MAX_DEPTH + 1)).contains("nest deeper than 64"));
    assert!(rows(&lists(100_000)).contains("bad filter"));
}

#[test]
fn columns_are_named_once() {
    let filter = Filter::parse("b = 1 AND (a = 2 OR NOT b IN (3)) AND `c d` IS NULL").unwrap();
    assert_eq!(filter.columns(), ["a", "b", "c d"]);
    assert!(Filter::all().columns().is_empty());
}

#[test]
fn two_filters_hold_together_and_keep_their_own_texts() {
    let ours = Filter::from_json(&json!({"status": ["OPEN", "CLOSED"]})).unwrap();
    let both = ours.clone().and(Filter::parse("id = 1 OR id = 2 OR id = 3").unwrap());
    assert_eq!(both.to_string(), "status IN ('OPEN', 'CLOSED') AND (id = 1 OR id = 2 OR id = 3)");
    assert_eq!(both.rows(&batch()).unwrap().iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(Filter::all().and(Filter::all()).to_string(), "");
    let wrong = ours.and(Filter::parse("id = 'x'").unwrap()).rows(&batch());
    expect![[r#"
        bad filter: column `id` holds numbers, and 'x' is none
          id = 'x'
               ^"#]]
    .assert_eq(&wrong.unwrap_err().to_string());
}

/// The rows that a filter lets through, and that it still does when it is read back from its own text.
fn let_through(filter: &Filter, batch: &RecordBatch) -> crate::error::Result<Vec<u32>> {
    let rows = filter.rows(batch)?;
    let shown = filter.to_string();
    let read_back = Filter::from_sql(&shown).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(read_back.to_string(), shown);
    assert_eq!(read_back.rows(batch).unwrap(), rows, "{shown}");
    Ok(rows.iter().collect())
}

/// Compares a filter with what the oracle says of it: `None` where it must be refused.
fn check_against(text: &str, expected: Option<Vec<u32>>, rows: &[Vec<serde_json::Value>], batch: &RecordBatch) {
    let found = Filter::parse(text).and_then(|filter| let_through(&filter, batch));
    match (found, expected) {
        (Ok(found), Some(expected)) => {
            let differs = found.iter().chain(&expected).find(|row| found.contains(row) != expected.contains(row));
            let row = differs.map(|row| &rows[*row as usize]);
            assert_eq!(found, expected, "{text}\nrow {row:?}");
        }
        (Err(error), None) => assert!(error.to_string().contains("bad filter"), "{text}: {error}"),
        (Ok(found), None) => panic!("{text}\nwas not refused: {found:?}"),
        (Err(error), Some(_)) => panic!("{text}\nwas refused: {error}"),
    }
}

/// Ten thousand filters of each dialect on five hundred tables.
#[test]
fn random_filters_let_through_what_an_oracle_does() {
    let (mut refused, mut selective) = (0, 0);
    for seed in 0..500 {
        let dice = &mut table::Dice(seed);
        let rows = table::rows(dice);
        let batch = table::batch(&rows);
        let passing = |holds: &dyn Fn(&[serde_json::Value]) -> bool| {
            (0..).zip(&rows).filter(|(_, row)| holds(row)).map(|(at, _)| at).collect::<Vec<u32>>()
        };
        for _ in 0..20 {
            let filter = random::json(dice, 2);
            let expected = filter.fits().then(|| passing(&|row| filter.holds(row)));
            let value = filter.value();
            let text = if dice.chance(50) { value.to_string() } else { format!("{value:#}") };
            check_against(&text, expected, &rows, &batch);

            let filter = random::sql(dice, 3);
            let expected = filter.fits().then(|| passing(&|row| filter.truth(row) == Some(true)));
            refused += usize::from(expected.is_none());
            selective += usize::from(
                expected.as_ref().is_some_and(|let_through| !let_through.is_empty() && let_through.len() < rows.len()),
            );
            check_against(&filter.text(dice, 0), expected, &rows, &batch);
        }
    }
    // That filters are refused, or pick some rows of many, is no rare accident.
    assert!(refused > 500 && selective > 3_000, "{refused} refused, {selective} selective");
}

/// Filters with a few characters lost, doubled, exchanged or put in: none panics, and what is still one reads back.
#[test]
fn spoilt_filters_are_refused_or_read_back() {
    const GLUE: [&str; 18] =
        ["'", "\"", "`", "(", ")", ",", "\\", "%", "é", "\u{0}", "-", ".", "e", " OR ", " NOT ", "[", "}", ":"];
    let mut accepted = 0;
    for seed in 0..4_000 {
        let dice = &mut table::Dice(1_000_000 + seed);
        let rows = table::rows(dice);
        let batch = table::batch(&rows);
        let text = match dice.chance(50) {
            true => random::json(dice, 2).value().to_string(),
            false => random::sql(dice, 2).text(dice, 0),
        };
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..1 + dice.below(3) {
            let at = dice.below(characters.len());
            match dice.below(4) {
                0 if characters.len() > 1 => _ = characters.remove(at),
                1 => characters.insert(at, characters[at]),
                2 => {
                    let with = dice.below(characters.len());
                    characters.swap(at, with);
                }
                _ => _ = characters.splice(at..at, dice.pick(&GLUE).chars()),
            }
        }
        let spoilt: String = characters.into_iter().collect();
        if let Ok(filter) = Filter::parse(&spoilt) {
            // Also where a value does not fit its column, or there is no such column, the text is a filter's.
            Filter::from_sql(&filter.to_string()).unwrap_or_else(|error| panic!("{spoilt}: {filter}: {error}"));
            accepted += usize::from(let_through(&filter, &batch).is_ok());
        }
    }
    assert!(accepted > 150, "only {accepted} are still filters");
}

#[test]
fn one_condition_names_a_thousand_values() {
    let list = |count: usize| (0..count).map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(rows(&format!("id IN ({})", list(MAX_VALUES))), "[0, 1, 2, 3, 4, 5]");
    assert_eq!(rows(&format!("{{\"id\": [{}]}}", list(MAX_VALUES))), "[0, 1, 2, 3, 4, 5]");
    let or = |count: usize| format!("{{\"{}\": [{}]}}", vec!["id"; count].join(" OR "), list(count));
    assert_eq!(rows(&or(MAX_VALUES)), "[0, 1, 2, 3, 4, 5]");
    let line = |text: &str| rows(text).lines().next().unwrap().to_owned();
    let refused = [
        line(&format!("id IN ({})", list(MAX_VALUES + 1))),
        line(&format!("{{\"id NOT\": [{}]}}", list(MAX_VALUES + 1))),
        line(&or(MAX_VALUES + 1)),
    ];
    expect![[r#"
        bad filter: IN takes at most 1024 values; join several conditions with OR
        bad filter: a list takes at most 1024 values; join several conditions with OR
        bad filter: OR takes at most 1024 values; join several conditions with OR"#]]
    .assert_eq(&refused.join("\n"));
}

/// One test of one nullable column: as JSON, as SQL, and what it says of a cell, written by hand.
#[derive(Debug, Clone)]
struct Case {
    json: serde_json::Value,
    sql: String,
    number: Option<fn(i64, i64) -> bool>,
    operands: Vec<i64>,
    negated: bool,
}

impl Case {
    fn holds(&self, cell: Option<i64>) -> bool {
        let Some(cell) = cell else { return self.negated };
        match self.number {
            Some(compare) => compare(cell, self.operands[0]),
            None => self.operands.contains(&cell) != self.negated,
        }
    }
}

fn case() -> impl Strategy<Value = (usize, Case)> {
    let operands = proptest::collection::vec(-3_i64..4, 1..4);
    (0..3_usize, 0..6_usize, operands).prop_map(|(column, form, operands)| {
        let name = ["number", "float", "text"][column];
        let json_value = |value: &i64| match column {
            0 => json!(value),
            1 => json!(*value as f64 / 2.0),
            _ => json!(format!("{:02}", value + 3)),
        };
        let sql_value = |value: &i64| match column {
            0 => value.to_string(),
            1 => format!("{:?}", *value as f64 / 2.0),
            _ => format!("'{:02}'", value + 3),
        };
        let first = (json_value(&operands[0]), sql_value(&operands[0]));
        let order = |symbol: &str, compare: fn(i64, i64) -> bool| Case {
            json: json!({format!("{name} {symbol}"): first.0}),
            sql: format!("{name} {symbol} {}", first.1),
            number: Some(compare),
            operands: operands.clone(),
            negated: false,
        };
        let list: Vec<String> = operands.iter().map(sql_value).collect();
        let values: Vec<_> = operands.iter().map(json_value).collect();
        let membership = |negated: bool| Case {
            json: json!({if negated { format!("{name} NOT") } else { name.to_owned() }: values}),
            sql: match negated {
                true => format!("({name} NOT IN ({}) OR {name} IS NULL)", list.join(", ")),
                false => format!("{name} IN ({})", list.join(", ")),
            },
            number: None,
            operands: operands.clone(),
            negated,
        };
        let case = match form {
            0 => order("<", |cell, value| cell < value),
            1 => order("<=", |cell, value| cell <= value),
            2 => order(">", |cell, value| cell > value),
            3 => order(">=", |cell, value| cell >= value),
            4 => membership(false),
            _ => membership(true),
        };
        (column, case)
    })
}

/// A text with three-valued truth for each row of [`numbers`], built by hand beside it.
fn sql_and_truth() -> impl Strategy<Value = (String, Vec<Option<bool>>)> {
    let leaf = (0..4_usize, -3_i64..4).prop_map(|(form, value)| {
        let cells = numbers();
        match form {
            0 => (format!("number = {value}"), cells.iter().map(|cell| cell.map(|cell| cell == value)).collect()),
            1 => (format!("number < {value}"), cells.iter().map(|cell| cell.map(|cell| cell < value)).collect()),
            2 => (format!("number <> {value}"), cells.iter().map(|cell| cell.map(|cell| cell != value)).collect()),
            _ => ("number IS NULL".to_owned(), cells.iter().map(|cell| Some(cell.is_none())).collect()),
        }
    });
    leaf.prop_recursive(4, 24, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 1..4);
        let joined = |parts: Vec<(String, Vec<Option<bool>>)>, word: &str, ends: bool| {
            let text = parts.iter().map(|(text, _)| format!("({text})")).collect::<Vec<_>>().join(word);
            let truth = (0..numbers().len()).map(|row| {
                let values: Vec<_> = parts.iter().map(|(_, truth)| truth[row]).collect();
                if values.contains(&Some(ends)) {
                    Some(ends)
                } else if values.contains(&None) {
                    None
                } else {
                    Some(!ends)
                }
            });
            (text, truth.collect())
        };
        prop_oneof![
            several.clone().prop_map(move |parts| joined(parts, " AND ", false)),
            several.prop_map(move |parts| joined(parts, " OR ", true)),
            inner.prop_map(|(text, truth)| {
                (format!("NOT ({text})"), truth.into_iter().map(|value| value.map(|value| !value)).collect())
            }),
        ]
    })
}

fn numbers() -> Vec<Option<i64>> {
    (-3..4).map(Some).chain([None]).collect()
}

proptest! {
    #[test]
    fn json_and_sql_say_the_same_as_an_oracle(
        cases in proptest::collection::vec(case(), 1..4),
        cells in proptest::collection::vec(proptest::array::uniform3(proptest::option::of(-3_i64..4)), 1..20),
    ) {
        let batch = RecordBatch::try_from_iter(vec![
            ("number", Arc::new(cells.iter().map(|row| row[0]).collect::<Int64Array>()) as ArrayRef),
            ("float", Arc::new(cells.iter().map(|row| row[1].map(|cell| cell as f64 / 2.0)).collect::<Float64Array>())),
            ("text", Arc::new(cells.iter().map(|row| row[2].map(|cell| format!("{:02}", cell + 3))).collect::<StringArray>())),
        ]).unwrap();
        let json = serde_json::Value::Array(cases.iter().map(|(_, case)| case.json.clone()).collect());
        let sql = cases.iter().map(|(_, case)| case.sql.as_str()).collect::<Vec<_>>().join(" AND ");
        let from_json = Filter::from_json(&json).unwrap();
        let from_sql = Filter::parse(&sql).unwrap();
        let read_back = Filter::parse(&from_json.to_string()).unwrap();
        let expected: Vec<u32> = (0..cells.len())
            .filter(|&row| cases.iter().all(|(column, case)| case.holds(cells[row][*column])))
            .map(|row| row as u32)
            .collect();
        for filter in [from_json, from_sql, read_back] {
            prop_assert_eq!(&filter.rows(&batch).unwrap().iter().collect::<Vec<_>>(), &expected, "{}", filter);
        }
    }

    #[test]
    fn sql_reads_back_and_follows_three_valued_logic((text, truth) in sql_and_truth()) {
        let batch = RecordBatch::try_from_iter(vec![
            ("number", Arc::new(Int64Array::from(numbers())) as ArrayRef),
        ]).unwrap();
        let filter = Filter::from_sql(&text).unwrap();
        let read_back = Filter::from_sql(&filter.to_string()).unwrap();
        prop_assert_eq!(filter.to_string(), read_back.to_string());
        let expected: Vec<u32> =
            truth.iter().zip(0..).filter(|(value, _)| **value == Some(true)).map(|(_, row)| row).collect();
        prop_assert_eq!(&filter.rows(&batch).unwrap().iter().collect::<Vec<_>>(), &expected);
        prop_assert_eq!(&read_back.rows(&batch).unwrap().iter().collect::<Vec<_>>(), &expected);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Filter::parse(&String::from_utf8_lossy(&bytes)).and_then(|filter| let_through(&filter, &batch()));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", glued in "[a-c <>=!'\"`(),0-9.eANDORINTLKES\\[\\]{}:-]{0,40}") {
        let _ = Filter::parse(&text).and_then(|filter| let_through(&filter, &batch()));
        let _ = Filter::parse(&glued).and_then(|filter| let_through(&filter, &batch()));
    }
}
