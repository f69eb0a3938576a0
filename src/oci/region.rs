//! Instants on the clock of a time zone region.
//!
//! OCIDateTimeConstruct takes what clocks show, which is ambiguous in the hour that comes twice: client 12.1 takes standard time there, and has no
//! other way to say it (`Europe/Berlin CEST` is ORA-01878). So one moment is constructed in the region, and every instant is that moment plus an
//! interval: the client adds on the instants, and keeps the region. Which offset belongs to an instant is then the matter of the client's and the
//! server's time zone files alone, and a difference between those and other files changes no instant.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};

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

/// Regions that were met, by number from 1: buffers that go from one statement to another hold these. There are as many as the client has names.
static MET: RwLock<Vec<ZoneRegion>> = RwLock::new(Vec::new());

fn met(number: u16) -> Option<ZoneRegion> {
    MET.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(number).checked_sub(1)?).copied()
}

/// The number of a region; a new one for a region that was not met before.
fn number_of(region: ZoneRegion) -> Option<u16> {
    let place = |met: &[ZoneRegion]| met.iter().position(|known| *known == region);
    let known = place(&MET.read().unwrap_or_else(PoisonError::into_inner));
    let index = known.unwrap_or_else(|| {
        let mut met = MET.write().unwrap_or_else(PoisonError::into_inner);
        place(&met).unwrap_or_else(|| {
            met.push(region);
            met.len() - 1
        })
    });
    u16::try_from(index + 1).ok()
}

/// Numbers of the regions of a column: one look at the table of all as long as the region stays the same.
#[derive(Default)]
pub(super) struct Regions {
    last: Option<(ZoneRegion, u16)>,
}

impl Regions {
    /// The number of what `read` writes into its buffer, whose length it is given and sets: 0 for an offset.
    ///
    /// # Errors
    /// What `read` fails with; a name that no region has.
    pub(super) fn number_of(&mut self, read: impl FnOnce(&mut [u8], &mut u32) -> Result<(), OciError>) -> Result<u16, OciError> {
        let mut buffer = [0u8; ZoneRegion::MAX_BYTES];
        let mut bytes = buffer.len() as u32;
        read(&mut buffer, &mut bytes)?;
        let name = buffer.get(..bytes as usize).unwrap_or_default();
        if let [b'+' | b'-' | b'0'..=b'9', ..] = name {
            return Ok(0);
        }
        if let Some((_, number)) = self.last.filter(|(region, _)| region.name() == name) {
            return Ok(number);
        }
        let unknown = || {
            let message = format!("time zone {:?}", String::from_utf8_lossy(name));
            OciError::refused("OCIDateTimeGetTimeZoneName", "read a time zone", message)
        };
        let region = std::str::from_utf8(name).ok().and_then(ZoneRegion::named).ok_or_else(unknown)?;
        let number = number_of(region).ok_or_else(unknown)?;
        self.last = Some((region, number));
        Ok(number)
    }
}

/// The clocks of the regions of a column, made as they are met.
#[derive(Default)]
pub(super) struct RegionClocks(RefCell<Vec<(u16, RegionClock)>>);

impl RegionClocks {
    /// Runs `set` with the clock of a region.
    ///
    /// # Safety
    /// As [`RegionClock::new`] says.
    pub(super) unsafe fn with(
        &self,
        api: &'static Api,
        call: DescriptorCall,
        number: u16,
        set: impl FnOnce(&RegionClock) -> Result<(), OciError>,
    ) -> Result<(), OciError> {
        let mut clocks = self.0.borrow_mut();
        let index = match clocks.iter().position(|(known, _)| *known == number) {
            Some(index) => index,
            None => {
                let region = met(number).ok_or_else(|| OciError::refused(ADD, ACTION, format!("region {number} was never met")))?;
                // SAFETY: as the caller says.
                clocks.push((number, unsafe { RegionClock::new(api, call, &region) }?));
                clocks.len() - 1
            }
        };
        set(&clocks[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_keeps_its_number_and_an_offset_has_none() {
        let mut regions = Regions::default();
        let mut number = |name: &str| {
            regions.number_of(|buffer, bytes| {
                buffer[..name.len()].copy_from_slice(name.as_bytes());
                *bytes = name.len() as u32;
                Ok(())
            })
        };
        let berlin = number("Europe/Berlin").unwrap();
        assert!(berlin > 0 && met(berlin).unwrap().name() == b"Europe/Berlin");
        let paris = number("Europe/Paris").unwrap();
        assert_ne!(berlin, paris);
        assert_eq!([number("+05:30").unwrap(), number("-00:30").unwrap(), number("Europe/Berlin").unwrap()], [0, 0, berlin]);
        assert_eq!(number("UTC").unwrap(), number("UTC").unwrap());
        assert!(number("").unwrap_err().message.contains("time zone"));
        assert_eq!([met(0), met(u16::MAX)], [None, None]);
    }
}
