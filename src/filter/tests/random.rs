//! Random filters of both dialects, of every form, and how they are written.

use serde_json::{Map, Value, json};

use super::oracle::{Json, Literal, Op, Order, Sql, Term, Test};
use super::table::{COLUMNS, Dice, TEXTS, Type, milliseconds, value};

const ORDERS: [Order; 4] = [Order::Less, Order::AtMost, Order::More, Order::AtLeast];
/// Of these no column of another kind takes one. Numbers lie beyond what narrow columns hold.
const STRANGERS: [&str; 4] = ["\"never\"", "true", "-300", "1e30"];

/// How often a value does not fit its column, in percent.
const MISFITS: usize = 2;

/// A value to compare cells of this type with, as the JSON dialect has it.
fn operand(dice: &mut Dice, kind: Type) -> Value {
    if dice.chance(MISFITS) {
        return serde_json::from_str(dice.pick(&STRANGERS)).unwrap();
    }
    let kind = kind.element();
    if kind.is_number() {
        // Whole numbers are also written with a point, and found in columns of every width.
        let among = [Type::Double, Type::Long, Type::Int, kind];
        let written = dice.pick(&among);
        let number = value(dice, written);
        let whole = number.as_i64().filter(|whole| whole.abs() < 1 << 50);
        return match whole {
            Some(whole) if dice.chance(30) => json!(whole as f64),
            _ if dice.chance(5) => json!([-300.0, 1e30, 300.5][dice.below(3)]),
            _ => number,
        };
    }
    match kind {
        Type::Date | Type::Timestamp(_) => {
            let text = value(dice, Type::Timestamp(arrow::datatypes::TimeUnit::Millisecond));
            json!(time(dice, text.as_str().unwrap()))
        }
        _ => value(dice, kind),
    }
}

/// The same instant in one of the ways to write it.
fn time(dice: &mut Dice, iso: &str) -> String {
    let naive = iso.trim_end_matches('Z');
    match dice.below(5) {
        0 if naive.ends_with("T00:00:00.000") => naive[..10].to_owned(),
        1 => naive.to_owned(),
        2 => naive.replacen('T', " ", 1),
        3 => {
            let there = chrono::DateTime::from_timestamp_millis(milliseconds(iso) - 3 * 3_600_000).unwrap();
            there.format("%Y-%m-%dT%H:%M:%S%.3f-03:00").to_string()
        }
        _ => iso.to_owned(),
    }
}

/// A text of the tables with some of its characters made wildcards, or escaped.
fn pattern(dice: &mut Dice) -> String {
    let text = dice.pick(&TEXTS);
    let mut pattern = String::new();
    for c in text.chars() {
        match dice.below(12) {
            0 => pattern.push('_'),
            1 => pattern.push('%'),
            2 => {}
            _ if matches!(c, '%' | '_' | '\\') && dice.chance(70) => pattern.extend(['\\', c]),
            _ => pattern.push(c),
        }
    }
    for _ in 0..dice.below(3) {
        if dice.chance(50) { pattern.push('%') } else { pattern.insert(0, '%') }
    }
    // A last backslash has nothing to take as it is.
    if pattern.ends_with('\\') && !pattern.ends_with("\\\\") {
        pattern.push('\\');
    }
    pattern
}

fn token(dice: &mut Dice) -> String {
    (dice.pick(&["apple", "pear", "caiu", "off", "100%x", "line", "break", "hi", "", "a", "apple pear"])).to_owned()
}

fn column(dice: &mut Dice) -> (usize, Type) {
    let at = dice.below(COLUMNS.len());
    (at, COLUMNS[at].1)
}

/// A column that this test is likely to fit.
fn column_where(dice: &mut Dice, fits: fn(Type) -> bool) -> (usize, Type) {
    loop {
        let (at, kind) = column(dice);
        if fits(kind) || dice.chance(MISFITS) {
            return (at, kind);
        }
    }
}

fn is_ordered(kind: Type) -> bool {
    !matches!(kind, Type::Boolean | Type::List(_))
}

pub(super) fn json(dice: &mut Dice, depth: usize) -> Json {
    if depth > 0 && dice.chance(40) {
        return Json::List((0..dice.below(4)).map(|_| json(dice, depth - 1)).collect());
    }
    let mut keys = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..dice.below(4) {
        let terms: Vec<Term> = (0..1 + dice.below(3) * dice.below(2)).map(|_| term(dice)).collect();
        // A key occurs once in an object.
        let key = key(&terms);
        if !keys.contains(&key) {
            keys.push(key);
            pairs.push(terms);
        }
    }
    Json::Pairs(pairs)
}

