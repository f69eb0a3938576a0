//! The arrays of one placeholder or one fetched column: values, indicators, lengths, and descriptors where values are not plain memory.

use std::ops::Range;

use oci_sys::*;

use crate::layout::{Cells, Layout, LobKind, LongBinding, LongCells, Slots};
use crate::oci::array::EXECUTE;
use crate::oci::arrays::ColumnArrays;
use crate::oci::check::OciError;
use crate::oci::descriptor::{DescriptorArray, DescriptorCall, DescriptorKind};
use crate::oci::lob::{DataSource, LocatorArray};
use crate::oci::session::Session;
use crate::oci::statement::{BindTarget, DefineTarget};

/// They never move while bound or defined; see [`RawArray`].
pub(super) struct ArrayBuffer<'s> {
    /// Without memory while it is lent.
    arrays: ColumnArrays,
    /// One for each row exactly when [`DescriptorKind::of`] the layout is some.
    descriptors: Option<DescriptorArray>,
    long: Long<'s>,
}

/// The places of one value.
pub(super) struct Element {
    pub(super) value: *mut std::ffi::c_void,
    pub(super) stride_bytes: u32,
    pub(super) indicator: *mut i16,
    /// For types with lengths.
    pub(super) length: Option<*mut u32>,
}

/// What stands for the values where they are long.
enum Long<'s> {
    /// Nothing: they are in the array.
    None,
    /// The client asks for them.
    Data(LobKind, DataSource),
    /// Locators; whether an empty value is to be a temporary LOB.
    Locators(LocatorArray<'s>, bool),
}

impl<'s> ArrayBuffer<'s> {
    pub(super) fn allocate(session: &'s Session, layout: Layout, rows: usize) -> Result<Self, OciError> {
        Self::around(session, ColumnArrays::zeroed(layout, rows), rows)
    }

    /// With arrays that are there already.
    pub(super) fn around(session: &'s Session, arrays: ColumnArrays, rows: usize) -> Result<Self, OciError> {
        let layout = arrays.layout;
        // SAFETY: the session's environment outlives the descriptors, which live in a statement that borrows the session.
        let descriptors =
            DescriptorKind::of(&layout).map(|kind| unsafe { DescriptorArray::allocate(session.api(), session.env(), kind, rows) });
        let mut descriptors = descriptors.transpose()?;
        if let (Some(descriptors), Layout::RegionTime { region }) = (&mut descriptors, layout) {
            let error = session.new_error_handle()?;
            let call = DescriptorCall { env: session.env(), error: error.as_ptr() };
            // SAFETY: both handles are the session's; the error handle is used here alone.
            unsafe { descriptors.set_region(call, &region) }?;
        }
        let long = match layout {
            Layout::Lob { kind, .. } => Long::Locators(LocatorArray::allocate(session, kind, rows)?, false),
            _ => Long::None,
        };
        Ok(ArrayBuffer { arrays, descriptors, long })
    }

    /// Takes the memory out; [`Self::take_back`] puts it, or other memory of the same layout and rows, in again.
    pub(super) fn lend(&mut self) -> ColumnArrays {
        let layout = self.arrays.layout;
        std::mem::replace(&mut self.arrays, ColumnArrays::zeroed(layout, 0))
    }

    /// See [`Self::lend`].
    pub(super) fn take_back(&mut self, arrays: ColumnArrays) {
        self.arrays = arrays;
    }

    pub(super) fn is_national(&self) -> bool {
        match self.arrays.layout {
            Layout::Variable { national, .. } => national,
            Layout::Lob { kind, .. } => kind.is_national(),
            _ => false,
        }
    }

    /// How values are given to the client.
    pub(super) fn binding(&self) -> LongBinding {
        match &self.long {
            Long::None => LongBinding::Array,
            Long::Data(..) => LongBinding::Data,
            Long::Locators(_, empty_is_temporary) => LongBinding::Locators { empty_is_temporary: *empty_is_temporary },
        }
    }

    /// Chooses how values are given to the client; before it is bound.
    pub(super) fn give_long(&mut self, session: &'s Session, binding: LongBinding, rows: usize) -> Result<(), OciError> {
        self.long = match (binding, lob_kind(self.arrays.layout)) {
            (LongBinding::Array, _) => Long::None,
            (LongBinding::Data, Some(kind)) => Long::Data(kind, DataSource::new()),
            (LongBinding::Locators { empty_is_temporary }, Some(kind)) => {
                Long::Locators(LocatorArray::allocate(session, kind, rows)?, empty_is_temporary)
            }
            (_, None) => {
                let message = format!("{:?} takes no long values", self.arrays.layout);
                return Err(OciError::refused("OCIBindByPos2", "reshape the array", message));
            }
        };
        Ok(())
    }

