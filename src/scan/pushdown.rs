//! Which part of a condition the database carries out, exactly as [`Predicate::evaluate`] would.
//!
//! | column, read as | pushed |
//! |---|---|
//! | NUMBER, FLOAT as integer, decimal, float, Boolean | all comparisons (floats by their shortest digits, as they are written; NaN and infinity stay) |
//! | BINARY_FLOAT, BINARY_DOUBLE as floats | all comparisons |
//! | VARCHAR2, CHAR as text | equality, prefixes; ranges where the database's order is that of UTF-8 (AL32UTF8) |
//! | NVARCHAR2, NCHAR as text | equality, prefixes: UTF-16 has another order |
//! | CHAR, NCHAR without their blanks | equality with, and prefixes of, texts that do not end in a blank |
//! | RAW as binary | all comparisons |
//! | DATE, TIMESTAMP as dates and timestamps | all comparisons with literals that the column's type can have |
//! | TIMESTAMP WITH (LOCAL) TIME ZONE as instants | all comparisons |
//! | everything | IS NULL |
//!
//! Text is compared by the database only where the session (NLS_COMP) and the column (COLLATION) compare its bytes. `''` is NULL to Oracle but a text to Arrow:
//! conditions with it are rewritten, not bound. Columns that are read with a loss are not compared in the database, which has the whole value.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

use super::predicate::{Comparison, Predicate};
use crate::bind::plan_bind;
use crate::error::Result;
use crate::fetch::FetchColumn;
use crate::layout::{BindCell, Layout, Slots};
use crate::oracle_type::{ColumnDesc, OracleType, TextSize};
use crate::sql;
use crate::type_map::{ArrowFamily, LossyKind, LossySet};

/// Most items of an IN list (ORA-01795).
const MAX_IN_ITEMS: usize = 1_000;
/// What no row meets.
const NOWHERE: &str = "1 = 0";
const EVERYWHERE: &str = "1 = 1";

/// How the database compares text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextRules {
    /// Byte by byte, rather than by a language.
    pub(super) is_binary: bool,
    /// Every character can be a literal.
    pub(super) is_unicode: bool,
    /// The order of the bytes is that of UTF-8.
    pub(super) is_utf8_order: bool,
}

/// What is known of the columns of a scan.
pub(super) struct Pushdown<'a> {
    pub(super) columns: &'a [FetchColumn],
    pub(super) text: TextRules,
    /// Columns with a collation of their own.
    pub(super) collated: Vec<String>,
    pub(super) trim_char: bool,
    pub(super) lossy: LossySet,
}

/// A condition in two parts, both of which a wanted row meets.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// In SQL, for the values of `binds`.
    pub(super) condition: Option<String>,
    pub(super) binds: Vec<BindCell>,
    /// For the caller.
    pub(super) residual: Option<Predicate>,
}

/// How a column is compared in the database.
struct Comparable {
    /// The column that literals are bound like.
    bind: OracleType,
    /// `<` and the like, too.
    has_order: bool,
    /// Text or bytes, of which `''` is none to Oracle.
    is_text: bool,
    /// Literals must not end in a blank.
    is_padded: bool,
}

