//! Times of day, durations and intervals as INTERVAL DAY TO SECOND and INTERVAL YEAR TO MONTH, both ways.

use std::marker::PhantomData;

use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::*;

use super::decoded::{Explain, decoded};
use super::{ColumnBind, ColumnDefine, Origin, Planned, PlannedDefine, Target, ValueError, downcast, try_for_each_valid, value_text};
use crate::layout::{DaySecond, Layout, MONTHS_BYTES, Slots};
use crate::oracle_type::OracleType;
use crate::type_map::LossyKind;
use crate::value::interval::{
    DAY_NANOSECONDS, MAX_LEADING_FIELD, count_from_day_second, day_second_from_count, day_second_from_parts, day_second_text, months_text,
    nanosecond_step,
};

const SPAN_BYTES: usize = DaySecond::SIZE_BYTES;
type SpanSlot = [u8; SPAN_BYTES];
type MonthsSlot = [u8; MONTHS_BYTES];

/// Why one value is refused.
enum Refusal {
    /// More days or years than the column's digits.
    Digits,
    Fraction,
    NoTimeOfDay,
    /// Months beside days, or days and the rest that are no one span.
    Parts(&'static str),
}

#[cold]
fn refuse(array: &dyn Array, row_index: usize, oracle_type: &OracleType, refusal: Refusal) -> ValueError {
    let value = value_text(array, row_index);
    let (reason, remedy) = match refusal {
        Refusal::Digits => (
            format!("{value} has more digits of days or years than {oracle_type} holds"),
            "use an INTERVAL of up to nine digits, or mend the source",
        ),
        Refusal::Fraction => (
            format!("{value} has a fraction of a second that {oracle_type} does not hold"),
            "use a SECOND with more digits, or cut the fraction off with --lossy subsecond",
        ),
        Refusal::NoTimeOfDay => (format!("{value} is no time of a day, so {oracle_type} cannot bring it back"), "mend the source"),
        Refusal::Parts(what) => (format!("{value} does not fit {oracle_type}: {what}"), "split or normalize the interval in the source"),
    };
    ValueError { row_index, reason, remedy: remedy.into() }
}

/// Each value by `encode` into a slot of `N` bytes.
struct IntervalBind<A, const N: usize, F> {
    layout: Layout,
    oracle_type: OracleType,
    encode: F,
    arrow_type: PhantomData<fn() -> A>,
}

impl<A, const N: usize, F> ColumnBind for IntervalBind<A, N, F>
where
    A: ArrowPrimitiveType,
    F: Fn(A::Native, &mut [u8; N]) -> Result<(), Refusal> + Send,
{
    fn layout(&self) -> Layout {
        self.layout
    }

    fn write(&mut self, array: &dyn Array, slots: Slots<'_>) -> Result<(), ValueError> {
        let array = downcast::<PrimitiveArray<A>>(array)?;
        let (values, (out, _)) = (array.values(), slots.values.as_chunks_mut::<N>());
        try_for_each_valid(array.nulls(), array.len(), |index| {
            (self.encode)(values[index], &mut out[index]).map_err(|refusal| refuse(array, index, &self.oracle_type, refusal))
        })
    }
}

fn bind<A: ArrowPrimitiveType, const N: usize>(
    target: Target<'_>,
    layout: Layout,
    encode: impl Fn(A::Native, &mut [u8; N]) -> Result<(), Refusal> + Send + 'static,
) -> Box<dyn ColumnBind> {
    Box::new(IntervalBind::<A, N, _> { layout, oracle_type: target.column.oracle_type.clone(), encode, arrow_type: PhantomData })
}

/// What a column holds of a span.
#[derive(Clone, Copy)]
struct SpanRoom {
    /// Most days.
    max_days: u32,
    /// Nanoseconds of the last digit.
    step: i64,
    truncate: bool,
}

impl SpanRoom {
    #[inline]
    fn put(self, span: DaySecond, slot: &mut SpanSlot) -> Result<(), Refusal> {
        let beyond = span.nanoseconds % self.step;
        if beyond != 0 && !self.truncate {
            return Err(Refusal::Fraction);
        }
        if span.days.unsigned_abs() > self.max_days {
            return Err(Refusal::Digits);
        }
        DaySecond { nanoseconds: span.nanoseconds - beyond, ..span }.write_to(slot);
        Ok(())
    }
}

/// Times of day, durations and intervals without months.
pub(crate) fn day_second(target: Target<'_>, day_digits: u8, fractional_digits: u8) -> Planned {
    const MIXED: &str = "it is one span: days and the rest have to be of one sign, the rest less than 24 hours";
    fn counts<A: ArrowPrimitiveType, const UNITS: i64>(target: Target<'_>, room: SpanRoom) -> Box<dyn ColumnBind>
    where
        A::Native: Into<i64>,
    {
        let is_time = matches!(target.values, DataType::Time32(_) | DataType::Time64(_));
        bind::<A, SPAN_BYTES>(target, Layout::IntervalDaySecond, move |count, slot| {
            let count = count.into();
            if is_time && !(0..86_400 * UNITS).contains(&count) {
                return Err(Refusal::NoTimeOfDay);
            }
            room.put(day_second_from_count::<UNITS>(count).ok_or(Refusal::Digits)?, slot)
        })
    }
    let room = SpanRoom {
        max_days: 10u32.pow(u32::from(day_digits.min(9))) - 1,
        step: nanosecond_step(fractional_digits),
        truncate: target.lossy.allows(LossyKind::SubSecond),
    };
    Ok(match target.values {
        DataType::Time32(TimeUnit::Second) => counts::<Time32SecondType, 1>(target, room),
        DataType::Time32(TimeUnit::Millisecond) => counts::<Time32MillisecondType, 1_000>(target, room),
        DataType::Time64(TimeUnit::Microsecond) => counts::<Time64MicrosecondType, 1_000_000>(target, room),
        DataType::Time64(TimeUnit::Nanosecond) => counts::<Time64NanosecondType, 1_000_000_000>(target, room),
        DataType::Duration(TimeUnit::Second) => counts::<DurationSecondType, 1>(target, room),
        DataType::Duration(TimeUnit::Millisecond) => counts::<DurationMillisecondType, 1_000>(target, room),
        DataType::Duration(TimeUnit::Microsecond) => counts::<DurationMicrosecondType, 1_000_000>(target, room),
        DataType::Duration(TimeUnit::Nanosecond) => counts::<DurationNanosecondType, 1_000_000_000>(target, room),
        DataType::Interval(IntervalUnit::DayTime) => {
            bind::<IntervalDayTimeType, SPAN_BYTES>(target, Layout::IntervalDaySecond, move |value, slot| {
                let span = day_second_from_parts(value.days, i64::from(value.milliseconds) * 1_000_000);
                room.put(span.ok_or(Refusal::Parts(MIXED))?, slot)
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            bind::<IntervalMonthDayNanoType, SPAN_BYTES>(target, Layout::IntervalDaySecond, move |value, slot| match value.months {
                0 => room.put(day_second_from_parts(value.days, value.nanoseconds).ok_or(Refusal::Parts(MIXED))?, slot),
                _ => Err(Refusal::Parts("months have no place in it")),
            })
        }
        _ => return Err(target.problem("no span of time", "report this as a bug")),
    })
}

/// Intervals of months.
pub(crate) fn year_month(target: Target<'_>, year_digits: u8) -> Planned {
    let max_months = (10u64.pow(u32::from(year_digits.min(9))) * 12 - 1).min(u64::from(MAX_LEADING_FIELD) * 12 + 11);
    let put = move |months: i32, slot: &mut MonthsSlot| {
        if u64::from(months.unsigned_abs()) > max_months {
            return Err(Refusal::Digits);
        }
        *slot = i64::from(months).to_ne_bytes();
        Ok(())
    };
    Ok(match target.values {
        DataType::Interval(IntervalUnit::YearMonth) => bind::<IntervalYearMonthType, MONTHS_BYTES>(target, Layout::IntervalYearMonth, put),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            bind::<IntervalMonthDayNanoType, MONTHS_BYTES>(target, Layout::IntervalYearMonth, move |value, slot| {
                match (value.days, value.nanoseconds) {
                    (0, 0) => put(value.months, slot),
                    _ => Err(Refusal::Parts("days and times have no place in it")),
                }
            })
        }
        _ => return Err(target.problem("no interval of months", "report this as a bug")),
    })
}

/// INTERVAL DAY TO SECOND as a duration, a time of day or an interval.
pub(crate) fn day_second_cells(origin: Origin<'_>) -> PlannedDefine {
    fn spans<A: ArrowPrimitiveType>(
        origin: Origin<'_>,
        decode: impl Fn(DaySecond) -> Option<A::Native> + Send + 'static,
    ) -> Box<dyn ColumnDefine> {
        let decode = move |slot: &SpanSlot| decode(DaySecond::read_from(slot));
        decoded::<A, SPAN_BYTES>(Layout::IntervalDaySecond, origin.wanted, decode, explain_span(origin))
    }
    fn counts<A: ArrowPrimitiveType, const UNITS: i64>(origin: Origin<'_>) -> Box<dyn ColumnDefine>
    where
        A::Native: TryFrom<i64>,
    {
        let truncate = origin.lossy.allows(LossyKind::SubSecond);
        let is_time = matches!(origin.wanted, DataType::Time32(_) | DataType::Time64(_));
        spans::<A>(origin, move |span| {
            let whole = truncate || span.nanoseconds % (1_000_000_000 / UNITS) == 0;
            let in_day = !is_time || span.days == 0 && span.nanoseconds >= 0;
            count_from_day_second::<UNITS>(span).filter(|_| whole && in_day)?.try_into().ok()
        })
    }
    Ok(match origin.wanted {
        DataType::Time32(TimeUnit::Second) => counts::<Time32SecondType, 1>(origin),
        DataType::Time32(TimeUnit::Millisecond) => counts::<Time32MillisecondType, 1_000>(origin),
        DataType::Time64(TimeUnit::Microsecond) => counts::<Time64MicrosecondType, 1_000_000>(origin),
        DataType::Time64(TimeUnit::Nanosecond) => counts::<Time64NanosecondType, 1_000_000_000>(origin),
        DataType::Duration(TimeUnit::Second) => counts::<DurationSecondType, 1>(origin),
        DataType::Duration(TimeUnit::Millisecond) => counts::<DurationMillisecondType, 1_000>(origin),
        DataType::Duration(TimeUnit::Microsecond) => counts::<DurationMicrosecondType, 1_000_000>(origin),
        DataType::Duration(TimeUnit::Nanosecond) => counts::<DurationNanosecondType, 1_000_000_000>(origin),
        DataType::Interval(IntervalUnit::DayTime) => {
            let truncate = origin.lossy.allows(LossyKind::SubSecond);
            spans::<IntervalDayTimeType>(origin, move |span| {
                let whole = truncate || span.nanoseconds % 1_000_000 == 0;
                whole.then(|| IntervalDayTimeType::make_value(span.days, (span.nanoseconds / 1_000_000) as i32))
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => spans::<IntervalMonthDayNanoType>(origin, |span| {
            (span.nanoseconds.unsigned_abs() < DAY_NANOSECONDS as u64)
                .then(|| IntervalMonthDayNanoType::make_value(0, span.days, span.nanoseconds))
        }),
        _ => return Err(origin.problem("no span of time", "read it as a duration, a time of day or an interval")),
    })
}

/// INTERVAL YEAR TO MONTH as an interval.
pub(crate) fn year_month_cells(origin: Origin<'_>) -> PlannedDefine {
    fn months<A: ArrowPrimitiveType>(origin: Origin<'_>, decode: impl Fn(i32) -> A::Native + Send + 'static) -> Box<dyn ColumnDefine> {
        let decode = move |slot: &MonthsSlot| i32::try_from(i64::from_ne_bytes(*slot)).ok().map(&decode);
        decoded::<A, MONTHS_BYTES>(Layout::IntervalYearMonth, origin.wanted, decode, explain_months(origin))
    }
    Ok(match origin.wanted {
        DataType::Interval(IntervalUnit::YearMonth) => months::<IntervalYearMonthType>(origin, |months| months),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            months::<IntervalMonthDayNanoType>(origin, |months| IntervalMonthDayNanoType::make_value(months, 0, 0))
        }
        _ => return Err(origin.problem("no interval of months", "read it as an interval of months: --as COLUMN=interval_months")),
    })
}

fn explain_span(origin: Origin<'_>) -> Explain<SPAN_BYTES> {
    let (column, wanted) = (origin.column.name.clone(), origin.wanted.clone());
    Box::new(move |slot| {
        let value = day_second_text(DaySecond::read_from(slot));
        let remedy = format!(
            "read it as another type (--as {column}=duration_us, duration_s or interval_days), as text (--as {column}=text), \
             or cut its fraction off with --lossy subsecond"
        );
        (format!("{value} does not fit {wanted}: it is beyond its range, or has a finer fraction of a second"), remedy)
    })
}

fn explain_months(origin: Origin<'_>) -> Explain<MONTHS_BYTES> {
    let (column, wanted) = (origin.column.name.clone(), origin.wanted.clone());
    Box::new(move |slot| {
        let value = months_text(i64::from_ne_bytes(*slot));
        (format!("{value} does not fit {wanted}: more months than 32 bits hold"), format!("read it as text: --as {column}=text"))
    })
}
