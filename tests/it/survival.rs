//! What chance does to an index: builds that are killed, disks that fill up, readers while builds publish, bytes that flip.
//! Each test tries a little by default, and as often as its variable says: `NBA_KILLS`, `NBA_FULL_DISKS`,
//! `NBA_PUBLICATIONS`, `NBA_FLIPS`. Figures of long runs are in `benches/README.md`.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fs_err as fs;
use nba::snapshot::Snapshot;
use nba::{Engine, EngineParams, RecommendParams, RecommendRequest, SimilarRequest, Subject};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::support::{self, Sandbox, files, small_ticket, trials};

/// Two desks on which the same questions have different answers.
const DESKS: [&str; 2] = ["desk", "other"];
/// How many lines a build says.
const LINES: usize = 13;

fn with_two_desks() -> Sandbox {
    let sandbox = Sandbox::with_mini_desk();
    let catalogue = fs::read_to_string(support::package().join("tests/formats/desk/actions.toml")).unwrap();
    sandbox.write("desk/actions.toml", catalogue);
    support::copy_folder(&sandbox.path("desk"), &sandbox.path("other"));
    sandbox.edit("other/ticket_interactions.csv", "Fiz o estorno agora", "Vamos trocar a maquininha");
    for table in ["tickets", "ticket_interactions"] {
        let text = sandbox.read(&format!("other/{table}.csv"));
        sandbox.write(&format!("other/{table}.csv"), text.replace("TICKET-1", "TICKET-7"));
    }
    sandbox
}

/// What a generation answers: both indexes, what was learnt, and the catalogue have a share in it.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    similar: Vec<(String, String, Option<String>)>,
    actions: Vec<(String, String, Vec<String>)>,
}

/// The generation that answered, which must be one for all questions.
fn ask(engine: &Engine) -> nba::Result<(String, Answers)> {
    let subject = Subject::Ticket("TICKET-3".to_owned());
    let similar = engine.similar(&SimilarRequest::new(subject.clone(), 5))?;
    let advised = engine.recommend(&RecommendRequest::new(subject))?;
    assert_eq!(similar.generation, advised.generation);
    let answers = Answers {
        similar: similar.tickets.into_iter().map(|it| (it.hit.key, it.hit.score.to_string(), it.solution)).collect(),
        actions: advised
            .advice
            .actions
            .into_iter()
            .map(|it| {
                let evidence = it.evidence.into_iter().map(|evidence| evidence.ticket_id).collect();
                (it.action, it.score.to_string(), evidence)
            })
            .collect(),
    };
    Ok((similar.generation, answers))
}

fn open(index: &Path) -> nba::Result<Engine> {
    let recommend = RecommendParams { min_confidence: 0.0, min_similarity: -1.0, ..RecommendParams::default() };
    Engine::open_with(EngineParams { recommend, ..EngineParams::new(index) })
}

/// What each of the two desks answers.
fn expected(sandbox: &Sandbox) -> [Answers; 2] {
    let answers = DESKS.map(|desk| {
        sandbox.nba(&build(desk, &["--index", "alone", "--force"])).ok();
        ask(&open(&sandbox.path("alone")).unwrap()).unwrap().1
    });
    assert_ne!(answers[0], answers[1]);
    assert!(answers.iter().all(|it| it.similar.len() == 2 && !it.actions.is_empty()), "{answers:?}");
    answers
}

fn build<'a>(desk: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["index", "build", "--data", desk, "--model", "hashed"][..], more].concat()
}

fn number(current: &str) -> u64 {
    current[1..7].parse().unwrap()
}

