//! The second look at the best rows: the likeness of a question to other columns than the index was made of. A bi-encoder, not
//! the cross-encoder of the cloud: it sees columns that the vectors of the index do not, and question and row never together.

use crate::embed::Embedder;
use crate::error::Result;
use crate::vector::dot;

/// How many of the best rows are looked at again.
pub const RERANKED: usize = 50;
/// How many characters of a row's columns are read.
const READ: usize = 2_000;

/// The cosine of a question with each text, in their order; a row without text comes after all others, at −1.
///
/// # Errors
/// Those of the embedder.
pub fn rerank(embedder: &dyn Embedder, question: &str, texts: &[String]) -> Result<Vec<f64>> {
    let mut scores = vec![-1.0; texts.len()];
    let cut: Vec<(usize, String)> = texts
        .iter()
        .enumerate()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(at, text)| (at, text.chars().take(READ).collect::<String>()))
        .filter(|(_, text)| !text.trim().is_empty())
        .collect();
    if cut.is_empty() {
        return Ok(scores);
    }
    let all: Vec<&str> = std::iter::once(question).chain(cut.iter().map(|(_, text)| text.as_str())).collect();
    let vectors = embedder.embed(&all)?;
    if let Some((asked, rows)) = vectors.split_first() {
        for ((at, _), row) in cut.iter().zip(rows) {
            scores[*at] = f64::from(dot(asked, row));
        }
    }
    Ok(scores)
}
