//! What the tests share: a place to run the program in, desks to build from, indexes that are built once.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use expect_test::Expect;
use fs_err as fs;
use nba::generate::{GenerateParams, Locale, generate};
use regex::Regex;
use serde_json::Value;

/// The instant that every build of these tests notes.
pub(crate) const NOW: &str = "2026-07-01T02:00:00Z";
/// The folder of the model that is shipped.
pub(crate) const MODEL: &str = "portuguese-multilingual-e5-small";

/// What the program did.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit code; −1 when a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Standard output as JSON, of a run that went well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same outcome, which must be a failure that somebody can act upon.
    pub(crate) fn failed(self) -> Self {
        assert!(matches!(self.code, 2 | 4..=7), "{self:?}");
        assert!(!self.stderr.trim().is_empty() && self.stdout.is_empty(), "{self:?}");
        self
    }

    /// The same outcome, which must be a success.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// A folder of its own to run the program in, with nothing in its environment. Removed at the end.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, OsString)>,
}

impl Sandbox {
    /// Without index, model or data.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir_in(SCRATCH.folder.as_path()).unwrap(), variables: Vec::new() }
    }

    /// With `NBA_INDEX` naming the index of `fixtures/`.
    pub(crate) fn with_fixtures() -> Self {
        let mut sandbox = Self::new();
        sandbox.set("NBA_INDEX", fixtures_index());
        sandbox
    }

    /// With the five tables of a small made-up desk in `desk`.
    pub(crate) fn with_small_desk() -> Self {
        let sandbox = Self::new();
        copy_folder(&SMALL.join("desk"), &sandbox.path("desk"));
        sandbox
    }

    /// With the index of the small desk in `index`, besides its tables.
    pub(crate) fn with_small_index() -> Self {
        let sandbox = Self::with_small_desk();
        copy_folder(&SMALL.join("index"), &sandbox.path("index"));
        sandbox
    }

    /// With the five tables of [`MINI_DESK`] in `desk`.
    pub(crate) fn with_mini_desk() -> Self {
        let sandbox = Self::new();
        for (name, text) in MINI_DESK {
            sandbox.write(&format!("desk/{name}"), text);
        }
        sandbox
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<OsString>) {
        self.variables.push((variable, value.into()));
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// Replaces one text in a file, where it must occur.
    pub(crate) fn edit(&self, below: &str, from: &str, to: &str) {
        let text = self.read(below);
        assert!(text.contains(from), "{below} has no `{from}`");
        self.write(below, text.replacen(from, to, 1));
    }

    /// A command of the program, or of `wrapper` with the program as its last argument.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&SCRATCH.program);
        command.args(args).current_dir(self.folder.path()).env_clear().envs(self.variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn nba(&self, args: &[&str]) -> Outcome {
        finish(self.command(args))
    }

    /// Runs a line of `sh` in which `"$NBA"` is the program.
    pub(crate) fn sh(&self, line: &str) -> Outcome {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).current_dir(self.folder.path()).env_clear().env("NBA", &SCRATCH.program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command)
    }

    /// Runs the program and compares exit code and both streams; what changes from run to run is blotted out.
    pub(crate) fn check(&self, args: &[&str], expected: Expect) {
        expected.assert_eq(&self.shown(&self.nba(args)));
    }

    /// An outcome as snapshots have it.
    pub(crate) fn shown(&self, outcome: &Outcome) -> String {
        let mut shown = format!("exit {}\n", outcome.code);
        for (name, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
            if !text.is_empty() {
                let _ = write!(shown, "--- {name}\n{text}");
            }
        }
        self.blotted(&shown)
    }

    fn blotted(&self, text: &str) -> String {
        static CHANGING: LazyLock<[(Regex, &str); 7]> = LazyLock::new(|| {
            [
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
                (r"process id \d+", "process id <pid>"),
                (r"kept as [0-9a-f]{16}", "kept as <id>"),
                (r"\d+\.\d s\b", "<n> s"),
                (r"\d+ rows/s", "<n> rows/s"),
                // Mostly the examples of the catalogue.
                (r"\d+ texts", "<n> texts"),
                (r"@[0-9a-f]{8}\b", "@<fingerprint>"),
            ]
            .map(|(pattern, blot)| (Regex::new(pattern).unwrap(), blot))
        });
        let mut text = text.replace(&self.folder.path().display().to_string(), "<tmp>");
        text = text.replace(&SCRATCH.folder.display().to_string(), "<scratch>");
        text = text.replace(env!("CARGO_MANIFEST_DIR"), "<package>");
        for (pattern, blot) in CHANGING.iter() {
            text = pattern.replace_all(&text, *blot).into_owned();
        }
        text
    }
}

