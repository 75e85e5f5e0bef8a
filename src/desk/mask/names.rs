//! Names and letters: folding of case, accents and blanks, spellings of a name, self-introductions. Knows no digits.

use std::collections::HashSet;
use std::ops::Range;

use crate::desk::mask::{Placeholder, Span};

/// The fewest bytes of a raw value that is looked for anywhere, even inside longer words.
pub(super) const MIN_VALUE: usize = 8;

/// The fewest letters of a name that is masked without another name before it.
const MIN_WORD: usize = 3;

/// Words of a name that name nobody.
pub(super) const TITLES: [&str; 23] = [
    "sr", "sra", "srta", "dr", "dra", "mr", "mrs", "ms", "miss", "mx", "prof", "profa", "jr", "ii", "iii", "iv", "md",
    "phd", "dds", "dvm", "esq", "dona", "seu",
];

/// Words that link the names of one person.
pub(super) const LINKS: [&str; 6] = ["da", "de", "do", "das", "dos", "di"];

/// What people write before their name, folded.
const INTRODUCTIONS: [&str; 21] = [
    "me chamo",
    "meu nome e",
    "nome:",
    "aqui e o",
    "aqui e a",
    "aqui quem fala e o",
    "aqui quem fala e a",
    "sou o",
    "sou a",
    "eu sou",
    "atenciosamente,",
    "att,",
    "abracos,",
    "obrigado,",
    "obrigada,",
    "my name is",
    "this is",
    "i am",
    "i'm",
    "regards,",
    "thanks,",
];

/// Text in lower case, without accents, each run of blanks one space, and the way back to the original.
#[derive(Debug)]
pub(in crate::desk) struct Folded {
    pub(in crate::desk) text: String,
    /// For each byte of `text`, and its end, where the character it came from starts in the source.
    sources: Vec<usize>,
}

impl Folded {
    pub(in crate::desk) fn new(source: &str) -> Self {
        let mut folded =
            Self { text: String::with_capacity(source.len()), sources: Vec::with_capacity(source.len() + 1) };
        for (at, letter) in source.char_indices() {
            if letter.is_whitespace() {
                if !folded.text.ends_with(' ') {
                    folded.push(' ', at);
                }
            } else if letter.is_ascii() {
                folded.push(letter.to_ascii_lowercase(), at);
            } else if !('\u{300}'..='\u{36f}').contains(&letter) {
                for lower in letter.to_lowercase() {
                    folded.push(without_accent(lower), at);
                }
            }
        }
        folded.sources.push(source.len());
        folded
    }

    fn push(&mut self, letter: char, at: usize) {
        self.text.push(letter);
        self.sources.resize(self.text.len(), at);
    }

    /// The stretch of the source from which this one was folded.
    pub(super) fn source(&self, folded: Range<usize>) -> Range<usize> {
        self.sources[folded.start]..self.sources[folded.end]
    }

    pub(super) fn is_whole_word(&self, range: Range<usize>) -> bool {
        let before = self.text[..range.start].chars().next_back();
        let after = self.text[range.end..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    }

    /// The runs of letters and digits.
    fn words(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut rest = self.text.char_indices().peekable();
        std::iter::from_fn(move || {
            let (start, first) = rest.find(|(_, letter)| letter.is_alphanumeric())?;
            let mut end = start + first.len_utf8();
            while let Some((at, letter)) = rest.next_if(|(_, letter)| letter.is_alphanumeric()) {
                end = at + letter.len_utf8();
            }
            Some(start..end)
        })
    }
}

/// Latin letters without their accent; everything else as it is.
const fn without_accent(lower: char) -> char {
    match lower {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'š' | 'ś' => 's',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ž' | 'ź' | 'ż' => 'z',
        _ => lower,
    }
}

/// The parts of a name between blanks, folded, without titles.
fn parts(name: &str) -> Vec<String> {
    let folded = Folded::new(name).text;
    let parts = folded.split(' ').map(|part| part.trim_matches(['.', ',']));
    parts.filter(|part| !part.is_empty() && !TITLES.contains(part)).map(str::to_owned).collect()
}

/// How a full name may be written: whole, and first with last name. A single word is no full name.
pub(super) fn spellings(name: &str) -> Vec<String> {
    let parts = parts(name);
    let [first, .., last] = parts.as_slice() else { return Vec::new() };
    vec![parts.join(" "), format!("{first} {last}")]
}

/// The words of a name that are masked on their own in the customer's tickets.
pub(super) fn words(name: &str) -> HashSet<String> {
    let folded = Folded::new(&parts(name).join(" "));
    let words = folded.words().map(|word| folded.text[word].to_owned());
    words.filter(|word| word.len() > 1 && !LINKS.contains(&word.as_str())).collect()
}

/// Finds words of the customer's name that are capitalised or follow a self-introduction or another such word; words
/// that follow each other, with `da` and the like between them, are one name.
pub(super) fn find_own(source: &str, folded: &Folded, names: &HashSet<String>, spans: &mut Vec<Span>) {
    if names.is_empty() {
        return;
    }
    let mut name_end = None;
    let mut open: Option<Span> = None;
    for word in folded.words() {
        let text = &folded.text[word.clone()];
        let follows_name = name_end.is_some_and(|end| folded.text[end..word.start].chars().all(|c| c == ' '));
        if !names.contains(text) {
            // A link keeps the name open: `Ana da Rocha`.
            name_end = (follows_name && LINKS.contains(&text)).then_some(word.end);
            continue;
        }
        let range = folded.source(word.clone());
        let capitalised = source[range.clone()].starts_with(char::is_uppercase);
        let stands_alone = text.len() >= MIN_WORD && (capitalised || is_introduced(&folded.text[..word.start]));
        if !(stands_alone || follows_name) {
            name_end = None;
            continue;
        }
        match &mut open {
            Some(span) if follows_name => span.end = range.end,
            _ => {
                spans.extend(open.take());
                open = Some(Span { start: range.start, end: range.end, placeholder: Placeholder::Name });
            }
        }
        name_end = Some(word.end);
    }
    spans.extend(open);
}

fn is_introduced(before: &str) -> bool {
    let before = before.trim_end();
    INTRODUCTIONS.iter().any(|introduction| {
        before.strip_suffix(introduction).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
    })
}
