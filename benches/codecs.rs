//! Time per value of each codec and converter over one batch of 32,767 rows, beside a memcpy of the same source bytes.
//!
//! `cargo bench --bench codecs`. divan prints the items per second of each: the reciprocal is the time per value.

mod generated;

use std::hint::black_box;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};

use arrow_types::*;
use olbridge::bind::plan_bind;
use olbridge::layout::{Layout, Slots};
use olbridge::oracle_type::{ColumnDesc, OracleType, TextSize};
use olbridge::type_map::LossySet;
use olbridge::value::datetime::{Calendar, encode_dat_seconds};
use olbridge::value::number::{Digits, NumberSlot, encode_f64_shortest, encode_i64, encode_i128};

mod arrow_types {
    pub use olbridge::arrow::array::*;
    pub use olbridge::arrow::datatypes::*;
}

/// Shows that a batch costs no allocation, or says how many.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// The most rows of one execute.
const ROWS: usize = 32_767;

fn main() {
    divan::main();
}

fn values<T>(f: impl FnMut(u64) -> T) -> Vec<T> {
    generated::values(ROWS, f)
}

/// i64 of every size.
fn integers() -> Vec<i64> {
    values(|random| (random as i64) >> (random % 64))
}

/// Amounts of up to 18 digits, as in an accounts table: most have far fewer.
fn amounts() -> Vec<i64> {
    values(generated::amount)
}

/// Full 38 digits.
fn wide() -> Vec<i128> {
    generated::wide(ROWS)
}

/// 37 and 38 digits or a few more than 19.
fn medium() -> Vec<i128> {
    let mut low = generated::random();
    values(|random| (i128::from(random as i64 >> (random % 60)) << 64 | i128::from(low())) % 10i128.pow(38))
}

fn text(max_bytes: u64) -> Vec<String> {
    values(|random| "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"[..1 + (random % max_bytes) as usize].to_string())
}

mod value {
    use super::*;

