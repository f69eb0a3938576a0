//! Every pair of the type map, generated from it: what a converter writes is decoded again and compared with a model that shares nothing
//! with the converters (decimal text, `chars().count()`, plain division).

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::*;

use super::*;
use crate::bind::{plan_bind, plan_bind_in};
use crate::define::plan_define;
use crate::oracle_type::{OracleType, TextSize};
use crate::type_map::*;

mod foreign;
mod model;
mod reading;
mod samples;

use model::{Cell, decode, expected};
use samples::boundaries;

/// The buffers of one placeholder.
struct Buffers {
    layout: Layout,
    stride_bytes: usize,
    values: Vec<u8>,
    lengths: Vec<u32>,
    indicators: Vec<i16>,
}

/// Writes `array` as the load engine does: indicators from the bitmap first, stride as the converter asks, garbage in all else.
fn write(bind: &mut dyn ColumnBind, array: &dyn Array) -> Result<Buffers, ValueError> {
    let layout = bind.layout();
    if let Ok(values) = bind.long_values(array) {
        bind.check_long(array)?;
        return Ok(long_buffers(layout, &values));
    }
    let stride_bytes = bind.required_stride_bytes(array)? as usize;
    assert!(stride_bytes >= 1 && (matches!(layout, Layout::Variable { .. }) || stride_bytes as u32 == layout.stride_bytes()));
    let rows = array.len();
    let mut buffers = Buffers {
        layout,
        stride_bytes,
        values: vec![0xaa; rows * stride_bytes],
        lengths: if matches!(layout, Layout::Variable { .. }) { vec![0xaaaa_aaaa; rows] } else { vec![] },
        indicators: (0..rows).map(|row| -i16::from(array.is_null(row))).collect(),
    };
    let Buffers { values, lengths, indicators, .. } = &mut buffers;
    bind.write(array, Slots { values, stride_bytes, lengths, indicators })?;
    Ok(buffers)
}

/// Long values, in the form of the others.
fn long_buffers(layout: Layout, long: &[Option<&[u8]>]) -> Buffers {
    let stride_bytes = long.iter().flatten().map(|value| value.len()).max().unwrap_or(0).max(1);
    let mut values = vec![0xaa; long.len() * stride_bytes];
    for (slot, value) in values.chunks_mut(stride_bytes).zip(long) {
        slot[..value.map_or(0, <[u8]>::len)].copy_from_slice(value.unwrap_or_default());
    }
    let lengths = long.iter().map(|value| value.map_or(0, |value| value.len() as u32)).collect();
    Buffers { layout, stride_bytes, values, lengths, indicators: long.iter().map(|value| -i16::from(value.is_none())).collect() }
}

fn column(oracle_type: &OracleType) -> ColumnDesc {
    ColumnDesc { name: "TARGET".into(), oracle_type: oracle_type.clone(), nullable: true }
}

fn plan(data_type: &DataType, oracle_type: &OracleType, lossy: LossySet) -> Planned {
    plan_bind(&Field::new("source", data_type.clone(), true), &column(oracle_type), lossy)
}

fn unpacked(array: &ArrayRef) -> ArrayRef {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None).unwrap(),
        None => Arc::clone(array),
    }
}

/// What the plan refuses beyond the family table, by the parameters of the types.
fn refused_by_parameters(data_type: &DataType, oracle_type: &OracleType, lossy: LossySet) -> bool {
    let values = match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    match (values, oracle_type) {
        (DataType::Boolean, OracleType::Number { scale: Some(scale), .. }) => *scale < 0,
        (DataType::FixedSizeBinary(width), OracleType::Raw { max_bytes }) => {
            *width as u32 > *max_bytes && !lossy.allows(LossyKind::Truncation)
        }
        _ => false,
    }
}

fn for_every_pair(mut f: impl FnMut(&DataType, &OracleType, LossySet, Planned)) {
    for data_type in sample_arrow_types() {
        for oracle_type in sample_oracle_types() {
            for lossy in [LossySet::NONE, LossySet::ALL] {
                f(&data_type, &oracle_type, lossy, plan(&data_type, &oracle_type, lossy));
            }
        }
    }
}

