//! How people really type: slips of the finger, dropped accents, chat abbreviations, words of the other language.
//! Works on finished text and leaves anything with a digit or an `@` alone. Knows no ticket.

use std::collections::BTreeMap;

use super::random::Chance;
use super::texts::Texts;

/// How one person types in one thread; probabilities are per word unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    /// A slip in a longer word.
    pub(super) slip: f64,
    /// A short form where there is one.
    pub(super) shorten: f64,
    /// A word of the other language where there is one.
    pub(super) switch: f64,
    /// A whole sentence of the other language, per message.
    pub(super) aside: f64,
    /// Writes without accents.
    pub(super) plain: bool,
    /// Writes without capitals.
    pub(super) lower: bool,
}

/// The text as this person would have typed it.
pub(super) fn type_out(text: &str, habits: Habits, texts: &Texts, chance: &mut Chance) -> String {
    let shortened = replace(text, &texts.chat, habits.shorten, chance);
    let switched = replace(&shortened, &texts.switch, habits.switch, chance);
    let mut typed = String::with_capacity(switched.len());
    for piece in switched.split_inclusive([' ', '\n']) {
        let guarded = piece.contains(|letter: char| letter.is_ascii_digit() || letter == '@');
        if guarded {
            typed.push_str(piece);
            continue;
        }
        let slipped = if chance.happens(habits.slip) { slip(piece, chance) } else { piece.to_owned() };
        let plain = if habits.plain { fold(&slipped) } else { slipped };
        typed.push_str(&if habits.lower { plain.to_lowercase() } else { plain });
    }
    typed
}

/// The text as somebody in a hurry leaves it on a small keyboard: a third of the words of four letters and more have a
/// letter swapped, lost, doubled or hit beside, and most accents are missing. Words with a digit stay.
pub(super) fn mistype(text: &str, chance: &mut Chance) -> String {
    let mut typed = String::with_capacity(text.len());
    for piece in text.split_inclusive([' ', '\n']) {
        let plain = if chance.happens(0.8) { fold(piece) } else { piece.to_owned() };
        let spoilt = !plain.contains(|letter: char| letter.is_ascii_digit()) && chance.happens(0.35);
        typed.push_str(&if spoilt { misspelt(&plain, chance) } else { plain });
    }
    typed
}

/// One wrong key in a word of four letters or more, not in its first letter.
fn misspelt(piece: &str, chance: &mut Chance) -> String {
    const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
    let mut letters: Vec<char> = piece.chars().collect();
    let word = letters.iter().take_while(|letter| letter.is_alphabetic()).count();
    if word < 4 {
        return piece.to_owned();
    }
    let at = chance.between(1, word as u64 - 2) as usize;
    let beside = ROWS.iter().find_map(|row| {
        let place = row.find(letters[at])?;
        row.chars().nth(if place == 0 { 1 } else { place - 1 })
    });
    match (chance.between(0, 3), beside) {
        (0, Some(beside)) => letters[at] = beside,
        (1, _) => drop(letters.remove(at)),
        (2, _) => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

/// Letters without their accents.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            'á' | 'à' | 'â' | 'ã' => 'a',
            'é' | 'ê' => 'e',
            'í' => 'i',
            'ó' | 'ô' | 'õ' => 'o',
            'ú' => 'u',
            'ç' => 'c',
            'Á' | 'À' | 'Â' | 'Ã' => 'A',
            'É' | 'Ê' => 'E',
            'Í' => 'I',
            'Ó' | 'Ô' | 'Õ' => 'O',
            'Ú' => 'U',
            'Ç' => 'C',
            other => other,
        })
        .collect()
}

/// Replaces words (and pairs of words) that the table holds, each with this probability.
pub(super) fn replace(text: &str, table: &BTreeMap<String, String>, probability: f64, chance: &mut Chance) -> String {
    if probability <= 0.0 {
        return text.to_owned();
    }
    let mut out = text.to_owned();
    for (word, short) in table.iter().filter(|(word, _)| word.contains(' ')) {
        if out.contains(word.as_str()) && chance.happens(probability) {
            out = out.replace(word.as_str(), short);
        }
    }
    out.split_inclusive([' ', '\n']).map(|piece| replace_word(piece, table, probability, chance)).collect()
}

fn replace_word(piece: &str, table: &BTreeMap<String, String>, probability: f64, chance: &mut Chance) -> String {
    let word = piece.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '@');
    match table.get(&word.to_lowercase()) {
        Some(short) if chance.happens(probability) => piece.replacen(word, short, 1),
        _ => piece.to_owned(),
    }
}

/// One slip of the finger in a word of five letters or more: two letters swapped, one lost, one doubled.
fn slip(piece: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = piece.chars().collect();
    let word = letters.iter().take_while(|letter| letter.is_alphabetic()).count();
    if word < 5 {
        return piece.to_owned();
    }
    let at = chance.between(1, word as u64 - 2) as usize;
    match chance.between(0, 2) {
        0 => letters.swap(at, at + 1),
        1 => drop(letters.remove(at)),
        _ => letters.insert(at, letters[at]),
    }
    letters.into_iter().collect()
}
