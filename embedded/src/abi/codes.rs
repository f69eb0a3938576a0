//! Numbers of the OCI contract: statuses, handle kinds, attributes, external types and modes. Names follow the public OCI headers.

/// Statuses an OCI function returns.
pub mod status {
    pub const SUCCESS: i32 = 0;
    pub const SUCCESS_WITH_INFO: i32 = 1;
    pub const NO_DATA: i32 = 100;
    pub const ERROR: i32 = -1;
    pub const INVALID_HANDLE: i32 = -2;
    pub const CONTINUE: i32 = -24200;
    pub const NEED_DATA: i32 = 99;
}

/// Handle and descriptor kinds.
pub mod kind {
    pub const ENV: u32 = 1;
    pub const ERROR: u32 = 2;
    pub const SVCCTX: u32 = 3;
    pub const STMT: u32 = 4;
    pub const BIND: u32 = 5;
    pub const DEFINE: u32 = 6;
    pub const DESCRIBE: u32 = 7;
    pub const SERVER: u32 = 8;
    pub const SESSION: u32 = 9;
    pub const TRANS: u32 = 10;
    pub const SUBSCRIPTION: u32 = 13;
    pub const DIRPATH_CTX: u32 = 14;
    pub const CPOOL: u32 = 26;
    pub const SPOOL: u32 = 27;
    pub const ADMIN: u32 = 28;
    pub const LOB: u32 = 50;
    pub const PARAM: u32 = 53;
    pub const ROWID: u32 = 54;
    pub const INTERVAL_YM: u32 = 62;
    pub const INTERVAL_DS: u32 = 63;
    pub const TIMESTAMP: u32 = 68;
    pub const TIMESTAMP_TZ: u32 = 69;
    pub const TIMESTAMP_LTZ: u32 = 70;
}

/// Attributes of handles and descriptors.
pub mod attr {
    pub const DATA_SIZE: u32 = 1;
    pub const DATA_TYPE: u32 = 2;
    pub const NAME: u32 = 4;
    pub const PRECISION: u32 = 5;
    pub const ENV: u32 = 5;
    pub const SCALE: u32 = 6;
    pub const SERVER: u32 = 6;
    pub const IS_NULL: u32 = 7;
    pub const SESSION: u32 = 7;
    pub const TYPE_NAME: u32 = 8;
    pub const TRANS: u32 = 8;
    pub const SCHEMA_NAME: u32 = 9;
    pub const ROW_COUNT: u32 = 9;
    pub const SQLFNCODE: u32 = 10;
    pub const PREFETCH_ROWS: u32 = 11;
    pub const PREFETCH_MEMORY: u32 = 13;
    pub const CHAR_COUNT: u32 = 15;
    pub const PARAM_COUNT: u32 = 18;
    pub const ROWID: u32 = 19;
    pub const USERNAME: u32 = 22;
    pub const PASSWORD: u32 = 23;
    pub const STMT_TYPE: u32 = 24;
    pub const INTERNAL_NAME: u32 = 25;
    pub const EXTERNAL_NAME: u32 = 26;
    pub const CHARSET_ID: u32 = 31;
    pub const CHARSET_FORM: u32 = 32;
    pub const MAXDATA_SIZE: u32 = 33;
    pub const ROWS_RETURNED: u32 = 42;
    pub const NUM_DML_ERRORS: u32 = 73;
    pub const DML_ROW_OFFSET: u32 = 74;
    pub const NUM_COLS: u32 = 102;
    pub const LIST_COLUMNS: u32 = 103;
    pub const NUM_PARAMS: u32 = 121;
    pub const PTYPE: u32 = 123;
    pub const PARAM: u32 = 124;
    pub const PARSE_ERROR_OFFSET: u32 = 129;
    pub const OBJ_NAME: u32 = 134;
    pub const OBJ_SCHEMA: u32 = 135;
    pub const SERVER_STATUS: u32 = 143;
    pub const STATEMENT: u32 = 144;
    pub const CURRENT_POSITION: u32 = 164;
    pub const STMTCACHESIZE: u32 = 176;
    pub const BIND_COUNT: u32 = 190;
    pub const ROWS_FETCHED: u32 = 197;
    pub const STMT_IS_RETURNING: u32 = 218;
    pub const CURRENT_SCHEMA: u32 = 224;
    pub const ECONTEXT_ID: u32 = 371;
    pub const SPOOL_STMTCACHESIZE: u32 = 208;
    pub const SPOOL_TIMEOUT: u32 = 308;
    pub const SPOOL_GETMODE: u32 = 309;
    pub const SPOOL_BUSY_COUNT: u32 = 310;
    pub const SPOOL_OPEN_COUNT: u32 = 311;
    pub const SPOOL_AUTH: u32 = 460;
    pub const SPOOL_MAX_LIFETIME_SESSION: u32 = 490;
    pub const SPOOL_WAIT_TIMEOUT: u32 = 506;
    pub const SPOOL_MAX_PER_SHARD: u32 = 602;
    pub const NCHARSET_ID: u32 = 262;
    pub const APPCTX_SIZE: u32 = 273;
    pub const APPCTX_LIST: u32 = 274;
    pub const APPCTX_NAME: u32 = 275;
    pub const APPCTX_ATTR: u32 = 276;
    pub const APPCTX_VALUE: u32 = 277;
    pub const CLIENT_IDENTIFIER: u32 = 278;
    pub const CHAR_USED: u32 = 285;
    pub const CHAR_SIZE: u32 = 286;
    pub const EDITION: u32 = 288;
    pub const MODULE: u32 = 366;
    pub const ACTION: u32 = 367;
    pub const CLIENT_INFO: u32 = 368;
    pub const DBNAME: u32 = 391;
    pub const INSTNAME: u32 = 392;
    pub const SERVICENAME: u32 = 393;
    pub const DBDOMAIN: u32 = 399;
    pub const DRIVER_NAME: u32 = 424;
    pub const CONNECTION_CLASS: u32 = 425;
    pub const PURITY: u32 = 426;
    pub const SEND_TIMEOUT: u32 = 435;
    pub const RECEIVE_TIMEOUT: u32 = 436;
    pub const LOBEMPTY: u32 = 45;
    pub const DEFAULT_LOBPREFETCH_SIZE: u32 = 438;
    pub const LOBPREFETCH_SIZE: u32 = 439;
    pub const LOBPREFETCH_LENGTH: u32 = 440;
    pub const UB8_ROW_COUNT: u32 = 457;
    pub const LTXID: u32 = 462;
    pub const IMPLICIT_RESULT_COUNT: u32 = 463;
    pub const DML_ROW_COUNT_ARRAY: u32 = 469;
    pub const MAX_OPEN_CURSORS: u32 = 471;
    pub const ERROR_IS_RECOVERABLE: u32 = 472;
    pub const TRANSACTION_IN_PROGRESS: u32 = 484;
    pub const DBOP: u32 = 485;
    pub const VARTYPE_MAXLEN_COMPAT: u32 = 489;
    pub const BREAK_ON_NET_TIMEOUT: u32 = 495;
    pub const MAX_IDENTIFIER_LEN: u32 = 500;
    pub const SQL_ID: u32 = 504;
    pub const CALL_TIMEOUT: u32 = 531;
    pub const JSON_COL: u32 = 534;
}

