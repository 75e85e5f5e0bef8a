//! What agents say again and again and no action of the catalogue covers: sentences in clusters, clusters as new entries of a
//! catalogue. Knows vectors, and no model that makes them.

mod naming;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::desk::action::{ActionKind, Catalogue};
use crate::desk::assign::{Assigner, dot};

/// How new actions are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscoverParams {
    /// In how many tickets a cluster must be said, from 1.
    pub min_tickets: usize,
    /// A message or sentence is open when its likeness to the nearest action is less than the threshold plus this.
    pub unsure: f32,
    /// The least likeness of a sentence to the middle one of its cluster, -1 to 1.
    pub likeness: f32,
    /// The least share of the sentences like it that stand in open messages, 0 to 1: a greeting stands in all.
    pub open_share: f32,
    /// How many different sentences are compared at most; those that are said in most tickets are kept.
    pub max_sentences: usize,
}

impl Default for DiscoverParams {
    fn default() -> Self {
        Self { min_tickets: 5, unsure: 0.06, likeness: 0.35, open_share: 0.7, max_sentences: 8_000 }
    }
}

/// One place where a sentence is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The ticket, as a number.
    pub ticket: usize,
    /// Its category.
    pub category: &'a str,
    /// Whether the message has no action, or hardly one.
    pub is_open: bool,
}

/// A sentence of agents' messages: its text, its unit vector as [`Assigner::seen`], and where it is said.
#[derive(Debug, Clone)]
pub struct Sentence<'a> {
    /// The words, masked.
    pub text: &'a str,
    /// Its direction.
    pub vector: Vec<f32>,
    /// Every place where it is said.
    pub places: Vec<Place<'a>>,
}

/// Sentences that say the same, and that no action covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Which sentences, that in the middle first, then by likeness to it.
    pub members: Vec<usize>,
    /// In how many tickets they are said in open messages.
    pub tickets: usize,
}

/// A new entry for the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Made of words that set the cluster apart; neither in the catalogue nor among the other proposals.
    pub id: String,
    /// That of the nearest action.
    pub kind: ActionKind,
    /// The action of the catalogue that the middle sentence is most like, and how much (-1 to 1).
    pub nearest: Option<(String, f32)>,
    /// Those of at least 95 % of the places, the most frequent first.
    pub categories: Vec<String>,
    /// Up to six different sentences, that in the middle first, each of the others unlike those before it.
    pub examples: Vec<String>,
    /// In how many tickets it is said.
    pub tickets: usize,
    /// How many different sentences say it.
    pub sentences: usize,
}

/// The sentences of a message: up to `.`, `!`, `?` with a blank behind, or the end of a line. Those of fewer than three
/// words are left out.
pub fn sentences(message: &str) -> impl Iterator<Item = &str> {
    let mut ended = false;
    let pieces = message.split(move |c: char| {
        let splits = c == '\n' || (ended && c.is_whitespace());
        ended = matches!(c, '.' | '!' | '?');
        splits
    });
    pieces.map(str::trim).filter(|piece| piece.split_whitespace().count() >= 3)
}

/// Clusters of sentences that no action covers, those said in most tickets first.
///
/// Sphere exclusion (R. Taylor 1995, D. Butina 1999): the sentence with most others within `likeness` makes a cluster with
/// them, which is set aside, and so on. Nothing but the vectors and the order of the sentences decides.
#[must_use]
pub fn clusters(sentences: &[Sentence<'_>], assigner: &Assigner<'_>, params: &DiscoverParams) -> Vec<Cluster> {
    let kept = most_said(sentences, params.max_sentences);
    let limit = assigner.threshold() + params.unsure;
    let is_unknown = |sentence: &Sentence<'_>| {
        let mut open = sentence.places.iter().filter(|place| place.is_open);
        open.any(|place| {
            let nearest = assigner.nearest_seen(&sentence.vector, Some(place.category));
            nearest.is_none_or(|nearest| nearest.likeness < limit)
        })
    };
    let candidates: Vec<usize> = kept.iter().copied().filter(|&at| is_unknown(&sentences[at])).collect();
    let mut alike: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let is_candidate: BTreeSet<usize> = candidates.iter().copied().collect();
    for &at in &candidates {
        let near = |other: &usize| dot(&sentences[at].vector, &sentences[*other].vector) >= params.likeness;
        let near: Vec<usize> = kept.iter().copied().filter(near).collect();
        let places = || near.iter().flat_map(|&other| &sentences[other].places);
        let n_open = places().filter(|place| place.is_open).count();
        if n_open as f32 >= params.open_share * places().count() as f32 {
            alike.insert(at, near.into_iter().filter(|other| is_candidate.contains(other)).collect());
        }
    }

    let mut free = is_candidate;
    let mut found = Vec::new();
    loop {
        let weight = |(at, near): &(&usize, &Vec<usize>)| {
            let members = near.iter().filter(|other| free.contains(other));
            (open_tickets(sentences, members).len(), std::cmp::Reverse(**at))
        };
        let middles = alike.iter().filter(|(at, _)| free.contains(at));
        let Some((&middle, near)) = middles.max_by_key(weight) else { break };
        let mut members: Vec<usize> = near.iter().copied().filter(|other| free.contains(other)).collect();
        let tickets = open_tickets(sentences, members.iter()).len();
        if tickets < params.min_tickets.max(1) {
            break;
        }
        let to_middle = |at: usize| dot(&sentences[middle].vector, &sentences[at].vector);
        members.sort_by(|&a, &b| {
            (b == middle).cmp(&(a == middle)).then(to_middle(b).total_cmp(&to_middle(a))).then(a.cmp(&b))
        });
        members.iter().for_each(|member| {
            free.remove(member);
        });
        found.push(Cluster { members, tickets });
    }
    found
}

