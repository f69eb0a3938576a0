//! Running anonymous blocks.

use super::super::block::{Action, Block, Expression, Fetch, Fetched, Program, Step, Target};
use super::super::nls::Nls;
use super::super::number::Number;
use super::super::value;
use super::super::{Datum, OraError, Result};
use super::Session;
use super::slot::Slot;

/// What goes on after a step.
#[derive(PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Exit,
    Return,
}

/// A block or subprogram that runs.
pub(super) struct Machine<'s> {
    pub session: &'s mut Session,
    binds: Vec<String>,
    /// Binds, then variables.
    pub slots: Vec<Slot>,
    /// Errors being handled, the innermost last.
    handling: Vec<OraError>,
    /// What RETURN gave.
    pub returned: Option<Slot>,
    /// Calls that this one is in.
    pub depth: u32,
}

impl Session {
    /// Runs a block; `returned` gets the binds it assigns. A failing block takes its changes back, as far as it did not commit them.
    pub(super) fn run_block(
        &mut self,
        program: &mut Program,
        names: &[String],
        binds: &[Datum<'_>],
        returned: &mut dyn FnMut(&[Datum<'_>]) -> Result<()>,
    ) -> Result<()> {
        let kind = |index: usize| program.bind_kinds.get(index).copied().unwrap_or_default();
        let mut slots = binds.iter().enumerate().map(|(index, datum)| Slot::of_bind(*datum, kind(index))).collect::<Result<Vec<_>>>()?;
        slots.resize(binds.len() + program.locals, Slot::NULL);
        let start = self.start_block()?;
        self.in_block = true;
        self.implicit_results.clear();
        let mut machine = Machine::new(self, names.to_vec(), slots, 0);
        let result = machine.block(&mut program.block).and_then(|_| machine.give_back(&program.out_binds, returned));
        self.in_block = false;
        self.check_not_lost()?;
        self.end_block(&start, result.is_err())?;
        result
    }
}

impl<'s> Machine<'s> {
    pub fn new(session: &'s mut Session, binds: Vec<String>, slots: Vec<Slot>, depth: u32) -> Machine<'s> {
        Machine { session, binds, slots, handling: Vec::new(), returned: None, depth }
    }
}

impl Machine<'_> {
    pub fn nls(&self) -> &Nls {
        self.session.nls()
    }

    fn give_back(&self, places: &[usize], returned: &mut dyn FnMut(&[Datum<'_>]) -> Result<()>) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let elements = places.iter().map(|place| self.slots[*place].elements()).collect::<Result<Vec<_>>>()?;
        let out = places.iter().zip(&elements).map(|(place, elements)| self.slots[*place].out(elements)).collect::<Result<Vec<_>>>()?;
        returned(&out)
    }

    pub fn block(&mut self, block: &mut Block) -> Result<Flow> {
        let result = self.block_body(block);
        let Err(error) = result else { return result };
        let Some(handler) = block.handlers.iter_mut().find(|handler| handler.codes.is_empty() || handler.codes.contains(&error.code))
        else {
            return Err(error);
        };
        let code = Slot::new(Datum::Int(i64::from(if error.code == 1403 { 100 } else { -error.code })))?;
        let text = Slot::new(Datum::Text(error.message.split("\nORA-06512").next().unwrap_or_default()))?;
        self.slots[handler.error.0.place - 1] = code;
        self.slots[handler.error.1.place - 1] = text;
        self.handling.push(error);
        let result = self.steps(&mut handler.steps);
        self.handling.pop();
        result
    }

    fn block_body(&mut self, block: &mut Block) -> Result<Flow> {
        for declaration in &mut block.declarations {
            self.slots[declaration.local.place - 1] = match &mut declaration.initial {
                Some(initial) => self.evaluate(initial)?.assigned(&declaration.var_type, self.nls())?,
                None => Slot::initial(&declaration.var_type),
            };
        }
        self.steps(&mut block.steps)
    }

    fn steps(&mut self, steps: &mut [Step]) -> Result<Flow> {
        for step in steps {
            let line = step.line;
            match self.step(step) {
                Ok(Flow::Next) => {}
                Ok(flow) => return Ok(flow),
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
                    self.slots[variable.place - 1] = Slot::new(Datum::Int(number))?;
                    match self.steps(body)? {
                        Flow::Next => {}
                        Flow::Exit => break,
                        Flow::Return => return Ok(Flow::Return),
                    }
                }
            }
            Action::Loop { condition, body } => return self.repeat(condition.as_mut(), body),
            Action::Exit { condition } => {
                let exits = match condition {
                    Some(condition) => self.is_true(condition)?,
                    None => true,
                };
                return Ok(if exits { Flow::Exit } else { Flow::Next });
            }
            Action::Immediate { text, into, using } => self.immediate(text, into, using)?,
            Action::Sql { statement, returning } => self.change(statement, returning)?,
            Action::Select { query, targets } => self.select(query, targets)?,
            Action::Open { cursor, of } => self.open_cursor(cursor, of)?,
            Action::Fetch { cursor, targets } => self.fetch(*cursor, targets)?,
            Action::Close { cursor } => {
                let number = self.cursor_number(*cursor);
                self.session.close_cursor(number)?;
            }
            Action::Call(call) => drop(self.call(call)?),
            Action::Return(value) => {
                self.returned = value.as_mut().map(|value| self.evaluate(value)).transpose()?;
                return Ok(Flow::Return);
            }
            Action::Block(block) => return self.block(block),
            Action::Raise | Action::RaiseNamed { .. } | Action::RaiseError { .. } => return self.raise(&mut step.action),
        }
        Ok(Flow::Next)
    }

    fn repeat(&mut self, mut condition: Option<&mut Expression>, body: &mut [Step]) -> Result<Flow> {
        loop {
            self.session.interrupts.check()?;
            if let Some(condition) = condition.as_deref_mut()
                && !self.is_true(condition)?
            {
                return Ok(Flow::Next);
            }
            match self.steps(body)? {
                Flow::Next => {}
                Flow::Exit => return Ok(Flow::Next),
                Flow::Return => return Ok(Flow::Return),
            }
        }
    }

    fn raise(&mut self, action: &mut Action) -> Result<Flow> {
        Err(match action {
            Action::RaiseNamed { code, text } => OraError::new(*code, text),
            Action::RaiseError { code, text } => {
                let code = self.integer(code)?;
                OraError::new(i32::try_from(-code).unwrap_or(21000), self.text(text)?)
            }
            _ => self.handling.last().cloned().unwrap_or_else(|| {
                OraError::new(6550, "PLS-00367: a RAISE statement with no exception name must be inside an exception handler")
            }),
        })
    }

    fn choose(&mut self, branches: &mut [(Expression, Vec<Step>)], otherwise: &mut [Step]) -> Result<Flow> {
        for (test, steps) in branches {
            if self.is_true(test)? {
                return self.steps(steps);
            }
        }
        self.steps(otherwise)
    }

    pub fn evaluate(&mut self, expression: &mut Expression) -> Result<Slot> {
        match expression {
            Expression::Slot(place) => self.slots.get(*place).cloned().ok_or_else(|| OraError::internal("place of a variable")),
            Expression::Call(call) => self.call(call)?.ok_or_else(|| OraError::internal("value of a function")),
            Expression::Sql { .. } => {
                let rows = self.query(expression, 1)?;
                rows.into_iter().next().and_then(|row| row.into_iter().next()).ok_or_else(|| OraError::internal("value of an expression"))
            }
        }
    }

    /// Fetches what an expression needs of a table.
    pub(super) fn fetch_element(&mut self, fetch: &mut Fetch) -> Result<()> {
        let index = match &mut fetch.what {
            Fetched::Element(index) => Some(self.integer(index)?),
            _ => None,
        };
        let Some(Slot::Table(elements)) = self.slots.get(fetch.table) else { return Err(OraError::internal("index-by table")) };
        let edge = |key: Option<&i64>| key.map_or(Ok(Slot::NULL), |key| Slot::new(Datum::Int(*key)));
        let found = match (&fetch.what, index) {
            (Fetched::Count, _) => Slot::new(Datum::Int(elements.len() as i64))?,
            (Fetched::First, _) => edge(elements.keys().next())?,
            (Fetched::Last, _) => edge(elements.keys().next_back())?,
            (Fetched::Element(_), index) => {
                let element = index.and_then(|index| elements.get(&index));
                element.cloned().ok_or_else(|| OraError::new(1403, "no data found"))?
            }
        };
        self.slots[fetch.into.place - 1] = found.assigned(&fetch.var_type, self.session.nls())?;
        Ok(())
    }

    fn is_true(&mut self, test: &mut Expression) -> Result<bool> {
        Ok(self.integer(test)? == 1)
    }

    pub(super) fn integer(&mut self, expression: &mut Expression) -> Result<i64> {
        match self.evaluate(expression)?.datum()? {
            Datum::Number(bytes) => Ok(Number::from_bytes(bytes)?.round_scale(0)?.to_i64()?),
            Datum::Text(text) => Ok(Number::parse(text)?.round_scale(0)?.to_i64()?),
            Datum::Int(number) => Ok(number),
            _ => Err(OraError::new(6502, "PL/SQL: numeric or value error")),
        }
    }

    pub(super) fn text(&mut self, expression: &mut Expression) -> Result<String> {
        let slot = self.evaluate(expression)?;
        Ok(value::to_text(slot.datum()?, self.session.nls(), "CHAR")?.into_owned())
    }

    pub fn set(&mut self, target: &mut Target, slot: Slot) -> Result<()> {
        match target {
            Target::Local(local, var_type) => {
                let value = slot.assigned(var_type, self.session.nls())?;
                if let Some(held) = self.slots.get_mut(local.place - 1) {
                    *held = value;
                }
            }
            Target::Element { table, var_type, index } => {
                let index = self.integer(index)?;
                let value = slot.assigned(var_type, self.session.nls())?;
                if let Some(Slot::Table(elements)) = self.slots.get_mut(*table) {
                    elements.insert(index, value);
                }
            }
            Target::Bind(place) => {
                let name = self.binds.get(*place).cloned().unwrap_or_default();
                for (known, held) in self.binds.iter().zip(&mut self.slots) {
                    if *known == name {
                        *held = slot.clone();
                    }
                }
            }
        }
        Ok(())
    }
}
