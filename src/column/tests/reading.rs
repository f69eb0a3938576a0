//! The way back, for every pair of the type map: what a converter wrote, as the database would hand it out again, read as the type that it was.

use arrow::util::display::array_value_to_string;

use super::external_type::*;
use super::*;
use crate::layout::{Cells, DateTimeFields, LongCells};
use crate::value::datetime::decode_dat;
use crate::value::number::{NUMBER_SLOT_BYTES, encode_i128};

/// One fetched cell: value bytes and length.
struct Stored {
    values: Vec<u8>,
    lengths: Vec<u32>,
    is_null: bool,
}

/// What a define of `layout` gets of the one value in `buffers`.
fn stored(buffers: &Buffers, layout: Layout) -> Stored {
    if let Layout::Lob { .. } = layout {
        let is_null = decode(buffers, 0) == Cell::Null;
        return Stored { values: buffers.values.clone(), lengths: buffers.lengths.clone(), is_null };
    }
    let stride_bytes = layout.stride_bytes() as usize;
    let mut values = vec![0x55; stride_bytes];
    if decode(buffers, 0) == Cell::Null {
        return Stored { values, lengths: vec![0x5555_5555], is_null: true };
    }
    let mut length = 0;
    match (buffers.layout, layout) {
        (Layout::Fixed { external_type: from, .. }, Layout::Fixed { external_type: to, .. }) if from == to && from != SQLT_INT => {
            values.copy_from_slice(&buffers.values);
        }
        (Layout::Fixed { external_type: SQLT_DAT, .. }, Layout::DateTime { .. }) => {
            let fields = decode_dat(buffers.values[..].try_into().unwrap()).unwrap();
            fields.write_to((&mut values[..]).try_into().unwrap());
        }
        // A region is bound by its instant in UTC.
        (Layout::DateTime { .. } | Layout::RegionTime { .. }, Layout::DateTime { .. })
        | (Layout::IntervalDaySecond, Layout::IntervalDaySecond)
        | (Layout::IntervalYearMonth, Layout::IntervalYearMonth) => values.copy_from_slice(&buffers.values),
        (Layout::Variable { .. }, Layout::Variable { .. }) => {
            length = buffers.lengths[0] as usize;
            values[..length].copy_from_slice(&buffers.values[..length]);
        }
        (Layout::Fixed { .. }, Layout::Fixed { external_type: to, .. }) => {
            let Cell::Number(text) = decode(buffers, 0) else { panic!("no number") };
            let number: i128 = text.parse().unwrap();
            match (to, stride_bytes) {
                (SQLT_VNU, NUMBER_SLOT_BYTES) => {
                    encode_i128(number, 0, (&mut values[..]).try_into().unwrap()).unwrap();
                }
                (SQLT_INT, bytes) => values.copy_from_slice(&number.to_ne_bytes()[..bytes]),
                other => panic!("{other:?}"),
            }
        }
        (from, to) => panic!("bound as {from:?}, read as {to:?}"),
    }
    Stored { values, lengths: vec![length as u32], is_null: false }
}

fn origin<'a>(column: &'a ColumnDesc, wanted: &'a DataType, lossy: LossySet) -> Origin<'a> {
    Origin { column, wanted, lossy, max_lob_bytes: MAX_BIND_BYTES, trim_char: false, keep_regions: false, utf8_database: true }
}

fn read(define: &mut dyn ColumnDefine, stored: &Stored) -> Result<ArrayRef, ValueError> {
    let layout = define.layout();
    if let Layout::Lob { .. } = layout {
        let end = if stored.is_null { 0 } else { stored.lengths[0] };
        let cells = LongCells { bytes: stored.values[..end as usize].to_vec(), offsets: vec![0, end as i32] };
        return define.read_long(cells, stored.is_null.then(|| NullBuffer::new_null(1)));
    }
    let lengths = if matches!(layout, Layout::Variable { .. }) { &stored.lengths[..] } else { &[] };
    let cells = Cells { values: &stored.values, stride_bytes: layout.stride_bytes() as usize, lengths, rows: 1 };
    define.read(cells, stored.is_null.then(|| NullBuffer::new_null(1)))
}

