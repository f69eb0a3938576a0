//! The type of a text column from all its values, for a table that is to be created.
//!
//! CSV: Int64 if every value is an integer as it would be printed (no sign `+`, no leading zero), else Decimal128 if every value is such an integer
//! or has digits after the point, at most 38 in all; Boolean for `true` and `false`; Date32 for `YYYY-MM-DD`; Timestamp for dates with a time of
//! day, in UTC if all end in `Z`; else text. JSON: numbers and booleans likewise, strings are text, whatever they look like; objects and arrays are
//! kept as JSON text.

use arrow::datatypes::{DataType, TimeUnit};

use super::calendar::parse_moment;
use super::cells::Cell;
use super::digits::Decimal;

/// What the values seen so far could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lake) struct Guess {
    is_csv: bool,
    seen: bool,
    boolean: bool,
    integer: bool,
    decimal: bool,
    date: bool,
    timestamp: bool,
    /// Of the timestamps: all in UTC, all without a zone.
    utc: bool,
    local: bool,
    /// JSON kinds: string, scalar, object or array.
    kinds: [bool; 3],
    whole_digits: i32,
    fraction_digits: i32,
    nanoseconds: bool,
    /// Within the range of 64-bit nanoseconds.
    in_nanosecond_range: bool,
}

impl Guess {
    pub(in crate::lake) fn new(is_csv: bool) -> Self {
        Guess {
            is_csv,
            seen: false,
            boolean: true,
            integer: true,
            decimal: true,
            date: true,
            timestamp: true,
            utc: true,
            local: true,
            kinds: [false; 3],
            whole_digits: 1,
            fraction_digits: 0,
            nanoseconds: false,
            in_nanosecond_range: true,
        }
    }

    /// Takes a value into account.
    pub(in crate::lake) fn add(&mut self, cell: Cell<'_>) {
        let text = match cell {
            Cell::Null => return,
            Cell::Text(text) if self.is_csv => text,
            Cell::Text(_) => {
                self.kinds[0] = true;
                return self.is_only_text();
            }
            Cell::Json(text) => {
                let is_nested = text.starts_with(['{', '[']);
                self.kinds[if is_nested { 2 } else { 1 }] = true;
                if is_nested {
                    return self.is_only_text();
                }
                text
            }
        };
        self.seen = true;
        self.boolean &= matches!(text, "true" | "false");
        self.add_number(text);
        self.add_moment(text);
    }

    fn is_only_text(&mut self) {
        self.seen = true;
        (self.boolean, self.integer, self.decimal, self.date, self.timestamp) = (false, false, false, false, false);
    }

    fn add_number(&mut self, text: &str) {
        if !self.decimal {
            return;
        }
        let number = Decimal::parse(text).ok().filter(|_| !self.is_csv || is_printed_number(text));
        let Some(number) = number else {
            (self.integer, self.decimal) = (false, false);
            return;
        };
        self.integer &= number.to_i128(0).is_some_and(|value| i64::try_from(value).is_ok());
        let (whole, fraction) = number.digits();
        self.whole_digits = self.whole_digits.max(whole);
        self.fraction_digits = self.fraction_digits.max(fraction);
        self.decimal = self.whole_digits + self.fraction_digits <= 38;
        self.integer &= self.decimal;
    }

    fn add_moment(&mut self, text: &str) {
        if !self.timestamp && !self.date {
            return;
        }
        let moment = Some(text).filter(|text| !text.starts_with(['+', '-']) && !text.contains('t')).and_then(parse_moment);
        let Some(moment) = moment else {
            (self.date, self.timestamp) = (false, false);
            return;
        };
        self.date &= !moment.has_time;
        self.utc &= moment.offset_minutes == Some(0);
        self.local &= moment.offset_minutes.is_none();
        self.timestamp &= self.utc || self.local;
        self.nanoseconds |= !moment.nanosecond.is_multiple_of(1000);
        self.in_nanosecond_range &= (-9_223_372_036..9_223_372_036).contains(&moment.seconds);
    }

