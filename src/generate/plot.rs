//! How a thread goes, move by move, before anybody puts it into words. Knows the latent model, no text and no clock.
//!
//! ```text
//! opening ─► (nudge) ─► ask ─► data ─► look ─► act ─► works ─────► close
//!               │                               ▲  └─► still broken ─┤
//!               └───────────────────────────────┘◄─ came back ◄──────┘ (closed too early)
//! ```

use super::model::{Cause, Kind, right_action_probability};
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
    /// See [`super::model::insight`].
    pub(super) insight: f64,
    /// The agent asks before acting, whatever the dice say: for tickets that must show a thread in its middle.
    pub(super) thorough: bool,
}

impl Plot {
    /// Plays a thread to its end.
    pub(super) fn play(premise: Premise<'_>, chance: &mut Chance) -> Self {
        let mut plot = Self { moves: Vec::new(), solved: false, wrong: 0, reopened: 0, first_attempt: 0 };
        let informed = plot.inquire(premise, chance);
        plot.first_attempt = plot.moves.len();
        plot.attempt(premise, informed, chance);
        plot
    }

    /// Whether a level above was called in.
    pub(super) fn escalated(&self) -> bool {
        self.moves.iter().any(|step| matches!(step, Move::Act { action, .. } if action.starts_with("ESCALATE")))
    }

    /// From the opening to the point where an agent could act; true if the agent learnt something on the way.
    fn inquire(&mut self, premise: Premise<'_>, chance: &mut Chance) -> bool {
        let data = !premise.thorough && chance.happens(0.33);
        let mut clue = chance.happens(0.45);
        self.moves.push(Move::Open { data, clue });
        if chance.happens(0.14) {
            self.moves.push(Move::Nudge);
        }
        let mut informed = data;
        if premise.thorough || (!data && chance.happens(0.78)) {
            self.act(&premise.kind.ask, false);
            let hint = !clue && chance.happens(0.7);
            clue |= hint;
            self.moves.push(Move::Data { clue: hint, again: false });
            informed = true;
        } else if data && chance.happens(0.12 * (1.2 - premise.insight)) {
            self.act(&premise.kind.ask, false);
            self.moves.push(Move::Data { clue: false, again: true });
        } else if chance.happens(0.18) {
            self.act("INFORM_UNDER_REVIEW", false);
            if chance.happens(0.6) {
                self.moves.push(if chance.happens(0.6) { Move::Wait } else { Move::Press });
            }
        }
        if chance.happens(0.55) {
            self.act(&premise.kind.check, chance.happens(0.6));
            if chance.happens(0.55) {
                self.moves.push(if clue { Move::Wait } else { Move::Hint });
            }
            informed = true;
        }
        informed
    }

    /// Attempts at a solution until one holds, the customer is left alone with it, or patience ends and
    /// the level above finds it.
    fn attempt(&mut self, premise: Premise<'_>, informed: bool, chance: &mut Chance) {
        for failures in 0..3 {
            if chance.happens(right_action_probability(premise.insight, informed, failures)) {
                self.act(&premise.cause.right, chance.happens(0.6));
                self.solved = true;
                if chance.happens(0.72) {
                    self.moves.push(Move::Works);
                    if chance.happens(0.85) {
                        self.moves.push(Move::Close);
                    }
                } else if chance.happens(0.35) {
                    self.moves.push(Move::AutoClose);
                } else if chance.happens(0.35) {
                    self.moves.push(Move::Close);
                }
                return;
            }
            self.act(premise.kind.draw_mistake(premise.cause, chance), false);
            self.wrong += 1;
            let closes_too_early = self.reopened == 0 && chance.happens(0.3);
            if closes_too_early {
                self.moves.push(Move::Close);
                if chance.happens(0.45) {
                    return;
                }
                self.moves.push(Move::CameBack);
                self.reopened += 1;
            } else {
                self.moves.push(if chance.happens(0.8) { Move::StillBroken } else { Move::Press });
            }
        }
        self.act("ESCALATE_L2", false);
        self.solved = chance.happens(0.7);
        if self.solved {
            self.act(&premise.cause.right, chance.happens(0.6));
        }
        if self.moves.len() < LONGEST_THREAD && chance.happens(0.6) {
            self.moves.push(Move::Close);
        }
    }

    fn act(&mut self, action: &str, finding: bool) {
        self.moves.push(Move::Act { action: action.to_owned(), finding });
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
