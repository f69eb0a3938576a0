//! ORA_HASH and STANDARD_HASH: both over the bytes that Oracle holds a value in (text in its character set, NUMBER as `DUMP` shows it).

use md5::Md5;
use rusqlite::types::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::super::number::Number;
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_utf16", 1, Nulls::Propagate, |a| Ok(Value::Blob(a.text(0)?.encode_utf16().flat_map(u16::to_be_bytes).collect()))),
    ("o_ora_hash", 3, Nulls::Propagate, |a| {
        let most = bound(a, 1)?;
        let hash = ora_hash(a.bytes(0)?, bound(a, 2)? as u32);
        Ok(number(Number::from_i64((u64::from(hash) % (most + 1)) as i64)))
    }),
    // NULL has a hash too: that of no bytes.
    ("o_standard_hash", 2, Nulls::Seen, |a| {
        let bytes = if a.is_null(0) { &[] } else { a.bytes(0)? };
        standard_hash(bytes, a.text(1)?).map(Value::Blob)
    }),
];

/// Greatest bucket and seed: 0 to 4294967295.
fn bound(arguments: &Args<'_, '_>, index: usize) -> Result<u64> {
    let value = arguments.integer(index)?;
    match u32::try_from(value) {
        Ok(value) => Ok(value.into()),
        Err(_) => Err(OraError::new(28817, format_args!("PL/SQL function returned an error: {value} is not between 0 and 4294967295"))),
    }
}

/// The hash in 32 bits: four words that are mixed for every 16 bytes, and once more for the rest with the length, as in Bob Jenkins's first
/// function of four words. Published values are in the tests.
fn ora_hash(bytes: &[u8], seed: u32) -> u32 {
    let mut words = [0x9e37_79b9, 0x9e37_79b9, 0x9e37_79b9, seed];
    let chunks = bytes.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        absorb(&mut words, chunk, |last| last);
    }
    absorb(&mut words, rest, |last| (last << 8).wrapping_add(bytes.len() as u32));
    words[3]
}

fn absorb(words: &mut [u32; 4], chunk: &[u8], last: impl Fn(u32) -> u32) {
    let mut padded = [0; 16];
    padded[..chunk.len()].copy_from_slice(chunk);
    let word = |index: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| padded[4 * index + byte]));
    let [mut a, mut b, mut c, mut d] = *words;
    (a, b, c) = (a.wrapping_add(word(0)), b.wrapping_add(word(1)), c.wrapping_add(word(2)));
    d = d.wrapping_add(last(word(3)));
    for shifts in [[7, 13, 17, 9], [3, 7, 15, 11]] {
        (a, d) = both(a, d);
        a ^= a >> shifts[0];
        (b, a) = both(b, a);
        b ^= b << shifts[1];
        (c, b) = both(c, b);
        c ^= c >> shifts[2];
        (d, c) = both(d, c);
        d ^= d << shifts[3];
    }
    *words = [a, b, c, d];
}

/// The first with the second added, and the second with that added.
fn both(first: u32, second: u32) -> (u32, u32) {
    let sum = first.wrapping_add(second);
    (sum, second.wrapping_add(sum))
}

fn standard_hash(bytes: &[u8], method: &str) -> Result<Vec<u8>> {
    Ok(match method {
        "MD5" => Md5::digest(bytes).to_vec(),
        "SHA1" => Sha1::digest(bytes).to_vec(),
        "SHA256" => Sha256::digest(bytes).to_vec(),
        "SHA384" => Sha384::digest(bytes).to_vec(),
        "SHA512" => Sha512::digest(bytes).to_vec(),
        other => return Err(OraError::unsupported(format_args!("STANDARD_HASH by {other}"))),
    })
}
