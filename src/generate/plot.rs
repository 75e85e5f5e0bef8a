//! How a thread goes, move by move, before anybody puts it into words. Knows the latent model, no text and no clock.
//!
//! Whoever holds the [`Dice`] decides: chance, to make a thread, or the oracle, which tries every side.
//!
//! ```text
//! opening ─► (nudge) ─► ask ─► data ─► look ─► act ─► works ─────► close
//!               │                               ▲  └─► still broken ─┤
//!               └───────────────────────────────┘◄─ came back ◄──────┘ (closed too early)
//! ```

use super::model::{Cause, Kind, MISTAKES, right_action_probability};
use super::random::Chance;

/// The longest thread, in messages.
pub(super) const LONGEST_THREAD: usize = 15;

/// Who makes a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Customer,
    Agent,
    System,
}

/// What is done in one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// The customer tells the problem, perhaps with the data that will be asked for, perhaps with a hint at the cause.
    Open {
        data: bool,
        clue: bool,
    },
    /// The customer asks for news.
    Nudge,
    /// The customer gives the data; `again` if it was there already.
    Data {
        clue: bool,
        again: bool,
    },
    /// The customer tells more.
    Hint,
    /// The customer will wait, or will not.
    Wait,
    Press,
    /// The customer says how it went.
    Works,
    StillBroken,
    /// The customer reopens the ticket.
    CameBack,
    /// The customer no longer wants anything.
    Withdraw,
    /// The agent takes an action of the catalogue, perhaps telling the cause.
    Act {
        action: String,
        finding: bool,
    },
    /// The agent ends the ticket.
    Close,
    /// The machine ends it.
    AutoClose,
    AutoCancel,
}

impl Move {
    pub(super) const fn author(&self) -> Author {
        match self {
            Self::Act { .. } | Self::Close => Author::Agent,
            Self::AutoClose | Self::AutoCancel => Author::System,
            Self::Open { .. }
            | Self::Nudge
            | Self::Data { .. }
            | Self::Hint
            | Self::Wait
            | Self::Press
            | Self::Works
            | Self::StillBroken
            | Self::CameBack
            | Self::Withdraw => Author::Customer,
        }
    }

    /// The catalogue id of what the agent does; empty for everybody else.
    pub(super) fn action(&self) -> &str {
        match self {
            Self::Act { action, .. } => action,
            Self::Close => "CLOSE_TICKET",
            _ => "",
        }
    }

    /// Whether its words give the cause away.
    pub(super) const fn tells_cause(&self) -> bool {
        matches!(
            self,
            Self::Hint
                | Self::Open { clue: true, .. }
                | Self::Data { clue: true, .. }
                | Self::Act { finding: true, .. }
        )
    }

    /// Whether the ticket changes its status with this move.
    pub(super) const fn is_status_change(&self) -> bool {
        matches!(self, Self::Close | Self::AutoClose | Self::AutoCancel)
    }
}

/// A whole thread and what is true of it.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) moves: Vec<Move>,
    /// Whether the right action was taken in the end.
    pub(super) solved: bool,
    /// How many wrong actions were taken.
    pub(super) wrong: u32,
    /// How often the ticket came back.
    pub(super) reopened: u32,
    /// Where the first attempt at a solution is.
    pub(super) first_attempt: usize,
}

/// What a thread starts from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Premise<'a> {
    pub(super) kind: &'a Kind,
    pub(super) cause: &'a Cause,
    /// The agent asks before acting, whatever the dice say: for tickets that must show a thread in its middle.
    pub(super) thorough: bool,
}

/// What decides at each fork of a plot.
pub(super) trait Dice {
    /// Whether something happens that has this probability.
    fn happens(&mut self, probability: f64) -> bool;
    /// Likewise, where the probability depends on the agent's insight: see [`super::model::insight`].
    fn happens_by(&mut self, probability: &dyn Fn(f64) -> f64) -> bool;
    /// The place of one of these probabilities, which add up to 1.
    fn among(&mut self, probabilities: &[f64]) -> usize;
    /// A number below `count`, each as likely.
    fn below(&mut self, count: usize) -> usize;
    /// Hears of each move as it is made.
    fn hear(&mut self, step: &Move);
}

/// Chance, for an agent of some insight.
struct Thrown<'a> {
    chance: &'a mut Chance,
    insight: f64,
}

impl Dice for Thrown<'_> {
    fn happens(&mut self, probability: f64) -> bool {
        self.chance.happens(probability)
    }

    fn happens_by(&mut self, probability: &dyn Fn(f64) -> f64) -> bool {
        self.chance.happens(probability(self.insight))
    }

    fn among(&mut self, probabilities: &[f64]) -> usize {
        self.chance.among(probabilities)
    }

    fn below(&mut self, count: usize) -> usize {
        self.chance.below(count)
    }

    fn hear(&mut self, _: &Move) {}
}

impl Plot {
    /// Plays a thread to its end, with an agent of this insight.
    pub(super) fn play(premise: Premise<'_>, insight: f64, chance: &mut Chance) -> Self {
        Self::unfold(premise, &mut Thrown { chance, insight })
    }

    /// Plays a thread to its end as the dice fall.
    pub(super) fn unfold(premise: Premise<'_>, dice: &mut impl Dice) -> Self {
        let mut plot = Self { moves: Vec::new(), solved: false, wrong: 0, reopened: 0, first_attempt: 0 };
        let informed = plot.inquire(premise, dice);
        plot.first_attempt = plot.moves.len();
        plot.attempt(premise, informed, dice);
        plot
    }

