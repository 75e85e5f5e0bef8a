//! Brazilian tax numbers, phones and test cards with valid check digits. Knows no person and draws only digits.

use super::random::Chance;

/// A CPF with its two check digits: `123.456.789-09`.
pub(super) fn cpf(chance: &mut Chance) -> String {
    let mut digits = chance.digits(9);
    for _ in 0..2 {
        let longest = digits.len() as u32 + 1;
        digits.push(modulo_11(&digits, (2..=longest).rev()));
    }
    punctuate(&digits, "###.###.###-##")
}

/// A CNPJ of a head office with its two check digits: `12.345.678/0001-95`.
pub(super) fn cnpj(chance: &mut Chance) -> String {
    let mut digits = chance.digits(8);
    digits.extend([0, 0, 0, 1]);
    digits.push(modulo_11(&digits, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2].into_iter()));
    digits.push(modulo_11(&digits, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2].into_iter()));
    punctuate(&digits, "##.###.###/####-##")
}

/// A card number that passes Luhn's test, in the ranges that card schemes and gateways give out for tests.
pub(super) fn test_card(chance: &mut Chance) -> String {
    let mut digits: Vec<u8> =
        chance.pick(&["411111", "400000", "555555", "222300"]).bytes().map(|b| b - b'0').collect();
    digits.extend(chance.digits(9));
    digits.push(luhn_check_digit(&digits));
    let form = chance.pick(&["#### #### #### ####", "################", "####-####-####-####"]);
    punctuate(&digits, form)
}

/// A Brazilian mobile or fixed number in one of the forms people write.
pub(super) fn phone(chance: &mut Chance) -> String {
    let area = *chance.pick(&["11", "19", "21", "27", "31", "41", "47", "51", "61", "62", "71", "81", "85", "91"]);
    let mobile = chance.happens(0.8);
    let mut digits: Vec<u8> = if mobile { vec![9] } else { vec![3] };
    digits.extend(chance.digits(if mobile { 8 } else { 7 }));
    let number = punctuate(&digits, if mobile { "#####-####" } else { "####-####" });
    match chance.between(0, 3) {
        0 => format!("({area}) {number}"),
        1 => format!("+55 {area} {number}"),
        2 => format!("{area} {number}"),
        _ => format!("({area}) {}", number.replace('-', "")),
    }
}

/// The digit that makes `digits` followed by it pass Luhn's test (ISO/IEC 7812-1, annex B).
pub(super) fn luhn_check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| if at % 2 == 0 { u32::from(digit) * 2 } else { u32::from(digit) })
        .map(|value| if value > 9 { value - 9 } else { value })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

/// The check digit of the Brazilian revenue service: weighted sum modulo 11, remainders below 2 give 0.
pub(super) fn modulo_11(digits: &[u8], weights: impl Iterator<Item = u32>) -> u8 {
    let sum: u32 = digits.iter().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => (11 - rest) as u8,
    }
}

fn punctuate(digits: &[u8], form: &str) -> String {
    let mut rest = digits.iter();
    form.chars()
        .map(|place| match place {
            '#' => char::from(b'0' + rest.next().expect("the form has a place for each digit")),
            mark => mark,
        })
        .collect()
}
