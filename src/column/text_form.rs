//! Dates, timestamps and intervals as text, in Oracle's names and with all their digits: for values that no Arrow type of time holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::external_type::SQLT_DAT;
use super::{ColumnDefine, Origin, PlannedDefine, ValueError};
use crate::layout::{Cells, DateTimeFields, DaySecond, Layout, MONTHS_BYTES};
use crate::oracle_type::OracleType;
use crate::value::datetime::{DAT_SLOT_BYTES, DateTimeError, decode_dat};
use crate::value::interval::{day_second_text, months_text};

/// Each cell of `N` bytes through `format`, which appends the text of a value.
struct TextForm<const N: usize, F> {
    layout: Layout,
    format: F,
    text: String,
}

impl<const N: usize, F> ColumnDefine for TextForm<N, F>
where
    F: Fn(&[u8; N], &mut String) -> Result<(), DateTimeError> + Send,
{
    fn layout(&self) -> Layout {
        self.layout
    }

    fn data_type(&self) -> DataType {
        DataType::Utf8
    }

    fn read(&mut self, cells: Cells<'_>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueError> {
        let (slots, _) = cells.values.as_chunks::<N>();
        let mut texts = StringBuilder::with_capacity(cells.rows, cells.rows * 32);
        for (row_index, slot) in slots.iter().enumerate().take(cells.rows) {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row_index)) {
                texts.append_null();
                continue;
            }
            self.text.clear();
            (self.format)(slot, &mut self.text).map_err(|error| ValueError {
                row_index,
                reason: error.to_string(),
                remedy: "mend the value in the table".into(),
            })?;
            texts.append_value(&self.text);
        }
        Ok(Arc::new(texts.finish()))
    }
}

fn text_form<const N: usize>(
    layout: Layout,
    format: impl Fn(&[u8; N], &mut String) -> Result<(), DateTimeError> + Send + 'static,
) -> PlannedDefine {
    Ok(Box::new(TextForm::<N, _> { layout, format, text: String::new() }))
}

/// `1582-10-04 00:00:00`, `-4712-01-01 …` for a year before Christ; fraction and offset as the column has them.
pub(crate) fn text_form_cells(origin: Origin<'_>) -> PlannedDefine {
    match origin.column.oracle_type {
        OracleType::Date => {
            text_form::<DAT_SLOT_BYTES>(Layout::Fixed { external_type: SQLT_DAT, stride_bytes: DAT_SLOT_BYTES as u32 }, |slot, text| {
                push_datetime(text, &decode_dat(slot)?, 0, false);
                Ok(())
            })
        }
        OracleType::Timestamp { fractional_digits } => datetime_form(fractional_digits, false),
        OracleType::TimestampTz { fractional_digits } | OracleType::TimestampLtz { fractional_digits } => {
            datetime_form(fractional_digits, true)
        }
        OracleType::IntervalDaySecond { fractional_digits, .. } => {
            text_form::<{ DaySecond::SIZE_BYTES }>(Layout::IntervalDaySecond, move |slot, text| {
                let whole = day_second_text(DaySecond::read_from(slot));
                let surplus = if fractional_digits == 0 { 10 } else { 9 - usize::from(fractional_digits.min(9)) };
                text.push_str(&whole[..whole.len() - surplus]);
                Ok(())
            })
        }
        OracleType::IntervalYearMonth { .. } => text_form::<MONTHS_BYTES>(Layout::IntervalYearMonth, |slot, text| {
            text.push_str(&months_text(i64::from_ne_bytes(*slot)));
            Ok(())
        }),
        _ => Err(origin.problem("no time", "report this as a bug")),
    }
}

fn datetime_form(fractional_digits: u8, with_zone: bool) -> PlannedDefine {
    text_form::<{ DateTimeFields::SIZE_BYTES }>(Layout::DateTime { with_zone }, move |slot, text| {
        push_datetime(text, &DateTimeFields::read_from(slot), fractional_digits, with_zone);
        Ok(())
    })
}

fn push_datetime(text: &mut String, fields: &DateTimeFields, fractional_digits: u8, with_zone: bool) {
    let DateTimeFields { year, month, day, hour, minute, second, nanosecond, offset_minutes, .. } = *fields;
    if year < 0 {
        text.push('-');
    }
    push_digits::<4>(text, u32::from(year.unsigned_abs()));
    for (separator, part) in [('-', month), ('-', day), (' ', hour), (':', minute), (':', second)] {
        text.push(separator);
        push_digits::<2>(text, u32::from(part));
    }
    if fractional_digits > 0 {
        let end = text.len() + 1 + usize::from(fractional_digits.min(9));
        text.push('.');
        push_digits::<9>(text, nanosecond);
        text.truncate(end);
    }
    if with_zone {
        let (sign, minutes) = (if offset_minutes < 0 { " -" } else { " +" }, u32::from(offset_minutes.unsigned_abs()));
        text.push_str(sign);
        push_digits::<2>(text, minutes / 60);
        text.push(':');
        push_digits::<2>(text, minutes % 60);
    }
}

/// A number of at most `DIGITS` digits, with leading zeros.
fn push_digits<const DIGITS: usize>(text: &mut String, mut number: u32) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    text.extend(digits.map(char::from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_oracles_names_and_all_digits() {
        let fields =
            DateTimeFields { year: -44, month: 3, day: 15, hour: 12, nanosecond: 120_000_000, offset_minutes: -330, ..Default::default() };
        let text = |digits, with_zone| {
            let mut text = String::new();
            push_datetime(&mut text, &fields, digits, with_zone);
            text
        };
        assert_eq!(text(0, false), "-0044-03-15 12:00:00");
        assert_eq!(text(3, true), "-0044-03-15 12:00:00.120 -05:30");
    }
}
