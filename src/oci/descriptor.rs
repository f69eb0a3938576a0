//! Arrays of OCIDateTime and OCIInterval descriptors: what the placeholders and columns of these types bind and define instead of values.
//! Converters see a staging area of plain fields; this file alone goes from one to the other.

mod datetime;
mod interval;

use std::ffi::c_void;

use oci_sys::*;

use crate::layout::{DateTimeFields, Layout, MONTHS_BYTES, ZoneRegion};
use crate::oci::check::OciError;
use crate::oci::handle::RawArray;
use crate::oci::region::{RegionClock, RegionClocks, Regions};
use datetime::zone_text;

/// What a descriptor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DescriptorKind {
    Timestamp,
    TimestampTz,
    DaySecond,
    YearMonth,
    /// A [`DescriptorKind::TimestampTz`] in a region.
    RegionTime,
    /// A [`DescriptorKind::TimestampTz`] in an offset or a region of its own.
    ZonedTime,
}

impl DescriptorKind {
    /// The descriptors of a layout; `None` for plain memory.
    pub(crate) fn of(layout: &Layout) -> Option<Self> {
        match layout {
            Layout::DateTime { with_zone: false } => Some(DescriptorKind::Timestamp),
            Layout::DateTime { with_zone: true } => Some(DescriptorKind::TimestampTz),
            Layout::RegionTime { .. } => Some(DescriptorKind::RegionTime),
            Layout::ZonedTime => Some(DescriptorKind::ZonedTime),
            Layout::IntervalDaySecond => Some(DescriptorKind::DaySecond),
            Layout::IntervalYearMonth => Some(DescriptorKind::YearMonth),
            Layout::Fixed { .. } | Layout::Variable { .. } | Layout::Lob { .. } => None,
        }
    }

    /// `OCI_DTYPE_*`.
    fn descriptor_type(self) -> u32 {
        match self {
            DescriptorKind::Timestamp => OCI_DTYPE_TIMESTAMP,
            DescriptorKind::TimestampTz | DescriptorKind::RegionTime | DescriptorKind::ZonedTime => OCI_DTYPE_TIMESTAMP_TZ,
            DescriptorKind::DaySecond => OCI_DTYPE_INTERVAL_DS,
            DescriptorKind::YearMonth => OCI_DTYPE_INTERVAL_YM,
        }
    }

    /// `SQLT_*`.
    fn external_type(self) -> u16 {
        match self {
            DescriptorKind::Timestamp => SQLT_TIMESTAMP,
            DescriptorKind::TimestampTz | DescriptorKind::RegionTime | DescriptorKind::ZonedTime => SQLT_TIMESTAMP_TZ,
            DescriptorKind::DaySecond => SQLT_INTERVAL_DS,
            DescriptorKind::YearMonth => SQLT_INTERVAL_YM,
        }
    }
}

/// The handles that every descriptor function takes.
///
/// # Safety
/// Whoever makes one promises that `env` is the environment that the descriptors were allocated in, and `error` a live error handle of this
/// thread, for as long as the value is used.
#[derive(Clone, Copy)]
pub(crate) struct DescriptorCall {
    pub env: *mut OCIEnv,
    pub error: *mut OCIError,
}

/// Descriptors allocated at once: the array of their pointers is what a placeholder binds.
pub(crate) struct DescriptorArray {
    api: &'static Api,
    kind: DescriptorKind,
    pointers: RawArray<*mut c_void>,
    /// Of [`DescriptorKind::RegionTime`].
    region: Option<Box<RegionClock>>,
    /// Of [`DescriptorKind::ZonedTime`].
    clocks: RegionClocks,
}

impl DescriptorArray {
    /// Allocates `count` (at least 1) descriptors.
    ///
    /// # Safety
    /// `env` is a live environment of `api`'s client and outlives the descriptors.
    pub(crate) unsafe fn allocate(api: &'static Api, env: *mut OCIEnv, kind: DescriptorKind, count: usize) -> Result<Self, OciError> {
        let pointers = RawArray::<*mut c_void>::zeroed(count);
        let (first, descriptor_type) = (pointers.as_ptr(), kind.descriptor_type());
        // SAFETY: `env` is live (caller); `pointers` has room for `count` pointers and is passed by the address of its first, as OCI wants.
        let status = unsafe { (api.OCIArrayDescriptorAlloc)(env.cast(), first, descriptor_type, count as u32, 0, std::ptr::null_mut()) };
        if status != OCI_SUCCESS {
            let message = format!("the client cannot allocate {count} descriptors of type {descriptor_type} (status {status})");
            return Err(OciError::refused("OCIArrayDescriptorAlloc", "allocate descriptors", message));
        }
        Ok(DescriptorArray { api, kind, pointers, region: None, clocks: RegionClocks::default() })
    }

    /// The region of [`DescriptorKind::RegionTime`]; before the first [`Self::fill`].
    ///
    /// # Safety
    /// As [`DescriptorCall`] says, and `call.env` is the environment of [`Self::allocate`].
    pub(crate) unsafe fn set_region(&mut self, call: DescriptorCall, region: &ZoneRegion) -> Result<(), OciError> {
        // SAFETY: as the caller says.
        self.region = Some(Box::new(unsafe { RegionClock::new(self.api, call, region) }?));
        Ok(())
    }

    /// Address of the pointers, bytes of one and the external type: what is bound or defined.
    pub(crate) fn target(&self) -> (*mut u8, u32, u16) {
        (self.pointers.as_ptr().cast(), size_of::<*mut c_void>() as u32, self.kind.external_type())
    }

