//! Values that cross the engine's boundary: borrowed, without allocation.

/// One value, borrowed from a bind buffer or from the fetched row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Datum<'a> {
    /// NULL of any type.
    Null,
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// Oracle NUMBER bytes without the length byte; the engine checks that they are canonical.
    Number(&'a [u8]),
    /// A 32-bit float.
    BinaryFloat(f32),
    /// A 64-bit float.
    BinaryDouble(f64),
    /// Text in UTF-8; empty text is NULL.
    Text(&'a str),
    /// Bytes; no bytes are NULL.
    Bytes(&'a [u8]),
    /// A CLOB without characters, which is not NULL.
    EmptyClob,
    /// A BLOB without bytes, which is not NULL.
    EmptyBlob,
    /// DATE as SQLT_DAT: century + 100, year + 100, month, day, hour + 1, minute + 1, second + 1.
    Date([u8; 7]),
    /// TIMESTAMP: the seven bytes of DATE and nanoseconds, big-endian.
    Timestamp([u8; 11]),
    /// TIMESTAMP WITH TIME ZONE: the eleven bytes of the UTC instant, offset hour + 20, offset minute + 60.
    TimestampTz([u8; 13]),
    /// INTERVAL DAY TO SECOND in nanoseconds.
    IntervalDs(i128),
    /// INTERVAL DAY TO SECOND whose days, hours, minutes, seconds and nanoseconds do not all have one sign.
    IntervalFields([i32; 5]),
    /// INTERVAL YEAR TO MONTH in months.
    IntervalYm(i32),
    /// BOOLEAN of PL/SQL.
    Boolean(bool),
    /// An index-by table of PL/SQL, from index 1.
    Table(&'a [Datum<'a>]),
    /// A query of the session, by the number that `Session::take_cursor` asks for.
    Cursor(u32),
}

/// The kind of a [`Datum`], as known when a bind variable is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DatumKind {
    /// Not known, or NULL only.
    #[default]
    Null,
    /// [`Datum::Int`], [`Datum::UInt`] or [`Datum::Number`].
    Number,
    /// [`Datum::BinaryFloat`].
    BinaryFloat,
    /// [`Datum::BinaryDouble`].
    BinaryDouble,
    /// [`Datum::Text`].
    Text,
    /// [`Datum::Text`] that compares blank-padded, as CHAR does.
    Char,
    /// [`Datum::Bytes`].
    Bytes,
    /// [`Datum::Text`] or [`Datum::EmptyClob`], from a locator.
    Clob,
    /// [`Datum::Bytes`] or [`Datum::EmptyBlob`], from a locator.
    Blob,
    /// [`Datum::Date`].
    Date,
    /// [`Datum::Timestamp`].
    Timestamp,
    /// [`Datum::TimestampTz`].
    TimestampTz,
    /// [`Datum::IntervalDs`] or [`Datum::IntervalFields`].
    IntervalDs,
    /// [`Datum::IntervalYm`].
    IntervalYm,
    /// [`Datum::Boolean`].
    Boolean,
    /// [`Datum::Table`].
    Table,
    /// [`Datum::Cursor`].
    Cursor,
}

impl Datum<'_> {
    /// The kind of this value.
    pub fn kind(&self) -> DatumKind {
        match self {
            Datum::Null => DatumKind::Null,
            Datum::Int(_) | Datum::UInt(_) | Datum::Number(_) => DatumKind::Number,
            Datum::BinaryFloat(_) => DatumKind::BinaryFloat,
            Datum::BinaryDouble(_) => DatumKind::BinaryDouble,
            Datum::Text(_) => DatumKind::Text,
            Datum::Bytes(_) => DatumKind::Bytes,
            Datum::EmptyClob => DatumKind::Clob,
            Datum::EmptyBlob => DatumKind::Blob,
            Datum::Date(_) => DatumKind::Date,
            Datum::Timestamp(_) => DatumKind::Timestamp,
            Datum::TimestampTz(_) => DatumKind::TimestampTz,
            Datum::IntervalDs(_) | Datum::IntervalFields(_) => DatumKind::IntervalDs,
            Datum::IntervalYm(_) => DatumKind::IntervalYm,
            Datum::Boolean(_) => DatumKind::Boolean,
            Datum::Table(_) => DatumKind::Table,
            Datum::Cursor(_) => DatumKind::Cursor,
        }
    }

    /// What is read of the value where an empty LOB and NULL are the same: by the data interface, and as plain text or bytes.
    pub fn inline(self) -> Self {
        if matches!(self, Datum::EmptyClob | Datum::EmptyBlob) { Datum::Null } else { self }
    }

    /// Whether Oracle sees NULL here: NULL itself, empty text, no bytes; an empty LOB is a value.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null | Datum::Text("") | Datum::Bytes([]))
    }
}
