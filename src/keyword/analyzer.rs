//! Text to terms, for Portuguese and English. Knows no index and no query.
//!
//! A word is a run of letters and digits; `.` and `,` between digits (`10.4`, `1.250,00`) and an apostrophe between
//! letters stay inside it, so identifiers and amounts are one term. Stop words of *both* languages go, whatever the
//! analyzer: in a desk of two languages the function words of one would else count as rare content in the other.
//! Accents are folded first, so that text typed without them meets text typed with them; for Portuguese the endings
//! that the Snowball stemmer knows only with their accents are respelt before it runs, and plurals that it misses
//! (`transações`, `papéis`, `imagens`) are brought to the singular.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language as Snowball, RawTokenizer, RemoveLongFilter, Stemmer, StopWordFilter, TextAnalyzer,
    Token, TokenFilter, TokenStream, Tokenizer,
};

/// A language that text can be analysed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// `pt`
    #[serde(rename = "pt")]
    Portuguese,
    /// `en`
    #[serde(rename = "en")]
    English,
}

/// Words of more bytes are no words (encoded attachments, keys) and are left out.
const MAX_WORD_BYTES: usize = 100;

/// Portuguese stop words as they are typed without their accents.
const UNACCENTED: [&str; 22] = [
    "ate",
    "eramos",
    "estao",
    "estara",
    "estavamos",
    "foramos",
    "ha",
    "hao",
    "houvera",
    "ja",
    "nao",
    "nos",
    "sao",
    "sera",
    "serao",
    "so",
    "tambem",
    "tera",
    "terao",
    "tinhamos",
    "voce",
    "voces",
];

/// Portuguese endings without accents and what the stemmer should see in their place; the first that fits is taken.
const RESPELT: [(&str, &str); 16] = [
    ("coes", "ção"),
    ("cao", "ção"),
    ("soes", "são"),
    ("sao", "são"),
    ("oes", "ão"),
    ("ao", "ão"),
    ("aveis", "ável"),
    ("avel", "ável"),
    ("iveis", "ível"),
    ("ivel", "ível"),
    ("encias", "ência"),
    ("encia", "ência"),
    ("ancias", "ância"),
    ("ancia", "ância"),
    ("eis", "el"),
    ("ns", "m"),
];

impl Language {
    /// The two letters in index files and configuration.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Portuguese => "pt",
            Self::English => "en",
        }
    }

    /// A chain from text to terms; cheap to make.
    pub(super) fn analyzer(self) -> TextAnalyzer {
        static PORTUGUESE: LazyLock<TextAnalyzer> = LazyLock::new(|| Language::Portuguese.terms_of(Words));
        static ENGLISH: LazyLock<TextAnalyzer> = LazyLock::new(|| Language::English.terms_of(Words));
        match self {
            Self::Portuguese => PORTUGUESE.clone(),
            Self::English => ENGLISH.clone(),
        }
    }

    /// The same chain for many texts: it remembers the words that it has seen.
    pub(super) fn remembering_analyzer(self) -> TextAnalyzer {
        let of_word = self.terms_of(RawTokenizer::default());
        TextAnalyzer::builder(Words).filter(Remember { of_word }).build()
    }

    /// What becomes of words: long ones and the stop words of either language go, accents go, stems are left.
    fn terms_of(self, words: impl Tokenizer) -> TextAnalyzer {
        let stop_words = |language| StopWordFilter::new(language).expect("tantivy has stop words for both languages");
        let kept = TextAnalyzer::builder(words)
            .filter(RemoveLongFilter::limit(MAX_WORD_BYTES))
            .filter(stop_words(Snowball::Portuguese))
            .filter(stop_words(Snowball::English))
            .filter(StopWordFilter::remove(UNACCENTED.map(str::to_owned)))
            .filter(AsciiFoldingFilter);
        match self {
            Self::Portuguese => {
                kept.filter(Respell).filter(Stemmer::new(Snowball::Portuguese)).filter(AsciiFoldingFilter).build()
            }
            Self::English => kept.filter(Stemmer::new(Snowball::English)).build(),
        }
    }
}

/// A word of a text, and what is searched for in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word as it stands in the text.
    pub text: String,
    /// Its term; `None` for a word that is never searched for: a stop word, or one too long to be a word.
    pub term: Option<String>,
}

/// The terms of a text, in order, with repetitions. Safe for any text; empty where it holds no word.
#[must_use]
pub fn analyze(text: &str, language: Language) -> Vec<String> {
    located(text, language).into_iter().map(|(_, term)| term).collect()
}

/// Every word of a text, in order, those included that have no term.
#[must_use]
pub fn words(text: &str, language: Language) -> Vec<Word> {
    let mut terms: BTreeMap<usize, String> =
        located(text, language).into_iter().map(|(place, term)| (place.start, term)).collect();
    let mut words = Vec::new();
    TextAnalyzer::from(Words).token_stream(text).process(&mut |token| {
        let text = text[token.offset_from..token.offset_to].to_owned();
        words.push(Word { text, term: terms.remove(&token.offset_from) });
    });
    words
}

/// Shows every word of a text, in lower case and otherwise as it is: no stems, no stop words, accents kept.
pub(crate) fn plain_words(text: &str, see: &mut dyn FnMut(&str)) {
    let mut words = RemoveLongFilter::limit(MAX_WORD_BYTES).transform(Words);
    words.token_stream(text).process(&mut |token| see(&token.text));
}

