//! One OCIInterval descriptor: filled from a slot, and read.

use oci_sys::*;

use super::{DescriptorArray, DescriptorCall};
use crate::layout::{DaySecond, MONTHS_BYTES};
use crate::oci::check::{OciError, check};

/// Nine digits: what an INTERVAL has at most.
const MAX_LEADING_FIELD: i32 = 999_999_999;
const DAY_NANOSECONDS: i64 = 86_400_000_000_000;

impl DescriptorArray {
    /// Fills descriptor `index`. The client does not check the parts, so that is done here.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says.
    pub(in crate::oci) unsafe fn set_day_second(
        &self,
        index: usize,
        call: DescriptorCall,
        slot: &[u8; DaySecond::SIZE_BYTES],
    ) -> Result<(), OciError> {
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
    pub(super) unsafe fn set_year_month(&self, index: usize, call: DescriptorCall, slot: &[u8; MONTHS_BYTES]) -> Result<(), OciError> {
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

    /// Descriptor `index` as days and the rest.
    ///
    /// # Safety
    /// As for [`Self::stage`].
    pub(super) unsafe fn read_day_second(&self, index: usize, call: DescriptorCall) -> Result<DaySecond, OciError> {
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
    pub(super) unsafe fn read_months(&self, index: usize, call: DescriptorCall) -> Result<i64, OciError> {
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
