//! A prepared statement on our own service context.

use std::ptr::NonNull;

use oci_sys::*;

use crate::oci::array::ArrayRowError;
use crate::oci::attribute::Attributes;
use crate::oci::check::{Done, OciError, check, error_text};
use crate::oci::handle::Handle;
use crate::oci::session::Session;

/// A prepared statement. Released on drop.
pub(crate) struct Statement<'s> {
    session: &'s Session,
    pointer: NonNull<OCIStmt>,
    /// Its own, so that nothing else overwrites what an execute left there. Dropped after the release in `drop`.
    error: Handle<OCIError>,
}

/// What one column of a query is defined as; see OCIDefineByPos2.
pub(crate) struct DefineTarget {
    /// First value.
    pub(crate) values: *mut u8,
    /// Bytes of a value and distance to the next.
    pub(crate) stride_bytes: u32,
    /// `SQLT_*`
    pub(crate) external_type: u16,
    /// First indicator.
    pub(crate) indicators: *mut i16,
    /// First length, or null for types of fixed size.
    pub(crate) lengths: *mut u32,
    /// First return code.
    pub(crate) return_codes: *mut u16,
    /// Of LOB locators: bytes or characters of each value that come with the row; 0 for none.
    pub(crate) prefetch_bytes: u32,
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// Rows in the buffers.
    pub(crate) rows: u32,
    /// There are no more.
    pub(crate) at_end: bool,
}

/// What one placeholder is bound to; see OCIBindByPos2.
pub(crate) struct BindTarget {
    /// First value.
    pub(crate) values: *mut u8,
    /// Bytes of a value and distance to the next.
    pub(crate) stride_bytes: u32,
    /// `SQLT_*`
    pub(crate) external_type: u16,
    /// First indicator.
    pub(crate) indicators: *mut i16,
    /// First length, or null for types of fixed size.
    pub(crate) lengths: *mut u32,
    /// Most bytes of a value in the server, after conversion to its character set; only for types with lengths.
    pub(crate) server_bytes: u32,
}

impl<'s> Statement<'s> {
    /// Prepares `sql`. No round trip: errors in the text come up when it is executed.
    pub(crate) fn prepare(session: &'s Session, sql: &str) -> Result<Self, OciError> {
        let error = session.new_error_handle()?;
        let api = session.api();
        let sql_bytes = u32::try_from(sql.len())
            .map_err(|_| OciError::refused("OCIStmtPrepare2", "prepare the statement", "the statement is longer than 4 GB".into()))?;
        let mut pointer: *mut OCIStmt = std::ptr::null_mut();
        // SAFETY: service context and error handle live in `session` and here; the text is readable for its length and copied by the client;
        // no cache key.
        unsafe {
            let status = (api.OCIStmtPrepare2)(
                session.service(),
                &mut pointer,
                error.as_ptr(),
                sql.as_ptr(),
                sql_bytes,
                std::ptr::null(),
                0,
                OCI_NTV_SYNTAX,
                OCI_DEFAULT,
            );
            check(api, error.as_ptr(), status, "OCIStmtPrepare2", "prepare the statement")?;
        }
        let Some(pointer) = NonNull::new(pointer) else {
            return Err(OciError::refused("OCIStmtPrepare2", "prepare the statement", "the client gave no statement".into()));
        };
        Ok(Statement { session, pointer, error })
    }