/// External data types (SQLT codes).
pub mod sqlt {
    pub const CHR: u16 = 1;
    pub const NUM: u16 = 2;
    pub const INT: u16 = 3;
    pub const FLT: u16 = 4;
    pub const STR: u16 = 5;
    pub const VNU: u16 = 6;
    pub const LNG: u16 = 8;
    pub const VCS: u16 = 9;
    pub const DAT: u16 = 12;
    pub const VBI: u16 = 15;
    pub const BFLOAT: u16 = 21;
    pub const BDOUBLE: u16 = 22;
    pub const BIN: u16 = 23;
    pub const LBI: u16 = 24;
    pub const UIN: u16 = 68;
    pub const LVC: u16 = 94;
    pub const LVB: u16 = 95;
    pub const AFC: u16 = 96;
    pub const IBFLOAT: u16 = 100;
    pub const IBDOUBLE: u16 = 101;
    pub const RDD: u16 = 104;
    pub const CLOB: u16 = 112;
    pub const BLOB: u16 = 113;
    pub const JSON: u16 = 119;
    pub const ODT: u16 = 156;
    pub const TIMESTAMP: u16 = 187;
    pub const TIMESTAMP_TZ: u16 = 188;
    pub const INTERVAL_YM: u16 = 189;
    pub const INTERVAL_DS: u16 = 190;
    pub const TIMESTAMP_LTZ: u16 = 232;
    /// REF cursor, boolean of PL/SQL, object and REF: refused by name.
    pub const RSET: u16 = 116;
    pub const BOL: u16 = 252;

    /// Whether elements are pointers to descriptors or locators.
    pub fn is_descriptor(external_type: u16) -> bool {
        matches!(external_type, TIMESTAMP | TIMESTAMP_TZ | TIMESTAMP_LTZ | INTERVAL_YM | INTERVAL_DS | CLOB | BLOB | RDD)
    }
}

/// Modes of bind, define, execute and fetch.
pub mod mode {
    pub const DATA_AT_EXEC: u32 = 0x2;
    pub const EXACT_FETCH: u32 = 0x2;
    pub const SCROLLABLE: u32 = 0x8;
    pub const DESCRIBE_ONLY: u32 = 0x10;
    pub const COMMIT_ON_SUCCESS: u32 = 0x20;
    pub const BATCH_ERRORS: u32 = 0x80;
    pub const PARSE_ONLY: u32 = 0x100;
    pub const RETURN_ROW_COUNT_ARRAY: u32 = 0x0010_0000;
    pub const FETCH_CURRENT: u16 = 1;
    pub const FETCH_NEXT: u16 = 2;
    pub const FETCH_FIRST: u16 = 4;
    pub const FETCH_LAST: u16 = 8;
    pub const FETCH_PRIOR: u16 = 0x10;
    pub const FETCH_ABSOLUTE: u16 = 0x20;
    pub const FETCH_RELATIVE: u16 = 0x40;
}

/// Character set ids: AL32UTF8, UTF8 (CESU-8), AL16UTF16 and US7ASCII.
pub mod charset {
    pub const AL32UTF8: u16 = 873;
    pub const UTF8: u16 = 871;
    pub const US7ASCII: u16 = 1;
}
