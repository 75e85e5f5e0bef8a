//! Messages with planted personal values and look-alikes, as people write them. Knows nothing of how masking works.

use std::ops::Range;

use nba::desk::Placeholder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A message, and where in it which personal value was planted.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) planted: Vec<(Range<usize>, &'static str, Placeholder)>,
}

/// People whom the customers table knows.
pub(crate) const KNOWN: [&str; 6] = [
    "Helena Fagundes Prado",
    "Otávio Lins de Barros",
    "Conceição Aparecida Rangel",
    "Walter Hoffmann Neto",
    "Deborah Whitfield",
    "Tyrone Blackwood",
];

/// Sentences that hold a personal value; `{…}` names what is planted there.
const PERSONAL: &[&str] = &[
    "Meu CPF é {cpf}, pode conferir?",
    "cpf {cpf}",
    "CPF do titular: {cpf}.",
    "Preciso atualizar o cadastro, CPF nº {cpf} e o e-mail {email}",
    "segue o documento {cpf} pra você liberar o acesso",
    "my tax number (CPF) is {cpf} and nothing works",
    "{cpf} é o meu cpf",
    "CNPJ {cnpj}",
    "O CNPJ da empresa é {cnpj}, razão social igual",
    "cnpj:{cnpj}; a maquininha não liga",
    "Company CNPJ {cnpj}, please check the contract",
    "trocamos para o cnpj {cnpj} em janeiro",
    "Novo CNPJ alfanumérico: {cnpj_new}",
    "o cnpj {cnpj_new} não é aceito no portal",
    "Our new CNPJ {cnpj_new} is refused by the form",
    "Passei o cartão {card} e deu erro 51",
    "cartao {card} recusado duas vezes",
    "The card {card} was charged twice",
    "Card number {card}, expires 09/29",
    "cliente pagou com {card} e pediu estorno",
    "Banco do Brasil, agência {branch}, conta {account}",
    "ag {branch} cc {account}",
    "Ag. {branch} C/C {account} em meu nome",
    "Agência: {branch} Conta corrente: {account}",
    "deposite na conta poupança {account}, agencia {branch}",
    "minha conta bancária é {account}",
    "Itaú ag. {branch} conta nº {account}",
    "The bank account number is {account_en}, branch {branch}",
    "Please pay to account {account_en}",
    "checking account no. {account_en}, routing number {routing}",
    "Minha chave pix é {uuid}",
    "chave aleatória: {uuid}",
    "PIX {uuid}",
    "my pix key is {uuid}",
    "random key {uuid}, pix to me",
    "minha chave pix é {email}",
    "chave pix (celular): {phone_br}",
    "PIX e-mail {email}",
    "Me liga no {phone_br}",
    "telefone {phone_br} ou {phone_br}",
    "meu celular: {phone_bare}",
    "whatsapp {phone_bare}",
    "tel. {phone_bare} falar com o gerente",
    "Contato: {phone_br}. Aguardo.",
    "o zap é {phone_bare}",
    "Call me at {phone_int}",
    "my phone number is {phone_int}",
    "You can reach me on {phone_int} after 5 pm",
    "phone: {phone_int}",
    "Meu e-mail é {email}",
    "mandem para {email} por favor",
    "e-mail:{email}, obrigado",
    "Please write to {email}.",
    "the login {email} does not work",
    "Endereço: {street}, {cep}",
    "moro na {street}",
    "A loja fica na {street}, Centro, São Paulo - SP, CEP {cep}",
    "entregar a bobina em {street}",
    "cep {cep}",
    "O CEP é {cep} e o endereço {street}",
    "Ship it to {street_en}",
    "My address is {street_en}, Springfield",
    "we moved to {street_en} last month",
    "Data de nascimento: {birth}",
    "nasc. {birth}",
    "Nasci em {birth} em Recife",
    "nascimento {birth}, cpf {cpf}",
    "{birth} (data de nascimento)",
    "Date of birth: {birth_en}",
    "DOB {birth_en}",
    "I was born on {birth_en}",
    "my birth date is {birth_en}",
    "Meu nome é {name_pt} e preciso de ajuda",
    "meu nome é {name_pt}, tenho uma padaria",
    "Me chamo {name_pt}. A maquininha travou.",
    "Aqui é a {woman_pt}, da loja do centro",
    "aqui é o {man_pt}, boa tarde",
    "Sou a {woman_pt}, gerente da loja",
    "Aqui quem fala é o {man_pt}",
    "Oi, {name_pt}! O estorno caiu?",
    "Olá {name_pt}, tudo bem?",
    "Prezado {man_pt}, segue o comprovante.",
    "O valor não caiu.\nAtt, {name_pt}",
    "Aguardo retorno.\nAtenciosamente,\n{name_pt}",
    "Podem ver isso?\n\nObrigado,\n{name_pt}",
    "Segue o comprovante. Abraços, {name_pt}",
    "Sem mais,\nAtt.\n{name_pt}",
    "Nome: {name_pt}",
    "My name is {name_en} and my terminal is dead",
    "Hi, my name is {name_en}.",
    "Hello, this is {name_en} from the bakery",
    "I'm {name_en}, the fee is wrong",
    "Dear {name_en}, we got your message.",
    "Please fix it.\nRegards,\n{name_en}",
    "Waiting for the refund.\n\nBest regards,\n{name_en}",
    "It is urgent. Thanks, {name_en}",
    "Sincerely, {name_en}",
    "Name: {name_en}",
    "falei ontem com {known} e não resolveu",
    "{known} vai receber o técnico",
    "the order was signed by {known} on Monday",
    "Quem abriu o chamado foi {known}",
];

