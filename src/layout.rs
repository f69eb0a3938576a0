//! The shape of one placeholder's array buffer and the window a converter writes into. Plain memory: no handle, no pointer.

/// How values lie in the array buffer of one placeholder. Decided once per column from the described Oracle column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Fixed-size values that OCI takes as they are: `SQLT_INT`, `SQLT_UIN`, `SQLT_BFLOAT`, `SQLT_BDOUBLE`, `SQLT_VNU`, `SQLT_DAT`. No length array.
    Fixed {
        /// External type code (`oci_sys::SQLT_*`).
        external_type: u16,
        /// Bytes of one value, which is the stride.
        stride_bytes: u32,
    },
    /// Variable-length bytes with a length array: `SQLT_CHR`, `SQLT_BIN`.
    Variable {
        /// External type code.
        external_type: u16,
        /// The stride to begin with; the load engine grows it by [`crate::column::ColumnBind::required_stride_bytes`].
        stride_bytes: u32,
        /// Character set form 2 (NVARCHAR2, NCHAR, NCLOB).
        national: bool,
        /// The value may exceed 4000 bytes: its placeholder has to come after all others (ORA-24816).
        long: bool,
    },
    /// LOB locators, read in pieces: fetched columns only.
    Lob {
        /// What they are of.
        kind: LobKind,
        /// Bytes (of CLOB and NCLOB characters) of each that come with the row.
        prefetch_bytes: u32,
    },
    /// OCIDateTime descriptors; converters write one [`DateTimeFields`] a value, `oci` constructs the descriptors.
    DateTime {
        /// `SQLT_TIMESTAMP_TZ` rather than `SQLT_TIMESTAMP`.
        with_zone: bool,
    },
    /// OCIDateTime descriptors of `SQLT_TIMESTAMP_TZ` in a region: converters write one [`DateTimeFields`] a value, in UTC, and the client puts the
    /// instant on the clock of the region.
    RegionTime {
        /// Its name.
        region: ZoneRegion,
    },
    /// OCIDateTime descriptors of `SQLT_TIMESTAMP_TZ`, each in an offset or in a region of its own, which [`DateTimeFields::region`] keeps: for buffers
    /// that go from a fetch into an insert.
    ZonedTime,
    /// OCIInterval descriptors of INTERVAL DAY TO SECOND; converters write one [`DaySecond`] a value.
    IntervalDaySecond,
    /// OCIInterval descriptors of INTERVAL YEAR TO MONTH; converters write the months of a value, an `i64` in native endianness.
    IntervalYearMonth,
}

/// The LOB types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LobKind {
    /// CLOB.
    Clob,
    /// NCLOB.
    Nclob,
    /// BLOB.
    Blob,
}

/// How the values of a placeholder of [`Layout::Variable`] that is `long` are given to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LongBinding {
    /// In an array of one stride, as other values.
    #[default]
    Array,
    /// From where they lie, of any length to 2 GB; the client asks for one after the other. An empty value is NULL to Oracle.
    Data,
    /// By LOB locators: of temporary LOBs that are written first, of any length and where an expression is expected; an empty value stays one.
    Locators {
        /// An empty value needs a temporary LOB, too: a locator that is merely empty is for the VALUES of an INSERT and the SET of an UPDATE.
        empty_is_temporary: bool,
    },
}

impl Layout {
    /// Bytes between two values in [`Slots::values`].
    pub fn stride_bytes(&self) -> u32 {
        match *self {
            Layout::Fixed { stride_bytes, .. } | Layout::Variable { stride_bytes, .. } => stride_bytes,
            Layout::Lob { .. } => size_of::<usize>() as u32,
            Layout::DateTime { .. } | Layout::RegionTime { .. } | Layout::ZonedTime => DateTimeFields::SIZE_BYTES as u32,
            Layout::IntervalDaySecond => DaySecond::SIZE_BYTES as u32,
            Layout::IntervalYearMonth => MONTHS_BYTES as u32,
        }
    }

    /// Has a length array: the strides of these alone may change.
    pub fn is_variable(&self) -> bool {
        matches!(self, Layout::Variable { .. })
    }