/// A build that is killed at any point leaves the old generation or the new one, whole; the next build succeeds and clears up.
#[test]
fn killed_builds_lose_nothing() {
    let sandbox = with_two_desks();
    let expected = expected(&sandbox);
    let index = sandbox.path("index");
    sandbox.nba(&build(DESKS[0], &[])).ok();
    let mut serving = 0;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut killed, mut published, mut trial) = (0, 0, 0);
    let kills = trials("NBA_KILLS", 25);
    while killed < kills {
        let before = sandbox.read("index/CURRENT");
        let next = 1 - serving;
        // `keep` is small, so that some are killed while they remove an old generation.
        let mut child = sandbox.command(&build(DESKS[next], &["--keep", "2"])).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for _ in 0..random.random_range(0..=LINES) {
            lines.next();
        }
        thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());

        let after = sandbox.read("index/CURRENT");
        if after != before {
            assert!(number(&after) > number(&before), "trial {trial}: {before} {after}");
            serving = next;
            published += 1;
        }
        Snapshot::open(&index).unwrap().verify().unwrap();
        assert_eq!(ask(&open(&index).unwrap()).unwrap().1, expected[serving], "trial {trial}");
        if trial % 5 == 4 || killed == kills {
            sandbox.nba(&build(DESKS[1 - serving], &["--keep", "2"])).ok();
            serving = 1 - serving;
            assert_eq!(ask(&open(&index).unwrap()).unwrap().1, expected[serving], "trial {trial}");
            let mut names: Vec<String> =
                fs::read_dir(&index).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            assert_eq!(names[..3], ["CURRENT", "LOCK", "cache"], "trial {trial}: {names:?}");
            assert_eq!(names.len(), 5, "trial {trial}: {names:?}");
        }
        trial += 1;
        assert!(trial <= 3 * kills, "{killed} of {trial} builds were killed in time");
    }
    eprintln!("{trial} builds: {killed} killed, {published} had published");
}

/// A build that is asked to stop while it embeds says how to go on, leaves the old generation and its vectors, and the next one
/// embeds what is left and nothing else.
#[cfg(unix)]
#[test]
fn a_stopped_build_goes_on_where_it_ended() {
    let sandbox = Sandbox::with_mini_desk();
    sandbox.nba(&["generate", "--tickets", "1500", "--out", "made"]).ok();
    sandbox.nba(&build("desk", &[])).ok();
    let mut child = sandbox.command(&build("made", &["--force"])).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("embed  25 %")));
    support::stop(&child, "-TERM");
    let last = lines.last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(8), "{last}");
    assert!(last.starts_with("error: stopped as asked: nothing is published, and the vectors of "), "{last}");
    let kept: u64 = last.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(sandbox.read("index/CURRENT").starts_with("g000001"));

    let went_on = sandbox.command(&build("made", &["--force", "--resume", "--json"])).output().unwrap();
    assert!(went_on.status.success());
    let report: serde_json::Value = serde_json::from_slice(&went_on.stdout).unwrap();
    let talk = String::from_utf8(went_on.stderr).unwrap();
    let (texts, reused) = (report["texts"].as_u64().unwrap(), report["reused"].as_u64().unwrap());
    assert!(kept > 0 && reused == kept, "{kept} were kept and {reused} reused");
    assert!(talk.contains(&format!("resume: {reused} of {texts} texts had been embedded")), "{talk}");
}

/// The calls of a trace in the order in which they ended: where several threads call at once, it tells begin and end apart.
fn ended_calls(trace: &str) -> Vec<String> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut ended = Vec::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        if let Some(call) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, call);
        } else if let Some((_, end)) = line.split_once(" resumed>") {
            ended.push(format!("{}{end}", begun.remove(thread).unwrap_or_default()));
        } else {
            ended.push(line.to_owned());
        }
    }
    ended
}

/// What the system was asked for, in order: every file and folder of a generation is flushed before `CURRENT` names it.
#[test]
fn all_of_a_generation_is_on_the_disk_before_it_serves() {
    let sandbox = Sandbox::with_small_desk();
    let traced = "strace -f -y -e trace=fsync,fdatasync,rename,renameat,renameat2 -o trace";
    if sandbox.sh(&format!("{traced} /bin/true")).code != 0 {
        support::skip_optional("there is no strace");
        return;
    }
    sandbox.sh(&format!("exec {traced} \"$NBA\" index build --data desk --model hashed --index below/index")).ok();
    let trace = sandbox.read("trace");
    let calls = ended_calls(&trace);
    let lines: Vec<&str> = calls.iter().map(String::as_str).filter(|line| line.ends_with("= 0")).collect();
    let renamed = |to: &str| lines.iter().position(|line| line.contains("rename") && line.contains(to)).unwrap();
    let synced = |path: &str| {
        let last = |line: &&str| line.contains("sync(") && line.contains(&format!("/{path}>)"));
        lines.iter().rposition(last).unwrap_or_else(|| panic!("{path} is never flushed: {trace}"))
    };
    let (named, served) = (renamed("below/index/g000001\""), renamed("below/index/CURRENT\""));
    assert!(named < served, "{trace}");
    let mut paths = files(&sandbox.path("below/index/g000001"));
    for path in paths.clone() {
        paths.extend(Path::new(&path).ancestors().skip(1).map(|folder| folder.to_str().unwrap().to_owned()));
    }
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let written = format!("below/index/.g000001.new/{path}");
        assert!(synced(written.trim_end_matches('/')) < named, "{path}: {trace}");
    }
    assert!(synced("below/index/.CURRENT.new") < served);
    // The names in the index folder, before and after; its own name; and the vectors, which are not of the generation.
    assert!(
        lines[named..served].iter().any(|line| line.contains("sync(") && line.contains("/below/index>)")),
        "{trace}"
    );
    assert!(synced("below/index") > served && synced("below") > served, "{trace}");
    assert!(
        lines.iter().any(|line| line.contains("sync(") && line.contains("below/index/cache/hashed-256")),
        "{trace}"
    );
}

