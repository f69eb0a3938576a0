//! Rows packed into one value: each cell is a byte that tells what it is, its length and its bytes.

use rusqlite::types::ValueRef;

use super::{OraError, Result};

const NULL: u8 = 0;
const TEXT: u8 = 1;
const BLOB: u8 = 2;

/// Packs one more cell.
pub(super) fn push(packed: &mut Vec<u8>, cell: ValueRef<'_>) -> Result<()> {
    let (tag, bytes) = match cell {
        ValueRef::Null => (NULL, &[][..]),
        ValueRef::Text(bytes) => (TEXT, bytes),
        ValueRef::Blob(bytes) => (BLOB, bytes),
        other => return Err(OraError::internal(format_args!("stored value of type {}", other.data_type()))),
    };
    let length = u32::try_from(bytes.len()).map_err(|_| OraError::internal("a value of more than 4 GiB"))?;
    packed.push(tag);
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(bytes);
    Ok(())
}

/// Cuts the next cell off; none at the end.
pub(super) fn take<'a>(packed: &mut &'a [u8]) -> Result<Option<ValueRef<'a>>> {
    let damaged = || OraError::internal("packed rows");
    let Some((tag, rest)) = packed.split_first() else { return Ok(None) };
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
    *packed = rest;
    match *tag {
        NULL => Ok(Some(ValueRef::Null)),
        TEXT => Ok(Some(ValueRef::Text(bytes))),
        BLOB => Ok(Some(ValueRef::Blob(bytes))),
        _ => Err(damaged()),
    }
}