    /// Whether a level above was called in.
    pub(super) fn escalated(&self) -> bool {
        self.moves.iter().any(|step| matches!(step, Move::Act { action, .. } if action.starts_with("ESCALATE")))
    }

    /// From the opening to the point where an agent could act; true if the agent learnt something on the way.
    fn inquire(&mut self, premise: Premise<'_>, dice: &mut impl Dice) -> bool {
        let data = !premise.thorough && dice.happens(0.33);
        let mut clue = dice.happens(0.45);
        self.push(Move::Open { data, clue }, dice);
        if dice.happens(0.14) {
            self.push(Move::Nudge, dice);
        }
        let mut informed = data;
        if premise.thorough || (!data && dice.happens(0.78)) {
            self.act(&premise.kind.ask, false, dice);
            let hint = !clue && dice.happens(0.7);
            clue |= hint;
            self.push(Move::Data { clue: hint, again: false }, dice);
            informed = true;
        } else if data && dice.happens_by(&|insight| 0.12 * (1.2 - insight)) {
            self.act(&premise.kind.ask, false, dice);
            self.push(Move::Data { clue: false, again: true }, dice);
        } else if dice.happens(0.18) {
            self.act("INFORM_UNDER_REVIEW", false, dice);
            if dice.happens(0.6) {
                self.push(if dice.happens(0.6) { Move::Wait } else { Move::Press }, dice);
            }
        }
        if dice.happens(0.55) {
            self.act_and_tell(&premise.kind.check, dice);
            if dice.happens(0.55) {
                self.push(if clue { Move::Wait } else { Move::Hint }, dice);
            }
            informed = true;
        }
        informed
    }

    /// Attempts at a solution until one holds, the customer is left alone with it, or patience ends and
    /// the level above finds it.
    fn attempt(&mut self, premise: Premise<'_>, informed: bool, dice: &mut impl Dice) {
        for failures in 0..3 {
            if dice.happens_by(&|insight| right_action_probability(insight, informed, failures)) {
                self.act_and_tell(&premise.cause.right, dice);
                self.solved = true;
                if dice.happens(0.72) {
                    self.push(Move::Works, dice);
                    if dice.happens(0.85) {
                        self.push(Move::Close, dice);
                    }
                } else if dice.happens(0.35) {
                    self.push(Move::AutoClose, dice);
                } else if dice.happens(0.35) {
                    self.push(Move::Close, dice);
                }
                return;
            }
            let (sort, other) = (dice.among(&MISTAKES), dice.below(premise.kind.causes.len()));
            self.act(premise.kind.mistake(premise.cause, sort, other), false, dice);
            self.wrong += 1;
            let closes_too_early = self.reopened == 0 && dice.happens(0.3);
            if closes_too_early {
                self.push(Move::Close, dice);
                if dice.happens(0.45) {
                    return;
                }
                self.push(Move::CameBack, dice);
                self.reopened += 1;
            } else {
                self.push(if dice.happens(0.8) { Move::StillBroken } else { Move::Press }, dice);
            }
        }
        self.act("ESCALATE_L2", false, dice);
        self.solved = dice.happens(0.7);
        if self.solved {
            self.act_and_tell(&premise.cause.right, dice);
        }
        if self.moves.len() < LONGEST_THREAD && dice.happens(0.6) {
            self.push(Move::Close, dice);
        }
    }

    fn act(&mut self, action: &str, finding: bool, dice: &mut impl Dice) {
        self.push(Move::Act { action: action.to_owned(), finding }, dice);
    }

    /// Acts, and more often than not tells the cause with it.
    fn act_and_tell(&mut self, action: &str, dice: &mut impl Dice) {
        let finding = dice.happens(0.6);
        self.act(action, finding, dice);
    }

    fn push(&mut self, step: Move, dice: &mut impl Dice) {
        dice.hear(&step);
        self.moves.push(step);
    }

    /// Keeps the beginning in which nobody has answered yet.
    pub(super) fn cut_unanswered(&mut self) {
        let answered = self.moves.iter().position(|step| step.author() == Author::Agent);
        self.moves.truncate(answered.unwrap_or(self.moves.len()));
    }

    /// Keeps the beginning up to a message of the customer that an agent must now act upon: the last one before the
    /// first attempt at a solution, or else one after it, or else the agent's first message.
    pub(super) fn cut_before_action(&mut self) {
        let waits = |at: &usize| self.moves[*at].author() == Author::Customer;
        let before = (2..self.first_attempt).rev().find(waits);
        let after = || (self.first_attempt + 1..self.moves.len().saturating_sub(1)).find(waits);
        let first_answer = || self.moves.iter().position(|step| step.author() == Author::Agent).unwrap_or(0);
        let end = before.or_else(after).unwrap_or_else(first_answer);
        self.moves.truncate(end + 1);
    }

    /// Keeps the beginning up to a message of the agent that the customer must answer.
    pub(super) fn cut_before_answer(&mut self, chance: &mut Chance) {
        let asks: Vec<usize> =
            (0..self.moves.len()).filter(|&at| matches!(self.moves[at], Move::Act { .. })).take(3).collect();
        self.moves.truncate(chance.pick(&asks) + 1);
    }

    /// Keeps a beginning of up to three messages, after which the customer gives up.
    pub(super) fn cut_withdrawn(&mut self, chance: &mut Chance) {
        self.moves.truncate(chance.between(1, 3) as usize);
        self.moves.extend([Move::Withdraw, Move::AutoCancel]);
    }
}