/// A disk of its own that is full at some point of a build: the old generation serves from it, and once there is room the
/// next build succeeds and clears up.
#[test]
fn full_disks_lose_nothing() {
    let sandbox = with_two_desks();
    let mounts = "mkdir -p disk && mount -t tmpfs -o size=1m none disk";
    if sandbox.sh(&format!("unshare -rm sh -c '{mounts}'")).code != 0 {
        support::skip_optional("no file system can be mounted here");
        return;
    }
    sandbox.nba(&build(DESKS[0], &["--index", "kept"])).ok();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let trials = trials("NBA_FULL_DISKS", 8);
    let mut failures = 0;
    for trial in 0..trials {
        // What is left of the disk, in pages: nothing, up to all that a build needs.
        let left = random.random_range(0..60);
        let outcome = sandbox.sh(&format!(
            "exec unshare -rm sh -ec '
                mkdir -p disk && mount -t tmpfs -o size=64m none disk && cp -r kept disk/index && cd disk
                used=$(df -B4096 --output=used . | tail -n 1)
                mount -o remount,size=$(((used + {left}) * 4096)) .
                serves=$(cat index/CURRENT)
                code=0; \"$NBA\" index build --data ../other --model hashed --index index 2>../errors >&2 || code=$?
                if [ $code -ne 0 ]; then
                    [ \"$serves\" = \"$(cat index/CURRENT)\" ]
                    ! ls -a index | grep -q new
                fi
                \"$NBA\" index verify --index index >&2
                \"$NBA\" similar TICKET-3 --index index >&2
                mount -o remount,size=64m .
                \"$NBA\" index build --data ../other --model hashed --index index --force >&2
                \"$NBA\" index verify --index index >&2
                echo $code; cat ../errors
            '"
        ));
        let (code, errors) = outcome.stdout.split_once('\n').unwrap_or_else(|| panic!("trial {trial}: {outcome:?}"));
        assert_eq!(outcome.code, 0, "trial {trial}, {left} pages: {outcome:?}");
        assert!(matches!(code, "0" | "7"), "trial {trial}, {left} pages: {outcome:?}");
        assert_eq!(code == "7", errors.contains("No space left on device"), "trial {trial}, {left} pages: {outcome:?}");
        failures += usize::from(code == "7");
    }
    eprintln!("{trials} builds: {failures} on a disk that was full");
    assert!(failures * 4 >= trials, "only {failures} of {trials} disks were full");
}

/// Readers of every kind at full speed while two desks take turns: each answer is that of one generation, whole.
#[test]
fn readers_never_notice_a_publication() {
    let sandbox = with_two_desks();
    let expected = expected(&sandbox);
    let index = sandbox.path("index");
    let publish = |turn: usize| {
        // Even where only one generation is kept, so that what a reader has found in `CURRENT` may go before it is opened.
        let keep = if turn.is_multiple_of(2) { "1" } else { "3" };
        sandbox.nba(&build(DESKS[turn % 2], &["--keep", keep])).ok();
    };
    publish(0);
    // The first generation is of the first desk, and so on by turns.
    let check = |(generation, answers): (String, Answers)| {
        assert_eq!(answers, expected[(number(&generation) as usize + 1) % 2], "{generation}");
        number(&generation)
    };
    let publications = trials("NBA_PUBLICATIONS", 12);
    let done = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    let read = |one: &dyn Fn() -> u64| {
        let mut seen = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            let number = one();
            assert!(seen.last().is_none_or(|&last| last <= number), "{number} after {seen:?}");
            seen.insert(number);
            asked.fetch_add(1, Ordering::Relaxed);
        }
        seen.len()
    };
    thread::scope(|scope| {
        // A failure anywhere ends the readers.
        let _ends = Ends(&done);
        let opens = scope.spawn(|| read(&|| check(ask(&open(&index).unwrap()).unwrap())));
        let reloads = scope.spawn(|| {
            let engine = open(&index).unwrap();
            read(&|| {
                engine.reload_if_changed().unwrap();
                check(ask(&engine).unwrap())
            })
        });
        let verifies = scope.spawn(|| {
            read(&|| {
                let snapshot = Snapshot::open(&index).unwrap();
                snapshot.verify().unwrap();
                number(&snapshot.generation().name)
            })
        });
        let processes = scope.spawn(|| {
            read(&|| {
                let answer = sandbox.nba(&["similar", "TICKET-3", "-k", "5", "--json"]).json();
                let generation = number(answer["generation"].as_str().unwrap());
                let keys: Vec<&str> =
                    answer["tickets"].as_array().unwrap().iter().map(|it| it["ticket_id"].as_str().unwrap()).collect();
                let wanted = expected[(generation as usize + 1) % 2].similar.iter().map(|(key, ..)| key.as_str());
                assert_eq!(keys, wanted.collect::<Vec<_>>());
                generation
            })
        });
        for turn in 1..=publications {
            publish(turn);
        }
        done.store(true, Ordering::Relaxed);
        let seen = [opens, reloads, verifies, processes].map(|reader| reader.join().unwrap());
        eprintln!("{publications} publications: {} reads, generations seen {seen:?}", asked.load(Ordering::Relaxed));
        assert!(seen.iter().all(|&seen| seen * 3 >= publications), "{seen:?}");
    });
}

