//! The words of a part's rows, and Okapi BM25 over several parts as over one table. In memory; knows no file.
//!
//! A row is one document: its text columns one after another. A row's score depends on the rows that are there and never on
//! how they came to be, or in which part they are: rows that are gone count nowhere.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};

use crate::error::Result;
use crate::keyword::plain_words;
use crate::rank::{Row, RowSet};

/// How much each further occurrence of a word adds, and how far a long row counts less.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The most distinct words of a query; those after them are passed over.
const MAX_WORDS: usize = 1_024;
/// Rows whose sums are made together: they fit the nearest cache.
const WINDOW: usize = 4_096;
/// So many sums are looked at together.
const FEW: usize = 32;
/// Rows with fewer words than this have a word no more often than that, but for a few.
const USUAL_LENGTHS: usize = 64;
const USUAL_COUNTS: usize = 4;
/// How often a row has a word and how many words it has, as one number: `length + (count − 1) × USUAL_LENGTHS`, or this where
/// either is unusual.
const UNUSUAL: u8 = 0;

/// The words of a part.
pub(super) struct Words {
    all: Postings,
    /// The same by column, where there is more than one.
    columns: Vec<(String, Postings)>,
}

/// For each word the rows that have it, and how often.
#[derive(Default)]
struct Postings {
    ids: HashMap<Box<str>, u32>,
    /// Where the rows of a word begin, and one more for the end.
    starts: Vec<usize>,
    rows: Vec<Row>,
    counts: Vec<u32>,
    /// See [`class_of`].
    classes: Vec<u8>,
    /// How many words each row has.
    lengths: Vec<u32>,
    total: u64,
}

/// The rows of a word in a part, ascending.
#[derive(Clone, Copy, Default)]
struct List<'a> {
    rows: &'a [Row],
    counts: &'a [u32],
    classes: &'a [u8],
}

impl Words {
    /// Reads the text columns of a part's rows.
    pub(super) fn of(batches: impl Iterator<Item = Result<RecordBatch>>, text_columns: &[&str]) -> Result<Self> {
        let mut all = Writer::default();
        let apart = text_columns.len() > 1;
        let mut by_column: Vec<Writer> = text_columns.iter().map(|_| Writer::default()).collect();
        for batch in batches {
            let batch = batch?;
            let texts: Vec<_> = text_columns
                .iter()
                .map(|name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()))
                .collect();
            for row in 0..batch.num_rows() {
                for (at, texts) in texts.iter().enumerate() {
                    if let Some(texts) = texts.filter(|texts| texts.is_valid(row)) {
                        plain_words(texts.value(row), &mut |word| {
                            all.word(word);
                            if apart {
                                by_column[at].word(word);
                            }
                        });
                    }
                    by_column[at].end_row();
                }
                all.end_row();
            }
        }
        let columns = text_columns.iter().map(|name| (*name).to_owned()).zip(by_column.into_iter().map(Writer::finish));
        Ok(Self { all: all.finish(), columns: if apart { columns.collect() } else { Vec::new() } })
    }

    /// The postings of some columns, or of all.
    fn postings(&self, columns: Option<&[String]>) -> Vec<&Postings> {
        match columns {
            Some(names) if !self.columns.is_empty() => {
                self.columns.iter().filter(|(name, _)| names.contains(name)).map(|(_, postings)| postings).collect()
            }
            _ => vec![&self.all],
        }
    }
}

/// Gathers postings row by row.
#[derive(Default)]
struct Writer {
    ids: HashMap<Box<str>, u32>,
    /// The words of the row that is being read.
    row: Vec<u32>,
    /// Word, row, count: in the order of the rows.
    entries: Vec<(u32, Row, u32)>,
    lengths: Vec<u32>,
}

impl Writer {
    fn word(&mut self, word: &str) {
        let id = match self.ids.get(word) {
            Some(&id) => id,
            None => {
                let id = self.ids.len() as u32;
                self.ids.insert(word.into(), id);
                id
            }
        };
        self.row.push(id);
    }