/// Pairs that are written but not read back as they were: integers that became floats, NULLs of no type in a column of some type, and CHAR,
/// which comes back with blanks.
fn has_a_way_back(data_type: &DataType, oracle_type: &OracleType) -> bool {
    if let DataType::Dictionary(_, values) = data_type {
        // Arrow packs these into dictionaries; others are refused when the plan is made.
        return (values.is_integer() || matches!(**values, DataType::Utf8 | DataType::Binary)) && has_a_way_back(values, oracle_type);
    }
    match (ArrowFamily::of(data_type), OracleFamily::of(oracle_type)) {
        (ArrowFamily::Integer, OracleFamily::BinaryFloat | OracleFamily::BinaryDouble) => false,
        (ArrowFamily::Null, family) => family == OracleFamily::Character,
        _ => !matches!(oracle_type, OracleType::Char(_) | OracleType::Nchar(_)),
    }
}

#[test]
fn every_boundary_value_comes_back_as_it_was() {
    let (mut compared, mut pairs) = (0, 0);
    for_every_pair(|data_type, oracle_type, lossy, plan| {
        let Ok(mut bind) = plan else { return };
        if lossy != LossySet::NONE {
            return;
        }
        let column = column(oracle_type);
        let define = plan_define(origin(&column, data_type, lossy));
        assert!(define.is_ok() || !has_a_way_back(data_type, oracle_type), "{oracle_type} as {data_type}: {:?}", define.err());
        let is_packed = matches!(data_type, DataType::Dictionary(..));
        let Some(mut define) = define.ok().filter(|_| is_packed || has_a_way_back(data_type, oracle_type)) else { return };
        if matches!(oracle_type, OracleType::Char(_) | OracleType::Nchar(_)) {
            return;
        }
        assert_eq!(define.data_type(), *data_type);
        pairs += 1;
        let array = boundaries(data_type);
        for row in 0..array.len() {
            let one = array.slice(row, 1);
            let Ok(buffers) = write(&mut *bind, &one) else { continue };
            let stored = stored(&buffers, define.layout());
            let back = read(&mut *define, &stored).unwrap_or_else(|error| panic!("{data_type} from {oracle_type}, row {row}: {error}"));
            assert_eq!(back.data_type(), data_type);
            assert_eq!(text(&back), text(&one), "{data_type} from {oracle_type}, row {row}");
            compared += 1;
        }
    });
    assert!(pairs > 200 && compared > 2000, "{pairs} pairs, {compared} values");
}

/// The value of an array of one row; a NUMBER knows no negative zero.
fn text(array: &ArrayRef) -> Option<String> {
    let array = unpacked(array);
    if array.is_null(0) || *array.data_type() == DataType::Null {
        return None;
    }
    let plain: ArrayRef = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            make_array(array.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build().unwrap())
        }
        _ => array,
    };
    let text = array_value_to_string(&plain, 0).unwrap_or_else(|_| format!("{plain:?}"));
    Some(if matches!(text.as_str(), "-0.0" | "-0") { text[1..].to_owned() } else { text })
}

fn number_slot(mantissa: i128, scale: i8) -> Stored {
    let mut slot = [0; NUMBER_SLOT_BYTES];
    encode_i128(mantissa, scale, &mut slot).unwrap();
    Stored { values: slot.to_vec(), lengths: vec![], is_null: false }
}

#[test]
fn a_number_that_the_wanted_type_does_not_hold_is_refused() {
    let column = column(&OracleType::Number { precision: None, scale: None });
    let cases: &[(DataType, i128, i8, bool)] = &[
        (DataType::Int64, 5, 1, false),
        (DataType::Int64, i128::from(i64::MAX), 0, true),
        (DataType::Int64, i128::from(i64::MAX) + 1, 0, false),
        (DataType::UInt8, -1, 0, false),
        (DataType::Int8, 128, 0, false),
        (DataType::Decimal128(5, 2), 99_999, 2, true),
        (DataType::Decimal128(5, 2), 100_000, 2, false),
        (DataType::Decimal128(5, 2), 1, 3, false),
        (DataType::Decimal128(38, 0), -(10i128.pow(38) - 1), 0, true),
        (DataType::Decimal256(40, 2), 1, 3, false),
        (DataType::Decimal32(9, 0), 1_000_000_000, 0, false),
        (DataType::Boolean, 1, 0, true),
        (DataType::Boolean, 2, 0, false),
        (DataType::Float64, 1, 1, true),
        (DataType::Float64, (1 << 53) + 1, 0, false),
        (DataType::Float32, 123_456_789, 0, false),
    ];
    for (wanted, mantissa, scale, fits) in cases {
        let mut define = plan_define(origin(&column, wanted, LossySet::NONE)).unwrap();
        let result = read(&mut *define, &number_slot(*mantissa, *scale));
        assert_eq!(result.is_ok(), *fits, "{mantissa}e-{scale} as {wanted}: {result:?}");
        if let Err(error) = result {
            assert_eq!(error.row_index, 0);
            assert!(error.reason.contains(|c: char| c.is_ascii_digit()) && !error.remedy.is_empty(), "{error}");
        }
    }
    let mut define = plan_define(origin(&column, &DataType::Float64, LossySet::ALL)).unwrap();
    assert_eq!(read(&mut *define, &number_slot((1 << 53) + 1, 0)).unwrap().as_primitive::<Float64Type>().value(0), 9_007_199_254_740_992.0);
    let mut define = plan_define(origin(&column, &DataType::Utf8, LossySet::NONE)).unwrap();
    assert_eq!(read(&mut *define, &number_slot(-12_345, 2)).unwrap().as_string::<i32>().value(0), "-123.45");
}