/// Sets a flag when it goes, by a panic too.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A byte that is another, anywhere: refused at open or found by `verify`, or else, where a blank of `CURRENT` has become
/// another blank, nothing is different. Never a panic, and no other answer.
#[test]
fn flipped_bytes_are_never_served() {
    let sandbox = Sandbox::with_small_index();
    let index = sandbox.path("index");
    let question = || Subject::Ticket(small_ticket(true));
    let ask = |subject: Subject| -> nba::Result<_> {
        let engine = open(&index)?;
        engine.with_snapshot(Snapshot::verify)?;
        let request = SimilarRequest { explain: true, ..SimilarRequest::new(subject.clone(), 20) };
        Ok((engine.similar(&request)?, engine.recommend(&RecommendRequest::new(subject))?))
    };
    let subject = question();
    let whole_answer = ask(subject.clone()).unwrap();
    let served = files(&index).into_iter().filter(|name| name != "LOCK" && !name.starts_with("cache/"));
    let served: Vec<(String, Vec<u8>)> =
        served.map(|name| (name.clone(), fs::read(index.join(name)).unwrap())).collect();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let flips = trials("NBA_FLIPS", 300);
    let (mut refused, mut detected, mut harmless) = (0, 0, 0);
    for trial in 0..flips {
        // Half of them in any file, however short; half in any byte.
        let (mut at, total) = (0, served.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
        let (name, whole) = if trial % 2 == 0 {
            &served[random.random_range(0..served.len())]
        } else {
            let mut place = random.random_range(0..total);
            served
                .iter()
                .find(|(_, bytes)| {
                    let here = place < bytes.len();
                    if !here {
                        place -= bytes.len();
                    }
                    here
                })
                .unwrap()
        };
        at += random.random_range(0..whole.len());
        let mut bytes = whole.clone();
        let bits = random.random_range(1..=255_u8);
        bytes[at] ^= bits;
        fs::write(index.join(name), &bytes).unwrap();
        let place = format!("byte {at} of {name}, bits {bits:08b}");
        match Snapshot::open(&index) {
            Err(nba::Error::Corrupt { .. } | nba::Error::Format { .. }) => refused += 1,
            Err(error) => panic!("{place}: {error}"),
            Ok(snapshot) => match snapshot.verify() {
                Err(nba::Error::Corrupt { .. }) => detected += 1,
                Err(error) => panic!("{place}: {error}"),
                Ok(()) => {
                    assert_eq!(name, "CURRENT", "{place}");
                    assert_eq!(ask(subject.clone()).unwrap(), whole_answer, "{place}");
                    harmless += 1;
                }
            },
        }
        fs::write(index.join(name), whole).unwrap();
    }
    eprintln!("{flips} flips: {refused} refused at open, {detected} found by verify, {harmless} without meaning");
    assert_eq!(ask(subject).unwrap(), whole_answer);
}
