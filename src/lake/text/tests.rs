//! Arrow → CSV → Arrow and Arrow → NDJSON → Arrow, for every type.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::*;
use half::f16;
use proptest::prelude::*;

use super::*;
use crate::lake::format::{CsvOptions, Format};

/// The text of a batch in a format, and what it reads as.
fn there_and_back(batch: &RecordBatch, format: Format) -> Result<RecordBatch, String> {
    let schema = batch.schema();
    let (options, mut text) = (CsvOptions::default(), Vec::new());
    let columns = schema.fields().len();
    let mut cells = Cells::new(columns);
    let bad = |bad: records::BadLine| format!("line {}: {}", bad.line, bad.reason);
    if format == Format::Csv {
        let mut writer = CsvWriter::begin(&mut text, &schema, &options).unwrap();
        writer.write(&mut text, batch).unwrap();
        let mut records = Records::new(&text[..], &options);
        assert_eq!(records.header().map_err(bad)?, schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>());
        let places: Vec<_> = (0..columns).map(Some).collect();
        while records.read(&mut cells, &places).map_err(bad)?.is_some() {}
    } else {
        NdjsonWriter::new(&schema).write(&mut text, batch).unwrap();
        let mut lines = JsonLines::new(&text[..]);
        while lines.read(&mut cells, |name| schema.index_of(name).ok()).map_err(bad)?.is_some() {}
    }
    let rows = cells.rows();
    let parse = |(index, field): (usize, &FieldRef)| {
        parse_column(field.data_type(), &cells.column(index, 0..rows), ParseOptions::default())
            .map_err(|bad| format!("{} row {}: {}\n{}", field.name(), bad.row, bad.reason, String::from_utf8_lossy(&text)))
    };
    let arrays = schema.fields().iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, arrays).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_round_trip(columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    for format in [Format::Csv, Format::Ndjson] {
        let back = there_and_back(&batch, format).unwrap();
        for (index, field) in batch.schema().fields().iter().enumerate() {
            assert_eq!(back.column(index), batch.column(index), "{format} {}", field.name());
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(data_type: DataType, values: Vec<T::Native>) -> ArrayRef {
    let values = values.into_iter().map(Some).chain([None]);
    Arc::new(PrimitiveArray::<T>::from_iter(values).with_data_type(data_type))
}

/// Every primitive type over values that proptest chose as 128 bits.
fn every_primitive(values: &[i128]) -> Vec<(&'static str, ArrayRef)> {
    use DataType as D;
    use TimeUnit::*;
    let i64s = || values.iter().map(|v| *v as i64).collect::<Vec<_>>();
    let i32s = || values.iter().map(|v| *v as i32).collect::<Vec<_>>();
    let within = |limit: i64| values.iter().map(|v| (*v as i64).rem_euclid(limit)).collect::<Vec<_>>();
    let zone = |text: &str| Some(text.into());
    let nines = 10i128.pow(38) - 1;
    let wide = |v: &i128| i256::from_i128(*v % nines).wrapping_mul(i256::from_i128(nines));
    vec![
        ("boolean", Arc::new(BooleanArray::from_iter(values.iter().map(|v| Some(v % 2 == 0)).chain([None]))) as ArrayRef),
        ("int8", primitive::<Int8Type>(D::Int8, values.iter().map(|v| *v as i8).collect())),
        ("int16", primitive::<Int16Type>(D::Int16, values.iter().map(|v| *v as i16).collect())),
        ("int32", primitive::<Int32Type>(D::Int32, i32s())),
        ("int64", primitive::<Int64Type>(D::Int64, i64s())),
        ("uint8", primitive::<UInt8Type>(D::UInt8, values.iter().map(|v| *v as u8).collect())),
        ("uint16", primitive::<UInt16Type>(D::UInt16, values.iter().map(|v| *v as u16).collect())),
        ("uint32", primitive::<UInt32Type>(D::UInt32, values.iter().map(|v| *v as u32).collect())),
        ("uint64", primitive::<UInt64Type>(D::UInt64, values.iter().map(|v| *v as u64).collect())),
        ("decimal32", primitive::<Decimal32Type>(D::Decimal32(9, 2), values.iter().map(|v| (v % 1_000_000_000) as i32).collect())),
        ("decimal64", primitive::<Decimal64Type>(D::Decimal64(18, 18), values.iter().map(|v| (v % 10i128.pow(18)) as i64).collect())),
        ("decimal128", primitive::<Decimal128Type>(D::Decimal128(38, 10), values.iter().map(|v| v % nines).collect())),
        ("decimal_hundreds", primitive::<Decimal128Type>(D::Decimal128(5, -3), values.iter().map(|v| v % 100_000).collect())),
        ("decimal256", primitive::<Decimal256Type>(D::Decimal256(76, 20), values.iter().map(wide).collect())),
        ("date32", primitive::<Date32Type>(D::Date32, i32s())),
        ("date64", primitive::<Date64Type>(D::Date64, i64s())),
        ("ts_s", primitive::<TimestampSecondType>(D::Timestamp(Second, None), i64s())),
        ("ts_ms", primitive::<TimestampMillisecondType>(D::Timestamp(Millisecond, None), i64s())),
        ("ts_us_utc", primitive::<TimestampMicrosecondType>(D::Timestamp(Microsecond, zone("UTC")), i64s())),
        ("ts_ns_offset", primitive::<TimestampNanosecondType>(D::Timestamp(Nanosecond, zone("-05:30")), i64s())),
        ("ts_us_region", primitive::<TimestampMicrosecondType>(D::Timestamp(Microsecond, zone("Europe/Berlin")), i64s())),
        ("time_s", primitive::<Time32SecondType>(D::Time32(Second), within(86_400).iter().map(|v| *v as i32).collect())),
        ("time_ms", primitive::<Time32MillisecondType>(D::Time32(Millisecond), within(86_400_000).iter().map(|v| *v as i32).collect())),
        ("time_us", primitive::<Time64MicrosecondType>(D::Time64(Microsecond), within(86_400_000_000))),
        ("time_ns", primitive::<Time64NanosecondType>(D::Time64(Nanosecond), within(86_400_000_000_000))),
        ("duration_s", primitive::<DurationSecondType>(D::Duration(Second), i64s())),
        ("duration_ms", primitive::<DurationMillisecondType>(D::Duration(Millisecond), i64s())),
        ("duration_us", primitive::<DurationMicrosecondType>(D::Duration(Microsecond), i64s())),
        ("duration_ns", primitive::<DurationNanosecondType>(D::Duration(Nanosecond), i64s())),
        ("months", primitive::<IntervalYearMonthType>(D::Interval(IntervalUnit::YearMonth), i32s())),
        (
            "day_time",
            primitive::<IntervalDayTimeType>(
                D::Interval(IntervalUnit::DayTime),
                values.iter().map(|v| IntervalDayTime::new(*v as i32, (*v >> 32) as i32)).collect(),
            ),
        ),
        (
            "month_day_nano",
            primitive::<IntervalMonthDayNanoType>(
                D::Interval(IntervalUnit::MonthDayNano),
                values.iter().map(|v| IntervalMonthDayNano::new(*v as i32, (*v >> 32) as i32, (*v >> 64) as i64)).collect(),
            ),
        ),
    ]
}

fn floats(bits: &[u64]) -> Vec<(&'static str, ArrayRef)> {
    vec![
        (
            "float16",
            Arc::new(Float16Array::from_iter_values(bits.iter().map(|b| f16::from_bits(*b as u16)).filter(|v| !v.is_nan()))) as ArrayRef,
        ),
        ("float32", Arc::new(Float32Array::from_iter_values(bits.iter().map(|b| f32::from_bits(*b as u32)).filter(|v| !v.is_nan())))),
        ("float64", Arc::new(Float64Array::from_iter_values(bits.iter().map(|b| f64::from_bits(*b)).filter(|v| !v.is_nan())))),
    ]
}

fn texts(values: &[Option<String>]) -> Vec<(&'static str, ArrayRef)> {
    let bytes = || values.iter().map(|v| v.as_ref().map(|v| v.as_bytes()));
    let strings = || values.iter().map(Option::as_deref);
    let fixed = values.iter().map(|v| v.as_ref().map(|v| [v.len() as u8; 3]));
    vec![
        ("utf8", Arc::new(strings().collect::<StringArray>()) as ArrayRef),
        ("large_utf8", Arc::new(strings().collect::<LargeStringArray>())),
        ("utf8_view", Arc::new(strings().collect::<StringViewArray>())),
        ("binary", Arc::new(bytes().collect::<BinaryArray>())),
        ("large_binary", Arc::new(bytes().collect::<LargeBinaryArray>())),
        ("binary_view", Arc::new(bytes().collect::<BinaryViewArray>())),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 3).unwrap())),
        ("dictionary", Arc::new(strings().collect::<DictionaryArray<Int32Type>>())),
        ("null", new_null_array(&DataType::Null, values.len())),
    ]
}

