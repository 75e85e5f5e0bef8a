//! The filter expression that both dialects are read into, and its SQL form. Knows no Arrow.

use std::fmt;

/// A condition with SQL's three-valued logic.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// All of them; none is true.
    And(Vec<Expr>),
    /// Any of them; never empty.
    Or(Vec<Expr>),
    /// The opposite; unknown stays unknown.
    Not(Box<Expr>),
    /// One test of one column.
    Clause(Clause),
}

/// One test of one column.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) column: String,
    /// Where the tested value stands in the text, in bytes.
    pub(super) at: usize,
    pub(super) test: Test,
}

/// What a cell is asked.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Is one of these, each with its place in the text; never empty. A list cell: holds one of these.
    In(Vec<(usize, Literal)>),
    /// Compares so with this.
    Compare(Comparison, Literal),
    /// Matches this SQL pattern: `%` any text, `_` any character, `\` takes the next one as it is.
    Like(String),
    /// Has this among its words, cut at white space.
    HasToken(String),
    /// Holds nothing. Never unknown.
    IsNull,
    /// Holds this truth value. Never unknown.
    Is(bool),
}

/// An order between a cell and a literal. Equality is [`Test::In`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value in the text of a filter.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Integer(i64),
    Float(f64),
    Text(String),
    Boolean(bool),
    /// `TO_TIMESTAMP('…')`, as written and in nanoseconds since 1970 UTC.
    Timestamp(String, i128),
}

impl Expr {
    /// All of `parts`, without needless nesting.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::And(flat) }
    }

    /// Any of `parts`, which must not be empty, without needless nesting.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::Or(flat) }
    }

    /// One test of one column, whose value stands at byte `at`.
    pub(super) fn clause(column: &str, at: usize, test: Test) -> Self {
        Self::Clause(Clause { column: column.to_owned(), at, test })
    }

    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Shows every clause, from left to right.
    pub(super) fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Clause)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::Not(inner) => inner.visit(see),
            Self::Clause(clause) => see(clause),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " AND ", |part| matches!(part, Self::Or(_))),
            Self::Or(parts) => joined(f, parts, " OR ", |_| false),
            Self::Not(inner) => match inner.as_ref() {
                Self::Clause(clause) if !matches!(clause.test, Test::Compare(..) | Test::HasToken(_)) => {
                    clause.write(f, true)
                }
                Self::Clause(clause) => write!(f, "NOT {}", Self::Clause(clause.clone())),
                other => write!(f, "NOT ({other})"),
            },
            Self::Clause(clause) => clause.write(f, false),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str, in_brackets: fn(&Expr) -> bool) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        if in_brackets(part) { write!(f, "({part})") } else { write!(f, "{part}") }?;
    }
    Ok(())
}

impl Clause {
    /// The clause or, where SQL has a word for it, its opposite.
    fn write(&self, f: &mut fmt::Formatter<'_>, negated: bool) -> fmt::Result {
        let column = Name(&self.column);
        let not = if negated { "NOT " } else { "" };
        match &self.test {
            Test::In(values) if values.len() == 1 => {
                write!(f, "{column} {} {}", if negated { "<>" } else { "=" }, values[0].1)
            }
            Test::In(values) => {
                write!(f, "{column} {not}IN (")?;
                for (nth, (_, value)) in values.iter().enumerate() {
                    write!(f, "{}{value}", if nth > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Test::Compare(comparison, value) => write!(f, "{column} {} {value}", comparison.symbol()),
            Test::Like(pattern) => write!(f, "{column} {not}LIKE {}", Text(pattern)),
            Test::HasToken(token) => write!(f, "HAS_TOKEN({column}, {})", Text(token)),
            Test::IsNull => write!(f, "{column} IS {not}NULL"),
            Test::Is(value) => write!(f, "{column} IS {not}{}", if *value { "TRUE" } else { "FALSE" }),
        }
    }
}

impl Comparison {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => Text(value).fmt(f),
            Self::Boolean(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
            Self::Timestamp(written, _) => write!(f, "TO_TIMESTAMP({})", Text(written)),
        }
    }
}

/// A text as an SQL literal.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// Words that are not column names unless quoted.
pub(super) const KEYWORDS: [&str; 10] = ["AND", "BETWEEN", "FALSE", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "TRUE"];

/// A column's name as SQL writes it.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && self.0.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !KEYWORDS.contains(&self.0.to_uppercase().as_str());
        if plain { f.write_str(self.0) } else { write!(f, "`{}`", self.0.replace('`', "``")) }
    }
}
