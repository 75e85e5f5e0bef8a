//! Terms by table; the index against a naive BM25, under masks, with odd queries and damaged files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, LargeStringArray, ListBuilder, RecordBatch, StringArray, StringBuilder};
use expect_test::{Expect, expect};
use fs_err as fs;
use proptest::prelude::*;
use tempfile::TempDir;

use super::analyzer::located;
use super::{KEYWORD_MEMORY, KeywordIndex, KeywordParams, Language, Synonyms, TextField, analyze};
use crate::error::Error;
use crate::rank::{RowSet, Scored, by_rank};

use Language::{English, Portuguese};

const BOTH: [Language; 2] = [Portuguese, English];

fn field(name: &str, analyzers: &[Language], boost: f32) -> TextField {
    TextField { name: name.to_owned(), analyzers: analyzers.to_vec(), boost }
}

/// Rows of one text column, `text`.
fn one_column(texts: &[&str]) -> RecordBatch {
    RecordBatch::try_from_iter([("text", Arc::new(StringArray::from(texts.to_vec())) as ArrayRef)]).unwrap()
}

/// An index in a folder that lives as long as it.
struct Built {
    folder: TempDir,
    index: KeywordIndex,
}

fn build_from(folder: &Path, fields: &[TextField], exact: Option<&str>, rows: &RecordBatch) -> Result<(), Error> {
    KeywordIndex::build(folder, fields, exact, [Ok(rows.clone())], KEYWORD_MEMORY)
}

fn built(fields: &[TextField], rows: &RecordBatch) -> Built {
    let folder = TempDir::new().unwrap();
    build_from(folder.path(), fields, None, rows).unwrap();
    let index = KeywordIndex::open(folder.path(), fields, None).unwrap();
    assert_eq!(index.rows(), rows.num_rows());
    Built { folder, index }
}

fn found(index: &KeywordIndex, query: &str) -> Vec<u32> {
    index.search(query, 100, None, None, &KeywordParams::exact()).unwrap().iter().map(|hit| hit.row).collect()
}

/// Name and content of every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap())).collect()
}

