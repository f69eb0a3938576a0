//! Instants on the clock of a time zone region.
//!
//! OCIDateTimeConstruct takes what clocks show, which is ambiguous in the hour that comes twice: client 12.1 takes standard time there, and has no
//! other way to say it (`Europe/Berlin CEST` is ORA-01878). So one moment is constructed in the region, and every instant is that moment plus an
//! interval: the client adds on the instants, and keeps the region. Which offset belongs to an instant is then the matter of the client's and the
//! server's time zone files alone, and a difference between those and other files changes no instant.

use oci_sys::*;

use crate::layout::{DateTimeFields, DaySecond, ZoneRegion};
use crate::oci::check::{OciError, check};
use crate::oci::descriptor::{DescriptorArray, DescriptorCall, DescriptorKind};
use crate::value::datetime::{Calendar, seconds_from_fields};

const DAY_NANOSECONDS: i128 = 86_400_000_000_000;
const ADD: &str = "OCIDateTimeIntervalAdd";
const ACTION: &str = "construct a datetime in a region";

/// A moment in a region, and the way from there to others.
pub(crate) struct RegionClock {
    api: &'static Api,
    base: DescriptorArray,
    way: DescriptorArray,
    base_seconds: i64,
}

impl RegionClock {
    /// Fails with ORA-01882 where the client has no such region.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says; the environment outlives the clock.
    pub(super) unsafe fn new(api: &'static Api, call: DescriptorCall, region: &ZoneRegion) -> Result<Self, OciError> {
        // No region has changed its offset on that day.
        let noon = DateTimeFields { year: 2000, month: 1, day: 15, hour: 12, ..DateTimeFields::default() };
        // SAFETY: as the caller says; the descriptor is of the kind that has a zone, and filled before it is read.
        unsafe {
            let base = DescriptorArray::allocate(api, call.env, DescriptorKind::TimestampTz, 1)?;
            let way = DescriptorArray::allocate(api, call.env, DescriptorKind::DaySecond, 1)?;
            base.construct(0, call, &noon, Some(region.name()))
                .map_err(|error| OciError { message: format!("time zone region {region}: {}", error.message.trim_end()), ..error })?;
            let base_seconds = instant(&base.read_datetime(0, call)?)?;
            Ok(RegionClock { api, base, way, base_seconds })
        }
    }

    /// Sets descriptor `index` of `to` to the instant of `fields`, and reads it back.
    ///
    /// # Safety
    /// As [`DescriptorCall`] says; `to` holds descriptors with a zone.
    pub(super) unsafe fn set(
        &self,
        call: DescriptorCall,
        fields: &DateTimeFields,
        to: &DescriptorArray,
        index: usize,
    ) -> Result<(), OciError> {
        let seconds = instant(fields)?;
        let nanoseconds = i128::from(seconds - self.base_seconds) * 1_000_000_000 + i128::from(fields.nanosecond);
        let mut slot = [0; DaySecond::SIZE_BYTES];
        // Of years 1 to 9999, both fit.
        let (days, rest) = ((nanoseconds / DAY_NANOSECONDS) as i32, (nanoseconds % DAY_NANOSECONDS) as i64);
        DaySecond { days, nanoseconds: rest }.write_to(&mut slot);
        let (env, error) = (call.env.cast(), call.error);
        // SAFETY: live handles (caller), and descriptors of their kinds.
        let set = unsafe {
            self.way.set_day_second(0, call, &slot)?;
            let (base, way, sum) = (self.base.pointer(0).cast(), self.way.pointer(0).cast(), to.pointer(index).cast());
            let status = (self.api.OCIDateTimeIntervalAdd)(env, error, base, way, sum);
            check(self.api, error, status, ADD, ACTION)?;
            to.read_datetime(index, call)?
        };
        match instant(&set)? == seconds && set.nanosecond == fields.nanosecond {
            true => Ok(()),
            false => Err(OciError::refused(ADD, ACTION, format!("the client makes {set:?} of {fields:?}"))),
        }
    }
}

/// Seconds since 1970-01-01 00:00:00 UTC.
fn instant(fields: &DateTimeFields) -> Result<i64, OciError> {
    // Oracle's own days, whatever their names were made from.
    seconds_from_fields(fields, Calendar::SameDay).map_err(|error| OciError::refused(ADD, ACTION, format!("{fields:?}: {error}")))
}
