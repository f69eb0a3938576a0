//! Numbers of the OCI headers. Source: Oracle's public headers `oci.h`, `ocidfn.h`, `ociap.h` (19.8); those above 12.1 are also in ODPI-C.

// Status of a call.
/// The call did what was asked.
pub const OCI_SUCCESS: i32 = 0;
/// It did, and has something to say: a warning, or batch errors (ORA-24381).
pub const OCI_SUCCESS_WITH_INFO: i32 = 1;
/// Piecewise and direct path: more data is wanted.
pub const OCI_NEED_DATA: i32 = 99;
/// End of a fetch, of the error records, of a stream.
pub const OCI_NO_DATA: i32 = 100;
/// The error handle has the reason.
pub const OCI_ERROR: i32 = -1;
/// A handle is NULL or of another type; no error handle to ask.
pub const OCI_INVALID_HANDLE: i32 = -2;
/// Non-blocking mode: call again.
pub const OCI_STILL_EXECUTING: i32 = -3123;
/// Callbacks return it; direct path: the stream is full.
pub const OCI_CONTINUE: i32 = -24200;

// Handle types.
/// `OCIEnv`
pub const OCI_HTYPE_ENV: u32 = 1;
/// `OCIError`
pub const OCI_HTYPE_ERROR: u32 = 2;
/// `OCISvcCtx`
pub const OCI_HTYPE_SVCCTX: u32 = 3;
/// `OCIStmt`
pub const OCI_HTYPE_STMT: u32 = 4;
/// `OCIBind`
pub const OCI_HTYPE_BIND: u32 = 5;
/// `OCIDefine`
pub const OCI_HTYPE_DEFINE: u32 = 6;
/// `OCIServer`
pub const OCI_HTYPE_SERVER: u32 = 8;
/// `OCISession`
pub const OCI_HTYPE_SESSION: u32 = 9;
/// `OCIDirPathCtx`
pub const OCI_HTYPE_DIRPATH_CTX: u32 = 14;
/// `OCIDirPathColArray`
pub const OCI_HTYPE_DIRPATH_COLUMN_ARRAY: u32 = 15;
/// `OCIDirPathStream`
pub const OCI_HTYPE_DIRPATH_STREAM: u32 = 16;

// Descriptor types.
/// `OCILobLocator`
pub const OCI_DTYPE_LOB: u32 = 50;
/// `OCIParam`
pub const OCI_DTYPE_PARAM: u32 = 53;
/// `OCIRowid`
pub const OCI_DTYPE_ROWID: u32 = 54;
/// `OCIInterval`, year to month
pub const OCI_DTYPE_INTERVAL_YM: u32 = 62;
/// `OCIInterval`, day to second
pub const OCI_DTYPE_INTERVAL_DS: u32 = 63;
/// `OCIDateTime` without zone
pub const OCI_DTYPE_TIMESTAMP: u32 = 68;
/// `OCIDateTime` with zone
pub const OCI_DTYPE_TIMESTAMP_TZ: u32 = 69;
/// `OCIDateTime` in the session's zone
pub const OCI_DTYPE_TIMESTAMP_LTZ: u32 = 70;

// Environment modes.
/// Calls on one environment may come from several threads.
pub const OCI_THREADED: u32 = 0x1;
/// Object types; ODPI-C always asks for it.
pub const OCI_OBJECT: u32 = 0x2;

// Statements.
/// The server's own syntax.
pub const OCI_NTV_SYNTAX: u32 = 1;
/// No special mode, of any call.
pub const OCI_DEFAULT: u32 = 0;
/// Execute: describe the select list and stop.
pub const OCI_DESCRIBE_ONLY: u32 = 0x10;
/// Execute: commit in the same round trip when all went well.
pub const OCI_COMMIT_ON_SUCCESS: u32 = 0x20;
/// Execute: go on after a failing row; the rows' errors are read afterwards.
pub const OCI_BATCH_ERRORS: u32 = 0x80;
/// Execute: one row count an iteration, client 12.1 and later.
pub const OCI_RETURN_ROW_COUNT_ARRAY: u32 = 0x0010_0000;
/// Bind and define: data comes from or goes to callbacks.
pub const OCI_DATA_AT_EXEC: u32 = 0x2;
/// Fetch: the next rows.
pub const OCI_FETCH_NEXT: u16 = 2;
/// Release: drop the statement from the cache.
pub const OCI_STRLS_CACHE_DELETE: u32 = 0x10;

// Statement types (attribute 24).
/// SELECT
pub const OCI_STMT_SELECT: u16 = 1;
/// UPDATE
pub const OCI_STMT_UPDATE: u16 = 2;
/// DELETE
pub const OCI_STMT_DELETE: u16 = 3;
/// INSERT
pub const OCI_STMT_INSERT: u16 = 4;
/// MERGE
pub const OCI_STMT_MERGE: u16 = 16;

