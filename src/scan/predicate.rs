//! Conditions on columns, with literals of Arrow types.

use arrow::array::{Array, ArrayRef, BooleanArray, Float16Array, Float32Array, Float64Array, RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::cmp;
use arrow::compute::{and_kleene, cast, is_null, not, or_kleene, starts_with};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use half::f16;
use std::sync::Arc;

/// How a column compares with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl Comparison {
    /// As SQL spells it.
    pub const fn sql(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::NotEq => "<>",
            Comparison::Lt => "<",
            Comparison::LtEq => "<=",
            Comparison::Gt => ">",
            Comparison::GtEq => ">=",
        }
    }

    /// What is true where this is false, and unknown where this is unknown.
    pub const fn negated(self) -> Comparison {
        match self {
            Comparison::Eq => Comparison::NotEq,
            Comparison::NotEq => Comparison::Eq,
            Comparison::Lt => Comparison::GtEq,
            Comparison::LtEq => Comparison::Gt,
            Comparison::Gt => Comparison::LtEq,
            Comparison::GtEq => Comparison::Lt,
        }
    }
}

/// A condition on the columns of a scan, as the scan reads them: text is its bytes in UTF-8, an empty CLOB is an empty text and not NULL, CHAR has its
/// blanks unless the scan trims them. A literal has the Arrow type of its column (of its values, for a dictionary). Comparisons with NULL are unknown, as in
/// SQL; a row is wanted where the condition is true. NaN equals itself and is greater than all else, and 0.0 equals -0.0, as in Oracle.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// A column compared with a literal.
    Compare {
        /// The column.
        column: String,
        /// How.
        comparison: Comparison,
        /// An array of one value.
        literal: ArrayRef,
    },
    /// A column equals one of these values.
    In {
        /// The column.
        column: String,
        /// The values.
        literals: ArrayRef,
    },
    /// A column from one literal to another, both of them included.
    Between {
        /// The column.
        column: String,
        /// An array of one value.
        low: ArrayRef,
        /// An array of one value.
        high: ArrayRef,
    },
    /// A column is NULL.
    IsNull(String),
    /// A text begins with these characters (LIKE 'prefix%').
    StartsWith {
        /// The column.
        column: String,
        /// The characters themselves; `%` is a percent sign.
        prefix: String,
    },
    /// All of them.
    And(Vec<Predicate>),
    /// Any of them.
    Or(Vec<Predicate>),
    /// Not.
    Not(Box<Predicate>),
}

impl Predicate {
    /// `column comparison literal`; `literal` is an array of one value.
    pub fn compare(column: impl Into<String>, comparison: Comparison, literal: impl Array + 'static) -> Predicate {
        Predicate::Compare { column: column.into(), comparison, literal: canonical(&(Arc::new(literal) as ArrayRef)) }
    }

    /// Adds the names of the columns that are looked at.
    pub fn columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        let mut add = |name: &'a String| {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        };
        match self {
            Predicate::Compare { column, .. } | Predicate::In { column, .. } | Predicate::Between { column, .. } => add(column),
            Predicate::IsNull(column) | Predicate::StartsWith { column, .. } => add(column),
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|part| part.columns(names)),
            Predicate::Not(part) => part.columns(names),
        }
    }

    /// The same without `Not` around anything but leaves, and without `Between`: for three-valued logic they are the same.
    pub(super) fn normal(&self, is_negated: bool) -> Predicate {
        let each = |parts: &[Predicate]| parts.iter().map(|part| part.normal(is_negated)).collect();
        match (self, is_negated) {
            (Predicate::Not(part), _) => part.normal(!is_negated),
            (Predicate::And(parts), false) | (Predicate::Or(parts), true) => Predicate::And(each(parts)),
            (Predicate::Or(parts), false) | (Predicate::And(parts), true) => Predicate::Or(each(parts)),
            (Predicate::Compare { column, comparison, literal }, _) => {
                let comparison = if is_negated { comparison.negated() } else { *comparison };
                Predicate::Compare { column: column.clone(), comparison, literal: canonical(literal) }
            }
            (Predicate::Between { column, low, high }, _) => {
                let bound =
                    |comparison, literal: &ArrayRef| Predicate::Compare { column: column.clone(), comparison, literal: literal.clone() };
                let both = Predicate::And(vec![bound(Comparison::GtEq, low), bound(Comparison::LtEq, high)]);
                both.normal(is_negated)
            }
            (leaf, false) => leaf.clone(),
            (leaf, true) => Predicate::Not(Box::new(leaf.clone())),
        }
    }

    /// For each row of a batch whether the condition is true, false or (NULL) unknown.
    ///
    /// # Errors
    /// A column that is not there, a literal of another type.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let of = |name: &String| {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| ArrowError::SchemaError(format!("the batch has no column {name}")))
        };
        match self {
            Predicate::Compare { column, comparison, literal } => compare(of(column)?, *comparison, literal),
            Predicate::In { column, literals } => {
                let column = of(column)?;
                let mut found = BooleanArray::from(vec![false; batch.num_rows()]);
                for index in 0..literals.len() {
                    found = or_kleene(&found, &compare(column, Comparison::Eq, &literals.slice(index, 1))?)?;
                }
                Ok(found)
            }
            Predicate::Between { .. } => self.normal(false).evaluate(batch),
            Predicate::IsNull(column) => is_null(of(column)?),
            Predicate::StartsWith { column, prefix } => {
                let texts = cast(of(column)?, &DataType::Utf8)?;
                starts_with(&texts, &StringArray::new_scalar(prefix))
            }
            Predicate::And(parts) => fold(batch, parts, true, and_kleene),
            Predicate::Or(parts) => fold(batch, parts, false, or_kleene),
            Predicate::Not(part) => not(&part.evaluate(batch)?),
        }
    }
}

