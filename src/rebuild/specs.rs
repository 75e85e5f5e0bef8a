//! What the two indexes of a desk are: keys, groups, and the columns that words are searched in.

use super::{BoostParams, STEPS, TICKETS};
use crate::index::IndexSpec;
use crate::keyword::{KEYWORD_MEMORY, Language, TextField};
use crate::vector::VectorParams;

pub(super) fn tickets_spec(vector: &VectorParams, boosts: &BoostParams) -> IndexSpec {
    let fields = [
        ("subject", boosts.subject_boost),
        ("problem", 1.0),
        ("tags", boosts.tags_boost),
        ("thread", boosts.thread_boost),
    ];
    let searched = fields.into_iter().filter(|(_, boost)| *boost > 0.0);
    IndexSpec {
        name: TICKETS.to_owned(),
        key: "ticket_id".to_owned(),
        group: "ticket_id".to_owned(),
        embedded: "problem".to_owned(),
        text_fields: searched.map(|(name, boost)| text_field(name, boost)).collect(),
        exact: Some("identifiers".to_owned()),
        language: Some("language".to_owned()),
        labels: Some("subcategory".to_owned()),
        vector: vector.clone(),
        keyword_memory: KEYWORD_MEMORY,
    }
}

pub(super) fn steps_spec(vector: &VectorParams) -> IndexSpec {
    IndexSpec {
        name: STEPS.to_owned(),
        key: "step_id".to_owned(),
        group: "ticket_id".to_owned(),
        embedded: "state".to_owned(),
        text_fields: vec![text_field("state", 1.0)],
        exact: Some("identifiers".to_owned()),
        language: None,
        labels: None,
        vector: vector.clone(),
        keyword_memory: KEYWORD_MEMORY,
    }
}

fn text_field(name: &str, boost: f32) -> TextField {
    TextField { name: name.to_owned(), analyzers: vec![Language::Portuguese, Language::English], boost }
}