#[test]
fn the_plan_refuses_what_the_table_refuses_and_names_column_and_types() {
    let mut planned = 0;
    for_every_pair(|data_type, oracle_type, lossy, plan| {
        let refused = match conversion_of(data_type, oracle_type) {
            Conversion::Refused { .. } => true,
            Conversion::Lossy { kind, .. } => !lossy.allows(kind),
            _ => refused_by_parameters(data_type, oracle_type, lossy),
        };
        match plan {
            Ok(_) => assert!(!refused, "{data_type} into {oracle_type}"),
            Err(problem) => {
                assert!(refused, "{data_type} into {oracle_type}: {problem}");
                assert_eq!(problem.column.as_deref(), Some("source"));
                assert!(problem.reason.contains(&data_type.to_string()) && problem.reason.contains(&oracle_type.to_string()), "{problem}");
                assert!(!problem.remedy.contains("bug"), "{problem}");
                return;
            }
        }
        planned += 1;
    });
    assert!(planned > 500, "{planned}");
}

#[test]
fn every_boundary_value_is_carried_exactly_or_refused() {
    let (mut carried, mut refusals) = (0, 0);
    for_every_pair(|data_type, oracle_type, lossy, plan| {
        let Ok(mut bind) = plan else { return };
        let array = boundaries(data_type);
        let plain = unpacked(&array);
        let mut good_rows = vec![];
        for row in 0..array.len() {
            let expected = expected(&plain, row, oracle_type, lossy);
            let place = || format!("{data_type} into {oracle_type} lossy '{lossy}' row {row} {expected:?}");
            match (write(&mut *bind, &array.slice(row, 1)), &expected) {
                (Ok(buffers), Some(cell)) => {
                    assert_eq!(&decode(&buffers, 0), cell, "{}", place());
                    good_rows.push(row as u32);
                    carried += 1;
                }
                (Err(error), None) => {
                    assert_eq!(error.row_index, 0);
                    assert!(error.reason.contains(&oracle_type.to_string()) && !error.remedy.contains("bug"), "{error} {}", place());
                    refusals += 1;
                }
                (Ok(buffers), None) => panic!("carried as {:?}: {}", decode(&buffers, 0), place()),
                (Err(error), Some(_)) => panic!("refused with {error}: {}", place()),
            }
        }
        // All good rows at once, with their nulls, from the middle of a longer array.
        let good = take(&array, &UInt32Array::from(good_rows), None).unwrap();
        for (offset, length) in [(0, good.len()), (1.min(good.len()), good.len().saturating_sub(2)), (good.len() / 2, 0)] {
            let slice = good.slice(offset, length);
            let plain = unpacked(&slice);
            let buffers = write(&mut *bind, &slice).unwrap();
            for row in 0..length {
                assert_eq!(
                    Some(decode(&buffers, row)),
                    expected(&plain, row, oracle_type, lossy),
                    "{data_type} into {oracle_type} slice row {row}"
                );
            }
        }
    });
    assert!(carried > 5_000 && refusals > 1_000, "{carried} {refusals}");
}

#[test]
fn all_null_and_empty_arrays_are_written_whatever_lies_under_the_nulls() {
    for_every_pair(|data_type, _, _, plan| {
        let Ok(mut bind) = plan else { return };
        for length in [0, 1, 100] {
            let buffers = write(&mut *bind, &new_null_array(data_type, length)).unwrap();
            assert_eq!(buffers.indicators, vec![-1; length]);
        }
        // The same boundary values that are refused, hidden under NULLs.
        let array = boundaries(data_type);
        if !matches!(data_type, DataType::Null) {
            let data = array.to_data().into_builder().nulls(Some(NullBuffer::new_null(array.len()))).build().unwrap();
            let buffers = write(&mut *bind, &make_array(data)).unwrap();
            assert_eq!(buffers.indicators, vec![-1; array.len()]);
        }
    });
}

