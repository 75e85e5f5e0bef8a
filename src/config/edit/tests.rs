//! Edits by what becomes of the text.

use expect_test::{Expect, expect};

use super::*;

fn change(key: &'static str, value: EditValue) -> Edit {
    let mark = format!("tuned {key}");
    Edit { key, value, comment: format!("{mark}: better"), mark }
}

fn edits() -> [Edit; 3] {
    [
        change("fusion.method", EditValue::Text("rrf".to_owned())),
        change("fusion.keyword_weight", EditValue::Number(0.3)),
        change("build.keyword.tags_boost", EditValue::Number(2.0)),
    ]
}

/// What becomes of a text; a second time the same edits change nothing.
fn check(text: &str, expected: Expect) {
    let path = Path::new("nba.toml");
    let once = edited(text, path, &edits()).unwrap();
    expected.assert_eq(&once);
    assert_eq!(edited(&once, path, &edits()).unwrap(), once);
    let config = Config::parse(&once, path).unwrap();
    assert_eq!(config.fusion.method, crate::index::Fusion::Rrf);
    assert_eq!((config.fusion.keyword_weight, config.build.keyword.tags_boost), (0.3, 2.0));
}

#[test]
fn an_empty_file_gets_tables() {
    check(
        "",
        expect![[r#"
        [fusion]
        # tuned fusion.method: better
        method = "rrf"
        # tuned fusion.keyword_weight: better
        keyword_weight = 0.3

        [build.keyword]
        # tuned build.keyword.tags_boost: better
        tags_boost = 2.0
    "#]],
    );
}

#[test]
fn comments_order_and_other_keys_stay() {
    check(
        "# ours\nlanguage = \"en\"   # titles\n\n[fusion]\n# why it is so\nkeyword_weight = 0.1 # behind\nk = 50.0\n\n[keyword]\nk1 = 1.5\n# end\n",
        expect![[r##"
            # ours
            language = "en"   # titles

            [fusion]
            # why it is so
            # tuned fusion.keyword_weight: better
            keyword_weight = 0.3 # behind
            k = 50.0
            # tuned fusion.method: better
            method = "rrf"

            [keyword]
            k1 = 1.5

            [build.keyword]
            # tuned build.keyword.tags_boost: better
            tags_boost = 2.0
            # end
        "##]],
    );
}

#[test]
fn tables_on_one_line_and_dotted_keys() {
    check(
        "fusion = { k = 50.0, keyword_weight = 0.1 }\nbuild.keep = 2\n",
        expect![[r##"
            # tuned fusion.method: better
            # tuned fusion.keyword_weight: better
            fusion = { k = 50.0, keyword_weight = 0.3, method = "rrf" }
            build.keep = 2

            [build.keyword]
            # tuned build.keyword.tags_boost: better
            tags_boost = 2.0
        "##]],
    );
    check(
        "build = { keep = 2 } # two\n[fusion]\n  k = 50.0\n",
        expect![[r##"
            # tuned build.keyword.tags_boost: better
            build = { keep = 2, keyword = { tags_boost = 2.0 } } # two
            [fusion]
              k = 50.0
            # tuned fusion.method: better
            method = "rrf"
            # tuned fusion.keyword_weight: better
            keyword_weight = 0.3
        "##]],
    );
    check(
        "fusion.k = 50.0\nfusion.keyword_weight = 1\n\n[build]\nkeyword.tags_boost = 1.0\n",
        expect![[r#"
        fusion.k = 50.0
        # tuned fusion.keyword_weight: better
        fusion.keyword_weight = 0.3
        # tuned fusion.method: better
        fusion.method = "rrf"

        [build]
        # tuned build.keyword.tags_boost: better
        keyword.tags_boost = 2.0
    "#]],
    );
}

#[test]
fn a_file_that_would_be_no_configuration_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nba.toml");
    for (text, key) in [("[fusion\n", "fusion.k"), ("[fusion]\nk = 1.0\n", "fusion.kk"), ("fusion = 1\n", "fusion.k")] {
        fs::write(&path, text).unwrap();
        assert!(matches!(edit(&path, &[change(key, EditValue::Number(1.0))]), Err(Error::Config { .. })), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_file_is_made_and_a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("nba.toml"), folder.path().join("link.toml"));
    edit(&path, &edits()).unwrap();
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(first, edited("", &path, &edits()).unwrap());
    #[cfg(unix)]
    {
        fs::os::unix::fs::symlink(&path, &link).unwrap();
        edit(&link, &[change("fusion.k", EditValue::Number(7.0))]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Config::load(&path).unwrap().fusion.k, 7.0);
    }
}
