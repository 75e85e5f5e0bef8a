//! The scale on made-up pairs; real questions are in `tests/it`.