/// Lists, structs and maps of text, with NULLs at every level.
fn nested(rows: &[Option<Vec<Option<String>>>]) -> Vec<(&'static str, ArrayRef)> {
    let items: StringArray = rows.iter().flatten().flatten().map(Option::as_deref).collect();
    let offsets = OffsetBuffer::<i32>::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let nulls = Some(NullBuffer::from(rows.iter().map(Option::is_some).collect::<Vec<_>>())).filter(|n| n.null_count() > 0);
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let list = Arc::new(ListArray::new(item, offsets.clone(), Arc::new(items.clone()), nulls.clone())) as ArrayRef;
    let keys = Int32Array::from_iter_values(0..items.len() as i32);
    let entry_fields = Fields::from(vec![Field::new("key", DataType::Int32, false), Field::new("value", DataType::Utf8, true)]);
    let entries = StructArray::new(entry_fields.clone(), vec![Arc::new(keys), Arc::new(items)], None);
    let entries_field = Arc::new(Field::new("entries", DataType::Struct(entry_fields), false));
    let map = Arc::new(MapArray::new(entries_field, offsets, entries, nulls.clone(), false)) as ArrayRef;
    let numbers = Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.as_ref().map(|r| i64::MAX - r.len() as i64)))) as ArrayRef;
    let fields = Fields::from(vec![Field::new("a \"b\"", DataType::Int64, true), Field::new("list", list.data_type().clone(), true)]);
    let structs = Arc::new(StructArray::new(fields, vec![numbers.clone(), list.clone()], nulls.clone())) as ArrayRef;
    let pairs: Int64Array = rows.iter().flat_map(|row| [row.as_ref().map(|r| r.len() as i64), None]).collect();
    let fixed = FixedSizeListArray::new(Arc::new(Field::new("item", DataType::Int64, true)), 2, Arc::new(pairs), nulls);
    vec![("list", list), ("map", map), ("struct", structs), ("fixed_list", Arc::new(fixed))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_primitive_value_comes_back(values in prop::collection::vec(any::<i128>(), 0..20)) {
        assert_round_trip(every_primitive(&values));
    }

    #[test]
    fn every_float_comes_back(bits in prop::collection::vec(any::<u64>(), 1..40)) {
        for column in floats(&bits) {
            assert_round_trip(vec![column]);
        }
    }

    #[test]
    fn every_text_comes_back(values in prop::collection::vec(prop::option::of(".{0,12}|[\",\\\\\n\r\t ]{0,4}"), 0..20)) {
        assert_round_trip(texts(&values));
    }

    #[test]
    fn every_nested_value_comes_back(
        rows in prop::collection::vec(prop::option::of(prop::collection::vec(prop::option::of(".{0,5}|[\",\\\\\n]{0,3}"), 0..4)), 1..12)
    ) {
        assert_round_trip(nested(&rows));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,60}|[\",\n\r{}\\[\\]:a1]{0,40}") {
        let mut cells = Cells::new(1);
        let mut records = Records::new(text.as_bytes(), &CsvOptions::default());
        while let Ok(Some(_)) = records.read(&mut cells, &[Some(0)]) {}
        let mut lines = JsonLines::new(text.as_bytes());
        while let Ok(Some(_)) = lines.read(&mut cells, |_| Some(0)) {}
        for data_type in every_primitive(&[]).into_iter().chain(nested(&[None])).map(|(_, array)| array.data_type().clone()) {
            let _ = parse_column(&data_type, &cells.column(0, 0..cells.rows()), ParseOptions::default());
        }
    }
}

