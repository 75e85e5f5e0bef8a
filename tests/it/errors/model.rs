//! A model or an ONNX Runtime that is missing, too old, or another one than the index was built with.

use std::path::Path;
use std::process::Command;

use expect_test::expect;
use nba::snapshot::Snapshot;

use crate::support::{MODEL, Sandbox, build, finish, package};

/// What `nba` needs a model for, least first.
const EMBED: [&str; 3] = ["search", "tickets", "--text"];

/// The shipped model in a models folder of the sandbox, which has no runtime.
fn link_model(sandbox: &Sandbox) {
    let to = sandbox.path("models").join(MODEL);
    fs_err::create_dir_all(&to).unwrap();
    for entry in fs_err::read_dir(package().join("models").join(MODEL)).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        fs_err::hard_link(entry.path(), &target).or_else(|_| fs_err::copy(entry.path(), &target).map(drop)).unwrap();
    }
}

/// A small index that claims to be built with the shipped model.
fn index_of_the_model(sandbox: &Sandbox) {
    let index = sandbox.path("index");
    build(&sandbox.path("desk"), &index, &nba::BuildParams::default()).unwrap();
    let identity = nba::ModelSpec::open(&package().join("models").join(MODEL)).unwrap().identity;
    let hashed = Snapshot::open(&index).unwrap().generation().model.clone();
    let renamed =
        |text: String| text.replace(&hashed.fingerprint, &identity.fingerprint).replace(&hashed.name, &identity.name);
    let sum = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut generation = sandbox.read("index/g000001/generation.json");
    for inner in ["tickets", "steps"] {
        let path = format!("index/g000001/{inner}/manifest.json");
        let before = sandbox.read(&path);
        let after = renamed(before.clone());
        generation = generation.replace(&sum(&before), &sum(&after));
        sandbox.write(&path, after);
    }
    let generation = renamed(generation);
    sandbox.write("index/CURRENT", format!("g000001 {}\n", sum(&generation)));
    sandbox.write("index/g000001/generation.sha256", format!("{}\n", sum(&generation)));
    sandbox.write("index/g000001/generation.json", generation);
}