/// Sentences that hold none: whatever is masked in them is a mistake.
const ORDINARY: &[&str] = &[
    "NSU {nsu}, autorização {auth}",
    "nsu: {nsu} não aparece no extrato",
    "TID {tid} do dia {event}",
    "Pedido {order} aprovado e depois negado",
    "pedido nº {order}",
    "Order {order} was charged on {event}",
    "order number {order}, amount {money}",
    "Authorization code {auth}, response {response}",
    "código de autorização {auth}",
    "Terminal {serial} sem conexão",
    "número de série {serial}",
    "serial number {serial} shows error {response}",
    "Venda de {money} no dia {event} às {clock}",
    "valor {money}, taxa {percent}",
    "The fee was {percent} instead of {percent}",
    "Refund of {money} since {event}",
    "protocolo {protocol}",
    "Protocol {protocol}, ticket {ticket}",
    "chamado {ticket} aberto em {event}",
    "Código de resposta {response} em toda venda",
    "response code {response}",
    "parcelado em 12x de {money}",
    "IP {ip}, versão {version}",
    "firmware {version} since {event}",
    "boleto {boleto}",
    "transaction id {uuid_trace}",
    "request id: {uuid_trace}",
    "o pix {e2e} não caiu",
    "PIX end to end {e2e}, valor {money}",
    "código de barras {ean}",
    "A máquina está na loja há 15 dias e nada",
    "Olá, tudo bem? Bom dia, preciso de ajuda",
    "Oi, a maquininha parou",
    "Sou o dono da padaria e a taxa mudou",
    "sou a gerente, quem pode me ajudar?",
    "Aqui é o suporte da loja, o chip queimou",
    "Obrigado, aguardo retorno",
    "Obrigada pela atenção.",
    "Att, equipe financeira",
    "This is urgent, I am tired of waiting",
    "This is the third time, thanks",
    "I'm calling about the refund",
    "Thanks, waiting for your answer",
    "Best regards, the whole team",
    "A Padaria Pão Quente Ltda mudou de dono",
    "Minha conta foi bloqueada em {event}",
    "o saldo da conta é {money}",
    "my account shows {money} since {event}",
    "a conta 2 não aparece",
    "lançamento de {event} em duplicidade",
    "estorno previsto para {event}",
    "contrato assinado em {event}",
    "a rua está em obras desde {event}",
    "na avenida principal a internet cai 3 vezes por dia",
    "5 terminals on the same street are down",
    "Rosa comprou um terminal azul em Porto Alegre",
    "código {response}, lote {lot}",
    "batch {lot} closed at {clock}",
    "chargeback {reason} de {money}",
    "POS model X900, {count} units",
    "são {count} maquininhas e {count} lojas",
    "liguei {count} vezes no dia {event}",
    "call me tomorrow at {clock}",
    "recebi {money} de {money}",
    "logo {serial} log {hex}",
];