    pub(crate) fn session(&self) -> &'s Session {
        self.session
    }

    pub(crate) fn as_ptr(&self) -> *mut OCIStmt {
        self.pointer.as_ptr()
    }

    pub(crate) fn error(&self) -> *mut OCIError {
        self.error.as_ptr()
    }

    /// Its attributes, reported to its own error handle.
    pub(crate) fn attributes(&self) -> Attributes {
        // SAFETY: both handles live as long as `self`, whose owner is confined to one thread (it borrows a `!Sync` session).
        unsafe { Attributes::of(self.session.api(), self.as_ptr().cast(), OCI_HTYPE_STMT, self.error()) }
    }

    /// Binds the placeholder at `position` (1-based), and sets character set form and maximum size where asked.
    ///
    /// # Safety
    /// All arrays of `target` stay where they are, and valid for as many rows as are executed, until the statement is released or the position
    /// is bound anew.
    pub(crate) unsafe fn bind(&self, position: u32, target: &BindTarget, national: bool) -> Result<(), OciError> {
        let api = self.session.api();
        let mut bind: *mut OCIBind = std::ptr::null_mut();
        // SAFETY: the handles are live; the arrays are the caller's promise; no return codes for DML, no PL/SQL table.
        unsafe {
            let status = (api.OCIBindByPos2)(
                self.as_ptr(),
                &mut bind,
                self.error(),
                position,
                target.values.cast(),
                i64::from(target.stride_bytes),
                target.external_type,
                target.indicators.cast(),
                target.lengths,
                std::ptr::null_mut(),
                0,
                std::ptr::null_mut(),
                OCI_DEFAULT,
            );
            check(api, self.error(), status, "OCIBindByPos2", "bind a placeholder")?;
            let attributes = Attributes::of(api, bind.cast(), OCI_HTYPE_BIND, self.error());
            if national {
                attributes.set(OCI_ATTR_CHARSET_FORM, SQLCS_NCHAR, "set the character set form of a placeholder")?;
            }
            if !target.lengths.is_null() {
                attributes.set(OCI_ATTR_MAXDATA_SIZE, target.server_bytes, "set the maximum size of a placeholder")?;
            }
        }
        Ok(())
    }

    /// Binds the placeholder at `position` (1-based) to a callback that is asked for each value, of up to 2 GB.
    ///
    /// # Safety
    /// `context` is what `callback` wants, until the statement is released or the position is bound anew.
    pub(crate) unsafe fn bind_dynamic(
        &self,
        position: u32,
        external_type: u16,
        national: bool,
        context: *mut std::ffi::c_void,
        callback: OCICallbackInBind,
    ) -> Result<(), OciError> {
        let (api, null) = (self.session.api(), std::ptr::null_mut());
        let mut bind: *mut OCIBind = std::ptr::null_mut();
        // SAFETY: the handles are live; values come from the callback alone, which has no context but its own; the form is one byte.
        unsafe {
            let status = (api.OCIBindByPos2)(
                self.as_ptr(),
                &mut bind,
                self.error(),
                position,
                null,
                i64::from(i32::MAX),
                external_type,
                null,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                0,
                std::ptr::null_mut(),
                OCI_DATA_AT_EXEC,
            );
            check(api, self.error(), status, "OCIBindByPos2", "bind a placeholder of long values")?;
            if national {
                let attributes = Attributes::of(api, bind.cast(), OCI_HTYPE_BIND, self.error());
                attributes.set(OCI_ATTR_CHARSET_FORM, SQLCS_NCHAR, "set the character set form of a placeholder")?;
            }
            let status = (api.OCIBindDynamic)(bind, self.error(), context, Some(callback), null, None);
            check(api, self.error(), status, "OCIBindDynamic", "bind a placeholder of long values").map(drop)
        }
    }

    /// Binds the placeholder at `position` (1-based), which is written alone, to a callback that is asked where each value is to go.
    ///
    /// # Safety
    /// `context` is what both callbacks want, until the statement is released. Of `target` only sizes and type are used.
    pub(crate) unsafe fn bind_out(
        &self,
        position: u32,
        target: &BindTarget,
        national: bool,
        context: *mut std::ffi::c_void,
        (nothing, take): (OCICallbackInBind, OCICallbackOutBind),
    ) -> Result<(), OciError> {
        const ACTION: &str = "bind a placeholder of RETURNING";
        let (api, null) = (self.session.api(), std::ptr::null_mut());
        let mut bind: *mut OCIBind = std::ptr::null_mut();
        // SAFETY: the handles are live; places come from the callbacks alone, whose context is the caller's promise; the form is one byte, the maximum
        // size an unsigned 32-bit number.
        unsafe {
            let status = (api.OCIBindByPos2)(
                self.as_ptr(),
                &mut bind,
                self.error(),
                position,
                null,
                i64::from(target.stride_bytes),
                target.external_type,
                null,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                0,
                std::ptr::null_mut(),
                OCI_DATA_AT_EXEC,
            );
            check(api, self.error(), status, "OCIBindByPos2", ACTION)?;
            let attributes = Attributes::of(api, bind.cast(), OCI_HTYPE_BIND, self.error());
            if national {
                attributes.set(OCI_ATTR_CHARSET_FORM, SQLCS_NCHAR, "set the character set form of a placeholder")?;
            }
            if !target.lengths.is_null() {
                attributes.set(OCI_ATTR_MAXDATA_SIZE, target.stride_bytes, "set the maximum size of a placeholder")?;
            }
            let status = (api.OCIBindDynamic)(bind, self.error(), context, Some(nothing), context, Some(take));
            check(api, self.error(), status, "OCIBindDynamic", ACTION).map(drop)
        }
    }

    /// Defines the column at `position` (1-based), and sets the character set form where asked.
    ///
    /// # Safety
    /// All arrays of `target` stay where they are, and valid for as many rows as are fetched, until the statement is released.
    pub(crate) unsafe fn define(&self, position: u32, target: &DefineTarget, national: bool) -> Result<(), OciError> {
        let api = self.session.api();
        let mut define: *mut OCIDefine = std::ptr::null_mut();
        // SAFETY: the handles are live; the arrays are the caller's promise; the form is one byte.
        unsafe {
            let status = (api.OCIDefineByPos2)(
                self.as_ptr(),
                &mut define,
                self.error(),
                position,
                target.values.cast(),
                u64::from(target.stride_bytes),
                target.external_type,
                target.indicators.cast(),
                target.lengths,
                target.return_codes,
                OCI_DEFAULT,
            );
            check(api, self.error(), status, "OCIDefineByPos2", "define a column")?;
            let attributes = Attributes::of(api, define.cast(), OCI_HTYPE_DEFINE, self.error());
            if national {
                attributes.set(OCI_ATTR_CHARSET_FORM, SQLCS_NCHAR, "set the character set form of a column")?;
            }
            if target.prefetch_bytes > 0 {
                attributes.set(OCI_ATTR_LOBPREFETCH_LENGTH, 1i32, "have the length of LOBs come with their rows")?;
                attributes.set(OCI_ATTR_LOBPREFETCH_SIZE, target.prefetch_bytes, "have LOBs come with their rows")?;
            }
        }
        Ok(())
    }

    /// Fetches up to `rows` rows, one round trip. Truncated cells are told by their return codes, not by an error.
    ///
    /// # Safety
    /// Every defined array has at least `rows` elements, and each has return codes.
    pub(crate) unsafe fn fetch(&self, rows: u32) -> Result<Fetched, OciError> {
        let api = self.session.api();
        // SAFETY: live handles; defined arrays are the caller's promise; the count is an unsigned 32-bit number.
        unsafe {
            let status = (api.OCIStmtFetch2)(self.as_ptr(), self.error(), rows, OCI_FETCH_NEXT, 0, OCI_DEFAULT);
            if status != OCI_NO_DATA {
                check(api, self.error(), status, "OCIStmtFetch2", "fetch rows")?;
            }
            let rows = self.attributes().scalar::<u32>(OCI_ATTR_ROWS_FETCHED, "count the fetched rows")?;
            Ok(Fetched { rows, at_end: status == OCI_NO_DATA })
        }
    }

    /// Executes. `iterations` 0 is for SELECT alone.
    ///
    /// # Safety
    /// Every bound array has at least `iterations` valid elements.
    pub(crate) unsafe fn execute(&self, iterations: u32, mode: u32, action: &'static str) -> Result<Done, OciError> {
        let api = self.session.api();
        // SAFETY: live handles; bound arrays are the caller's promise; the row offset is always 0, no snapshots.
        unsafe {
            let status = (api.OCIStmtExecute)(
                self.session.service(),
                self.as_ptr(),
                self.error(),
                iterations,
                0,
                std::ptr::null(),
                std::ptr::null_mut(),
                mode,
            );
            check(api, self.error(), status, "OCIStmtExecute", action)
        }
        .map_err(|error| self.with_parse_offset(error))
    }

    /// The failed rows of an execute with `OCI_BATCH_ERRORS` that ended with information, by ascending index. Read as ODPI-C does: the
    /// statement's error handle keeps the records, so attributes are read with a second handle, and a third takes one record after the other.
    pub(crate) fn batch_errors(&self) -> Result<Vec<ArrayRowError>, OciError> {
        let api = self.session.api();
        let reader = self.session.new_error_handle()?;
        let record = self.session.new_error_handle()?;
        // SAFETY: statement and error handles are live; the count is an unsigned 32-bit number.
        let count: u32 = unsafe {
            Attributes::of(api, self.as_ptr().cast(), OCI_HTYPE_STMT, reader.as_ptr())
                .scalar(OCI_ATTR_NUM_DML_ERRORS, "count the failed rows")
        }?;
        let mut errors = Vec::with_capacity(count as usize);
        for index in 0..count {
            // SAFETY: all handles are live and used by this thread alone; nothing has used the statement's error handle since the execute; the
            // row offset is an unsigned 32-bit number.
            let (row_index, (ora_code, message)) = unsafe {
                let record = record.batch_record(self.error(), &reader, index)?;
                let row_index = Attributes::of(api, record.cast(), OCI_HTYPE_ERROR, reader.as_ptr())
                    .scalar::<u32>(OCI_ATTR_DML_ROW_OFFSET, "read the row of an error")?;
                (row_index, error_text(api, record))
            };
            errors.push(ArrayRowError { row_index, ora_code, message });
        }
        errors.sort_by_key(|error| error.row_index);
        Ok(errors)
    }

    fn with_parse_offset(&self, error: OciError) -> OciError {
        if !matches!(error.ora_code, 900..=999) {
            return error;
        }
        // The statement has its own error handle, but the reason has been read from it already.
        // SAFETY: the attribute is an unsigned 16-bit number.
        let offset = unsafe { self.attributes().scalar::<u16>(OCI_ATTR_PARSE_ERROR_OFFSET, "read the parse offset") };
        OciError { parse_offset: offset.ok().map(u32::from), ..error }
    }
}