    /// Memory of one row in all arrays of a fetched column: as [`Self::row_bytes`], and a return code.
    pub fn fetch_row_bytes(&self) -> u32 {
        self.row_bytes() + 2
    }

    /// Memory of one row in all arrays of this placeholder (values, indicator, length, descriptor).
    pub fn row_bytes(&self) -> u32 {
        match self {
            Layout::Fixed { stride_bytes, .. } => stride_bytes + 2,
            Layout::Variable { stride_bytes, .. } => stride_bytes + 2 + 4,
            // The locator and what is prefetched are the client's memory; it holds characters in two bytes.
            Layout::Lob { prefetch_bytes, kind } => {
                const LOCATOR_BYTES: u32 = 200;
                let width = if *kind == LobKind::Blob { 1 } else { 2 };
                LOCATOR_BYTES + 8 + 2 + prefetch_bytes.saturating_mul(width)
            }
            // The descriptor itself is the client's memory: 40 bytes with client 12.1, plus our pointer.
            Layout::DateTime { .. }
            | Layout::RegionTime { .. }
            | Layout::ZonedTime
            | Layout::IntervalDaySecond
            | Layout::IntervalYearMonth => self.stride_bytes() + 2 + 8 + 40,
        }
    }
}

/// The name of a time zone region, such as `Europe/Berlin`. Whether there is one of this name, the client's own files say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ZoneRegion {
    bytes: [u8; Self::MAX_BYTES],
    length: u8,
}

impl ZoneRegion {
    /// Of a name in `V$TIMEZONE_NAMES`.
    pub const MAX_BYTES: usize = 64;

    /// `None` for what is no name: an offset, nothing, anything but printable ASCII.
    pub fn named(name: &str) -> Option<Self> {
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..name.len()).filter(|_| is_name)?.copy_from_slice(name.as_bytes());
        Some(ZoneRegion { bytes, length: name.len() as u8 })
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::fmt::Display for ZoneRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.name()))
    }
}

impl std::fmt::Debug for ZoneRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Bytes of the months of an INTERVAL YEAR TO MONTH in a slot.
pub const MONTHS_BYTES: usize = size_of::<i64>();

/// A span of time for an OCIInterval descriptor: whole days and the rest, both of one sign. 16 bytes in native endianness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct DaySecond {
    /// -999,999,999..=999,999,999.
    pub days: i32,
    /// Less than a day, and of the sign of `days`.
    pub nanoseconds: i64,
}

impl DaySecond {
    /// Size of one encoded value.
    pub const SIZE_BYTES: usize = 16;

    /// Encodes into a slot of [`Self::SIZE_BYTES`] bytes.
    #[inline]
    pub fn write_to(&self, slot: &mut [u8; Self::SIZE_BYTES]) {
        slot[0..8].copy_from_slice(&i64::from(self.days).to_ne_bytes());
        slot[8..16].copy_from_slice(&self.nanoseconds.to_ne_bytes());
    }

    /// Decodes what [`Self::write_to`] wrote.
    #[inline]
    pub fn read_from(slot: &[u8; Self::SIZE_BYTES]) -> Self {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&slot[at..at + 8]);
            i64::from_ne_bytes(bytes)
        };
        DaySecond { days: word(0) as i32, nanoseconds: word(8) }
    }
}

/// Civil date and time for an OCIDateTime descriptor, 16 bytes in native endianness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateTimeFields {
    /// -4712..=9999, never 0.
    pub year: i16,
    /// 1..=12.
    pub month: u8,
    /// 1..=31.
    pub day: u8,
    /// 0..=23.
    pub hour: u8,
    /// 0..=59.
    pub minute: u8,
    /// 0..=59.
    pub second: u8,
    /// 0..=999_999_999.
    pub nanosecond: u32,
    /// Minutes east of UTC, -899..=840; only for `TIMESTAMP WITH TIME ZONE`. The fields above are local to it.
    pub offset_minutes: i16,
    /// Where `offset_minutes` is that of a region: the number by which this process knows it. Of [`Layout::ZonedTime`] alone, 0 elsewhere.
    pub region: u16,
}

