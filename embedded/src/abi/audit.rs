//! What callers leave behind: with `OLBRIDGE_EMBEDDED_AUDIT=FILE` every environment appends a line to the file when it is created, and one when it is
//! freed that counts what was allocated from it and not freed before. A test reads them; see CONTRIBUTING.md.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::codes::kind;
use super::handle::{Child, Children};

/// Temporary LOBs whose locator was freed, or filled anew, while they were there: the database keeps them until the session ends.
static LOST_TEMPORARY_LOBS: AtomicU64 = AtomicU64::new(0);

/// Counts them in a block of locators that is freed.
pub fn note_lost_temporary_lobs(count: usize) {
    LOST_TEMPORARY_LOBS.fetch_add(count as u64, Ordering::Relaxed);
}

/// An environment is there.
pub fn created() {
    write(|| "created".to_owned());
}

/// An environment goes, with these children.
pub fn freed(children: &Children) {
    write(|| {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for child in children.values() {
            *left.entry(name(*child)).or_default() += 1;
        }
        let left: Vec<String> = left.into_iter().map(|(name, count)| format!(" {name}={count}")).collect();
        format!("freed{} lost_temporary_lobs={}", left.concat(), LOST_TEMPORARY_LOBS.load(Ordering::Relaxed))
    });
}

fn name(child: Child) -> &'static str {
    match child {
        Child::Descriptors => "descriptor_block",
        Child::Handle(kind::ERROR) => "error",
        Child::Handle(kind::SVCCTX) => "service_context",
        Child::Handle(kind::STMT) => "statement",
        Child::Handle(kind::SERVER) => "server",
        Child::Handle(kind::SESSION) => "session",
        Child::Handle(kind::SPOOL) => "session_pool",
        Child::Handle(_) => "other_handle",
    }
}

/// A file that cannot be written makes no call fail.
fn write(line: impl FnOnce() -> String) {
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(path) = PATH.get_or_init(|| std::env::var_os("OLBRIDGE_EMBEDDED_AUDIT").map(PathBuf::from)) else { return };
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        let _ = file.write_all(format!("{}\n", line()).as_bytes());
    }
}