#[test]
fn a_refused_value_names_its_row_also_in_a_slice_and_in_a_dictionary() {
    let varchar = OracleType::Varchar2(TextSize::bytes(3));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("toolong"), Some("ok"), None, Some("four"), Some("ok")]));
    let slice = texts.slice(1, 4);
    let mut bind = plan(&DataType::Utf8, &varchar, LossySet::NONE).unwrap();
    assert_eq!(bind.required_stride_bytes(&slice).unwrap_err().row_index, 2);
    let mut slots = (vec![0; 4 * 32], vec![0; 4], vec![0; 4]);
    let error =
        bind.write(&slice, Slots { values: &mut slots.0, stride_bytes: 32, lengths: &mut slots.1, indicators: &mut slots.2 }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "text of 4 bytes does not fit VARCHAR2(3); widen column TARGET with ALTER TABLE … MODIFY, or cut such values off with --lossy truncate (but no keys)"
    );
    assert_eq!(error.row_index, 2);

    let dictionary = DictionaryArray::<UInt8Type>::try_new(UInt8Array::from(vec![1, 1, 3, 0]), texts).unwrap();
    let mut bind = plan(dictionary.data_type(), &varchar, LossySet::NONE).unwrap();
    assert_eq!(write(&mut *bind, &dictionary).err().unwrap().row_index, 2);
}

#[test]
fn a_dictionary_is_judged_by_the_values_that_rows_refer_to() {
    let values = Arc::new(StringArray::from(vec![Some("far too long"), Some("ok"), None]));
    let check = |dictionary: &dyn Array| {
        let mut bind = plan(dictionary.data_type(), &OracleType::Varchar2(TextSize::bytes(3)), LossySet::NONE).unwrap();
        let buffers = write(&mut *bind, dictionary).unwrap();
        assert_eq!(buffers.indicators, [0, -1, -1, 0]);
        assert_eq!([decode(&buffers, 0), decode(&buffers, 3)], [Cell::Text("ok".into()), Cell::Text("ok".into())]);
    };
    check(&DictionaryArray::<Int8Type>::try_new(vec![Some(1), Some(2), None, Some(1)].into(), values.clone()).unwrap());
    check(&DictionaryArray::<UInt16Type>::try_new(vec![Some(1), Some(2), None, Some(1)].into(), values.clone()).unwrap());
    check(&DictionaryArray::<Int64Type>::try_new(vec![Some(1), Some(2), None, Some(1)].into(), values.clone()).unwrap());
    check(&DictionaryArray::<UInt64Type>::try_new(vec![Some(1), Some(2), None, Some(1)].into(), values).unwrap());
}

#[test]
fn another_type_or_a_short_stride_is_an_error_and_no_panic() {
    let mut bind = plan(&DataType::Utf8, &OracleType::Varchar2(TextSize::bytes(100)), LossySet::NONE).unwrap();
    let error = write(&mut *bind, &Int32Array::from(vec![1])).err().unwrap();
    assert!(error.reason.contains("Int32"), "{error}");
    let long = StringArray::from(vec!["x".repeat(50)]);
    let (mut values, mut lengths, mut indicators) = (vec![0; 32], vec![0], vec![0]);
    let slots = Slots { values: &mut values, stride_bytes: 32, lengths: &mut lengths, indicators: &mut indicators };
    assert!(bind.write(&long, slots).unwrap_err().reason.contains("array buffer"));
    let dictionary = DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into());
    let mut bind = plan(&dictionary, &OracleType::Clob, LossySet::NONE).unwrap();
    assert!(write(&mut *bind, &long).is_err());
}

#[test]
fn layouts_are_what_the_client_is_told() {
    use external_type::*;
    let layout = |data_type: DataType, oracle_type| plan(&data_type, &oracle_type, LossySet::NONE).unwrap().layout();
    let number = |precision, scale| OracleType::Number { precision: Some(precision), scale: Some(scale) };
    assert_eq!(layout(DataType::Int64, number(19, 0)), Layout::Fixed { external_type: SQLT_INT, stride_bytes: 8 });
    assert_eq!(layout(DataType::UInt16, number(19, 0)), Layout::Fixed { external_type: SQLT_UIN, stride_bytes: 2 });
    assert_eq!(layout(DataType::Int64, number(10, -2)), Layout::Fixed { external_type: SQLT_VNU, stride_bytes: 22 });
    assert_eq!(
        layout(DataType::Int64, OracleType::Float { binary_precision: 10 }),
        Layout::Fixed { external_type: SQLT_VNU, stride_bytes: 22 }
    );
    assert_eq!(
        layout(DataType::Int64, OracleType::Float { binary_precision: 126 }),
        Layout::Fixed { external_type: SQLT_INT, stride_bytes: 8 }
    );
    assert_eq!(layout(DataType::Date32, OracleType::Date), Layout::Fixed { external_type: SQLT_DAT, stride_bytes: 7 });
    assert_eq!(
        layout(DataType::Timestamp(TimeUnit::Second, None), OracleType::Timestamp { fractional_digits: 6 }),
        Layout::Fixed { external_type: SQLT_DAT, stride_bytes: 7 }
    );
    assert_eq!(
        layout(DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), OracleType::TimestampTz { fractional_digits: 6 }),
        Layout::DateTime { with_zone: true }
    );
    let variable = |external_type, stride_bytes, national, long| Layout::Variable { external_type, stride_bytes, national, long };
    assert_eq!(layout(DataType::Utf8, OracleType::Varchar2(TextSize::bytes(4000))), variable(SQLT_CHR, 32, false, false));
    assert_eq!(layout(DataType::Utf8, OracleType::Varchar2(TextSize::bytes(4001))), variable(SQLT_CHR, 32, false, true));
    assert_eq!(layout(DataType::Utf8, OracleType::Nclob), variable(SQLT_CHR, 32, true, true));
    assert_eq!(layout(DataType::Binary, OracleType::Raw { max_bytes: 8 }), variable(SQLT_BIN, 8, false, false));
    assert_eq!(layout(DataType::Null, OracleType::Blob), variable(SQLT_BIN, 1, false, false));
}

