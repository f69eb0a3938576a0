//! Values of binds and variables while PL/SQL runs.

use std::collections::BTreeMap;

use rusqlite::types::{Value, ValueRef};

use super::super::block::VarType;
use super::super::nls::Nls;
use super::super::types::{DataType, Family};
use super::super::value::{self, owned, store_plain};
use super::super::{Datum, DatumKind, OraError, Result};

/// The value of a bind or a variable.
#[derive(Clone)]
pub(super) enum Slot {
    Scalar {
        value: Value,
        family: Family,
    },
    Boolean(Option<bool>),
    Table(BTreeMap<i64, Slot>),
    /// Number of an open query; none for a cursor variable that was not opened.
    Cursor(Option<u32>),
}

impl Slot {
    pub const NULL: Slot = Slot::Scalar { value: Value::Null, family: Family::Text };

    pub fn new(datum: Datum<'_>) -> Result<Slot> {
        let family = match datum.kind() {
            DatumKind::Null | DatumKind::Text | DatumKind::Char => Family::Text,
            DatumKind::Number => Family::Number,
            DatumKind::BinaryFloat => Family::BinaryFloat,
            DatumKind::BinaryDouble => Family::BinaryDouble,
            DatumKind::Bytes => Family::Raw,
            DatumKind::Clob => Family::Clob,
            DatumKind::Blob => Family::Blob,
            DatumKind::Date => Family::Date,
            DatumKind::Timestamp => Family::Timestamp,
            DatumKind::TimestampTz => Family::TimestampTz,
            DatumKind::IntervalDs => Family::IntervalDs,
            DatumKind::IntervalYm => Family::IntervalYm,
            DatumKind::Boolean | DatumKind::Table | DatumKind::Cursor => return Slot::beyond_sql(datum),
        };
        Ok(Slot::Scalar { value: owned(store_plain(datum)?.as_value_ref()), family })
    }

    fn beyond_sql(datum: Datum<'_>) -> Result<Slot> {
        Ok(match datum {
            Datum::Boolean(value) => Slot::Boolean(Some(value)),
            Datum::Cursor(number) => Slot::Cursor(Some(number)),
            Datum::Table(elements) => {
                let elements = elements.iter().enumerate().map(|(index, element)| Ok((index as i64 + 1, Slot::new(*element)?)));
                Slot::Table(elements.collect::<Result<_>>()?)
            }
            _ => Slot::NULL,
        })
    }

    /// A bind of a kind that its NULL does not tell.
    pub fn of_bind(datum: Datum<'_>, kind: DatumKind) -> Result<Slot> {
        Ok(match (datum, kind) {
            (Datum::Null, DatumKind::Boolean) => Slot::Boolean(None),
            (Datum::Null, DatumKind::Cursor) => Slot::Cursor(None),
            (Datum::Null, DatumKind::Table) => Slot::Table(BTreeMap::new()),
            (datum, _) => Slot::new(datum)?,
        })
    }

    /// What a variable of this type begins with.
    pub fn initial(var_type: &VarType) -> Slot {
        match var_type {
            VarType::Scalar(data_type) => Slot::Scalar { value: Value::Null, family: data_type.family() },
            VarType::Boolean => Slot::Boolean(None),
            VarType::Cursor => Slot::Cursor(None),
            VarType::Table(_) => Slot::Table(BTreeMap::new()),
        }
    }

    /// Whether it is a scalar NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Slot::Scalar { value: Value::Null, .. })
    }

    /// As SQL sees it: booleans are 1 and 0.
    pub fn datum(&self) -> Result<Datum<'_>> {
        match self {
            Slot::Scalar { value, family } => value::datum(*family, ValueRef::from(value), 0),
            Slot::Boolean(value) => Ok(value.map_or(Datum::Null, |value| Datum::Int(value.into()))),
            Slot::Table(_) | Slot::Cursor(_) => Ok(Datum::Null),
        }
    }

    /// As a caller gets it; the elements of a table are in `elements`.
    pub fn out<'a>(&'a self, elements: &'a [Datum<'a>]) -> Result<Datum<'a>> {
        Ok(match self {
            Slot::Scalar { .. } => self.datum()?,
            Slot::Boolean(value) => value.map_or(Datum::Null, Datum::Boolean),
            Slot::Table(_) => Datum::Table(elements),
            Slot::Cursor(number) => number.map_or(Datum::Null, Datum::Cursor),
        })
    }

    /// The elements of a table as a caller gets them: from index 1 on without gaps.
    pub fn elements(&self) -> Result<Vec<Datum<'_>>> {
        let Slot::Table(elements) = self else { return Ok(Vec::new()) };
        let last = elements.last_key_value().map_or(0, |(index, _)| *index);
        (1..=last).map(|index| elements.get(&index).map_or(Ok(Datum::Null), |element| element.out(&[]))).collect()
    }

    /// Whether values of this slot may go where `var_type` is wanted, before any conversion.
    pub fn fits(&self, var_type: &VarType) -> bool {
        match self {
            Slot::Scalar { .. } => matches!(var_type, VarType::Scalar(_)),
            Slot::Boolean(_) => *var_type == VarType::Boolean,
            Slot::Table(_) => matches!(var_type, VarType::Table(_)),
            Slot::Cursor(_) => *var_type == VarType::Cursor,
        }
    }

    /// The value as a variable of this type holds it. Conditions come from SQL as 1, 0 and NULL.
    pub fn assigned(self, var_type: &VarType, nls: &Nls) -> Result<Slot> {
        match (var_type, self) {
            (VarType::Scalar(data_type), slot @ Slot::Scalar { .. }) => {
                let target = value::Target { data_type: *data_type, name: None };
                let stored = value::assign(&target, slot.datum()?, nls).map_err(|error| value_error(error, data_type))?;
                Ok(Slot::Scalar { value: owned(stored.as_value_ref()), family: data_type.family() })
            }
            (VarType::Boolean, Slot::Scalar { value: Value::Null, .. }) => Ok(Slot::Boolean(None)),
            (VarType::Boolean, slot @ Slot::Scalar { .. }) => {
                let truth = value::to_text(slot.datum()?, nls, "BOOLEAN")? == "1";
                Ok(Slot::Boolean(Some(truth)))
            }
            (VarType::Table(element), Slot::Table(elements)) => {
                let convert = |(index, slot): (i64, Slot)| Ok((index, slot.assigned(element, nls)?));
                Ok(Slot::Table(elements.into_iter().map(convert).collect::<Result<_>>()?))
            }
            (VarType::Cursor, Slot::Scalar { value: Value::Null, .. }) => Ok(Slot::Cursor(None)),
            (wanted, slot) if slot.fits(wanted) => Ok(slot),
            _ => Err(OraError::new(6550, "line 1, column 1:\nPLS-00382: expression is of wrong type")),
        }
    }
}

/// ORA-06502 for a value that does not fit a variable.
fn value_error(error: OraError, data_type: &DataType) -> OraError {
    let detail = match (error.code, data_type.family()) {
        (25137, Family::Text | Family::Char) => ": character string buffer too small",
        (1722, _) => ": character to number conversion error",
        (1438, _) => ": number precision too large",
        (25137, _) => "",
        _ => return error,
    };
    OraError::new(6502, format_args!("PL/SQL: numeric or value error{detail}"))
}