    /// What the client asks for values.
    pub(super) fn data_source(&self) -> Option<(LobKind, &DataSource)> {
        if let Long::Data(kind, source) = &self.long { Some((*kind, source)) } else { None }
    }

    /// Sets the long values of the next execute; they have to stay where they are until [`Self::clear_long`].
    pub(super) fn fill_long(&mut self, error: *mut OCIError, values: &[Option<&[u8]>]) -> Result<(), OciError> {
        for (indicator, value) in self.arrays.indicators.as_mut_slice().iter_mut().zip(values) {
            *indicator = if value.is_some() { 0 } else { -1 };
        }
        match &mut self.long {
            Long::None => Ok(()),
            Long::Data(_, source) => source.fill(values),
            Long::Locators(locators, empty_is_temporary) => {
                let mut present = values.iter().enumerate().filter_map(|(row, value)| value.map(|value| (row, value)));
                present.try_for_each(|(row, value)| locators.write(row, error, value, *empty_is_temporary))
            }
        }
    }

    /// Forgets the long values, on the server as well.
    pub(super) fn clear_long(&mut self, session: &Session) -> Result<(), OciError> {
        match &mut self.long {
            Long::None => Ok(()),
            Long::Data(_, source) => {
                source.clear();
                Ok(())
            }
            Long::Locators(locators, _) => locators.free_temporary(session.new_error_handle()?.as_ptr()),
        }
    }

    /// Appends the fetched LOB of a row to `cells`; nothing where it is NULL or no LOB column.
    pub(super) fn read_lob(&self, row: usize, error: *mut OCIError, cells: &mut LongCells) -> Result<(), OciError> {
        if cells.offsets.is_empty() {
            cells.offsets.push(0);
        }
        if let (Long::Locators(locators, _), true) = (&self.long, self.arrays.indicators.as_slice()[row] != -1) {
            locators.read(row, error, &mut cells.bytes)?;
        }
        let end = i32::try_from(cells.bytes.len()).map_err(|_| {
            let message = format!("{} bytes of LOBs: a batch holds at most {}", cells.bytes.len(), i32::MAX);
            OciError::refused("OCILobRead2", "read a LOB", message)
        })?;
        cells.offsets.push(end);
        Ok(())
    }

    /// Frees the temporary LOBs that a fetch of `rows` has brought.
    pub(super) fn free_fetched_lobs(&mut self, error: *mut OCIError, rows: usize) -> Result<(), OciError> {
        match &mut self.long {
            Long::Locators(locators, _) => locators.free_fetched(error, &self.arrays.indicators.as_slice()[..rows]),
            Long::None | Long::Data(..) => Ok(()),
        }
    }

    pub(super) fn layout(&self) -> Layout {
        self.arrays.layout
    }

    /// Where the client finds values, the bytes of one, and their type.
    fn memory(&self) -> (*mut u8, u32, u16) {
        if let Long::Locators(locators, _) = &self.long {
            return (locators.as_ptr().cast(), size_of::<*mut OCILobLocator>() as u32, locators.kind().locator_type());
        }
        match (&self.descriptors, self.arrays.layout) {
            (Some(descriptors), _) => descriptors.target(),
            (None, Layout::Fixed { external_type, stride_bytes } | Layout::Variable { external_type, stride_bytes, .. }) => {
                (self.arrays.values.as_ptr().cast(), stride_bytes, external_type)
            }
            (None, _) => unreachable!("`allocate` gives every layout of descriptors or locators its own"),
        }
    }

    fn length_pointer(&self) -> *mut u32 {
        if self.arrays.lengths.len() == 0 || !matches!(self.long, Long::None) { std::ptr::null_mut() } else { self.arrays.lengths.as_ptr() }
    }

    pub(super) fn bind_target(&self, session: &Session) -> BindTarget {
        let (values, stride_bytes, external_type) = self.memory();
        let server_bytes = server_bytes(self.arrays.layout, session.converts_text());
        let (indicators, lengths) = (self.arrays.indicators.as_ptr(), self.length_pointer());
        BindTarget { values, stride_bytes, external_type, indicators, lengths, server_bytes }
    }

