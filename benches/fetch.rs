//! Time per value of each converter of fetched cells over one fetch of 8,192 rows, beside a memcpy of as many bytes as its array has.
//!
//! `cargo bench --bench fetch`. divan prints the items per second of each: the reciprocal is the time per value.

mod generated;

use std::hint::black_box;
use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};

use olbridge::arrow::array::*;
use olbridge::arrow::buffer::NullBuffer;
use olbridge::arrow::datatypes::*;
use olbridge::bind::plan_bind;
use olbridge::column::Origin;
use olbridge::define::plan_define;
use olbridge::layout::{Cells, Layout, Slots};
use olbridge::oracle_type::{ColumnDesc, OracleType, TextSize};
use olbridge::type_map::LossySet;

/// Counts allocations: one or two for a batch, none for a value.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// The most rows of one fetch.
const ROWS: usize = 8_192;

fn main() {
    divan::main();
}

fn values<T>(f: impl FnMut(u64) -> T) -> Vec<T> {
    generated::values(ROWS, f)
}

fn text(max_bytes: u64) -> StringArray {
    let letters = "abcdefghijklmnopqrstuvwxyz".repeat(max_bytes as usize / 26 + 1);
    StringArray::from(values(|random| letters[..1 + (random % max_bytes) as usize].to_owned()))
}

/// Every fifth value NULL.
fn with_nulls(array: &dyn Array) -> ArrayRef {
    let data = array.to_data().into_builder().nulls(Some((0..ROWS).map(|row| row % 5 != 0).collect::<NullBuffer>()));
    make_array(data.build().unwrap_or_else(|error| panic!("{error}")))
}

/// The cells of `array` as the client gives them for a column of `oracle_type`, converted into `wanted`.
///
/// They are filled by the converters of the other direction, which are tested against the client.
fn convert(bencher: Bencher, array: &dyn Array, oracle_type: OracleType, wanted: DataType) {
    let column = ColumnDesc { name: "C".into(), oracle_type, nullable: true };
    let origin = Origin {
        column: &column,
        wanted: &wanted,
        lossy: LossySet::NONE,
        max_lob_bytes: 32_767,
        utf8_database: true,
        trim_char: false,
        keep_regions: false,
    };
    let mut define = plan_define(origin).unwrap_or_else(|problem| panic!("{problem}"));
    let mut bind = plan_bind(&Field::new("c", array.data_type().clone(), true), &column, LossySet::NONE).unwrap_or_else(|p| panic!("{p}"));
    let stride_bytes = define.layout().stride_bytes() as usize;
    let (mut cells, mut lengths, mut indicators) = (vec![0; ROWS * stride_bytes], Vec::new(), vec![0; ROWS]);
    match (define.layout(), bind.layout()) {
        (Layout::Variable { external_type, .. }, Layout::Variable { external_type: bound, .. }) if external_type == bound => {
            lengths.resize(ROWS, 0);
        }
        (defined, bound) => assert_eq!(defined, bound),
    }
    let slots = Slots { values: &mut cells, stride_bytes, lengths: &mut lengths, indicators: &mut indicators };
    bind.write(array, slots).unwrap_or_else(|error| panic!("{error}"));
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let cells = Cells { values: black_box(&cells), stride_bytes, lengths: black_box(&lengths), rows: ROWS };
        define.read(cells, array.nulls().cloned()).unwrap_or_else(|error| panic!("{error}"))
    });
}

const fn number(precision: u8, scale: i8) -> OracleType {
    OracleType::Number { precision: Some(precision), scale: Some(scale) }
}

const NUMBER: OracleType = OracleType::Number { precision: None, scale: None };

fn decimals(values: Vec<i128>, precision: u8, scale: i8) -> Decimal128Array {
    Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap_or_else(|error| panic!("{error}"))
}

/// Amounts of up to 18 digits, as in an accounts table: most have far fewer.
fn amounts() -> Decimal128Array {
    decimals(values(|random| i128::from(generated::amount(random))), 18, 2)
}

/// Full 38 digits.
fn wide(scale: i8) -> Decimal128Array {
    decimals(generated::wide(ROWS), 38, scale)
}

/// Keys of a large table.
fn keys() -> Decimal128Array {
    decimals(values(|random| i128::from(random % 6_000_000)), 19, 0)
}

mod numbers {
    use super::*;

    #[divan::bench]
    fn native_int64_of_number_18(bencher: Bencher) {
        convert(bencher, &Int64Array::from(values(|random| random as i64 >> 5)), number(18, 0), DataType::Int64);
    }

    #[divan::bench]
    fn native_int32_of_number_9(bencher: Bencher) {
        convert(bencher, &Int32Array::from(values(|random| random as i32 >> 2)), number(9, 0), DataType::Int32);
    }

    #[divan::bench]
    fn int64_of_number_19(bencher: Bencher) {
        convert(bencher, &keys(), number(19, 0), DataType::Int64);
    }

