//! Examples in both languages, and what must hold for any text: nothing personal survives, nothing else changes.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const PEOPLE: [Person<'static>; 5] = [
    Person {
        id: "C1",
        name: Some("Srta. Isabela Castro"),
        email: Some("juliaalves@example.org"),
        document: Some("601.986.252-67"),
        phone: Some("(071) 6342 1607"),
    },
    Person {
        id: "C2",
        name: Some("João Miguel da Mata"),
        email: Some("ana-laura33@example.org"),
        document: Some("453.440.665-79"),
        phone: Some("+55 81 4846-3122"),
    },
    Person {
        id: "C3",
        name: Some("Megan Orr"),
        email: Some("richard04@example.com"),
        document: Some("409-11-9751"),
        phone: Some("001-495-377-7387x87747"),
    },
    Person { id: "C4", name: Some("Larry Hunt Jr."), email: None, document: None, phone: Some("8205037917") },
    Person { id: "C5", name: Some("Dra. Agatha Rosa Sá"), email: None, document: None, phone: Some("0300-123-4567") },
];

fn masker() -> Masker {
    Masker::new(PEOPLE).unwrap()
}

/// One text a line, masked; lines begin with a customer's id and `>` where it is their own ticket.
fn check(masker: &Masker, texts: &str, expected: &Expect) {
    let mut masked = String::new();
    for text in texts.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let (customer, text) = text.split_once('>').map_or((None, text), |(id, text)| (Some(id.trim()), text.trim()));
        masked.push_str(&masker.mask(text, customer));
        masked.push('\n');
    }
    expected.assert_eq(&masked);
}

