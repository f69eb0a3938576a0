//! Which Arrow type and name each column of the query gets.

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};

use crate::error::PlanProblem;
use crate::fetch::FetchColumn;
use crate::oracle_type::{ColumnDesc, OracleType, vector_arguments};
use crate::type_map::{default_arrow_type, vector_type};

/// Arrow types where the defaults are not wanted. The first that speaks of a column decides: `columns`, `like`, `number`, the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TypeChoices {
    /// Column → type.
    pub columns: Vec<(String, DataType)>,
    /// Columns of the same name get the name, type and nullability of this schema: what was loaded from a file comes back as it was.
    pub like: Option<SchemaRef>,
    /// Every NUMBER and FLOAT column whose type does not tell one; `None` for the narrowest that holds its values, or in text formats their digits.
    pub number: Option<DataType>,
    /// VECTOR columns are read as their text and not as lists.
    pub vector_text: bool,
}

impl TypeChoices {
    /// Whether something is said of this column by name.
    pub(super) fn names(&self, column: &str) -> bool {
        let like = self.like.iter().flat_map(|like| like.fields().iter()).any(|field| is_named(column, field.name()));
        like || self.columns.iter().any(|(chosen, _)| is_named(column, chosen))
    }

    /// The same for the columns of a table, unless another type is chosen: a BOOLEAN is read as a number, and is Boolean; a VECTOR is read as text, and is
    /// a list of its dimensions, where the table says how many and what of.
    pub(super) fn of_table(&self, table: &[ColumnDesc]) -> TypeChoices {
        let mut choices = self.clone();
        let chosen = table.iter().filter(|column| !self.names(&column.name)).filter_map(|column| {
            let OracleType::Other { name } = &column.oracle_type else { return None };
            let data_type = match vector_arguments(name) {
                Some((Some(dimensions), Some(format))) if !self.vector_text => vector_type(format, dimensions)?,
                _ if name == "BOOLEAN" => DataType::Boolean,
                _ => return None,
            };
            Some((column.name.clone(), data_type))
        });
        choices.columns.extend(chosen);
        choices
    }

    /// Name and type of every column; problems are collected.
    pub(super) fn fields(&self, columns: Vec<ColumnDesc>, problems: &mut Vec<PlanProblem>) -> Vec<FetchColumn> {
        for (name, _) in &self.columns {
            if !columns.iter().any(|column| is_named(&column.name, name)) {
                problems.push(problem(name, "is no column of the query", "name one that is: olbridge describe TARGET"));
            }
        }
        let mut planned: Vec<FetchColumn> = Vec::with_capacity(columns.len());
        for column in columns {
            match self.field(&column) {
                Ok(field) if planned.iter().any(|other| other.field.name() == field.name()) => {
                    problems.push(problem(field.name(), "is the name of two columns", "give one of them an alias in --query"));
                }
                Ok(field) => planned.push(FetchColumn { column, field }),
                Err(remedy) => {
                    let reason = match column.oracle_type.is_number() {
                        true => format!("no Arrow type holds every value of Oracle {}", column.oracle_type),
                        false => format!("Oracle {} is not read by this version", column.oracle_type),
                    };
                    problems.push(problem(&column.name, reason, remedy));
                }
            }
        }
        planned
    }

    fn field(&self, column: &ColumnDesc) -> Result<Field, &'static str> {
        let name_as_is = |data_type| Field::new(&column.name, data_type, column.nullable);
        if let Some((_, chosen)) = self.columns.iter().find(|(name, _)| is_named(&column.name, name)) {
            return Ok(name_as_is(in_zone_of(column, chosen)));
        }
        let same_name = self.like.as_ref().and_then(|like| like.fields().iter().find(|field| is_named(&column.name, field.name())));
        if let Some(field) = same_name {
            // What is NULL in the table cannot be forbidden by the file that once was.
            return Ok(field.as_ref().clone().with_nullable(column.nullable));
        }
        match (default_arrow_type(&column.oracle_type), &self.number) {
            (Ok(data_type), _) => Ok(name_as_is(with_parquet_unit(data_type))),
            (Err(_), Some(number)) if column.oracle_type.is_number() => Ok(name_as_is(number.clone())),
            (Err(remedy), _) => Err(remedy),
        }
    }
}

/// Parquet's timestamps are in milliseconds or finer; seconds would be a number to other readers.
fn with_parquet_unit(data_type: DataType) -> DataType {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
        other => other,
    }
}

/// `timestamp_us` of a column with zone means the instant in UTC.
fn in_zone_of(column: &ColumnDesc, chosen: &DataType) -> DataType {
    match chosen {
        DataType::Timestamp(unit, None) if column.oracle_type.is_zoned() => DataType::Timestamp(*unit, Some("UTC".into())),
        other => other.clone(),
    }
}

/// The dictionary's name, or what Oracle makes of it when it is not quoted.
fn is_named(column: &str, name: &str) -> bool {
    column == name || column == crate::sql::dictionary_name(name)
}

fn problem(column: &str, reason: impl Into<String>, remedy: impl Into<String>) -> PlanProblem {
    PlanProblem { column: Some(column.to_owned()), reason: reason.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Schema;

    use super::*;

    fn column(name: &str, oracle_type: OracleType) -> ColumnDesc {
        ColumnDesc { name: name.into(), oracle_type, nullable: true }
    }

    fn columns() -> Vec<ColumnDesc> {
        let number = |precision, scale| OracleType::Number { precision, scale };
        vec![
            column("ID", number(Some(10), Some(0))),
            column("N", number(None, None)),
            column("D", OracleType::Date),
            column("Z", OracleType::TimestampTz { fractional_digits: 9 }),
        ]
    }

    fn planned(choices: &TypeChoices) -> (Vec<String>, Vec<PlanProblem>) {
        let mut problems = Vec::new();
        let fields = choices.fields(columns(), &mut problems);
        (fields.iter().map(|c| format!("{} {}", c.field.name(), c.field.data_type())).collect(), problems)
    }

    #[test]
    fn a_plain_number_is_refused_until_somebody_says_what_it_is() {
        let (_, problems) = planned(&TypeChoices::default());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().contains("Oracle NUMBER") && problems[0].remedy.contains("--number"));
        let (fields, problems) = planned(&TypeChoices { number: Some(DataType::Float64), ..TypeChoices::default() });
        assert_eq!(fields, ["ID Int64", "N Float64", "D Timestamp(ms)", "Z Timestamp(ns, \"UTC\")"]);
        assert!(problems.is_empty());
    }

    #[test]
    fn the_closest_choice_decides() {
        let like = Schema::new(vec![Field::new("n", DataType::Decimal128(20, 2), false), Field::new("id", DataType::UInt16, true)]);
        let choices = TypeChoices {
            columns: vec![("ID".into(), DataType::Int32), ("z".into(), DataType::Timestamp(TimeUnit::Microsecond, None))],
            like: Some(Arc::new(like)),
            number: Some(DataType::Float64),
            vector_text: false,
        };
        assert_eq!(planned(&choices).0, ["ID Int32", "n Decimal128(20, 2)", "D Timestamp(ms)", "Z Timestamp(µs, \"UTC\")"]);
        let choices =
            TypeChoices { columns: vec![("NOPE".into(), DataType::Int32)], number: Some(DataType::Utf8), ..TypeChoices::default() };
        assert!(planned(&choices).1[0].to_string().contains("NOPE"));
    }
}