// Attributes of handles.
/// Service context: its environment.
pub const OCI_ATTR_ENV: u32 = 5;
/// Service context: its server.
pub const OCI_ATTR_SERVER: u32 = 6;
/// Service context: its session.
pub const OCI_ATTR_SESSION: u32 = 7;
/// Service context: its transaction handle.
pub const OCI_ATTR_TRANS: u32 = 8;
/// Statement: rows processed so far, u32.
pub const OCI_ATTR_ROW_COUNT: u32 = 9;
/// Statement: rows to prefetch, u32, write only.
pub const OCI_ATTR_PREFETCH_ROWS: u32 = 11;
/// Statement: columns of the select list, u32.
pub const OCI_ATTR_PARAM_COUNT: u32 = 18;
/// Statement: its type, u16.
pub const OCI_ATTR_STMT_TYPE: u32 = 24;
/// Bind, define: character set, u16.
pub const OCI_ATTR_CHARSET_ID: u32 = 31;
/// Bind, define, column: character set form, u8.
pub const OCI_ATTR_CHARSET_FORM: u32 = 32;
/// Bind: most bytes a value may have at the server, u32.
pub const OCI_ATTR_MAXDATA_SIZE: u32 = 33;
/// Bind, within its out-callback: rows that the iteration gives values back for, u32.
pub const OCI_ATTR_ROWS_RETURNED: u32 = 42;
/// Statement: failed rows of an array DML, u32 (16 bits significant).
pub const OCI_ATTR_NUM_DML_ERRORS: u32 = 73;
/// Error record of a batch: its row, u32, 0-based.
pub const OCI_ATTR_DML_ROW_OFFSET: u32 = 74;
/// Statement: where parsing failed, u16, bytes from the start.
pub const OCI_ATTR_PARSE_ERROR_OFFSET: u32 = 129;
/// Server: [`OCI_SERVER_NORMAL`] while connected, u32.
pub const OCI_ATTR_SERVER_STATUS: u32 = 143;
/// Statement: placeholders, duplicates counted, u32.
pub const OCI_ATTR_BIND_COUNT: u32 = 190;
/// Statement: rows of the last fetch, u32.
pub const OCI_ATTR_ROWS_FETCHED: u32 = 197;
/// Session: the schema that unqualified names are looked up in.
pub const OCI_ATTR_CURRENT_SCHEMA: u32 = 224;
/// Environment: national character set, u16.
pub const OCI_ATTR_NCHARSET_ID: u32 = 262;
/// Statement: rows processed, u64, client 12.1 and later.
pub const OCI_ATTR_UB8_ROW_COUNT: u32 = 457;
/// Session: logical transaction id, bytes, client 12.1 and later.
pub const OCI_ATTR_LTXID: u32 = 462;
/// Statement: pointer to u64 counts and how many, client 12.1 and later.
pub const OCI_ATTR_DML_ROW_COUNT_ARRAY: u32 = 469;
/// Error: the outcome of a commit can be asked for, i32 boolean.
pub const OCI_ATTR_ERROR_IS_RECOVERABLE: u32 = 472;
/// Session: a transaction is open, i32 boolean, client 12.1 and later.
pub const OCI_ATTR_TRANSACTION_IN_PROGRESS: u32 = 484;
/// Service context: u8, 1 standard (4000), 2 extended (32767), client 12.1 and later.
pub const OCI_ATTR_VARTYPE_MAXLEN_COMPAT: u32 = 489;
/// Service context: milliseconds a call may take, u32, client 18 and later.
pub const OCI_ATTR_CALL_TIMEOUT: u32 = 531;
/// Server status: connected, as far as the client knows.
pub const OCI_SERVER_NORMAL: u32 = 1;
/// Value of [`OCI_ATTR_VARTYPE_MAXLEN_COMPAT`] for MAX_STRING_SIZE = EXTENDED.
pub const OCI_VARTYPE_MAXLEN_COMPAT_EXTENDED: u8 = 2;

// Attributes of a described column.
/// Bytes, u16.
pub const OCI_ATTR_DATA_SIZE: u32 = 1;
/// External type code, u16.
pub const OCI_ATTR_DATA_TYPE: u32 = 2;
/// Name, text.
pub const OCI_ATTR_NAME: u32 = 4;
/// Decimal digits, i16 in a statement's describe.
pub const OCI_ATTR_PRECISION: u32 = 5;
/// Digits after the point, i8; fractional digits of a TIMESTAMP.
pub const OCI_ATTR_SCALE: u32 = 6;
/// NULL allowed, u8.
pub const OCI_ATTR_IS_NULL: u32 = 7;
/// Name of an object type, text.
pub const OCI_ATTR_TYPE_NAME: u32 = 8;
/// Length semantics are characters, u8.
pub const OCI_ATTR_CHAR_USED: u32 = 285;
/// Length in characters, u16.
pub const OCI_ATTR_CHAR_SIZE: u32 = 286;

// Character sets and forms.
/// Database character set.
pub const SQLCS_IMPLICIT: u8 = 1;
/// National character set.
pub const SQLCS_NCHAR: u8 = 2;
/// AL32UTF8, Oracle's name for UTF-8.
pub const OCI_AL32UTF8_ID: u16 = 873;