    /// The narrowest type that holds all values; `None` where JSON mixes kinds, which are not told apart in a text column.
    pub(in crate::lake) fn data_type(&self) -> Option<DataType> {
        if self.kinds.iter().filter(|kind| **kind).count() > 1 {
            return None;
        }
        let zone = self.utc.then(|| "UTC".into());
        Some(match self {
            Guess { seen: false, .. } => DataType::Utf8,
            Guess { boolean: true, .. } => DataType::Boolean,
            Guess { integer: true, .. } => DataType::Int64,
            Guess { decimal: true, .. } => {
                DataType::Decimal128((self.whole_digits + self.fraction_digits) as u8, self.fraction_digits as i8)
            }
            Guess { date: true, .. } => DataType::Date32,
            Guess { timestamp: true, nanoseconds: false, .. } => DataType::Timestamp(TimeUnit::Microsecond, zone),
            Guess { timestamp: true, in_nanosecond_range: true, .. } => DataType::Timestamp(TimeUnit::Nanosecond, zone),
            _ => DataType::Utf8,
        })
    }
}

/// `-12.50`, but not `+1`, `007`, `.5`, `5.`, `1e5` or `-0`: what is an identifier or a measurement in another notation stays text.
fn is_printed_number(text: &str) -> bool {
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or((text.trim_start_matches('-'), "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0')) && text != "-0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(values: &[&str]) -> String {
        let mut guess = Guess::new(true);
        values.iter().for_each(|value| guess.add(Cell::Text(value)));
        guess.data_type().unwrap().to_string()
    }

    #[test]
    fn csv_values_get_the_narrowest_type_that_holds_them_all() {
        for (values, data_type) in [
            (&["1", "-20", "0"][..], "Int64"),
            (&["9223372036854775808"], "Decimal128(19, 0)"),
            (&["1", "2.50", "-100"], "Decimal128(4, 1)"),
            (&["0.001"], "Decimal128(4, 3)"),
            (&["1", "01"], "Utf8"),
            (&["1e5"], "Utf8"),
            (&["1", "x"], "Utf8"),
            (&[&"9".repeat(39)], "Utf8"),
            (&["true", "false"], "Boolean"),
            (&["true", "1"], "Utf8"),
            (&["2024-02-29"], "Date32"),
            (&["2024-02-30"], "Utf8"),
            (&["2024-02-29", "2024-02-29 10:00:00.5"], "Timestamp(µs)"),
            (&["2024-02-29T10:00:00.123456789Z"], "Timestamp(ns, \"UTC\")"),
            (&["1500-01-01T10:00:00.123456789"], "Utf8"),
            (&["2024-02-29T10:00:00Z", "2024-02-29T10:00:00"], "Utf8"),
            (&["2024-02-29T10:00:00+02:00"], "Utf8"),
            (&[""], "Utf8"),
            (&[], "Utf8"),
        ] {
            assert_eq!(csv(values), data_type, "{values:?}");
        }
    }

    #[test]
    fn json_says_what_is_a_string() {
        let of = |cells: &[Cell<'_>]| {
            let mut guess = Guess::new(false);
            cells.iter().for_each(|cell| guess.add(*cell));
            guess.data_type().map(|t| t.to_string())
        };
        assert_eq!(of(&[Cell::Text("1"), Cell::Null]).as_deref(), Some("Utf8"));
        assert_eq!(of(&[Cell::Json("1"), Cell::Json("1e2")]).as_deref(), Some("Int64"));
        assert_eq!(of(&[Cell::Json("[1]"), Cell::Json("{}")]).as_deref(), Some("Utf8"));
        assert_eq!(of(&[Cell::Json("true")]).as_deref(), Some("Boolean"));
        assert_eq!(of(&[Cell::Json("1"), Cell::Text("1")]), None);
        assert_eq!(of(&[Cell::Json("1"), Cell::Json("[1]")]), None);
    }
}