impl Pushdown<'_> {
    /// Splits a condition.
    ///
    /// # Errors
    /// Names that Oracle cannot have.
    pub(super) fn split(&self, predicate: &Predicate) -> Result<Split> {
        let conjuncts = match predicate.normal(false) {
            Predicate::And(parts) => flattened(parts),
            other => vec![other],
        };
        let (mut conditions, mut binds, mut residual) = (Vec::new(), Vec::new(), Vec::new());
        for conjunct in conjuncts {
            let bound = binds.len();
            match self.render(&conjunct, &mut binds)? {
                Some(condition) => conditions.push(condition),
                None => {
                    binds.truncate(bound);
                    residual.push(conjunct);
                }
            }
        }
        let residual = match residual.len() {
            0 => None,
            1 => residual.pop(),
            _ => Some(Predicate::And(residual)),
        };
        Ok(Split { condition: (!conditions.is_empty()).then(|| conditions.join(" AND ")), binds, residual })
    }

    /// `None` for what the database would answer otherwise. What was bound until then stays.
    fn render(&self, predicate: &Predicate, binds: &mut Vec<BindCell>) -> Result<Option<String>> {
        Ok(match predicate {
            Predicate::And(parts) => self.all(parts, " AND ", EVERYWHERE, binds)?,
            Predicate::Or(parts) => self.all(parts, " OR ", NOWHERE, binds)?,
            Predicate::IsNull(column) => self.null_test(column, "IS NULL")?,
            Predicate::Compare { column, comparison, literal } => self.compare(column, *comparison, literal, binds)?,
            Predicate::In { column, literals } => self.in_list(column, literals, false, binds)?,
            Predicate::StartsWith { column, prefix } => self.starts_with(column, prefix, false, binds)?,
            Predicate::Not(inner) => match inner.as_ref() {
                Predicate::IsNull(column) => self.null_test(column, "IS NOT NULL")?,
                Predicate::In { column, literals } => self.in_list(column, literals, true, binds)?,
                Predicate::StartsWith { column, prefix } => self.starts_with(column, prefix, true, binds)?,
                _ => None,
            },
            Predicate::Between { .. } => None,
        })
    }

    fn all(&self, parts: &[Predicate], word: &str, of_none: &str, binds: &mut Vec<BindCell>) -> Result<Option<String>> {
        let mut rendered = Vec::with_capacity(parts.len());
        for part in parts {
            match self.render(part, binds)? {
                Some(condition) => rendered.push(condition),
                None => return Ok(None),
            }
        }
        Ok(Some(if rendered.is_empty() { of_none.to_owned() } else { format!("({})", rendered.join(word)) }))
    }

    fn column(&self, name: &str) -> Option<&FetchColumn> {
        self.columns.iter().find(|column| column.field.name() == name)
    }

    fn null_test(&self, column: &str, test: &str) -> Result<Option<String>> {
        let Some(FetchColumn { column, .. }) = self.column(column) else { return Ok(None) };
        Ok(Some(format!("{} {test}", sql::identifier(&column.name)?)))
    }

    fn compare(&self, column: &str, comparison: Comparison, literal: &ArrayRef, binds: &mut Vec<BindCell>) -> Result<Option<String>> {
        let Some((planned, comparable)) = self.comparable(column, literal) else { return Ok(None) };
        let is_equality = matches!(comparison, Comparison::Eq | Comparison::NotEq);
        if literal.len() != 1 || !(is_equality || comparable.has_order) {
            return Ok(None);
        }
        if literal.is_null(0) {
            return Ok(Some(NOWHERE.to_owned()));
        }
        if comparable.is_text && is_empty(literal) {
            return match comparison {
                // Blanks alone are an empty text where they are trimmed.
                _ if comparable.is_padded => Ok(None),
                Comparison::Eq | Comparison::Lt | Comparison::LtEq => Ok(Some(NOWHERE.to_owned())),
                _ => self.null_test(column, "IS NOT NULL"),
            };
        }
        let Some(cell) = self.cell(&comparable, literal) else { return Ok(None) };
        binds.push(cell);
        Ok(Some(format!("{} {} :{}", sql::identifier(&planned.column.name)?, comparison.sql(), binds.len())))
    }

    fn in_list(&self, column: &str, literals: &ArrayRef, is_negated: bool, binds: &mut Vec<BindCell>) -> Result<Option<String>> {
        let Some((planned, comparable)) = self.comparable(column, literals) else { return Ok(None) };
        let of_items = |is_true: bool| Ok(Some((if is_true { EVERYWHERE } else { NOWHERE }).to_owned()));
        if literals.is_empty() {
            return of_items(is_negated);
        }
        if is_negated && literals.null_count() > 0 {
            return of_items(false);
        }
        let mut places = Vec::new();
        for literal in (0..literals.len()).filter(|&index| !literals.is_null(index)).map(|index| literals.slice(index, 1)) {
            if comparable.is_text && is_empty(&literal) {
                if comparable.is_padded {
                    return Ok(None);
                }
                continue;
            }
            let Some(cell) = self.cell(&comparable, &literal) else { return Ok(None) };
            binds.push(cell);
            places.push(format!(":{}", binds.len()));
        }
        match places.len() {
            0 if is_negated => self.null_test(column, "IS NOT NULL"),
            0 => of_items(false),
            1..=MAX_IN_ITEMS => {
                let (name, not) = (sql::identifier(&planned.column.name)?, if is_negated { "NOT " } else { "" });
                Ok(Some(format!("{name} {not}IN ({})", places.join(", "))))
            }
            _ => Ok(None),
        }
    }

    fn starts_with(&self, column: &str, prefix: &str, is_negated: bool, binds: &mut Vec<BindCell>) -> Result<Option<String>> {
        let literal: ArrayRef = Arc::new(StringArray::from(vec![prefix]));
        let Some((planned, comparable)) = self.comparable_text(column, prefix) else { return Ok(None) };
        if prefix.is_empty() {
            return if is_negated { Ok(Some(NOWHERE.to_owned())) } else { self.null_test(column, "IS NOT NULL") };
        }
        if comparable.is_padded && prefix.ends_with(' ') {
            return Ok(None);
        }
        let mut pattern: String = literal.as_string::<i32>().value(0).chars().flat_map(escaped).collect();
        pattern.push('%');
        // A pattern of CHAR would be padded itself.
        let bind = if is_national(&comparable.bind) { national_text() } else { text() };
        let Some(cell) = cell(&bind, &(Arc::new(StringArray::from(vec![pattern])) as ArrayRef)) else { return Ok(None) };
        binds.push(cell);
        let (name, not) = (sql::identifier(&planned.column.name)?, if is_negated { "NOT " } else { "" });
        Ok(Some(format!("{name} {not}LIKE :{} ESCAPE '\\'", binds.len())))
    }

    /// How a column is compared with these literals; `None` where the database would answer otherwise.
    fn comparable(&self, column: &str, literals: &ArrayRef) -> Option<(&FetchColumn, Comparable)> {
        let planned = self.column(column)?;
        let read_as = match planned.field.data_type() {
            DataType::Dictionary(_, values) => values,
            other => other,
        };
        if literals.data_type() != read_as {
            return None;
        }
        if ArrowFamily::of(read_as) == ArrowFamily::Text {
            let texts = arrow::compute::cast(literals, &DataType::Utf8).ok()?;
            let longest = texts.as_string::<i32>().iter().flatten().find(|text| !text.is_ascii()).unwrap_or_default().to_owned();
            return self.comparable_text(column, &longest);
        }
        let bind = bind_type(&planned.column.oracle_type, read_as, self.lossy)?;
        let is_text = matches!(bind, OracleType::Raw { .. });
        Some((planned, Comparable { bind, has_order: true, is_text, is_padded: false }))
    }

    /// The same for text; `example` is a literal, one beyond ASCII if there is such.
    fn comparable_text(&self, column: &str, example: &str) -> Option<(&FetchColumn, Comparable)> {
        let planned = self.column(column)?;
        let name = &planned.column.name;
        if ArrowFamily::of(planned.field.data_type()) != ArrowFamily::Text || !self.text.is_binary || self.collated.contains(name) {
            return None;
        }
        let (is_char, is_national) = match planned.column.oracle_type {
            OracleType::Varchar2(_) => (false, false),
            OracleType::Nvarchar2(_) => (false, true),
            OracleType::Char(_) => (true, false),
            OracleType::Nchar(_) => (true, true),
            _ => return None,
        };
        if !is_national && !self.text.is_unicode && !example.is_ascii() {
            return None;
        }
        let is_padded = is_char && self.trim_char;
        let bind = match (is_padded, is_national) {
            (false, false) => text(),
            (false, true) => national_text(),
            (true, false) => OracleType::Char(TextSize::bytes(2_000)),
            (true, true) => OracleType::Nchar(TextSize { max_bytes: 2_000, max_chars: Some(1_000) }),
        };
        let has_order = self.text.is_utf8_order && !is_national && !is_padded;
        Some((planned, Comparable { bind, has_order, is_text: true, is_padded }))
    }

    fn cell(&self, comparable: &Comparable, literal: &ArrayRef) -> Option<BindCell> {
        let ends_in_blank =
            |text: &ArrayRef| arrow::compute::cast(text, &DataType::Utf8).is_ok_and(|text| text.as_string::<i32>().value(0).ends_with(' '));
        if comparable.is_padded && ends_in_blank(literal) {
            return None;
        }
        cell(&comparable.bind, literal)
    }
}

