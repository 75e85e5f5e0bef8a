//! The SQL dialect: tokens, then recursive descent. Knows no Arrow and no JSON.
//!
//! ```text
//! expr    := and ("OR" and)*            and := not ("AND" not)*            not := "NOT"* primary
//! primary := "(" expr ")"
//!          | column ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=") literal
//!          | column ["NOT"] "IN" "(" literal ("," literal)* ")"
//!          | column ["NOT"] "BETWEEN" literal "AND" literal
//!          | column ["NOT"] "LIKE" text
//!          | column "IS" ["NOT"] ("NULL" | "TRUE" | "FALSE")
//!          | ("ARRAY_CONTAINS" | "HAS_TOKEN") "(" column "," literal ")"
//! literal := number | 'text' | "text" | "TRUE" | "FALSE" | "TO_TIMESTAMP" "(" text ")"
//! column  := word | `any name`          a quote is doubled to stand for itself; words in any case
//! ```

use super::expr::{Comparison, Expr, KEYWORDS, Literal, Test};
use super::{MAX_DEPTH, MAX_VALUES, cell, fault, too_many};
use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Number(Number),
    Text(String),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Integer(i64),
    Float(f64),
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 10] = ["<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ","];

pub(super) fn parse(text: &str) -> Result<Expr> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    if *parser.peek() == Token::End {
        return Ok(Expr::And(Vec::new()));
    }
    let expr = parser.any()?;
    match parser.peek() {
        Token::End => Ok(expr),
        Token::Symbol(")") => Err(parser.here("this bracket was never opened")),
        _ => Err(parser.here("expected AND, OR or the end of the filter")),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else if matches!(first, '\'' | '"' | '`') {
            let (value, length) = quoted(rest, first)
                .ok_or_else(|| fault(text, at, format!("this {first} is never closed; a quote inside is doubled")))?;
            (if first == '`' { Token::Quoted(value) } else { Token::Text(value) }, length)
        } else if let Some(length) = number_length(rest) {
            let number =
                number(&rest[..length]).ok_or_else(|| fault(text, at, "this number is too large or malformed"))?;
            (Token::Number(number), length)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            return Err(fault(text, at, format!("`{first}` has no meaning in a filter")));
        };
        tokens.push((at, token));
        at += length;
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

/// The text between quotes and how many bytes it took with them.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != quote {
            value.push(c);
        } else if characters.next_if(|(_, following)| *following == quote).is_some() {
            value.push(quote);
        } else {
            return Some((value, at + 1));
        }
    }
    None
}

fn number_length(rest: &str) -> Option<usize> {
    let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if !unsigned.strip_prefix('.').unwrap_or(unsigned).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut before = ' ';
    let end = rest.char_indices().skip(1).find(|&(_, c)| {
        let exponent_sign = matches!(c, '-' | '+') && matches!(before, 'e' | 'E');
        before = c;
        !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent_sign)
    });
    Some(end.map_or(rest.len(), |(at, _)| at))
}