/// The terms of a text, each with the place of its word. Which words have a term does not depend on the language.
pub(super) fn located(text: &str, language: Language) -> Vec<(Range<usize>, String)> {
    let mut terms = Vec::new();
    language.analyzer().token_stream(text).process(&mut |token| {
        terms.push((token.offset_from..token.offset_to, token.text.clone()));
    });
    terms
}

/// Cuts a text into lower-case words.
#[derive(Debug, Clone)]
struct Words;

struct WordStream<'a> {
    rest: &'a str,
    /// The character before `rest`.
    before: Option<char>,
    consumed: usize,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { rest: text, before: None, consumed: 0, token: Token::default() }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        self.token.position = self.token.position.wrapping_add(1);
        while let Some(c) = self.rest.chars().next() {
            let after = &self.rest[c.len_utf8()..];
            let inside = self.stays_inside(c, after.chars().next());
            if c.is_alphanumeric() || inside {
                if self.token.text.is_empty() {
                    self.token.offset_from = self.consumed;
                }
                if c.is_ascii() {
                    self.token.text.push(c.to_ascii_lowercase());
                } else if !is_combining(c) {
                    self.token.text.extend(c.to_lowercase().filter(|&lower| !is_combining(lower)));
                }
            } else if !self.token.text.is_empty() {
                break;
            }
            self.before = Some(c);
            self.rest = after;
            self.consumed += c.len_utf8();
            self.token.offset_to = self.consumed;
        }
        !self.token.text.is_empty()
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

impl WordStream<'_> {
    /// Whether `c`, itself no letter or digit, belongs to the word that has begun.
    fn stays_inside(&self, c: char, after: Option<char>) -> bool {
        let between = |belongs: fn(char) -> bool| self.before.is_some_and(belongs) && after.is_some_and(belongs);
        !self.token.text.is_empty()
            && match c {
                '.' | ',' => between(|neighbour| neighbour.is_ascii_digit()),
                '\'' | '’' => between(char::is_alphabetic),
                _ => is_combining(c),
            }
    }
}

/// Accents that follow their letter, as in text that some systems store decomposed.
const fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Gives Portuguese endings the spelling that the stemmer knows.
#[derive(Debug, Clone)]
struct Respell;

#[derive(Debug, Clone)]
struct RespellTokenizer<T>(T);

struct RespellStream<S>(S);

impl TokenFilter for Respell {
    type Tokenizer<T: Tokenizer> = RespellTokenizer<T>;

    fn transform<T: Tokenizer>(self, tokenizer: T) -> RespellTokenizer<T> {
        RespellTokenizer(tokenizer)
    }
}

impl<T: Tokenizer> Tokenizer for RespellTokenizer<T> {
    type TokenStream<'a> = RespellStream<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        RespellStream(self.0.token_stream(text))
    }
}

impl<S: TokenStream> TokenStream for RespellStream<S> {
    fn advance(&mut self) -> bool {
        if !self.0.advance() {
            return false;
        }
        let word = &mut self.0.token_mut().text;
        let fits = |(ending, _): &&(&str, &str)| word.len() >= ending.len() + 2 && word.ends_with(*ending);
        if let Some((ending, spelling)) = RESPELT.iter().find(fits) {
            word.truncate(word.len() - ending.len());
            word.push_str(spelling);
        }
        true
    }

    fn token(&self) -> &Token {
        self.0.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.0.token_mut()
    }
}

/// So many words are remembered: those of any desk that are written twice and more, and some megabytes.
const REMEMBERED: usize = 1 << 16;

/// Puts in a word's place what a chain makes of it, which is asked once for each word.
#[derive(Clone)]
struct Remember {
    /// From a word, which is the whole text, to its term, if it has one.
    of_word: TextAnalyzer,
}

#[derive(Clone)]
struct RememberTokenizer<T> {
    words: T,
    of_word: TextAnalyzer,
    seen: HashMap<String, Option<String>>,
}

struct RememberStream<'a, S> {
    words: S,
    of_word: &'a mut TextAnalyzer,
    seen: &'a mut HashMap<String, Option<String>>,
}

impl TokenFilter for Remember {
    type Tokenizer<T: Tokenizer> = RememberTokenizer<T>;

    fn transform<T: Tokenizer>(self, words: T) -> RememberTokenizer<T> {
        RememberTokenizer { words, of_word: self.of_word, seen: HashMap::new() }
    }
}

impl<T: Tokenizer> Tokenizer for RememberTokenizer<T> {
    type TokenStream<'a> = RememberStream<'a, T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        RememberStream { words: self.words.token_stream(text), of_word: &mut self.of_word, seen: &mut self.seen }
    }
}

impl<S: TokenStream> TokenStream for RememberStream<'_, S> {
    fn advance(&mut self) -> bool {
        while self.words.advance() {
            let word = &mut self.words.token_mut().text;
            let term = match self.seen.get(word) {
                Some(term) => term.as_deref(),
                None => {
                    let mut term = None;
                    self.of_word.token_stream(word).process(&mut |token| term = Some(token.text.clone()));
                    if self.seen.len() == REMEMBERED {
                        self.seen.clear();
                    }
                    self.seen.entry(word.clone()).or_insert(term).as_deref()
                }
            };
            if let Some(term) = term {
                word.clear();
                word.push_str(term);
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.words.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.words.token_mut()
    }
}
