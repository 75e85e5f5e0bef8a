//! Okapi BM25 over tantivy's postings (Robertson, Zaragoza: The Probabilistic Relevance Framework, 2009), in tantivy's
//! order of operations: with its k1 and b the scores are its own, bit for bit.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::Postings as _;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet as _, TERMINATED};

use super::expand::{Concept, FoundTerm};
use super::{Analyzed, KeywordParams};
use crate::rank::Row;

/// What a row's best term of a concept gave to its score.
pub(super) struct Gift<'a> {
    /// The place of the concept.
    pub(super) concept: usize,
    /// See [`FoundTerm::by`].
    pub(super) by: Option<&'a str>,
    pub(super) score: f32,
}

impl Analyzed {
    /// The score of every row: the sum over the concepts of the best of a concept's terms in that row.
    pub(super) fn scores(
        &self,
        concepts: &[Concept<'_>],
        rows: usize,
        params: &KeywordParams,
    ) -> std::io::Result<Vec<f32>> {
        let saturation = Saturation::new(self.postings.total_num_tokens() as f32 / rows as f32, params);
        let mut scores = vec![0.0; rows];
        let mut best = vec![0.0_f32; rows];
        let mut touched = Vec::new();
        for concept in concepts {
            for found in &concept.terms {
                let weight = weight(concept, found, rows, params);
                let mut postings =
                    self.postings.read_postings_from_terminfo(&found.info, IndexRecordOption::WithFreqs)?;
                while postings.doc() != TERMINATED {
                    let row = postings.doc();
                    let best = best.get_mut(row as usize).ok_or_else(|| {
                        std::io::Error::new(
                            std::io::ErrorKind::InvalidData,
                            format!("a term is in row {row} of {rows}"),
                        )
                    })?;
                    if *best == 0.0 {
                        touched.push(row as usize);
                    }
                    let score = weight * saturation.of(postings.term_freq(), self.lengths.fieldnorm_id(row));
                    *best = best.max(score);
                    postings.advance();
                }
            }
            for row in touched.drain(..) {
                scores[row] += std::mem::take(&mut best[row]);
            }
        }
        Ok(scores)
    }

    /// For each of some rows, what it has of the concepts, in their order: what [`Analyzed::scores`] adds up.
    pub(super) fn gifts<'a>(
        &self,
        concepts: &'a [Concept<'_>],
        of_rows: &[Row],
        rows: usize,
        params: &KeywordParams,
    ) -> std::io::Result<Vec<Vec<Gift<'a>>>> {
        let saturation = Saturation::new(self.postings.total_num_tokens() as f32 / rows as f32, params);
        // Postings go forward only.
        let mut places: Vec<usize> = (0..of_rows.len()).collect();
        places.sort_by_key(|&place| of_rows[place]);
        let mut gifts: Vec<Vec<Gift<'a>>> = of_rows.iter().map(|_| Vec::new()).collect();
        for (at, concept) in concepts.iter().enumerate() {
            for found in &concept.terms {
                let weight = weight(concept, found, rows, params);
                let mut postings =
                    self.postings.read_postings_from_terminfo(&found.info, IndexRecordOption::WithFreqs)?;
                for &place in &places {
                    let row = of_rows[place];
                    if postings.doc() < row {
                        postings.seek(row);
                    }
                    if postings.doc() != row {
                        continue;
                    }
                    let score = weight * saturation.of(postings.term_freq(), self.lengths.fieldnorm_id(row));
                    let gift = Gift { concept: at, by: found.by.as_deref(), score };
                    match gifts[place].last_mut().filter(|last| last.concept == at) {
                        Some(last) if last.score >= score => {}
                        Some(last) => *last = gift,
                        None => gifts[place].push(gift),
                    }
                }
            }
        }
        Ok(gifts)
    }
}

/// What all concepts that more than one row has would give together where saturation is full, each by its best term.
pub(super) fn most(concepts: &[Concept<'_>], rows: usize, params: &KeywordParams) -> f32 {
    let shared = concepts.iter().filter(|concept| concept.terms.iter().any(|found| found.rarity > 1));
    let best = |concept: &Concept<'_>| {
        concept.terms.iter().map(|found| weight(concept, found, rows, params)).fold(0.0, f32::max)
    };
    shared.map(best).sum()
}

/// What a term gives where saturation is full.
fn weight(concept: &Concept<'_>, found: &FoundTerm<'_>, rows: usize, params: &KeywordParams) -> f32 {
    idf(found.rarity, rows) * (1.0 + params.k1) * concept.count as f32 * found.weight
}

/// How rare a term is: ln(1 + (N − n + ½) / (n + ½)) of `n` rows of `rows`.
pub(super) fn idf(n: u32, rows: usize) -> f32 {
    (1.0 + ((rows as u64).saturating_sub(u64::from(n)) as f32 + 0.5) / (n as f32 + 0.5)).ln()
}

/// tf / (tf + k1 (1 − b + b length / mean length)), by the 256 lengths that tantivy tells apart.
struct Saturation {
    norms: [f32; 256],
}

impl Saturation {
    fn new(mean_length: f32, params: &KeywordParams) -> Self {
        let norm = |id: usize| {
            let length = FieldNormReader::id_to_fieldnorm(id as u8) as f32;
            params.k1 * (1.0 - params.b + params.b * length / mean_length)
        };
        Self { norms: std::array::from_fn(norm) }
    }

    fn of(&self, frequency: u32, length_id: u8) -> f32 {
        let frequency = frequency as f32;
        frequency / (frequency + self.norms[usize::from(length_id)])
    }
}
