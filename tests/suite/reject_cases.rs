//! The promise of `--rejects` for many tables, rows and options, all made of arbitrary bytes: the bounded run of the fuzz target `row_rejects`.

use crate::loader_api::engine_directory;

#[path = "../../fuzz/src/reject_case/mod.rs"]
mod reject_case;

use reject_case::Lab;

/// Cases of an ordinary run; `OLBRIDGE_REJECT_CASES` asks for another number, from another seed.
const CASES: u64 = 250;

/// SplitMix64 (Steele, Lea, Flood 2014): the same cases everywhere.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}

#[test]
fn exactly_the_good_rows_are_in_the_table_and_exactly_the_bad_ones_in_the_file() {
    let asked = std::env::var("OLBRIDGE_REJECT_CASES").ok().and_then(|cases| cases.parse().ok());
    let seed = if asked.is_some() { std::process::id().into() } else { 1 };
    let mut lab = Lab::open(&engine_directory());
    let (mut good, mut bad, mut failed, mut clean) = (0, 0, 0, 0);
    for case in 0..asked.unwrap_or(CASES) {
        let mut bytes = Bytes(seed ^ (case << 20));
        let count = 8 + bytes.next() as usize % 6_000;
        let input = bytes.take(count);
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lab.check(&input)));
        let tally = ran.unwrap_or_else(|_| panic!("case {case} of seed {seed}; the message is above"));
        good += tally.good;
        bad += tally.bad;
        failed += u64::from(tally.failed);
        clean += u64::from(tally.bad == 0 && tally.good > 0);
    }
    // The cases were of all kinds.
    assert!(
        good > 5_000 && bad > 2_000 && failed > 15 && clean > 5,
        "{good} good rows, {bad} bad ones, {failed} failed, {clean} without any"
    );
}
