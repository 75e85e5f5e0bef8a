//! The particulars of one ticket: amounts, dates, terminals, codes, and who is who. Drawn once, so that a thread agrees
//! with itself. Knows no thread.

use super::calendar::{DAY, spoken_date};
use super::identity::test_card;
use super::model::Cause;
use super::people::{Agent, Company, Customer};
use super::random::Chance;
use super::texts::Slots;

/// Whom a ticket is about, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) cause: &'a Cause,
    pub(super) customer: &'a Customer,
    pub(super) company: &'a Company,
    pub(super) agent: &'a Agent,
    pub(super) created_at: i64,
    pub(super) portuguese: bool,
}

/// Draws every slot there is.
pub(super) fn draw(scene: Scene<'_>, chance: &mut Chance) -> Slots {
    let mut slots = Slots::new();
    who(scene, chance, &mut slots);
    money(scene.portuguese, chance, &mut slots);
    when(scene, chance, &mut slots);
    codes(chance, &mut slots);
    for (name, values) in &scene.cause.slots {
        if let Some(slot) = slots.get_mut(name.as_str()) {
            slot.clone_from(chance.pick(values));
        }
    }
    slots
}

fn who(scene: Scene<'_>, chance: &mut Chance, slots: &mut Slots) {
    let first = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    slots.insert("name", scene.customer.name.clone());
    slots.insert("first", first(&scene.customer.name));
    slots.insert("email", scene.customer.email.clone());
    slots.insert("phone", scene.customer.phone.clone());
    slots.insert("cpf", scene.customer.cpf.clone());
    slots.insert("cnpj", scene.company.cnpj.clone());
    slots.insert("company", scene.company.name.clone());
    slots.insert("agent", first(&scene.agent.name));
    slots.insert("card", test_card(chance));
}

fn money(portuguese: bool, chance: &mut Chance, slots: &mut Slots) {
    let low = chance.between(79, 289);
    let amounts = [("amount", chance.between(3_500, 950_000)), ("fee", chance.between(1_290, 38_900))];
    for (name, cents) in amounts {
        let loose = chance.happens(0.2);
        slots.insert(name, currency(cents, portuguese, loose));
    }
    slots.insert("volume", currency(chance.between(8, 240) * 100_000, portuguese, false));
    slots.insert("rate", percent(low, portuguese));
    slots.insert("rate2", percent(low + chance.between(30, 190), portuguese));
    slots.insert("percent", chance.pick(&["12", "37", "64", "88", "95", "99"]).to_string());
}

fn when(scene: Scene<'_>, chance: &mut Chance, slots: &mut Slots) {
    let past = scene.created_at - chance.between(1, 12) as i64 * DAY;
    let coming = scene.created_at + chance.between(1, 9) as i64 * DAY;
    let short = chance.happens(0.6);
    slots.insert("date", spoken_date(past, scene.portuguese, short));
    slots.insert("date2", spoken_date(coming, scene.portuguese, short));
    let (hour, minute) = (chance.between(8, 21), chance.between(0, 59));
    let time = if scene.portuguese && chance.happens(0.5) {
        format!("{hour}h{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}")
    };
    slots.insert("time", time);
    slots.insert("days", chance.between(2, 30).to_string());
    slots.insert("count", chance.between(2, 9).to_string());
    slots.insert("minutes", (chance.between(4, 24) * 5).to_string());
    slots.insert("installments", format!("{}x", chance.between(2, 12)));
    slots.insert("settle", chance.pick(&["D+1", "D+2", "D+14", "D+30"]).to_string());
}

fn codes(chance: &mut Chance, slots: &mut Slots) {
    let number = |chance: &mut Chance, from: u64, to: u64| chance.between(from, to).to_string();
    let serial_letters = *chance.pick(&["PB", "6N", "SM", "Q9", "MP"]);
    slots.insert("nsu", number(chance, 100_000_000, 999_999_999));
    slots.insert("tid", format!("10{}", number(chance, 10_000_000_000_000, 99_999_999_999_999)));
    slots.insert("auth", number(chance, 100_000, 999_999));
    slots.insert("serial", format!("{serial_letters}{}", number(chance, 10_000_000, 99_999_999)));
    slots.insert("branch", number(chance, 1_000, 9_999));
    slots.insert("account", format!("{}-{}", number(chance, 10_000, 99_999), chance.between(0, 9)));
    slots.insert("protocol", format!("2026{}", number(chance, 100_000, 999_999)));
    slots.insert("version", format!("{}.{}.{}", chance.between(3, 6), chance.between(0, 9), chance.between(0, 20)));
    slots.insert("http", "401".to_owned());
    let choices: [(&str, &[&str]); 7] = [
        ("model", &["X900", "S920", "D195", "Lio V3", "Move 5000", "Q92", "A910"]),
        ("error", &["E-104", "E-221", "0x3F", "ERR 2031", "TIMEOUT 06", "C14", "HTTP 401", "F-77"]),
        ("resp", &["51", "05", "91", "14", "57", "54", "96"]),
        ("reason", &["10.4", "13.1", "4853", "4837", "12.6"]),
        ("bank", &["Banco do Brasil", "Itaú", "Bradesco", "Caixa", "Nubank", "Inter", "Sicredi"]),
        ("brand", &["Visa", "Mastercard", "Elo", "Hipercard", "Amex"]),
        ("plan", &["Essencial", "Crescer", "Pro", "Plus", "Digital"]),
    ];
    for (name, values) in choices {
        slots.insert(name, (*chance.pick(values)).to_owned());
    }
}

/// `R$ 1.234,56` or `R$ 1,234.56`; loosely, as in a hurry, `1234,56`.
fn currency(cents: u64, portuguese: bool, loose: bool) -> String {
    let (comma, point) = if portuguese { (',', ".") } else { ('.', ",") };
    let (whole, rest) = (cents / 100, cents % 100);
    if loose {
        return format!("R${whole}{comma}{rest:02}");
    }
    if whole < 1000 {
        return format!("R$ {whole}{comma}{rest:02}");
    }
    format!("R$ {}{point}{:03}{comma}{rest:02}", whole / 1000, whole % 1000)
}

fn percent(hundredths: u64, portuguese: bool) -> String {
    let mark = if portuguese { ',' } else { '.' };
    format!("{}{mark}{:02}%", hundredths / 100, hundredths % 100)
}