#[test]
fn extremes_come_back() {
    let extremes =
        [0, 1, -1, i128::MIN, i128::MAX, i64::MIN.into(), i64::MAX.into(), i32::MIN.into(), i32::MAX.into(), 1 << 53, (1 << 53) + 1];
    assert_round_trip(every_primitive(&extremes));
    let nan: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), Some(-0.0), None]));
    assert_round_trip(vec![("floats", nan)]);
    assert_round_trip(vec![("only", Arc::new(StringArray::from(vec![None, Some(""), Some("\u{feff}")])) as ArrayRef)]);
}

#[test]
fn the_forms_are_those_of_the_documentation() {
    let utc: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(1_500), None]).with_timezone("UTC"));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("d", Arc::new(Decimal128Array::from(vec![Some(1250), None]).with_precision_and_scale(9, 2).unwrap())),
        ("f", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(0.1)]))),
        ("t", Arc::new(StringArray::from(vec![Some("a,\"b\""), Some("")]))),
        ("b", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), Some(b"")]))),
        ("z", utc),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    CsvWriter::begin(&mut csv, &batch.schema(), &CsvOptions::default()).unwrap().write(&mut csv, &batch).unwrap();
    NdjsonWriter::new(&batch.schema()).write(&mut json, &batch).unwrap();
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "n,d,f,t,b,z,l\n9223372036854775807,12.50,NaN,\"a,\"\"b\"\"\",00ff,1970-01-01T00:00:01.500Z,\"[1,null]\"\n,,0.1,\"\",\"\",,\n"
    );
    assert_eq!(
        String::from_utf8(json).unwrap(),
        "{\"n\":9223372036854775807,\"d\":12.50,\"f\":\"NaN\",\"t\":\"a,\\\"b\\\"\",\"b\":\"00ff\",\"z\":\"1970-01-01T00:00:01.500Z\",\"l\":[1,null]}\n\
         {\"n\":null,\"d\":null,\"f\":0.1,\"t\":\"\",\"b\":\"\",\"z\":null,\"l\":null}\n"
    );
}