fn term(dice: &mut Dice) -> Term {
    let op = match dice.below(10) {
        0..=3 => Op::Equal,
        4..=5 => Op::Not,
        6..=7 => Op::Order(dice.pick(&ORDERS)),
        8 => Op::Like,
        _ => Op::NotLike,
    };
    let (column, kind) = match op {
        Op::Order(_) => column_where(dice, is_ordered),
        Op::Like | Op::NotLike => column_where(dice, Type::is_text),
        Op::Equal | Op::Not => column(dice),
    };
    let value = match op {
        Op::Order(_) => operand(dice, kind),
        Op::Like | Op::NotLike => json!(if dice.chance(50) { token(dice) } else { pattern(dice) }),
        Op::Equal | Op::Not if dice.chance(40) => (0..1 + dice.below(4)).map(|_| or_null(dice, kind)).collect(),
        Op::Equal | Op::Not => or_null(dice, kind),
    };
    Term { column, op, value }
}

fn or_null(dice: &mut Dice, kind: Type) -> Value {
    if dice.chance(8) { Value::Null } else { operand(dice, kind) }
}

fn key(terms: &[Term]) -> String {
    let written = terms.iter().map(|term| {
        let op = match term.op {
            Op::Equal => "",
            Op::Not => " NOT",
            Op::Order(order) => return format!("{} {}", COLUMNS[term.column].0, symbol(order)),
            Op::Like => " LIKE",
            Op::NotLike => " NOT LIKE",
        };
        format!("{}{op}", COLUMNS[term.column].0)
    });
    written.collect::<Vec<_>>().join(" OR ")
}

impl Json {
    /// As a value of JSON.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::List(parts) => parts.iter().map(Self::value).collect(),
            Self::Pairs(pairs) => Value::Object(
                pairs
                    .iter()
                    .map(|terms| {
                        let values: Vec<Value> = terms.iter().map(|term| term.value.clone()).collect();
                        (key(terms), if let [only] = &values[..] { only.clone() } else { json!(values) })
                    })
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

fn symbol(order: Order) -> &'static str {
    match order {
        Order::Less => "<",
        Order::AtMost => "<=",
        Order::More => ">",
        Order::AtLeast => ">=",
    }
}

pub(super) fn sql(dice: &mut Dice, depth: usize) -> Sql {
    match dice.below(if depth == 0 { 1 } else { 6 }) {
        1 => Sql::Not(Box::new(sql(dice, depth - 1))),
        2 | 3 => Sql::And((0..2 + dice.below(2)).map(|_| sql(dice, depth - 1)).collect()),
        4 | 5 => Sql::Or((0..2 + dice.below(2)).map(|_| sql(dice, depth - 1)).collect()),
        _ => sql_test(dice),
    }
}

fn sql_test(dice: &mut Dice) -> Sql {
    let negated = dice.chance(30);
    let form = dice.below(12);
    let (at, kind) = match form {
        2..=4 => column_where(dice, is_ordered),
        5..=6 | 10 => column_where(dice, Type::is_text),
        8 => column_where(dice, |kind| kind == Type::Boolean),
        9 => column_where(dice, |kind| matches!(kind, Type::List(_))),
        _ => column(dice),
    };
    let test = match form {
        0 | 1 => Test::Equal(negated, literal(dice, kind)),
        2 | 3 => Test::Order(dice.pick(&ORDERS), literal(dice, kind)),
        4 => Test::Between(negated, literal(dice, kind), literal(dice, kind)),
        5 | 6 => Test::Like(negated, pattern(dice)),
        7 => Test::IsNull(negated),
        8 => Test::Is(negated, dice.chance(50)),
        9 => Test::Contains(literal(dice, kind)),
        10 => Test::HasToken(token(dice)),
        _ => Test::In(negated, (0..1 + dice.below(4)).map(|_| literal(dice, kind)).collect()),
    };
    Sql::Test(at, test)
}

fn literal(dice: &mut Dice, kind: Type) -> Literal {
    let value = operand(dice, kind);
    let is_time = value.as_str().is_some_and(|text| text.starts_with(['1', '2']) && text.contains('-'));
    Literal { value, is_timestamp: is_time && dice.chance(50) }
}

impl Sql {
    /// As text, with no more brackets than needed but for some; `binding` is how strongly what stands around it binds.
    pub(super) fn text(&self, dice: &mut Dice, binding: usize) -> String {
        let (own, text) = match self {
            Self::Or(parts) => (0, joined(dice, parts, "OR", 1)),
            Self::And(parts) => (1, joined(dice, parts, "AND", 2)),
            Self::Not(inner) => (2, format!("{}{}{}", word(dice, "NOT"), blank(dice), inner.text(dice, 2))),
            Self::Test(column, test) => (3, test.text(dice, *column)),
        };
        if own < binding || dice.chance(10) { format!("({text}{})", [" ", ""][dice.below(2)]) } else { text }
    }
}

fn joined(dice: &mut Dice, parts: &[Sql], between: &str, binding: usize) -> String {
    let mut text = String::new();
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            text += &format!("{}{}{}", blank(dice), word(dice, between), blank(dice));
        }
        text += &part.text(dice, binding);
    }
    text
}