impl DateTimeFields {
    /// Size of one encoded value.
    pub const SIZE_BYTES: usize = 16;

    /// Encodes into a slot of [`Self::SIZE_BYTES`] bytes.
    #[inline]
    pub fn write_to(&self, slot: &mut [u8; Self::SIZE_BYTES]) {
        slot[0..2].copy_from_slice(&self.year.to_ne_bytes());
        slot[2] = self.month;
        slot[3] = self.day;
        slot[4] = self.hour;
        slot[5] = self.minute;
        slot[6] = self.second;
        slot[7] = 0;
        slot[8..12].copy_from_slice(&self.nanosecond.to_ne_bytes());
        slot[12..14].copy_from_slice(&self.offset_minutes.to_ne_bytes());
        slot[14..16].copy_from_slice(&self.region.to_ne_bytes());
    }

    /// Decodes what [`Self::write_to`] wrote.
    #[inline]
    pub fn read_from(slot: &[u8; Self::SIZE_BYTES]) -> Self {
        DateTimeFields {
            year: i16::from_ne_bytes([slot[0], slot[1]]),
            month: slot[2],
            day: slot[3],
            hour: slot[4],
            minute: slot[5],
            second: slot[6],
            nanosecond: u32::from_ne_bytes([slot[8], slot[9], slot[10], slot[11]]),
            offset_minutes: i16::from_ne_bytes([slot[12], slot[13]]),
            region: u16::from_ne_bytes([slot[14], slot[15]]),
        }
    }
}

/// A window of an array buffer: rows 0..n of one batch. It is already offset, so a converter cannot know what was written before.
///
/// Indicators are filled from the validity bitmap before a converter sees the window (0 value, -1 NULL); a converter that finds
/// a NULL of its own (an empty text that is to be stored as NULL) sets -1 itself. Slots of NULL rows may be left as they are.
#[derive(Debug)]
pub struct Slots<'a> {
    /// `rows * stride` bytes.
    pub values: &'a mut [u8],
    /// Bytes between two values.
    pub stride_bytes: usize,
    /// One per row for [`Layout::Variable`], empty otherwise. Actual bytes of each value.
    pub lengths: &'a mut [u32],
    /// One per row: 0 or -1.
    pub indicators: &'a mut [i16],
}

/// Rows 0..n of one column as a fetch left them. Where the indicator said NULL, values and lengths are leftovers.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// `rows * stride` bytes; for [`Layout::DateTime`] encoded [`DateTimeFields`].
    pub values: &'a [u8],
    /// Bytes between two values.
    pub stride_bytes: usize,
    /// One per row for [`Layout::Variable`], empty otherwise. Bytes of each value, never more than the stride.
    pub lengths: &'a [u32],
    /// Rows.
    pub rows: usize,
}

/// Values of [`Layout::Lob`], one after the other; a NULL has no bytes.
#[derive(Debug, Default)]
pub struct LongCells {
    /// All of them.
    pub bytes: Vec<u8>,
    /// Where each begins, and where the last one ends.
    pub offsets: Vec<i32>,
}

/// The value of one placeholder of a query: not NULL, encoded by a [`crate::column::ColumnBind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindCell {
    /// Its shape; not of long values.
    pub layout: Layout,
    /// A slot of the layout's stride.
    pub value: Vec<u8>,
    /// Bytes of the value, for [`Layout::Variable`].
    pub length: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::ZoneRegion;

    #[test]
    fn regions_have_names_and_offsets_are_none() {
        assert_eq!(ZoneRegion::named("Europe/Berlin").unwrap().to_string(), "Europe/Berlin");
        assert!(ZoneRegion::named(&format!("A{}", "b".repeat(63))).is_some());
        for no_region in ["", "+02:00", "-0800", "Europe/München", "a b", &"A".repeat(65)] {
            assert_eq!(ZoneRegion::named(no_region), None, "{no_region}");
        }
    }
}
