//! Arrays of OCIDateTime and OCIInterval descriptors: what the placeholders and columns of these types bind and define instead of values.
//! Converters see a staging area of plain fields; this file alone goes from one to the other.

use std::ffi::c_void;

use oci_sys::*;

use crate::layout::{DateTimeFields, DaySecond, Layout, MONTHS_BYTES};
use crate::oci::check::{OciError, check};
use crate::oci::handle::RawArray;

const MAX_NANOSECOND: u32 = 999_999_999;
/// As [`DateTimeFields::offset_minutes`] says; `-14:59` to `+14:00`.
const ZONE_MINUTES: std::ops::RangeInclusive<i16> = -899..=840;
/// Nine digits: what an INTERVAL has at most.
const MAX_LEADING_FIELD: i32 = 999_999_999;
const DAY_NANOSECONDS: i64 = 86_400_000_000_000;

/// What a descriptor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DescriptorKind {
    Timestamp,
    TimestampTz,
    DaySecond,
    YearMonth,
}

impl DescriptorKind {
    /// The descriptors of a layout; `None` for plain memory.
    pub(crate) fn of(layout: &Layout) -> Option<Self> {
        match layout {
            Layout::DateTime { with_zone: false } => Some(DescriptorKind::Timestamp),
            Layout::DateTime { with_zone: true } => Some(DescriptorKind::TimestampTz),
            Layout::IntervalDaySecond => Some(DescriptorKind::DaySecond),
            Layout::IntervalYearMonth => Some(DescriptorKind::YearMonth),
            Layout::Fixed { .. } | Layout::Variable { .. } | Layout::Lob { .. } => None,
        }
    }

    /// `OCI_DTYPE_*`.
    fn descriptor_type(self) -> u32 {
        match self {
            DescriptorKind::Timestamp => OCI_DTYPE_TIMESTAMP,
            DescriptorKind::TimestampTz => OCI_DTYPE_TIMESTAMP_TZ,
            DescriptorKind::DaySecond => OCI_DTYPE_INTERVAL_DS,
            DescriptorKind::YearMonth => OCI_DTYPE_INTERVAL_YM,
        }
    }

    /// `SQLT_*`.
    fn external_type(self) -> u16 {
        match self {
            DescriptorKind::Timestamp => SQLT_TIMESTAMP,
            DescriptorKind::TimestampTz => SQLT_TIMESTAMP_TZ,
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
        Ok(DescriptorArray { api, kind, pointers })
    }

    /// Address of the pointers, bytes of one and the external type: what is bound or defined.
    pub(crate) fn target(&self) -> (*mut u8, u32, u16) {
        (self.pointers.as_ptr().cast(), size_of::<*mut c_void>() as u32, self.kind.external_type())
    }

    /// Descriptor `index` itself.
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
                unsafe { self.construct(row, call, &fields, Some(&zone.1)) }
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
            DescriptorKind::Timestamp | DescriptorKind::TimestampTz => each(staged, nulls, rows, |row, slot| {
                // SAFETY: see above.
                unsafe { self.read_datetime(row, call) }.map(|fields| fields.write_to(slot))
            }),
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

    /// Fills descriptor `index`.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says; `zone` for descriptors with a zone alone.
    unsafe fn construct(
        &self,
        index: usize,
        call: DescriptorCall,
        fields: &DateTimeFields,
        zone: Option<&ZoneText>,
    ) -> Result<(), OciError> {
        if fields.nanosecond > MAX_NANOSECOND || zone.is_some() && !ZONE_MINUTES.contains(&fields.offset_minutes) {
            return Err(OciError::refused("OCIDateTimeConstruct", "construct a datetime", format!("{fields:?} is no time")));
        }
        let (zone_text, zone_bytes) = zone.map_or((std::ptr::null(), 0), |zone| (zone.as_ptr(), zone.len()));
        // SAFETY: live handles (caller), a descriptor of ours, a zone text that is readable for its length or absent.
        unsafe {
            let status = (self.api.OCIDateTimeConstruct)(
                call.env.cast(),
                call.error,
                self.pointers.as_slice()[index].cast(),
                fields.year,
                fields.month,
                fields.day,
                fields.hour,
                fields.minute,
                fields.second,
                fields.nanosecond,
                zone_text,
                zone_bytes,
            );
            check(self.api, call.error, status, "OCIDateTimeConstruct", "construct a datetime").map(drop)
        }
    }

    /// Fills descriptor `index`. The client does not check the parts, so that is done here.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says.
    unsafe fn set_day_second(&self, index: usize, call: DescriptorCall, slot: &[u8; DaySecond::SIZE_BYTES]) -> Result<(), OciError> {
        const FUNCTION: &str = "OCIIntervalSetDaySecond";
        const ACTION: &str = "set an interval";
        let value = DaySecond::read_from(slot);
        let DaySecond { days, nanoseconds } = value;
        let one_sign = i64::from(days) * nanoseconds.signum() >= 0;
        if days.unsigned_abs() > MAX_LEADING_FIELD as u32 || nanoseconds.unsigned_abs() >= DAY_NANOSECONDS as u64 || !one_sign {
            return Err(OciError::refused(FUNCTION, ACTION, format!("{value:?} is no INTERVAL DAY TO SECOND")));
        }
        let (second_of_day, nanosecond) = ((nanoseconds / 1_000_000_000) as i32, (nanoseconds % 1_000_000_000) as i32);
        let (hours, minutes, seconds) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        let interval = self.pointers.as_slice()[index].cast();
        // SAFETY: live handles (caller) and a descriptor of ours, of this kind.
        unsafe {
            let status =
                (self.api.OCIIntervalSetDaySecond)(call.env.cast(), call.error, days, hours, minutes, seconds, nanosecond, interval);
            check(self.api, call.error, status, FUNCTION, ACTION).map(drop)
        }
    }

    /// Fills descriptor `index`.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says.
    unsafe fn set_year_month(&self, index: usize, call: DescriptorCall, slot: &[u8; MONTHS_BYTES]) -> Result<(), OciError> {
        const FUNCTION: &str = "OCIIntervalSetYearMonth";
        const ACTION: &str = "set an interval";
        let total = i64::from_ne_bytes(*slot);
        let (years, months) = (total / 12, (total % 12) as i32);
        if years.unsigned_abs() > MAX_LEADING_FIELD as u64 {
            return Err(OciError::refused(FUNCTION, ACTION, format!("{total} months are no INTERVAL YEAR TO MONTH")));
        }
        let interval = self.pointers.as_slice()[index].cast();
        // SAFETY: live handles (caller) and a descriptor of ours, of this kind.
        unsafe {
            let status = (self.api.OCIIntervalSetYearMonth)(call.env.cast(), call.error, years as i32, months, interval);
            check(self.api, call.error, status, FUNCTION, ACTION).map(drop)
        }
    }

    /// Fields of descriptor `index` on the clock of its zone.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    unsafe fn read_datetime(&self, index: usize, call: DescriptorCall) -> Result<DateTimeFields, OciError> {
        const ACTION: &str = "read a datetime";
        let (api, DescriptorCall { env, error }) = (self.api, call);
        let descriptor: *mut OCIDateTime = self.pointers.as_slice()[index].cast();
        let mut fields = DateTimeFields::default();
        // SAFETY: live handles (caller), a descriptor of ours, and places of the types that the header gives.
        unsafe {
            let DateTimeFields { year, month, day, hour, minute, second, nanosecond, .. } = &mut fields;
            let status = (api.OCIDateTimeGetDate)(env.cast(), error, descriptor, year, month, day);
            check(api, error, status, "OCIDateTimeGetDate", ACTION)?;
            let status = (api.OCIDateTimeGetTime)(env.cast(), error, descriptor, hour, minute, second, nanosecond);
            check(api, error, status, "OCIDateTimeGetTime", ACTION)?;
            if self.kind == DescriptorKind::TimestampTz {
                let (mut hours, mut minutes) = (0i8, 0i8);
                let status = (api.OCIDateTimeGetTimeZoneOffset)(env.cast(), error, descriptor, &mut hours, &mut minutes);
                check(api, error, status, "OCIDateTimeGetTimeZoneOffset", ACTION)?;
                fields.offset_minutes = i16::from(hours) * 60 + i16::from(minutes);
            }
        }
        Ok(fields)
    }

