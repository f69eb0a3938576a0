//! Cutting a table into even ranges of a key for several readers (`--split-by`).
//!
//! As with ROWIDs the cuts are only guesses: the first range has no begin, the last no end, each begins where the one before ends, and NULLs are a range of their own. So
//! every row is in exactly one, whatever the key's values are.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use super::slices::{CutBy, SLICES_PER_READER, Slices};
use crate::error::Result;
use crate::oci::Session;
use crate::oracle_type::{ColumnDesc, OracleType};
use crate::sql;

/// The first day of the calendar that Oracle and Arrow share; days before it are not cut.
const GREGORIAN: NaiveDate = NaiveDate::from_ymd_opt(1582, 10, 15).expect("a day");
const CLOCK: &str = "%Y-%m-%d %H:%M:%S";

/// What a key is cut as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number { is_integer: bool },
    Time { function: &'static str, with_zone: bool },
}

fn kind(oracle_type: &OracleType) -> Option<Kind> {
    let time = |function, with_zone| Some(Kind::Time { function, with_zone });
    match oracle_type {
        OracleType::Number { scale, .. } => Some(Kind::Number { is_integer: scale.is_some_and(|scale| scale <= 0) }),
        OracleType::Float { .. } | OracleType::BinaryFloat | OracleType::BinaryDouble => Some(Kind::Number { is_integer: false }),
        OracleType::Date => time("TO_DATE", false),
        OracleType::Timestamp { .. } => time("TO_TIMESTAMP", false),
        OracleType::TimestampTz { .. } | OracleType::TimestampLtz { .. } => time("TO_TIMESTAMP_TZ", true),
        _ => None,
    }
}

/// Whether a table can be cut by this column.
pub(super) fn is_key(column: &ColumnDesc) -> bool {
    kind(&column.oracle_type).is_some()
}

impl Slices {
    /// Ranges of `column` in `rows` (`FROM …`), for so many readers.
    ///
    /// # Errors
    /// [`crate::Error::Database`].
    pub(super) fn of_key(session: &Session, column: &ColumnDesc, rows: &str, readers: u32) -> Result<Self> {
        let name = sql::identifier(&column.name)?;
        let finite = match column.oracle_type {
            // NaN is the greatest of all; it and the infinities are beyond every cut.
            OracleType::BinaryFloat | OracleType::BinaryDouble => format!("CASE WHEN {name} < 1e125 AND {name} > -1e125 THEN {name} END"),
            _ => name.clone(),
        };
        let mut ends = Vec::new();
        session.query_text(&format!("SELECT MIN({finite}), MAX({finite}) {rows}"), &mut |row| {
            ends = row.to_vec();
            Ok(())
        })?;
        let (Some(kind), [Some(lowest), Some(highest)]) = (kind(&column.oracle_type), &ends[..]) else {
            return Ok(Self::whole(format!("no row has a {name}")));
        };
        let cuts = match kind {
            Kind::Number { is_integer } => number_cuts(lowest, highest, readers as usize * SLICES_PER_READER, is_integer),
            Kind::Time { function, with_zone } => time_cuts(lowest, highest, readers as usize * SLICES_PER_READER, function, with_zone),
        };
        if cuts.is_empty() {
            return Ok(Self::whole(format!("the values of {name} from {lowest} to {highest} are not to be cut")));
        }
        let mut conditions = vec![Some(format!("{name} < {}", cuts[0]))];
        conditions.extend(cuts.windows(2).map(|pair| Some(format!("{name} >= {} AND {name} < {}", pair[0], pair[1]))));
        conditions.extend(cuts.last().map(|last| Some(format!("{name} >= {last}"))));
        // Also of a column that says NOT NULL: a constraint that is not validated, or a view, may give one all the same.
        conditions.push(Some(format!("{name} IS NULL")));
        Ok(Slices { by: CutBy::Key, conditions, order_by: name, why_whole: None })
    }
}

/// Cuts in ascending order, as literals; the same literal ends one range and begins the next, so that it need not be exact.
fn number_cuts(lowest: &str, highest: &str, slices: usize, is_integer: bool) -> Vec<String> {
    let (Ok(lowest), Ok(highest)) = (lowest.parse::<f64>(), highest.parse::<f64>()) else { return Vec::new() };
    let step = (highest / slices as f64) - (lowest / slices as f64);
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    let at = |slice: usize| {
        let cut = lowest + step * slice as f64;
        if is_integer { cut.ceil() } else { cut }
    };
    let mut cuts: Vec<f64> = (1..slices).map(at).filter(|cut| *cut > lowest && *cut <= highest).collect();
    cuts.dedup();
    cuts.into_iter().map(number_literal).collect()
}

