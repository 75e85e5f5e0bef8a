//! Names that a text itself introduces: by telling them, in greetings, and in signatures. Knows no customer.
//!
//! A cue is looked for first, then a name behind it. How much of a name it must look like depends on how sure the cue is:
//! behind "my name is" any words that no sentence needs will do, behind "thanks" only capitals at the end of a line.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::desk::mask::names::{Folded, LINKS, TITLES};
use crate::desk::mask::numbers::pattern;
use crate::desk::mask::{Placeholder, Span};

/// The most words of a name, links apart.
const MAX_WORDS: usize = 5;
/// The most words of a name that is not written with capitals: nothing else tells where it ends.
const MAX_PLAIN_WORDS: usize = 3;

/// Finds the names behind every cue.
pub(super) fn find(source: &str, folded: &Folded, spans: &mut Vec<Span>) {
    for found in CUE.find_iter(&folded.text) {
        let (cue, manner) = cue_of(found.as_str()).expect("every match of the search is a cue");
        let after = folded.source(found.start()..found.start() + cue.len()).end;
        if let Some(name) = name_after(source, after, manner) {
            spans.push(Span::new(name, Placeholder::Name));
        }
    }
}

/// How a name is introduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// `meu nome é`, `name:`
    Told,
    /// `aqui é a`, `sou o`
    Said,
    /// `this is`, `I'm`
    Being,
    /// `atenciosamente`, `regards`
    SignOff,
    /// `obrigado`, `thanks`: also said in the middle of a text.
    Thanks,
    /// `olá`, `dear`
    Greeting,
    /// `Sr.`, `Mrs`
    Title,
}

/// How each cue is written, folded. Where two can be read at one place the first counts.
const CUES: [(Manner, &str); 7] = [
    (
        Manner::Told,
        r"me\ chamo | (?:meu|o)\ nome\ (?:completo\ )?e:? | aqui\ quem\ (?:fala|escreve)\ e\ [oa] | quem\ fala\ e\ [oa]
          | nome(?:\ completo|\ do\ titular|\ do\ cliente|\ da\ titular)?\ ?: | titular(?:\ da\ conta)?\ ?:
          | my\ (?:full\ )?name\ is | my\ name's | (?:full\ |customer\ |cardholder\ )?name\ ?: | name\ is | account\ holder\ ?:",
    ),
    (Manner::Said, r"aqui\ e\ [oa] | (?:eu\ )?sou\ [oa] | fala\ [oa]"),
    (Manner::Being, r"this\ is | i\ am | i'm | im | eu\ sou"),
    (
        Manner::SignOff,
        r"att | atte | atenciosamente | cordialmente | respeitosamente | abs | abracos? | grande\ abraco | saudacoes | ass | assinado
          | (?:kind\ |best\ |warm\ )?regards | (?:yours\ )?sincerely | yours\ (?:truly|faithfully) | sincerely\ yours",
    ),
    (
        Manner::Thanks,
        r"(?:muito\ )?obrigad[oa] | grat[oa] | valeu | agradeco | obg
          | (?:many\ )?thanks | thank\ you | thx | cheers | best\ wishes | best",
    ),
    (
        Manner::Greeting,
        r"ola | oi | bom\ dia | boa\ tarde | boa\ noite | prezad[oa] | car[oa]
          | hi | hello | hey | dear | good\ (?:morning|afternoon|evening)",
    ),
    (Manner::Title, r"sr | sra | srta | dr | dra | senhor | senhora | mr | mrs | dona"),
];

static CUE: LazyLock<Regex> = LazyLock::new(|| {
    let any = CUES.map(|(_, cues)| cues).join("|");
    pattern(&format!(r"(?x) \b (?: {any} ) (?:\b|\s|$|:)"))
});

/// Each of [`CUES`] and nothing else: to ask this of a short match is faster than to ask the search which of them it was.
static WHICH: LazyLock<RegexSet> = LazyLock::new(|| {
    let whole = CUES.map(|(_, cues)| format!(r"(?x) \A (?: {cues} ) \z"));
    RegexSet::new(whole).expect("the patterns are constant")
});