    #[divan::bench]
    fn decimal128_19_0_keys(bencher: Bencher) {
        convert(bencher, &keys(), number(19, 0), DataType::Decimal128(19, 0));
    }

    #[divan::bench]
    fn decimal128_18_2(bencher: Bencher) {
        convert(bencher, &amounts(), number(18, 2), DataType::Decimal128(18, 2));
    }

    #[divan::bench]
    fn decimal64_18_2(bencher: Bencher) {
        convert(bencher, &amounts(), number(18, 2), DataType::Decimal64(18, 2));
    }

    #[divan::bench]
    fn decimal128_18_2_with_nulls(bencher: Bencher) {
        convert(bencher, &with_nulls(&amounts()), number(18, 2), DataType::Decimal128(18, 2));
    }

    #[divan::bench]
    fn decimal128_18_3(bencher: Bencher) {
        let amounts = amounts().with_precision_and_scale(18, 3).unwrap_or_else(|error| panic!("{error}"));
        convert(bencher, &amounts, number(18, 3), DataType::Decimal128(18, 3));
    }

    #[divan::bench]
    fn decimal128_15_2_lineitem_prices(bencher: Bencher) {
        let prices = decimals(values(|random| i128::from(90_000 + random % 10_400_000)), 15, 2);
        convert(bencher, &prices, number(15, 2), DataType::Decimal128(15, 2));
    }

    #[divan::bench]
    fn decimal128_15_2_lineitem_discounts(bencher: Bencher) {
        let discounts = decimals(values(|random| i128::from(random % 11)), 15, 2);
        convert(bencher, &discounts, number(15, 2), DataType::Decimal128(15, 2));
    }

    #[divan::bench]
    fn decimal128_38_10(bencher: Bencher) {
        convert(bencher, &wide(10), number(38, 10), DataType::Decimal128(38, 10));
    }

    #[divan::bench]
    fn decimal128_38_9(bencher: Bencher) {
        convert(bencher, &wide(9), number(38, 9), DataType::Decimal128(38, 9));
    }

    #[divan::bench]
    fn decimal256_38_10(bencher: Bencher) {
        convert(bencher, &wide(10), number(38, 10), DataType::Decimal256(76, 10));
    }

    #[divan::bench]
    fn decimal256_amounts(bencher: Bencher) {
        convert(bencher, &amounts(), number(18, 2), DataType::Decimal256(76, 2));
    }

    #[divan::bench]
    fn float64_of_number_cents(bencher: Bencher) {
        let cents = Float64Array::from(values(|random| (random % 100_000_000) as f64 / 100.0));
        convert(bencher, &cents, NUMBER, DataType::Float64);
    }

    #[divan::bench]
    fn float64_of_number_17_digits(bencher: Bencher) {
        let floats = Float64Array::from(values(|random| (random >> 11) as f64 / (1u64 << 53) as f64));
        convert(bencher, &floats, NUMBER, DataType::Float64);
    }

    #[divan::bench]
    fn float64_of_binary_double(bencher: Bencher) {
        convert(bencher, &Float64Array::from(values(|random| random as f64)), OracleType::BinaryDouble, DataType::Float64);
    }

    #[divan::bench]
    fn boolean_of_number_1(bencher: Bencher) {
        convert(bencher, &decimals(values(|random| i128::from(random % 2)), 1, 0), number(1, 0), DataType::Boolean);
    }

    #[divan::bench]
    fn text_of_number_18_2(bencher: Bencher) {
        convert(bencher, &amounts(), number(18, 2), DataType::Utf8);
    }
}

mod times {
    use super::*;

    fn dates() -> Date32Array {
        Date32Array::from(values(|random| (random % 20_000) as i32))
    }

    fn micros() -> Vec<i64> {
        values(|random| (random % 4_000_000_000_000_000) as i64)
    }

    #[divan::bench]
    fn date32_of_date(bencher: Bencher) {
        convert(bencher, &dates(), OracleType::Date, DataType::Date32);
    }

    #[divan::bench]
    fn timestamp_ms_of_date(bencher: Bencher) {
        convert(bencher, &dates(), OracleType::Date, DataType::Timestamp(TimeUnit::Millisecond, None));
    }

    #[divan::bench]
    fn timestamp_ms_of_date_with_time_of_day(bencher: Bencher) {
        let seconds = TimestampSecondArray::from(values(|random| (random % 4_000_000_000) as i64));
        convert(bencher, &seconds, OracleType::Date, DataType::Timestamp(TimeUnit::Millisecond, None));
    }

    #[divan::bench]
    fn timestamp_us_of_timestamp_6(bencher: Bencher) {
        let column = OracleType::Timestamp { fractional_digits: 6 };
        convert(bencher, &TimestampMicrosecondArray::from(micros()), column, DataType::Timestamp(TimeUnit::Microsecond, None));
    }

    #[divan::bench]
    fn timestamp_ns_of_timestamp_9(bencher: Bencher) {
        let nanos = TimestampNanosecondArray::from(values(|random| (random % 4_000_000_000_000_000_000) as i64));
        convert(bencher, &nanos, OracleType::Timestamp { fractional_digits: 9 }, DataType::Timestamp(TimeUnit::Nanosecond, None));
    }