fn flattened(parts: Vec<Predicate>) -> Vec<Predicate> {
    let each = parts.into_iter().map(|part| match part {
        Predicate::And(inner) => flattened(inner),
        other => vec![other],
    });
    each.flatten().collect()
}

fn escaped(character: char) -> impl Iterator<Item = char> {
    matches!(character, '%' | '_' | '\\').then_some('\\').into_iter().chain([character])
}

fn text() -> OracleType {
    OracleType::Varchar2(TextSize::bytes(4_000))
}

fn national_text() -> OracleType {
    OracleType::Nvarchar2(TextSize { max_bytes: 4_000, max_chars: Some(2_000) })
}

fn is_national(oracle_type: &OracleType) -> bool {
    matches!(oracle_type, OracleType::Nvarchar2(_) | OracleType::Nchar(_))
}

fn is_empty(literal: &ArrayRef) -> bool {
    let as_text = arrow::compute::cast(literal, &DataType::LargeBinary);
    as_text.is_ok_and(|bytes| bytes.as_binary_opt::<i64>().is_some_and(|bytes| bytes.value(0).is_empty()))
}

/// The column that literals of an Arrow type are bound like, for exact comparisons with a column that is read as that type.
fn bind_type(column: &OracleType, read_as: &DataType, lossy: LossySet) -> Option<OracleType> {
    use ArrowFamily as A;
    use OracleType as O;
    Some(match (column, A::of(read_as)) {
        (O::Number { .. } | O::Float { .. }, A::Integer | A::Decimal | A::Boolean) => O::Number { precision: None, scale: None },
        (O::Number { .. } | O::Float { .. }, A::Float) if !lossy.allows(LossyKind::Rounding) => O::Number { precision: None, scale: None },
        (O::BinaryFloat | O::BinaryDouble, A::Float) if !lossy.allows(LossyKind::Rounding) => match read_as {
            DataType::Float64 => O::BinaryDouble,
            _ => O::BinaryFloat,
        },
        (O::Raw { .. }, A::Binary) => O::Raw { max_bytes: 2_000 },
        (_, A::Date | A::Timestamp | A::ZonedTimestamp) if lossy.allows(LossyKind::SubSecond) || lossy.allows(LossyKind::Calendar) => {
            return None;
        }
        (O::Date, A::Date | A::Timestamp) => O::Date,
        (O::Timestamp { .. }, A::Date | A::Timestamp) => O::Timestamp { fractional_digits: 9 },
        (O::TimestampTz { .. } | O::TimestampLtz { .. }, A::ZonedTimestamp) => O::TimestampTz { fractional_digits: 9 },
        _ => return None,
    })
}