/// Runs a command to its end. A panic is a failure of the test whatever it looks for.
pub(crate) fn finish(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let outcome =
        Outcome { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stderr.contains("panicked"), "{command:?}: {outcome:?}");
    outcome
}

/// The folder of the package.
pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The desk that is shipped.
pub(crate) fn fixtures() -> PathBuf {
    package().join("fixtures")
}

/// An index of `fixtures/` by the hashed embedder.
pub(crate) fn fixtures_index() -> &'static Path {
    static INDEX: LazyLock<PathBuf> = LazyLock::new(|| build_hashed(&fixtures(), "fixtures"));
    &INDEX
}

/// Two small desks that nobody writes to: `desk` and its `index`.
static SMALL: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = SCRATCH.folder.join("small");
    let params = GenerateParams { tickets: 40, seed: 7, locale: Locale::Mixed, labels: false, queries: false };
    generate(&folder.join("desk"), &params, &mut |_, _| {}).unwrap();
    build_hashed(&folder.join("desk"), "small/index");
    folder
});

/// The name of a ticket of the small desk that still waits for its next action, or of one that is solved.
pub(crate) fn small_ticket(active: bool) -> String {
    let desk = nba::desk::load(&SMALL.join("desk"), &nba::desk::ReadParams::default()).unwrap();
    let wanted =
        |ticket: &&nba::desk::Ticket| if active { ticket.status.is_active() } else { ticket.status.is_resolved() };
    desk.tickets.iter().find(wanted).unwrap().id.clone()
}

/// Builds with the program, into a folder of that name in the scratch folder.
fn build_hashed(data: &Path, name: &str) -> PathBuf {
    let index = SCRATCH.folder.join(name);
    let sandbox = Sandbox::new();
    let (data, folder) = (data.to_str().unwrap(), index.to_str().unwrap());
    sandbox.nba(&["index", "build", "--data", data, "--index", folder, "--model", "hashed"]).ok();
    index
}

/// Builds through the library, with a clock that stands still.
pub(crate) fn build(data: &Path, index: &Path, params: &nba::BuildParams) -> nba::Result<nba::BuildReport> {
    let request = nba::BuildRequest {
        data: data.to_owned(),
        extract: nba::Extract::Full,
        at: std::collections::BTreeMap::new(),
        index: index.to_owned(),
        catalogue: &nba::Catalogue::built_in(),
        now: NOW.to_owned(),
        holder: "a test".to_owned(),
        params,
        recommend: &nba::RecommendParams::default(),
        fusion: nba::FusionParams::default(),
        keyword: &nba::KeywordParams::default(),
        forced_by: None,
    };
    nba::Engine::build(&request, &nba::HashedEmbedder::new(256), &mut |_| {})
}

/// Sends a signal to a process that a test started.
pub(crate) fn stop(child: &Child, signal: &str) {
    let mut command = Command::new("/bin/kill");
    command.args([signal, &child.id().to_string()]);
    finish(command).ok();
}

/// How often a test tries what chance decides: as often as this variable says, else so often.
pub(crate) fn trials(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// Every file below a folder by its path there, in order.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
}

/// The program in a folder of its own, so that no index or model above it is found, and room for temporary folders.
struct Scratch {
    folder: PathBuf,
    program: PathBuf,
    /// Held for as long as this process lives: whoever gets a dead process's lock may remove its folder.
    _lock: File,
}

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it");
    fs::create_dir_all(&all).unwrap();
    remove_those_of_the_dead(&all);
    let folder = tempfile::tempdir_in(&all).unwrap().keep();
    let lock = fs::File::create(folder.join("lock")).unwrap().into_file();
    lock.lock().unwrap();
    // The program looks into three folders above itself.
    let program = folder.join("above/above/bin/nba");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::hard_link(env!("CARGO_BIN_EXE_nba"), &program).unwrap();
    Scratch { folder, program, _lock: lock }
});

