//! Which of the desk's two languages a text is in.

use whatlang::{Detector, Lang};

/// `pt` or `en`, by which trigrams of letters it has; `?` for a text without words.
#[must_use]
pub fn language(text: &str) -> &'static str {
    match Detector::with_allowlist(vec![Lang::Por, Lang::Eng]).detect_lang(text) {
        Some(Lang::Por) => "pt",
        Some(_) => "en",
        None => "?",
    }
}
