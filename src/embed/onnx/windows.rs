//! Text → windows of token ids, none longer than the model takes and no token left out. Knows neither graph nor vector.

use tokenizers::{Encoding, Tokenizer};

use super::super::model::ModelSpec;
use crate::error::{Error, Result};

/// The token ids of one window, special tokens and prefix included.
pub(super) type Window = Vec<i64>;

/// The tokenizer of a model, cutting as the model needs it.
pub(super) struct WindowCutter {
    tokenizer: Tokenizer,
    prefix: String,
    max_tokens: usize,
}

impl WindowCutter {
    /// Reads `tokenizer.json`. Its own padding and truncation are switched off: padding belongs to a batch, and nothing
    /// may be cut off. Names of special tokens within a text are taken as text: a customer who writes `</s>` ends nothing.
    pub(super) fn open(spec: &ModelSpec) -> Result<Self> {
        let fault = |error: tokenizers::Error| Error::Model {
            path: spec.folder.clone(),
            reason: format!("{}: {error}", spec.tokenizer.file),
        };
        let mut tokenizer = Tokenizer::from_file(spec.folder.join(&spec.tokenizer.file)).map_err(fault)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(fault)?;
        tokenizer.set_encode_special_tokens(true);
        Ok(Self { tokenizer, prefix: spec.prefix.clone(), max_tokens: spec.max_tokens })
    }

    /// Cuts a text. One that fits is one window; a longer one is cut on token boundaries into as few windows as hold it,
    /// whose shares differ by at most one token. Each window is a text of its own: it begins with the special tokens and
    /// the prefix and ends with the closing special tokens. Windows do not overlap.
    pub(super) fn cut(&self, text: &str) -> Result<Vec<Window>> {
        let whole = format!("{}{text}", self.prefix);
        let encoding =
            self.tokenizer.encode(whole, true).map_err(|error| Error::internal("tokenizing a text", error))?;
        let ids: Vec<i64> = encoding.get_ids().iter().map(|&id| i64::from(id)).collect();
        if ids.len() <= self.max_tokens {
            return Ok(vec![ids]);
        }
        let (n_head, n_tail) = self.frame(&encoding);
        let (head, rest) = ids.split_at(n_head);
        let (body, tail) = rest.split_at(rest.len() - n_tail);
        let Some(room) = self.max_tokens.checked_sub(n_head + n_tail).filter(|&room| room > 0) else {
            return Err(Error::internal(
                "cutting a text into windows",
                format!("the prefix leaves no room in {} tokens", self.max_tokens),
            ));
        };
        let n_windows = body.len().div_ceil(room);
        let (share, n_longer) = (body.len() / n_windows, body.len() % n_windows);
        let mut windows = Vec::with_capacity(n_windows);
        let mut rest = body;
        for at in 0..n_windows {
            let (part, after) = rest.split_at(share + usize::from(at < n_longer));
            windows.push([head, part, tail].concat());
            rest = after;
        }
        Ok(windows)
    }

    /// How many tokens at the start are special or the prefix, and how many at the end are special.
    fn frame(&self, encoding: &Encoding) -> (usize, usize) {
        let special = encoding.get_special_tokens_mask();
        let n_opening = special.iter().take_while(|&&is_special| is_special == 1).count();
        let n_closing = special.iter().rev().take_while(|&&is_special| is_special == 1).count();
        let prefix_end = self.prefix.trim_end().len();
        let in_prefix = encoding.get_offsets()[n_opening..].iter().take_while(|(_, end)| *end <= prefix_end);
        (n_opening + in_prefix.count(), n_closing)
    }
}