    #[divan::bench]
    fn timestamp_us_of_timestamp_6_with_time_zone(bencher: Bencher) {
        let instants = TimestampMicrosecondArray::from(micros()).with_timezone("+05:30");
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        convert(bencher, &instants, OracleType::TimestampTz { fractional_digits: 6 }, utc);
    }

    #[divan::bench]
    fn duration_us_of_interval_day_to_second(bencher: Bencher) {
        let spans = DurationMicrosecondArray::from(micros());
        let column = OracleType::IntervalDaySecond { day_digits: 9, fractional_digits: 6 };
        convert(bencher, &spans, column, DataType::Duration(TimeUnit::Microsecond));
    }

    #[divan::bench]
    fn months_of_interval_year_to_month(bencher: Bencher) {
        let months = IntervalYearMonthArray::from(values(|random| random as i32 >> 8));
        let column = OracleType::IntervalYearMonth { year_digits: 9 };
        convert(bencher, &months, column, DataType::Interval(IntervalUnit::YearMonth));
    }

    #[divan::bench]
    fn text_of_timestamp_6(bencher: Bencher) {
        let micros = TimestampMicrosecondArray::from(micros());
        convert(bencher, &micros, OracleType::Timestamp { fractional_digits: 6 }, DataType::Utf8);
    }
}

mod bytes {
    use super::*;

    const fn varchar2(max_bytes: u32) -> OracleType {
        OracleType::Varchar2(TextSize::bytes(max_bytes))
    }

    #[divan::bench(args = [1, 10, 24, 44])]
    fn utf8_of_varchar2_as_wide_as_the_text(bencher: Bencher, max_bytes: u64) {
        convert(bencher, &text(max_bytes), varchar2(max_bytes as u32), DataType::Utf8);
    }

    #[divan::bench(args = [10, 44, 400, 4000])]
    fn utf8_of_varchar2_4000(bencher: Bencher, max_bytes: u64) {
        convert(bencher, &text(max_bytes), varchar2(4000), DataType::Utf8);
    }

    #[divan::bench]
    fn utf8_of_varchar2_44_with_nulls(bencher: Bencher) {
        convert(bencher, &with_nulls(&text(44)), varchar2(44), DataType::Utf8);
    }

    #[divan::bench]
    fn utf8_of_varchar2_beyond_ascii(bencher: Bencher) {
        let words = StringArray::from(values(|random| "Größenänderung €".repeat(1 + (random % 2) as usize)));
        convert(bencher, &words, varchar2(44), DataType::Utf8);
    }

    #[divan::bench]
    fn utf8_view_of_varchar2_44(bencher: Bencher) {
        convert(bencher, &text(44), varchar2(44), DataType::Utf8View);
    }

    #[divan::bench]
    fn dictionary_of_varchar2_10(bencher: Bencher) {
        let modes = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"];
        let modes = StringArray::from(values(|random| modes[random as usize % 7]));
        convert(bencher, &modes, varchar2(10), DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)));
    }

    #[divan::bench]
    fn binary_of_raw_16(bencher: Bencher) {
        let keys = values(|random| [random.to_ne_bytes(), random.to_ne_bytes()].concat());
        convert(bencher, &BinaryArray::from_iter_values(&keys), OracleType::Raw { max_bytes: 16 }, DataType::Binary);
    }

    #[divan::bench]
    fn fixed_size_binary_16_of_raw_16(bencher: Bencher) {
        let keys = values(|random| [random.to_ne_bytes(), random.to_ne_bytes()].concat());
        convert(bencher, &BinaryArray::from_iter_values(&keys), OracleType::Raw { max_bytes: 16 }, DataType::FixedSizeBinary(16));
    }

    #[divan::bench(args = [10, 24])]
    fn utf8_of_char_with_its_blanks(bencher: Bencher, max_bytes: u64) {
        let padded = values(|random| format!("{:width$}", random % 1000, width = max_bytes as usize));
        convert(bencher, &StringArray::from(padded), OracleType::Char(TextSize::bytes(max_bytes as u32)), DataType::Utf8);
    }
}

/// What the machine needs to move as many bytes as the arrays have.
#[divan::bench(args = [1, 4, 8, 16, 22, 32])]
fn memcpy(bencher: Bencher, bytes_per_value: usize) {
    let source = vec![1u8; ROWS * bytes_per_value];
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(source.len())).bench_local(|| black_box(&source).to_vec());
}

/// The same for a list of values of one type.
#[divan::bench]
fn memcpy_into_an_array(bencher: Bencher) {
    let source: ArrayRef = Arc::new(Int64Array::from(values(|random| random as i64)));
    let source = source.to_data().buffers()[0].clone();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| Int64Array::new(olbridge::arrow::buffer::Buffer::from(black_box(&source).as_slice()).into(), None));
}