fn check_terms(language: Language, texts: &[&str], expected: Expect) {
    let lines: Vec<String> =
        texts.iter().map(|text| format!("{text}  →  {}", analyze(text, language).join(" "))).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn portuguese_terms() {
    check_terms(
        Portuguese,
        &[
            "não caiu / nao caiu / NÃO CAIU / na\u{303}o caiu",
            "transação transacao transações transacoes TRANSAÇÕES",
            "cartão cartao cartões cartoes, carta cartas",
            "maquininha maquininhas máquina maquina",
            "recebi recebido recebidos receber recebimento recebimentos",
            "antecipação antecipacoes antecipar antecipado",
            "estorno estornos estornar estornado estornada",
            "disponível disponivel disponíveis disponiveis",
            "frequência frequencia frequências",
            "papel papéis papeis móvel móveis",
            "imagem imagens",
            "conexão conexões conexao, versão versões versoes",
            "você não está com o cartão? voce nao esta, já são só dois",
            "erro 10.4 na NSU123, CPF [CPF] e R$ 1.250,00 em 12/05/2024.",
            "POS-7 v2.1.0 código_51 e-mail d'água",
            "the refund was not in my account",
        ],
        expect![[r#"
            não caiu / nao caiu / NÃO CAIU / não caiu  →  caiu caiu caiu caiu
            transação transacao transações transacoes TRANSAÇÕES  →  transaca transaca transaca transaca transaca
            cartão cartao cartões cartoes, carta cartas  →  carta carta carta carta cart cart
            maquininha maquininhas máquina maquina  →  maquininh maquininh maquin maquin
            recebi recebido recebidos receber recebimento recebimentos  →  receb receb receb receb receb receb
            antecipação antecipacoes antecipar antecipado  →  antecip antecip antecip antecip
            estorno estornos estornar estornado estornada  →  estorn estorn estorn estorn estorn
            disponível disponivel disponíveis disponiveis  →  dispon dispon dispon dispon
            frequência frequencia frequências  →  frequenc frequenc frequenc
            papel papéis papeis móvel móveis  →  papel papel papel movel movel
            imagem imagens  →  imag imag
            conexão conexões conexao, versão versões versoes  →  conexa conexa conexa versa versa versa
            você não está com o cartão? voce nao esta, já são só dois  →  carta dois
            erro 10.4 na NSU123, CPF [CPF] e R$ 1.250,00 em 12/05/2024.  →  erro 10.4 nsu123 cpf cpf r 1.250,00 12 05 2024
            POS-7 v2.1.0 código_51 e-mail d'água  →  pos 7 v2.1.0 codig 51 mail d'agu
            the refund was not in my account  →  refund my account"#]],
    );
}

#[test]
fn english_terms() {
    check_terms(
        English,
        &[
            "refund refunds refunded refunding",
            "transaction transactions, payment payments",
            "the card's chip isn't working, the merchant’s can't",
            "café cafe naïve",
            "error 10.4 on NSU123; paid 1,250.00.",
            "o cartão não caiu na conta",
        ],
        expect![[r#"
            refund refunds refunded refunding  →  refund refund refund refund
            transaction transactions, payment payments  →  transact transact payment payment
            the card's chip isn't working, the merchant’s can't  →  card chip isn't work merchant can't
            café cafe naïve  →  cafe cafe naiv
            error 10.4 on NSU123; paid 1,250.00.  →  error 10.4 nsu123 paid 1,250.00
            o cartão não caiu na conta  →  cartao caiu conta"#]],
    );
}

#[test]
fn odd_texts_have_terms_or_none() {
    let long = "x".repeat(1 << 20);
    for language in BOTH {
        for empty in ["", " \n\t", "?!... --", "🙂👍🏽", "de a o que the and of", "\u{301}\u{302}", &long] {
            assert_eq!(analyze(empty, language), Vec::<String>::new(), "{empty:.10}");
        }
        assert_eq!(analyze("支付失败 оплата 🙂 İstanbul", language).len(), 4 - 1);
    }
}

proptest! {
    /// What an index is built with remembers words; what a query is read with does not.
    #[test]
    fn what_remembers_words_makes_the_same_terms(
        texts in prop::collection::vec("([aãçeENOST0-9.,'’ \u{301}İß-]{0,9}(ções|ão|de|ing|s)? ?){0,9}", 1..9),
    ) {
        for language in BOTH {
            let mut remembering = language.remembering_analyzer();
            for text in texts.iter().chain(&texts) {
                let mut terms = Vec::new();
                remembering.token_stream(text).process(&mut |token| {
                    terms.push((token.offset_from..token.offset_to, token.text.clone()));
                });
                prop_assert_eq!(terms, located(text, language), "{}", text);
            }
        }
    }
}

#[test]
fn either_spelling_finds_the_other() {
    let Built { index, .. } = built(
        &[field("text", &BOTH, 1.0)],
        &one_column(&[
            "o pagamento não caiu",
            "duas transações negadas",
            "maquininha sem conexão",
            "refund was delayed",
        ]),
    );
    assert_eq!(found(&index, "nao caiu"), [0]);
    assert_eq!(found(&index, "transacao"), [1]);
    assert_eq!(found(&index, "TRANSAÇÃO"), [1]);
    assert_eq!(found(&index, "conexoes"), [2]);
    assert_eq!(found(&index, "delays in refunding"), [3]);
    assert_eq!(found(&index, "não está"), [0_u32; 0]);
}

#[test]
fn the_query_is_no_language() {
    let texts = ["error 10.4 AND code", "title:abc", "plain"];
    let Built { index, .. } = built(&[field("text", &BOTH, 1.0)], &one_column(&texts));
    assert_eq!(found(&index, "\"10.4\""), [0]);
    assert_eq!(found(&index, "title:(abc"), [1]);
    assert_eq!(found(&index, "-plain +code"), [2, 0]);
    assert_eq!(found(&index, "[* TO *] ~^ \\ /"), [0_u32; 0]);
    for odd in ["", "🙂", "支付失败", "de a o que the and of", "\0\u{feff}"] {
        assert_eq!(found(&index, odd), [0_u32; 0], "{odd:?}");
    }
    let megabyte = (0..100_000).map(|word| format!("palavra{word} ")).collect::<String>() + "plain";
    assert_eq!(found(&index, &megabyte), [2]);
}

#[test]
fn a_mask_never_costs_hits_and_ties_go_by_row() {
    let texts: Vec<String> =
        (0..200).map(|row| format!("refund {}", if row % 3 == 0 { "pix" } else { "card" })).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Built { index, .. } = built(&[field("text", &BOTH, 1.0)], &one_column(&texts));
    let eligible = RowSet::from_fn(200, |row| row >= 150);
    let hits = index.search("pix", 10, Some(&eligible), None, &KeywordParams::exact()).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [150, 153, 156, 159, 162, 165, 168, 171, 174, 177]);
    assert_eq!(index.search("pix", 100, Some(&eligible), None, &KeywordParams::exact()).unwrap().len(), 17);
    assert_eq!(index.search("refund", 100, Some(&eligible), None, &KeywordParams::exact()).unwrap().len(), 50);
    assert!(index.search("refund", 0, None, None, &KeywordParams::exact()).unwrap().is_empty());
    assert!(index.search("refund", 5, Some(&RowSet::none(200)), None, &KeywordParams::exact()).unwrap().is_empty());
    let all = index.search("pix refund", 200, None, None, &KeywordParams::exact()).unwrap();
    let masked = index.search("pix refund", 200, Some(&eligible), None, &KeywordParams::exact()).unwrap();
    let expected: Vec<Scored> = all.into_iter().filter(|hit| hit.row >= 150).collect();
    assert_eq!(masked, expected, "a score does not depend on the mask");
}

#[test]
fn columns_add_up_with_their_boosts() {
    let rows = RecordBatch::try_from_iter(vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("subject", Arc::new(StringArray::from(vec![Some("chargeback"), Some("other"), None, Some("other")]))),
        ("body", Arc::new(LargeStringArray::from(vec![Some("other"), Some("chargeback"), Some("chargeback"), None]))),
    ])
    .unwrap();
    let fields = [field("subject", &[English], 3.0), field("body", &[English], 1.0)];
    let Built { index, .. } = built(&fields, &rows);
    assert_eq!(found(&index, "chargeback"), [0, 1, 2]);
    let only = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        index
            .search("chargeback", 10, None, Some(&names), &KeywordParams::exact())
            .map(|hits| hits.iter().map(|hit| hit.row).collect::<Vec<_>>())
    };
    assert_eq!(only(&["body"]).unwrap(), [1, 2]);
    assert_eq!(only(&["body", "subject", "body"]).unwrap(), [0, 1, 2]);
    assert_eq!(only(&[]).unwrap(), [0_u32; 0]);
    expect!["no column `title`; there are `subject`, `body`"].assert_eq(&only(&["title"]).unwrap_err().to_string());
}

/// Okapi BM25 as in the books, over the analysed tokens, summed in double precision; of a term and its synonyms, each
/// as rare as the more frequent of the two, the best counts.
fn naive(texts: &[String], query: &str, language: Language, params: &KeywordParams) -> Vec<f64> {
    let documents: Vec<Vec<String>> = texts.iter().map(|text| analyze(text, language)).collect();
    let average = documents.iter().map(Vec::len).sum::<usize>() as f64 / documents.len() as f64;
    let (k1, b, synonym_weight) = (f64::from(params.k1), f64::from(params.b), f64::from(params.synonym_weight));
    let occurrences = |document: &[String], term: &str| document.iter().filter(|token| *token == term).count() as f64;
    let holding = |term: &str| documents.iter().filter(|document| document.iter().any(|it| it == term)).count() as f64;
    let part = |document: &Vec<String>, term: &str, holding: f64| {
        let frequency = occurrences(document, term);
        let rarity = (1.0 + (documents.len() as f64 - holding + 0.5) / (holding + 0.5)).ln();
        let length = k1 * (1.0 - b + b * document.len() as f64 / average);
        if frequency == 0.0 { 0.0 } else { rarity * frequency * (k1 + 1.0) / (frequency + length) }
    };
    let score = |document: &Vec<String>| {
        analyze(query, language)
            .iter()
            .map(|term| {
                let others = params.synonyms.of(term, language).iter();
                let others = others.map(|other| (other.term.as_str(), synonym_weight));
                [(term.as_str(), 1.0)]
                    .into_iter()
                    .chain(others)
                    .map(|(other, weight)| weight * part(document, other, holding(term).max(holding(other))))
                    .fold(0.0, f64::max)
            })
            .sum::<f64>()
    };
    documents.iter().map(score).collect()
}

fn synonyms(groups: &[&[&str]]) -> Synonyms {
    let owned = |group: &&[&str]| group.iter().map(|&word| word.to_owned()).collect();
    Synonyms::new(groups.iter().map(owned).collect()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_are_those_of_a_naive_bm25(
        words in proptest::collection::vec(
            proptest::collection::vec("(transações|transacao|refund|refunds|card|cartão|não|pix|erro|10\\.4|the)", 0..12),
            1..30,
        ),
        query in proptest::collection::vec("(transacoes|refunded|cartoes|pix|pix|erros|10\\.4|nunca)", 1..6),
        mask in any::<u32>(),
        (k1, b, synonym_weight) in (0.0_f32..3.0, 0.0_f32..=1.0, prop_oneof![Just(0.0_f32), 0.1_f32..=1.0]),
    ) {
        let texts: Vec<String> = words.iter().map(|words| words.join(" ")).collect();
        let query = query.join(" ");
        let rows = one_column(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let Built { index, .. } = built(&[field("text", &BOTH, 2.0)], &rows);
        let eligible = RowSet::from_fn(texts.len(), |row| mask >> (row % 32) & 1 == 1);
        let synonyms = synonyms(&[&["cartão", "card", "pix"], &["refund", "transação"], &["erro", "nunca"]]);
        let params = KeywordParams { k1, b, synonym_weight, built_in_synonyms: false, synonyms, fuzzy_weight: 0.0 };
        let hits = index.search(&query, texts.len(), Some(&eligible), None, &params).unwrap();
        let (pt, en) = (naive(&texts, &query, Portuguese, &params), naive(&texts, &query, English, &params));
        let expected: Vec<f64> = pt.iter().zip(en).map(|(pt, en)| 2.0 * pt.max(en)).collect();
        let matching = (0..texts.len()).filter(|&row| expected[row] > 0.0 && eligible.contains(row as u32)).count();
        prop_assert_eq!(hits.len(), matching);
        for hit in &hits {
            prop_assert!((f64::from(hit.score) - expected[hit.row as usize]).abs() < 1e-4, "{:?} of {:?}", hit, expected);
        }
        prop_assert!(hits.is_sorted_by(|a, b| by_rank(a, b).is_le()));
        let first = index.search(&query, 3, Some(&eligible), None, &params).unwrap();
        prop_assert_eq!(&first[..], &hits[..hits.len().min(3)]);
        // Synonyms only ever add.
        let exact = KeywordParams { synonym_weight: 0.0, ..params };
        for hit in index.search(&query, texts.len(), Some(&eligible), None, &exact).unwrap() {
            prop_assert!(hits.iter().any(|with| with.row == hit.row && with.score >= hit.score));
        }
    }
}

#[test]
fn with_the_default_parameters_scores_are_tantivy_s_bit_for_bit() {
    let texts: Vec<String> =
        (0..97).map(|row| format!("refund {} card {}", "card ".repeat(row % 5), "pix ".repeat(row % 23))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Built { index, .. } = built(&[field("text", &[English], 1.0)], &one_column(&texts));
    let analyzed = &index.columns[0].languages[0];
    let average = analyzed.postings.total_num_tokens() as f32 / texts.len() as f32;
    for (term, count) in [("refund", 1), ("card", 1), ("pix", 3)] {
        let query = vec![term; count].join(" ");
        let hits = index.search(&query, 100, None, None, &KeywordParams::exact()).unwrap();
        let holding = hits.len() as u64;
        let weight = tantivy::query::Bm25Weight::for_one_term_without_explain(holding, texts.len() as u64, average)
            .boost_by(count as f32);
        for hit in hits {
            let frequency = texts[hit.row as usize].split(' ').filter(|word| *word == term).count();
            assert_eq!(hit.score, weight.score(analyzed.lengths.fieldnorm_id(hit.row), frequency as u32));
        }
    }
}

#[test]
fn a_synonym_is_found_weighs_less_and_never_counts_beside_the_word() {
    let texts = ["maquininha terminal", "maquininha azul", "terminal azul", "azul verde", "POS verde", "verde"];
    let Built { index, .. } = built(&[field("text", &BOTH, 1.0)], &one_column(&texts));
    let ask = |query: &str, synonym_weight: f32| {
        let params = KeywordParams { synonym_weight, ..KeywordParams::default() };
        index.search(query, 10, None, None, &params).unwrap()
    };
    assert_eq!(ask("maquininha", 0.0).iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1]);
    let hits = ask("maquininhas", 0.5);
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1, 2, 4]);
    assert_eq!(hits[0].score, hits[1].score, "a synonym beside the word adds nothing");
    assert_eq!(hits[2].score, 0.5 * hits[1].score);
    assert_eq!(hits[3].score, hits[2].score, "a rare synonym is no rarer than the word");
    assert_eq!(&hits[..2], &ask("maquininha", 0.0), "the word itself scores as without synonyms");
    // A word that no row has is looked for by its synonyms alone.
    assert_eq!(ask("pinpad", 0.5).iter().map(|hit| hit.row).collect::<Vec<_>>(), [4, 0, 1, 2]);
}

#[test]
fn groups_of_ones_own_add_to_the_list_or_replace_it() {
    let texts = ["a taxa subiu", "o mdr subiu", "o aluguel subiu"];
    let Built { index, .. } = built(&[field("text", &BOTH, 1.0)], &one_column(&texts));
    let ask = |built_in_synonyms: bool, groups: &[&[&str]]| {
        let params = KeywordParams { built_in_synonyms, synonyms: synonyms(groups), ..KeywordParams::default() };
        index.search("taxas", 10, None, None, &params).unwrap().iter().map(|hit| hit.row).collect::<Vec<_>>()
    };
    assert_eq!(ask(true, &[]), [0, 1]);
    assert_eq!(ask(true, &[&["Taxa", "aluguel"]]), [0, 1, 2]);
    assert_eq!(ask(false, &[&["taxa", "ALUGUEL"]]), [0, 2]);
    assert_eq!(ask(false, &[]), [0]);
}

#[test]
fn the_list_of_the_program_keeps_apart_what_only_sounds_alike() {
    let list = Synonyms::built_in();
    let of = |word: &str| {
        let term = &analyze(word, Portuguese)[0];
        list.of(term, Portuguese).iter().map(|synonym| synonym.word.clone()).collect::<Vec<_>>()
    };
    expect![[r#"
        ["devolução", "reembolso", "refund", "reversal"]
        ["contestação", "disputa"]
        ["fee", "MDR", "tarifa"]
        []"#]]
    .assert_eq(&["estornos", "chargeback", "taxas", "pix"].map(|word| format!("{:?}", of(word))).join("\n"));
}

#[test]
fn a_group_that_cannot_be_used_says_why() {
    let check = |groups: &[&[&str]], expected: Expect| {
        let owned = |group: &&[&str]| group.iter().map(|&word| word.to_owned()).collect();
        expected.assert_eq(&Synonyms::new(groups.iter().map(owned).collect()).unwrap_err());
    };
    check(&[&["taxa", "fee"], &["taxa"]], expect!["synonyms: group 2: give two words or more"]);
    check(&[&["boleto", "payment slip"]], expect!["synonyms: group 1: `payment slip` is more than one word"]);
    check(&[&["taxa", "não"]], expect!["synonyms: group 1: `não` is never searched for"]);
    check(&[&["taxa", "?"]], expect!["synonyms: group 1: `?` is no word"]);
    check(&[&["taxa", "fee", "taxa"]], expect!["synonyms: group 1: `taxa` is there twice"]);
}

#[test]
fn a_word_that_no_row_has_is_looked_for_as_it_may_have_been_meant() {
    let texts = [
        "a maquininha parou",
        "o estorno não caiu",
        "transferência recusada",
        "NSU 1234567 e código AB12345",
        "estornos e extorno",
        "fatura antecipada",
    ];
    let Built { index, .. } = built(&[field("text", &BOTH, 1.0)], &one_column(&texts));
    let ask = |query: &str, fuzzy_weight: f32| {
        let params = KeywordParams { synonym_weight: 0.0, fuzzy_weight, ..KeywordParams::default() };
        index.search(query, 10, None, None, &params).unwrap()
    };
    for (wrong, right) in [
        ("maquinnha", "maquininha"),
        ("trasferensia", "transferência"),
        ("estrono", "estorno"),
        ("trasferência", "transferência"),
        ("trasferencias", "transferência"),
        ("farura", "fatura"),
    ] {
        let (found, meant) = (ask(wrong, 0.5), ask(right, 0.0));
        assert!(!meant.is_empty() && ask(wrong, 0.0).is_empty(), "{wrong}");
        for hit in &meant {
            let near = found.iter().find(|found| found.row == hit.row);
            assert!(
                near.is_some_and(|near| near.score > 0.0 && near.score < hit.score),
                "{wrong}: {found:?}, {meant:?}"
            );
        }
    }
    // Not codes and numbers, nor short words, nor another first letter, nor words that a row has.
    for other in ["1234568", "AB12346", "prou", "xaquininha", "nsx"] {
        assert!(ask(other, 1.0).is_empty(), "{other}");
    }
    assert_eq!(ask("extorno", 1.0).iter().map(|hit| hit.row).collect::<Vec<_>>(), [4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn spellings_are_those_of_a_look_at_every_term(
        words in proptest::collection::vec("[pq][abrt]{2,9}", 1..80),
        term in "[pq][abrt]{2,9}",
        distance in 1_usize..=2,
    ) {
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        let Built { index, .. } = built(&[field("text", &[English], 1.0)], &one_column(&texts));
        let mut rows_of: BTreeMap<String, usize> = BTreeMap::new();
        texts.iter().flat_map(|text| analyze(text, English)).for_each(|other| *rows_of.entry(other).or_default() += 1);
        let most = if term.len() < 7 { 1 } else { distance };
        let mut expected: Vec<(usize, std::cmp::Reverse<usize>, String)> = rows_of
            .into_iter()
            .filter(|(other, _)| other[..1] == term[..1] && other.len() >= 4 && term.len() >= 4)
            .map(|(other, rows)| (strsim::damerau_levenshtein(&term, &other), std::cmp::Reverse(rows), other))
            .filter(|(apart, ..)| *apart <= most)
            .collect();
        expected.sort();
        let nearest = expected.first().map_or(0, |(apart, ..)| *apart);
        let expected: Vec<String> =
            expected.into_iter().filter(|(apart, ..)| *apart == nearest).map(|(.., other)| other).take(8).collect();
        let found = index.columns[0].languages[0].spellings(&term, distance, &KeywordParams::default()).unwrap();
        prop_assert_eq!(found.into_iter().map(|found| found.by.unwrap_or_default().into_owned()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn lists_of_texts_are_searched_as_one_text() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for list in [&["CHARGEBACK", "SLA_BREACHED"][..], &[], &["PIX_ERROR"]] {
        list.iter().for_each(|text| lists.values().append_value(text));
        lists.append(true);
    }
    lists.append(false);
    let rows =
        RecordBatch::try_from_iter_with_nullable([("tags", Arc::new(lists.finish()) as ArrayRef, true)]).unwrap();
    let Built { index, .. } = built(&[field("tags", &BOTH, 1.0)], &rows);
    assert_eq!(found(&index, "chargeback"), [0]);
    assert_eq!(found(&index, "error breached"), [2, 0], "the shorter list first");
    // A batch may be a slice of another.
    let Built { index, .. } = built(&[field("tags", &BOTH, 1.0)], &rows.slice(1, 3));
    assert_eq!(found(&index, "chargeback"), [0_u32; 0]);
    assert_eq!(found(&index, "pix"), [1]);
}

#[test]
fn two_builds_write_the_same_bytes_and_reading_writes_none() {
    let texts = ["uma transação", "two refunds", "três cartões", ""];
    let fields = [field("text", &BOTH, 1.0)];
    let (first, second) = (built(&fields, &one_column(&texts)), built(&fields, &one_column(&texts)));
    assert_eq!(found(&first.index, "refund"), [1]);
    let written = files(first.folder.path());
    assert_eq!(written, files(second.folder.path()));
    expect![[r#"
        00000000000000000000000000000001.fast
        00000000000000000000000000000001.fieldnorm
        00000000000000000000000000000001.idx
        00000000000000000000000000000001.pos
        00000000000000000000000000000001.store
        00000000000000000000000000000001.term
        meta.json"#]]
    .assert_eq(&written.into_keys().collect::<Vec<_>>().join("\n"));
}

#[test]
fn nothing_to_index_is_no_error() {
    let fields = [field("text", &BOTH, 1.0)];
    assert_eq!(found(&built(&fields, &one_column(&[])).index, "refund"), [0_u32; 0]);
    assert_eq!(found(&built(&fields, &one_column(&["", "?"])).index, "refund"), [0_u32; 0]);
    assert_eq!(found(&built(&[], &one_column(&["refund"])).index, "refund"), [0_u32; 0]);
}

#[test]
fn what_cannot_be_built_or_opened_says_why() {
    let folder = TempDir::new().unwrap();
    let rows = one_column(&["refund"]);
    let said =
        |result: Result<(), Error>| result.unwrap_err().to_string().replace(&*folder.path().to_string_lossy(), "DIR");
    let build = |fields: &[TextField]| said(build_from(&folder.path().join("new"), fields, None, &rows));
    let ids = RecordBatch::try_from_iter([("text", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
    let good = [field("text", &[English], 1.0)];
    build_from(&folder.path().join("good"), &good, None, &rows).unwrap();
    let open = |folder: &Path, fields: &[TextField]| said(KeywordIndex::open(folder, fields, None).map(drop));
    let messages = [
        build(&[field("title", &BOTH, 1.0)]),
        build(&[field("text", &[], 1.0)]),
        build(&[field("text", &[English, English], 1.0)]),
        build(&[field("text", &BOTH, 0.0)]),
        build(&[field("text", &BOTH, f32::NAN)]),
        build(&[field("text", &BOTH, 1.0), field("text", &BOTH, 1.0)]),
        said(build_from(&folder.path().join("ids"), &good, None, &ids)),
        said(build_from(folder.path(), &good, None, &rows)),
        open(&folder.path().join("missing"), &good),
        open(&folder.path().join("good"), &[field("text", &BOTH, 1.0)]),
    ];
    expect![[r#"
        no column `title`; there are `text`
        text fields: column `text` needs `pt`, `en` or both, each once
        text fields: column `text` needs `pt`, `en` or both, each once
        text fields: the boost of column `text` is 0, not from 0.01 to 100
        text fields: the boost of column `text` is NaN, not from 0.01 to 100
        text fields: column `text` is there twice
        text fields: column `text` holds Int32, not text
        folder: DIR is not empty
        DIR/missing is damaged: it is no folder; rebuild the index
        DIR/good is damaged: it was built without text column `text` in `pt`; rebuild the index"#]]
    .assert_eq(&messages.join("\n"));
}

#[test]
fn damaged_files_are_an_error_or_harmless() {
    let fields = [field("text", &BOTH, 1.0)];
    let texts: Vec<String> = (0..300).map(|row| format!("refund {row} transação {}", row % 7)).collect();
    let rows = one_column(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let Built { folder, .. } = built(&fields, &rows);
    let ask = || {
        KeywordIndex::open(folder.path(), &fields, None)
            .and_then(|index| index.search("refund transacao 5", 10, None, None, &KeywordParams::exact()))
    };
    let whole = ask().unwrap();
    let mut refused = 0;
    for (name, content) in files(folder.path()) {
        let path = folder.path().join(&name);
        let mut damaged = vec![content[..content.len() / 2].to_vec(), Vec::new()];
        for part in 0..16 {
            let mut flipped = content.clone();
            flipped[content.len() * part / 16] ^= 0xff;
            damaged.push(flipped);
        }
        for bytes in damaged {
            fs::write(&path, bytes).unwrap();
            match ask() {
                Ok(hits) => assert!(hits.len() <= 10),
                Err(Error::Corrupt { .. }) => refused += 1,
                Err(other) => panic!("{name}: {other}"),
            }
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(ask(), Err(Error::Corrupt { .. })), "{name} is missing");
        fs::write(&path, content).unwrap();
    }
    assert!(refused > 30, "{refused}");
    assert_eq!(ask().unwrap(), whole);
}

#[test]
fn every_term_is_read_from_the_compressed_dictionary() {
    let index = built(&[field("text", &BOTH, 1.0)], &one_column(&["cpf 52998224725", "estornos"]));
    let mut texts = Vec::new();
    index.index.visit_texts(&mut |place, text| texts.push(format!("{place}: {text}"))).unwrap();
    expect![[r#"
        term of column `text`: 52998224725
        term of column `text`: cpf
        term of column `text`: estorn
        term of column `text`: 52998224725
        term of column `text`: cpf
        term of column `text`: estorno"#]]
    .assert_eq(&texts.join("\n"));
}

#[test]
fn the_words_that_a_row_shares_add_up_to_its_score() {
    let texts = ["o estorno da maquininha não caiu", "refund of the terminal", "pix devolvido", "estorno"];
    let Built { index, .. } = built(&[field("text", &BOTH, 2.0)], &one_column(&texts));
    let params = KeywordParams { synonyms: synonyms(&[&["estorno", "refund"]]), ..KeywordParams::default() };
    let query = "Estorno maquinnha estorno, nada";
    let rows = [0, 1, 2, 3];
    let words = index.matched_words(query, &rows, &params).unwrap();
    let matches = index.matches(query, None, &params).unwrap();
    for (&row, words) in rows.iter().zip(&words) {
        let sum: f32 = words.iter().map(|word| word.score).sum();
        assert!((sum - matches.score(row)).abs() <= 1e-4 * sum, "row {row}: {words:?}");
        assert!(words.is_sorted_by(|a, b| a.score >= b.score));
    }
    let named = |row: usize| -> Vec<String> {
        let by = |word: &super::MatchedWord| word.by.as_ref().map(|by| format!("~{by}")).unwrap_or_default();
        words[row].iter().map(|word| format!("{}{}", word.word, by(word))).collect()
    };
    expect![[r#"["estorno", "maquinnha~maquininh"]"#]].assert_eq(&format!("{:?}", named(0)));
    expect![[r#"["estorno~refund"]"#]].assert_eq(&format!("{:?}", named(1)));
    assert!(named(2).is_empty());
}

#[test]
fn what_fewer_rows_hold_points_to_each_the_more() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in [&["nsu:1", "E104"][..], &["E104"], &["E104", "05"], &["05"]] {
        row.iter().for_each(|value| lists.values().append_value(value));
        lists.append(true);
    }
    let codes: ArrayRef = Arc::new(lists.finish());
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"; 4]));
    let rows = RecordBatch::try_from_iter([("text", text), ("codes", codes)]).unwrap();
    let folder = TempDir::new().unwrap();
    let fields = [field("text", &[Language::English], 1.0)];
    build_from(folder.path(), &fields, Some("codes"), &rows).unwrap();
    let index = KeywordIndex::open(folder.path(), &fields, Some("codes")).unwrap();
    let values = ["nsu:1", "E104", "05", "unknown"].map(str::to_owned);
    let shared = index.sharing(&values, None).unwrap();
    let scores: Vec<f32> = shared.values().map(|shared| shared.score).collect();
    let expected = [1.0 + 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0 + 0.5, 0.5];
    assert!(scores.iter().zip(expected).all(|(score, expected)| (score - expected).abs() < 1e-6), "{scores:?}");
    assert_eq!(shared[&0].values, ["nsu:1", "E104"]);
    let eligible = RowSet::from_fn(4, |row| row == 3);
    assert_eq!(index.sharing(&values, Some(&eligible)).unwrap().keys().collect::<Vec<_>>(), [&3]);
}

#[test]
fn parts_that_do_not_fit_into_memory_become_the_same_segment() {
    let texts: Vec<String> = (0..40).map(|row| format!("estorno {row} da maquininha {}", row % 7)).collect();
    let rows = one_column(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let fields = [field("text", &BOTH, 1.0)];
    // Without any memory each row is a part.
    let [whole, parts, again] = [KEYWORD_MEMORY, 0, 0].map(|memory| {
        let folder = TempDir::new().unwrap();
        KeywordIndex::build(folder.path(), &fields, None, [Ok(rows.clone())], memory).unwrap();
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            files.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        }
        let index = KeywordIndex::open(folder.path(), &fields, None).unwrap();
        let ask = |query: &str| {
            let matches = index.matches(query, None, &KeywordParams::default()).unwrap();
            (0..40).map(|row| matches.score(row)).collect::<Vec<f32>>()
        };
        let answers = ["estorno", "maquininha 3", "estorno 17", "39"].map(ask);
        (files, answers)
    });
    assert_eq!(whole.1, parts.1);
    assert!(whole.1.iter().all(|scores| scores.iter().any(|&score| score > 0.0)));
    assert_eq!(whole.0.keys().collect::<Vec<_>>(), parts.0.keys().collect::<Vec<_>>());
    assert!(parts.0 == again.0, "two builds of the same rows write the same bytes");
}

#[test]
fn a_share_of_words_depends_on_the_row_alone() {
    let texts = ["estorno não caiu", "estorno caiu ontem", "pix", "serial quebrado", "estorno estorno caiu caiu"];
    let share = |texts: &[&str], query: &str, row: u32| {
        let Built { index, .. } = built(&[field("text", &BOTH, 2.0)], &one_column(texts));
        index.matches(query, None, &KeywordParams::exact()).unwrap().share(row)
    };
    let shares: Vec<f32> = (0..5).map(|row| share(&texts, "estorno caiu", row)).collect();
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    assert!(shares[2] == 0.0 && shares[0] > 0.3 && shares[4] > shares[0], "{shares:?}");
    // Words that no row has, and one that a single row has, take nothing away.
    assert_eq!(share(&texts, "estorno caiu ontem inexistente", 0), shares[0]);
    // A word that other rows share and this one lacks does.
    assert!(
        share(&["estorno não caiu", "estorno pix", "pix"], "estorno pix", 0)
            < share(&["estorno não caiu", "estorno pix", "pix"], "estorno", 0)
    );
    assert_eq!(share(&texts, "ontem", 1), 0.0, "words of one row alone tell no share");
    assert_eq!(share(&texts, "", 0), 0.0);
}