#[test]
fn another_model_than_the_index_was_built_with() {
    let mut sandbox = Sandbox::with_small_index();
    link_model(&sandbox);
    sandbox.check(&["similar", "TICKET-0001", "--model", MODEL], expect![[r#"
        exit 7
        --- stderr
        error: the index was built with model `hashed-256@<fingerprint>`, and this is `portuguese-multilingual-e5-small@<fingerprint>`; use that model or rebuild the index
    "#]]);
    sandbox.check(&[&EMBED[..], &["a", "--model", &format!("models/{MODEL}")]].concat(), expect![[r#"
        exit 7
        --- stderr
        error: the index was built with model `hashed-256@<fingerprint>`, and this is `portuguese-multilingual-e5-small@<fingerprint>`; use that model or rebuild the index
    "#]]);
    // The reverse.
    fs_err::remove_dir_all(sandbox.path("index")).unwrap();
    index_of_the_model(&sandbox);
    sandbox.check(
        &["similar", "TICKET-0001", "--model", "hashed"],
        expect![[r#"
            exit 7
            --- stderr
            error: the index was built with model `portuguese-multilingual-e5-small@<fingerprint>`, and this is `hashed-256@<fingerprint>`; use that model or rebuild the index
        "#]],
    );
    sandbox.set("NBA_MODEL", "hashed");
    sandbox.check(
        &["recommend", "--text", "a"],
        expect![[r#"
            exit 7
            --- stderr
            error: the index was built with model `portuguese-multilingual-e5-small@<fingerprint>`, and this is `hashed-256@<fingerprint>`; use that model or rebuild the index
        "#]],
    );
}

#[test]
fn a_model_that_is_not_there() {
    let sandbox = Sandbox::with_small_desk();
    sandbox.check(&["index", "build", "--data", "desk"], expect![[r#"
        exit 7
        --- stderr
        error: no usable model in portuguese-multilingual-e5-small: there is no such folder, nor one of that name in a models folder (no models folder was found)
    "#]]);
    sandbox.check(&["index", "build", "--data", "desk", "--model", "minilm"], expect![[r#"
        exit 7
        --- stderr
        error: no usable model in minilm: there is no such folder, nor one of that name in a models folder (no models folder was found)
    "#]]);
    index_of_the_model(&sandbox);
    sandbox.check(
        &[&EMBED[..], &["a"]].concat(),
        expect![[r#"
            exit 7
            --- stderr
            error: no usable model in portuguese-multilingual-e5-small: the index was built with it, and no models folder has it (no models folder was found); name its folder with --model
        "#]],
    );
    link_model(&sandbox);
    sandbox.check(&["index", "build", "--data", "desk", "--model", "models"], expect![[r#"
        exit 7
        --- stderr
        error: no usable model in models: failed to open file `models/model.toml`: No such file or directory (os error 2)
    "#]]);
    fs_err::create_dir(sandbox.path("models/minilm")).unwrap();
    sandbox.check(&["index", "build", "--data", "desk", "--model", "minilm"], expect![[r#"
        exit 7
        --- stderr
        error: no usable model in models/minilm: failed to open file `models/minilm/model.toml`: No such file or directory (os error 2)
    "#]]);
}

#[test]
fn a_model_folder_that_is_damaged() {
    let mut sandbox = Sandbox::with_small_desk();
    // The model is looked at first.
    sandbox.set("ORT_DYLIB_PATH", "no/libonnxruntime.so");
    link_model(&sandbox);
    let below = |file: &str| format!("models/{MODEL}/{file}");
    let build = ["index", "build", "--data", "desk"];
    let toml = sandbox.read(&below("model.toml"));
    let damaged = |text: String, expected| {
        // Never through the link.
        fs_err::remove_file(sandbox.path(&below("model.toml"))).unwrap();
        sandbox.write(&below("model.toml"), text);
        sandbox.check(&build, expected);
    };
    damaged(
        toml.replace("pooling = \"mean\"", "pooling = \"max\""),
        expect![[r#"
            exit 7
            --- stderr
            error: no usable model in models/portuguese-multilingual-e5-small: model.toml: TOML parse error at line 5, column 11
              |
            5 | pooling = "max"
              |           ^^^^^
            unknown variant `max`, expected `mean` or `cls`
        "#]],
    );
    damaged(
        toml.replace("dimension", "dimensions"),
        expect![[r#"
            exit 7
            --- stderr
            error: no usable model in models/portuguese-multilingual-e5-small: model.toml: TOML parse error at line 3, column 1
              |
            3 | dimensions = 384
              | ^^^^^^^^^^
            unknown field `dimensions`, expected one of `name`, `dimension`, `max_tokens`, `pooling`, `prefix`, `languages`, `source`, `license`, `model`, `tokenizer`
        "#]],
    );
    damaged(
        toml.replace("model.onnx", "model_q4.onnx"),
        expect![[r#"
            exit 7
            --- stderr
            error: no usable model in models/portuguese-multilingual-e5-small: failed to query resolved metadata `models/portuguese-multilingual-e5-small/model_q4.onnx`: No such file or directory (os error 2)
        "#]],
    );
    damaged(
        String::new(),
        expect![[r#"
            exit 7
            --- stderr
            error: no usable model in models/portuguese-multilingual-e5-small: model.toml: TOML parse error at line 1, column 1
              |
            1 | 
              | ^
            missing field `name`
        "#]],
    );
    damaged(
        toml,
        expect![[r#"
            exit 7
            --- stderr
            error: ONNX Runtime: no library that can be used; tried
                ORT_DYLIB_PATH: no/libonnxruntime.so does not exist
              get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer
        "#]],
    );
    fs_err::remove_file(sandbox.path(&below("tokenizer.json"))).unwrap();
    sandbox.check(&build, expect![[r#"
        exit 7
        --- stderr
        error: no usable model in models/portuguese-multilingual-e5-small: failed to query resolved metadata `models/portuguese-multilingual-e5-small/tokenizer.json`: No such file or directory (os error 2)
    "#]]);
    sandbox.write(&below("tokenizer.json"), "{}");
    sandbox.check(&build, expect![[r#"
        exit 7
        --- stderr
        error: no usable model in models/portuguese-multilingual-e5-small: tokenizer.json has 2 bytes, and model.toml says 1812014; fetch the model again
    "#]]);
}

#[test]
fn a_runtime_that_is_not_there() {
    let mut sandbox = Sandbox::with_small_desk();
    link_model(&sandbox);
    index_of_the_model(&sandbox);
    let outcome = sandbox.nba(&["index", "build", "--data", "desk"]);
    if outcome.code == 0 {
        // Not a failure where a model is required: this test wants the absence of a runtime.
        println!("skipped: the system has an ONNX Runtime of its own");
    } else {
        expect![[r#"
            exit 7
            --- stderr
            error: ONNX Runtime: no library that can be used; tried
                beside the executable: no libonnxruntime.so in <scratch>/above/above/bin
                the models: no libonnxruntime.so in models/runtime
                the system's loader: failed to load from `libonnxruntime.so`: dlopen failed
              get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer
        "#]]
        .assert_eq(&sandbox.shown(&outcome));
    }
    sandbox.set("ORT_DYLIB_PATH", "no/libonnxruntime.so");
    sandbox.check(
        &["index", "build", "--data", "desk"],
        expect![[r#"
            exit 7
            --- stderr
            error: ONNX Runtime: no library that can be used; tried
                ORT_DYLIB_PATH: no/libonnxruntime.so does not exist
              get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer
        "#]],
    );
    sandbox.check(
        &["similar", "--text", "a"],
        expect![[r#"
            exit 7
            --- stderr
            error: ONNX Runtime: no library that can be used; tried
                ORT_DYLIB_PATH: no/libonnxruntime.so does not exist
              get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer
        "#]],
    );
    // What needs no model goes on.
    sandbox.nba(&["similar", &crate::support::small_ticket(true)]).ok();
    sandbox.nba(&["recommend", &crate::support::small_ticket(true)]).ok();
    sandbox.nba(&["search", "tickets", "--text", "a", "--type", "full_text"]).ok();

    sandbox.write("text.so", "no library");
    sandbox.set("ORT_DYLIB_PATH", "text.so");
    let outcome = sandbox.nba(&["similar", "--text", "a"]).failed();
    assert!(outcome.stderr.contains("text.so") && outcome.stderr.contains("make runtime"), "{outcome:?}");
}

/// Libraries that are not the ONNX Runtime that is needed, made by the C compiler that the build needs anyway.
#[test]
fn a_runtime_that_is_too_old_or_none() {
    let mut sandbox = Sandbox::with_small_desk();
    link_model(&sandbox);
    index_of_the_model(&sandbox);
    let of_version = |version: &str| {
        format!(
            "typedef struct {{ const void *(*api)(unsigned); const char *(*version)(void); }} Base;\n\
             static const void *api(unsigned version) {{ return 0; }}\n\
             static const char *version(void) {{ return \"{version}\"; }}\n\
             static const Base base = {{ api, version }};\n\
             const Base *OrtGetApiBase(void) {{ return &base; }}\n"
        )
    };
    for (name, source) in [
        ("old", of_version("1.10.0")),
        ("odd", of_version("next")),
        ("other", "int answer(void) { return 42; }\n".to_owned()),
    ] {
        sandbox.write(&format!("{name}.c"), source);
        let library = sandbox.path(&format!("{name}.so"));
        if !compiled(&sandbox.path(&format!("{name}.c")), &library) {
            println!("skipped: no C compiler");
            return;
        }
        sandbox.set("ORT_DYLIB_PATH", &library);
        let outcome = sandbox.nba(&["similar", "--text", "a"]).failed();
        assert_eq!(outcome.code, 7, "{name}: {outcome:?}");
        let says_so = ["ONNX Runtime", "make runtime"].iter().all(|words| outcome.stderr.contains(words));
        assert!(says_so && outcome.stderr.contains(&format!("{name}.so")), "{name}: {outcome:?}");
        if name == "old" {
            expect![[r#"
                exit 7
                --- stderr
                error: ONNX Runtime: no library that can be used; tried
                    ORT_DYLIB_PATH: ort 2.0.0-rc.15 is not compatible with the ONNX Runtime binary found at `<tmp>/old.so`; expected version >= '1.22.x', but got '1.10.0'
                  get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer
            "#]].assert_eq(&sandbox.shown(&outcome));
        }
    }
}

fn compiled(source: &Path, library: &Path) -> bool {
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(library).arg(source);
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_wrong_model_needs_no_runtime_to_be_refused() {
    let sandbox = Sandbox::with_small_index();
    let mut command = sandbox.command(&["similar", "--text", "a", "--model"]);
    command.arg(package().join("models").join(MODEL)).env("ORT_DYLIB_PATH", "no/libonnxruntime.so");
    let outcome = finish(command).failed();
    assert!(outcome.stderr.contains("built with model `hashed-256"), "{outcome:?}");
}
