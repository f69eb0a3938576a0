//! The same values in every run, for the benchmarks of converters.

/// SplitMix64.
pub fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = state;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }
}

/// `rows` values, each made of a random number.
pub fn values<T>(rows: usize, mut f: impl FnMut(u64) -> T) -> Vec<T> {
    let mut random = random();
    (0..rows).map(|_| f(random())).collect()
}

/// An amount of up to 18 digits, as in an accounts table: most have far fewer.
pub fn amount(random: u64) -> i64 {
    (random % 1_000_000_000_000_000_000) as i64 >> (random % 40)
}

/// Full 38 digits.
pub fn wide(rows: usize) -> Vec<i128> {
    let mut low = random();
    values(rows, |random| (i128::from(random) << 64 | i128::from(low())) % 10i128.pow(38))
}
