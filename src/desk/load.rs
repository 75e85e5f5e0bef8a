//! The five tables → tickets with their threads, masked. The only place of the desk that sees a raw text.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, PrimitiveArray, StringArray};
use arrow::datatypes::ArrowPrimitiveType;
use serde::{Deserialize, Serialize};

use crate::desk::email::own_words;
use crate::desk::mask::{Masker, Person};
use crate::desk::tables::{AGENTS, CUSTOMERS, INTERACTIONS, PEOPLE, TABLES, TICKETS};
use crate::desk::ticket::{Agent, Author, Name, Status, Ticket, Turn};
use crate::error::{Error, Result};
use crate::table::{self, Changes, Extent, ReadParams, Table, Tables};

/// The support desk as its tables tell it, without personal data in any text.
#[derive(Debug, Clone, PartialEq)]
pub struct Desk {
    /// Every ticket, in file order.
    pub tickets: Vec<Ticket>,
    /// Every agent, in file order.
    pub agents: Vec<Agent>,
    /// How many rows of the tables were dropped; 0 unless read leniently.
    pub skipped: usize,
    /// What came in, table by table, in the order of [`TABLES`].
    pub sources: Vec<SourceTable>,
}

/// A source table as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// Which of [`TABLES`] it is.
    pub name: String,
    /// Its good rows.
    pub rows: usize,
    /// Rows that were dropped; 0 unless read leniently.
    pub skipped: usize,
    /// Every column of its files, read or not, sorted.
    pub columns: Vec<String>,
    /// What changed, where it was a change feed or read onto what served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// Reads the tables of a folder ([`TABLES`] says what they may be called), joins them, and masks every text.
///
/// # Errors
/// Those of [`table::read`].
pub fn load(folder: &Path, params: &ReadParams) -> Result<Desk> {
    Ok(MaskedTables::read(folder, params, &Extent::default())?.into_desk())
}

/// The tables of a desk, their texts masked, before they are joined. `customers`, from which the names come, are among them.
#[derive(Debug)]
pub struct MaskedTables {
    pub(super) tables: Tables,
    /// As they came in.
    sources: Vec<SourceTable>,
}

impl MaskedTables {
    /// Reads a part of the tables of a folder, onto what was kept or not. What was kept is masked already, and stays as it is.
    ///
    /// # Errors
    /// [`Error::Argument`] for a version of no table; those of [`table::read_extent`].
    pub fn read(folder: &Path, params: &ReadParams, extent: &Extent<'_>) -> Result<Self> {
        let known = |name: &str| TABLES.iter().any(|spec| spec.names().any(|known| known == name));
        if let Some(name) = extent.at.keys().find(|name| !known(name)) {
            let names = TABLES.map(|spec| spec.name).join(", ");
            return Err(Error::argument("at", format!("there is no table `{name}`; there are {names}")));
        }
        let mut tables = table::read_extent(folder, &TABLES, params, extent).map_err(Error::of_input)?;
        mask(&mut tables)?;
        let sources = tables.tables.iter().map(|table| SourceTable {
            name: table.name.to_owned(),
            rows: table.lines.len(),
            skipped: table.skipped,
            columns: table.header.clone(),
            changes: table.changes.clone(),
        });
        Ok(Self { sources: sources.collect(), tables })
    }

    /// Leaves out tickets, told by their id and their customer's, as if no table had them; returns how many. What came in
    /// stays counted as it came.
    pub fn leave_out(&mut self, is_out: impl Fn(&str, &str) -> bool) -> usize {
        let tickets = self.tables.get(TICKETS);
        let rows = tickets.texts("ticket_id").iter().flatten().zip(tickets.texts("customer_id").iter().flatten());
        let out: HashSet<String> =
            rows.filter(|(ticket, customer)| is_out(ticket, customer)).map(|(ticket, _)| ticket.to_owned()).collect();
        for name in [TICKETS, INTERACTIONS] {
            self.tables.get_mut(name).retain("ticket_id", |ticket| !out.contains(ticket));
        }
        out.len()
    }

