//! Values that a statement hands back through its binds: RETURNING … INTO, and what a PL/SQL block assigns.

use std::ffi::c_void;

use super::bind::{BindBody, Lengths, OutCallback};
use super::codes::{sqlt, status};
use super::error::Failure;
use super::handle::Handle;
use super::output::Output;
use crate::engine::{Datum, Nls};

/// A bind that is written, resolved for an execute.
pub struct OutBind {
    /// Index of the placeholder.
    pub index: usize,
    handle: *mut Handle<BindBody>,
    output: Output,
    callback: Option<(OutCallback, usize)>,
    is_piecewise: bool,
    /// Elements that the caller's array of an index-by table has, and where their number goes.
    array: Option<(u32, *mut u32)>,
    is_cursor: bool,
    /// Row and number of each query that was written.
    pub cursors: Vec<(usize, Option<u32>)>,
}

/// A value kept until its row is complete.
pub enum Kept {
    Plain(Datum<'static>),
    Number(Box<[u8]>),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Table(Vec<Kept>),
}

impl Kept {
    /// A copy of a value.
    pub fn new(datum: Datum<'_>) -> Kept {
        match datum {
            Datum::Number(bytes) => Kept::Number(bytes.into()),
            Datum::Text(text) => Kept::Text(text.into()),
            Datum::Bytes(bytes) => Kept::Bytes(bytes.into()),
            Datum::Null => Kept::Plain(Datum::Null),
            Datum::EmptyClob => Kept::Plain(Datum::EmptyClob),
            Datum::EmptyBlob => Kept::Plain(Datum::EmptyBlob),
            Datum::Int(value) => Kept::Plain(Datum::Int(value)),
            Datum::UInt(value) => Kept::Plain(Datum::UInt(value)),
            Datum::BinaryFloat(value) => Kept::Plain(Datum::BinaryFloat(value)),
            Datum::BinaryDouble(value) => Kept::Plain(Datum::BinaryDouble(value)),
            Datum::Date(value) => Kept::Plain(Datum::Date(value)),
            Datum::Timestamp(value) => Kept::Plain(Datum::Timestamp(value)),
            Datum::TimestampTz(value) => Kept::Plain(Datum::TimestampTz(value)),
            Datum::IntervalDs(value) => Kept::Plain(Datum::IntervalDs(value)),
            Datum::IntervalFields(value) => Kept::Plain(Datum::IntervalFields(value)),
            Datum::IntervalYm(value) => Kept::Plain(Datum::IntervalYm(value)),
            Datum::Boolean(value) => Kept::Plain(Datum::Boolean(value)),
            Datum::Cursor(number) => Kept::Plain(Datum::Cursor(number)),
            Datum::Table(elements) => Kept::Table(elements.iter().map(|element| Kept::new(*element)).collect()),
        }
    }

    fn datum(&self) -> Datum<'_> {
        match self {
            Kept::Plain(datum) => *datum,
            Kept::Number(bytes) => Datum::Number(bytes),
            Kept::Text(text) => Datum::Text(text),
            Kept::Bytes(bytes) => Datum::Bytes(bytes),
            Kept::Table(_) => Datum::Null,
        }
    }
}

/// Where the caller wants one value.
struct Place {
    value: *mut c_void,
    length: *mut u32,
    indicator: *mut c_void,
    code: *mut u16,
}

impl OutBind {
    /// Resolves the bind of placeholder `index`.
    ///
    /// # Safety
    /// `handle` is a bind of a statement whose lock the caller holds.
    pub(super) unsafe fn resolve(handle: *mut Handle<BindBody>, index: usize, name: &str, nls: &Nls) -> Result<OutBind, Failure> {
        // SAFETY: bind handles live as long as their statement.
        let bind = unsafe { &*handle }.lock();
        if bind.dynamic && bind.out_callback.is_none() {
            return Err(Failure::unimplemented(format_args!(":{name} given back in pieces (OCI_DATA_AT_EXEC without an out-callback)")));
        }
        Ok(OutBind {
            index,
            handle,
            callback: bind.out_callback,
            is_piecewise: bind.dynamic && matches!(bind.external_type, sqlt::LNG | sqlt::LBI),
            array: bind.array,
            is_cursor: bind.external_type == sqlt::RSET,
            cursors: Vec::new(),
            output: Output::for_bind(&bind, name, nls),
        })
    }