const FIRST_PT: [&str; 18] = [
    "Thaís", "Jurema", "Lourdes", "Edna", "Ivone", "Sueli", "Noêmia", "Yara", "Zuleica", "Abel", "Davi", "Ítalo",
    "Josué", "Nilton", "Osmar", "Tiago", "Ulisses", "Murilo",
];
const LAST_PT: [&str; 12] = [
    "Fagundes",
    "da Conceição",
    "dos Anjos",
    "de Sá",
    "Brum",
    "Quintana",
    "Zanetti",
    "Oliveira",
    "Silva",
    "Perdigão",
    "D'Ávila",
    "Yamamoto",
];
const FIRST_EN: [&str; 12] =
    ["John", "Emily", "Michael", "Priya", "Wei", "Sarah", "Luke", "Hannah", "Oscar", "Fatima", "Grace", "Connor"];
const LAST_EN: [&str; 9] =
    ["Smith", "O'Connor", "Patel", "Zhang", "Johnson-Reed", "Nguyen", "Kowalski", "Fraser", "McDonald"];

/// Chance with a seed.
struct Writer(ChaCha8Rng);

/// `count` messages; the same seed writes the same ones.
pub(crate) fn messages(seed: u64, count: usize) -> Vec<Message> {
    let mut writer = Writer(ChaCha8Rng::seed_from_u64(seed));
    (0..count).map(|_| writer.message()).collect()
}

impl Writer {
    fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// A number without a zero before it.
    fn number(&mut self, digits: usize) -> String {
        format!("{}{}", 1 + self.below(9), self.digits(digits - 1))
    }

    /// One to three sentences of either kind, then the hurry of typing.
    fn message(&mut self) -> Message {
        let (unaccented, case) = (self.below(10) < 3, self.below(10));
        let mut message = Message { text: String::new(), planted: Vec::new() };
        for sentence in 0..1 + self.below(3) {
            if sentence > 0 {
                message.text.push_str(self.pick(&[". ", "\n", "! ", " \n\n", "; "]));
            }
            let template = if self.below(2) == 0 { self.pick(PERSONAL) } else { self.pick(ORDINARY) };
            let mut rest = template;
            while let Some((before, after)) = rest.split_once('{') {
                let (slot, after) = after.split_once('}').unwrap();
                message.text.push_str(&typed(before, unaccented, case));
                let (value, kind) = self.value(slot);
                let start = message.text.len();
                // Keys and serials are pasted; names and streets are typed like the rest.
                let as_typed = matches!(slot, "cnpj_new" | "street" | "street_en" | "email")
                    || slot.contains('_')
                    || slot == "known";
                message.text.push_str(&if as_typed { typed(&value, unaccented, case) } else { value });
                message.planted.extend(kind.map(|kind| (start..message.text.len(), label(slot), kind)));
                rest = after;
            }
            message.text.push_str(&typed(rest, unaccented, case));
        }
        message
    }

    fn value(&mut self, slot: &str) -> (String, Option<Placeholder>) {
        let personal = match slot {
            "cpf" => (self.cpf(), Placeholder::Cpf),
            "cnpj" => (self.cnpj(false), Placeholder::Cnpj),
            "cnpj_new" => (self.cnpj(true), Placeholder::Cnpj),
            "card" => (self.card(), Placeholder::Card),
            "branch" => (self.branch(), Placeholder::Account),
            "account" => (self.account(), Placeholder::Account),
            "account_en" => (self.number(9), Placeholder::Account),
            "routing" => (format!("0{}", self.digits(8)), Placeholder::Account),
            "uuid" => (self.uuid(), Placeholder::PixKey),
            "email" => (self.email(), Placeholder::Email),
            "phone_br" => (self.phone_br(), Placeholder::Phone),
            "phone_bare" => (self.phone_bare(), Placeholder::Phone),
            "phone_int" => (self.phone_int(), Placeholder::Phone),
            "street" => (self.street(), Placeholder::Address),
            "street_en" => (self.street_en(), Placeholder::Address),
            "cep" => (format!("{}-{}", self.number(5), self.digits(3)), Placeholder::Address),
            "birth" => (self.birth(false), Placeholder::BirthDate),
            "birth_en" => (self.birth(true), Placeholder::BirthDate),
            "name_pt" | "woman_pt" | "man_pt" => (self.name(slot, &FIRST_PT, &LAST_PT), Placeholder::Name),
            "name_en" => (self.name(slot, &FIRST_EN, &LAST_EN), Placeholder::Name),
            "known" => (self.pick(&KNOWN).to_owned(), Placeholder::Name),
            _ => return (self.look_alike(slot), None),
        };
        (personal.0, Some(personal.1))
    }

