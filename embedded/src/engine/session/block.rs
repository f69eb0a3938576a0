//! Running anonymous blocks.

use rusqlite::types::{Value, ValueRef};

use super::super::block::{Action, Block, Program, Step, Target};
use super::super::number::Number;
use super::super::translate::Local;
use super::super::types::{DataType, Family};
use super::super::value::{self, owned, store_plain};
use super::super::{Datum, DatumKind, OraError, Result};
use super::{Session, Statement};

/// The value of a bind or a variable.
#[derive(Clone)]
struct Slot {
    value: Value,
    family: Family,
}

impl Slot {
    fn new(datum: Datum<'_>) -> Result<Slot> {
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
        };
        Ok(Slot { value: owned(store_plain(datum)?.as_value_ref()), family })
    }

    fn datum(&self) -> Result<Datum<'_>> {
        value::datum(self.family, ValueRef::from(&self.value), 0)
    }
}

/// What goes on after a step.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Exit,
}

struct Machine<'s> {
    session: &'s mut Session,
    binds: Vec<String>,
    /// Binds, then variables.
    slots: Vec<Slot>,
    /// Errors being handled, the innermost last.
    handling: Vec<OraError>,
}

impl Session {
    /// Runs a block; `returned` gets the binds it assigns. A failing block takes its changes back.
    pub(super) fn run_block(
        &mut self,
        program: &mut Program,
        names: &[String],
        binds: &[Datum<'_>],
        returned: &mut dyn FnMut(&[Datum<'_>]) -> Result<()>,
    ) -> Result<()> {
        let mut slots = binds.iter().map(|datum| Slot::new(*datum)).collect::<Result<Vec<_>>>()?;
        slots.resize(binds.len() + program.locals, Slot { value: Value::Null, family: Family::Text });
        let was_open = self.in_transaction();
        if was_open {
            self.connection.execute_batch("SAVEPOINT o_block")?;
        }
        self.in_block = true;
        let mut machine = Machine { session: self, binds: names.to_vec(), slots, handling: Vec::new() };
        let result = machine.block(&mut program.block).and_then(|_| {
            let out = program.out_binds.iter().map(|place| machine.slots[*place].datum()).collect::<Result<Vec<_>>>()?;
            if out.is_empty() { Ok(()) } else { returned(&out) }
        });
        self.in_block = false;
        self.check_not_lost()?;
        // A COMMIT or DDL in the block ended the savepoint: then there is nothing left to take back.
        if was_open && self.in_transaction() {
            let end = if result.is_ok() { "RELEASE o_block" } else { "ROLLBACK TO o_block; RELEASE o_block" };
            let _ = self.connection.execute_batch(end);
        } else if result.is_err() {
            self.rollback()?;
        }
        result
    }
}

impl Machine<'_> {
    fn block(&mut self, block: &mut Block) -> Result<Flow> {
        let result = self.block_body(block);
        let Err(error) = result else { return result };
        let Some(handler) = block.handlers.iter_mut().find(|handler| handler.codes.is_empty() || handler.codes.contains(&error.code))
        else {
            return Err(error);
        };
        self.set_local(&handler.error.0, &Slot::new(Datum::Int(i64::from(if error.code == 1403 { 100 } else { -error.code })))?)?;
        self.set_local(&handler.error.1, &Slot::new(Datum::Text(error.message.split("\nORA-06512").next().unwrap_or_default()))?)?;
        self.handling.push(error);
        let result = self.steps(&mut handler.steps);
        self.handling.pop();
        result
    }

    fn block_body(&mut self, block: &mut Block) -> Result<Flow> {
        for declaration in &mut block.declarations {
            let slot = match &mut declaration.initial {
                Some(initial) => self.evaluate(initial)?,
                None => Slot { value: Value::Null, family: Family::Text },
            };
            self.set_local(&declaration.local, &slot)?;
        }
        self.steps(&mut block.steps)
    }

    fn steps(&mut self, steps: &mut [Step]) -> Result<Flow> {
        for step in steps {
            let line = step.line;
            match self.step(step) {
                Ok(Flow::Next) => {}
                Ok(Flow::Exit) => return Ok(Flow::Exit),
                Err(mut error) => {
                    if !error.message.contains("ORA-06512") && error.code != 6550 {
                        error.message.push_str(&format!("\nORA-06512: at line {line}"));
                    }
                    return Err(error);
                }
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, step: &mut Step) -> Result<Flow> {
        match &mut step.action {
            Action::Null => {}
            Action::Assign { target, value } => {
                let slot = self.evaluate(value)?;
                self.set(target, slot)?;
            }
            Action::If { branches, otherwise } => return self.choose(branches, otherwise),
            Action::For { variable, reverse, low, high, body } => {
                let (low, high) = (self.integer(low)?, self.integer(high)?);
                let mut numbers = low..=high;
                while let Some(number) = if *reverse { numbers.next_back() } else { numbers.next() } {
                    self.set_local(variable, &Slot::new(Datum::Int(number))?)?;
                    if self.steps(body)? == Flow::Exit {
                        break;
                    }
                }
            }
            Action::Loop { condition, body } => loop {
                if let Some(condition) = condition
                    && !self.is_true(condition)?
                {
                    break;
                }
                if self.steps(body)? == Flow::Exit {
                    break;
                }
            },
            Action::Exit { condition } => {
                let exits = match condition {
                    Some(condition) => self.is_true(condition)?,
                    None => true,
                };
                return Ok(if exits { Flow::Exit } else { Flow::Next });
            }
            Action::Immediate { text, using } => self.immediate(text, using)?,
            Action::Sql(statement) => self.run(statement)?,
            Action::Select { query, targets } => self.select(query, targets)?,
            Action::Block(block) => return self.block(block),
            Action::Raise => {
                return Err(self.handling.last().cloned().unwrap_or_else(|| {
                    OraError::new(6550, "PLS-00367: a RAISE statement with no exception name must be inside an exception handler")
                }));
            }
            Action::RaiseError { code, text } => {
                let code = self.integer(code)?;
                let text = self.text(text)?;
                return Err(OraError::new(i32::try_from(-code).unwrap_or(21000), text));
            }
        }
        Ok(Flow::Next)
    }

    fn choose(&mut self, branches: &mut [(Statement, Vec<Step>)], otherwise: &mut [Step]) -> Result<Flow> {
        for (test, steps) in branches {
            if self.is_true(test)? {
                return self.steps(steps);
            }
        }
        self.steps(otherwise)
    }

    /// Dynamic SQL; binds by position.
    fn immediate(&mut self, text: &mut Statement, using: &mut [Statement]) -> Result<()> {
        let text = self.text(text)?;
        let values = using.iter_mut().map(|value| self.evaluate(value)).collect::<Result<Vec<_>>>()?;
        let datums = values.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
        let mut statement = self.session.prepare(&text)?;
        if statement.shape().kind == super::super::StatementKind::Select {
            self.session.open(&mut statement, &datums)?;
            return Ok(());
        }
        self.session.execute(&mut statement, &datums).map(drop)
    }

    fn run(&mut self, statement: &mut Statement) -> Result<()> {
        let slots = self.slots.clone();
        let datums = slots.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
        self.session.execute(statement, &datums).map(drop)
    }

    fn select(&mut self, query: &mut Statement, targets: &[Target]) -> Result<()> {
        let rows = self.query(query, 2)?;
        let row = match rows.len() {
            0 => return Err(OraError::new(1403, "no data found")),
            1 => rows.into_iter().next().unwrap_or_default(),
            _ => return Err(OraError::new(1422, "exact fetch returns more than requested number of rows")),
        };
        if row.len() != targets.len() {
            let (code, text) = if row.len() > targets.len() { (913, "too many values") } else { (947, "not enough values") };
            return Err(OraError::new(code, text));
        }
        targets.iter().zip(row).try_for_each(|(target, slot)| self.set(target, slot))
    }

    /// At most so many rows of a query.
    fn query(&mut self, query: &mut Statement, most: usize) -> Result<Vec<Vec<Slot>>> {
        let datums = self.slots.iter().map(Slot::datum).collect::<Result<Vec<_>>>()?;
        let mut cursor = self.session.open(query, &datums)?;
        let mut rows = Vec::new();
        while rows.len() < most && cursor.next()? {
            rows.push((0..query.columns().len()).map(|index| Slot::new(cursor.datum(index)?)).collect::<Result<Vec<_>>>()?);
        }
        Ok(rows)
    }

    fn evaluate(&mut self, expression: &mut Statement) -> Result<Slot> {
        let rows = self.query(expression, 1)?;
        rows.into_iter().next().and_then(|row| row.into_iter().next()).ok_or_else(|| OraError::internal("value of an expression"))
    }

    fn is_true(&mut self, test: &mut Statement) -> Result<bool> {
        Ok(self.integer(test)? == 1)
    }

    fn integer(&mut self, expression: &mut Statement) -> Result<i64> {
        match self.evaluate(expression)?.datum()? {
            Datum::Number(bytes) => Ok(Number::from_bytes(bytes)?.round_scale(0)?.to_i64()?),
            Datum::Text(text) => Ok(Number::parse(text)?.round_scale(0)?.to_i64()?),
            _ => Err(OraError::new(6502, "PL/SQL: numeric or value error")),
        }
    }

    fn text(&mut self, expression: &mut Statement) -> Result<String> {
        let slot = self.evaluate(expression)?;
        Ok(value::to_text(slot.datum()?, self.session.nls(), "CHAR")?.into_owned())
    }

    fn set(&mut self, target: &Target, slot: Slot) -> Result<()> {
        match target {
            Target::Local(local) => self.set_local(local, &slot),
            Target::Bind(place) => {
                let name = self.binds.get(*place).cloned().unwrap_or_default();
                for (known, held) in self.binds.iter().zip(&mut self.slots) {
                    if *known == name {
                        *held = slot.clone();
                    }
                }
                Ok(())
            }
        }
    }

    fn set_local(&mut self, local: &Local, slot: &Slot) -> Result<()> {
        let target = value::Target { data_type: local.data_type, name: None };
        let stored = value::assign(&target, slot.datum()?, self.session.nls()).map_err(|error| value_error(error, &local.data_type))?;
        let value = owned(stored.as_value_ref());
        if let Some(held) = self.slots.get_mut(local.place - 1) {
            *held = Slot { value, family: local.data_type.family() };
        }
        Ok(())
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