#[test]
fn dates_that_arrow_names_otherwise_and_times_of_day_in_a_date_are_refused() {
    let fetched = |wanted: &DataType, slot: [u8; 7]| {
        let column = column(&OracleType::Date);
        let mut define = plan_define(origin(&column, wanted, LossySet::NONE)).unwrap();
        read(&mut *define, &Stored { values: slot.to_vec(), lengths: vec![], is_null: false })
    };
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    for slot in [[115, 182, 10, 15, 1, 1, 1], [115, 182, 10, 4, 1, 1, 1], [100, 101, 1, 1, 1, 1, 1], [115, 100, 2, 29, 1, 1, 1]] {
        assert!(fetched(&seconds, slot).is_ok(), "{slot:?}");
    }
    for (wanted, slot, part) in [
        (&seconds, [115, 182, 10, 5, 1, 1, 1], "not a DATE"),
        (&seconds, [100, 99, 12, 31, 1, 1, 1], "before year 1"),
        (&seconds, [53, 88, 1, 1, 1, 1, 1], "-4712"),
        (&seconds, [120, 126, 2, 30, 1, 1, 1], "not a DATE"),
        (&seconds, [0, 0, 0, 0, 0, 0, 0], "not a DATE"),
        (&DataType::Date32, [120, 126, 2, 3, 1, 1, 2], "00:00:01"),
        (&DataType::Timestamp(TimeUnit::Nanosecond, None), [199, 199, 1, 1, 1, 1, 1], "range"),
    ] {
        let error = fetched(wanted, slot).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn more_months_than_an_interval_of_arrow_has_are_refused() {
    let column = column(&OracleType::IntervalYearMonth { year_digits: 9 });
    let fetched = |wanted: &DataType, months: i64| {
        let mut define = plan_define(origin(&column, wanted, LossySet::NONE)).unwrap();
        read(&mut *define, &Stored { values: months.to_ne_bytes().to_vec(), lengths: vec![], is_null: false })
    };
    let months = DataType::Interval(IntervalUnit::YearMonth);
    assert!(fetched(&months, i32::MAX.into()).is_ok());
    let error = fetched(&months, i64::from(i32::MAX) + 1).unwrap_err();
    assert!(error.to_string().contains("+178956970-08") && error.remedy.contains("--as TARGET=text"), "{error}");
    assert_eq!(fetched(&DataType::Utf8, 11_999_999_999).unwrap().as_string::<i32>().value(0), "+999999999-11");
}

#[test]
fn zones_become_the_instant_and_bytes_that_are_no_text_are_refused() {
    let zoned = column(&OracleType::TimestampTz { fractional_digits: 9 });
    let wanted = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut define = plan_define(origin(&zoned, &wanted, LossySet::NONE)).unwrap();
    let fields =
        DateTimeFields { year: 1970, month: 1, day: 1, hour: 5, minute: 30, second: 1, nanosecond: 7, offset_minutes: 330, region: 0 };
    let mut values = vec![0; DateTimeFields::SIZE_BYTES];
    fields.write_to((&mut values[..]).try_into().unwrap());
    let back = read(&mut *define, &Stored { values, lengths: vec![], is_null: false }).unwrap();
    assert_eq!(back.as_primitive::<TimestampNanosecondType>().value(0), 1_000_000_007);
    assert!(plan_define(origin(&zoned, &DataType::Timestamp(TimeUnit::Nanosecond, None), LossySet::NONE)).is_err());

    let text = column(&OracleType::Varchar2(TextSize::bytes(4)));
    let mut define = plan_define(origin(&text, &DataType::Utf8, LossySet::NONE)).unwrap();
    let error = read(&mut *define, &Stored { values: vec![b'a', 0xff, 0, 0], lengths: vec![2], is_null: false }).unwrap_err();
    assert!(error.reason.contains("not text"), "{error}");
}