    pub(super) fn define_target(&self, return_codes: *mut u16) -> DefineTarget {
        let (values, stride_bytes, external_type) = self.memory();
        let (indicators, lengths) = (self.arrays.indicators.as_ptr(), self.length_pointer());
        let prefetch_bytes = if let Layout::Lob { prefetch_bytes, .. } = self.arrays.layout { prefetch_bytes } else { 0 };
        DefineTarget { values, stride_bytes, external_type, indicators, lengths, return_codes, prefetch_bytes }
    }

    /// Where the value of `row` goes, and its indicator and length: the descriptor or locator itself rather than the place of its pointer.
    pub(super) fn element(&mut self, row: usize) -> Element {
        let (_, stride_bytes, _) = self.memory();
        let value = match (&self.descriptors, &self.long) {
            (_, Long::Locators(locators, _)) => locators.pointer(row).cast(),
            (Some(descriptors), _) => descriptors.pointer(row),
            (None, _) => self.arrays.values.as_bytes_mut()[row * stride_bytes as usize..].as_mut_ptr().cast(),
        };
        let length = self.arrays.lengths.as_mut_slice().get_mut(row).map(std::ptr::from_mut);
        Element { value, stride_bytes, indicator: &mut self.arrays.indicators.as_mut_slice()[row], length }
    }

    /// The window of `rows` for a converter to write into.
    pub(super) fn slots(&mut self, rows: Range<usize>) -> Slots<'_> {
        self.arrays.slots(rows)
    }

    /// Cells and their indicators; LOBs have none: [`Self::read_lob`].
    pub(super) fn cells(&self, rows: Range<usize>) -> (Cells<'_>, &[i16]) {
        self.arrays.cells(rows)
    }

    /// What the client left in the length array; empty unless the layout has one.
    pub(super) fn fetched_lengths(&self) -> &[u32] {
        self.arrays.lengths.as_slice()
    }

    /// Checks or fills what the client is about to read.
    pub(super) fn make_ready(&mut self, session: &Session, error: *mut OCIError, index: usize, rows: usize) -> Result<(), OciError> {
        if !matches!(self.long, Long::None) {
            return Ok(());
        }
        match (&self.descriptors, self.arrays.layout) {
            (Some(descriptors), _) => {
                let call = DescriptorCall { env: session.env(), error };
                // SAFETY: the descriptors are of the session's environment; the error handle is the statement's.
                let filled = unsafe { descriptors.fill(call, self.arrays.values.as_bytes(), self.arrays.indicators.as_slice(), rows) };
                filled.map_err(|(row, error)| OciError {
                    message: format!("placeholder {}, row {}: {}", index + 1, row + 1, error.message),
                    ..error
                })
            }
            (None, Layout::Fixed { external_type: SQLT_VNU, .. }) => self.check_numbers(index, rows),
            (None, Layout::Variable { stride_bytes, .. }) => self.check_lengths(stride_bytes, index, rows),
            (None, _) => Ok(()),
        }
    }

    /// Values from the client's descriptors into the staging area, after a fetch of `rows`.
    pub(super) fn stage_descriptors(&mut self, session: &Session, error: *mut OCIError, rows: usize) -> Result<(), OciError> {
        let Some(descriptors) = &self.descriptors else { return Ok(()) };
        let call = DescriptorCall { env: session.env(), error };
        // SAFETY: the descriptors are of the session's environment, and the fetch has filled them; the error handle is the statement's.
        unsafe { descriptors.stage(call, self.arrays.values.as_bytes_mut(), self.arrays.indicators.as_slice(), rows) }
    }

    /// The client would read beyond the value; converters are safe code, so this is checked here.
    fn check_lengths(&self, stride_bytes: u32, index: usize, rows: usize) -> Result<(), OciError> {
        let lengths = &self.arrays.lengths.as_slice()[..rows];
        if lengths.iter().fold(0, |most, &length| most.max(length)) <= stride_bytes {
            return Ok(());
        }
        let too_long = lengths
            .iter()
            .zip(self.arrays.indicators.as_slice())
            .position(|(&length, &indicator)| length > stride_bytes && indicator != -1);
        let Some(row) = too_long else { return Ok(()) };
        let message = format!("placeholder {}, row {}: {} bytes do not fit in {stride_bytes}", index + 1, row + 1, lengths[row]);
        Err(OciError::refused("OCIStmtExecute", EXECUTE, message))
    }

    /// The client takes the first byte for a length: more than the slot holds would be read from beyond it, and 0 is stored as NULL.
    fn check_numbers(&self, index: usize, rows: usize) -> Result<(), OciError> {
        const NUMBER_BYTES: u8 = 21;
        let (slots, _) = self.arrays.values.as_bytes().as_chunks::<{ NUMBER_BYTES as usize + 1 }>();
        let mut numbers = slots.iter().zip(self.arrays.indicators.as_slice()).take(rows);
        let Some(row) = numbers.position(|(slot, &indicator)| slot[0].wrapping_sub(1) >= NUMBER_BYTES && indicator != -1) else {
            return Ok(());
        };
        let message =
            format!("placeholder {}, row {}: a NUMBER of {} bytes; it has 1 to {NUMBER_BYTES}", index + 1, row + 1, slots[row][0]);
        Err(OciError::refused("OCIStmtExecute", EXECUTE, message))
    }
}