#[test]
fn what_a_type_does_not_hold_is_refused_with_its_reason() {
    use DataType as D;
    let refused = |data_type: D, text: &str| {
        let mut cells = Cells::new(1);
        for value in [None, Some(text)] {
            cells.push_row();
            cells.set(0, value.map_or(cells::Cell::Null, cells::Cell::Text));
        }
        let bad = parse_column(&data_type, &cells.column(0, 0..2), ParseOptions::default()).unwrap_err();
        assert_eq!(bad.row, 1, "{data_type} {text}");
        bad.reason
    };
    for (data_type, text, part) in [
        (D::Int32, "2147483648", "beyond Int32"),
        (D::Int32, "1.5", "1 digits after the point"),
        (D::Int32, " 1", "no number"),
        (D::UInt8, "-1", "beyond UInt8"),
        (D::Decimal128(4, 2), "100.00", "decimal(4,2)"),
        (D::Decimal128(4, 2), "1.005", "3 after the point"),
        (D::Float64, "1e999", "beyond the range"),
        (D::Float64, "1,5", "no number"),
        (D::Boolean, "1", "neither true nor false"),
        (D::Binary, "abc", "hexadecimal"),
        (D::FixedSizeBinary(2), "abcdef", "3 bytes, not 2"),
        (D::Date32, "2023-02-29", "no date"),
        (D::Date32, "2024-02-29T12:00:00", "time of day"),
        (D::Timestamp(TimeUnit::Second, None), "2024-02-29T12:00:00.5", "digits after the second"),
        (D::Timestamp(TimeUnit::Nanosecond, None), "1500-01-01", "beyond a timestamp"),
        (D::Timestamp(TimeUnit::Second, None), "2024-02-29T12:00:00Z", "has a zone"),
        (D::Timestamp(TimeUnit::Second, Some("UTC".into())), "2024-02-29T12:00:00", "no zone"),
        (D::Timestamp(TimeUnit::Second, Some("UTC".into())), "2024-02-29T12:00:00+01:00", "--lossy zone"),
        (D::Duration(TimeUnit::Second), "P1M", "months"),
        (D::new_list(D::Int8, true), "[1,300]", "beyond Int8"),
        (D::new_list(D::Int8, true), "{}", "no JSON array"),
        (D::Struct(vec![Field::new("a", D::Int8, true)].into()), "{\"b\":1}", "no column \"b\""),
        (D::Struct(vec![Field::new("a", D::Int8, true)].into()), "{\"a\":1,\"a\":2}", "twice"),
    ] {
        let reason = refused(data_type.clone(), text);
        assert!(reason.contains(part), "{data_type} {text}: {reason}");
    }
}
