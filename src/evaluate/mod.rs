//! Measures retrieval and next actions on labelled files, with the very parts that answer questions.

mod actions;
mod csv_rows;
mod metrics;
mod oracle;
mod queries;
mod replay;
mod report;
mod retrieval;
#[cfg(test)]
mod tests;
mod tune;

pub use actions::{ActionsReport, Case, CaseAuthor, CaseTurn, Floors, evaluate_actions, read_cases};
pub use metrics::{Classified, classified};
pub use oracle::{ORACLES, Oracle};
pub use queries::{QueriesReport, Questions, Ranked, SetReport, evaluate_queries, read_questions};
pub use replay::{BASELINES, ReplayParams, Replayed, replay};
pub use report::{Bin, Figure, Hits, ReplayReport, Risk, RiskCurve};
pub use retrieval::{LegReport, Legs, RetrievalReport, RetrievalTask, Sample, evaluate_retrieval, read_samples};
pub use tune::{Change, FOLDS, Judge, Metric, Setting, SettingValue, TuneParams, TuneReport, Words, tune};