/// Room in the server for a value of a full slot (OCI_ATTR_MAXDATA_SIZE). A byte of UTF-8 becomes two of AL16UTF16, and up to two where the
/// database has another character set; but a bind that may exceed 4000 bytes is another kind of bind there (ORA-24816).
fn server_bytes(layout: Layout, converts_text: bool) -> u32 {
    let Layout::Variable { external_type: SQLT_CHR | SQLT_AFC, stride_bytes, national, long } = layout else {
        return layout.stride_bytes();
    };
    const MAX_BYTES: u32 = 4_000;
    const MAX_LONG_BYTES: u32 = 32_767;
    let most_bytes = if long { MAX_LONG_BYTES } else { MAX_BYTES };
    match national || converts_text {
        true => stride_bytes.saturating_mul(2).min(most_bytes).max(stride_bytes),
        false => stride_bytes,
    }
}

/// External types with the sizes that the client takes. Others could make it read beyond a value or, unknown to it, crash (client 12.1 with JSON, VECTOR).
pub(super) fn is_bindable(layout: &Layout) -> bool {
    match *layout {
        Layout::Fixed { external_type, stride_bytes } => matches!(
            (external_type, stride_bytes),
            (SQLT_INT | SQLT_UIN, 1 | 2 | 4 | 8) | (SQLT_BFLOAT, 4) | (SQLT_BDOUBLE, 8) | (SQLT_VNU, 22) | (SQLT_DAT, 7) | (SQLT_ODT, 8)
        ),
        Layout::Variable { external_type, stride_bytes, .. } => {
            matches!(external_type, SQLT_CHR | SQLT_AFC | SQLT_LNG | SQLT_BIN | SQLT_LBI) && stride_bytes > 0
        }
        Layout::DateTime { .. } | Layout::RegionTime { .. } | Layout::IntervalDaySecond | Layout::IntervalYearMonth => true,
        Layout::Lob { .. } => false,
    }
}

/// The LOB type that long values of a placeholder go to.
fn lob_kind(layout: Layout) -> Option<LobKind> {
    match layout {
        Layout::Variable { long: true, external_type: SQLT_BIN | SQLT_LBI, .. } => Some(LobKind::Blob),
        Layout::Variable { long: true, national: true, .. } => Some(LobKind::Nclob),
        Layout::Variable { long: true, .. } => Some(LobKind::Clob),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_gets_room_for_what_a_value_becomes_there() {
        let of = |external_type, stride_bytes, national, long, converts_text| {
            server_bytes(Layout::Variable { external_type, stride_bytes, national, long }, converts_text)
        };
        assert_eq!(of(SQLT_CHR, 10, true, false, false), 20, "10 ASCII letters are 20 bytes of an NVARCHAR2(10)");
        assert_eq!(of(SQLT_CHR, 3000, true, false, false), 4000, "NVARCHAR2(1000) holds 2000 bytes");
        assert_eq!(of(SQLT_CHR, 6000, true, true, false), 12_000);
        assert_eq!(of(SQLT_CHR, 32_767, true, true, false), 32_767);
        assert_eq!([of(SQLT_CHR, 10, false, false, false), of(SQLT_CHR, 10, false, false, true)], [10, 20]);
        assert_eq!(of(SQLT_BIN, 10, false, false, true), 10);
        assert_eq!(server_bytes(Layout::Fixed { external_type: SQLT_VNU, stride_bytes: 22 }, true), 22);
    }
}
