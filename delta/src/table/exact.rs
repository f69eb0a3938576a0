//! What a SET gives a column becomes the column's type exactly, value by value, or the statement is refused: deltalake and DataFusion would round a
//! decimal of more digits, cut a time, and let an integer that overflows begin again at the other end.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};
use deltalake::datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue};
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};

use super::Table;
use super::convert::{can_narrow, cast_exactly, first_read_as_null};
use super::types::{Losses, delta_type, widens};
use crate::error::{Error, Result, ValueCause};

/// The first value of a statement that did not fit, for the error that it is in the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Misfits(Arc<Mutex<Option<(String, String)>>>);

impl Misfits {
    fn note(&self, column: &str, message: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((column.to_owned(), message));
    }

    /// The error of the value, if there was one. The row is not known: it is one of the table, or of the join.
    pub fn take(&self, table: &Table) -> Option<Error> {
        let (column, message) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Error::Value { location: table.location().to_string(), column, row: 0, message, cause: ValueCause::Loss })
    }
}

impl Table {
    /// `value` in the type of the column that it is for; each value is checked where its type alone does not say that it fits.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a type that does not become the column's without a CAST.
    pub(crate) fn fitted(
        &self,
        action: &'static str,
        (column, to): (&str, &DataType),
        value: Expr,
        names: &DFSchema,
        misfits: &Misfits,
    ) -> Result<Expr> {
        let unknown = |error: DataFusionError| {
            self.invalid(action, &format!("SET {column}: {error}"), "SQL over the columns of the table, names in their own case")
        };
        let value = with_room(value, names).map_err(unknown)?;
        let from = value.get_type(names).map_err(unknown)?;
        // Its values become names of folders, where some texts mean NULL.
        let names_folders = *to == DataType::Utf8 && self.partition_columns()?.iter().any(|name| name == column);
        if from == *to && !names_folders && (is_plain(&value) || !matches!(to, DataType::Decimal128(..))) {
            return Ok(value);
        }
        if from == DataType::Null {
            return Ok(cast(value, to.clone()));
        }
        if let Expr::Literal(scalar, _) = &value {
            return self.fitted_literal(action, (column, names_folders), scalar, to);
        }
        let natural = delta_type(&from, &Losses::new()).unwrap_or_else(|_| from.clone());
        let widens = widens(&natural, to);
        if from != *to && widens && !names_folders && !cuts_digits(&from, to) {
            return Ok(cast(value, to.clone()));
        }
        if from != *to && !widens && !can_narrow(&natural, to) && !cuts_digits(&from, to) {
            return Err(self.invalid(action, &not_the_type(column, &from, to), &cast_remedy(to)));
        }
        let function = Exactly {
            column: column.to_owned(),
            to: to.clone(),
            names_folders,
            signature: Signature::any(1, Volatility::Immutable),
            misfits: misfits.clone(),
        };
        Ok(ScalarUDF::from(function).call(vec![value]))
    }

    /// A literal is judged at once.
    fn fitted_literal(
        &self,
        action: &'static str,
        (column, names_folders): (&str, bool),
        value: &ScalarValue,
        to: &DataType,
    ) -> Result<Expr> {
        let from = value.data_type();
        let natural = delta_type(&from, &Losses::new()).unwrap_or_else(|_| from.clone());
        if !widens(&natural, to) && !can_narrow(&natural, to) && !cuts_digits(&from, to) {
            return Err(self.invalid(action, &not_the_type(column, &from, to), &cast_remedy(to)));
        }
        let unfit = |message: String| Error::Value {
            location: self.location().to_string(),
            column: column.to_owned(),
            row: 0,
            message,
            cause: ValueCause::Loss,
        };
        let array = value.to_array().map_err(|error| unfit(error.to_string()))?;
        let array = cast_exactly(&array, to).map_err(|(_, message)| unfit(message))?;
        if let Some((_, message)) = Some(&array).filter(|_| names_folders).and_then(first_read_as_null) {
            return Err(unfit(message));
        }
        let value = ScalarValue::try_from_array(&array, 0).map_err(|error| unfit(error.to_string()))?;
        Ok(Expr::Literal(value, None))
    }
}

fn not_the_type(column: &str, from: &DataType, to: &DataType) -> String {
    format!("SET {column}: the value is {from}, and the column is {to}")
}

fn cast_remedy(to: &DataType) -> String {
    format!("arrow_cast(…, '{to}') if that is meant")
}

/// The value of another column, of a literal or of a cast that was written down: it keeps the digits that its type has.
fn is_plain(value: &Expr) -> bool {
    matches!(value, Expr::Column(_) | Expr::Literal(..) | Expr::Cast(_) | Expr::TryCast(_))
}

/// A time of finer units in the same kind of column.
fn cuts_digits(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Timestamp(TimeUnit::Nanosecond, from), DataType::Timestamp(TimeUnit::Microsecond, to)) => from.is_some() == to.is_some(),
        _ => false,
    }
}

/// The same expression, where sums, differences and products of integers are of decimals, which do not overflow unseen. Only what makes the value
/// itself is looked at: arguments of functions stay integers.
fn with_room(value: Expr, names: &DFSchema) -> DataFusionResult<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = value else {
        return match value {
            Expr::Negative(inner) => Ok(Expr::Negative(Box::new(with_room(*inner, names)?))),
            other => Ok(other),
        };
    };
    let is_sum = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply);
    let (left, right) = if is_sum { (with_room(*left, names)?, with_room(*right, names)?) } else { (*left, *right) };
    let counts = |of: &DataType| of.is_integer() || matches!(of, DataType::Decimal128(_, 0));
    let both = counts(&left.get_type(names)?) && counts(&right.get_type(names)?);
    let roomy = |side: Expr| match side.get_type(names)? {
        of if of.is_integer() => Ok::<_, DataFusionError>(cast(side, DataType::Decimal128(20, 0))),
        _ => Ok(side),
    };
    let (left, right) = if is_sum && both { (roomy(left)?, roomy(right)?) } else { (left, right) };
    Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
}

/// The function that casts, and fails where a value changes.
struct Exactly {
    column: String,
    to: DataType,
    /// It is a partition column of texts.
    names_folders: bool,
    signature: Signature,
    misfits: Misfits,
}

impl fmt::Debug for Exactly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {} exactly", self.column, self.to)
    }
}

impl PartialEq for Exactly {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column && self.to == other.to && Arc::ptr_eq(&self.misfits.0, &other.misfits.0)
    }
}

impl Eq for Exactly {}

impl Hash for Exactly {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.column, &self.to).hash(state);
    }
}

impl ScalarUDFImpl for Exactly {
    fn name(&self) -> &str {
        "exactly"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let column: ArrayRef = match args.args.first() {
            Some(value) => value.to_array(args.number_rows)?,
            None => return Err(DataFusionError::Internal("a value to cast".into())),
        };
        let refused = |(_, message): (Option<usize>, String)| {
            self.misfits.note(&self.column, message.clone());
            DataFusionError::Execution(format!("column {}: {message}", self.column))
        };
        let column = cast_exactly(&column, &self.to).map_err(refused)?;
        match Some(&column).filter(|_| self.names_folders).and_then(first_read_as_null) {
            Some((row, message)) => Err(refused((Some(row), message))),
            None => Ok(ColumnarValue::Array(column)),
        }
    }
}