/// Decimals are looked at in blocks, and each block is written in its own form: every form next to every other, NULLs with leftovers that
/// would not fit, and the row of the first value that is refused.
#[test]
fn blocks_of_decimals_of_every_length_are_written_exactly() {
    const BLOCK: i128 = 512;
    let oracle_type = OracleType::Number { precision: Some(20), scale: Some(3) };
    let block = |digits: u32| (0..BLOCK).map(move |i| (10i128.pow(digits) - 1 - i * 7) * if i % 3 == 0 { -1 } else { 1 });
    let values: Vec<i128> = [8, 4, 18, 20, 7, 16].into_iter().flat_map(block).chain([0, 1, -1]).collect();
    // A leftover beyond the column in a block of each form.
    let nulls: NullBuffer = (0..values.len()).map(|row| row % 500 != 3).collect();
    let values = values.iter().enumerate().map(|(row, &value)| if nulls.is_null(row) { i128::MAX } else { value });
    let array = Decimal128Array::from(values.collect::<Vec<_>>()).with_precision_and_scale(38, 3).unwrap();
    let array = PrimitiveArray::<Decimal128Type>::new(array.values().clone(), Some(nulls)).with_data_type(DataType::Decimal128(38, 3));
    let mut bind = plan(array.data_type(), &oracle_type, LossySet::default()).unwrap();
    let buffers = write(bind.as_mut(), &array).unwrap();
    for row in (0..array.len()).filter(|&row| array.is_valid(row)) {
        let slot = &buffers.values[row * 22..][..22];
        let number = crate::value::number::Number::from_slot(slot.try_into().unwrap()).unwrap();
        assert_eq!(number.digits().to_i128(3), Ok(array.value(row)), "row {row}");
    }
    let mut values = array.values().to_vec();
    values[2 * BLOCK as usize + 100] = 10i128.pow(20);
    let bad = PrimitiveArray::<Decimal128Type>::new(values.into(), array.nulls().cloned()).with_data_type(array.data_type().clone());
    assert_eq!(write(bind.as_mut(), &bad).err().unwrap().row_index, 2 * BLOCK as usize + 100);
}

