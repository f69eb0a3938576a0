//! Keys of one side that the other one has not, within a bound of memory.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Bytes of keys that are held at a time, with what the set of them takes.
pub(super) const MOST_BYTES: usize = 256 << 20;
/// What a key takes besides its own bytes: its place in the set, which is half full, and its allocation.
const KEY_BYTES: usize = 64;
/// More parts than this are not made: keys that are all of one hash cannot be told apart.
const MOST_BITS: u32 = 32;

/// Keys whose hash ends in these bits.
#[derive(Debug, Clone, Copy)]
struct Part {
    bits: u32,
    value: u64,
}

impl Part {
    fn has(self, hash: u64) -> bool {
        hash & ((1 << self.bits) - 1) == self.value
    }

    /// Keeps one half, and gives the other.
    fn split(&mut self) -> Part {
        let other = Part { bits: self.bits + 1, value: self.value | 1 << self.bits };
        self.bits += 1;
        other
    }
}

/// Reads one side: calls for each key.
pub(super) trait Side<E>: FnMut(&mut dyn FnMut(&[u8])) -> Result<(), E> {}

impl<E, F: FnMut(&mut dyn FnMut(&[u8])) -> Result<(), E>> Side<E> for F {}

/// The keys of `table` less those of `source`. Where those of the table take more than `most_bytes`, half of them is put off, by their hashes, and both
/// sides are read again for it; so each side is read as often as there are parts. The keys that are found are held besides.
pub(super) fn difference<E>(most_bytes: usize, mut table: impl Side<E>, mut source: impl Side<E>) -> Result<HashSet<Box<[u8]>>, E> {
    let hasher = RandomState::new();
    let mut found = HashSet::new();
    let mut parts = vec![Part { bits: 0, value: 0 }];
    while let Some(mut part) = parts.pop() {
        let (mut keys, mut bytes) = (HashSet::<Box<[u8]>>::new(), 0);
        table(&mut |key| {
            if !part.has(hasher.hash_one(key)) || !keys.insert(key.into()) {
                return;
            }
            bytes += key.len() + KEY_BYTES;
            while bytes > most_bytes && keys.len() > 1 && part.bits < MOST_BITS {
                parts.push(part.split());
                keys.retain(|key| part.has(hasher.hash_one(&key[..])));
                keys.shrink_to_fit();
                bytes = keys.iter().map(|key| key.len() + KEY_BYTES).sum();
            }
        })?;
        source(&mut |key| {
            keys.remove(key);
        })?;
        found.extend(keys);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    fn keys(numbers: impl Iterator<Item = u32> + Clone) -> impl Side<Infallible> {
        move |each: &mut dyn FnMut(&[u8])| {
            numbers.clone().for_each(|number| each(&number.to_be_bytes()));
            Ok(())
        }
    }

    #[test]
    fn the_difference_is_the_same_in_any_number_of_parts() {
        let expected: HashSet<Box<[u8]>> = (0..1000u32).filter(|n| n % 7 == 0).map(|n| n.to_be_bytes().into()).collect();
        for most_bytes in [MOST_BYTES, 500 * 68, 100 * 68, 68, 1] {
            let reads = Cell::new(0);
            let mut all = keys((0..1000).chain(0..10));
            let table = |each: &mut dyn FnMut(&[u8])| {
                reads.set(reads.get() + 1);
                all(each)
            };
            let found = difference(most_bytes, table, keys((0..1200).filter(|n| n % 7 > 0))).unwrap();
            assert_eq!(found, expected, "{most_bytes}");
            let parts = 1000 * 68 / most_bytes.max(68);
            assert!(reads.get() >= parts.max(1) && (most_bytes > 1 || reads.get() >= 1000), "{} reads of {most_bytes} bytes", reads.get());
            assert!(parts > 2 || reads.get() <= 4, "{} reads of {most_bytes} bytes", reads.get());
        }
    }

    #[test]
    fn an_error_of_either_side_ends_it() {
        let fails = |_: &mut dyn FnMut(&[u8])| Err("no");
        let fine = |_: &mut dyn FnMut(&[u8])| Ok(());
        assert_eq!(difference(1, fails, fine).unwrap_err(), "no");
        assert_eq!(difference(1, fine, fails).unwrap_err(), "no");
    }
}
