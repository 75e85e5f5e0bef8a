//! What is an identifier and what is none, in both languages, and what must hold for any text.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// One text a line with what was found in it; nothing where nothing was.
fn check(texts: &str, expected: &Expect) {
    let mut found = String::new();
    for text in texts.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let all: Vec<String> = identifiers(text).iter().map(Identifier::to_string).collect();
        found.push_str(&format!("{}\n", if all.is_empty() { "-".to_owned() } else { all.join(" ") }));
    }
    expected.assert_eq(&found);
}

#[test]
fn transactions_are_found() {
    check(
        "NSU 123456789
         nsu: 123456789, valor R$ 40,00
         O NSU é 194659694.
         NSU da venda: 123456
         NSUs 123456789, 123456790 e 123456791
         NSU 071 6342 1608 e NSU: 12 3456 7890
         NSU/DOC nº 004512
         NSU 4958, 150,00 reais em 10x
         Venda de 12/06, NSU 417415775, TID 1099887766554433.
         TID 10069930690864271001
         a venda 10069930690864271001 sumiu
         transaction id: 9f8c2a7e-1b2c-4d3e-8f90-1234567890ab
         request id 1055550564090324.
         autorização nº 123456
         autorização 98765-4321
         auth code 04512B
         authorization 123456 was approved
         código de autorização: A12345
         ARN 74 0000 1234 5678 9012 345
         74537604221222000000123 é o arn
         E00038166201907261559y6j6mt9l0pi",
        &expect![[r#"
            nsu:123456789
            nsu:123456789
            nsu:194659694
            nsu:123456
            nsu:123456789 nsu:123456790 nsu:123456791
            nsu:07163421608 nsu:1234567890
            nsu:004512
            nsu:4958
            nsu:417415775 tid:1099887766554433
            tid:10069930690864271001
            tid:10069930690864271001
            tid:9F8C2A7E1B2C4D3E8F901234567890AB
            tid:1055550564090324
            auth:123456
            auth:987654321
            auth:04512B
            auth:123456
            auth:A12345
            arn:740000123456789012345
            arn:74537604221222000000123
            e2e:E00038166201907261559Y6J6MT9L0PI
        "#]],
    );
}

#[test]
fn cases_orders_and_terminals_are_found() {
    check(
        "protocolo 2026824928
         Protocolo nº 2025-1234-5678-90
         Reference 2026843520.
         o chamado 2026824928 continua aberto
         internal ticket 2026360990
         pedido #123
         pedido nº 123, order #77881
         order 71541458 and order AB-12345
         número do pedido: 998877
         terminal S/N SM60990646
         O serial é 6N12345678. Número de série: Q9-87654321
         Atrás dela diz PB13223344 (X900).
         The label says PB13223344
         teste remoto na máquina SM60990646, troca do aparelho pb13223344
         terminal 12345678 não liga
         número lógico 41234567
         EC 1023456789 e PV 012345678
         código do estabelecimento: 1023456789",
        &expect![[r#"
            protocol:2026824928
            protocol:20251234567890
            protocol:2026843520
            protocol:2026824928
            protocol:2026360990
            order:123
            order:123 order:77881
            order:71541458 order:AB12345
            order:998877
            terminal:SM60990646
            terminal:6N12345678 terminal:Q987654321
            terminal:PB13223344
            terminal:PB13223344
            terminal:PB13223344 terminal:SM60990646
            terminal:12345678
            terminal:41234567
            merchant:012345678 merchant:1023456789
            merchant:1023456789
        "#]],
    );
}

#[test]
fn codes_are_found() {
    check(
        "erro E105
         Erro E-105 na tela, ERR-1234 antes
         dá \"Erro HTTP 401\" toda vez
         ERR 2031, 0x3F e TIMEOUT 06
         error TIMEOUT 06
         Aparece C14 desde 12/03. A tela mostra F-77
         só em parcelado de 11x dá erro 500.
         código de erro 1234, error code AB-77
         a API está retornando 401, our integration gets 500
         atualizamos e veio 422
         código de resposta 51
         resposta 51
         resp. 05
         (código 91)
         recusada com código 14; negado (57)
         response code N7, declined: 54
         The decline came from the issuing bank (response 96)
         a resposta do banco foi 51
         reason code 10.4
         motivo 4853
         chargeback de R$ 530,00 (motivo 10.4), não concordo
         chargeback 4837 is final
         contestação 12.6.1
         disputa Visa, 13.1
         a contestação 4863 não pode mais ser revertida
         motivo do chargeback: C08",
        &expect![[r#"
            error:E105
            error:1234 error:E105
            error:401
            error:0X3F error:2031 error:TIMEOUT06
            error:TIMEOUT06
            error:C14 error:F77
            error:500
            error:1234 error:AB77
            error:401 error:500
            error:422
            response:51
            response:51
            response:05
            response:91
            response:14 response:57
            response:54 response:N7
            response:96
            response:51
            chargeback:10.4
            chargeback:4853
            chargeback:10.4
            chargeback:4837
            chargeback:12.6.1
            chargeback:13.1
            chargeback:4863
            chargeback:C08
        "#]],
    );
}

#[test]
fn amounts_dates_and_counts_are_none() {
    for text in [
        "Fiz uma venda de R$ 2979.16 mas o comprovante não foi impresso.",
        "Venda de R$ 1.234.567,89 em 12x de R$ 102.880,66 no dia 30/12/2025 às 14:35:22.",
        "Contratei 2.5% mas está sendo cobrado 3.5%, e 10.4% no parcelado. Chargeback de 12.5% das vendas.",
        "taxa de 10.4 na maquininha",
        "erro 3 vezes, erro 10 vezes, erro em 2026-06-30, erro 30/05, erro 12:30, erro às 15h",
        "resposta em 24 horas, resposta 10 dias, response 24 hours, a resposta demorou 15 minutos",
        "autorização em 2 dias; autorização 12/03; a autorização de 150 reais",
        "código de 6 dígitos, código de segurança 123, QR Code 30, QR code 51, código de barras 23793.38128",
        "chargeback de R$ 4853,00, chargeback de 4853, chargeback 2 de 3, motivo 2 de 3",
        "pedido de 100 bobinas, pedido 200 bobinas, order 100 rolls, order of 2026-01-02, pedido em 12/06",
        "terminal X900, terminal D195, a Move 5000 parou, maquininha Lio V3, modelo A910",
        "protocolo [CARD], NSU [PHONE], TID do cliente [CPF], pedido [ACCOUNT]",
        "I have been waiting for 101 minutes since 09/23/2025 and 17am, 3 days now.",
        "Pagamento de 4958.5 - 12 - 34, call me 2025-12-01 at 10:30",
        "versão 4.10.3, versão 10.4.5, Android 13.1, D+30, 4G e 3G",
        "preciso do NSU e da data, valor 150,00; NSU ou autorização, R$ 123456",
        "vendo 240.000 por mês, 150000 no crédito",
        "98765-4321 é o whatsapp da loja",
        "me passa o motivo, 10 clientes reclamaram",
        "sistema fora desde as 12h30 de 12 de março de 2026",
        "",
    ] {
        assert_eq!(identifiers(text), [], "{text}");
        assert_eq!(identifier_terms([text]), [""; 0], "{text}");
    }
}

#[test]
fn index_and_query_meet() {
    let indexed =
        identifier_terms(["Venda de R$ 40, NSU 123456789", "o erro E-105 voltou", "chargeback (motivo 10.4)"]);
    assert_eq!(
        indexed,
        ["10.4", "123456789", "E105", "chargeback:10.4", "error:E105", "nsu:123456789"].map(str::to_owned)
    );
    assert_eq!(identifier_terms(["autorizaãço 817627, a sala de crise 2026741265"]), ["2026741265", "817627"]);
    assert_eq!(identifier_terms(["whatsapp 11987654321, 7133334444 ou 987654321, vendo 240000"]), [""; 0]);
    let check = |query: &str, expected: &[&str]| assert_eq!(query_terms(query), expected, "{query}");
    check("123456789", &["123456789"]);
    check(" #123456789 ", &["123456789"]);
    check("e105", &["E105", "error:E105"]);
    check("E105, 10.4", &["10.4", "E105", "error:E105"]);
    check("51", &["51"]);
    check("C14", &["C14"]);
    check("4853", &["4853"]);
    check("12 3456 7890", &["1234567890"]);
    check("erro 51", &["51", "error:51"]);
    check("NSU 123456789", &["123456789", "nsu:123456789"]);
    check("a venda 123456789 não caiu", &["123456789"]);
    check("a venda de 51 não caiu", &[]);
    check("R$ 51,00", &[]);
    check("12/06/2026", &[]);
    check("50%", &[]);
    check("98765-4321", &[]);
    check("não caiu", &[]);
}

proptest! {
    #[test]
    fn any_text_is_read(text in ".{0,80}") {
        let _ = identifiers(&text);
        let terms = query_terms(&text);
        prop_assert!(terms.iter().all(|term| term.bytes().any(|byte| byte.is_ascii_digit())));
    }

    #[test]
    fn case_does_not_count(
        text in "(?:(?:NSU|tid|erro|código|motivo|chargeback|E-|[0-9]{1,6}|[0-9]{8,23}|10\\.4|pedido #|R\\$|%|[.,:/-]|é|Terminal SM) ?){0,9}"
    ) {
        let found = identifiers(&text);
        prop_assert_eq!(&identifiers(&text.to_uppercase()), &found);
        prop_assert_eq!(&identifiers(&text.to_lowercase()), &found);
        for term in identifier_terms([text.as_str()]) {
            prop_assert!(query_terms(&text).contains(&term));
        }
    }

    #[test]
    fn a_labelled_number_is_found_wherever_it_stands(
        value in 100_000_000_u64..999_999_999,
        label in prop::sample::select(vec!["NSU", "nsu:", "O NSU é", "NSU nº", "NSU #", "Nsu da venda:"]),
        before in "(?:venda de R\\$ [0-9]{2},[0-9]{2} |no dia 12/03,? |maquininha |the sale )?",
        after in "(?:| e mais nada|, R\\$ 30,00|\\.|; autorização)",
    ) {
        let text = format!("{before}{label} {value}{after}");
        let expected = Identifier { kind: IdentifierKind::Nsu, value: value.to_string() };
        prop_assert_eq!(identifiers(&text), vec![expected], "{}", text);
        prop_assert!(query_terms(&value.to_string()).iter().all(|term| identifier_terms([text.as_str()]).contains(term)));
    }
}
