//! A made-up desk of a payment acquirer: five tables whose tickets have hidden causes, right and wrong actions, and
//! outcomes that follow from them. Knows nothing of the engine that reads the tables.
//!
//! `model.rs` writes the latent model down. Every row is a function of the parameters and its own number, the clock
//! stands at 2026-06-30T00:00:00 UTC, and rows are written as they are drawn: memory does not grow with the tickets.

mod calendar;
mod identity;
mod model;
mod noise;
mod oracle;
mod people;
mod plot;
mod prose;
mod queries;
mod random;
mod slots;
mod texts;
mod ticket;

#[cfg(test)]
mod tests;

use std::io::BufWriter;
use std::path::Path;
use std::str::FromStr;

use fs_err as fs;

use crate::error::{Error, Result};
use model::Model;
use people::{People, width};
use plot::LONGEST_THREAD;
use queries::Answers;
use texts::Texts;
use ticket::Desk;

/// The five files, in the order in which they are written.
pub const FILES: [&str; 5] = ["companies.csv", "customers.csv", "agents.csv", "tickets.csv", "ticket_interactions.csv"];

/// What an oracle expected of each message of an agent: written beside [`FILES`] with labels, and without them removed.
///
/// `position` counts the ticket's messages of agents before; `oracle` and `insider` are actions with their
/// probabilities, likeliest first, such as `ASK_DOCUMENTS=0.6400|CHECK_ACCOUNT=0.3600`. `oracle` knows all odds of the
/// generator and what could be read in the ticket by then, but not the cause; `insider` also the cause and the agent.
pub const ORACLE: &str = "oracle.csv";

/// Questions with known answers about [`FILES`]: written with `queries`, and without removed.
///
/// `set` is `code`, `typo`, `code_switched`, `cross_language` or `paraphrase`; `answers` are the ids of the resolved
/// tickets that are right, and `ignored` of those that are neither right nor wrong, separated by `|`.
pub const QUERIES: &str = "queries.csv";

const ORACLE_COLUMNS: &str = "ticket_id,position,oracle,insider";
const COMPANY_COLUMNS: &str = "company_id,company_name,cnpj,segment,company_size,contract_start_date,\
     monthly_transaction_volume,status,churn_risk_score,created_at";
const CUSTOMER_COLUMNS: &str = "customer_id,company_id,customer_name,email,cpf,birth_date,phone,role,created_at";
const AGENT_COLUMNS: &str =
    "agent_id,agent_name,email,team,specialization,hire_date,avg_csat,tickets_resolved,status,created_at";
const TICKET_COLUMNS: &str = "ticket_id,company_id,customer_id,agent_id,created_at,updated_at,closed_at,status,priority,\
     category,subcategory,channel,subject,description,tags,resolution_time_hours,first_response_time_minutes,\
     sla_breached,nps_score,csat_score,sentiment,escalated,reopened_count,related_ticket_ids";
const INTERACTION_COLUMNS: &str = "interaction_id,ticket_id,interaction_timestamp,author_type,author_id,author_name,\
     message,interaction_type,channel,attachments";

/// Where `subject` is in a row of tickets, and `message` in one of interactions without its id.
const SUBJECT: usize = 12;
const MESSAGE: usize = 5;

/// The language people write in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locale {
    /// Portuguese with about 15 % English tickets.
    #[default]
    PtBr,
    /// English.
    En,
    /// Half and half, with words and sentences of the other language.
    Mixed,
}

impl Locale {
    /// Every locale.
    pub const ALL: [Self; 3] = [Self::PtBr, Self::En, Self::Mixed];

    /// The word for it on a command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PtBr => "pt-BR",
            Self::En => "en",
            Self::Mixed => "mixed",
        }
    }
}

impl FromStr for Locale {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|locale| locale.as_str() == word);
        found.ok_or_else(|| "it is `pt-BR`, `en` or `mixed`".to_owned())
    }
}

/// What to make up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateParams {
    /// How many tickets, from 1 to about 4.3 million (as many as there are names for their customers).
    pub tickets: usize,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// The language people write in.
    pub locale: Locale,
    /// Whether `ticket_interactions.csv` has a last column `action`, what the agent did by catalogue id, and [`ORACLE`] is
    /// written.
    pub labels: bool,
    /// Whether [`QUERIES`] is written. Then what is known of the tickets is kept until the last is written.
    pub queries: bool,
}

impl Default for GenerateParams {
    fn default() -> Self {
        Self { tickets: 500, seed: 42, locale: Locale::PtBr, labels: false, queries: false }
    }
}

/// How many rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct GenerateReport {
    /// Rows of `companies.csv`.
    pub companies: usize,
    /// Rows of `customers.csv`.
    pub customers: usize,
    /// Rows of `agents.csv`.
    pub agents: usize,
    /// Rows of `tickets.csv`.
    pub tickets: usize,
    /// Rows of `ticket_interactions.csv`.
    pub interactions: usize,
}