    /// Whether there is no ticket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.get(TICKETS).lines.is_empty()
    }

    /// Joins them. Each goes as soon as it is joined, so that a desk of millions is not there twice.
    #[must_use]
    pub fn into_desk(mut self) -> Desk {
        let mut names = Names::default();
        let threads = threads(self.tables.get(INTERACTIONS), self.tables.get(TICKETS), &mut names);
        self.tables.tables.retain(|table| table.name != INTERACTIONS);
        let mut tickets = tickets(self.tables.get(TICKETS), &mut names);
        self.tables.tables.retain(|table| table.name != TICKETS);
        for (ticket, mut thread) in tickets.iter_mut().zip(threads) {
            thread.sort_by_key(|turn| turn.at);
            thread.shrink_to_fit();
            ticket.thread = thread;
        }
        let agents = agents(self.tables.get(AGENTS), &tickets);
        Desk { tickets, agents, skipped: self.tables.skipped, sources: self.sources }
    }
}

/// Words that many rows have, each held once.
#[derive(Default)]
struct Names(HashSet<Name>);

impl Names {
    fn of(&mut self, word: &str) -> Name {
        if let Some(name) = self.0.get(word) {
            return Arc::clone(name);
        }
        let name = Name::from(word);
        self.0.insert(Arc::clone(&name));
        name
    }

    fn at(&mut self, column: &StringArray, row: usize) -> Option<Name> {
        text(column, row).map(|word| self.of(word))
    }
}

/// The files that [`MaskedTables::read`] would read of a folder, in its order. What is not there is left out.
///
/// # Errors
/// [`Error::Input`] for a folder that cannot be read.
pub fn source_files(folder: &Path, extent: &Extent<'_>) -> Result<Vec<PathBuf>> {
    table::files(folder, &TABLES, extent).map_err(Error::of_input)
}

/// Every personal value in the customers table as it is written there: names, documents, e-mail addresses and phones,
/// sorted. None of them may be found in anything that is built from the desk.
///
/// # Errors
/// Those of [`table::read`] with rows skipped.
pub fn personal_values(folder: &Path) -> Result<Vec<String>> {
    let params = ReadParams { lenient: true, ..ReadParams::default() };
    let tables = table::read(folder, &TABLES, &params).map_err(Error::of_input)?;
    let values =
        people(tables.get(CUSTOMERS)).flat_map(|person| [person.name, person.email, person.document, person.phone]);
    let values: BTreeSet<String> = values.flatten().map(str::to_owned).collect();
    Ok(values.into_iter().collect())
}

/// A masker that knows the people of one file: the customers table, or any with a column `name`. Rows without are skipped.
///
/// # Errors
/// Those of [`table::read_file`].
pub fn masker_of(file: &Path) -> Result<Masker> {
    let params = ReadParams { lenient: true, ..ReadParams::default() };
    let table = table::read_file(file, &PEOPLE, &params).map_err(Error::of_input)?;
    let [names, emails, documents, phones] =
        ["customer_name", "email", "cpf", "phone"].map(|column| table.texts(column));
    Masker::new((0..names.len()).map(|row| Person {
        id: "",
        name: text(names, row),
        email: text(emails, row),
        document: text(documents, row),
        phone: text(phones, row),
    }))
}

fn people(customers: &Table) -> impl Iterator<Item = Person<'_>> {
    let ids = customers.texts("customer_id");
    let [names, emails, documents, phones] =
        ["customer_name", "email", "cpf", "phone"].map(|column| customers.texts(column));
    (0..ids.len()).map(|row| Person {
        id: ids.value(row),
        name: text(names, row),
        email: text(emails, row),
        document: text(documents, row),
        phone: text(phones, row),
    })
}

fn agents(table: &Table, tickets: &[Ticket]) -> Vec<Agent> {
    let mut loads: HashMap<&str, usize> = HashMap::new();
    for agent in tickets.iter().filter(|ticket| ticket.status.is_active()).filter_map(|it| it.agent_id.as_deref()) {
        *loads.entry(agent).or_default() += 1;
    }
    let [ids, names, teams, specializations, statuses] =
        ["agent_id", "agent_name", "team", "specialization", "status"].map(|column| table.texts(column));
    (0..ids.len())
        .map(|row| Agent {
            id: ids.value(row).to_owned(),
            name: names.value(row).to_owned(),
            team: teams.value(row).to_owned(),
            specialization: owned(specializations, row),
            active: text(statuses, row).is_none_or(|status| status == "ACTIVE"),
            active_tickets: loads.get(ids.value(row)).copied().unwrap_or(0),
        })
        .collect()
}