    /// Descriptor `index` as days and the rest.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    unsafe fn read_day_second(&self, index: usize, call: DescriptorCall) -> Result<DaySecond, OciError> {
        let interval: *const OCIInterval = self.pointers.as_slice()[index].cast_const().cast();
        let (mut days, mut hours, mut minutes, mut seconds, mut nanoseconds) = (0, 0, 0, 0, 0);
        // SAFETY: live handles (caller), a descriptor of ours, and five 32-bit places.
        unsafe {
            let status = (self.api.OCIIntervalGetDaySecond)(
                call.env.cast(),
                call.error,
                &mut days,
                &mut hours,
                &mut minutes,
                &mut seconds,
                &mut nanoseconds,
                interval,
            );
            check(self.api, call.error, status, "OCIIntervalGetDaySecond", "read an interval")?;
        }
        let second_of_day = i64::from(hours) * 3_600 + i64::from(minutes) * 60 + i64::from(seconds);
        Ok(DaySecond { days, nanoseconds: second_of_day * 1_000_000_000 + i64::from(nanoseconds) })
    }

    /// Descriptor `index` as months.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    unsafe fn read_months(&self, index: usize, call: DescriptorCall) -> Result<i64, OciError> {
        let interval: *const OCIInterval = self.pointers.as_slice()[index].cast_const().cast();
        let (mut years, mut months) = (0, 0);
        // SAFETY: live handles (caller), a descriptor of ours, and two 32-bit places.
        unsafe {
            let status = (self.api.OCIIntervalGetYearMonth)(call.env.cast(), call.error, &mut years, &mut months, interval);
            check(self.api, call.error, status, "OCIIntervalGetYearMonth", "read an interval")?;
        }
        Ok(i64::from(years) * 12 + i64::from(months))
    }
}

impl Drop for DescriptorArray {
    fn drop(&mut self) {
        // SAFETY: allocated by OCIArrayDescriptorAlloc with the same type and array, freed once; the environment is still alive.
        unsafe { (self.api.OCIArrayDescriptorFree)(self.pointers.as_ptr(), self.kind.descriptor_type()) };
    }
}

/// `+HH:MM`.
type ZoneText = [u8; 6];

/// The text of an offset from UTC, without allocation.
fn zone_text(offset_minutes: i16) -> ZoneText {
    let minutes = offset_minutes.unsigned_abs();
    let digits = |number: u16| [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8];
    let ([h1, h0], [m1, m0]) = (digits(minutes / 60), digits(minutes % 60));
    [if offset_minutes < 0 { b'-' } else { b'+' }, h1, h0, b':', m1, m0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_a_sign_also_below_an_hour() {
        assert_eq!(&zone_text(0), b"+00:00");
        assert_eq!(&zone_text(330), b"+05:30");
        assert_eq!(&zone_text(840), b"+14:00");
        assert_eq!(&zone_text(-30), b"-00:30");
        assert_eq!(&zone_text(-899), b"-14:59");
    }
}