/// Which cue a match of [`CUE`] is, without what ends it.
fn cue_of(found: &str) -> Option<(&str, Manner)> {
    // A word is ended by what is no word, and that is not part of the match; only behind `nome:` one more may be.
    let cue =
        found.strip_suffix(char::is_whitespace).or_else(|| found.strip_suffix(':').filter(|cue| cue.ends_with(':')));
    let cue = cue.unwrap_or(found);
    let manner = WHICH.matches(cue).iter().next().map(|which| CUES[which].0)?;
    Some((cue, manner))
}

static NOT_NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("not_names.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
});

/// A name and how it is written.
struct Name {
    range: Range<usize>,
    words: usize,
    /// Capitals first and small letters after.
    capitals: bool,
}

fn name_after(source: &str, cue_end: usize, manner: Manner) -> Option<Range<usize>> {
    let rest = &source[cue_end..];
    let gap = match manner {
        Manner::Told => rest.find(|c: char| !(c.is_whitespace() || matches!(c, ':' | '-' | '*'))),
        Manner::Said | Manner::Being => rest.find(|c: char| !matches!(c, ' ' | '\t' | '\u{a0}')),
        Manner::SignOff | Manner::Thanks => rest
            .find(|c: char| !(c.is_whitespace() || matches!(c, ',' | '.' | '!' | ':' | ';' | '-' | '–' | '—' | '*'))),
        Manner::Greeting => rest.find(|c: char| !matches!(c, ' ' | ',' | '\t' | '\u{a0}')),
        Manner::Title => rest.find(|c: char| !matches!(c, ' ' | '.' | '(')),
    }?;
    if gap == 0 || gap > 12 {
        return None;
    }
    let mut start = cue_end + gap;
    let between = &source[cue_end..start];
    // `Prezado Sr. João`: the title names nobody and stays.
    if let Some(title) = word_at(source, start).filter(|word| TITLES.contains(&folded(&source[word.clone()]).as_str()))
    {
        let after = &source[title.end..];
        start = title.end + after.find(|c: char| !matches!(c, ' ' | '.'))?;
    }
    let name = read(source, start)?;
    let after = &source[name.range.end..];
    if COMPANY.is_match(after) {
        return None;
    }
    // `Obrigado. Contato: …`
    if after.starts_with(':') && manner != Manner::Greeting {
        return None;
    }
    let stops = after.chars().find(|c| !matches!(c, ' ' | '\t')).is_none_or(|c| !c.is_alphanumeric());
    let ends_line = after.trim_start_matches([' ', '.', ',', '!', '\t', '\r']).chars().next().is_none_or(|c| c == '\n');
    let goes_on = GOES_ON.is_match(after);
    let new_line = between.contains('\n');
    let comma = between.contains([',', '.', '!', ':', ';', '-']);
    let good = match manner {
        Manner::Told => true,
        Manner::Said => stops || goes_on || (name.capitals && name.words > 1),
        Manner::Being => {
            (name.capitals && (stops || goes_on || name.words > 1))
                || (SPEAKING.is_match(after) && is_no_verb(source, &name))
                || (name.words > 1 && stops && is_capitals(&source[name.range.clone()]) && is_no_verb(source, &name))
        }
        Manner::SignOff => stops && (name.capitals || ends_line || comma),
        Manner::Thanks => {
            let behind_best = folded(&source[..cue_end]).ends_with("best");
            let plain = (new_line && stops) || (comma && ends_line && name.words > 1);
            (name.capitals && stops && (!behind_best || comma || new_line)) || plain
        }
        Manner::Greeting => stops && (name.capitals || after.starts_with([',', '!'])),
        Manner::Title => name.capitals,
    };
    good.then_some(name.range)
}

