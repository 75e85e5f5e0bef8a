//! `nba analyze`: the words of a text, their terms, and what is looked for besides.

use expect_test::expect;

use crate::support::Sandbox;

#[test]
fn a_text_is_shown_in_both_languages() {
    let sandbox = Sandbox::new();
    sandbox.check(
        &["analyze", "O estorno de R$ 1.250,00 não caiu"],
        expect![[r#"
        exit 0
        --- stdout
        O estorno de R$ 1.250,00 não caiu
        language: pt

        pt
          O         – not searched for
          estorno   estorn
                      synonym devolução → devolu × 0.7
                      synonym reembolso → reembols × 0.7
                      synonym refund → refund × 0.7
                      synonym reversal → reversal × 0.7
          de        – not searched for
          R         r
          1.250,00  1.250,00
          não       – not searched for
          caiu      caiu

        en
          O         – not searched for
          estorno   estorno
                      synonym devolução → devolucao × 0.7
                      synonym reembolso → reembolso × 0.7
                      synonym refund → refund × 0.7
                      synonym reversal → revers × 0.7
          de        – not searched for
          R         r
          1.250,00  1.250,00
          não       – not searched for
          caiu      caiu
    "#]],
    );
    let analysis = sandbox.nba(&["analyze", "taxa do pix", "--json"]).ok();
    expect![[r#"
        {
          "text": "taxa do pix",
          "language": "pt",
          "index": null,
          "analyzers": [
            {
              "language": "pt",
              "words": [
                {
                  "word": "taxa",
                  "term": "tax",
                  "rows": null,
                  "synonyms": [
                    {
                      "word": "fee",
                      "term": "fee",
                      "weight": 0.7,
                      "rows": null
                    },
                    {
                      "word": "MDR",
                      "term": "mdr",
                      "weight": 0.7,
                      "rows": null
                    },
                    {
                      "word": "tarifa",
                      "term": "tarif",
                      "weight": 0.7,
                      "rows": null
                    }
                  ],
                  "fuzzy": []
                },
                {
                  "word": "do",
                  "term": null,
                  "rows": null,
                  "synonyms": [],
                  "fuzzy": []
                },
                {
                  "word": "pix",
                  "term": "pix",
                  "rows": null,
                  "synonyms": [],
                  "fuzzy": []
                }
              ]
            },
            {
              "language": "en",
              "words": [
                {
                  "word": "taxa",
                  "term": "taxa",
                  "rows": null,
                  "synonyms": [
                    {
                      "word": "fee",
                      "term": "fee",
                      "weight": 0.7,
                      "rows": null
                    },
                    {
                      "word": "MDR",
                      "term": "mdr",
                      "weight": 0.7,
                      "rows": null
                    },
                    {
                      "word": "tarifa",
                      "term": "tarifa",
                      "weight": 0.7,
                      "rows": null
                    }
                  ],
                  "fuzzy": []
                },
                {
                  "word": "do",
                  "term": null,
                  "rows": null,
                  "synonyms": [],
                  "fuzzy": []
                },
                {
                  "word": "pix",
                  "term": "pix",
                  "rows": null,
                  "synonyms": [],
                  "fuzzy": []
                }
              ]
            }
          ]
        }
    "#]]
    .assert_eq(&analysis.stdout);
}

#[test]
fn with_an_index_rows_are_counted_and_spellings_are_found() {
    let sandbox = Sandbox::with_fixtures();
    sandbox.check(
        &["analyze", "maquinnha sem chargeback 99.99"],
        expect![[r#"
            exit 0
            --- stdout
            maquinnha sem chargeback 99.99
            language: unclear
            rows of index tickets

            pt
              maquinnha   maquinnh: in no row
                            spelling maquininh × 0.75: problem 63, subject 33, thread 10
              sem         – not searched for
              chargeback  chargeback: problem 13, subject 5, tags 24, thread 2
                            synonym contestação → contest × 0.7: problem 16, subject 8, thread 7
                            synonym disputa → disput × 0.7: problem 7, subject 7, thread 2
              99.99       99.99: in no row

            en
              maquinnha   maquinnha: in no row
                            spelling maquininha × 0.75: problem 63, subject 33, thread 10
              sem         – not searched for
              chargeback  chargeback: problem 13, subject 5, tags 24, thread 3
                            synonym contestação → contestacao × 0.7: problem 9, subject 8, thread 6
                            synonym dispute → disput × 0.7: problem 1, subject 1
                            synonym disputa → disputa × 0.7: problem 6, subject 6, thread 2
              99.99       99.99: in no row
        "#]],
    );
    let steps = sandbox.nba(&["analyze", "maquinnha", "--in", "steps", "--json"]).json();
    let word = &steps["analyzers"][0]["words"][0];
    assert_eq!((&steps["index"], &word["rows"]), (&"steps".into(), &serde_json::json!({})));
    assert!(word["fuzzy"][0]["rows"]["state"].as_u64().unwrap() > 0, "{word}");
    let unknown = sandbox.nba(&["analyze", "taxa", "--in", "nowhere"]).failed();
    assert!(unknown.stderr.contains("`nowhere`"), "{unknown:?}");
}

#[test]
fn what_is_set_is_what_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "nba.toml",
        "[keyword]\nsynonym_weight = 0.25\nbuilt_in_synonyms = false\nsynonyms = [[\"taxa\", \"custo\"]]\n",
    );
    sandbox.check(
        &["analyze", "taxas"],
        expect![[r#"
        exit 0
        --- stdout
        taxas
        language: unclear

        pt
          taxas  tax
                   synonym custo → cust × 0.25

        en
          taxas  taxa
                   synonym custo → custo × 0.25
    "#]],
    );
    sandbox.write("nba.toml", "[keyword]\nsynonym_weight = 0.0\n");
    assert!(!sandbox.nba(&["analyze", "taxas"]).ok().stdout.contains("synonym"));
}

#[test]
fn personal_data_is_not_repeated_and_nothing_is_an_error() {
    let sandbox = Sandbox::new();
    let analysis = sandbox.nba(&["analyze", "meu CPF 529.982.247-25"]).ok();
    assert!(analysis.stdout.contains("[CPF]") && !analysis.stdout.contains("529"), "{analysis:?}");
    sandbox.check(
        &["analyze", " "],
        expect![[r#"
        exit 2
        --- stderr
        error: text: it is empty; give at least one word
    "#]],
    );
    assert_eq!(sandbox.nba(&["analyze", "?!"]).ok().stdout, "?!\nlanguage: unclear\n\npt\n\nen\n");
}