    fn cpf(&mut self) -> String {
        let mut d: Vec<u32> = (0..9).map(|_| self.below(10) as u32).collect();
        if d.iter().all(|x| *x == d[0]) {
            d[0] = (d[0] + 1) % 10;
        }
        for _ in 0..2 {
            let n = d.len() as u32;
            let sum: u32 = d.iter().zip(0..).map(|(x, i)| x * (n + 1 - i)).sum();
            d.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
        }
        let all: String = d.iter().map(u32::to_string).collect();
        let form = self.pick(&[
            "AAA.BBB.CCC-DD",
            "AAABBBCCCDD",
            "AAA BBB CCC DD",
            "AAABBBCCC-DD",
            "AAA.BBB.CCC/DD",
            "AAA-BBB-CCC-DD",
        ]);
        filled(form, &all)
    }

    fn cnpj(&mut self, letters: bool) -> String {
        let alphabet: &[u8] = if letters { b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" } else { b"0123456789" };
        let mut c: Vec<u8> = (0..8).map(|_| self.pick(alphabet)).collect();
        if letters && self.below(2) == 0 {
            c.extend((0..4).map(|_| self.pick(alphabet)));
        } else {
            c.extend_from_slice(b"0001");
        }
        for weights in [&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2][..], &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]] {
            let sum: u32 = c.iter().zip(weights).map(|(x, w)| (u32::from(*x) - 48) * w).sum();
            c.push(b'0' + if sum % 11 < 2 { 0 } else { (11 - sum % 11) as u8 });
        }
        let form = self.pick(&["AA.BBB.CCC/DDDD-EE", "AABBBCCCDDDDEE", "AABBBCCC/DDDD-EE", "AA BBB CCC DDDD EE"]);
        filled(form, &String::from_utf8(c).unwrap())
    }

    fn card(&mut self) -> String {
        let (prefix, length) = self.pick(&[
            ("4", 16),
            ("4", 13),
            ("4", 19),
            ("51", 16),
            ("55", 16),
            ("2223", 16),
            ("2720", 16),
            ("34", 15),
            ("37", 15),
            ("36", 14),
            ("6011", 16),
            ("3530", 16),
            ("6062", 16),
            ("5067", 16),
            ("6362", 16),
            ("62", 18),
            ("6759", 17),
        ]);
        let mut number = format!("{prefix}{}", self.digits(length - prefix.len() - 1));
        let weigh = |text: &str| -> u32 {
            text.bytes()
                .rev()
                .enumerate()
                .map(|(at, b)| {
                    let x = u32::from(b - 48) * if at % 2 == 1 { 2 } else { 1 };
                    x / 10 + x % 10
                })
                .sum()
        };
        let check = (10 - weigh(&format!("{number}0")) % 10) % 10;
        number.push_str(&check.to_string());
        let cuts: &[usize] = match length {
            15 => &[4, 10],
            14 => &[4, 10],
            _ => &[4, 8, 12, 16],
        };
        let mark = self.pick(&["", " ", "-", " "]);
        let mut written = String::new();
        for (at, digit) in number.chars().enumerate() {
            // Thirteen digits are never cut into fours: one would be left over.
            if cuts.contains(&at) && length != 13 {
                written.push_str(mark);
            }
            written.push(digit);
        }
        written
    }

    fn branch(&mut self) -> String {
        if self.below(3) == 0 { format!("{}-{}", self.number(4), self.below(10)) } else { self.number(4) }
    }

    fn account(&mut self) -> String {
        let check = self.pick(&["0", "1", "5", "9", "X"]);
        match self.below(5) {
            0 => format!("{}.{}-{check}", self.number(2), self.digits(3)),
            1 => self.number(7),
            2 => format!("000{}-{check}", self.number(5)),
            _ => {
                let n = 5 + self.below(4);
                format!("{}-{check}", self.number(n))
            }
        }
    }

    fn hex(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| self.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f']))
            .collect()
    }

    fn uuid(&mut self) -> String {
        [8, 4, 4, 4, 12].map(|count| self.hex(count)).join("-")
    }

    fn email(&mut self) -> String {
        let user = self.pick(&[
            "thais.fagundes",
            "josue_99",
            "contato",
            "e.johnson",
            "nilton-brum",
            "financeiro.loja2",
            "wei+pos",
        ]);
        let host = self.pick(&[
            "gmail.com",
            "hotmail.com",
            "uol.com.br",
            "padaria-do-ze.com.br",
            "mail.example.co.uk",
            "outlook.com",
        ]);
        format!("{user}@{host}")
    }

    fn phone_br(&mut self) -> String {
        let area = self.pick(&["11", "21", "31", "48", "51", "62", "71", "81", "92"]);
        let (a, b) = if self.below(4) == 0 {
            (format!("3{}", self.digits(3)), self.digits(4))
        } else {
            (format!("9{}", self.number(4)), self.digits(4))
        };
        match self.below(9) {
            0 => format!("({area}) {a}-{b}"),
            1 => format!("({area}){a}-{b}"),
            2 => format!("+55 {area} {a}-{b}"),
            3 => format!("+55 ({area}) {a} {b}"),
            4 => format!("+55{area}{a}{b}"),
            5 => format!("{area} {a}-{b}"),
            6 => format!("{area} {a} {b}"),
            7 => format!("55 {area} {a}-{b}"),
            _ if a.len() == 5 => format!("({area}) 9 {}-{b}", &a[1..]),
            _ => format!("0{area} {a}-{b}"),
        }
    }

    fn phone_bare(&mut self) -> String {
        let area = self.pick(&["11", "21", "31", "48", "85"]);
        match self.below(4) {
            0 => format!("{area}9{}", self.digits(8)),
            1 => format!("9{}-{}", self.digits(4), self.digits(4)),
            2 => format!("9{} {}", self.digits(4), self.digits(4)),
            _ => format!("55{area}9{}", self.digits(8)),
        }
    }

    fn phone_int(&mut self) -> String {
        match self.below(5) {
            0 => format!("+1 {} {} {}", 200 + self.below(700), self.number(3), self.digits(4)),
            1 => format!("+44 20 {} {}", self.number(4), self.digits(4)),
            2 => format!("+351 9{} {} {}", self.digits(2), self.digits(3), self.digits(3)),
            3 => format!("({}) {}-{}", 200 + self.below(700), self.number(3), self.digits(4)),
            _ => format!("+49{}", self.number(10)),
        }
    }

    fn street(&mut self) -> String {
        let kind = self.pick(&["Rua", "Rua", "Avenida", "Av.", "R.", "Travessa", "Alameda", "Praça"]);
        let name = self.pick(&[
            "das Acácias",
            "Sete de Setembro",
            "Barão do Rio Branco",
            "XV de Novembro",
            "Presidente Vargas",
            "dos Andradas",
            "Paulista",
            "Doutor João Ribeiro",
            "São José",
        ]);
        let digits = 1 + self.below(4);
        let number = self.number(digits);
        let tail = self.pick(&["", "", ", apto 42", " sala 3", ", bloco B", ", casa 2"]);
        match self.below(4) {
            0 => format!("{kind} {name} {number}{tail}"),
            1 => format!("{kind} {name}, nº {number}{tail}"),
            2 => format!("{kind} {name} n {number}{tail}"),
            _ => format!("{kind} {name}, {number}{tail}"),
        }
    }

    fn street_en(&mut self) -> String {
        let digits = 1 + self.below(4);
        let number = self.number(digits);
        let name = self.pick(&["Main", "Evergreen", "North Oak", "Martin Luther King", "Church", "2nd"]);
        let kind = self.pick(&["Street", "St.", "Avenue", "Ave", "Road", "Lane", "Boulevard"]);
        let tail = self.pick(&["", "", ", Apt 4", " Suite 200", ", Unit 5B"]);
        format!("{number} {name} {kind}{tail}")
    }

    fn birth(&mut self, english: bool) -> String {
        let (day, month, year) = (1 + self.below(28), 1 + self.below(12), 1950 + self.below(55));
        match (self.below(5), english) {
            (0, false) => format!("{day:02}-{month:02}-{year}"),
            (1, false) => format!("{day:02}.{month:02}.{year}"),
            (2, false) => {
                format!("{day} de {} de {year}", self.pick(&["janeiro", "março", "julho", "setembro", "dezembro"]))
            }
            (3, false) => format!("{day:02}{month:02}{year}"),
            (_, false) => format!("{day:02}/{month:02}/{year}"),
            (0, true) => format!("{year}-{month:02}-{day:02}"),
            (1, true) => format!("{} {day}, {year}", self.pick(&["January", "March", "July", "Sept", "Dec"])),
            (2, true) => format!("{day} {} {year}", self.pick(&["January", "March", "July", "September", "December"])),
            (_, true) => format!("{month:02}/{day:02}/{year}"),
        }
    }

    fn name(&mut self, slot: &str, first: &[&'static str], last: &[&'static str]) -> String {
        let given = match slot {
            "woman_pt" => first[self.below(9)],
            "man_pt" => first[9 + self.below(first.len() - 9)],
            _ => self.pick(first),
        };
        match self.below(5) {
            0 => given.to_owned(),
            1 => format!("{given} {} {}", self.pick(last), self.pick(last)),
            _ => format!("{given} {}", self.pick(last)),
        }
    }

    fn look_alike(&mut self, slot: &str) -> String {
        match slot {
            "nsu" => {
                let n = 6 + self.below(7);
                self.number(n)
            }
            "tid" => format!("10{}", self.digits(18)),
            "auth" | "lot" => self.number(6),
            "order" => {
                let n = 5 + self.below(7);
                self.number(n)
            }
            "serial" => format!("{}{}", self.pick(&["PB", "6N", "SM", "Q9", "5C-", "MP"]), self.number(8)),
            "response" => self.pick(&["51", "05", "91", "14", "57", "E-104", "0x3F"]).to_owned(),
            "money" => match self.below(4) {
                0 => format!("R$ {}.{},{}", self.number(1), self.digits(3), self.digits(2)),
                1 => format!("R$ {},{}", self.number(3), self.digits(2)),
                2 => format!("R$ {}.{}.{},{}", self.number(2), self.digits(3), self.digits(3), self.digits(2)),
                _ => format!("${}.{}", self.number(4), self.digits(2)),
            },
            "percent" => format!("{},{}%", self.number(1), self.digits(2)),
            "event" => {
                let (day, month) = (1 + self.below(28), 1 + self.below(12));
                match self.below(4) {
                    0 => format!("{day:02}/{month:02}"),
                    1 => format!("2026-{month:02}-{day:02}"),
                    _ => format!("{day:02}/{month:02}/2026"),
                }
            }
            "clock" => format!("{:02}:{:02}", self.below(24), self.below(60)),
            "protocol" => format!("2026{}", self.digits(8)),
            "ticket" => format!("TKT{}", self.digits(6)),
            "ip" => format!("192.168.{}.{}", self.below(256), self.below(256)),
            "version" => format!("{}.{}.{}", self.below(9), self.below(20), self.below(20)),
            "boleto" => format!(
                "{}.{} {}.{} {}.{} {} {}",
                self.digits(5),
                self.digits(5),
                self.digits(5),
                self.digits(6),
                self.digits(5),
                self.digits(6),
                self.digits(1),
                self.digits(14)
            ),
            "uuid_trace" => self.uuid(),
            "e2e" => format!("E{}2026{}{}", self.digits(8), self.digits(8), self.hex(11)),
            "ean" => format!("789{}", self.digits(10)),
            "reason" => self.pick(&["10.4", "13.1", "4853", "4837"]).to_owned(),
            "hex" => self.hex(10),
            "count" => (2 + self.below(8)).to_string(),
            other => panic!("no slot `{other}`"),
        }
    }
}