    /// Hands over the values of one iteration, one for each row that it changed.
    ///
    /// # Safety
    /// The bound arrays hold element `iteration`; callbacks keep the OCI contract.
    pub unsafe fn deliver(&mut self, iteration: u32, rows: &[Vec<Kept>], column: usize) -> Result<(), Failure> {
        // SAFETY: bind handles live as long as their statement; the lock is not held during callbacks, which read attributes.
        unsafe { &*self.handle }.lock().rows_returned = rows.len() as u32;
        if self.is_cursor {
            let number = |kept: &Kept| if let Kept::Plain(Datum::Cursor(number)) = kept { Some(*number) } else { None };
            let number = rows.last().and_then(|row| number(&row[column]));
            // SAFETY: the caller's contract.
            unsafe { self.output.tell_null(iteration as usize, number.is_none()) };
            self.cursors.push((iteration as usize, number));
            return Ok(());
        }
        if let (Some(array), [row]) = (self.array, rows) {
            // SAFETY: the caller's contract.
            return unsafe { self.deliver_table(array, &row[column]) };
        }
        let Some(callback) = self.callback else {
            return match rows {
                [] => Ok(()),
                // SAFETY: the caller's contract.
                [row] => unsafe { self.output.put(iteration as usize, row[column].datum()) }.map(drop),
                _ => Err(Failure::ora(1422, "exact fetch returns more than requested number of rows")),
            };
        };
        for (index, row) in rows.iter().enumerate() {
            // SAFETY: the caller's contract.
            unsafe { self.call(callback, iteration, index as u32, row[column].datum()) }?;
        }
        Ok(())
    }

    /// # Safety
    /// The bound array holds as many elements as it said, and `count` is writable.
    unsafe fn deliver_table(&self, (most, count): (u32, *mut u32), kept: &Kept) -> Result<(), Failure> {
        let elements = if let Kept::Table(elements) = kept { elements.as_slice() } else { &[] };
        if elements.len() > most as usize {
            return Err(Failure::ora(6513, "PL/SQL: index for PL/SQL table out of range for host language array"));
        }
        for (index, element) in elements.iter().enumerate() {
            // SAFETY: the caller's contract.
            unsafe { self.output.put(index, element.datum()) }?;
        }
        if !count.is_null() {
            // SAFETY: the caller's contract.
            unsafe { count.write(elements.len() as u32) };
        }
        Ok(())
    }

    /// # Safety
    /// As `deliver`.
    unsafe fn call(&mut self, callback: (OutCallback, usize), iteration: u32, index: u32, datum: Datum<'_>) -> Result<(), Failure> {
        // SAFETY: the caller's contract; a place is as large as the callback says.
        unsafe {
            if !self.is_piecewise {
                let mut place = self.ask(callback, iteration, index, 0)?;
                // Descriptors are given themselves, not by an array of pointers.
                let value = if self.output.is_descriptor() { (&raw mut place.value).cast() } else { place.value };
                self.output.aim(value, place.indicator.cast(), Lengths::wide(place.length), place.code);
                return self.output.put(0, datum).map(drop);
            }
            let bytes = self.output.long_bytes(datum)?;
            let mut rest = bytes;
            let mut piece = 0;
            loop {
                let place = self.ask(callback, iteration, index, piece)?;
                if place.length.is_null() {
                    return Err(self.refused(iteration));
                }
                let taken = rest.len().min(place.length.read() as usize);
                if taken == 0 && !rest.is_empty() {
                    return Err(self.refused(iteration));
                }
                std::ptr::copy_nonoverlapping(rest.as_ptr(), place.value.cast(), taken);
                place.length.write(taken as u32);
                if !place.indicator.is_null() {
                    place.indicator.cast::<i16>().write_unaligned(if datum.inline().is_null() { -1 } else { 0 });
                }
                rest = &rest[taken..];
                if rest.is_empty() {
                    return Ok(());
                }
                piece = 2;
            }
        }
    }

    fn refused(&self, iteration: u32) -> Failure {
        Failure::ora(24343, format_args!("user defined callback error (placeholder {}, iteration {iteration})", self.index + 1))
    }

    /// # Safety
    /// As `deliver`.
    unsafe fn ask(&self, (callback, context): (OutCallback, usize), iteration: u32, index: u32, piece: u8) -> Result<Place, Failure> {
        let mut place = Place {
            value: std::ptr::null_mut(),
            length: std::ptr::null_mut(),
            indicator: std::ptr::null_mut(),
            code: std::ptr::null_mut(),
        };
        let mut piece = piece;
        // SAFETY: an `OCICallbackOutBind` by contract.
        let answer = unsafe {
            callback(
                context as *mut c_void,
                self.handle.cast(),
                iteration,
                index,
                &mut place.value,
                &mut place.length,
                &mut piece,
                &mut place.indicator,
                &mut place.code,
            )
        };
        if answer != status::CONTINUE || place.value.is_null() { Err(self.refused(iteration)) } else { Ok(place) }
    }
}
