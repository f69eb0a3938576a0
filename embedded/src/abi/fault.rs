//! Lost connections and lost snapshots on demand, to try what a program does about them. `OLBRIDGE_EMBEDDED_FAULT=NAME:N` strikes once in a process,
//! at the N-th call (from 1) of its kind:
//!
//! | name | call | what happens |
//! |---|---|---|
//! | `lost-commit` | commit | the connection is lost before it happens: ORA-03113 |
//! | `lost-answer` | commit | the connection is lost after it has happened: ORA-03113 |
//! | `lost-fetch` | fetch | the connection is lost: ORA-03113 |
//! | `too-old` | fetch of a query with AS OF | ORA-01555, which ends the query |
//! | `no-flashback` | fetch of a query with VERSIONS | ORA-01031, which ends the query |

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The commit does not happen.
    LostCommit,
    /// The commit happens, and its answer does not arrive.
    LostAnswer,
    /// The rows do not arrive.
    LostFetch,
    /// The undo that a query needs is gone.
    TooOld,
    /// The user may not run flashback queries.
    NoFlashback,
}

const NAMES: [(&str, Fault); 5] = [
    ("lost-commit", Fault::LostCommit),
    ("lost-answer", Fault::LostAnswer),
    ("lost-fetch", Fault::LostFetch),
    ("too-old", Fault::TooOld),
    ("no-flashback", Fault::NoFlashback),
];

fn planned() -> Option<(Fault, u64)> {
    static PLANNED: OnceLock<Option<(Fault, u64)>> = OnceLock::new();
    *PLANNED.get_or_init(|| parse(&std::env::var("OLBRIDGE_EMBEDDED_FAULT").ok()?))
}

/// Counts a call that `fault` is about; the fault if it strikes.
fn count(fault: Fault, at: u64) -> Option<Fault> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    (CALLS.fetch_add(1, Ordering::Relaxed) + 1 == at).then_some(fault)
}

/// Counts a commit; the fault that strikes it, if one does.
pub fn of_this_commit() -> Option<Fault> {
    let (fault, at) = planned()?;
    if matches!(fault, Fault::LostCommit | Fault::LostAnswer) { count(fault, at) } else { None }
}

/// Counts a fetch of a query of this text; the fault that strikes it, if one does.
pub fn of_this_fetch(sql: &str) -> Option<Fault> {
    let (fault, at) = planned()?;
    let is_meant = match fault {
        Fault::LostFetch => true,
        Fault::TooOld => sql.contains(" AS OF "),
        Fault::NoFlashback => sql.contains(" VERSIONS "),
        Fault::LostCommit | Fault::LostAnswer => false,
    };
    if is_meant { count(fault, at) } else { None }
}

fn parse(text: &str) -> Option<(Fault, u64)> {
    let (name, at) = text.split_once(':')?;
    let (_, fault) = NAMES.into_iter().find(|(known, _)| *known == name)?;
    Some((fault, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_a_name_and_a_number() {
        assert_eq!(parse("lost-commit:1"), Some((Fault::LostCommit, 1)));
        assert_eq!(parse("lost-answer:22"), Some((Fault::LostAnswer, 22)));
        assert_eq!(parse("lost-fetch:3"), Some((Fault::LostFetch, 3)));
        assert_eq!(parse("too-old:4"), Some((Fault::TooOld, 4)));
        for other in ["", "lost-answer", "lost-answer:", "lost-answer:x", "other:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