impl Test {
    fn text(&self, dice: &mut Dice, column: usize) -> String {
        let name = name(dice, COLUMNS[column].0);
        let mut words = |words: &str| {
            let written: Vec<String> = words.split(' ').map(|one| word(dice, one)).collect();
            format!("{}{}{}", blank(dice), written.join(" "), blank(dice))
        };
        let not = |negated: bool, rest: &str| if negated { format!("NOT {rest}") } else { rest.to_owned() };
        match self {
            Self::Equal(negated, literal) => {
                let sign = if *negated { dice.pick(&["<>", "!="]) } else { "=" };
                format!("{name}{}{sign}{}", loose(dice), literal.text(dice))
            }
            Self::Order(order, literal) => format!("{name}{}{}{}", loose(dice), symbol(*order), literal.text(dice)),
            Self::In(negated, literals) => {
                let word = words(&not(*negated, "IN"));
                let list: Vec<String> = literals.iter().map(|literal| literal.text(dice)).collect();
                format!("{name}{word}({})", list.join([",", " , "][dice.below(2)]))
            }
            Self::Between(negated, low, high) => {
                let (between, and) = (words(&not(*negated, "BETWEEN")), words("AND"));
                format!("{name}{between}{}{and}{}", low.text(dice), high.text(dice))
            }
            Self::Like(negated, pattern) => format!("{name}{}{}", words(&not(*negated, "LIKE")), quoted(dice, pattern)),
            Self::IsNull(negated) => {
                let is = words(if *negated { "IS NOT NULL" } else { "IS NULL" });
                format!("{name} {}", is.trim())
            }
            Self::Is(negated, wanted) => {
                let wanted = if *wanted { "TRUE" } else { "FALSE" };
                let is = words(&format!("IS {}", not(*negated, wanted)));
                format!("{name} {}", is.trim())
            }
            Self::Contains(literal) => format!("{}({name}, {})", word(dice, "ARRAY_CONTAINS"), literal.text(dice)),
            Self::HasToken(token) => format!("{}({name}, {})", word(dice, "HAS_TOKEN"), quoted(dice, token)),
        }
    }
}

impl Literal {
    fn text(&self, dice: &mut Dice) -> String {
        match &self.value {
            Value::String(text) if self.is_timestamp => {
                format!("{}({})", word(dice, "TO_TIMESTAMP"), quoted(dice, text))
            }
            Value::String(text) => quoted(dice, text),
            Value::Bool(value) => word(dice, if *value { "TRUE" } else { "FALSE" }),
            number => {
                let text = number.to_string();
                if !text.starts_with('-') && dice.chance(10) { format!("+{text}") } else { text }
            }
        }
    }
}

/// In either kind of quotes; those inside are doubled.
fn quoted(dice: &mut Dice, text: &str) -> String {
    let quote = dice.pick(&["'", "\""]);
    format!("{quote}{}{quote}", text.replace(quote, &quote.repeat(2)))
}

fn name(dice: &mut Dice, name: &str) -> String {
    let needs_quotes = matches!(name, "tick`ed" | "or" | "9at");
    if needs_quotes || dice.chance(20) { format!("`{}`", name.replace('`', "``")) } else { name.to_owned() }
}

fn word(dice: &mut Dice, word: &str) -> String {
    if dice.chance(30) { word.to_lowercase() } else { word.to_owned() }
}

fn blank(dice: &mut Dice) -> &'static str {
    dice.pick(&[" ", " ", " ", "  ", "\n\t"])
}

fn loose(dice: &mut Dice) -> &'static str {
    dice.pick(&["", " "])
}
