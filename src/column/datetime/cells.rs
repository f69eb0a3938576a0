//! The other direction: DATE and TIMESTAMP cells into days and counts since 1970-01-01. Zoned ones become the instant, in UTC.

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::*;

use super::{SQLT_DAT, calendar};
use crate::column::decoded::{Explain, decoded};
use crate::column::{ColumnDefine, Origin, PlannedDefine};
use crate::layout::{DateTimeFields, Layout};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;
use crate::value::datetime::{
    Calendar, DAT_SLOT_BYTES, DatSlot, DateTimeError, SECONDS_PER_DAY, decode_dat, decode_dat_days, decode_dat_seconds, seconds_from_fields,
};

const FIELDS_BYTES: usize = DateTimeFields::SIZE_BYTES;
const DAT: Layout = Layout::Fixed { external_type: SQLT_DAT, stride_bytes: DAT_SLOT_BYTES as u32 };

/// Any date or timestamp column as any date or timestamp type; values that have no place in it are refused.
pub(crate) fn datetime_cells(origin: Origin<'_>) -> PlannedDefine {
    match origin.column.oracle_type {
        OracleType::Date => date_cells(origin),
        OracleType::Timestamp { .. } => fields_cells(origin, false),
        // A local time zone is the session's: as a time with zone it comes with its offset, which makes it an instant.
        OracleType::TimestampTz { .. } | OracleType::TimestampLtz { .. } => fields_cells(origin, true),
        _ => Err(origin.problem("not a date or timestamp", "report this as a bug")),
    }
}

