//! Who may ask: a file of bearer tokens with names and scopes, compared in a time that tells nothing of them.

use std::path::Path;
use std::sync::Arc;

use fs_err as fs;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::error::{Error, Result};

/// The shortest token that may stand in a file, in characters: what `openssl rand -hex 16` makes.
const SHORTEST: usize = 32;
/// The longest name of a token, in characters.
const LONGEST_NAME: usize = 64;

/// How much a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Ask, and change nothing.
    Read,
    /// Change things too.
    Write,
}

impl Scope {
    /// The scope as a file of tokens has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What the sender of a request may do; every request carries one among its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// How much.
    pub scope: Scope,
    /// The name of the token; none on a server without tokens.
    pub token: Option<Arc<str>>,
}

impl Grant {
    /// What everybody may do on a server without tokens, which listens to its own machine alone.
    pub(super) const fn everything() -> Self {
        Self { scope: Scope::Write, token: None }
    }
}

/// The tokens of a file.
#[derive(Debug)]
pub(super) struct Tokens(Vec<Token>);

#[derive(Debug)]
struct Token {
    name: Arc<str>,
    scope: Scope,
    /// SHA-256 of the secret: all are of one length.
    sum: [u8; 32],
}

impl Tokens {
    /// Reads a file: `name scope secret` a line, the secret as it is or as `sha256:` and 64 hex digits.
    ///
    /// # Errors
    /// [`Error::Config`] with the line, and for a file with secrets as they are that others may read; [`Error::Input`].
    pub(super) fn load(path: &Path) -> Result<Self> {
        let failed = |message: String| Error::Config { path: path.to_owned(), message };
        let text = fs::read_to_string(path).map_err(Error::Input)?;
        let (tokens, is_plain) = parse(&text).map_err(failed)?;
        if is_plain && is_readable_by_others(path)? {
            return Err(failed(
                "it holds tokens as they are, and others may read it; `chmod 600` it, or write them as sha256:HEX"
                    .to_owned(),
            ));
        }
        Ok(Self(tokens))
    }

    /// What a secret allows. Every token is looked at, whichever it is.
    pub(super) fn grant(&self, secret: &[u8]) -> Option<Grant> {
        let sum: [u8; 32] = Sha256::digest(secret).into();
        let mut found = 0_u32;
        for (number, token) in (1..).zip(&self.0) {
            found.conditional_assign(&number, token.sum.ct_eq(&sum));
        }
        let token = self.0.get((found as usize).checked_sub(1)?)?;
        Some(Grant { scope: token.scope, token: Some(Arc::clone(&token.name)) })
    }
}

/// The tokens of a text, and whether one of them stands there as it is.
fn parse(text: &str) -> Result<(Vec<Token>, bool), String> {
    let (mut tokens, mut is_plain) = (Vec::<Token>::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |message: &str| format!("line {number}: {message}");
        let [name, scope, secret] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(at("give a name, a scope and a secret, separated by spaces"));
        };
        if name.len() > LONGEST_NAME || !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            return Err(at("a name has 1 to 64 letters, digits, `.`, `_` and `-`"));
        }
        let scope = match scope {
            "read" => Scope::Read,
            "write" => Scope::Write,
            _ => return Err(at("the scope is `read` or `write`")),
        };
        let sum = match secret.strip_prefix("sha256:") {
            Some(hex) => from_hex(hex).ok_or_else(|| at("after `sha256:` there are 64 hex digits"))?,
            None if secret.chars().count() < SHORTEST => {
                return Err(at("a token has 32 characters at least; `openssl rand -hex 32` makes one"));
            }
            None => {
                is_plain = true;
                Sha256::digest(secret).into()
            }
        };
        if tokens.iter().any(|token| *token.name == *name) {
            return Err(at(&format!("there is another `{name}` above")));
        }
        if let Some(same) = tokens.iter().find(|token| token.sum == sum) {
            return Err(at(&format!("its secret is that of `{}`", same.name)));
        }
        tokens.push(Token { name: Arc::from(name), scope, sum });
    }
    if tokens.is_empty() {
        return Err("it holds no token; a line is `name read|write secret`".to_owned());
    }
    Ok((tokens, is_plain))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path).map_err(Error::Input)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_path: &Path) -> Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_secret_grants_what_its_line_says() {
        let sum = "d2f0a8b1".repeat(8);
        let text = format!("# who\n\nagents read {LONG}\n  batch\twrite {LONG}2\nother read sha256:{sum}\n");
        let (tokens, is_plain) = parse(&text).unwrap();
        let tokens = Tokens(tokens);
        assert!(is_plain);
        let granted =
            |secret: &str| tokens.grant(secret.as_bytes()).map(|it| (it.scope, it.token.unwrap().to_string()));
        assert_eq!(granted(LONG), Some((Scope::Read, "agents".to_owned())));
        assert_eq!(granted(&format!("{LONG}2")), Some((Scope::Write, "batch".to_owned())));
        for wrong in ["", "0", &format!("{LONG}3"), &format!("sha256:{sum}"), &sum] {
            assert_eq!(granted(wrong), None, "{wrong}");
        }
        let sum: String = Sha256::digest(LONG).iter().map(|byte| format!("{byte:02X}")).collect();
        let (tokens, is_plain) = parse(&format!("a write sha256:{sum}")).unwrap();
        assert!(!is_plain && Tokens(tokens).grant(LONG.as_bytes()).is_some());
    }

    #[test]
    fn faults_name_their_line_and_no_secret() {
        let told: Vec<String> = [
            "",
            "# nobody",
            "a read",
            "a read b c",
            "a/b read 0123456789abcdef0123456789abcdef",
            "a admin 0123456789abcdef0123456789abcdef",
            "a read short",
            "a read sha256:12",
            "a read sha256:+1234567812345678123456781234567812345678123456781234567812345",
            "a read 0123456789abcdef0123456789abcdef\na read 0123456789abcdef0123456789abcdeX",
            "a read 0123456789abcdef0123456789abcdef\nb write 0123456789abcdef0123456789abcdef",
        ]
        .map(|text| parse(text).unwrap_err())
        .into();
        expect![[r#"
            it holds no token; a line is `name read|write secret`
            it holds no token; a line is `name read|write secret`
            line 1: give a name, a scope and a secret, separated by spaces
            line 1: give a name, a scope and a secret, separated by spaces
            line 1: a name has 1 to 64 letters, digits, `.`, `_` and `-`
            line 1: the scope is `read` or `write`
            line 1: a token has 32 characters at least; `openssl rand -hex 32` makes one
            line 1: after `sha256:` there are 64 hex digits
            line 1: after `sha256:` there are 64 hex digits
            line 2: there is another `a` above
            line 2: its secret is that of `a`"#]]
        .assert_eq(&told.join("\n"));
    }
}