#[test]
fn values_are_cut_off_between_characters_and_the_rows_are_known() {
    let cut = |oracle_type: OracleType, texts: &[&str]| {
        let mut bind = plan(&DataType::Utf8, &oracle_type, "truncate".parse().unwrap()).unwrap();
        let array = StringArray::from(texts.to_vec());
        let buffers = write(bind.as_mut(), &array)?;
        let texts = (0..texts.len()).map(|row| match decode(&buffers, row) {
            Cell::Text(text) => text,
            other => panic!("{other:?}"),
        });
        Ok::<_, ValueError>((texts.collect::<Vec<_>>(), bind.truncated_rows().to_vec()))
    };
    let bytes = |max| OracleType::Varchar2(TextSize::bytes(max));
    assert_eq!(
        cut(bytes(4), &["abcd", "abcde", "aé€", "€€"]),
        Ok((["abcd", "abcd", "aé", "€"].map(str::to_owned).to_vec(), vec![1, 2, 3]))
    );
    // Not between the halves of a pair; never down to nothing, which would be NULL.
    let national = OracleType::Nvarchar2(TextSize { max_bytes: 6, max_chars: Some(3) });
    assert_eq!(cut(national, &["aa🦀", "a🦀", "🦀🦀"]), Ok((["aa", "a🦀", "🦀"].map(str::to_owned).to_vec(), vec![0, 2])));
    let error = cut(bytes(3), &["a", "🦀"]).unwrap_err();
    assert!(error.row_index == 1 && error.remedy.contains("--lossy truncate"), "{error}");
    let characters = OracleType::Char(TextSize::chars(2));
    assert_eq!(cut(characters, &["日本語", "日本"]), Ok((["日本", "日本"].map(str::to_owned).to_vec(), vec![0])));
    // The bytes of another character set are known for ASCII alone: what else is too long is the database's to refuse.
    let charset = crate::oracle_type::DatabaseCharset::named("WE8ISO8859P1");
    let lossy = "truncate,charset".parse().unwrap();
    let mut bind = plan_bind_in(&Field::new("c", DataType::Utf8, true), &column(&bytes(3)), lossy, &charset).unwrap();
    let buffers = write(bind.as_mut(), &StringArray::from(vec!["abcd", "ééé", "éééé"])).unwrap();
    let texts = [0, 1, 2].map(|row| decode(&buffers, row));
    assert_eq!(texts, ["abc", "ééé", "éééé"].map(|text| Cell::Text(text.into())));
    assert_eq!(bind.truncated_rows(), [0]);
}

#[test]
fn every_refusal_that_a_loss_would_avoid_names_it() {
    let number = |precision, scale| OracleType::Number { precision: Some(precision), scale: Some(scale) };
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1]));
    let decimal = Decimal128Array::from(vec![125]).with_precision_and_scale(5, 2).unwrap();
    let cases: Vec<(ArrayRef, OracleType, LossyKind)> = vec![
        (Arc::new(decimal), number(5, 1), LossyKind::Rounding),
        (Arc::new(Int64Array::from(vec![15])), number(5, -1), LossyKind::Rounding),
        (Arc::new(Float64Array::from(vec![0.1])), OracleType::BinaryFloat, LossyKind::Rounding),
        (Arc::new(Float64Array::from(vec![1.25])), number(5, 1), LossyKind::Rounding),
        (micros.clone(), OracleType::Date, LossyKind::SubSecond),
        (micros, OracleType::Timestamp { fractional_digits: 3 }, LossyKind::SubSecond),
        (
            Arc::new(DurationNanosecondArray::from(vec![1])),
            OracleType::IntervalDaySecond { day_digits: 2, fractional_digits: 6 },
            LossyKind::SubSecond,
        ),
        (Arc::new(StringArray::from(vec!["abcd"])), OracleType::Varchar2(TextSize::bytes(3)), LossyKind::Truncation),
        (Arc::new(BinaryArray::from(vec![&b"abcd"[..]])), OracleType::Raw { max_bytes: 3 }, LossyKind::Truncation),
        (Arc::new(StringArray::from(vec![""])), OracleType::Varchar2(TextSize::bytes(3)), LossyKind::EmptyText),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")),
            OracleType::Timestamp { fractional_digits: 6 },
            LossyKind::Zone,
        ),
    ];
    for (array, oracle_type, kind) in cases {
        let remedy = match plan(array.data_type(), &oracle_type, LossySet::NONE) {
            Ok(mut bind) => write(bind.as_mut(), &array).err().unwrap().remedy,
            Err(problem) => problem.remedy,
        };
        assert!(remedy.contains(&format!("--lossy {kind}")), "{} into {oracle_type}: {remedy}", array.data_type());
        let mut bind = plan(array.data_type(), &oracle_type, LossySet::NONE.with(kind)).unwrap();
        assert!(write(bind.as_mut(), &array).is_ok(), "{} into {oracle_type} with {kind}", array.data_type());
    }
    let charset = crate::oracle_type::DatabaseCharset::named("WE8ISO8859P1");
    let field = Field::new("c", DataType::Utf8, true);
    let mut bind = plan_bind_in(&field, &column(&OracleType::Varchar2(TextSize::bytes(3))), LossySet::NONE, &charset).unwrap();
    assert!(write(bind.as_mut(), &StringArray::from(vec!["é"])).err().unwrap().remedy.contains("--lossy charset"));
}