#[test]
fn patterns_are_found_in_portuguese() {
    check(
        &Masker::patterns_only(),
        "Meu CPF é 529.982.247-25, pode conferir?
         cpf:52998224725 ou 529 982 247 25, ou ainda 529982247-25.
         Este 123.456.789-00 tem dígitos errados, mas foi escrito como CPF.
         CNPJ 11.222.333/0001-81 (11222333000181), e o novo 12.ABC.345/01DE-35
         Cartão 4111 1111 1111 1111, também 5555-5555-5555-4444 e 378282246310005.
         Escreva para joao.silva+pos@loja-do-ze.com.br.
         Me ligue: (11) 98765-4321, 11 98765-4321, +55 (071) 5151 8644, 71 5414 5868 ou 0300-123-4567!
         Meu celular é 11987654321 e o whatsapp 98765-4321
         telefone: 3333 4444 ramal 12",
        &expect![[r#"
            Meu CPF é [CPF], pode conferir?
            cpf:[CPF] ou [CPF], ou ainda [CPF].
            Este [CPF] tem dígitos errados, mas foi escrito como CPF.
            CNPJ [CNPJ] ([CNPJ]), e o novo [CNPJ]
            Cartão [CARD], também [CARD] e [CARD].
            Escreva para [EMAIL].
            Me ligue: [PHONE], [PHONE], [PHONE], [PHONE] ou [PHONE]!
            Meu celular é [PHONE] e o whatsapp [PHONE]
            telefone: [PHONE] ramal 12
        "#]],
    );
}

#[test]
fn patterns_are_found_in_english() {
    check(
        &Masker::patterns_only(),
        "My SSN is 409-11-9751.
         Card 4111-1111-1111-1111 was declined; so was 4111111111111111!
         call me at 820.503.7917, (232)359-5327x87747, +1-317-796-4053x7735 or 001-495-377-7387 ext. 12
         my phone is 8205037917, mail me: o'brien@shop.example.co.uk
         UK number +44 20 7946 0958, French +33 1 23 45 67 89",
        &expect![[r#"
            My SSN is [SSN].
            Card [CARD] was declined; so was [CARD]!
            call me at [PHONE], [PHONE], [PHONE] or [PHONE]
            my phone is [PHONE], mail me: [EMAIL]
            UK number [PHONE], French [PHONE]
        "#]],
    );
}

#[test]
fn what_a_payment_is_traced_by_stays() {
    let texts = [
        "Fiz uma venda de R$ 2979.16 mas o comprovante não foi impresso.",
        "Venda de R$ 1.234.567,89 em 12x de R$ 102.880,66 no dia 30/12/2025 às 14:35:22.",
        "NSU 123456789, NSU 071 6342 1608 e NSU: 12 3456 7890, autorização 98765-4321",
        "TID 10069930690864271001, pedido nº 71 5414 5868, protocolo 2025-1234-5678-90",
        "Contratei 2.5% mas está sendo cobrado 3.5%. Terminal X900, série 5C-123-456-7890.",
        "Erro 0x80070057 na linha 4111, EAN 7891000315507, IP 192.168.100.200",
        "Código de barras 23793.38128 60007.827136 95000.063305 9 84660000012345",
        "Transaction 820-503-7918 and order #820-503-7918 of 2025-12-01 02:33:54, $6567.76",
        "I have been waiting for 101 minutes since 09/23/2025 and 17am, 3 days now.",
        "My terminal TKT000001 / INT00000001 shows 1234567890123.",
        "Pagamento de 4958.5 - 12 - 34, chargeback 2 of 3, call me 2025-12-01 at 10:30",
        "Ana mora em Porto Alegre, na Rua das Rosas; Rosa comprou da Castro Ltda.",
    ];
    for text in texts {
        for customer in [None, Some("C3"), Some("unknown")] {
            assert_eq!(masker().mask(text, customer), text);
        }
    }
}

#[test]
fn known_values_are_found_in_any_writing() {
    check(
        &masker(),
        "CPF 60198625267, 601 986 252 67, 601.98625267, x601.986.252-67y, 99601.986.252-67
         isabela castro, ISABELA  CASTRO e João Miguel da Mata; Joao\u{303} Miguel; JOAO MATA
         Fale com Joa\u{303}o Miguel da Mata. Mas não Isabela Castrol.
         fone 7163421607, 071 63421607, 0 71 6342-1607, +557163421607, NSU 71.6342.1607
         Megan Orr's mail RICHARD04@EXAMPLE.COM, ssn 409119751, 409 11 9751
         call 4953777387 or (495) 377-7387 x87747; or +1 495 377 7387; order 8205037917 is a phone
         Larry Hunt, larry hunt jr., Dr. Agatha Rosa Sá, Agatha Sá
         NSU 03001234567",
        &expect![[r#"
            CPF [CPF], [CPF], [CPF], x[CPF]y, 99[CPF]
            [NAME], [NAME] e [NAME]; Joaõ Miguel; [NAME]
            Fale com [NAME]. Mas não Isabela Castrol.
            fone [PHONE], [PHONE], [PHONE], [PHONE], NSU [PHONE]
            [NAME]'s mail [EMAIL], ssn [SSN], [SSN]
            call [PHONE] or [PHONE]; or [PHONE]; order [PHONE] is a phone
            [NAME], [NAME] jr., Dr. [NAME], [NAME]
            NSU [PHONE]
        "#]],
    );
}

#[test]
fn single_names_are_masked_in_the_customers_own_ticket() {
    check(
        &masker(),
        "C1 > Aqui é a Isabela. A máquina da Castro não liga, castro é o nome da loja.
         C1 > oi, me chamo isabela castro e isabela não é comum
         C2 > Obrigado, João da Mata / Att, joão / o joão da padaria / limpei a mata
         C3 > Hi, I'm megan and the terminal is off. Thanks, Orr
         C4 > hunt for errors, this is larry. Hunt
         C5 > Sou a agatha rosa sá, a rosa. O botão rosa. Sá
         C1 > ligue 6342-1607 ou 6342 1607
         C3 > or 377-7387
         C4 > Isabela e João não são daqui",
        &expect![[r#"
            Aqui é a [NAME]. A máquina da [NAME] não liga, castro é o nome da loja.
            oi, me chamo [NAME] e isabela não é comum
            Obrigado, [NAME] / Att, [NAME] / o joão da padaria / limpei a mata
            Hi, I'm [NAME] and the terminal is off. Thanks, [NAME]
            hunt for errors, this is [NAME]. [NAME]
            Sou a [NAME], a rosa. O botão rosa. Sá
            ligue [PHONE] ou [PHONE]
            or [PHONE]
            Isabela e João não são daqui
        "#]],
    );
}

#[test]
fn what_words_beside_a_number_tell() {
    check(
        &Masker::patterns_only(),
        "Agência 1234-5, conta 67890-1; ag. 0001 c/c nº 12.345-X. Conta poupança 1234567, agência/conta: 1234 / 56789-0
         The account number is 000123456789, branch 0042, but my account shows $1234.56 and conta 2 de 3
         chave pix: 123e4567-e89b-12d3-a456-426614174000, transaction id 123e4567-e89b-12d3-a456-426614174000
         Moro na Rua das Flores, 123, apto 45, Centro, CEP 01310-100. av paulista n 1000 sala 3; a rua tem 3 dias de obra
         Ship to 742 Evergreen Terrace, Apt 4, Springfield IL 62704; 5 terminals on the street, 2 days on the road
         Nascimento: 12/03/1985, nasci em 12 de março de 1985, DOB March 12, 1985; 01/02/1990 (nasc.); venda de 12/03/2026
         NSU 4958, CNPJ 12.ABC.345/01DE-35 ou 12abc34501de35 ou 12 ABC 345 01DE 35, série 12ABC34501DE36",
        &expect![[r#"
            Agência [ACCOUNT], conta [ACCOUNT]; ag. [ACCOUNT] c/c nº [ACCOUNT]. Conta poupança [ACCOUNT], agência/conta: [ACCOUNT]
            The account number is [ACCOUNT], branch [ACCOUNT], but my account shows $1234.56 and conta 2 de 3
            chave pix: [PIX_KEY], transaction id 123e4567-e89b-12d3-a456-426614174000
            Moro na [ADDRESS], Centro, CEP [ADDRESS]. [ADDRESS]; a rua tem 3 dias de obra
            Ship to [ADDRESS], Springfield [ADDRESS]; 5 terminals on the street, 2 days on the road
            Nascimento: [BIRTH_DATE], nasci em [BIRTH_DATE], DOB [BIRTH_DATE]; [BIRTH_DATE] (nasc.); venda de 12/03/2026
            NSU 4958, CNPJ [CNPJ] ou [CNPJ] ou [CNPJ], série 12ABC34501DE36
        "#]],
    );
}

#[test]
fn names_that_the_text_introduces() {
    check(
        &Masker::patterns_only(),
        "Meu nome é José Carlos da Silva e preciso de ajuda. Me chamo ana paula, tenho uma loja
         Aqui é a Joana da padaria. Sou o Pedro, gerente. Sou o dono. Aqui é o suporte. AQUI É O JOÃO SOUZA, BOM DIA
         Oi, Marta! Olá equipe, tudo bem? Bom dia, preciso de ajuda. Prezado Sr. Nunes, segue.
         Att, Fulano de Tal. Atenciosamente, Padaria Silva Ltda. Obrigado, aguardo. Abraços, Thaís
         My name is John F. Kennedy. This is urgent. This is Megan Orr from the shop; I'm tired, I'm Luke, I am Brazilian
         Regards, Jane O'Neil-Smith. Thanks, waiting. Dear Ms. Wong, thank you. Thanks for the refund",
        &expect![[r#"
            Meu nome é [NAME] e preciso de ajuda. Me chamo [NAME], tenho uma loja
            Aqui é a [NAME] da padaria. Sou o [NAME], gerente. Sou o dono. Aqui é o suporte. AQUI É O [NAME], BOM DIA
            Oi, [NAME]! Olá equipe, tudo bem? Bom dia, preciso de ajuda. Prezado Sr. [NAME], segue.
            Att, [NAME]. Atenciosamente, Padaria Silva Ltda. Obrigado, aguardo. Abraços, [NAME]
            My name is [NAME]. This is urgent. This is [NAME] from the shop; I'm tired, I'm [NAME], I am Brazilian
            Regards, [NAME]. Thanks, waiting. Dear Ms. [NAME], thank you. Thanks for the refund
        "#]],
    );
    let masker = Masker::patterns_only();
    assert_eq!(masker.mask("It fails.\nRegards,\nJohn Smith\nNSU 1", None), "It fails.\nRegards,\n[NAME]\nNSU 1");
    assert_eq!(masker.mask("Obrigado\n\njoana prado", None), "Obrigado\n\n[NAME]");
}

#[test]
fn the_table_of_placeholders_is_in_order() {
    for (at, placeholder) in Placeholder::all().enumerate() {
        assert_eq!(at, placeholder as usize);
        assert!(ANY.is_match(placeholder.as_str()));
        assert_eq!(Masker::patterns_only().mask(placeholder.as_str(), None), placeholder.as_str());
    }
}

#[test]
fn documents_get_their_own_placeholder() {
    check(
        &masker(),
        "409-11-9751 601.986.252-67",
        &expect![[r#"
        [SSN] [CPF]
    "#]],
    );
}

const ORDINARY: &str =
    "(?:(?:taxa|venda de R\\$ [0-9]{2}\\.[0-9]|NSU|não|no dia 30/12/2025|maquininha|the fee|Rosa|—|é|,) ){0,6}";

/// Eleven digits with the check digits of a CPF.
fn cpf() -> impl Strategy<Value = String> {
    prop::collection::vec(0u32..10, 9).prop_filter("not all alike", |d| d.iter().any(|x| x != &d[0])).prop_map(
        |mut digits| {
            for _ in 0..2 {
                let sum: u32 = digits.iter().rev().zip(2..).map(|(digit, weight)| digit * weight).sum();
                digits.push(match sum % 11 {
                    0 | 1 => 0,
                    rest => 11 - rest,
                });
            }
            digits.iter().map(u32::to_string).collect()
        },
    )
}

proptest! {
    #[test]
    fn masking_twice_changes_nothing(text in "(?:[0-9]{1,4}|[ .,/()+@\\-x\\[\\]]|Isabela|castro|NAME|CPF|é|tel|nsu|R\\$|601\\.986\\.252-67){0,24}") {
        for customer in [None, Some("C1")] {
            let masker = masker();
            let once = masker.mask(&text, customer).into_owned();
            prop_assert_eq!(masker.mask(&once, customer), once.as_str());
        }
    }

    #[test]
    fn no_cpf_survives(digits in cpf(), before in ORDINARY, after in ORDINARY, form in 0..5) {
        let (a, b, c, d) = (&digits[..3], &digits[3..6], &digits[6..9], &digits[9..]);
        let written = match form {
            0 => digits.clone(),
            1 => format!("{a}.{b}.{c}-{d}"),
            2 => format!("{a} {b} {c} {d}"),
            3 => format!("{a}{b}{c}-{d}"),
            _ => format!("{a}.{b}.{c}/{d}"),
        };
        let text = format!("{before}{written} {after}");
        let masked = Masker::patterns_only().mask(&text, None).into_owned();
        prop_assert!(!masked.contains(&written), "{}", masked);
        let left: String = masked.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(!left.contains(&digits), "{}", masked);
    }

    #[test]
    fn ordinary_text_is_borrowed(text in ORDINARY) {
        prop_assert!(matches!(masker().mask(&text, Some("C3")), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn no_known_value_survives(person in prop::sample::select(PEOPLE.to_vec()), before in ".{0,12}", after in ".{0,12}") {
        let values = [person.email, person.document, person.phone].into_iter().flatten();
        for value in values {
            let masked = masker().mask(&format!("{before}{value}{after}"), None).into_owned();
            prop_assert!(!masked.contains(value), "{}", masked);
        }
        let masked = masker().mask(&format!("{before} {} {after}", person.name.unwrap()), None).into_owned();
        prop_assert!(!masked.contains(person.name.unwrap()), "{}", masked);
    }
}