    fn end_row(&mut self) {
        let row = self.lengths.len() as Row;
        self.lengths.push(self.row.len() as u32);
        self.row.sort_unstable();
        self.entries.extend(self.row.chunk_by(|a, b| a == b).map(|same| (same[0], row, same.len() as u32)));
        self.row.clear();
    }

    fn finish(self) -> Postings {
        let mut starts = vec![0; self.ids.len() + 1];
        for (id, _, _) in &self.entries {
            starts[*id as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let (mut rows, mut counts) = (vec![0; self.entries.len()], vec![0; self.entries.len()]);
        for (id, row, count) in self.entries {
            let place = &mut next[id as usize];
            (rows[*place], counts[*place]) = (row, count);
            *place += 1;
        }
        let classes = classes_of(&rows, &counts, &self.lengths);
        let total = self.lengths.iter().map(|&length| u64::from(length)).sum();
        Postings { ids: self.ids, starts, rows, counts, classes, lengths: self.lengths, total }
    }
}

impl Postings {
    fn list(&self, word: &str) -> List<'_> {
        let place = self.ids.get(word).map_or(0..0, |&id| self.starts[id as usize]..self.starts[id as usize + 1]);
        List { rows: &self.rows[place.clone()], counts: &self.counts[place.clone()], classes: &self.classes[place] }
    }
}

/// What rows with a word are like, by how often they have it and how many words they have.
fn classes_of(rows: &[Row], counts: &[u32], lengths: &[u32]) -> Vec<u8> {
    rows.iter().zip(counts).map(|(&row, &count)| class_of(count, lengths[row as usize])).collect()
}

fn class_of(count: u32, length: u32) -> u8 {
    let (count, length) = (count as usize, length as usize);
    let is_usual = (1..=USUAL_COUNTS).contains(&count) && length < USUAL_LENGTHS;
    if is_usual { (length + (count - 1) * USUAL_LENGTHS) as u8 } else { UNUSUAL }
}

/// A part as a query sees it.
pub(super) struct Searched<'a> {
    pub(super) words: &'a Words,
    pub(super) rows: usize,
    /// The rows that are gone; `None` where none is.
    pub(super) dead: Option<&'a RowSet>,
    /// The rows that may be hits, none of them gone; `None` for all, where none is gone.
    pub(super) eligible: Option<&'a RowSet>,
}

/// A row of a part, and its BM25.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    pub(super) part: usize,
    pub(super) row: Row,
    pub(super) score: f32,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Each word once with how often it is there, in order.
    words: Vec<(String, u32)>,
    /// The columns that are searched; all where there is `None`.
    columns: Option<Vec<String>>,
}

impl Asked {
    pub(super) fn of(text: &str, columns: Option<Vec<String>>) -> Self {
        Self { words: query_words(text), columns }
    }
}

fn query_words(text: &str) -> Vec<(String, u32)> {
    let mut words: Vec<(String, u32)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    plain_words(text, &mut |word| match places.get(word) {
        Some(&place) => words[place].1 += 1,
        None if words.len() < MAX_WORDS => {
            places.insert(word.to_owned(), words.len());
            words.push((word.to_owned(), 1));
        }
        None => {}
    });
    words
}

/// One part's columns that are searched, with the lengths of its rows.
struct Side<'a> {
    part: &'a Searched<'a>,
    postings: Vec<&'a Postings>,
    /// How many words each row has.
    lengths: Cow<'a, [u32]>,
}

impl<'a> Side<'a> {
    fn new(part: &'a Searched<'a>, columns: Option<&[String]>) -> Self {
        let postings = part.words.postings(columns);
        let lengths = match postings.as_slice() {
            [one] => Cow::Borrowed(one.lengths.as_slice()),
            several => {
                let length = |row| several.iter().map(|postings| postings.lengths[row]).sum();
                Cow::Owned((0..part.rows).map(length).collect())
            }
        };
        Self { part, postings, lengths }
    }

    fn live_rows(&self) -> usize {
        self.part.rows - self.part.dead.map_or(0, RowSet::count)
    }

    fn live_length(&self) -> u64 {
        let total: u64 = self.postings.iter().map(|postings| postings.total).sum();
        let gone = self.part.dead.map_or(0, |dead| dead.iter().map(|row| u64::from(self.lengths[row as usize])).sum());
        total - gone
    }

