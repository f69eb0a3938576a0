//! Calls of stored and built-in procedures and functions.

use std::time::{Duration, Instant};

use super::super::block::{Argument, Builtin, Call, Callee, Expression, Mode, VarType, wrong_arguments};
use super::super::number::Number;
use super::super::{Datum, OraError, Result, guard, value};
use super::block::Machine;
use super::lob_call;
use super::slot::Slot;

/// Lines of DBMS_OUTPUT.
#[derive(Default)]
pub(super) struct Output {
    is_enabled: bool,
    lines: std::collections::VecDeque<String>,
    /// What PUT began and NEW_LINE or PUT_LINE ends.
    begun: String,
}

/// Calls in calls that are too many for the stack.
const MOST_NESTED_CALLS: u32 = 50;

impl Machine<'_> {
    /// Runs a call; the value of a function.
    pub(super) fn call(&mut self, call: &mut Call) -> Result<Option<Slot>> {
        let mut given = Vec::new();
        // Parameters that are LOBs of either kind.
        let is_lob_call = matches!(call.callee, Callee::Builtin(Builtin::Lob(_)));
        for argument in &mut call.arguments {
            let slot = match &mut argument.value {
                None => None,
                Some(value) if is_lob_call => Some(self.evaluate(value)?),
                Some(value) => Some(self.argument(value, argument.mode, &argument.var_type, &call.shown, call.line)?),
            };
            given.push(slot);
        }
        let (outs, value) = match call.callee.clone() {
            Callee::Builtin(builtin) => (self.builtin(builtin, given)?, None),
            Callee::Stored { owner, unit, name } => self.stored(&owner, &unit, &name, given)?,
        };
        for (argument, out) in call.arguments.iter_mut().zip(outs) {
            if let (Argument { target: Some(target), .. }, Some(out)) = (argument, out) {
                self.set(target, out)?;
            }
        }
        Ok(value)
    }

    /// The value given for a parameter. What a variable or bind holds has to be of the parameter's kind; expressions are.
    fn argument(&mut self, value: &mut Expression, mode: Mode, var_type: &VarType, shown: &str, line: u64) -> Result<Slot> {
        let is_variable = matches!(value, Expression::Slot(_));
        let slot = self.evaluate(value)?;
        if is_variable && !slot.fits(var_type) {
            return Err(wrong_arguments(shown, line));
        }
        match mode {
            // Only its kind counts.
            Mode::Out => Ok(Slot::initial(var_type)),
            _ => slot.assigned(var_type, self.nls()),
        }
    }

    /// Runs a stored subprogram in a frame of its own: what its parameters hold at its end, where they are written, and its value.
    fn stored(&mut self, owner: &str, unit: &str, name: &str, given: Vec<Option<Slot>>) -> Result<(Vec<Option<Slot>>, Option<Slot>)> {
        if self.depth >= MOST_NESTED_CALLS {
            return Err(OraError::new(36, "maximum number of recursive calls exceeded"));
        }
        let mut program = self.session.units().subprogram(owner, unit, name)?;
        let mut frame = Machine::new(self.session, Vec::new(), vec![Slot::NULL; program.slots], self.depth + 1);
        for (index, slot) in given.into_iter().enumerate() {
            frame.slots[index] = match (slot, &mut program.defaults[index]) {
                (Some(slot), _) => slot,
                (None, Some(default)) => {
                    let value = frame.evaluate(default)?;
                    value.assigned(&program.parameters[index].var_type, frame.nls())?
                }
                (None, None) => Slot::initial(&program.parameters[index].var_type),
            };
        }
        frame.block(&mut program.block)?;
        let value = match (&program.returns, frame.returned.take()) {
            (None, _) => None,
            (Some(var_type), Some(value)) => Some(value.assigned(var_type, frame.nls())?),
            (Some(_), None) => return Err(OraError::new(6503, "PL/SQL: Function returned without value")),
        };
        let written =
            program.parameters.iter().zip(&frame.slots).map(|(parameter, slot)| (parameter.mode != Mode::In).then(|| slot.clone()));
        Ok((written.collect(), value))
    }

    fn builtin(&mut self, builtin: Builtin, given: Vec<Option<Slot>>) -> Result<Vec<Option<Slot>>> {
        if let Builtin::Lob(builtin) = builtin {
            return Ok(vec![Some(lob_call::run(builtin, &given, self.nls())?)]);
        }
        let first = given.into_iter().next().flatten();
        let text = |first: &Option<Slot>, machine: &Machine<'_>| -> Result<String> {
            match first {
                Some(slot) => Ok(value::to_text(slot.datum()?, machine.nls(), "CHAR")?.into_owned()),
                None => Ok(String::new()),
            }
        };
        match builtin {
            Builtin::Sleep => {
                let seconds = match first.as_ref().map(Slot::datum).transpose()? {
                    Some(Datum::Number(bytes)) => Number::from_bytes(bytes)?.to_f64(),
                    _ => return Err(OraError::new(6502, "PL/SQL: numeric or value error")),
                };
                self.sleep(seconds)?;
            }
            Builtin::OutputEnable => self.session.output.is_enabled = true,
            Builtin::OutputDisable => self.session.output = Output::default(),
            Builtin::OutputPut | Builtin::OutputPutLine => {
                let text = text(&first, self)?;
                let output = &mut self.session.output;
                if output.is_enabled {
                    output.begun.push_str(&text);
                    if builtin == Builtin::OutputPutLine {
                        let line = std::mem::take(&mut output.begun);
                        output.lines.push_back(line);
                    }
                }
            }
            Builtin::OutputGetLine => {
                let line = self.session.output.lines.pop_front();
                let status = Slot::new(Datum::Int(line.is_none().into()))?;
                return Ok(vec![Some(Slot::new(line.as_deref().map_or(Datum::Null, Datum::Text))?), Some(status)]);
            }
            Builtin::ReturnResult => match first {
                Some(Slot::Cursor(Some(number))) => self.session.implicit_results.push(number),
                _ => return Err(OraError::new(1001, "invalid cursor")),
            },
            Builtin::LtxidOutcome => {
                let found = match first.as_ref().map(Slot::datum).transpose()? {
                    Some(Datum::Bytes(ltxid)) => guard::outcome(&self.session.connection, ltxid)?,
                    _ => return Err(OraError::new(6502, "PL/SQL: numeric or value error")),
                };
                return Ok(vec![None, Some(Slot::Boolean(Some(found.committed))), Some(Slot::Boolean(Some(found.call_completed)))]);
            }
            Builtin::Lob(_) => {}
        }
        Ok(Vec::new())
    }

    /// Sleeps in slices, so that a cancel ends it.
    fn sleep(&self, seconds: f64) -> Result<()> {
        const SLICE: Duration = Duration::from_millis(10);
        let end =
            Instant::now() + Duration::try_from_secs_f64(seconds).map_err(|_| OraError::new(6502, "PL/SQL: numeric or value error"))?;
        while Instant::now() < end {
            self.session.interrupts.check()?;
            std::thread::sleep(SLICE.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}