/// One value as a load would bind it to a column of this type; `None` where it would be refused.
fn cell(oracle_type: &OracleType, literal: &ArrayRef) -> Option<BindCell> {
    let column = ColumnDesc { name: "LITERAL".into(), oracle_type: oracle_type.clone(), nullable: true };
    let field = Field::new("literal", literal.data_type().clone(), true);
    let mut converter = plan_bind(&field, &column, LossySet::NONE).ok()?;
    let layout = match converter.layout() {
        Layout::Variable { external_type, national, .. } => {
            // A CHAR is compared padded.
            let is_char = matches!(oracle_type, OracleType::Char(_) | OracleType::Nchar(_));
            let external_type = if is_char { oci_sys::SQLT_AFC } else { external_type };
            let stride_bytes = converter.required_stride_bytes(literal.as_ref()).ok()?;
            Layout::Variable { external_type, stride_bytes, national, long: false }
        }
        fixed => fixed,
    };
    let mut value = vec![0; layout.stride_bytes() as usize];
    let (mut lengths, mut indicators) = (vec![0; usize::from(layout.is_variable())], [0]);
    let stride_bytes = value.len();
    let slots = Slots { values: &mut value, stride_bytes, lengths: &mut lengths, indicators: &mut indicators };
    converter.write(literal.as_ref(), slots).ok()?;
    (indicators == [0]).then(|| BindCell { layout, value, length: lengths.first().copied() })
}