    /// The rows that have a word in any of the columns, gone ones too.
    fn list(&self, word: &str) -> Merged<'_> {
        let lists: Vec<List<'_>> =
            self.postings.iter().map(|postings| postings.list(word)).filter(|list| !list.rows.is_empty()).collect();
        match lists.as_slice() {
            [] => Merged::Borrowed(List::default()),
            // Of several columns each row is longer than its class in one of them says.
            [one] if self.postings.len() == 1 => Merged::Borrowed(*one),
            several => {
                let pairs = several.iter().flat_map(|list| list.rows.iter().copied().zip(list.counts.iter().copied()));
                let mut pairs: Vec<(Row, u32)> = pairs.collect();
                pairs.sort_unstable();
                pairs.dedup_by(|more, first| {
                    let same = more.0 == first.0;
                    first.1 += if same { more.1 } else { 0 };
                    same
                });
                let (rows, counts): (Vec<Row>, Vec<u32>) = pairs.into_iter().unzip();
                let classes = classes_of(&rows, &counts, &self.lengths);
                Merged::Owned(rows, counts, classes)
            }
        }
    }

    /// How many of some rows, ascending, are not gone.
    fn live(&self, rows: &[Row]) -> usize {
        let Some(dead) = self.part.dead else { return rows.len() };
        rows.iter().filter(|row| !dead.contains(**row)).count()
    }
}

enum Merged<'a> {
    Borrowed(List<'a>),
    Owned(Vec<Row>, Vec<u32>, Vec<u8>),
}

impl Merged<'_> {
    fn as_list(&self) -> List<'_> {
        match self {
            Self::Borrowed(list) => *list,
            Self::Owned(rows, counts, classes) => List { rows, counts, classes },
        }
    }
}

/// A word of the query with its rows, part by part.
struct Term<'a> {
    word: &'a str,
    lists: Vec<Merged<'a>>,
    /// What it gives where it fills a row: the most.
    weight: f32,
}

fn sides<'a>(parts: &'a [Searched<'a>], columns: Option<&[String]>) -> Vec<Side<'a>> {
    parts.iter().map(|part| Side::new(part, columns)).collect()
}

/// Whether each row that may be a hit has a word of the query: a set for each part.
pub(super) fn matching(parts: &[Searched<'_>], asked: &Asked) -> Vec<RowSet> {
    let found = |side: &Side<'_>| {
        let mut set = RowSet::none(side.part.rows);
        for (word, _) in &asked.words {
            let list = side.list(word);
            let rows = list.as_list().rows.iter().filter(|row| side.part.eligible.is_none_or(|it| it.contains(**row)));
            rows.for_each(|&row| set.insert(row));
        }
        set
    };
    sides(parts, asked.columns.as_deref()).iter().map(found).collect()
}

/// The best rows by BM25, in no order: at least `k` where so many have a word of the query, and with the k-th all of its
/// score. Each row's sum runs over the words from the one that can give most, so that it is the same in any part.
pub(super) fn best(parts: &[Searched<'_>], asked: &Asked, k: usize) -> Vec<Match> {
    let sides = sides(parts, asked.columns.as_deref());
    let rows: usize = sides.iter().map(Side::live_rows).sum();
    let length: u64 = sides.iter().map(Side::live_length).sum();
    if rows == 0 || length == 0 {
        return Vec::new();
    }
    let mean = length as f32 / rows as f32;
    let mut terms: Vec<Term<'_>> = asked
        .words
        .iter()
        .map(|(word, count)| {
            let lists: Vec<Merged<'_>> = sides.iter().map(|side| side.list(word)).collect();
            let n: usize = sides.iter().zip(&lists).map(|(side, list)| side.live(list.as_list().rows)).sum();
            let idf = ((rows as f32 - n as f32 + 0.5) / (n as f32 + 0.5)).ln_1p();
            Term { word, lists, weight: idf * (K1 + 1.0) * *count as f32 }
        })
        .filter(|term| term.lists.iter().any(|list| !list.as_list().rows.is_empty()))
        .collect();
    terms.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.word.cmp(b.word)));

    let mut best = Best::new(k);
    for (part, side) in sides.iter().enumerate() {
        let lists = terms.iter().map(|term| (term.weight, term.lists[part].as_list()));
        let mut lists: Vec<Cursor<'_>> = lists
            .filter(|(_, list)| !list.rows.is_empty())
            .map(|(weight, list)| Cursor::new(list, weight, mean))
            .collect();
        let mut sums = [0.0; WINDOW];
        for (start, lengths) in (0..).step_by(WINDOW).zip(side.lengths.chunks(WINDOW)) {
            let sums = &mut sums[..lengths.len()];
            for list in &mut lists {
                list.add(lengths, start, sums);
            }
            for (start, sums) in (start..).step_by(FEW).zip(sums.chunks(FEW)) {
                // Most rows are below the floor: the best of a few tells it of all of them.
                if sums.iter().fold(0.0, |best: f32, sum| best.max(*sum)) < best.floor {
                    continue;
                }
                for (row, &score) in (start..).zip(sums) {
                    if score >= best.floor && side.part.eligible.is_none_or(|eligible| eligible.contains(row)) {
                        best.push(Match { part, row, score });
                    }
                }
            }
            sums.fill(0.0);
        }
    }
    best.finish()
}

