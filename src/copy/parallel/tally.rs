//! What a session of a parallel load has done.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows and times of one session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SessionTally {
    /// Sent to the database since its last commit.
    pub rows_open: u64,
    pub rows_committed: u64,
    pub commits: u64,
    pub commit: Duration,
    /// Waiting for rows.
    pub wait: Duration,
}

/// Rows of the source in stretches, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stretches(Vec<(Arc<Path>, u64, u64)>);

impl Stretches {
    /// Adds `rows` rows of a file, from `first_row` on.
    pub fn add(&mut self, file: &Arc<Path>, first_row: u64, rows: u64) {
        match self.0.last_mut() {
            Some((last_file, _, end)) if last_file == file && *end == first_row => *end += rows,
            _ => self.0.push((Arc::clone(file), first_row, first_row + rows)),
        }
    }

    /// Adds all of `other`.
    pub fn append(&mut self, other: &mut Stretches) {
        for (file, first_row, end) in other.0.drain(..) {
            self.add(&file, first_row, end - first_row);
        }
    }

    /// Those of several sessions as one.
    pub fn union<'s>(all: impl Iterator<Item = &'s Stretches>) -> Stretches {
        let mut sorted: Vec<_> = all.flat_map(|stretches| &stretches.0).collect();
        // Files as they came first; within a file by row.
        let mut places: HashMap<&Path, usize> = HashMap::new();
        for (file, ..) in &sorted {
            let place = places.len();
            places.entry(file).or_insert(place);
        }
        sorted.sort_by_cached_key(|(file, first_row, _)| (places.get(&**file).copied(), *first_row));
        let mut union = Stretches::default();
        for (file, first_row, end) in sorted {
            union.add(file, *first_row, end - first_row);
        }
        union
    }
}

impl std::fmt::Display for Stretches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut named: Option<&Arc<Path>> = None;
        for (file, first_row, end) in &self.0 {
            match named == Some(file) {
                true => write!(f, ", {first_row}-{}", end - 1)?,
                false => {
                    let separator = if named.is_some() { "; " } else { "" };
                    write!(f, "{separator}{} rows {first_row}-{}", file.display(), end - 1)?;
                }
            }
            named = Some(file);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_join_and_are_said_in_the_order_of_the_source() {
        let (a, b): (Arc<Path>, Arc<Path>) = (Path::new("a").into(), Path::new("b").into());
        let mut first = Stretches::default();
        first.add(&a, 1, 10);
        first.add(&a, 11, 5);
        first.add(&a, 31, 10);
        let mut second = Stretches::default();
        second.add(&a, 16, 5);
        second.add(&b, 1, 2);
        assert_eq!(first.to_string(), "a rows 1-15, 31-40");
        assert_eq!(Stretches::union([&first, &second].into_iter()).to_string(), "a rows 1-20, 31-40; b rows 1-2");
        second.append(&mut first);
        assert!(first.0.is_empty());
        assert_eq!(second.to_string(), "a rows 16-20; b rows 1-2; a rows 1-15, 31-40");
    }
}
