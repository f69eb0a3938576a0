//! Whether every value of one Oracle type is a value of another, unchanged.

use crate::error::PlanProblem;
use crate::oracle_type::{ColumnDesc, OracleType as O};
use crate::type_map::{LossyKind, LossySet};

/// Why a column's values would be changed by the target's type. What is too long or too large for it the database refuses by itself.
pub(super) fn fits(source: &ColumnDesc, target: &O, lossy: LossySet) -> Option<PlanProblem> {
    let problem = |remedy: &str| {
        let reason = format!("{} does not hold every value of {} unchanged", target, source.oracle_type);
        Some(PlanProblem { column: Some(source.name.clone()), reason, remedy: remedy.into() })
    };
    match (&source.oracle_type, target) {
        (from, to) if from == to => None,
        (O::Number { .. } | O::Float { .. }, O::Number { scale: None, precision: None }) => None,
        (O::Number { scale, precision }, O::Number { scale: Some(to), .. }) if scale.is_some_and(|from| from <= *to) => {
            let _ = precision; // Too many digits before the point are ORA-01438.
            None
        }
        (O::Number { .. } | O::Float { .. }, O::Number { .. } | O::Float { .. }) => match lossy.allows(LossyKind::Rounding) {
            true => None,
            false => problem("--lossy rounding, or a wider column"),
        },
        (O::Varchar2(_) | O::Char(_), O::Varchar2(_) | O::Nvarchar2(_) | O::Clob | O::Nclob) => None,
        (O::Nvarchar2(_) | O::Nchar(_), O::Nvarchar2(_) | O::Nclob) => None,
        (O::Char(from), O::Char(to)) | (O::Nchar(from), O::Nchar(to)) if from == to => None,
        (O::Raw { .. }, O::Raw { .. } | O::Blob) | (O::Clob, O::Nclob) => None,
        (O::BinaryFloat, O::BinaryDouble) | (O::Date, O::Timestamp { .. }) => None,
        (O::Timestamp { fractional_digits: from }, O::Timestamp { fractional_digits: to })
        | (O::TimestampTz { fractional_digits: from }, O::TimestampTz { fractional_digits: to })
        | (O::TimestampLtz { fractional_digits: from }, O::TimestampLtz { fractional_digits: to }) => {
            if from <= to || lossy.allows(LossyKind::SubSecond) { None } else { problem("--lossy subsecond, or a finer column") }
        }
        (O::IntervalDaySecond { fractional_digits: from, .. }, O::IntervalDaySecond { fractional_digits: to, .. }) if from <= to => None,
        (O::IntervalYearMonth { .. }, O::IntervalYearMonth { .. }) => None,
        _ => problem("convert it with --query, or change the column"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle_type::TextSize;

    #[test]
    fn only_what_keeps_every_value_is_allowed() {
        let number = |precision, scale| O::Number { precision, scale };
        let cases = [
            (number(None, None), number(None, None), true),
            (number(Some(10), Some(2)), number(Some(12), Some(2)), true),
            (number(Some(10), Some(2)), number(Some(12), Some(1)), false),
            (number(None, None), number(Some(38), Some(10)), false),
            (O::Float { binary_precision: 126 }, number(None, None), true),
            (O::Varchar2(TextSize::bytes(10)), O::Varchar2(TextSize::bytes(4)), true),
            (O::Varchar2(TextSize::bytes(10)), O::Char(TextSize::bytes(10)), false),
            (O::Date, O::Timestamp { fractional_digits: 0 }, true),
            (O::Timestamp { fractional_digits: 0 }, O::Date, false),
            (O::Timestamp { fractional_digits: 9 }, O::Timestamp { fractional_digits: 6 }, false),
            (O::BinaryDouble, O::BinaryFloat, false),
            (O::BinaryDouble, number(None, None), false),
            (O::Raw { max_bytes: 4 }, O::Varchar2(TextSize::bytes(8)), false),
        ];
        for (from, to, expected) in cases {
            let source = ColumnDesc { name: "C".into(), oracle_type: from.clone(), nullable: true };
            assert_eq!(fits(&source, &to, LossySet::NONE).is_none(), expected, "{from} into {to}");
        }
    }
}
