//! An open index: checked once, immutable, shared by any number of threads.

mod hidden;
mod matching;
mod prominence;
mod recall;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use super::alike::{Known, Words};
use super::cell::Cells;
use super::fuse::{Candidate, Fused, Legs, alone};
use super::language::{Said, units};
use super::manifest::{Manifest, SegmentEntry, check_files, read_json};
use super::query::{Collapse, Degraded, Found, Hit, Query, QueryKind, QueryVector};
use super::rows::{Rows, TextCell};
use super::space::Space;
use crate::error::Result;
use crate::keyword::{Boosts, KeywordIndex, Matches, Shared};
use crate::rank::{Row, RowSet, Scored, by_rank};
use crate::stage::Stage;
use crate::vector::{self, VectorIndex, dot};

/// How many candidates each leg brings at least; fusion and grouping choose among them.
const MIN_DEPTH: usize = 100;

/// One hybrid index, open for queries. `Send + Sync`.
pub struct IndexReader {
    manifest: Manifest,
    segments: Vec<Segment>,
}

pub use self::recall::Recall;

/// A text that an index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText<'a> {
    /// The file or folder, below the index's folder.
    pub file: &'a str,
    /// Where in it.
    pub place: Place<'a>,
    /// The bytes of the file that are this text, where it lies there as it is.
    pub range: Option<Range<usize>>,
    /// The text.
    pub text: &'a str,
}

/// Where a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a cell of the rows.
    Cell {
        /// The column's name.
        column: &'a str,
        /// The row.
        row: Row,
    },
    /// In the keyword index, in its words.
    Keyword(&'a str),
}

/// The candidates of a query, best first.
struct Ranking {
    fused: Vec<Fused>,
    views: Vec<View>,
    /// What rows share with the query's codes.
    shared: BTreeMap<Row, Shared>,
    /// Whether the keyword leg was asked and found nothing.
    keyword_empty: bool,
}

/// What the legs found, each best first.
struct Sight {
    dense: Vec<Scored>,
    keyword: Vec<Scored>,
    exact: Vec<Scored>,
    /// What rows share with the query's codes.
    shared: BTreeMap<Row, Shared>,
    views: Vec<View>,
}

/// What one segment made of a query.
struct View {
    /// The query's vector in the segment's space.
    vector: Option<Vec<f32>>,
    matches: Option<Matches>,
}

struct Segment {
    /// The index's row that is this segment's row 0.
    base: Row,
    rows: Rows,
    space: Space,
    vector: Box<dyn VectorIndex>,
    keyword: KeywordIndex,
    /// The rows that are not hidden; all where none is.
    visible: Option<RowSet>,
}

impl IndexReader {
    /// Opens the index of a folder, whose manifest must have the given sum. File sizes are always checked, checksums where `sums`.
    ///
    /// # Errors
    /// [`crate::Error::Format`], [`crate::Error::Corrupt`], I/O errors.
    pub fn open(folder: &Path, manifest_sha256: &str, sums: bool) -> Result<Self> {
        let manifest: Manifest = read_json(&folder.join("manifest.json"), manifest_sha256)?;
        let mut segments = Vec::with_capacity(manifest.segments.len());
        let mut base = 0;
        for entry in &manifest.segments {
            let segment = Segment::open(&folder.join(&entry.name), &manifest, entry, base, sums)?;
            base += entry.rows as Row;
            segments.push(segment);
        }
        Ok(Self { manifest, segments })
    }