fn date_cells(origin: Origin<'_>) -> PlannedDefine {
    fn dat<A: ArrowPrimitiveType>(origin: Origin<'_>, count: impl Fn(i64) -> Option<A::Native> + Send + 'static) -> Box<dyn ColumnDefine> {
        let calendar = calendar(origin.lossy);
        let decode = move |slot: &DatSlot| decode_dat_seconds(slot, calendar).ok().and_then(&count);
        decoded::<A, DAT_SLOT_BYTES>(DAT, origin.wanted, decode, explain_dat(origin))
    }
    let truncate = origin.lossy.allows(LossyKind::SubSecond);
    Ok(match origin.wanted {
        DataType::Date32 => {
            let calendar = calendar(origin.lossy);
            let decode = move |slot: &DatSlot| {
                let (days, second_of_day) = decode_dat_days(slot, calendar).ok()?;
                (truncate || second_of_day == 0).then_some(days)
            };
            decoded::<Date32Type, DAT_SLOT_BYTES>(DAT, origin.wanted, decode, explain_dat(origin))
        }
        DataType::Date64 => dat::<Date64Type>(origin, |seconds| Some(seconds * 1_000)),
        DataType::Timestamp(TimeUnit::Second, None) => dat::<TimestampSecondType>(origin, Some),
        DataType::Timestamp(TimeUnit::Millisecond, None) => dat::<TimestampMillisecondType>(origin, |seconds| Some(seconds * 1_000)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => dat::<TimestampMicrosecondType>(origin, |seconds| Some(seconds * 1_000_000)),
        DataType::Timestamp(TimeUnit::Nanosecond, None) => {
            dat::<TimestampNanosecondType>(origin, |seconds| seconds.checked_mul(1_000_000_000))
        }
        _ => return Err(no_place(origin)),
    })
}

/// A day number; a time of day is refused unless it may be cut off.
fn whole_days(seconds: i64, truncate: bool) -> Option<i32> {
    let at_midnight = seconds.rem_euclid(SECONDS_PER_DAY) == 0;
    (truncate || at_midnight).then(|| seconds.div_euclid(SECONDS_PER_DAY) as i32)
}

fn fields_cells(origin: Origin<'_>, with_zone: bool) -> PlannedDefine {
    fn units<A: ArrowPrimitiveType<Native = i64>, const UNITS: i64>(origin: Origin<'_>, with_zone: bool) -> Box<dyn ColumnDefine> {
        let (truncate, calendar) = (origin.lossy.allows(LossyKind::SubSecond), calendar(origin.lossy));
        let decode = move |slot: &[u8; FIELDS_BYTES]| {
            let fields = DateTimeFields::read_from(slot);
            let nanoseconds_per_unit = 1_000_000_000 / UNITS;
            let nanosecond = i64::from(fields.nanosecond);
            if !truncate && nanosecond % nanoseconds_per_unit != 0 {
                return None;
            }
            let seconds = seconds_from_fields(&fields, calendar).ok()?;
            let fraction = nanosecond / nanoseconds_per_unit;
            match seconds.checked_mul(UNITS) {
                Some(whole) => whole.checked_add(fraction),
                // The whole seconds before the first nanosecond of an i64 are beyond it, with their fraction they are not.
                None => i64::try_from(i128::from(seconds) * i128::from(UNITS) + i128::from(fraction)).ok(),
            }
        };
        let may_have_regions = matches!(origin.column.oracle_type, OracleType::TimestampTz { .. });
        let layout = if may_have_regions && origin.keep_regions { Layout::ZonedTime } else { Layout::DateTime { with_zone } };
        decoded::<A, FIELDS_BYTES>(layout, origin.wanted, decode, explain_fields(origin))
    }
    let (truncate, calendar) = (origin.lossy.allows(LossyKind::SubSecond), calendar(origin.lossy));
    Ok(match origin.wanted {
        DataType::Timestamp(_, zone) if zone.is_some() != with_zone => return Err(no_place(origin)),
        DataType::Timestamp(TimeUnit::Second, _) => units::<TimestampSecondType, 1>(origin, with_zone),
        DataType::Timestamp(TimeUnit::Millisecond, _) => units::<TimestampMillisecondType, 1_000>(origin, with_zone),
        DataType::Timestamp(TimeUnit::Microsecond, _) => units::<TimestampMicrosecondType, 1_000_000>(origin, with_zone),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => units::<TimestampNanosecondType, 1_000_000_000>(origin, with_zone),
        DataType::Date32 if !with_zone => {
            let decode = move |slot: &[u8; FIELDS_BYTES]| {
                let fields = DateTimeFields::read_from(slot);
                let seconds = seconds_from_fields(&fields, calendar).ok()?;
                (truncate || fields.nanosecond == 0).then(|| whole_days(seconds, truncate)).flatten()
            };
            decoded::<Date32Type, FIELDS_BYTES>(Layout::DateTime { with_zone }, origin.wanted, decode, explain_fields(origin))
        }
        DataType::Date64 if !with_zone => units::<Date64Type, 1_000>(origin, with_zone),
        _ => return Err(no_place(origin)),
    })
}

#[cold]
fn no_place(origin: Origin<'_>) -> crate::error::PlanProblem {
    let remedy = match OracleType::is_zoned(&origin.column.oracle_type) {
        true => "read it as a timestamp with a zone (its instants come in UTC)",
        false => "read it as a date or as a timestamp without a zone: it is no instant",
    };
    origin.problem("the one has a zone, the other has not", remedy)
}

fn explain_dat(origin: Origin<'_>) -> Explain<DAT_SLOT_BYTES> {
    let (column, wanted, calendar) = (origin.column.name.clone(), origin.wanted.clone(), calendar(origin.lossy));
    Box::new(move |slot| match decode_dat(slot) {
        Ok(fields) => explain(&fields, calendar, &wanted, &column),
        Err(error) => (error.to_string(), format!("mend the value in the table: UPDATE … SET {column} = …")),
    })
}

fn explain_fields(origin: Origin<'_>) -> Explain<FIELDS_BYTES> {
    let (column, wanted, calendar) = (origin.column.name.clone(), origin.wanted.clone(), calendar(origin.lossy));
    Box::new(move |slot| explain(&DateTimeFields::read_from(slot), calendar, &wanted, &column))
}

fn explain(fields: &DateTimeFields, calendar: Calendar, wanted: &DataType, column: &str) -> (String, String) {
    let DateTimeFields { year, month, day, hour, minute, second, nanosecond, .. } = *fields;
    let value = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nanosecond:09}");
    match seconds_from_fields(fields, calendar) {
        Err(error @ DateTimeError::Malformed) => (format!("{value}: {error}"), "mend the value in the table".into()),
        Err(error) => (
            format!("{value} does not fit {wanted}: {error}"),
            format!("leave such rows out with --where, or read the column as text: --as {column}=text"),
        ),
        Ok(_) if matches!(wanted, DataType::Date32 | DataType::Date64) => (
            format!("{value} has a time of day that {wanted} does not hold"),
            "read the column as a timestamp (--as COLUMN=timestamp_us), or cut the time off with --lossy subsecond".into(),
        ),
        Ok(_) => (
            format!("{value} does not fit {wanted}: it is beyond its range, or has a finer fraction of a second"),
            "read the column with another unit: --as COLUMN=timestamp_us or timestamp_ns".into(),
        ),
    }
}