    fn encode<T: Copy + Sync>(bencher: Bencher, input: Vec<T>, encode: impl Fn(T, &mut NumberSlot) -> bool + Sync) {
        let mut slots = vec![[0u8; 22]; ROWS];
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
            assert!(black_box(&input).iter().zip(&mut slots).all(|(&value, slot)| encode(value, slot)));
            black_box(slots.as_slice()).len()
        });
    }

    #[divan::bench]
    fn number_from_i64(bencher: Bencher) {
        encode(bencher, integers(), |value, slot| encode_i64(value, 0, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_small_i64(bencher: Bencher) {
        encode(bencher, values(|random| (random % 10_000) as i64), |value, slot| encode_i64(value, 0, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_i64_scale_2(bencher: Bencher) {
        encode(bencher, amounts(), |value, slot| encode_i64(value, 2, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_i64_scale_3(bencher: Bencher) {
        encode(bencher, amounts(), |value, slot| encode_i64(value, 3, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_i128_scale_10(bencher: Bencher) {
        encode(bencher, wide(), |value, slot| encode_i128(value, 10, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_i128_scale_9(bencher: Bencher) {
        encode(bencher, wide(), |value, slot| encode_i128(value, 9, slot).is_ok());
    }

    #[divan::bench]
    fn number_from_f64_shortest(bencher: Bencher) {
        encode(bencher, values(|random| random as f64 / 1e7), |value, slot| encode_f64_shortest(value, slot).is_ok());
    }

    #[divan::bench]
    fn number_to_i128(bencher: Bencher) {
        let slots: Vec<NumberSlot> = amounts()
            .into_iter()
            .map(|value| {
                let mut slot = [0; 22];
                encode_i64(value, 2, &mut slot).map(|_| slot).unwrap_or_default()
            })
            .collect();
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
            black_box(&slots).iter().filter_map(|slot| Digits::decode(slot).ok()?.to_i128(2).ok()).fold(0i128, i128::wrapping_add)
        });
    }

    #[divan::bench]
    fn date_from_seconds(bencher: Bencher) {
        let input = values(|random| (random % 4_000_000_000) as i64);
        let mut slots = vec![[0u8; 7]; ROWS];
        bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
            assert!(
                black_box(&input).iter().zip(&mut slots).all(|(&value, slot)| encode_dat_seconds(value, Calendar::SameDay, slot).is_ok())
            );
            black_box(slots.as_slice()).len()
        });
    }
}

/// A converter with the buffers it needs for `array`.
fn convert(bencher: Bencher, array: ArrayRef, oracle_type: OracleType) {
    let field = Field::new("c", array.data_type().clone(), true);
    let column = ColumnDesc { name: "C".into(), oracle_type, nullable: true };
    let mut bind = plan_bind(&field, &column, LossySet::NONE).unwrap_or_else(|problem| panic!("{problem}"));
    let stride_bytes = bind.required_stride_bytes(&array).unwrap_or_else(|error| panic!("{error}")) as usize;
    let mut values = vec![0; array.len() * stride_bytes];
    let mut lengths = vec![0; if matches!(bind.layout(), Layout::Variable { .. }) { array.len() } else { 0 }];
    let mut indicators = vec![0; array.len()];
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let stride = bind.required_stride_bytes(black_box(&array)).unwrap_or_else(|error| panic!("{error}")) as usize;
        assert_eq!(stride, stride_bytes);
        let slots = Slots { values: &mut values, stride_bytes, lengths: &mut lengths, indicators: &mut indicators };
        bind.write(&array, slots).unwrap_or_else(|error| panic!("{error}"));
        black_box(values.as_slice()).len()
    });
}

mod column {
    use super::*;

    const NUMBER: OracleType = OracleType::Number { precision: None, scale: None };

    const fn number(precision: u8, scale: i8) -> OracleType {
        OracleType::Number { precision: Some(precision), scale: Some(scale) }
    }

    #[divan::bench]
    fn int64_to_number(bencher: Bencher) {
        convert(bencher, Arc::new(Int64Array::from(integers())), number(19, 0));
    }

    #[divan::bench]
    fn int64_to_float_60_by_our_encoder(bencher: Bencher) {
        convert(bencher, Arc::new(Int64Array::from(values(|random| i64::from(random as u16)))), OracleType::Float { binary_precision: 60 });
    }

    #[divan::bench]
    fn float64_to_binary_double(bencher: Bencher) {
        convert(bencher, Arc::new(Float64Array::from(values(|random| random as f64))), OracleType::BinaryDouble);
    }

    #[divan::bench]
    fn float64_to_number(bencher: Bencher) {
        convert(bencher, Arc::new(Float64Array::from(values(|random| (random % 100_000_000) as f64 / 100.0))), NUMBER);
    }

    #[divan::bench]
    fn int64_to_binary_double(bencher: Bencher) {
        convert(bencher, Arc::new(Int64Array::from(values(|random| (random >> 12) as i64))), OracleType::BinaryDouble);
    }

    #[divan::bench]
    fn boolean_to_number(bencher: Bencher) {
        convert(bencher, Arc::new(BooleanArray::from(values(|random| random % 2 == 0))), number(1, 0));
    }

    fn decimal_18_2(nulls: bool) -> ArrayRef {
        let values = amounts().into_iter().map(i128::from).enumerate().map(|(row, value)| (!nulls || row % 5 != 0).then_some(value));
        Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(18, 2).unwrap_or_else(|error| panic!("{error}")))
    }

    #[divan::bench]
    fn decimal_18_2_to_number(bencher: Bencher) {
        convert(bencher, decimal_18_2(false), number(18, 2));
    }

    #[divan::bench]
    fn decimal_18_2_to_number_with_nulls(bencher: Bencher) {
        convert(bencher, decimal_18_2(true), number(18, 2));
    }

    #[divan::bench]
    fn decimal_15_2_lineitem_prices_to_number(bencher: Bencher) {
        let prices = Decimal128Array::from(values(|random| i128::from(90_000 + random % 10_400_000)));
        convert(bencher, Arc::new(prices.with_precision_and_scale(15, 2).unwrap_or_else(|error| panic!("{error}"))), number(15, 2));
    }

    #[divan::bench]
    fn decimal_38_10_to_number(bencher: Bencher) {
        let array = Decimal128Array::from(wide()).with_precision_and_scale(38, 10).unwrap_or_else(|error| panic!("{error}"));
        convert(bencher, Arc::new(array), number(38, 10));
    }

    #[divan::bench]
    fn decimal_38_10_medium_to_number(bencher: Bencher) {
        let array = Decimal128Array::from(medium()).with_precision_and_scale(38, 10).unwrap_or_else(|error| panic!("{error}"));
        convert(bencher, Arc::new(array), number(38, 10));
    }

    #[divan::bench]
    fn date32_to_date(bencher: Bencher) {
        convert(bencher, Arc::new(Date32Array::from(values(|random| (random % 20_000) as i32))), OracleType::Date);
    }

    #[divan::bench]
    fn timestamp_us_to_date(bencher: Bencher) {
        let seconds = values(|random| (random % 4_000_000_000) as i64 * 1_000_000);
        convert(bencher, Arc::new(TimestampMicrosecondArray::from(seconds)), OracleType::Date);
    }

    #[divan::bench]
    fn timestamp_us_to_timestamp_6(bencher: Bencher) {
        let micros = values(|random| (random % 4_000_000_000_000_000) as i64);
        convert(bencher, Arc::new(TimestampMicrosecondArray::from(micros)), OracleType::Timestamp { fractional_digits: 6 });
    }

    #[divan::bench]
    fn timestamp_ns_to_timestamp_6(bencher: Bencher) {
        let nanos = values(|random| (random % 4_000_000_000_000_000) as i64 * 1_000);
        convert(bencher, Arc::new(TimestampNanosecondArray::from(nanos)), OracleType::Timestamp { fractional_digits: 6 });
    }

    #[divan::bench(args = [10, 24, 44])]
    fn utf8_to_varchar2(bencher: Bencher, max_bytes: u64) {
        convert(bencher, Arc::new(StringArray::from(text(max_bytes))), OracleType::Varchar2(TextSize::bytes(4000)));
    }

    #[divan::bench(args = [10, 24, 44])]
    fn utf8_view_to_varchar2(bencher: Bencher, max_bytes: u64) {
        convert(bencher, Arc::new(StringViewArray::from_iter_values(text(max_bytes))), OracleType::Varchar2(TextSize::bytes(4000)));
    }

    #[divan::bench]
    fn utf8_to_varchar2_10_char(bencher: Bencher) {
        convert(bencher, Arc::new(StringArray::from(text(10))), OracleType::Varchar2(TextSize::chars(10)));
    }

    #[divan::bench]
    fn dictionary_utf8_to_varchar2(bencher: Bencher) {
        let words = text(24).into_iter().take(50).collect::<Vec<_>>();
        let array: DictionaryArray<Int32Type> = values(|random| words[random as usize % 50].as_str()).into_iter().collect();
        convert(bencher, Arc::new(array), OracleType::Varchar2(TextSize::bytes(4000)));
    }

    #[divan::bench]
    fn fixed_size_binary_16_to_raw(bencher: Bencher) {
        let keys = values(|random| [random.to_ne_bytes(), random.to_ne_bytes()].concat());
        let array = FixedSizeBinaryArray::try_from_iter(keys.iter()).unwrap_or_else(|error| panic!("{error}"));
        convert(bencher, Arc::new(array), OracleType::Raw { max_bytes: 16 });
    }
}

/// What the machine needs to move the source bytes alone.
#[divan::bench(args = [1, 4, 8, 16, 32])]
fn memcpy(bencher: Bencher, bytes_per_value: usize) {
    let source = vec![1u8; ROWS * bytes_per_value];
    let mut destination = vec![0u8; ROWS * bytes_per_value];
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(source.len())).bench_local(|| {
        destination.copy_from_slice(black_box(&source));
        black_box(destination.as_slice()).len()
    });
}