    /// What the index says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The names of the columns, in their order.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.segments.first().map(|segment| segment.rows.names()).unwrap_or_default()
    }

    /// Reads every row and every vector structure through: values valid, neighbours in range, every point reachable.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for the first fault.
    pub fn verify(&self, folder: &Path) -> Result<()> {
        for (entry, segment) in self.manifest.segments.iter().zip(&self.segments) {
            segment.rows.verify()?;
            let inner = folder.join(&entry.name).join("vector");
            vector::verify(&inner, entry.vector, entry.rows, segment.vector.dimension())?;
        }
        Ok(())
    }

    /// The row of a primary key, unless it is hidden.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for rows that cannot be read.
    pub fn row_of(&self, key: &str) -> Result<Option<Row>> {
        for segment in &self.segments {
            if let Some(row) = segment.rows.row_of(&self.manifest.key, key)? {
                return Ok(segment.is_visible(row).then_some(segment.base + row));
            }
        }
        Ok(None)
    }

    /// The stored unit vector of a row, in the index's own space: see [`super::IndexSpec::language`].
    #[must_use]
    pub fn vector(&self, row: Row) -> &[f32] {
        let segment = self.segment(row);
        segment.vector.vector(row - segment.base)
    }

    /// The text of a row's column; `None` where it is null.
    ///
    /// # Errors
    /// [`crate::Error::UnknownColumn`]; [`crate::Error::Argument`] for a column that is not text; [`crate::Error::Corrupt`].
    pub fn text(&self, row: Row, column: &str) -> Result<Option<&str>> {
        let segment = self.segment(row);
        segment.rows.text(row - segment.base, column)
    }

    /// Some columns of a row, as JSON values in the order asked for.
    ///
    /// # Errors
    /// [`crate::Error::UnknownColumn`], [`crate::Error::Corrupt`].
    pub fn cells(&self, row: Row, columns: &[String]) -> Result<Cells> {
        let segment = self.segment(row);
        segment.rows.cells(row - segment.base, columns)
    }

    /// What a row has in the exact column; nothing in an index without one.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub fn exact_values(&self, row: Row) -> Result<Vec<String>> {
        let Some(column) = &self.manifest.exact else { return Ok(Vec::new()) };
        let cells = self.cells(row, std::slice::from_ref(column))?;
        let values = cells.iter().filter_map(|(_, value)| value.as_array()).flatten();
        Ok(values.filter_map(|value| Some(value.as_str()?.to_owned())).collect())
    }

    /// Every value of a text column, in row order, with its row; none of a hidden row.
    ///
    /// # Errors
    /// [`crate::Error::UnknownColumn`]; [`crate::Error::Argument`] for a column that is not text; [`crate::Error::Corrupt`].
    pub fn text_values(&self, column: &str) -> Result<Vec<(Row, &str)>> {
        let mut values = Vec::with_capacity(self.manifest.rows());
        for segment in &self.segments {
            let texts = segment.rows.texts(column)?.into_iter().filter(|(row, _)| segment.is_visible(*row));
            values.extend(texts.map(|(row, text)| (segment.base + row, text)));
        }
        Ok(values)
    }

    /// Every text of the rows, hidden ones too, and every text that the keyword index keeps in a compressed form.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub fn visit_texts(&self, visit: &mut dyn FnMut(&StoredText<'_>)) -> Result<()> {
        for (entry, segment) in self.manifest.segments.iter().zip(&self.segments) {
            let file = format!("{}/rows.arrow", entry.name);
            segment.rows.visit_texts(&mut |TextCell { column, row, range, text }| {
                let place = Place::Cell { column, row: segment.base + row };
                visit(&StoredText { file: &file, place, range, text });
            })?;
            let file = format!("{}/keyword", entry.name);
            segment.keyword.visit_texts(&mut |place, text| {
                visit(&StoredText { file: &file, place: Place::Keyword(place), range: None, text });
            })?;
        }
        Ok(())
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] for what cannot be asked, [`crate::Error::Filter`] and [`crate::Error::UnknownColumn`] for a filter that
    /// does not fit.
    pub fn query(&self, query: &Query) -> Result<Found> {
        query.check(self.manifest.model.dimension, self.manifest.rows())?;
        let watch = &query.watch;
        let masks = watch.time(Stage::Filter, || self.masks(query.filter.as_ref()))?;
        let eligible = masks.iter().zip(&self.segments).map(|(mask, segment)| segment.eligible(mask.as_ref())).sum();
        let mut degraded = Vec::new();
        if eligible == 0 {
            degraded.push(Degraded::NoRowMatchesFilter);
        }

        // Grouping may use up candidates, so the legs go deeper until k groups are there or the rows are used up.
        let mut depth = query.k.max(MIN_DEPTH).min(eligible);
        loop {
            let ranking = self.rank(query, &masks, depth)?;
            let exhausted = depth >= eligible || ranking.fused.len() < depth;
            let mut hits = watch.time(Stage::Group, || self.hits(query, &ranking))?;
            if hits.len() == query.k || exhausted {
                if ranking.keyword_empty && eligible > 0 {
                    degraded.push(Degraded::KeywordLegEmpty);
                }
                if query.explain {
                    watch.time(Stage::Explain, || self.explain(query, &mut hits))?;
                }
                return Ok(Found { hits, eligible, degraded });
            }
            depth = (depth * 4).min(eligible);
        }
    }

    /// What the legs say of the candidates of a hybrid query, as if columns had been built with these boosts (none for those
    /// they have): what [`IndexReader::query`] fuses, to be fused in many ways.
    ///
    /// # Errors
    /// Those of [`IndexReader::query`]; [`crate::Error::UnknownColumn`] for a boost of a column that is not searched.
    pub fn legs(&self, query: &Query, boosts: &Boosts) -> Result<Legs> {
        query.check(self.manifest.model.dimension, self.manifest.rows())?;
        let masks = self.masks(query.filter.as_ref())?;
        let eligible = masks.iter().zip(&self.segments).map(|(mask, segment)| segment.eligible(mask.as_ref())).sum();
        let seen = self.look(query, &masks, query.k.max(MIN_DEPTH).min(eligible), boosts)?;
        self.legs_of(query, &seen)
    }

    fn segment(&self, row: Row) -> &Segment {
        let after = self.segments.partition_point(|segment| segment.base <= row);
        &self.segments[after - 1]
    }

    /// The candidates of every segment, fused, best first; and whether a wanted keyword leg found nothing.
    fn rank(&self, query: &Query, masks: &[Option<RowSet>], depth: usize) -> Result<Ranking> {
        let seen = self.look(query, masks, depth, &Boosts::new())?;
        let fuse = || -> Result<Vec<Fused>> {
            Ok(match query.kind {
                QueryKind::Hybrid => self.legs_of(query, &seen)?.fused(&query.fusion),
                QueryKind::Ann => alone(&seen.dense, |fused, leg| Fused { dense: Some(leg), ..fused }),
                QueryKind::FullText => alone(&seen.keyword, |fused, leg| Fused { keyword: Some(leg), ..fused }),
            })
        };
        let fused = query.watch.time(Stage::Fuse, fuse)?;
        let keyword_empty = query.kind != QueryKind::Ann && seen.keyword.is_empty();
        Ok(Ranking { fused, views: seen.views, shared: seen.shared, keyword_empty })
    }

    /// What each leg finds, best first and `depth` deep.
    fn look(&self, query: &Query, masks: &[Option<RowSet>], depth: usize, boosts: &Boosts) -> Result<Sight> {
        let wanted_vector = query.vector.as_ref().filter(|_| query.kind != QueryKind::FullText);
        let wanted_text = query.text.as_ref().filter(|_| query.kind != QueryKind::Ann);
        let mut dense = Vec::new();
        let mut keyword = Vec::new();
        let mut shared: BTreeMap<Row, Shared> = BTreeMap::new();
        let mut views: Vec<View> = Vec::with_capacity(self.segments.len());
        for (segment, mask) in self.segments.iter().zip(masks) {
            let mask = mask.as_ref();
            let nearest = || {
                let vector = wanted_vector.map(|vector| self.placed(vector, segment));
                let search =
                    |vector: &Vec<f32>| query.watch.time(Stage::Dense, || segment.vector.search(vector, depth, mask));
                let hits = vector.as_ref().map(search);
                (vector, hits.unwrap_or_default())
            };
            let matched = |text: &String| {
                let matched = || segment.keyword.matches_boosted(text, boosts, &query.keyword);
                query.watch.time(Stage::Keyword, matched)
            };
            let matching = || wanted_text.map(matched).transpose();
            // The legs know nothing of each other, so each has a core where there are two.
            let ((vector, nearest), matching) = rayon::join(nearest, matching);
            let matches = matching?;
            dense.extend(segment.lift(nearest));
            keyword.extend(segment.lift(matches.as_ref().map(|matches| matches.top(depth, mask)).unwrap_or_default()));
            if query.kind == QueryKind::Hybrid {
                let sharing = || segment.keyword.sharing(&query.codes.values, mask);
                let sharing = query.watch.time(Stage::Identifiers, sharing)?;
                shared.extend(sharing.into_iter().map(|(row, shared)| (segment.base + row, shared)));
            }
            views.push(View { vector, matches });
        }
        let mut exact: Vec<Scored> = shared.iter().map(|(&row, shared)| Scored { row, score: shared.score }).collect();
        for list in [&mut dense, &mut keyword, &mut exact] {
            list.sort_by(by_rank);
            list.truncate(depth);
        }
        Ok(Sight { dense, keyword, exact, shared, views })
    }

    fn legs_of(&self, query: &Query, seen: &Sight) -> Result<Legs> {
        let coverage = seen.keyword.first().map_or(0.0, |best| self.words(best.row, &seen.views));
        let candidates = self.candidates([&seen.dense, &seen.keyword, &seen.exact], &seen.views, coverage)?;
        let only_codes = query.codes.alone && !seen.exact.is_empty();
        Ok(Legs { candidates, coverage, only_codes })
    }

    /// Every row that a leg found, with what all legs say of it, in the order of the rows.
    fn candidates(&self, legs: [&[Scored]; 3], views: &[View], coverage: f32) -> Result<Vec<Candidate>> {
        let said_in = legs[1].first().map(|best| self.language(best.row)).transpose()?.flatten();
        let ranks = |list: &[Scored]| -> BTreeMap<Row, (u32, f32)> {
            list.iter().zip(1..).map(|(hit, rank)| (hit.row, (rank, hit.score))).collect()
        };
        let [dense, keyword, exact] = legs.map(ranks);
        let rows: BTreeSet<Row> = [&dense, &keyword, &exact].into_iter().flat_map(BTreeMap::keys).copied().collect();
        let candidate = |row: Row| {
            let at = self.segments.partition_point(|segment| segment.base <= row) - 1;
            let (segment, view) = (&self.segments[at], &views[at]);
            let inner = row - segment.base;
            let cosine = view.vector.as_ref().map(|vector| dot(segment.vector.vector(inner), vector));
            let bm25 = view.matches.as_ref().map(|matches| matches.score(inner)).filter(|&score| score > 0.0);
            let rank_in = |ranks: &BTreeMap<Row, (u32, f32)>| ranks.get(&row).map(|&(rank, _)| rank);
            Candidate {
                row,
                dense: cosine.map(|score| (rank_in(&dense), score)),
                keyword: bm25.map(|score| (rank_in(&keyword), score)),
                keyword_unit: 0.0,
                exact: exact.get(&row).map(|&(rank, score)| (Some(rank), score)),
            }
        };
        let mut candidates: Vec<Candidate> = rows.into_iter().map(candidate).collect();
        let bm25 = |candidate: &Candidate| candidate.keyword.map_or(0.0, |(_, score)| score);
        let said = |candidate: &Candidate| Ok((bm25(candidate), self.language(candidate.row)?));
        let said: Vec<Said<'_>> = candidates.iter().map(said).collect::<Result<_>>()?;
        for (candidate, unit) in candidates.iter_mut().zip(units(&said, said_in, coverage)) {
            candidate.keyword_unit = unit;
        }
        Ok(candidates)
    }

    /// The language of a row, where the index knows languages and it is sure.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for rows that cannot be read.
    pub fn language(&self, row: Row) -> Result<Option<&str>> {
        self.manifest.language.as_ref().map_or(Ok(None), |column| self.text(row, column))
    }

    /// A query's vector as a segment compares it.
    fn placed(&self, vector: &QueryVector, segment: &Segment) -> Vec<f32> {
        match vector {
            QueryVector::Raw(raw) => segment.space.place(raw),
            QueryVector::Row(row) => self.vector(*row).to_vec(),
        }
    }

    /// See [`Hit::words`].
    fn words(&self, row: Row, views: &[View]) -> f32 {
        let at = self.segments.partition_point(|segment| segment.base <= row) - 1;
        views[at].matches.as_ref().map_or(0.0, |matches| matches.share(row - self.segments[at].base))
    }

    /// The best k, one a group and one of what is nearly the same where asked.
    fn hits(&self, query: &Query, ranking: &Ranking) -> Result<Vec<Hit>> {
        let mut hits: Vec<Hit> = Vec::with_capacity(query.k);
        let mut hit_of_group: HashMap<&str, usize> = HashMap::new();
        let mut shown = query.collapse.as_ref().map(|collapse| (collapse, Known::new(collapse.resemblance)));
        for fused in &ranking.fused {
            let row = fused.scored.row;
            let group = self.text(row, &self.manifest.group)?.unwrap_or_default();
            if query.one_per_group
                && let Some(&at) = hit_of_group.get(group)
            {
                hits[at].group_rows += 1;
                continue;
            }
            let key = self.text(row, &self.manifest.key)?.unwrap_or_default();
            if let Some((collapse, known)) = &mut shown {
                let (same, words) = self.compared(row, collapse)?;
                if let Some(at) = known.like(&same, &words) {
                    hits[at].duplicates.push(key.to_owned());
                    continue;
                }
                if hits.len() < query.k {
                    known.add(same, words);
                }
            }
            if hits.len() == query.k {
                continue;
            }
            hit_of_group.insert(group, hits.len());
            hits.push(Hit {
                row,
                key: key.to_owned(),
                score: fused.scored.score,
                dense: fused.dense,
                keyword: fused.keyword,
                exact: fused.exact,
                words: self.words(row, &ranking.views),
                shared: ranking.shared.get(&row).map(|shared| shared.values.clone()).unwrap_or_default(),
                matched: None,
                group_rows: 1,
                duplicates: Vec::new(),
            });
        }
        Ok(hits)
    }

    /// By what rows are held to be nearly the same.
    fn compared(&self, row: Row, collapse: &Collapse) -> Result<(Option<&str>, Words)> {
        let words = Words::of(self.text(row, &collapse.text)?.unwrap_or_default());
        Ok((self.text(row, &collapse.same)?, words))
    }

    /// Adds the words that each hit has.
    fn explain(&self, query: &Query, hits: &mut [Hit]) -> Result<()> {
        let text = query.text.as_deref().filter(|_| query.kind != QueryKind::Ann);
        for segment in &self.segments {
            let is_here = |hit: &&mut Hit| (segment.base..segment.base + segment.rows.len() as Row).contains(&hit.row);
            let mut hits: Vec<&mut Hit> = hits.iter_mut().filter(is_here).collect();
            let rows: Vec<Row> = hits.iter().map(|hit| hit.row - segment.base).collect();
            let words = segment.keyword.matched_words(text.unwrap_or_default(), &rows, &query.keyword)?;
            hits.iter_mut().zip(words).for_each(|(hit, words)| hit.matched = Some(words));
        }
        Ok(())
    }
}

impl Segment {
    fn open(folder: &Path, manifest: &Manifest, entry: &SegmentEntry, base: Row, sums: bool) -> Result<Self> {
        check_files(folder, &entry.files, sums)?;
        let rows = Rows::open(&folder.join("rows.arrow"), entry.rows)?;
        let dimension = manifest.model.dimension;
        let space = Space::read(folder, dimension)?;
        let vector = vector::open(&folder.join("vector"), entry.vector, entry.rows, dimension)?;
        let keyword = KeywordIndex::open(&folder.join("keyword"), &manifest.text_fields, manifest.exact.as_deref())?;
        Ok(Self { base, rows, space, vector, keyword, visible: None })
    }

    /// From the segment's rows to the index's.
    fn lift(&self, hits: Vec<Scored>) -> impl Iterator<Item = Scored> {
        let base = self.base;
        hits.into_iter().map(move |hit| Scored { row: hit.row + base, score: hit.score })
    }
}
