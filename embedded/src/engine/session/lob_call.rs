//! The procedures of DBMS_LOB that change a LOB held by a variable or a bind. Positions in text count UTF-16 units.

use rusqlite::types::Value;

use super::super::block::LobBuiltin;
use super::super::nls::Nls;
use super::super::number::Number;
use super::super::types::Family;
use super::super::{Datum, OraError, Result, value};
use super::slot::Slot;

/// Runs one: what the LOB has come to.
pub(super) fn run(builtin: LobBuiltin, given: &[Option<Slot>], nls: &Nls) -> Result<Slot> {
    let lob = given
        .first()
        .and_then(Option::as_ref)
        .filter(|slot| !slot.is_null())
        .ok_or_else(|| OraError::new(6502, "PL/SQL: numeric or value error: invalid LOB locator specified: ORA-22275"))?;
    let arguments = Arguments { given, nls };
    match lob {
        Slot::Scalar { family: Family::Blob | Family::Raw, .. } => {
            let mut content = arguments.bytes(0)?;
            change(builtin, &mut content, 0, &arguments, |index| arguments.bytes(index))?;
            Ok(Slot::Scalar { value: Value::Blob(content), family: Family::Blob })
        }
        _ => {
            let mut content = arguments.units(0)?;
            change(builtin, &mut content, u16::from(b' '), &arguments, |index| arguments.units(index))?;
            let text = String::from_utf16(&content).map_err(|_| OraError::new(29275, "partial multibyte character"))?;
            Ok(Slot::Scalar { value: Value::Text(text), family: Family::Clob })
        }
    }
}

struct Arguments<'a> {
    given: &'a [Option<Slot>],
    nls: &'a Nls,
}

impl Arguments<'_> {
    fn datum(&self, index: usize) -> Result<Datum<'_>> {
        self.given.get(index).and_then(Option::as_ref).map_or(Ok(Datum::Null), Slot::datum)
    }

    fn units(&self, index: usize) -> Result<Vec<u16>> {
        Ok(value::to_text(self.datum(index)?, self.nls, "CHAR")?.encode_utf16().collect())
    }

    /// Text is hexadecimal digits where bytes are wanted.
    fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        match self.datum(index)? {
            Datum::Null | Datum::EmptyBlob | Datum::EmptyClob => Ok(Vec::new()),
            Datum::Bytes(bytes) => Ok(bytes.to_vec()),
            Datum::Text(text) => value::unhex(text),
            _ => Err(OraError::inconsistent("BLOB", "-")),
        }
    }

    /// A count from `least` on; ORA-21560 for what is none. 1 when it is left out.
    fn count(&self, index: usize, least: u64) -> Result<usize> {
        let invalid = || OraError::new(21560, format_args!("argument {} is null, invalid, or out of range", index + 1));
        if self.given.get(index).is_none_or(Option::is_none) {
            return Ok(1);
        }
        let number = match self.datum(index)? {
            Datum::Number(bytes) => Number::from_bytes(bytes)?,
            Datum::Int(value) => Number::from_i64(value),
            Datum::Text(text) => Number::parse(text)?,
            _ => return Err(invalid()),
        };
        let count = number.to_u64().ok().filter(|count| *count >= least).ok_or_else(invalid)?;
        usize::try_from(count).map_err(|_| invalid())
    }
}

fn change<T: Copy>(
    builtin: LobBuiltin,
    content: &mut Vec<T>,
    filler: T,
    arguments: &Arguments<'_>,
    read: impl Fn(usize) -> Result<Vec<T>>,
) -> Result<()> {
    let beyond = |index: usize| OraError::new(21560, format_args!("argument {} is null, invalid, or out of range", index + 1));
    match builtin {
        LobBuiltin::Append => content.extend(read(1)?),
        LobBuiltin::Copy => {
            let (source, amount) = (read(1)?, arguments.count(2, 1)?);
            let (at, from) = (arguments.count(3, 1)? - 1, arguments.count(4, 1)? - 1);
            let from = from.min(source.len());
            let end = from.saturating_add(amount).min(source.len());
            put(content, at, &source[from..end], filler);
        }
        LobBuiltin::Write => {
            let (amount, at, buffer) = (arguments.count(1, 1)?, arguments.count(2, 1)? - 1, read(3)?);
            put(content, at, buffer.get(..amount).ok_or_else(|| beyond(1))?, filler);
        }
        LobBuiltin::WriteAppend => {
            let (amount, buffer) = (arguments.count(1, 1)?, read(2)?);
            content.extend_from_slice(buffer.get(..amount).ok_or_else(|| beyond(1))?);
        }
        LobBuiltin::Trim => {
            let length = arguments.count(1, 0)?;
            if length > content.len() {
                return Err(OraError::new(22926, "specified trim length is greater than current LOB value's length"));
            }
            content.truncate(length);
        }
    }
    Ok(())
}

/// Puts `source` over what is at `at`; a gap before it is filled.
fn put<T: Copy>(content: &mut Vec<T>, at: usize, source: &[T], filler: T) {
    if content.len() < at {
        content.resize(at, filler);
    }
    let end = (at + source.len()).min(content.len());
    content.splice(at..end, source.iter().copied());
}
