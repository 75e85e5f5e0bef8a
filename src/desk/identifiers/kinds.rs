//! The kinds of identifiers as data: what they are called in Portuguese and English, and what form they have. Texts are
//! folded: small letters without accents, single blanks.

use std::sync::LazyLock;

use regex::Regex;

/// What an identifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentifierKind {
    /// The number of a transaction at the acquirer (número sequencial único).
    Nsu,
    /// The number of a transaction in e-commerce.
    Tid,
    /// What the issuer approved a sale with.
    Authorization,
    /// The acquirer's reference number, by which schemes trace a sale.
    Arn,
    /// The end-to-end id of a PIX.
    EndToEnd,
    /// The serial or logical number of a terminal.
    Terminal,
    /// The number of a merchant (EC, PV, MID).
    Merchant,
    /// What a screen, a terminal or an API shows when it fails.
    Error,
    /// A response code of ISO 8583, such as 51.
    Response,
    /// The reason code of a chargeback.
    Chargeback,
    /// An order of the shop.
    Order,
    /// The number of a contact or case.
    Protocol,
}

impl IdentifierKind {
    /// The word before the colon of a term.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nsu => "nsu",
            Self::Tid => "tid",
            Self::Authorization => "auth",
            Self::Arn => "arn",
            Self::EndToEnd => "e2e",
            Self::Terminal => "terminal",
            Self::Merchant => "merchant",
            Self::Error => "error",
            Self::Response => "response",
            Self::Chargeback => "chargeback",
            Self::Order => "order",
            Self::Protocol => "protocol",
        }
    }
}

/// A kind that a label tells: the text before ends with the label, and the word has the form.
pub(super) struct Rule {
    pub(super) kind: IdentifierKind,
    pub(super) label: Regex,
    pub(super) form: Regex,
}

/// A kind that nothing else looks like.
pub(super) struct Shape {
    pub(super) kind: IdentifierKind,
    pub(super) form: Regex,
}

/// What may stand between a label and its value.
const LINK: &str = r"(?: ?[:=#(\[._-]+ ?| )*(?:(?:n[oº°]?s?[.º°]?|numero|number|num|id|code|codigo|cod|e|is|era|was|foi|sao|are)(?: ?[:=#(\[._-]+ ?| )+){0,3}[\x22'“”]?";
/// The same, and whose it is: `NSU da venda é`.
const LINK_OF: &str = r"(?: (?:d[aoe]s?|dess[ae]|dest[ae]|of(?: the| this| that)?|for(?: the| this)?) [a-z]{2,13})?";

use IdentifierKind::{
    Arn, Authorization, Chargeback, EndToEnd, Error, Merchant, Nsu, Order, Protocol, Response, Terminal, Tid,
};