fn number(word: &str) -> Option<Number> {
    if let Ok(integer) = word.parse() {
        return Some(Number::Integer(integer));
    }
    word.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expr> {
        let mut parts = vec![self.all()?];
        while self.take_word("OR") {
            parts.push(self.all()?);
        }
        Ok(Expr::any(parts))
    }

    fn all(&mut self) -> Result<Expr> {
        let mut parts = vec![self.not()?];
        while self.take_word("AND") {
            parts.push(self.not()?);
        }
        Ok(Expr::all(parts))
    }

    fn not(&mut self) -> Result<Expr> {
        let mut negated = false;
        while self.take_word("NOT") {
            negated = !negated;
        }
        let primary = self.primary()?;
        Ok(if negated { primary.not() } else { primary })
    }

    fn primary(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.take_symbol("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(fault(self.text, at, format!("brackets nest deeper than {MAX_DEPTH}")));
            }
            let inner = self.any()?;
            self.expect_symbol(")", "expected AND, OR or a closing bracket")?;
            self.depth -= 1;
            return Ok(inner);
        }
        let column = self.column()?;
        if *self.peek() == Token::Symbol("(") {
            self.next -= 1;
            return self.function();
        }
        self.test(&column)
    }

    /// What follows a column's name.
    fn test(&mut self, column: &str) -> Result<Expr> {
        if self.take_word("IS") {
            return self.is(column);
        }
        if let Token::Symbol(symbol @ ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=")) = *self.peek() {
            self.next += 1;
            let (at, value) = self.literal()?;
            return Ok(match symbol {
                "=" => Expr::clause(column, at, Test::In(vec![(at, value)])),
                "<" => Expr::clause(column, at, Test::Compare(Comparison::Less, value)),
                "<=" => Expr::clause(column, at, Test::Compare(Comparison::LessOrEqual, value)),
                ">" => Expr::clause(column, at, Test::Compare(Comparison::Greater, value)),
                ">=" => Expr::clause(column, at, Test::Compare(Comparison::GreaterOrEqual, value)),
                _ => Expr::clause(column, at, Test::In(vec![(at, value)])).not(),
            });
        }
        let negated = self.take_word("NOT");
        let expr = if self.take_word("IN") {
            self.is_in(column)?
        } else if self.take_word("LIKE") {
            let (at, pattern) = self.quoted_text()?;
            Expr::clause(column, at, Test::Like(pattern))
        } else if self.take_word("BETWEEN") {
            if negated && self.depth == MAX_DEPTH {
                return Err(self.here(format!("brackets nest deeper than {MAX_DEPTH}; NOT BETWEEN is one")));
            }
            let (low_at, low) = self.literal()?;
            if !self.take_word("AND") {
                return Err(self.here("expected AND and the upper bound of BETWEEN"));
            }
            let (high_at, high) = self.literal()?;
            let from = Expr::clause(column, low_at, Test::Compare(Comparison::GreaterOrEqual, low));
            Expr::all(vec![from, Expr::clause(column, high_at, Test::Compare(Comparison::LessOrEqual, high))])
        } else if negated {
            return Err(self.here("expected IN, LIKE or BETWEEN after NOT"));
        } else {
            return Err(self.here(format!(
                "expected =, <>, <, <=, >, >=, IN, LIKE, BETWEEN or IS after column `{column}` (for a boolean: `{column} IS TRUE`)"
            )));
        };
        Ok(if negated { expr.not() } else { expr })
    }

    fn is(&mut self, column: &str) -> Result<Expr> {
        let negated = self.take_word("NOT");
        let at = self.at();
        let test = if self.take_word("NULL") {
            Test::IsNull
        } else if self.take_word("TRUE") {
            Test::Is(true)
        } else if self.take_word("FALSE") {
            Test::Is(false)
        } else {
            return Err(self.here("expected NULL, TRUE or FALSE after IS"));
        };
        let expr = Expr::clause(column, at, test);
        Ok(if negated { expr.not() } else { expr })
    }

    fn is_in(&mut self, column: &str) -> Result<Expr> {
        self.expect_symbol("(", "expected a list in brackets after IN")?;
        let at = self.at();
        let mut values = vec![self.literal()?];
        while self.take_symbol(",") {
            if values.len() == MAX_VALUES {
                return Err(self.here(too_many("IN")));
            }
            values.push(self.literal()?);
        }
        self.expect_symbol(")", "expected a comma or the closing bracket of the list")?;
        Ok(Expr::clause(column, at, Test::In(values)))
    }

    fn function(&mut self) -> Result<Expr> {
        let at = self.at();
        let is_array_contains = self.take_word("ARRAY_CONTAINS");
        if !is_array_contains && !self.take_word("HAS_TOKEN") {
            return Err(fault(self.text, at, "there is no such function; a filter knows ARRAY_CONTAINS and HAS_TOKEN"));
        }
        self.expect_symbol("(", "expected a bracket")?;
        let column = self.column()?;
        self.expect_symbol(",", "expected a comma and the value to look for")?;
        let expr = if is_array_contains {
            let (value_at, value) = self.literal()?;
            Expr::clause(&column, value_at, Test::In(vec![(value_at, value)]))
        } else {
            let (value_at, token) = self.quoted_text()?;
            Expr::clause(&column, value_at, Test::HasToken(token))
        };
        self.expect_symbol(")", "expected a closing bracket")?;
        Ok(expr)
    }

    fn column(&mut self) -> Result<String> {
        let column = match self.peek() {
            Token::Word(word) if !KEYWORDS.contains(&word.to_uppercase().as_str()) => word.clone(),
            Token::Quoted(name) => name.clone(),
            Token::Text(_) => return Err(self.here("expected a column's name; quote it with ` where it needs quotes")),
            Token::End => return Err(self.here("the filter ends where a condition should be")),
            _ => return Err(self.here("expected a column's name")),
        };
        self.next += 1;
        Ok(column)
    }

    fn literal(&mut self) -> Result<(usize, Literal)> {
        let at = self.at();
        if self.take_word("TO_TIMESTAMP") {
            self.expect_symbol("(", "expected a bracket after TO_TIMESTAMP")?;
            let (text_at, written) = self.quoted_text()?;
            let instant = cell::instant(&written).ok_or_else(|| {
                fault(self.text, text_at, format!("`{written}` is no timestamp such as 2026-01-31T08:00:00Z"))
            })?;
            self.expect_symbol(")", "expected a closing bracket")?;
            return Ok((at, Literal::Timestamp(written, instant)));
        }
        let literal = match self.peek() {
            Token::Number(Number::Integer(value)) => Literal::Integer(*value),
            Token::Number(Number::Float(value)) => Literal::Float(*value),
            Token::Text(text) => Literal::Text(text.clone()),
            Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => Literal::Boolean(true),
            Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => Literal::Boolean(false),
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => {
                return Err(self.here("nothing equals NULL; write IS NULL or IS NOT NULL"));
            }
            Token::Word(word) => return Err(self.here(format!("expected a value; a text is quoted: '{word}'"))),
            _ => return Err(self.here("expected a number, a 'text', TRUE, FALSE or TO_TIMESTAMP('…')")),
        };
        self.next += 1;
        Ok((at, literal))
    }

    fn quoted_text(&mut self) -> Result<(usize, String)> {
        let at = self.at();
        let Token::Text(text) = self.peek() else { return Err(self.here("expected a text in quotes")) };
        let value = text.clone();
        self.next += 1;
        Ok((at, value))
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn at(&self) -> usize {
        self.tokens[self.next].0
    }

    fn here(&self, message: impl Into<String>) -> Error {
        fault(self.text, self.at(), message)
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(wanted));
        self.next += usize::from(found);
        found
    }

    fn take_symbol(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(symbol) if *symbol == wanted);
        self.next += usize::from(found);
        found
    }

    fn expect_symbol(&mut self, wanted: &str, message: &str) -> Result<()> {
        if self.take_symbol(wanted) { Ok(()) } else { Err(self.here(message)) }
    }
}