/// Writes the five tables into a folder, which is made if need be; `progress` hears tickets done and tickets in all.
///
/// The files are written aside and renamed when all five are complete; files of these names are replaced.
///
/// # Errors
///
/// [`Error::Argument`] if `tickets` is out of range, [`Error::Io`] if the folder cannot be written.
pub fn generate(
    folder: &Path,
    params: &GenerateParams,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<GenerateReport> {
    let desk = open_desk(params)?;
    fs::create_dir_all(folder)?;
    let aside = tempfile::Builder::new().prefix(".nba-generate-").tempdir_in(folder)?;
    let people = &desk.people;

    let companies = (1..=people.companies).map(|number| people.company(number).record);
    write_table(&aside.path().join(FILES[0]), COMPANY_COLUMNS, companies)?;
    let customers = (1..=people.customers).map(|number| people.customer_record(number));
    write_table(&aside.path().join(FILES[1]), CUSTOMER_COLUMNS, customers)?;
    let agents = people.agents.iter().map(|agent| agent.record.clone());
    write_table(&aside.path().join(FILES[2]), AGENT_COLUMNS, agents)?;
    let interactions = write_tickets(aside.path(), &desk, progress)?;

    for file in FILES {
        fs::rename(aside.path().join(file), folder.join(file))?;
    }
    for (file, wanted) in [(ORACLE, params.labels), (QUERIES, params.queries)] {
        if wanted {
            fs::rename(aside.path().join(file), folder.join(file))?;
        } else if folder.join(file).exists() {
            // It tells of other tickets than those that are now beside it.
            fs::remove_file(folder.join(file))?;
        }
    }
    Ok(GenerateReport {
        companies: people.companies as usize,
        customers: people.customers as usize,
        agents: people.agents.len(),
        tickets: params.tickets,
        interactions,
    })
}

fn open_desk(params: &GenerateParams) -> Result<Desk> {
    if params.tickets == 0 {
        return Err(Error::argument("tickets", "there must be at least 1"));
    }
    let people = People::new(params.seed, params.tickets)?;
    if people.customers > people.most_customers() {
        let most = people.most_customers() / 3 * 5;
        return Err(Error::argument("tickets", format!("there are names for the customers of at most {most} tickets")));
    }
    Ok(Desk {
        params: params.clone(),
        model: Model::load()?,
        portuguese: Texts::portuguese()?,
        english: Texts::english()?,
        people,
    })
}

/// Writes tickets and threads side by side; returns how many interactions there are.
fn write_tickets(folder: &Path, desk: &Desk, progress: &mut dyn FnMut(usize, usize)) -> Result<usize> {
    let count = desk.params.tickets;
    let label = if desk.params.labels { ",action" } else { "" };
    let mut tickets = open_table(&folder.join(FILES[3]), TICKET_COLUMNS)?;
    let mut threads = open_table(&folder.join(FILES[4]), &format!("{INTERACTION_COLUMNS}{label}"))?;
    let mut expected = desk.params.labels.then(|| open_table(&folder.join(ORACLE), ORACLE_COLUMNS)).transpose()?;
    let mut answers = Answers::default();
    let digits = width((count * LONGEST_THREAD) as u64, 8);
    let mut interactions = 0_usize;
    for number in 1..=count {
        let rows = desk.ticket(number as u64);
        tickets.write_record(&rows.ticket).map_err(from_csv)?;
        for row in &rows.interactions {
            interactions += 1;
            threads.write_field(format!("INT{interactions:0digits$}")).map_err(from_csv)?;
            threads.write_record(row).map_err(from_csv)?;
        }
        if let Some(expected) = &mut expected {
            rows.expected.iter().try_for_each(|row| expected.write_record(row)).map_err(from_csv)?;
        }
        if desk.params.queries {
            let [id, subject] = [0, SUBJECT].map(|column| rows.ticket[column].as_str());
            let texts = rows.interactions.iter().map(|row| row[MESSAGE].as_str()).chain([subject]);
            answers.hear(id, &rows.origin, &texts.collect::<Vec<_>>());
        }
        progress(number, count);
    }
    for table in [Some(tickets), Some(threads), expected].iter_mut().flatten() {
        table.flush()?;
    }
    if desk.params.queries {
        answers.write(&folder.join(QUERIES), desk)?;
    }
    Ok(interactions)
}

fn write_table(path: &Path, columns: &str, rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let mut table = open_table(path, columns)?;
    for row in rows {
        table.write_record(&row).map_err(from_csv)?;
    }
    table.flush()?;
    Ok(())
}

type Table = csv::Writer<BufWriter<fs::File>>;

fn open_table(path: &Path, columns: &str) -> Result<Table> {
    let mut table = csv::Writer::from_writer(BufWriter::new(fs::File::create(path)?));
    table.write_record(columns.split(',')).map_err(from_csv)?;
    Ok(table)
}

/// Rows always fit their header, so what can fail is the file.
fn from_csv(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Error::internal("writing a table", format!("{other:?}")),
    }
}