// External types.
/// VARCHAR2; bytes with a length array.
pub const SQLT_CHR: u16 = 1;
/// NUMBER without length byte.
pub const SQLT_NUM: u16 = 2;
/// Signed native integer of 1, 2, 4 or 8 bytes.
pub const SQLT_INT: u16 = 3;
/// C float or double; the client rounds it to 15 digits on the way to NUMBER.
pub const SQLT_FLT: u16 = 4;
/// NUMBER with length byte: [`crate::OCINumber`].
pub const SQLT_VNU: u16 = 6;
/// LONG.
pub const SQLT_LNG: u16 = 8;
/// ROWID, as a describe reports it.
pub const SQLT_RID: u16 = 11;
/// DATE, 7 bytes.
pub const SQLT_DAT: u16 = 12;
/// Native 4-byte float.
pub const SQLT_BFLOAT: u16 = 21;
/// Native 8-byte float.
pub const SQLT_BDOUBLE: u16 = 22;
/// RAW; bytes with a length array.
pub const SQLT_BIN: u16 = 23;
/// LONG RAW.
pub const SQLT_LBI: u16 = 24;
/// Unsigned native integer of 1, 2, 4 or 8 bytes.
pub const SQLT_UIN: u16 = 68;
/// CHAR, blank-padded.
pub const SQLT_AFC: u16 = 96;
/// BINARY_FLOAT as a describe reports it (canonical byte order).
pub const SQLT_IBFLOAT: u16 = 100;
/// BINARY_DOUBLE as a describe reports it (canonical byte order).
pub const SQLT_IBDOUBLE: u16 = 101;
/// Cursor.
pub const SQLT_CUR: u16 = 102;
/// ROWID descriptor.
pub const SQLT_RDD: u16 = 104;
/// Named object type, collections and XMLTYPE among them.
pub const SQLT_NTY: u16 = 108;
/// REF to an object.
pub const SQLT_REF: u16 = 110;
/// CLOB, NCLOB locator.
pub const SQLT_CLOB: u16 = 112;
/// BLOB locator.
pub const SQLT_BLOB: u16 = 113;
/// BFILE locator.
pub const SQLT_BFILEE: u16 = 114;
/// JSON, client 21 and later.
pub const SQLT_JSON: u16 = 119;
/// VECTOR, client 23.4 and later.
pub const SQLT_VEC: u16 = 127;
/// [`crate::OCIDate`].
pub const SQLT_ODT: u16 = 156;
/// TIMESTAMP, internal form.
pub const SQLT_INTERNAL_TIMESTAMP: u16 = 180;
/// TIMESTAMP WITH TIME ZONE, internal form.
pub const SQLT_INTERNAL_TIMESTAMP_TZ: u16 = 181;
/// INTERVAL YEAR TO MONTH, internal form.
pub const SQLT_INTERNAL_INTERVAL_YM: u16 = 182;
/// INTERVAL DAY TO SECOND, internal form.
pub const SQLT_INTERNAL_INTERVAL_DS: u16 = 183;
/// TIMESTAMP descriptor.
pub const SQLT_TIMESTAMP: u16 = 187;
/// TIMESTAMP WITH TIME ZONE descriptor.
pub const SQLT_TIMESTAMP_TZ: u16 = 188;
/// INTERVAL YEAR TO MONTH descriptor.
pub const SQLT_INTERVAL_YM: u16 = 189;
/// INTERVAL DAY TO SECOND descriptor.
pub const SQLT_INTERVAL_DS: u16 = 190;
/// UROWID.
pub const SQLT_UROWID: u16 = 208;
/// TIMESTAMP WITH LOCAL TIME ZONE, internal form.
pub const SQLT_INTERNAL_TIMESTAMP_LTZ: u16 = 231;
/// TIMESTAMP WITH LOCAL TIME ZONE descriptor.
pub const SQLT_TIMESTAMP_LTZ: u16 = 232;
/// BOOLEAN.
pub const SQLT_BOL: u16 = 252;

/// Bytes that any error text fits in (`OCI_ERROR_MAXMSG_SIZE2`).
pub const OCI_ERROR_MAXMSG_SIZE2: usize = 3072;
/// The scale by which a describe says that a NUMBER has none.
pub const OCI_NUMBER_NO_SCALE: i8 = -127;

// LOBs.
/// One piece is the whole value.
pub const OCI_ONE_PIECE: u8 = 0;
/// The first of several.
pub const OCI_FIRST_PIECE: u8 = 1;
/// Another one.
pub const OCI_NEXT_PIECE: u8 = 2;
/// `OCILobCreateTemporary` of bytes.
pub const OCI_TEMP_BLOB: u8 = 1;
/// `OCILobCreateTemporary` of text.
pub const OCI_TEMP_CLOB: u8 = 2;
/// Until the session ends.
pub const OCI_DURATION_SESSION: u16 = 10;
/// Makes a locator empty, to be bound (write only, `u32`).
pub const OCI_ATTR_LOBEMPTY: u32 = 45;
/// Bytes or characters of a LOB that come with its locator (`u32`, of a define).
pub const OCI_ATTR_LOBPREFETCH_SIZE: u32 = 439;
/// The LOB's length comes with its locator (`i32`, of a define).
pub const OCI_ATTR_LOBPREFETCH_LENGTH: u32 = 440;