/// Reads a name: words of one style, with links between them, on one line.
fn read(source: &str, start: usize) -> Option<Name> {
    let first = word_at(source, start)?;
    let style = Style::of(&source[first.clone()]);
    if !may_name(&source[first.clone()]) {
        return None;
    }
    let mut name = Name { range: first, words: 1, capitals: style == Style::Capital };
    let most = if style == Style::Capital { MAX_WORDS } else { MAX_PLAIN_WORDS };
    let mut at = name.range.end;
    let mut pending = false;
    while name.words < most {
        // An initial has a point: `John F. Kennedy`.
        let initial = source[name.range.clone()].chars().rev().take_while(|c| c.is_alphabetic()).count() == 1;
        let gap = source[at..].strip_prefix('.').filter(|_| initial && !pending).unwrap_or(&source[at..]);
        let blanks = gap.len() - gap.trim_start_matches([' ', '\u{a0}']).len();
        if blanks == 0 {
            break;
        }
        let Some(word) = word_at(source, source.len() - gap.len() + blanks) else { break };
        let text = &source[word.clone()];
        let small = folded(text);
        at = word.end;
        if LINKS.contains(&small.as_str()) {
            if pending || style == Style::Small && small == "do" {
                break;
            }
            pending = true;
            continue;
        }
        let fits = Style::of(text) == style
            || (style == Style::Capital && text.chars().count() == 1 && text.starts_with(char::is_uppercase));
        if small == "e" || !fits || !(may_name(text) || text.chars().count() == 1) {
            break;
        }
        name.range.end = word.end;
        name.words += 1;
        pending = false;
    }
    Some(name)
}

/// A word of letters, apostrophes and hyphens that begins here.
fn word_at(source: &str, start: usize) -> Option<Range<usize>> {
    let rest = &source[start..];
    let inner = |c: char| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '\u{300}'..='\u{36f}');
    let length = rest.find(|c: char| !inner(c)).unwrap_or(rest.len());
    let word = rest[..length].trim_end_matches(['\'', '’', '-']);
    let mail = rest[length..].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '@' | '_'));
    (!word.is_empty() && word.starts_with(char::is_alphabetic) && !mail).then(|| start..start + word.len())
}

fn may_name(word: &str) -> bool {
    let small = folded(word);
    small.chars().count() > 1 && !NOT_NAMES.contains(small.as_str())
}

fn folded(text: &str) -> String {
    Folded::new(text).text
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Small,
    Capital,
    Capitals,
}

impl Style {
    fn of(word: &str) -> Self {
        let mut letters = word.chars();
        match (letters.next().is_some_and(char::is_uppercase), letters.any(char::is_lowercase)) {
            (true, true) => Self::Capital,
            (true, false) => Self::Capitals,
            (false, _) => Self::Small,
        }
    }
}

/// Whether the first word does not end like a verb, an adverb or an adjective of English.
fn is_no_verb(source: &str, name: &Name) -> bool {
    let small = folded(&source[name.range.clone()]);
    let first = small.split(' ').next().unwrap_or_default();
    !["ing", "ed", "en", "ly", "ble", "ful", "ous"].iter().any(|ending| first.ends_with(ending))
}

fn is_capitals(text: &str) -> bool {
    !text.contains(char::is_lowercase)
}

/// What follows a company's name.
static COMPANY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\s?(?:-\s?ME\b|ltda|s\.?a\.|s/a|eireli|mei\b|inc\b|llc\b|& |e filhos|comercio|com[eé]rcio)")
});
/// What goes on behind a name in a sentence.
static GOES_ON: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^\s(?:da|do|de|e|and|from|here|at|with|speaking|falando|aqui)\b"));
static SPEAKING: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\s(?:from|here|speaking)\b"));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CUE, cue_of};

    proptest! {
        /// A match that is no cue would be a name that stays.
        #[test]
        fn every_match_is_a_cue(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "meu nome e", "nome completo", "nome", "titular da conta", "name", "account holder", "aqui e o", "sou a",
                    "i'm", "this is", "best", "best regards", "obrigado", "dr", "dra", "sra", "ola", "bom dia", "care", "joao",
                ]),
                1..6,
            ),
            between in prop::collection::vec(prop::sample::select(vec![" ", ":", " :", "::", ": :", "\n", ", ", "", "\u{a0}"]), 6),
        ) {
            let text: String = words.iter().zip(&between).flat_map(|(word, between)| [*word, *between]).collect();
            for found in CUE.find_iter(&text) {
                let cue = cue_of(found.as_str()).map(|(cue, _)| cue);
                prop_assert!(cue.is_some_and(|cue| found.as_str().len() - cue.len() <= 2), "{:?} in {text:?}", found.as_str());
            }
        }
    }
}