/// The sentences that are said in most tickets, in their order.
fn most_said(sentences: &[Sentence<'_>], max: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..sentences.len()).collect();
    if kept.len() > max {
        kept.sort_by_key(|&at| (std::cmp::Reverse(sentences[at].places.len()), at));
        kept.truncate(max);
        kept.sort_unstable();
    }
    kept
}

fn open_tickets<'a>(sentences: &[Sentence<'_>], members: impl Iterator<Item = &'a usize>) -> BTreeSet<usize> {
    let places = members.flat_map(|&member| &sentences[member].places);
    places.filter(|place| place.is_open).map(|place| place.ticket).collect()
}

/// A new entry of the catalogue for each cluster, in their order.
#[must_use]
pub fn propose(
    sentences: &[Sentence<'_>],
    clusters: &[Cluster],
    assigner: &Assigner<'_>,
    catalogue: &Catalogue,
) -> Vec<Proposal> {
    let mut taken: BTreeSet<String> = catalogue.actions.iter().map(|action| action.id.clone()).collect();
    let said = naming::WordCounts::of(sentences.iter().map(|sentence| sentence.text));
    let proposal = |cluster: &Cluster| {
        let middle = &sentences[cluster.members[0]];
        let nearest = assigner.nearest_seen(&middle.vector, None);
        let nearest = nearest.map(|nearest| (&catalogue.actions[nearest.action], nearest.likeness));
        let texts = cluster.members.iter().map(|&member| sentences[member].text);
        let id = naming::id(middle.text, texts, &said, &taken);
        taken.insert(id.clone());
        Proposal {
            id,
            kind: nearest.map_or(ActionKind::Inform, |(action, _)| action.kind),
            nearest: nearest.map(|(action, likeness)| (action.id.clone(), likeness)),
            categories: categories(sentences, cluster),
            examples: examples(sentences, cluster),
            tickets: cluster.tickets,
            sentences: cluster.members.len(),
        }
    };
    clusters.iter().map(proposal).collect()
}

/// The fewest categories that 95 % of the cluster's open places have.
fn categories(sentences: &[Sentence<'_>], cluster: &Cluster) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let places = cluster.members.iter().flat_map(|&member| &sentences[member].places);
    for place in places.filter(|place| place.is_open) {
        *counts.entry(place.category).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|&(category, count)| (std::cmp::Reverse(count), category));
    let mut covered = 0;
    let mut wanted = Vec::new();
    for (category, count) in counts {
        if covered * 100 >= total * 95 {
            break;
        }
        covered += count;
        wanted.push(category.to_owned());
    }
    wanted
}

/// How many examples a proposal has at most.
const EXAMPLES: usize = 6;

/// The middle sentence, then one by one that which is least like those chosen before.
fn examples(sentences: &[Sentence<'_>], cluster: &Cluster) -> Vec<String> {
    let mut chosen = vec![cluster.members[0]];
    while chosen.len() < EXAMPLES.min(cluster.members.len()) {
        let likeness_to_chosen = |at: usize| {
            let cosines = chosen.iter().map(|&one| dot(&sentences[one].vector, &sentences[at].vector));
            cosines.fold(f32::NEG_INFINITY, f32::max)
        };
        let others = cluster.members.iter().copied().filter(|member| !chosen.contains(member));
        let next = others.min_by(|&a, &b| likeness_to_chosen(a).total_cmp(&likeness_to_chosen(b)).then(a.cmp(&b)));
        let Some(next) = next else { break };
        chosen.push(next);
    }
    chosen.into_iter().map(|at| sentences[at].text.to_owned()).collect()
}

/// The proposals as a catalogue that [`Catalogue::from_toml`] reads, with what is to be edited said in comments.
#[must_use]
pub fn to_toml(proposals: &[Proposal]) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let mut out = String::from(
        "# Proposed by `nba actions discover`: drop what is no action, edit the rest, and add it to the catalogue.\n",
    );
    for proposal in proposals {
        let middle = quoted(&proposal.examples[0]);
        let _ = writeln!(out, "\n# In {} tickets, {} different sentences.", proposal.tickets, proposal.sentences);
        if let Some((id, likeness)) = &proposal.nearest {
            let _ = writeln!(out, "# Nearest action so far: {id} (likeness {likeness:.2}); the kind is its kind.");
        }
        let _ = writeln!(out, "[[action]]\nid = {} # edit", quoted(&proposal.id));
        let _ = writeln!(out, "title = {{ pt = {middle}, en = {middle} }} # edit");
        let _ = writeln!(out, "description = {{ pt = {middle}, en = {middle} }} # edit");
        let _ = writeln!(out, "kind = {} # check", quoted(proposal.kind.as_str()));
        let _ = writeln!(out, "categories = [{}]", list(&proposal.categories));
        out.push_str("examples = [\n");
        for example in &proposal.examples {
            let _ = writeln!(out, "  {},", quoted(example));
        }
        out.push_str("]\n");
    }
    out
}
