//! Sentences, clusters and proposals from hand-made vectors: two known actions, a new one, and a greeting.

use expect_test::expect;
use fs_err as fs;
use proptest::prelude::*;

use super::*;
use crate::desk::AssignParams;

/// Directions: 0 and 1 are the known actions, 2 a new one, 3 a greeting.
fn direction(axis: usize, tilt: f32) -> Vec<f32> {
    let mut vector = [0.0; 4];
    vector[axis] = 1.0;
    vector[(axis + 1) % 4] = tilt;
    let length = (1.0 + tilt * tilt).sqrt();
    vector.iter().map(|x| x / length).collect()
}

fn read(text: &str) -> crate::Result<Catalogue> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actions.toml");
    fs::write(&path, text).unwrap();
    Catalogue::from_toml(&path)
}

fn known() -> Catalogue {
    let action = |id: &str, kind: &str| {
        format!(
            "[[action]]\nid = \"{id}\"\ntitle = {{ pt = \"a\", en = \"a\" }}\n\
             description = {{ pt = \"a\", en = \"a\" }}\nkind = \"{kind}\"\nexamples = [\"a\", \"b\"]\n"
        )
    };
    read(&(action("MANDEI_MAQUININHA_NOVA", "ask") + &action("SECOND", "resolve"))).unwrap()
}

fn example_vectors() -> Vec<Vec<f32>> {
    [(0, 0.1), (0, -0.1), (1, 0.1), (1, -0.1)].map(|(axis, tilt)| direction(axis, tilt)).to_vec()
}

fn assigner(catalogue: &Catalogue) -> Assigner<'_> {
    Assigner::new(catalogue, &example_vectors(), &AssignParams::default())
}

/// A sentence said once in each ticket of a range.
fn said<'a>(
    assigner: &Assigner<'_>,
    text: &'a str,
    vector: &[f32],
    tickets: std::ops::Range<usize>,
    is_open: impl Fn(usize) -> bool,
) -> Sentence<'a> {
    let places = tickets.map(|ticket| Place {
        ticket,
        category: if ticket % 25 == 24 { "RARE" } else { "TECHNICAL" },
        is_open: is_open(ticket),
    });
    Sentence { text, vector: assigner.seen(vector), places: places.collect() }
}

const STRICT: DiscoverParams =
    DiscoverParams { min_tickets: 5, unsure: 0.06, likeness: 0.6, open_share: 0.7, max_sentences: 100 };

/// What is open, known and said everywhere, and a new action in two wordings.
fn desk<'a>(assigner: &Assigner<'_>) -> Vec<Sentence<'a>> {
    vec![
        said(assigner, "Já mandei a maquininha nova \"X-9\".", &direction(2, 0.0), 0..30, |_| true),
        said(assigner, "Vai chegar maquininha nova para [NAME] amanhã.", &direction(2, 0.1), 30..36, |_| true),
        said(assigner, "Obrigado pelo contato, [NAME].", &direction(3, 0.0), 0..60, |ticket| ticket < 36),
        said(assigner, "Isso já se sabe bem.", &direction(1, 0.0), 0..36, |_| true),
        said(assigner, "Dito poucas vezes aqui.", &direction(2, -3.0), 0..4, |_| true),
    ]
}

#[test]
fn messages_fall_into_sentences() {
    let check = |message: &'static str| sentences(message).collect::<Vec<_>>();
    assert_eq!(check("Troquei a máquina. Chega em 2,5 dias! Me avise?"), ["Troquei a máquina.", "Chega em 2,5 dias!"]);
    assert_eq!(check("linha um dois\nlinha três quatro"), ["linha um dois", "linha três quatro"]);
    assert_eq!(check("v6.5.9 foi enviada agora"), ["v6.5.9 foi enviada agora"]);
    assert_eq!(check("Oi! \n ?"), Vec::<&str>::new());
}

