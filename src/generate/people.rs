//! Companies, customers and agents, each a function of the seed and its number, so that none has to be kept in memory.
//! Knows no ticket.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::calendar::{DAY, date, moment, seconds_of};
use super::identity::{cnpj, cpf, phone};
use super::noise::fold;
use super::random::{Chance, Table};
use crate::error::{Error, Result};

/// What agents know best; agents take them in turn, so each is there.
pub(super) const SPECIALIZATIONS: [&str; 7] =
    ["BILLING", "POS_MACHINES", "PAYMENTS", "PIX", "CHARGEBACKS", "INTEGRATION", "GENERAL"];

/// Names to draw from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    customers: Vec<String>,
    agents: Vec<String>,
    surnames: Vec<String>,
    trades: BTreeMap<String, Vec<String>>,
}

/// Everybody there is.
#[derive(Debug)]
pub(super) struct People {
    seed: u64,
    names: Names,
    /// Multiplier and offset of the walk through all full names, which is what keeps them unique.
    walk: (u64, u64),
    pub(super) companies: u64,
    pub(super) customers: u64,
    /// Few: about one for two thousand tickets.
    pub(super) agents: Vec<Agent>,
}

/// A merchant.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) name: String,
    pub(super) cnpj: String,
    pub(super) churn_risk: f64,
    pub(super) record: Vec<String>,
}

/// Somebody who works for a merchant.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) company: u64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) cpf: String,
    pub(super) phone: String,
    role: &'static str,
    birth: i64,
    since: i64,
}

/// Somebody who answers.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) skill: f64,
    pub(super) specialization: &'static str,
    pub(super) active: bool,
    pub(super) record: Vec<String>,
}

impl People {
    /// The people for this many tickets.
    pub(super) fn new(seed: u64, tickets: usize) -> Result<Self> {
        let names: Names =
            toml::from_str(include_str!("names.toml")).map_err(|error| Error::internal("reading the names", error))?;
        let tickets = tickets as u64;
        let mut chance = Chance::of(seed, Table::World, 0);
        let all = names.full_names(&names.customers);
        let start = chance.between(all / 3, all / 2);
        let step = (start..).find(|&step| gcd(step, all) == 1).expect("some number above is prime to the count");
        let walk = (step, chance.between(0, all - 1));
        let mut people = Self {
            seed,
            walk,
            companies: (tickets / 5).max(1),
            customers: (tickets * 3 / 5).max(1),
            agents: Vec::new(),
            names,
        };
        people.agents = (1..=(tickets / 2000).max(25)).map(|number| people.agent(number)).collect();
        Ok(people)
    }

    /// How many customers can have a name of their own.
    pub(super) fn most_customers(&self) -> u64 {
        self.names.full_names(&self.names.customers)
    }

    pub(super) fn company_id(&self, number: u64) -> String {
        format!("COMP{number:0width$}", width = width(self.companies, 5))
    }

    pub(super) fn customer_id(&self, number: u64) -> String {
        format!("CUST{number:0width$}", width = width(self.customers, 5))
    }

    /// The company of a number from 1.
    pub(super) fn company(&self, number: u64) -> Company {
        let mut chance = Chance::of(self.seed, Table::Companies, number);
        let segments: Vec<&String> = self.names.trades.keys().collect();
        let segment = *chance.pick(&segments);
        let trade = chance.pick(&self.names.trades[segment]);
        let name = match chance.between(0, 3) {
            0 => format!("{trade} {} Ltda.", chance.pick(&self.names.surnames)),
            1 => format!("{trade} {} - ME", chance.pick(&self.names.surnames)),
            2 => format!("{trade} {} e Filhos", chance.pick(&self.names.surnames)),
            _ => format!("{} & {} {trade} S.A.", chance.pick(&self.names.surnames), chance.pick(&self.names.surnames)),
        };
        let cnpj = cnpj(&mut chance);
        let size = chance.weighted([5, 3, 1, 1].into_iter());
        let volume = [12_000.0, 90_000.0, 700_000.0, 4_000_000.0][size] * chance.real(0.5, 1.8);
        let contract = seconds_of(2021, 1, 1) + chance.between(0, 4 * 365) as i64 * DAY;
        let status = ["ACTIVE", "SUSPENDED", "CANCELLED"][chance.weighted([88, 9, 3].into_iter())];
        let churn_risk = (chance.unit() * chance.unit() * 1.2).min(0.99);
        let record = vec![
            self.company_id(number),
            name.clone(),
            cnpj.clone(),
            segment.clone(),
            ["SMALL", "MEDIUM", "LARGE", "ENTERPRISE"][size].to_owned(),
            date(contract),
            format!("{volume:.2}"),
            status.to_owned(),
            format!("{churn_risk:.2}"),
            moment(contract - 30 * DAY),
        ];
        Company { name, cnpj, churn_risk, record }
    }

