//! Columns, and values for them that are good or bad.

use std::sync::Arc;

use olbridge::arrow::array::{ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

/// Keys that a child may name.
pub(super) const PARENTS: i64 = 5;

/// Decisions from bytes; zeroes after their end.
pub(super) struct Decisions<'a>(pub(super) &'a [u8]);

impl Decisions<'_> {
    pub(super) fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// 0..`limit`, at most 65536.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let wide = if limit > 256 { self.byte() << 8 } else { 0 };
        (wide | self.byte()) % limit
    }

    pub(super) fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == limit - 1
    }
}

/// A source column and the table column that it goes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Int64 → NUMBER(digits).
    Whole(u32),
    /// Utf8 → VARCHAR2(bytes).
    Text(usize),
    /// Float64 → NUMBER(9,2).
    Float,
    /// Decimal128(12,3) → NUMBER(8,2).
    Money,
    /// Timestamp in microseconds → DATE.
    Moment,
    /// Binary → RAW(bytes).
    Raw(usize),
    /// Utf8 → CLOB.
    Long,
    /// Int64 → NUMBER(9) that a CHECK keeps from being negative.
    Checked,
    /// Int64 → NUMBER(9) with a foreign key.
    Child,
    /// Int64 → NUMBER(9) that is unique.
    Unique,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) kind: Kind,
    pub(super) not_null: bool,
}

/// One value of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Float(f64),
    Raw(Vec<u8>),
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Flaw {
    Convert,
    /// ORA code.
    Execute(i32),
}

impl Column {
    pub(super) fn arbitrary(decisions: &mut Decisions<'_>) -> Self {
        let kind = match decisions.below(10) {
            0 => Kind::Whole(1 + decisions.below(8) as u32),
            1 => Kind::Text(1 + decisions.below(40)),
            2 => Kind::Float,
            3 => Kind::Money,
            4 => Kind::Moment,
            5 => Kind::Raw(1 + decisions.below(12)),
            6 => Kind::Long,
            7 => Kind::Checked,
            8 => Kind::Child,
            _ => Kind::Unique,
        };
        Column { kind, not_null: decisions.one_in(2) }
    }

    pub(super) fn definition(self, index: usize) -> String {
        let oracle_type = match self.kind {
            Kind::Whole(digits) => format!("NUMBER({digits})"),
            Kind::Text(bytes) => format!("VARCHAR2({bytes} BYTE)"),
            Kind::Float => "NUMBER(9,2)".into(),
            Kind::Money => "NUMBER(8,2)".into(),
            Kind::Moment => "DATE".into(),
            Kind::Raw(bytes) => format!("RAW({bytes})"),
            Kind::Long => "CLOB".into(),
            Kind::Checked => format!("NUMBER(9) CHECK (C{index} >= 0)"),
            Kind::Child => "NUMBER(9) REFERENCES PARENT (ID)".into(),
            Kind::Unique => "NUMBER(9) UNIQUE".into(),
        };
        format!("C{index} {oracle_type}{}", if self.not_null { " NOT NULL" } else { "" })
    }

    pub(super) fn good(self, decisions: &mut Decisions<'_>) -> Cell {
        if !self.not_null && decisions.one_in(8) {
            return Cell::Null;
        }
        match self.kind {
            Kind::Whole(digits) => {
                let limit = 10_i64.pow(digits);
                let value = decisions.below(65_536) as i64 % limit;
                Cell::Int(if decisions.one_in(3) { value - limit + 1 } else { value })
            }
            Kind::Text(bytes) => Cell::Text("t".repeat(1 + decisions.below(bytes))),
            Kind::Float => Cell::Float((decisions.below(65_536) as f64 - 30_000.0) / 4.0),
            Kind::Money => Cell::Int((decisions.below(65_536) as i64 - 30_000) * 10),
            Kind::Moment => Cell::Int((decisions.below(65_536) as i64 - 30_000) * 86_399_000_000),
            Kind::Raw(bytes) => Cell::Raw(vec![decisions.byte() as u8; 1 + decisions.below(bytes)]),
            Kind::Long => match decisions.below(12) {
                0 => Cell::Text("long ".repeat(decisions.below(9_000))),
                short => Cell::Text("é".repeat(short)),
            },
            Kind::Checked => Cell::Int(decisions.below(1_000) as i64),
            Kind::Child => Cell::Int(decisions.below(PARENTS as usize) as i64),
            Kind::Unique => Cell::Int(decisions.below(2_000) as i64),
        }
    }

    /// A value that is refused, or a good one where there is none.
    pub(super) fn bad(self, decisions: &mut Decisions<'_>) -> (Cell, Option<Flaw>) {
        if self.not_null && decisions.one_in(3) {
            return (Cell::Null, Some(Flaw::Execute(1400)));
        }
        let (cell, flaw) = match (self.kind, decisions.below(2)) {
            (Kind::Whole(digits), _) => (Cell::Int(10_i64.pow(digits)), Flaw::Execute(1438)),
            (Kind::Text(_), 0) => (Cell::Text(String::new()), Flaw::Convert),
            (Kind::Text(bytes), _) => (Cell::Text("t".repeat(bytes + 1 + decisions.below(90))), Flaw::Convert),
            (Kind::Float, 0) => (Cell::Float(f64::NAN), Flaw::Convert),
            (Kind::Float, _) => (Cell::Float(0.125), Flaw::Convert),
            (Kind::Money, 0) => (Cell::Int(1), Flaw::Convert),
            (Kind::Money, _) => (Cell::Int(1_000_000_000), Flaw::Convert),
            (Kind::Moment, _) => (Cell::Int(1), Flaw::Convert),
            (Kind::Raw(_), 0) => (Cell::Raw(Vec::new()), Flaw::Convert),
            (Kind::Raw(bytes), _) => (Cell::Raw(vec![7; bytes + 1]), Flaw::Convert),
            (Kind::Checked, _) => (Cell::Int(-1), Flaw::Execute(2290)),
            (Kind::Child, _) => (Cell::Int(PARENTS), Flaw::Execute(2291)),
            (Kind::Long | Kind::Unique, _) => return (self.good(decisions), None),
        };
        (cell, Some(flaw))
    }

    pub(super) fn array(self, cells: impl Iterator<Item = Cell>) -> ArrayRef {
        fn ints(cells: impl Iterator<Item = Cell>) -> impl Iterator<Item = Option<i64>> {
            cells.map(|cell| if let Cell::Int(value) = cell { Some(value) } else { None })
        }
        match self.kind {
            Kind::Text(_) | Kind::Long => {
                let texts: Vec<Option<String>> = cells.map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None }).collect();
                Arc::new(StringArray::from(texts))
            }
            Kind::Float => {
                Arc::new(cells.map(|cell| if let Cell::Float(value) = cell { Some(value) } else { None }).collect::<Float64Array>())
            }
            Kind::Money => {
                let values: Decimal128Array = ints(cells).map(|value| value.map(i128::from)).collect();
                Arc::new(values.with_precision_and_scale(12, 3).expect("a precision"))
            }
            Kind::Moment => Arc::new(ints(cells).collect::<TimestampMicrosecondArray>()),
            Kind::Raw(_) => {
                let values: Vec<Option<Vec<u8>>> = cells.map(|cell| if let Cell::Raw(bytes) = cell { Some(bytes) } else { None }).collect();
                Arc::new(values.iter().map(|value| value.as_deref()).collect::<BinaryArray>())
            }
            _ => Arc::new(ints(cells).collect::<Int64Array>()),
        }
    }
}
