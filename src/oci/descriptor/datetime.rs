//! One OCIDateTime descriptor: filled from fields, and read into them.

use oci_sys::*;

use super::{DescriptorArray, DescriptorCall, DescriptorKind};
use crate::layout::DateTimeFields;
use crate::oci::check::{OciError, check};
use crate::oci::region::Regions;

const MAX_NANOSECOND: u32 = 999_999_999;
/// As [`DateTimeFields::offset_minutes`] says; `-14:59` to `+14:00`.
const ZONE_MINUTES: std::ops::RangeInclusive<i16> = -899..=840;

impl DescriptorArray {
    /// Fills descriptor `index`.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says; `zone` for descriptors with a zone alone.
    pub(in crate::oci) unsafe fn construct(
        &self,
        index: usize,
        call: DescriptorCall,
        fields: &DateTimeFields,
        zone: Option<&[u8]>,
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

    /// Fields of descriptor `index` on the clock of its zone.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    pub(in crate::oci) unsafe fn read_datetime(&self, index: usize, call: DescriptorCall) -> Result<DateTimeFields, OciError> {
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
            if self.kind != DescriptorKind::Timestamp {
                let (mut hours, mut minutes) = (0i8, 0i8);
                let status = (api.OCIDateTimeGetTimeZoneOffset)(env.cast(), error, descriptor, &mut hours, &mut minutes);
                check(api, error, status, "OCIDateTimeGetTimeZoneOffset", ACTION)?;
                fields.offset_minutes = i16::from(hours) * 60 + i16::from(minutes);
            }
        }
        Ok(fields)
    }

    /// As [`Self::read_datetime`], with the number of the region.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    pub(super) unsafe fn read_zoned(&self, index: usize, call: DescriptorCall, regions: &mut Regions) -> Result<DateTimeFields, OciError> {
        // SAFETY: as the caller says; the name is written into as many bytes as are told.
        unsafe {
            let fields = self.read_datetime(index, call)?;
            let region = regions.number_of(|name, name_bytes| {
                let descriptor = self.pointer(index).cast_const().cast();
                let status = (self.api.OCIDateTimeGetTimeZoneName)(call.env.cast(), call.error, descriptor, name.as_mut_ptr(), name_bytes);
                check(self.api, call.error, status, "OCIDateTimeGetTimeZoneName", "read a time zone").map(drop)
            })?;
            Ok(DateTimeFields { region, ..fields })
        }
    }
}

/// `+HH:MM`.
pub(super) type ZoneText = [u8; 6];

/// The text of an offset from UTC, without allocation.
pub(super) fn zone_text(offset_minutes: i16) -> ZoneText {
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