    /// The customer of a number from 1; the first ones give every company somebody.
    pub(super) fn customer(&self, number: u64) -> Customer {
        let mut chance = Chance::of(self.seed, Table::Customers, number);
        let company = if number <= self.companies { number } else { chance.between(1, self.companies) };
        let all = self.most_customers();
        let name = self.names.full_name(&self.names.customers, (number * self.walk.0 + self.walk.1) % all);
        let host = *chance.pick(&["example.com", "example.org", "example.net", "loja.example"]);
        let local = address(&name);
        let email = match chance.between(0, 2) {
            0 => format!("{local}@{host}"),
            1 => format!("{local}{}@{host}", chance.between(1, 99)),
            _ => format!("{}.{}@{host}", local.split('.').next().unwrap_or("loja"), chance.between(1960, 2009)),
        };
        let (cpf, phone) = (cpf(&mut chance), phone(&mut chance));
        let role = *chance.pick(&["OWNER", "OWNER", "MANAGER", "FINANCIAL", "OPERATOR", "IT_MANAGER"]);
        Customer {
            company,
            name,
            email,
            cpf,
            phone,
            role,
            birth: seconds_of(1955, 1, 1) + chance.between(0, 50 * 365) as i64 * DAY,
            since: seconds_of(2025, 1, 5) + chance.between(0, 350) as i64 * DAY,
        }
    }

    /// The row of a customer in its table.
    pub(super) fn customer_record(&self, number: u64) -> Vec<String> {
        let customer = self.customer(number);
        vec![
            self.customer_id(number),
            self.company_id(customer.company),
            customer.name,
            customer.email,
            customer.cpf,
            date(customer.birth),
            customer.phone,
            customer.role.to_owned(),
            moment(customer.since),
        ]
    }

    fn agent(&self, number: u64) -> Agent {
        let mut chance = Chance::of(self.seed, Table::Agents, number);
        let all = self.names.full_names(&self.names.agents);
        // A prime that does not divide the number of names, so no name comes twice.
        let name = self.names.full_name(&self.names.agents, (number * 7907 + self.walk.1) % all);
        let skill = chance.real(0.35, 0.95);
        let specialization = SPECIALIZATIONS[number as usize % SPECIALIZATIONS.len()];
        let active = !number.is_multiple_of(12);
        let team = match specialization {
            "BILLING" | "PAYMENTS" | "CHARGEBACKS" => *chance.pick(&["FINANCIAL", "FINANCIAL", "L3_SPECIALIST"]),
            "GENERAL" => "L1_SUPPORT",
            _ => *chance.pick(&["L2_TECHNICAL", "L2_TECHNICAL", "L1_SUPPORT", "L3_SPECIALIST"]),
        };
        let hired = seconds_of(2022, 6, 1) + chance.between(0, 1200) as i64 * DAY;
        let csat = (3.0 + 1.9 * skill + 0.12 * chance.normal()).clamp(2.5, 4.95);
        let id = format!("AGENT{number:03}");
        let record = vec![
            id.clone(),
            name.clone(),
            format!("{}@desk.example", address(&name)),
            team.to_owned(),
            specialization.to_owned(),
            date(hired),
            format!("{csat:.2}"),
            chance.between(60, 1500).to_string(),
            if active { "ACTIVE" } else { "INACTIVE" }.to_owned(),
            moment(hired),
        ];
        Agent { id, name, skill, specialization, active, record }
    }
}

impl Names {
    /// How many full names of two different surnames there are with these first names.
    fn full_names(&self, first: &[String]) -> u64 {
        (first.len() * self.surnames.len() * (self.surnames.len() - 1)) as u64
    }

    /// Full name number `at`, each number another name.
    fn full_name(&self, first: &[String], at: u64) -> String {
        let at = at as usize;
        let surnames = self.surnames.len();
        let (given, rest) = (at % first.len(), at / first.len());
        let (father, step) = (rest % surnames, 1 + rest / surnames);
        let mother = (father + step) % surnames;
        format!("{} {} {}", first[given], self.surnames[mother], self.surnames[father])
    }
}

/// Digits that the largest number needs, but never fewer than usual.
pub(super) fn width(largest: u64, usual: usize) -> usize {
    largest.to_string().len().max(usual)
}

fn address(name: &str) -> String {
    fold(name)
        .to_lowercase()
        .split(' ')
        .filter(|part| !matches!(*part, "da" | "de" | "dos"))
        .collect::<Vec<_>>()
        .join(".")
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