fn number_literal(cut: f64) -> String {
    match cut.abs() {
        0.0 => "0".to_owned(),
        1e-6..1e15 => format!("{cut}"),
        _ => format!("{cut:e}"),
    }
}

fn time_cuts(lowest: &str, highest: &str, slices: usize, function: &str, with_zone: bool) -> Vec<String> {
    let (Some(lowest), Some(highest)) = (seconds(lowest), seconds(highest)) else { return Vec::new() };
    let span = highest - lowest;
    let first = GREGORIAN.and_hms_opt(0, 0, 0).map_or(i64::MIN, |first| first.and_utc().timestamp());
    let mut cuts: Vec<i64> = (1..slices as i64).map(|slice| lowest + span * slice / slices as i64).collect();
    cuts.dedup();
    cuts.retain(|cut| *cut > lowest && *cut > first);
    let literal = |cut: i64| {
        let clock = DateTime::from_timestamp(cut, 0)?.format(CLOCK).to_string();
        Some(match with_zone {
            true => format!("{function}('{clock} +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')"),
            false => format!("{function}('{clock}', 'YYYY-MM-DD HH24:MI:SS')"),
        })
    };
    cuts.into_iter().filter_map(literal).collect()
}

/// `2024-02-29 23:59:58.5 +05:30` as seconds since 1970 in UTC; without a zone as if it were there.
fn seconds(text: &str) -> Option<i64> {
    let clock = NaiveDateTime::parse_from_str(text.get(..19)?, CLOCK).ok()?;
    let offset = match text.rsplit_once(' ') {
        Some((_, zone)) if zone.starts_with(['+', '-']) => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            TimeDelta::minutes(if zone.starts_with('-') { -minutes } else { minutes })
        }
        _ => TimeDelta::zero(),
    };
    Some(clock.checked_sub_signed(offset)?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_evenly_and_integers_between_integers() {
        assert_eq!(number_cuts("0", "100", 4, true), ["25", "50", "75"]);
        assert_eq!(number_cuts("-1", "2", 8, true), ["0", "1", "2"]);
        assert_eq!(number_cuts("0", "1", 4, false), ["0.25", "0.5", "0.75"]);
        assert_eq!(number_cuts("0", "4e125", 4, false)[..2], ["1e125", "2e125"]);
        for (lowest, highest) in [("5", "5"), ("Infinity", "Infinity"), ("1", "NaN"), ("-inf", "inf")] {
            assert!(number_cuts(lowest, highest, 8, false).is_empty(), "{lowest} {highest}");
        }
        // Doubles end before NUMBER does; the cuts still ascend.
        let cuts = number_cuts("99999999999999999999999999999999999990", "99999999999999999999999999999999999999", 8, true);
        assert!(cuts.is_empty(), "{cuts:?}");
    }

    #[test]
    fn times_are_cut_at_seconds_of_the_calendar_that_all_share() {
        let cuts = time_cuts("2024-01-01 00:00:00", "2024-01-01 00:00:04.5", 4, "TO_DATE", false);
        assert_eq!(cuts.len(), 3);
        assert_eq!(cuts[1], "TO_DATE('2024-01-01 00:00:02', 'YYYY-MM-DD HH24:MI:SS')");
        let zoned = time_cuts("2024-01-01 00:00:00.000 +02:00", "2024-01-01 00:00:00.000 -02:00", 2, "TO_TIMESTAMP_TZ", true);
        assert_eq!(zoned, ["TO_TIMESTAMP_TZ('2024-01-01 00:00:00 +00:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')"]);
        assert!(time_cuts("-0044-03-15 00:00:00", "2024-01-01 00:00:00", 4, "TO_DATE", false).is_empty());
        let ancient = time_cuts("1000-01-01 00:00:00", "2000-01-01 00:00:00", 4, "TO_DATE", false);
        assert_eq!(ancient.len(), 1, "{ancient:?}");
        assert!(time_cuts("2024-01-01 00:00:00", "2024-01-01 00:00:00.9", 4, "TO_DATE", false).is_empty());
    }
}
