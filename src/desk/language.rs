//! Which of the desk's two languages a text is in.

use whatlang::{Detector, Lang};

/// Below this confidence of the detector (0 to 1) a text's language is said to be unknown. Of the problems of a generated
/// desk 1 in 100 is below it; of those above it 2 in 1,000 are taken for the other language.
const LEAST_CONFIDENCE: f64 = 0.5;

/// `pt` or `en`, by which trigrams of letters it has, `?` for a text without words; and whether the letters tell it clearly.
#[must_use]
pub fn told_language(text: &str) -> (&'static str, bool) {
    let told = Detector::with_allowlist(vec![Lang::Por, Lang::Eng]).detect(text);
    told.map_or(("?", false), |info| (code(info.lang()), info.confidence() >= LEAST_CONFIDENCE))
}

/// `pt` or `en` where the letters tell it clearly.
#[must_use]
pub fn sure_language(text: &str) -> Option<&'static str> {
    let (language, is_sure) = told_language(text);
    is_sure.then_some(language)
}

fn code(lang: Lang) -> &'static str {
    if lang == Lang::Por { "pt" } else { "en" }
}
