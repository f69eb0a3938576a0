//! Days and timestamps into DATE and TIMESTAMP: whole seconds as `SQLT_DAT`, fractions and zones as [`DateTimeFields`].

mod cells;

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::*;

use super::external_type::SQLT_DAT;
use super::{ColumnBind, Planned, Target, ValueError, downcast, try_for_each_valid, value_text};
use crate::layout::{DateTimeFields, Layout, Slots, ZoneRegion};
use crate::oracle_type::OracleType;
use crate::type_map::{LossyKind, LossySet, fractional_digits};
use crate::value::datetime::{Calendar, DAT_SLOT_BYTES, DatSlot, DatTable, DateTimeError, encode_dat_seconds, fields_from_seconds};

pub(crate) use cells::datetime_cells;

/// Why one value is refused.
enum Refusal {
    Range(DateTimeError),
    Fraction,
}

impl From<DateTimeError> for Refusal {
    fn from(error: DateTimeError) -> Self {
        Refusal::Range(error)
    }
}

/// What becomes of days before 1582-10-15.
fn calendar(lossy: LossySet) -> Calendar {
    if lossy.allows(LossyKind::Calendar) { Calendar::SameName } else { Calendar::SameDay }
}

#[cold]
fn refuse(array: &dyn Array, row_index: usize, oracle_type: &OracleType, refusal: Refusal) -> ValueError {
    let value = value_text(array, row_index);
    let (reason, remedy) = match refusal {
        Refusal::Range(error) => {
            (format!("{value} does not fit {oracle_type}: {error}"), "mend the source, or leave the column out with --columns")
        }
        Refusal::Fraction => (
            format!("{value} has a fraction of a second that {oracle_type} does not hold"),
            "use a TIMESTAMP with more digits, or cut the fraction off with --lossy subsecond",
        ),
    };
    ValueError { row_index, reason, remedy: remedy.into() }
}