/// The turns of each ticket, in file order.
fn threads(table: &Table, tickets: &Table, names: &mut Names) -> Vec<Vec<Turn>> {
    let moments = table.timestamps("interaction_timestamp");
    let [ticket_ids, kinds, authors, messages, actions] =
        ["ticket_id", "author_type", "author_id", "message", "action"].map(|column| table.texts(column));
    let ids = tickets.texts("ticket_id");
    let places: HashMap<&str, usize> = (0..ids.len()).map(|row| (ids.value(row), row)).collect();
    let mut threads: Vec<Vec<Turn>> = vec![Vec::new(); ids.len()];
    for row in 0..ticket_ids.len() {
        let author = match kinds.value(row) {
            "CUSTOMER" => Author::Customer,
            "AGENT" => Author::Agent,
            _ => Author::System,
        };
        let turn = Turn {
            author,
            author_id: names.of(text(authors, row).unwrap_or_default()),
            at: moments.value(row),
            text: owned(messages, row).unwrap_or_default(),
            action: names.at(actions, row),
        };
        // References were checked when the tables were read.
        if let Some(&place) = places.get(ticket_ids.value(row)) {
            threads[place].push(turn);
        }
    }
    threads
}

fn tickets(table: &Table, names: &mut Names) -> Vec<Ticket> {
    let texts = |column| table.texts(column);
    let (ids, statuses, tags) = (texts("ticket_id"), texts("status"), texts("tags"));
    let (companies, customers, agents) = (texts("company_id"), texts("customer_id"), texts("agent_id"));
    let (priorities, channels, sentiments) = (texts("priority"), texts("channel"), texts("sentiment"));
    let (categories, subcategories) = (texts("category"), texts("subcategory"));
    let (subjects, descriptions) = (texts("subject"), texts("description"));
    let (created, closed) = (table.timestamps("created_at"), table.timestamps("closed_at"));
    let (hours, minutes) = (table.floats("resolution_time_hours"), table.floats("first_response_time_minutes"));
    let (breached, escalated) = (table.booleans("sla_breached"), table.booleans("escalated"));
    let (nps, csat, reopened) =
        (table.integers("nps_score"), table.floats("csat_score"), table.integers("reopened_count"));
    (0..ids.len())
        .map(|row| Ticket {
            id: ids.value(row).to_owned(),
            company_id: names.of(companies.value(row)),
            customer_id: names.of(customers.value(row)),
            agent_id: names.at(agents, row),
            created_at: created.value(row),
            closed_at: number(closed, row),
            status: Status::parse(statuses.value(row)).expect("the table's spec lists the words of `Status`"),
            priority: names.of(priorities.value(row)),
            category: names.of(categories.value(row)),
            subcategory: names.at(subcategories, row),
            channel: names.of(channels.value(row)),
            subject: subjects.value(row).to_owned(),
            description: descriptions.value(row).to_owned(),
            tags: labels(text(tags, row).unwrap_or_default(), names),
            resolution_hours: number(hours, row),
            first_response_minutes: number(minutes, row),
            sla_breached: breached.is_valid(row).then(|| breached.value(row)),
            nps_score: number(nps, row),
            csat_score: number(csat, row),
            sentiment: names.at(sentiments, row),
            escalated: escalated.is_valid(row).then(|| escalated.value(row)),
            reopened_count: number(reopened, row),
            thread: Vec::new(),
        })
        .collect()
}

/// Leaves of each text what its author wrote, without personal data. Texts that were kept are so already.
fn mask(tables: &mut Tables) -> Result<()> {
    let masker = Masker::new(people(tables.get(CUSTOMERS)))?;
    // Masked before it is cut: a signature tells names that the mail above it may have too.
    let clean = |text: &str, customer: Option<&str>| own_words(&masker.mask(text, customer)).into_owned();
    let tickets = tables.get(TICKETS);
    let (ids, customers) = (tickets.texts("ticket_id").clone(), tickets.texts("customer_id").clone());
    let customer_of: HashMap<&str, &str> = ids.iter().flatten().zip(customers.iter().flatten()).collect();
    for column in ["subject", "description"] {
        tables.get_mut(TICKETS).map_new(column, |row, text| clean(text, Some(customers.value(row))));
    }
    let turns = tables.get_mut(INTERACTIONS);
    let tickets = turns.texts("ticket_id").clone();
    turns.map_new("message", |row, text| clean(text, customer_of.get(tickets.value(row)).copied()));
    Ok(())
}

fn labels(joined: &str, names: &mut Names) -> Vec<Name> {
    joined.split('|').map(str::trim).filter(|label| !label.is_empty()).map(|label| names.of(label)).collect()
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn owned(column: &StringArray, row: usize) -> Option<String> {
    text(column, row).map(str::to_owned)
}

fn number<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}
