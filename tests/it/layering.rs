//! The architecture as a test: who may import whom, who may name which crate, and that every file says what it owns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bottom-up: a module imports only from rows above its own, and only what its row names.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("rank", &[]),
    ("stage", &[]),
    ("discriminant", &[]),
    ("disk", &["error"]),
    ("feedback", &["error", "disk"]),
    ("forgotten", &["error", "disk"]),
    ("table", &["error"]),
    ("filter", &["error", "rank"]),
    ("embed", &["error", "disk"]),
    ("vector", &["error", "rank", "embed"]),
    ("keyword", &["error", "rank"]),
    ("index", &["error", "rank", "stage", "discriminant", "disk", "filter", "embed", "vector", "keyword"]),
    ("snapshot", &["error", "rank", "disk", "forgotten", "index", "embed"]),
    ("collection", &["error", "rank", "stage", "disk", "filter", "embed", "vector", "keyword", "index"]),
    ("similarity", &["error", "rank", "filter", "embed", "vector", "keyword", "index", "snapshot"]),
    ("desk", &["error", "discriminant", "table"]),
    ("actions", &["error", "embed", "desk"]),
    ("privacy", &["error", "index", "snapshot", "desk"]),
    ("generate", &["error"]),
    ("recommend", &["error", "desk", "feedback"]),
    ("history", &["rank", "embed", "desk", "recommend", "vector"]),
    (
        "rebuild",
        &[
            "error",
            "feedback",
            "forgotten",
            "filter",
            "embed",
            "vector",
            "keyword",
            "index",
            "snapshot",
            "similarity",
            "desk",
            "privacy",
            "recommend",
            "history",
        ],
    ),
    (
        "engine",
        &[
            "error",
            "rank",
            "stage",
            "feedback",
            "forgotten",
            "filter",
            "embed",
            "keyword",
            "index",
            "snapshot",
            "similarity",
            "desk",
            "rebuild",
            "recommend",
        ],
    ),
    (
        "catalog",
        &["error", "rank", "stage", "disk", "filter", "embed", "vector", "index", "collection", "table", "engine"],
    ),
    (
        "evaluate",
        &[
            "error",
            "rank",
            "embed",
            "vector",
            "keyword",
            "index",
            "desk",
            "generate",
            "recommend",
            "history",
            "rebuild",
            "filter",
            "engine",
        ],
    ),
    ("config", &["error", "disk", "embed", "keyword", "index", "desk", "rebuild", "recommend"]),
    (
        "face",
        &[
            "error",
            "stage",
            "disk",
            "feedback",
            "forgotten",
            "filter",
            "embed",
            "vector",
            "keyword",
            "index",
            "snapshot",
            "similarity",
            "desk",
            "privacy",
            "generate",
            "actions",
            "rebuild",
            "recommend",
            "collection",
            "engine",
            "catalog",
            "evaluate",
            "config",
        ],
    ),
];

/// Crates that only some files may name: a change of such a crate is a change of those files.
const FENCED: &[(&str, &[&str])] = &[
    ("hnsw_rs", &["src/vector/hnsw.rs"]),
    ("ort", &["src/embed/onnx/"]),
    ("tokenizers", &["src/embed/onnx/"]),
    ("tantivy", &["src/keyword/"]),
    ("parquet", &["src/table/"]),
    ("delta_kernel", &["src/table/delta/kernel.rs"]),
    ("delta_kernel_default_engine", &["src/table/delta/kernel.rs"]),
    ("clap", &["src/face/cli/"]),
    ("indicatif", &["src/face/cli/"]),
    ("plotters", &["src/face/cli/plot.rs"]),
    ("whatlang", &["src/desk/language.rs"]),
    ("axum", &["src/face/http/", "src/face/databricks/", "src/face/mcp/http.rs", "src/face/mcp/managed/"]),
    ("hyper", &["src/face/http/connections.rs"]),
    ("hyper_util", &["src/face/http/connections.rs"]),
    ("http_body_util", &["src/face/http/limits.rs"]),
    ("lru", &["src/engine/model.rs", "src/index/rows.rs"]),
    ("prometheus_client", &["src/face/http/"]),
    ("subtle", &["src/face/http/tokens.rs"]),
    ("tokio_rustls", &["src/face/http/tls.rs"]),
    ("rmcp", &["src/face/mcp/"]),
    ("tokio", &["src/face/"]),
    ("arc_swap", &["src/engine/"]),
    ("pulp", &["src/embed/onnx/rows.rs", "src/vector/"]),
    (
        "rand_chacha",
        &[
            "src/generate/",
            "src/evaluate/report.rs",
            "src/evaluate/tune/",
            "src/recommend/learn/",
            "src/vector/axes.rs",
            "src/vector/partition.rs",
        ],
    ),
    ("getrandom", &["src/face/cli/forget.rs", "src/face/http/observe.rs"]),
    ("rustix", &["src/face/cli/doctor.rs"]),
    ("signal_hook", &["src/face/cli/stop.rs"]),
    ("ndarray", &["src/recommend/learn/logistic.rs"]),
    ("toml_edit", &["src/config/edit.rs"]),
];

#[test]
fn modules_import_only_what_lies_below() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    for (at, (module, imports)) in MAY_IMPORT.iter().enumerate() {
        for import in *imports {
            assert!(MAY_IMPORT[..at].iter().any(|(above, _)| above == import), "{module}: {import} is not above it");
        }
    }
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(imports) = allowed.get(module.as_str()) else {
            faults.push(format!("{}: module `{module}` is not in the table", path.display()));
            continue;
        };
        for used in crate_paths(&text) {
            let is_module = allowed.contains_key(used.as_str());
            if is_module && used != module && !imports.contains(&used.as_str()) {
                faults.push(format!("{}: imports `{used}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "imports that the table does not allow:\n{}", faults.join("\n"));
}

#[test]
fn fenced_crates_stay_in_their_files() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().replace('\\', "/");
        for (fenced, homes) in FENCED {
            let named = code_lines(&text).any(|line| names(line, fenced));
            if named && !homes.iter().any(|home| name.starts_with(home)) {
                faults.push(format!("{name}: names `{fenced}`"));
            }
        }
    }
    assert!(faults.is_empty(), "crates named outside their files:\n{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_owns_and_stays_readable() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            faults.push(format!("{}: does not begin with `//!`", path.display()));
        }
        let is_test = path.ends_with("tests.rs");
        let lines = text.lines().count();
        if lines > 500 && !is_test {
            faults.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every source file, its path relative to the package.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs_err::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(files.len() > 20, "the sources were not found");
    files.sort();
    files
}

fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether a line has a path that begins with the crate, and not merely with a name that ends like it.
fn names(line: &str, fenced: &str) -> bool {
    line.match_indices(&format!("{fenced}::"))
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

/// The first segment of every `crate::…` path, groups included.
fn crate_paths(text: &str) -> Vec<String> {
    let code: String = code_lines(text).collect::<Vec<_>>().join("\n");
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let parts = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        for part in parts {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}