/// The row of the table that a slot counts in.
fn label(slot: &str) -> &'static str {
    match slot {
        "cpf" => "CPF",
        "cnpj" => "CNPJ",
        "cnpj_new" => "CNPJ with letters",
        "card" => "card",
        "branch" | "account" | "account_en" | "routing" => "bank account",
        "uuid" => "PIX key",
        "email" => "e-mail",
        "phone_br" | "phone_bare" | "phone_int" => "phone",
        "street" | "street_en" | "cep" => "address",
        "birth" | "birth_en" => "birth date",
        "known" => "name, known",
        _ => "name, introduced",
    }
}

/// Puts characters in the places of a form's letters.
fn filled(form: &str, characters: &str) -> String {
    let mut rest = characters.chars();
    form.chars().map(|c| if c.is_ascii_uppercase() { rest.next().unwrap() } else { c }).collect()
}

/// A text without its accents, in small letters or in capitals.
fn typed(text: &str, unaccented: bool, case: usize) -> String {
    let plain = |c: char| match c {
        'á' | 'à' | 'â' | 'ã' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' => 'u',
        'ç' => 'c',
        'Á' => 'A',
        'É' => 'E',
        'Í' => 'I',
        'Ó' => 'O',
        other => other,
    };
    let text: String = if unaccented { text.chars().map(plain).collect() } else { text.to_owned() };
    match case {
        0 | 1 => text.to_lowercase(),
        2 => text.to_uppercase(),
        _ => text,
    }
}
