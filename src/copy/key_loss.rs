//! Losses that make one key of several: a row would be updated or deleted in place of another. So what is accepted for values is not for keys: each is
//! exact, or refused with its row.

use super::keys::resolve_keys;
use crate::copy::job::CopyJob;
use crate::load::{ColumnPair, Keyed};

impl CopyJob {
    /// The columns of the table by which rows will be found when the changes after this load of all rows are followed.
    pub(super) fn keys_to_come(&self, pairs: &[ColumnPair], keyed: &Keyed) -> Vec<String> {
        match keyed.keys.is_empty() && self.incremental.is_some() {
            true => resolve_keys("--key", &self.primary_key, pairs, &mut Vec::new()),
            false => Vec::new(),
        }
    }
}