/// Whole seconds, seven bytes.
struct DatBind<A, F> {
    oracle_type: OracleType,
    encode: F,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A, F> ColumnBind for DatBind<A, F>
where
    A: ArrowPrimitiveType,
    F: Fn(A::Native, &mut DatSlot) -> Result<(), Refusal> + Send,
{
    fn layout(&self) -> Layout {
        Layout::Fixed { external_type: SQLT_DAT, stride_bytes: DAT_SLOT_BYTES as u32 }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (values, (out, _)) = (array.values(), slots.values.as_chunks_mut::<DAT_SLOT_BYTES>());
        try_for_each_valid(array.nulls(), array.len(), |index| {
            (self.encode)(values[index], &mut out[index]).map_err(|refusal| refuse(array, index, &self.oracle_type, refusal))
        })
    }
}

fn dat<A: ArrowPrimitiveType>(
    target: Target<'_>,
    encode: impl Fn(A::Native, &mut DatSlot) -> Result<(), Refusal> + Send + 'static,
) -> Box<dyn ColumnBind> {
    Box::new(DatBind::<A, _> { oracle_type: target.column.oracle_type.clone(), encode, arrow_type: PhantomData })
}

/// `UNITS` per second into whole seconds.
fn dat_units<A: ArrowPrimitiveType<Native = i64>, const UNITS: i64>(target: Target<'_>) -> Box<dyn ColumnBind> {
    let (truncate, calendar) = (target.lossy.allows(LossyKind::SubSecond), calendar(target.lossy));
    dat::<A>(target, move |value, slot| {
        if UNITS > 1 && !truncate && value.rem_euclid(UNITS) != 0 {
            return Err(Refusal::Fraction);
        }
        Ok(encode_dat_seconds(value.div_euclid(UNITS), calendar, slot)?)
    })
}

/// Days and timestamps as whole seconds, into DATE or, from sources of whole seconds, into TIMESTAMP.
pub(crate) fn date(target: Target<'_>) -> Planned {
    Ok(match target.values {
        DataType::Date32 => {
            let (table, calendar) = (DatTable::get(), calendar(target.lossy));
            dat::<Date32Type>(target, move |days, slot| Ok(table.encode_days(days, calendar, slot)?))
        }
        DataType::Date64 => dat_units::<Date64Type, 1_000>(target),
        DataType::Timestamp(TimeUnit::Second, _) => dat_units::<TimestampSecondType, 1>(target),
        DataType::Timestamp(TimeUnit::Millisecond, _) => dat_units::<TimestampMillisecondType, 1_000>(target),
        DataType::Timestamp(TimeUnit::Microsecond, _) => dat_units::<TimestampMicrosecondType, 1_000_000>(target),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => dat_units::<TimestampNanosecondType, 1_000_000_000>(target),
        _ => return Err(target.problem("not a date or timestamp", "report this as a bug")),
    })
}

/// `UNITS` per second into date-time fields on the clock of `offset_minutes`.
struct FieldsBind<A, const UNITS: i64> {
    oracle_type: OracleType,
    offset_minutes: i16,
    with_zone: bool,
    /// What is written is in UTC, and belongs to this region.
    region: Option<ZoneRegion>,
    /// Source units of the last digit that the column holds; 1 when it holds all.
    step: i64,
    truncate: bool,
    calendar: Calendar,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A: ArrowPrimitiveType<Native = i64>, const UNITS: i64> ColumnBind for FieldsBind<A, UNITS> {
    fn layout(&self) -> Layout {
        match self.region {
            Some(region) => Layout::RegionTime { region },
            None => Layout::DateTime { with_zone: self.with_zone },
        }
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (values, (out, _)) = (array.values(), slots.values.as_chunks_mut::<{ DateTimeFields::SIZE_BYTES }>());
        try_for_each_valid(array.nulls(), array.len(), |index| {
            self.encode(values[index], &mut out[index]).map_err(|refusal| refuse(array, index, &self.oracle_type, refusal))
        })
    }
}

impl<A, const UNITS: i64> FieldsBind<A, UNITS> {
    #[inline]
    fn encode(&self, value: i64, slot: &mut [u8; DateTimeFields::SIZE_BYTES]) -> Result<(), Refusal> {
        let mut fraction = value.rem_euclid(UNITS);
        if self.step > 1 {
            let beyond = fraction % self.step;
            if beyond != 0 && !self.truncate {
                return Err(Refusal::Fraction);
            }
            fraction -= beyond;
        }
        let nanosecond = (fraction * (1_000_000_000 / UNITS)) as u32;
        let seconds = value.div_euclid(UNITS);
        if self.region.is_some() {
            // Wherever the region is, its clocks show a time that Oracle has.
            for most_seconds in [-15 * 3600, 15 * 3600] {
                fields_from_seconds(seconds.saturating_add(most_seconds), nanosecond, 0, self.calendar)?;
            }
        }
        fields_from_seconds(seconds, nanosecond, self.offset_minutes, self.calendar)?.write_to(slot);
        Ok(())
    }
}

/// The zone of what is written.
#[derive(Debug, Clone, Copy)]
enum Zone {
    None,
    Offset(i16),
    Region(ZoneRegion),
}

fn fields(target: Target<'_>, column_digits: u8, zone: Zone) -> Planned {
    fn with_units<A: ArrowPrimitiveType<Native = i64>, const UNITS: i64>(
        target: Target<'_>,
        source_digits: u8,
        column_digits: u8,
        zone: Zone,
    ) -> Box<dyn ColumnBind> {
        Box::new(FieldsBind::<A, UNITS> {
            oracle_type: target.column.oracle_type.clone(),
            offset_minutes: if let Zone::Offset(minutes) = zone { minutes } else { 0 },
            with_zone: !matches!(zone, Zone::None),
            region: if let Zone::Region(region) = zone { Some(region) } else { None },
            step: 10i64.pow(u32::from(source_digits.saturating_sub(column_digits))),
            truncate: target.lossy.allows(LossyKind::SubSecond),
            calendar: calendar(target.lossy),
            arrow_type: PhantomData,
        })
    }
    let DataType::Timestamp(unit, _) = target.values else {
        return Err(target.problem("not a timestamp", "report this as a bug"));
    };
    let digits = fractional_digits(*unit);
    Ok(match unit {
        TimeUnit::Second => with_units::<TimestampSecondType, 1>(target, digits, column_digits, zone),
        TimeUnit::Millisecond => with_units::<TimestampMillisecondType, 1_000>(target, digits, column_digits, zone),
        TimeUnit::Microsecond => with_units::<TimestampMicrosecondType, 1_000_000>(target, digits, column_digits, zone),
        TimeUnit::Nanosecond => with_units::<TimestampNanosecondType, 1_000_000_000>(target, digits, column_digits, zone),
    })
}

/// Into TIMESTAMP(n): whole-second sources by the seven bytes of a DATE, the others by descriptors.
pub(crate) fn timestamp(target: Target<'_>, fractional_digits: u8) -> Planned {
    match target.values {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(TimeUnit::Second, _) => date(target),
        _ => fields(target, fractional_digits, Zone::None),
    }
}

/// Into TIMESTAMP(n) WITH LOCAL TIME ZONE, which stores the instant: bound at UTC, whatever the zone of the source and of the session.
pub(crate) fn instant(target: Target<'_>, fractional_digits: u8) -> Planned {
    fields(target, fractional_digits, Zone::Offset(0))
}

/// Into TIMESTAMP(n) WITH TIME ZONE, at the offset or in the region of the source's zone.
pub(crate) fn timestamp_tz(target: Target<'_>, fractional_digits: u8) -> Planned {
    let DataType::Timestamp(_, Some(zone)) = target.values else {
        return Err(target.problem("no zone", "load into TIMESTAMP"));
    };
    match (offset_minutes(zone), ZoneRegion::named(zone)) {
        (Some(offset), _) => fields(target, fractional_digits, Zone::Offset(offset)),
        (None, _) if target.lossy.allows(LossyKind::Zone) => fields(target, fractional_digits, Zone::Offset(0)),
        (None, Some(region)) => fields(target, fractional_digits, Zone::Region(region)),
        (None, None) => Err(target.problem(
            format!("'{zone}' is neither UTC nor an offset that Oracle has, and no region's name"),
            "keep the instant at +00:00 with --lossy zone, or cast to UTC in the source",
        )),
    }
}

/// Minutes east of UTC of `UTC`, `Z`, `+05:30`, `-0800` or `+05`; `None` for a region name or an offset that Oracle has not.
fn offset_minutes(zone: &str) -> Option<i16> {
    if matches!(zone, "UTC" | "Etc/UTC" | "Z" | "GMT") {
        return Some(0);
    }
    let (sign, digits) = match zone.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let two = |tens: u8, ones: u8| {
        Some((tens, ones))
            .filter(|_| tens.is_ascii_digit() && ones.is_ascii_digit())
            .map(|_| i16::from(tens - b'0') * 10 + i16::from(ones - b'0'))
    };
    let (hours, minutes) = match *digits {
        [a, b] => (two(a, b)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two(a, b)?, two(c, d)?),
        _ => return None,
    };
    Some(sign * (hours * 60 + minutes)).filter(|offset| minutes < 60 && (-899..=840).contains(offset))
}

#[cfg(test)]
mod tests {
    use super::offset_minutes;

    #[test]
    fn offsets_of_zone_names() {
        for (zone, offset) in [
            ("UTC", Some(0)),
            ("+00:00", Some(0)),
            ("+05:30", Some(330)),
            ("-0800", Some(-480)),
            ("+14", Some(840)),
            ("-14:59", Some(-899)),
        ] {
            assert_eq!(offset_minutes(zone), offset, "{zone}");
        }
        for zone in ["Europe/Berlin", "+14:01", "-15:00", "+1", "+05:60", "05:30", "", "+ab:cd", "+05:3"] {
            assert_eq!(offset_minutes(zone), None, "{zone}");
        }
    }
}