/// Kind, label, whether `of` something may follow it, and form. The first that fits counts.
const LABELLED: &[(IdentifierKind, &str, bool, &str)] = &[
    (Nsu, r"nsus?(?:[ /](?:host|tef|sitef|doc|cv|da rede))?|rrn|cv|comprovante de venda", true, DIGITS_3),
    (
        Tid,
        r"tids?|txid|(?:transaction|request|payment|trace) id|id d[aeo] (?:transacao|pagamento|requisicao)",
        true,
        r"^[0-9a-z]*[0-9][0-9a-z-]{5,39}$",
    ),
    (Arn, "arn", true, DIGITS_LONG),
    (EndToEnd, r"e2e|end ?to ?end|endtoend", true, r"^e[0-9][0-9a-z]{9,30}$"),
    (
        Authorization,
        r"autorizacao|autorizacoes|authori[sz]ation|auth|aut|(?:codigo de aprovacao|approval code)",
        true,
        r"^(?:[0-9]{4,12}|[0-9a-z]*[0-9][0-9a-z]{4,7}|[0-9]{5}-[0-9]{4})$",
    ),
    (
        Protocol,
        r"protocolos?|protocol|reference|referencia|ref|chamado(?: interno)?|(?:internal )?ticket|caso|case|incidente?|atendimento",
        true,
        r"^(?:[0-9]{6,20}|[0-9]{2,10}(?:[-./][0-9]{2,12}){1,5}|[a-z]{1,6}-?[0-9]{4,14})$",
    ),
    (
        Order,
        r"(?:pedidos?|orders?|encomenda)(?: ?(?:n[oº°]?[.º°]?|numero|number|no\.?|id|code|codigo) ?[:#]? ?| ?[:#] ?)",
        false,
        r"^(?:[0-9]{2,20}|[0-9a-z]+(?:-[0-9a-z]+)*-?[0-9]{2,14}[a-z]?|[0-9]{3}(?:-[0-9]{7}){2})$",
    ),
    (Order, "pedidos?|orders?", false, r"^(?:[0-9]{5,20}|[a-z]{1,5}-?[0-9]{3,14}|[0-9]{3,5}(?:-[0-9]{2,7}){1,3})$"),
    (
        Merchant,
        r"ec|pv|mid|merchant id|(?:codigo|numero) do (?:estabelecimento|lojista)|merchant number|estabelecimento",
        false,
        r"^[0-9]{6,15}(?:-[0-9])?$",
    ),
    (
        Terminal,
        r"serial|serie|s/n|sn|etiqueta|label|sticker|back|logical|logico|terminal|terminais|(?:atras|serial|sticker|label|back|etiqueta)(?: dela| dele)?,?(?: it)? (?:diz|says|esta|consta|reads)",
        true,
        r"^(?:[a-z]{1,4}|[0-9][a-z]{1,3}|[a-z][0-9])?-?[0-9]{5,16}[a-z]?$|^[0-9a-z]{2,5}(?:-[0-9]{3,8}){2,4}$",
    ),
    (
        Terminal,
        r"maquina|maquininha|aparelho|equipamento|pinpad|machine|device|pos",
        false,
        r"^(?:(?:[a-z]{1,4}|[0-9][a-z]{1,3}|[a-z][0-9])-?[0-9]{5,12}|[0-9]{8,16})$",
    ),
    (
        Chargeback,
        r"(?:motivo|razao|reason)(?: code)?|chargebacks?|contestacao|disputa|dispute",
        true,
        r"^(?:1[0-3]\.[1-9](?:\.[1-9])?|4[89][0-9]{2}|[a-z]{1,2}[0-9]{2})$",
    ),
    (
        Response,
        r"(?:codigo|cod|code)(?: de| da)? ?(?:resposta|retorno|recusa|negativa|response)|resposta|resp|response|retorno|return code|decline code|iso ?-?8583|(?:de|bit|campo|field|de field) ?39",
        true,
        TWO,
    ),
    (
        Response,
        r"(?:negad[oa]|recusad[oa]|declined|refused|recusa|negativa|decline)s?(?: ?[(:]+ ?| com | with )",
        false,
        TWO,
    ),
    (Error, r"erros?|errors?|err|http|status code|exception", false, ERROR),
    (Error, r"(?:api|endpoint|gateway|webhooks?|integration|integracao)(?: [a-z]+){0,4}", false, "^[45][0-9]{2}$"),
    (
        Error,
        r"veio|got|gets?|retornou|retorna|returned|returns|devolve|recebemos|receive[sd]?",
        false,
        r"^(?:4(?:0[0-9]|1[0-8]|2[2-9])|50[0-4])$",
    ),
    (
        Error,
        r"falha|failure|fault|mensagem|message|aparece|mostra|exibe|diz|shows|says|displays|get|codigo|code|cod|evento",
        false,
        r"^(?:[a-z]{1,3}-?[0-9]{2,5}|[a-z]{2,5}-[0-9]{2,5})$",
    ),
    (Response, "codigo|code|cod", false, TWO),
    (Error, "codigo|code|cod", false, "^[0-9]{3,5}$"),
];

/// Digits, perhaps in groups.
const DIGITS_3: &str = r"^(?:[0-9]{3,20}|[0-9]{2,8}(?:[-. /][0-9]{2,8}){1,5})$";
const DIGITS_LONG: &str = r"^[0-9]{9,25}$|^[0-9]{1,8}(?:[-. ][0-9]{1,12}){1,5}$";
/// A response code of ISO 8583.
const TWO: &str = r"^(?:[0-9]{2}|[0-9][a-z]|[a-z][0-9])$";
/// What a failure shows.
const ERROR: &str = r"^(?:0x[0-9a-f]{1,8}|[a-z]{1,10}-?[0-9]{1,6}[a-z]?|[0-9]{2,6}|timeout ?-?[0-9]{1,4}|[a-z]{2,10}(?:-[0-9a-z]+){1,3})$";

/// Forms that need no label.
const UNMISTAKABLE: &[(IdentifierKind, &str)] = &[
    (EndToEnd, r"^e[0-9]{8}20[0-9]{10}[0-9a-z]{11}$"),
    (Arn, r"^[0-9]{23}$"),
    (Tid, r"^[0-9]{20}$"),
    (Error, r"^(?:e-?[0-9]{2,5}|err(?:or|o)?-?[0-9]{2,6}|0x[0-9a-f]{1,8}|http-?[1-5][0-9]{2}|timeout[ -]?[0-9]{1,4})$"),
];

pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule = |&(kind, label, of, form): &(IdentifierKind, &str, bool, &str)| {
        let of = if of { LINK_OF } else { "" };
        Rule { kind, label: pattern(&format!(r"(?:\b|_)(?:{label}){of}{LINK}$")), form: pattern(form) }
    };
    LABELLED.iter().map(rule).collect()
});

pub(super) static SHAPES: LazyLock<Vec<Shape>> =
    LazyLock::new(|| UNMISTAKABLE.iter().map(|&(kind, form)| Shape { kind, form: pattern(form) }).collect());

/// Codes that identify nothing.
pub(super) static OTHER_CODES: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\b(?:qr|bar|zip|postal|pin|area|country|promo|security|dress) ?code{LINK}$")));

/// A reason code of Visa, 10.1 to 13.9.
pub(super) static VISA_REASON: LazyLock<Regex> = LazyLock::new(|| pattern(r"^1[0-3]\.[1-9](?:\.[1-9])?$"));

/// What makes a number like that a reason code.
pub(super) static CHARGEBACK_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:chargebacks?|cbk|contest[a-z]+|disput[a-z]+|reason|motivo|reapresent[a-z]+|represent(?:ment|ed|ado))\b",
    )
});

/// Amounts, dates and times.
pub(super) static MEASURE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^ (?: [0-9]+ , [0-9]+ | [0-9]{1,3} (?:[.,][0-9]{3})+ (?:[.,][0-9]{1,2})? | [0-9]+ \. [0-9]{1,2}
            | [0-9]{1,2} [/.-] [0-9]{1,2} (?: [/.-] (?:[0-9]{2}|[0-9]{4}) )? | [0-9]{4} [/.-] [0-9]{1,2} [/.-] [0-9]{1,2}
            | [0-9]{1,2} / [0-9]{4} | [0-9]{1,2} : .* | [0-9]{1,2} h (?:[0-9]{2})? | [0-9]{1,3} x | [0-9]{1,2} [ap] m
            | [0-9]{1,3} (?: min | hs | hrs? | dias? | d | k | kg | mb | g ) ) $",
    )
});

/// Words that make a short number before them a count.
pub(super) static BEHIND_COUNT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^ \s? (?: x | vezes | vez | dias? | horas? | hrs? | h | min | mins | minutos? | seg | segundos? | mes | meses
            | semanas? | anos? | reais | real | mil | milhoes | brl | usd | dollars? | por\ cento | percent | days? | hours? | minutes?
            | secs? | seconds? | times | weeks? | months? | years? | parcelas? | instal?lments? | vendas? | sales? | clientes?
            | customers? | lojas? | shops? | stores? | maquinas? | maquininhas? | terminais | terminals? | machines? | bobinas?
            | rolos? | rolls? | pontos? | points? | digitos? | digits? | uteis | business | pessoas | people | tickets?
            | chamados? | tentativas? | attempts? | pedidos? | orders? | itens | items? | transacoes | transactions?
            | compras? | of | de\ (?: janeiro | fevereiro | marco | abril | maio | junho | julho | agosto | setembro | outubro
            | novembro | dezembro ) | january | february | march | april | may | june | july | august | september | october
            | november | december ) \b",
    )
});

/// Numbers of six digits and more that are phones, or round sums.
pub(super) static PHONE_OR_SUM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^ (?: [0-9]* 000 | 9 [0-9]{8} | 0? (?:55)? (?: 1[1-9] | 2[12478] | 3[1-578] | 4[1-9] | 5[1345] | 6[1-9] | 7[134579] | [89][1-9] )
            (?: 9 [0-9]{8} | [2-5] [0-9]{7} ) ) $",
    )
});

/// Words that are numbers of something whatever stands before them: digits alone, or behind a few letters.
pub(super) static LONG_NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:[a-z]{0,4}|[a-z][0-9]|[0-9][a-z])[0-9]{6,22}$"));

/// Capitals and digits; of an error without the words that only say that it is one.
pub(super) fn normalized(kind: IdentifierKind, word: &str) -> String {
    let keeps_points = kind == Chargeback;
    let kept = |letter: &char| letter.is_ascii_alphanumeric() || (keeps_points && *letter == '.');
    let value: String = word.chars().filter(kept).map(|letter| letter.to_ascii_uppercase()).collect();
    let is_number = |rest: &&str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let number =
        ["ERROR", "ERRO", "ERR", "HTTP"].iter().find_map(|prefix| value.strip_prefix(prefix)).filter(is_number);
    number.map(str::to_owned).unwrap_or(value)
}

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is constant")
}