/// Runs a statement without placeholders that is no query, in a mode of `OCIStmtExecute`; rows affected, or the error and whether it was DML, which
/// commits nothing by itself.
pub(crate) fn execute_alone(session: &Session, sql: &str, mode: u32) -> Result<u64, (OciError, bool)> {
    let statement = Statement::prepare(session, sql).map_err(|error| (error, false))?;
    // SAFETY: a live statement handle; the attribute is an unsigned 16-bit number.
    let kind: Result<u16, OciError> = unsafe { statement.attributes().scalar(OCI_ATTR_STMT_TYPE, "read the statement type") };
    let kind = kind.map_err(|error| (error, false))?;
    let is_dml = [OCI_STMT_INSERT, OCI_STMT_UPDATE, OCI_STMT_DELETE, OCI_STMT_MERGE].contains(&kind);
    if kind == OCI_STMT_SELECT {
        let message = "a query changes nothing; read it instead".into();
        return Err((OciError::refused("OCIStmtExecute", "execute the statement", message), false));
    }
    // SAFETY: nothing is bound; an execute of a statement that has placeholders is refused by the client (ORA-01008).
    unsafe { statement.execute(1, mode, "execute the statement") }.map_err(|error| (error, is_dml))?;
    // SAFETY: executed; the attribute is an unsigned 32-bit number with every client.
    let rows = unsafe { statement.attributes().scalar::<u32>(OCI_ATTR_ROW_COUNT, "read the row count") };
    rows.map(u64::from).map_err(|error| (error, is_dml))
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: prepared by us, released once, before the service context and before the arrays that it has bound (see `ArrayStatement`).
        unsafe { (self.session.api().OCIStmtRelease)(self.as_ptr(), self.error(), std::ptr::null(), 0, OCI_DEFAULT) };
    }
}