fn fold(
    batch: &RecordBatch,
    parts: &[Predicate],
    start: bool,
    join: fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>,
) -> Result<BooleanArray, ArrowError> {
    let start = BooleanArray::from(vec![start; batch.num_rows()]);
    parts.iter().try_fold(start, |joined, part| join(&joined, &part.evaluate(batch)?))
}

fn compare(column: &ArrayRef, comparison: Comparison, literal: &ArrayRef) -> Result<BooleanArray, ArrowError> {
    let column = canonical(&match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values)?,
        _ => column.clone(),
    });
    if literal.len() != 1 || literal.data_type() != column.data_type() {
        let message = format!("a literal of {} {} for a column of {}", literal.len(), literal.data_type(), column.data_type());
        return Err(ArrowError::InvalidArgumentError(message));
    }
    let literal = Scalar::new(canonical(literal));
    match comparison {
        Comparison::Eq => cmp::eq(&column, &literal),
        Comparison::NotEq => cmp::neq(&column, &literal),
        Comparison::Lt => cmp::lt(&column, &literal),
        Comparison::LtEq => cmp::lt_eq(&column, &literal),
        Comparison::Gt => cmp::gt(&column, &literal),
        Comparison::GtEq => cmp::gt_eq(&column, &literal),
    }
}

/// Floats with one zero and one NaN: Arrow compares their bits.
fn canonical(array: &ArrayRef) -> ArrayRef {
    let any = array.as_any();
    if let Some(floats) = any.downcast_ref::<Float64Array>() {
        let one = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 };
        return Arc::new(floats.unary::<_, arrow::datatypes::Float64Type>(one));
    }
    if let Some(floats) = any.downcast_ref::<Float32Array>() {
        let one = |v: f32| if v.is_nan() { f32::NAN } else { v + 0.0 };
        return Arc::new(floats.unary::<_, arrow::datatypes::Float32Type>(one));
    }
    if let Some(floats) = any.downcast_ref::<Float16Array>() {
        let one = |v: f16| if v.is_nan() { f16::NAN } else { f16::from_f32(v.to_f32() + 0.0) };
        return Arc::new(floats.unary::<_, arrow::datatypes::Float16Type>(one));
    }
    array.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int32Array;

    fn truth(predicate: &Predicate, values: Float64Array) -> Vec<Option<bool>> {
        let batch = RecordBatch::try_from_iter([("x", Arc::new(values) as ArrayRef)]).unwrap();
        predicate.evaluate(&batch).unwrap().iter().collect()
    }

    #[test]
    fn floats_compare_as_in_oracle() {
        let values = || Float64Array::from(vec![Some(-0.0), Some(1.0), Some(-f64::NAN), None]);
        let of = |comparison, literal: f64| truth(&Predicate::compare("x", comparison, Float64Array::from(vec![literal])), values());
        assert_eq!(of(Comparison::Eq, 0.0), [Some(true), Some(false), Some(false), None]);
        assert_eq!(of(Comparison::GtEq, f64::INFINITY), [Some(false), Some(false), Some(true), None]);
        assert_eq!(of(Comparison::Eq, f64::NAN), [Some(false), Some(false), Some(true), None]);
    }

    #[test]
    fn the_normal_form_is_true_where_the_condition_is() {
        let x = |comparison, literal: f64| Predicate::compare("x", comparison, Float64Array::from(vec![literal]));
        let literals: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
        let parts = vec![
            Predicate::Not(Box::new(Predicate::Or(vec![x(Comparison::Lt, 2.0), Predicate::IsNull("x".into())]))),
            Predicate::Not(Box::new(Predicate::In { column: "x".into(), literals: literals.slice(0, 1) })),
            Predicate::Not(Box::new(Predicate::In { column: "x".into(), literals })),
            Predicate::Not(Box::new(Predicate::Between {
                column: "x".into(),
                low: Arc::new(Float64Array::from(vec![1.0])),
                high: Arc::new(Float64Array::from(vec![2.0])),
            })),
        ];
        let values = || Float64Array::from(vec![Some(0.5), Some(1.0), Some(2.0), Some(f64::NAN), None]);
        for predicate in parts.iter().chain([&Predicate::Or(parts.clone()), &Predicate::Not(Box::new(Predicate::And(parts.clone())))]) {
            assert_eq!(truth(predicate, values()), truth(&predicate.normal(false), values()), "{predicate:?}");
        }
        let batch = RecordBatch::try_from_iter([("x", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
        assert!(parts[1].evaluate(&batch).unwrap_err().to_string().contains("a literal of 1 Float64 for a column of Int32"));
    }
}
