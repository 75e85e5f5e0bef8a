//! What holds for any embedder, for a model folder, and for the model of the repository where it is there.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use expect_test::expect;
use fs_err as fs;
use proptest::prelude::*;

use super::*;

/// The model that the repository ships.
const MODEL: &str = "portuguese-multilingual-e5-small";

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn model_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(MODEL)
}

/// The shipped model, or `None` with a line of why where model or runtime are absent and `NBA_REQUIRE_MODEL` is not set.
fn shipped_model() -> Option<&'static OnnxEmbedder> {
    static OPENED: OnceLock<Result<OnnxEmbedder>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| {
        let params = EmbedParams { threads: 2, ..EmbedParams::default() };
        ModelSpec::open(&model_folder()).and_then(|spec| OnnxEmbedder::open(&spec, &params))
    });
    match opened {
        Ok(embedder) => Some(embedder),
        Err(error) if std::env::var_os("NBA_REQUIRE_MODEL").is_some() => panic!("NBA_REQUIRE_MODEL is set: {error}"),
        Err(error) => {
            println!("skipped, no model here: {error}");
            None
        }
    }
}

#[test]
fn a_model_can_be_opened_by_many_threads_at_once() {
    if shipped_model().is_none() {
        return;
    }
    let spec = ModelSpec::open(&model_folder()).unwrap();
    let params = EmbedParams { threads: 1, ..EmbedParams::default() };
    let vectors: Vec<Vector> = std::thread::scope(|scope| {
        let open = || OnnxEmbedder::open(&spec, &params).unwrap().embed(&["o repasse"]).unwrap().remove(0);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(vectors.iter().all(|vector| *vector == vectors[0]));
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-zA-ZçãéÉ0-9 .,!?$]{0,60}[a-z!?]" // never blank
}

proptest! {
    #[test]
    fn a_vector_has_unit_length_and_survives_storing(raw in prop::collection::vec(-1e3_f32..1e3, 1..50)) {
        if let Some(vector) = Vector::new(raw.clone()) {
            prop_assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
            prop_assert_eq!(Vector::new(vector.to_vec()), Some(vector));
        } else {
            prop_assert!(raw.iter().all(|x| x.abs() < 1e-30));
        }
    }

    #[test]
    fn hashed_vectors_never_depend_on_company(texts in prop::collection::vec(any_text(), 1..6)) {
        let embedder = HashedEmbedder::new(64);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = embedder.embed(&texts).unwrap();
        for (text, vector) in texts.iter().zip(&together) {
            prop_assert_eq!(&embedder.embed(&[text]).unwrap()[0], vector);
        }
    }
}

/// An embedder that counts, in place of one that takes long.
struct Counting(HashedEmbedder, std::sync::atomic::AtomicUsize);

impl Counting {
    fn new() -> Self {
        Self(HashedEmbedder::new(32), 0.into())
    }

    /// How many texts were embedded since this was last asked.
    fn embedded(&self) -> usize {
        self.1.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

impl Embedder for Counting {
    fn identity(&self) -> &ModelIdentity {
        self.0.identity()
    }

    fn embed_with_progress(&self, texts: &[&str], on_progress: &mut dyn FnMut(usize)) -> Result<Vec<Vector>> {
        self.1.fetch_add(texts.len(), std::sync::atomic::Ordering::Relaxed);
        self.0.embed_with_progress(texts, on_progress)
    }
}

/// Tells each of some texts twice, a few at a time.
fn telling<'a>(texts: &'a [&str]) -> Box<Texts<'a>> {
    let told: Vec<Cow<'_, str>> = texts.iter().chain(texts).map(|&text| Cow::Borrowed(text)).collect();
    Box::new(move |each| told.chunks(700).try_for_each(&mut *each))
}

/// The only file of a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

#[test]
fn a_kept_vector_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = Counting::new();
    let texts: Vec<String> = (0..3_000).map(|n| format!("o estorno {n} não caiu")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = embedder.0.embed(&texts).unwrap();
    let check = |range: std::ops::Range<usize>, n_fresh: usize| {
        let cache = VectorCache::open(folder.path(), embedder.identity()).unwrap();
        let mut told = Vec::new();
        let mut on_progress = |so_far: Embedded| {
            assert_eq!((so_far.total, so_far.reused), (range.len(), range.len() - n_fresh));
            told.push(so_far.done);
            Ok(())
        };
        let kept = cache.embed(&embedder, &*telling(&texts[range.clone()]), &mut on_progress).unwrap();
        assert!(range.clone().all(|at| kept.of(texts[at]) == expected[at].as_ref()));
        assert_eq!((embedder.embedded(), kept.reused(), kept.len()), (n_fresh, range.len() - n_fresh, range.len()));
        assert!(told.is_sorted() && told.last() == Some(&range.len()), "{told:?}");
    };
    check(0..2_000, 2_000);
    check(0..2_000, 0);
    check(1_000..3_000, 1_000);

    // A build that was killed while it wrote: the record that was cut short counts as absent, the others do not.
    let file = only_file(folder.path());
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
    check(0..3_000, 1);
    let mut spoilt = fs::read(&file).unwrap();
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    fs::write(&file, spoilt).unwrap();
    check(0..3_000, 1);

    // What is not asked for any more goes, once it is the larger part.
    let before = fs::metadata(&file).unwrap().len();
    check(0..1_000, 0);
    assert!(fs::metadata(&file).unwrap().len() < before / 2);
    check(0..1_000, 0);
    check(2_999..3_000, 1);

    // A file of another layout is begun anew.
    fs::write(&file, b"nbavec00").unwrap();
    check(0..10, 10);
}

#[test]
fn what_was_embedded_before_a_stop_is_not_embedded_again() {
    let folder = tempfile::tempdir().unwrap();
    let embedder = Counting::new();
    let texts: Vec<String> = (0..5_000).map(|n| format!("a maquininha {n} não liga")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let cache = VectorCache::open(folder.path(), embedder.identity()).unwrap();
    let mut embedded = 0;
    // Each run is stopped as soon as it hears that something new is done; the last one has nothing left to do.
    for run in 0.. {
        let mut on_progress = |so_far: Embedded| {
            if so_far.done > so_far.reused && so_far.done < so_far.total {
                return Err(Error::Stopped { kept: so_far.done });
            }
            Ok(())
        };
        let ended = cache.embed(&embedder, &*telling(&texts), &mut on_progress);
        embedded += embedder.embedded();
        match ended {
            Err(error) => assert!(matches!(error, Error::Stopped { .. }), "{error}"),
            Ok(kept) => {
                assert_eq!((run, kept.reused()), (5, texts.len()), "each run embeds what is written at once");
                assert_eq!(embedded, texts.len());
                return;
            }
        }
    }
}

#[test]
fn a_sum_of_kept_vectors_is_the_sum_of_its_parts() {
    let embedder = Counting::new();
    let texts = ["estorno não caiu", "maquininha sem sinal", "taxa errada"];
    let vectors = embedder.embed(&texts).unwrap();
    let cache = VectorCache::temporary(embedder.identity()).unwrap();
    let kept = cache.embed(&embedder, &*telling(&texts), &mut |_| Ok(())).unwrap();
    let mut blends = Blends::new(std::sync::Arc::new(kept));
    blends.push([(texts[1], 1.0)].into_iter()).unwrap();
    blends.push(texts.into_iter().zip([1.0, 0.5, 0.25])).unwrap();
    assert!(blends.push(std::iter::empty()).is_err(), "nothing has no direction");
    let sum = Vector::weighted_sum(vectors.iter().zip([1.0, 0.5, 0.25])).unwrap();
    let picked = [1, 0, 1];
    let rows = RowVectors::Picked(&RowVectors::Blended(&blends), &picked)
        .iter()
        .map(|row| row.into_owned())
        .collect::<Vec<_>>();
    assert_eq!(rows, [&sum, &vectors[1], &sum].map(|vector| vector.to_vec()));
}

#[test]
fn rows_made_by_all_cores_are_those_made_one_by_one() {
    let embedder = Counting::new();
    let texts = ["estorno não caiu", "maquininha sem sinal", "taxa errada"];
    let cache = VectorCache::temporary(embedder.identity()).unwrap();
    let kept = std::sync::Arc::new(cache.embed(&embedder, &*telling(&texts), &mut |_| Ok(())).unwrap());
    // Things with no row, with one, and with several; more than are made at once.
    let things: Vec<usize> = (0..9_000).collect();
    let push = |blends: &mut Blends, &thing: &usize| {
        (0..thing % 3).try_for_each(|row| blends.push(texts[..1 + (thing + row) % 3].iter().map(|&text| (text, 0.5))))
    };
    let together = Blends::of_each(&kept, &things, push).unwrap();
    let mut alone = Blends::new(std::sync::Arc::clone(&kept));
    things.iter().try_for_each(|thing| push(&mut alone, thing)).unwrap();
    assert_eq!((together.len(), alone.len()), (9_000, 9_000));
    assert!((0..9_000).all(|row| together.of(row) == alone.of(row)));
    assert!(Blends::of_each(&kept, &things, |blends, _| blends.push(std::iter::empty())).is_err());
}

#[test]
fn vectors_of_two_models_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    for dimension in [16, 32] {
        let embedder = HashedEmbedder::new(dimension);
        let cache = VectorCache::open(folder.path(), embedder.identity()).unwrap();
        let kept = cache.embed(&embedder, &*telling(&["estorno"]), &mut |_| Ok(())).unwrap();
        assert_eq!((kept.of("estorno").len(), kept.reused()), (dimension, 0));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_has_no_direction_is_no_vector() {
    for raw in [vec![], vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
        assert_eq!(Vector::new(raw), None);
    }
    assert_eq!(Vector::new(vec![f32::MAX, 0.0]).unwrap().as_ref(), [1.0, 0.0]);
}

#[test]
fn hashed_vectors_find_what_is_spelt_alike_and_never_change() {
    let embedder = HashedEmbedder::new(256);
    let vectors = embedder
        .embed(&["cartão recusado na maquininha", "Cartões recusados nas maquininhas", "settlement report", "?!"])
        .unwrap();
    assert!(cosine(&vectors[0], &vectors[1]) > 0.4);
    assert!(cosine(&vectors[0], &vectors[2]).abs() < 0.2);
    let places: Vec<usize> = (0..256).filter(|&at| vectors[3][at] != 0.0).collect();
    expect!["[173] hashed-256 3e"].assert_eq(&format!(
        "{places:?} {} {}",
        embedder.identity().name,
        &embedder.identity().fingerprint[..2]
    ));
}

#[test]
fn an_empty_text_is_refused() {
    let error = HashedEmbedder::new(8).embed(&["fine", " \n"]).unwrap_err();
    expect!["text: text 2 of 2 is empty; give at least one word"].assert_eq(&error.to_string());
}

/// A model folder whose graph and tokenizer are a few bytes: enough for all that does not load them.
fn small_model(folder: &Path, model_toml: &str) {
    fs::write(folder.join("model.toml"), model_toml).unwrap();
    fs::write(folder.join("model.onnx"), "graph").unwrap();
    fs::write(folder.join("tokenizer.json"), "{}").unwrap();
}

const MODEL_TOML: &str = r#"
name = "small"
dimension = 4
max_tokens = 512
pooling = "mean"
prefix = "query: "
languages = ["pt", "en"]
source = "made up"
license = "MIT"

[model]
file = "model.onnx"
sha256 = "43aa3a21b92bed76aa14e4b07dd9e4a8d6e6d2d7d3a2d0c6f2ffb3b1f43ba3ab"
bytes = 5

[tokenizer]
file = "tokenizer.json"
sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
bytes = 2
"#;

fn check_open(model_toml: &str, expected: expect_test::Expect) {
    let folder = tempfile::tempdir().unwrap();
    small_model(folder.path(), model_toml);
    let outcome = match ModelSpec::open(folder.path()) {
        Ok(spec) => format!("{} {}", spec.identity.name, spec.identity.dimension),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&outcome.replace(&folder.path().display().to_string(), "FOLDER"));
}

#[test]
fn a_model_folder_is_read_or_refused_by_name() {
    check_open(MODEL_TOML, expect!["small 4"]);
    check_open(
        &MODEL_TOML.replace("bytes = 5", "bytes = 6"),
        expect!["no usable model in FOLDER: model.onnx has 5 bytes, and model.toml says 6; fetch the model again"],
    );
    check_open(
        &MODEL_TOML.replace("sha256 = \"44", "sha256 = \"Z4"),
        expect!["no usable model in FOLDER: model.toml: the sha256 of tokenizer.json must be 64 lower-case hex digits"],
    );
    check_open(
        &MODEL_TOML.replace("model.onnx", "other.onnx"),
        expect![
            "no usable model in FOLDER: failed to query resolved metadata `FOLDER/other.onnx`: No such file or directory (os error 2)"
        ],
    );
    check_open(
        &MODEL_TOML.replace("512", "2"),
        expect!["no usable model in FOLDER: model.toml: `max_tokens` must be 16 or more and `dimension` 1 or more"],
    );
    check_open(
        &MODEL_TOML.replace("source", "sauce"),
        expect![[r#"
            no usable model in FOLDER: model.toml: TOML parse error at line 8, column 1
              |
            8 | sauce = "made up"
              | ^^^^^
            unknown field `sauce`, expected one of `name`, `dimension`, `max_tokens`, `pooling`, `prefix`, `languages`, `source`, `license`, `model`, `tokenizer`"#]],
    );
    let nowhere = ModelSpec::open(Path::new("no/such/model")).unwrap_err();
    expect!["no usable model in no/such/model: failed to open file `no/such/model/model.toml`: No such file or directory (os error 2)"].assert_eq(&nowhere.to_string());
}

#[test]
fn the_fingerprint_covers_what_shapes_a_vector_and_nothing_else() {
    let fingerprint = |model_toml: &str| {
        let folder = tempfile::tempdir().unwrap();
        small_model(folder.path(), model_toml);
        ModelSpec::open(folder.path()).unwrap().identity.fingerprint
    };
    let original = fingerprint(MODEL_TOML);
    assert_eq!(original.len(), 64);
    for same in [MODEL_TOML.replace("made up", "elsewhere"), MODEL_TOML.replace("\"small\"", "\"tiny\"")] {
        assert_eq!(fingerprint(&same), original);
    }
    for (from, to) in
        [("query: ", "query:"), ("mean", "cls"), ("512", "256"), ("n = 4", "n = 5"), ("\"44", "\"45"), ("\"43", "\"42")]
    {
        assert_ne!(fingerprint(&MODEL_TOML.replace(from, to)), original, "{from} → {to}");
    }
}

#[test]
fn verifying_reads_the_files_themselves() {
    let folder = tempfile::tempdir().unwrap();
    small_model(folder.path(), MODEL_TOML);
    let error = ModelSpec::open(folder.path()).unwrap().verify().unwrap_err();
    expect!["no usable model in FOLDER: model.onnx has sha256 eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d, and model.toml says 43aa3a21b92bed76aa14e4b07dd9e4a8d6e6d2d7d3a2d0c6f2ffb3b1f43ba3ab; fetch the model again"].assert_eq(&error.to_string().replace(&folder.path().display().to_string(), "FOLDER"));
}

#[test]
fn a_missing_runtime_says_what_was_tried_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    small_model(folder.path(), MODEL_TOML);
    let spec = ModelSpec::open(folder.path()).unwrap();
    let params = EmbedParams { runtime: Some("no/such/libonnxruntime.so".into()), ..EmbedParams::default() };
    let error = OnnxEmbedder::open(&spec, &params).err().unwrap();
    expect![[r#"
        ONNX Runtime: no/such/libonnxruntime.so does not exist
          get the pinned version with `make runtime`, or set ORT_DYLIB_PATH to a libonnxruntime of 1.22 or newer"#]]
    .assert_eq(&error.to_string());
}

#[derive(serde::Deserialize)]
struct Golden {
    texts: Vec<GoldenText>,
}

#[derive(serde::Deserialize)]
struct GoldenText {
    text: String,
    vector: Vec<f32>,
}

#[test]
fn a_ceiling_on_memory_is_a_ceiling_on_workers() {
    let Ok(spec) = ModelSpec::open(&model_folder()) else { return };
    let workers = |threads, memory_mb, batch_tokens| {
        EmbedParams { threads, memory_mb, batch_tokens, runtime: None }
            .workers(4, &spec)
            .map_err(|error| error.to_string())
    };
    assert_eq!(workers(0, 0, 256), Ok(4));
    assert_eq!(workers(3, 0, 256), Ok(3));
    assert_eq!(workers(0, 150, 256), Ok(2));
    assert_eq!(workers(1, 150, 256), Ok(1));
    assert_eq!(workers(0, 150, 2048), Ok(1));
    let refused = workers(0, 40, 256).unwrap_err();
    expect!["embed.memory_mb: a worker with model.onnx takes some 65 MiB; allow that, or set a smaller batch_tokens"]
        .assert_eq(&refused);
}

#[test]
fn the_shipped_model_places_texts_where_its_reference_does() {
    let Some(embedder) = shipped_model() else { return };
    let golden: Golden = serde_json::from_slice(&fs::read(model_folder().join("golden.json")).unwrap()).unwrap();
    assert!(golden.texts.len() >= 5);
    for GoldenText { text, vector } in golden.texts {
        let reference = Vector::new(vector).unwrap();
        let ours = &embedder.embed(&[&text]).unwrap()[0];
        assert!(cosine(ours, &reference) >= 0.995, "{} for {text:?}", cosine(ours, &reference));
    }
}

#[test]
fn the_shipped_model_gives_a_text_one_vector_in_any_company() {
    let Some(embedder) = shipped_model() else { return };
    let long = "A maquininha não liga desde ontem e o cliente quer outra. ".repeat(12);
    let texts = [
        "Refund was not received",
        "ok",
        &long,
        "O cartão foi recusado duas vezes",
        "chargeback",
        "Refund was not received",
        "Meu repasse de sexta ainda não caiu na conta, preciso de ajuda urgente",
        "</s> is not the end",
    ];
    let mut progress = Vec::new();
    let together = embedder.embed_with_progress(&texts, &mut |n_done| progress.push(n_done)).unwrap();
    assert_eq!(together.len(), texts.len());
    assert_eq!(together[0], together[5]);
    assert!(progress.is_sorted() && progress.last() == Some(&texts.len()), "{progress:?}");
    for (text, vector) in texts.iter().zip(&together) {
        let alone = &embedder.embed(&[text]).unwrap()[0];
        let furthest = alone.iter().zip(vector.iter()).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(furthest <= 1e-6 || cosine(alone, vector) >= 0.99999, "{furthest} for {text:?}");
    }
}

#[test]
fn the_shipped_model_reads_a_long_text_to_its_last_word() {
    let Some(embedder) = shipped_model() else { return };
    let words = ["o", "card", "de", "the", "conta", "não", "was", "ok", "a", "em", "pago"];
    let long = (0..3_000).map(|n| words[n * 7 % words.len()]).collect::<Vec<_>>().join(" ");
    let vectors = embedder.embed(&[&format!("{long} maquininha"), &format!("{long} estorno"), "estorno"]).unwrap();
    assert_ne!(vectors[0], vectors[1]);
    assert!(cosine(&vectors[0], &vectors[1]) > 0.99);
}

#[test]
fn the_shipped_model_is_the_one_it_says() {
    if shipped_model().is_some() {
        ModelSpec::open(&model_folder()).unwrap().verify().unwrap();
    }
}