#[test]
fn what_no_action_covers_becomes_a_cluster_and_a_greeting_does_not() {
    let catalogue = known();
    let assigner = assigner(&catalogue);
    let sentences = desk(&assigner);
    let found = clusters(&sentences, &assigner, &STRICT);
    assert_eq!(found, [Cluster { members: vec![0, 1], tickets: 36 }]);

    let everything = DiscoverParams { open_share: 0.0, min_tickets: 1, ..STRICT };
    let middles: Vec<usize> =
        clusters(&sentences, &assigner, &everything).iter().map(|cluster| cluster.members[0]).collect();
    assert_eq!(middles, [0, 2, 4], "without these limits the greeting and the rare sentence are clusters too");
    let most_said = DiscoverParams { max_sentences: 1, open_share: 0.0, ..STRICT };
    let found = clusters(&sentences, &assigner, &most_said);
    assert_eq!(found[0].members, [2], "the greeting is said most");
    let rarer = DiscoverParams { min_tickets: 37, ..STRICT };
    assert_eq!(clusters(&sentences, &assigner, &rarer), []);
}

#[test]
fn a_proposal_is_read_back_as_an_action() {
    let catalogue = known();
    let assigner = assigner(&catalogue);
    let sentences = desk(&assigner);
    let proposals = propose(&sentences, &clusters(&sentences, &assigner, &STRICT), &assigner, &catalogue);
    let text = to_toml(&proposals);
    expect![[r##"
        # Proposed by `nba actions discover`: drop what is no action, edit the rest, and add it to the catalogue.

        # In 36 tickets, 2 different sentences.
        # Nearest action so far: SECOND (likeness 0.22); the kind is its kind.
        [[action]]
        id = "MANDEI_MAQUININHA_NOVA_2" # edit
        title = { pt = 'Já mandei a maquininha nova "X-9".', en = 'Já mandei a maquininha nova "X-9".' } # edit
        description = { pt = 'Já mandei a maquininha nova "X-9".', en = 'Já mandei a maquininha nova "X-9".' } # edit
        kind = "resolve" # check
        categories = ["TECHNICAL"]
        examples = [
          'Já mandei a maquininha nova "X-9".',
          "Vai chegar maquininha nova para [NAME] amanhã.",
        ]
    "##]]
    .assert_eq(&text);
    let read = read(&text).unwrap();
    assert_eq!(read.actions.len(), 1);
    assert_eq!(read.actions[0].id, proposals[0].id);
    assert_eq!(read.actions[0].examples, proposals[0].examples);
    assert_eq!(read.actions[0].categories, ["TECHNICAL"], "RARE is one in 36, and 95 % are covered without it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn clusters_share_nothing_are_large_enough_and_come_by_size(
        angles in prop::collection::vec((0..4usize, -1.0..1.0_f32, 1..9usize), 1..12),
        min_tickets in 1..6usize,
    ) {
        let catalogue = known();
        let assigner = assigner(&catalogue);
        let sentences: Vec<Sentence<'_>> = angles
            .iter()
            .map(|&(axis, tilt, tickets)| said(&assigner, "a b c", &direction(axis, tilt), 0..tickets, |ticket| ticket % 3 != 2))
            .collect();
        let params = DiscoverParams { min_tickets, open_share: 0.5, ..STRICT };
        let found = clusters(&sentences, &assigner, &params);
        let members: Vec<usize> = found.iter().flat_map(|cluster| cluster.members.clone()).collect();
        prop_assert_eq!(members.iter().collect::<BTreeSet<_>>().len(), members.len());
        prop_assert!(found.iter().all(|cluster| cluster.tickets >= min_tickets));
        prop_assert!(found.is_sorted_by(|a, b| a.tickets >= b.tickets));
        for cluster in &found {
            let middle = &sentences[cluster.members[0]].vector;
            for &member in &cluster.members {
                prop_assert!(dot(middle, &sentences[member].vector) >= params.likeness - 1e-6);
            }
        }
        let proposals = propose(&sentences, &found, &assigner, &catalogue);
        let ids: BTreeSet<&str> = proposals.iter().map(|proposal| proposal.id.as_str()).collect();
        prop_assert_eq!(ids.len(), proposals.len());
        if !proposals.is_empty() {
            prop_assert_eq!(read(&to_toml(&proposals)).unwrap().actions.len(), proposals.len());
        }
    }
}