/// A word's rows that have not been looked at yet, and what they get for it.
struct Cursor<'a> {
    rest: List<'a>,
    weight: f32,
    mean: f32,
    /// What rows get, by class: most, without a division and without a look at how many words they have.
    usual: [f32; USUAL_COUNTS * USUAL_LENGTHS],
}

impl<'a> Cursor<'a> {
    fn new(rest: List<'a>, weight: f32, mean: f32) -> Self {
        let count_of = |class: usize| (class / USUAL_LENGTHS) as u32 + 1;
        let gain = |class| weight * share(count_of(class), (class % USUAL_LENGTHS) as u32, mean);
        Self { rest, weight, mean, usual: std::array::from_fn(gain) }
    }

    /// Adds what the rows of a window get, which begins at `start`.
    // Compiled alone, so that the loop keeps what it needs in registers.
    #[inline(never)]
    fn add(&mut self, lengths: &[u32], start: Row, sums: &mut [f32]) {
        let mut n = 0;
        for (&row, &class) in self.rest.rows.iter().zip(self.rest.classes) {
            let at = (row - start) as usize;
            let Some(sum) = sums.get_mut(at) else { break };
            *sum += match class {
                UNUSUAL => self.weight * share(self.rest.counts[n], lengths[at], self.mean),
                usual => self.usual[usize::from(usual)],
            };
            n += 1;
        }
        let List { rows, counts, classes } = self.rest;
        self.rest = List { rows: &rows[n..], counts: &counts[n..], classes: &classes[n..] };
    }
}

/// The best matches so far, with all that are as good as the k-th.
struct Best {
    k: usize,
    /// What is below it is not among them.
    floor: f32,
    found: Vec<Match>,
    /// Once there are so many, all that are not among the best go.
    most: usize,
}

impl Best {
    fn new(k: usize) -> Self {
        let k = k.max(1);
        Self { k, floor: f32::MIN_POSITIVE, found: Vec::new(), most: 4 * k }
    }

    fn push(&mut self, found: Match) {
        self.found.push(found);
        if self.found.len() >= self.most {
            self.prune();
            self.most = 2 * self.found.len() + 2 * self.k;
        }
    }

    fn prune(&mut self) {
        if self.found.len() > self.k {
            let (_, kth, _) = self.found.select_nth_unstable_by(self.k - 1, |a, b| b.score.total_cmp(&a.score));
            self.floor = kth.score;
            let floor = self.floor;
            self.found.retain(|found| found.score >= floor);
        }
    }

    fn finish(mut self) -> Vec<Match> {
        self.prune();
        self.found
    }
}

/// tf / (tf + k1 (1 − b + b length / mean)): the part of a word's weight that a row gets.
fn share(count: u32, length: u32, mean: f32) -> f32 {
    let count = count as f32;
    count / (count + K1 * (1.0 - B + B * length as f32 / mean))
}