    /// Descriptor `index` itself.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn pointer(&self, index: usize) -> *mut c_void {
        self.pointers.as_slice()[index]
    }

    /// Fills a descriptor from each of the first `rows` slots of `staged` that is not NULL. The error of a value names its 0-based row.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says.
    pub(crate) unsafe fn fill(&self, call: DescriptorCall, staged: &[u8], nulls: &[i16], rows: usize) -> Result<(), (usize, OciError)> {
        /// Runs `fill` for the slots of values.
        fn each<const N: usize>(
            staged: &[u8],
            nulls: &[i16],
            rows: usize,
            mut fill: impl FnMut(usize, &[u8; N]) -> Result<(), OciError>,
        ) -> Result<(), (usize, OciError)> {
            let (slots, _) = staged.as_chunks::<N>();
            let mut values = slots.iter().zip(nulls).take(rows).enumerate().filter(|(_, (_, null))| **null != -1);
            values.try_for_each(|(row, (slot, _))| fill(row, slot).map_err(|error| (row, error)))
        }
        // All values of a column are at one offset, as a rule.
        let mut zone = (0, zone_text(0));
        // SAFETY (all three): the descriptors are ours and of their kind; the handles are as the caller says.
        match self.kind {
            DescriptorKind::Timestamp => each(staged, nulls, rows, |row, slot| {
                let fields = DateTimeFields::read_from(slot);
                // SAFETY: see above.
                unsafe { self.construct(row, call, &fields, None) }
            }),
            DescriptorKind::TimestampTz => each(staged, nulls, rows, |row, slot| {
                let fields = DateTimeFields::read_from(slot);
                if zone.0 != fields.offset_minutes {
                    zone = (fields.offset_minutes, zone_text(fields.offset_minutes));
                }
                // SAFETY: see above.
                unsafe { self.construct(row, call, &fields, Some(&zone.1[..])) }
            }),
            DescriptorKind::RegionTime => each(staged, nulls, rows, |row, slot| {
                let fields = DateTimeFields::read_from(slot);
                let clock = self
                    .region
                    .as_ref()
                    .ok_or_else(|| OciError::refused("OCIDateTimeIntervalAdd", "construct a datetime", "its region is not set".into()))?;
                // SAFETY: see above.
                unsafe { clock.set(call, &fields, self, row) }
            }),
            DescriptorKind::ZonedTime => each(staged, nulls, rows, |row, slot| {
                let fields = DateTimeFields::read_from(slot);
                // SAFETY: see above.
                unsafe {
                    match fields.region {
                        0 => self.construct(row, call, &fields, Some(&zone_text(fields.offset_minutes)[..])),
                        region => self.clocks.with(self.api, call, region, |clock| clock.set(call, &fields, self, row)),
                    }
                }
            }),
            // SAFETY: see above.
            DescriptorKind::DaySecond => each(staged, nulls, rows, |row, slot| unsafe { self.set_day_second(row, call, slot) }),
            // SAFETY: see above.
            DescriptorKind::YearMonth => each(staged, nulls, rows, |row, slot| unsafe { self.set_year_month(row, call, slot) }),
        }
    }

    /// Reads the first `rows` descriptors that are not NULL into their slots of `staged`.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says; a fetch has filled the descriptors.
    pub(crate) unsafe fn stage(&self, call: DescriptorCall, staged: &mut [u8], nulls: &[i16], rows: usize) -> Result<(), OciError> {
        /// Runs `read` for the slots of values.
        fn each<const N: usize>(
            staged: &mut [u8],
            nulls: &[i16],
            rows: usize,
            mut read: impl FnMut(usize, &mut [u8; N]) -> Result<(), OciError>,
        ) -> Result<(), OciError> {
            let (slots, _) = staged.as_chunks_mut::<N>();
            let mut values = slots.iter_mut().zip(nulls).take(rows).enumerate().filter(|(_, (_, null))| **null != -1);
            values.try_for_each(|(row, (slot, _))| read(row, slot))
        }
        // SAFETY (all three): the descriptors are ours, of their kind and filled; the handles are as the caller says.
        match self.kind {
            DescriptorKind::Timestamp | DescriptorKind::TimestampTz | DescriptorKind::RegionTime => {
                each(staged, nulls, rows, |row, slot| {
                    // SAFETY: see above.
                    unsafe { self.read_datetime(row, call) }.map(|fields| fields.write_to(slot))
                })
            }
            DescriptorKind::ZonedTime => {
                let mut regions = Regions::default();
                each(staged, nulls, rows, |row, slot| {
                    // SAFETY: see above.
                    unsafe { self.read_zoned(row, call, &mut regions) }.map(|fields| fields.write_to(slot))
                })
            }
            DescriptorKind::DaySecond => each(staged, nulls, rows, |row, slot| {
                // SAFETY: see above.
                unsafe { self.read_day_second(row, call) }.map(|value| value.write_to(slot))
            }),
            DescriptorKind::YearMonth => each::<MONTHS_BYTES>(staged, nulls, rows, |row, slot| {
                // SAFETY: see above.
                unsafe { self.read_months(row, call) }.map(|months| *slot = months.to_ne_bytes())
            }),
        }
    }
}

impl Drop for DescriptorArray {
    fn drop(&mut self) {
        // SAFETY: allocated by OCIArrayDescriptorAlloc with the same type and array, freed once; the environment is still alive.
        unsafe { (self.api.OCIArrayDescriptorFree)(self.pointers.as_ptr(), self.kind.descriptor_type()) };
    }
}
