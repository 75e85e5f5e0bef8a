//! What the words of an e-mail are without what mail programs and habit add: quoted mails, signatures, legal notices.
//! Works on whole lines alone, so that a text of one line stays as it is.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// How many lines a signature has at most, the closing words included.
const SIGNATURE_LINES: usize = 8;

/// The text without quoted mails, signatures and legal notices; as it is where nothing else would be left.
///
/// Cut are, in Portuguese and English: lines that begin with `>`; what follows a line such as “Em 3 de março, Ana escreveu:”,
/// “-----Mensagem original-----” or the heading of a forwarded mail (“De:”, and near it two of “Enviado em:”, “Para:”, “Assunto:”); what follows a
/// line of two dashes; “Enviado do meu iPhone”; a closing line such as “Atenciosamente,” with at most seven lines after it;
/// a last paragraph that begins as legal notices do.
#[must_use]
pub fn own_words(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.lines().collect();
    let end = quoted_from(&lines).unwrap_or(lines.len());
    let mut kept: Vec<&str> = lines[..end].iter().copied().filter(|line| !line.trim_start().starts_with('>')).collect();
    trim_end(&mut kept);
    while let Some(at) = last_paragraph(&kept).filter(|&at| NOTICE.is_match(kept[at])) {
        kept.truncate(at);
        trim_end(&mut kept);
    }
    if let Some(at) = signed_from(&kept) {
        kept.truncate(at);
        trim_end(&mut kept);
    }
    let is_nothing = kept.iter().all(|line| line.trim().is_empty());
    if is_nothing || kept.len() == lines.len() { Cow::Borrowed(text) } else { Cow::Owned(kept.join("\n")) }
}

static QUOTE_HEADING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^\s*(em|on|no dia)\b.{0,60}\d.{0,140}\b(escreveu|wrote)\s*:\s*$",
        r"|^\s*[-_]{3,}\s*(mensagem original|mensagem encaminhada|original message|forwarded message)\s*[-_]*\s*$",
    ))
});
static FROM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\*?(de|from)\s*:\*?\s*\S"));
static HEADING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*\*?(enviad[oa]( em)?|para|data|assunto|sent|to|date|subject)\s*:\*?\s*\S"));
static SIGNATURE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(--|—|(enviado (do|pelo|de|a partir do) (meu )?|sent from (my )?)\S.{0,40})\s*$"));
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^\s*(atenciosamente|cordialmente|respeitosamente|att|at\.?te|abs|abra[çc]os?|sauda[çc][õo]es|grat[oa]",
        r"|(com os )?(melhores|meus) cumprimentos|(best|kind|warm) regards|regards|sincerely|yours (truly|sincerely)|cheers)",
        r"\s*[,.!]*\s*$",
    ))
});
static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^\s*\W*((esta|a presente) (mensagem|comunica[çc][ãa]o)|este e-?mail|aviso( legal| de confidencialidade)",
        r"|this (e-?mail|message|communication)|(confidentiality|legal) notice|disclaimer)\b",
        r".*(confidencia|confidential|destinat[áa]ri|intended|recipient|sigil|privileg|aviso|notice|disclaimer)",
    ))
});

#[expect(clippy::unwrap_used, reason = "the patterns are constants, and a test matches each")]
fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?i){text}")).unwrap()
}

/// The line from which on another mail is quoted.
fn quoted_from(lines: &[&str]) -> Option<usize> {
    (0..lines.len()).find(|&at| {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        // Mail programs break a long heading in two.
        let is_broken = || QUOTE_HEADING.is_match(&format!("{} {}", lines[at].trim_end(), next.trim_start()));
        let near = || lines[at + 1..].iter().take(3).filter(|line| HEADING.is_match(line)).count();
        let is_forwarded = || FROM.is_match(lines[at]) && near() >= 2;
        QUOTE_HEADING.is_match(lines[at]) || is_broken() || is_forwarded()
    })
}

/// The line from which on a text is a signature.
fn signed_from(lines: &[&str]) -> Option<usize> {
    let from = lines.len().saturating_sub(SIGNATURE_LINES);
    (from..lines.len()).find(|&at| SIGNATURE.is_match(lines[at]) || CLOSING.is_match(lines[at]))
}

/// Where the last paragraph begins.
fn last_paragraph(lines: &[&str]) -> Option<usize> {
    let begins = |at: usize| at == 0 || lines[at - 1].trim().is_empty();
    (0..lines.len()).rev().find(|&at| begins(at))
}

fn trim_end(lines: &mut Vec<&str>) {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&own_words(text));
    }

    #[test]
    fn quoted_mails_go() {
        check(
            "O repasse não caiu.\n\nEm ter., 3 de mar. de 2026 às 10:12, Suporte\n<[EMAIL]> escreveu:\n> Olá,\n> veja.",
            expect!["O repasse não caiu."],
        );
        check("Still nothing.\nOn Tue, Mar 3, 2026 at 10:12 AM Support wrote:\n> hello", expect!["Still nothing."]);
        check("Segue.\n-----Mensagem original-----\nDe: [NAME]\nolá", expect!["Segue."]);
        check(
            "Please see below.\n\nFrom: Support\nSent: Tuesday, March 3\nTo: Me\nSubject: Fee\n\nDear customer",
            expect!["Please see below."],
        );
        check(
            "> você pode confirmar?\nConfirmo.\n> e o valor?\nR$ 10",
            expect![[r#"
            Confirmo.
            R$ 10"#]],
        );
    }

    #[test]
    fn signatures_and_notices_go() {
        check(
            "A taxa veio errada.\n\nAtenciosamente,\n[NAME]\nGerente financeira\n[PHONE]\n\n\
             AVISO: esta mensagem pode conter dados.\n\nEsta mensagem é confidencial e se destina apenas ao destinatário.",
            expect!["A taxa veio errada."],
        );
        check("The POS is dead.\nBest regards,\nAnn\n\nSent from my iPhone", expect!["The POS is dead."]);
        check("Terminal parado\n\nEnviado do meu iPhone", expect!["Terminal parado"]);
        check("Terminal parado\n-- \nLoja do Zé", expect!["Terminal parado"]);
    }

    #[test]
    fn what_a_customer_says_stays() {
        let far_from_the_end = format!("Att,\n{}", "o problema continua\n".repeat(8));
        for text in [
            "Atenciosamente, a taxa mudou",
            "> tudo citado",
            "Atenciosamente,\nAna",
            "O valor mudou\nDe: R$ 10\nPara: R$ 20\ne ninguém avisou",
            "Em contato com a loja o atendente escreveu:\npode devolver",
            "Em 3 de março o atendente escreveu: pode devolver\ne não devolveram",
            "on 3 March they charged\ntwice",
            &far_from_the_end,
        ] {
            assert_eq!(own_words(text), text);
        }
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&QUOTE_HEADING, &FROM, &HEADING, &SIGNATURE, &CLOSING, &NOTICE] {
            assert!(!pattern.is_match("estorno"));
        }
    }
}