fn remove_those_of_the_dead(all: &Path) {
    for entry in fs::read_dir(all).unwrap() {
        let folder = entry.unwrap().path();
        // One that was made just now may not have its lock yet; it stays.
        let is_dead = fs::File::open(folder.join("lock")).is_ok_and(|lock| lock.file().try_lock().is_ok());
        if is_dead {
            // Another process may be at the same.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Says why a test does nothing, or fails where `NBA_REQUIRE_MODEL=1` forbids that.
pub(crate) fn skip(why: &str) {
    let required = std::env::var_os("NBA_REQUIRE_MODEL").is_some_and(|value| value == "1");
    assert!(!required, "NBA_REQUIRE_MODEL=1, but {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Says why a test that this machine need not be able to run does nothing.
pub(crate) fn skip_optional(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The smallest desk, written by hand, so that messages about it can be read here.
pub(crate) const MINI_DESK: [(&str, &str); 5] = [
    ("companies.csv", "company_id\nCOMP1\nCOMP2\n"),
    (
        "customers.csv",
        "customer_id,company_id,customer_name,email,cpf,phone\n\
         CUST1,COMP1,Iara Peixoto Vidal,iara@loja.example,529.982.247-25,(11) 98765-4321\n\
         CUST2,COMP2,Bento Salgado Luz,bento@loja.example,111.444.777-35,(21) 99876-5432\n",
    ),
    ("agents.csv", "agent_id,agent_name,team,specialization,status\nAGENT1,Vera Castilho,L1,FINANCIAL,ACTIVE\n"),
    (
        "tickets.csv",
        "ticket_id,company_id,customer_id,agent_id,created_at,closed_at,status,priority,category,channel,subject,description\n\
         TICKET-1,COMP1,CUST1,AGENT1,2026-05-01 10:00:00,2026-05-02 10:00:00,RESOLVED,HIGH,FINANCIAL,EMAIL,Estorno,O estorno não caiu na conta\n\
         TICKET-2,COMP2,CUST2,AGENT1,2026-05-03 10:00:00,2026-05-04 10:00:00,CLOSED,LOW,TECHNICAL,EMAIL,Maquininha,A maquininha não liga mais\n\
         TICKET-3,COMP1,CUST1,,2026-06-01 10:00:00,,OPEN,HIGH,FINANCIAL,EMAIL,Estorno,Cadê o estorno da venda\n",
    ),
    (
        "ticket_interactions.csv",
        "interaction_id,ticket_id,interaction_timestamp,author_type,author_id,message\n\
         INT1,TICKET-1,2026-05-01 10:00:00,CUSTOMER,CUST1,O estorno não caiu na conta\n\
         INT2,TICKET-1,2026-05-01 12:00:00,AGENT,AGENT1,Fiz o estorno agora\n\
         INT3,TICKET-2,2026-05-03 11:00:00,AGENT,AGENT1,Vamos trocar a maquininha\n\
         INT4,TICKET-3,2026-06-01 10:00:00,CUSTOMER,CUST1,Cadê o estorno da venda\n",
    ),
];

/// Writes the desk of `fixtures/` without a turn: what stands for each ticket is its problem alone.
pub(crate) fn silent_desk(sandbox: &Sandbox, folder: &str) -> PathBuf {
    for name in ["agents.csv", "companies.csv", "customers.csv", "tickets.csv"] {
        sandbox.write(&format!("{folder}/{name}"), fs::read_to_string(fixtures().join(name)).unwrap());
    }
    let turns = fs::read_to_string(fixtures().join("ticket_interactions.csv")).unwrap();
    sandbox.write(&format!("{folder}/ticket_interactions.csv"), turns.lines().next().unwrap());
    sandbox.path(folder)
}
