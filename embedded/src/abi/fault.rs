//! Lost connections on demand, to try what a program does about them: `OLBRIDGE_EMBEDDED_FAULT=lost-commit:N` loses the connection in the N-th
//! commit of the process (from 1) before it happens, `lost-answer:N` after it has happened. The caller gets ORA-03113 both times.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The commit does not happen.
    LostCommit,
    /// The commit happens, and its answer does not arrive.
    LostAnswer,
}

/// Counts a commit; the fault that strikes it, if one does.
pub fn of_this_commit() -> Option<Fault> {
    static PLANNED: OnceLock<Option<(Fault, u64)>> = OnceLock::new();
    static COMMITS: AtomicU64 = AtomicU64::new(0);
    let (fault, at) = (*PLANNED.get_or_init(|| parse(&std::env::var("OLBRIDGE_EMBEDDED_FAULT").ok()?)))?;
    (COMMITS.fetch_add(1, Ordering::Relaxed) + 1 == at).then_some(fault)
}

fn parse(text: &str) -> Option<(Fault, u64)> {
    let (name, at) = text.split_once(':')?;
    let fault = match name {
        "lost-commit" => Fault::LostCommit,
        "lost-answer" => Fault::LostAnswer,
        _ => return None,
    };
    Some((fault, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_a_name_and_a_number() {
        assert_eq!(parse("lost-commit:1"), Some((Fault::LostCommit, 1)));
        assert_eq!(parse("lost-answer:22"), Some((Fault::LostAnswer, 22)));
        for other in ["", "lost-answer", "lost-answer:", "lost-answer:x", "other:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
