//! OCIInterval descriptors.

use std::ffi::c_void;

use super::codes::{kind, status};
use super::descriptor::{self, Content};
use super::error::{Failure, guard};

/// An interval of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    YearMonth { months: i32 },
    DaySecond { nanos: i128 },
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Sets days to nanoseconds.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIIntervalSetDaySecond(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    days: i32,
    hours: i32,
    minutes: i32,
    seconds: i32,
    nanos: i32,
    interval: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIIntervalSetDaySecond", errhp, |_| {
            if descriptor::get(interval)?.kind() != kind::INTERVAL_DS {
                return Err(Failure::ora(24316, "illegal handle type: not an INTERVAL DAY TO SECOND descriptor"));
            }
            let seconds = i128::from(days) * 86_400 + i128::from(hours) * 3600 + i128::from(minutes) * 60 + i128::from(seconds);
            let nanos = seconds * NANOS_PER_SECOND + i128::from(nanos);
            descriptor::set(interval, Content::Interval(Interval::DaySecond { nanos }))?;
            Ok(status::SUCCESS)
        })
    }
}

/// Sets years and months.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIIntervalSetYearMonth(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    years: i32,
    months: i32,
    interval: *mut c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIIntervalSetYearMonth", errhp, |_| {
            let total = i64::from(years) * 12 + i64::from(months);
            let months = i32::try_from(total).map_err(|_| Failure::ora(1873, "the leading precision of the interval is too small"))?;
            descriptor::set(interval, Content::Interval(Interval::YearMonth { months }))?;
            Ok(status::SUCCESS)
        })
    }
}

/// Days to nanoseconds; every part carries the sign.
///
/// # Safety
/// Pointers as the OCI contract says; the targets are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIIntervalGetDaySecond(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    days: *mut i32,
    hours: *mut i32,
    minutes: *mut i32,
    seconds: *mut i32,
    nanos: *mut i32,
    interval: *const c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIIntervalGetDaySecond", errhp, |_| match *descriptor::get(interval)?.interval()? {
            Interval::YearMonth { .. } => Err(Failure::ora(24316, "illegal handle type: not an INTERVAL DAY TO SECOND descriptor")),
            Interval::DaySecond { nanos: total } => {
                let whole = total / NANOS_PER_SECOND;
                let parts = [whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60, total % NANOS_PER_SECOND];
                for (target, part) in [days, hours, minutes, seconds, nanos].into_iter().zip(parts) {
                    let part = i32::try_from(part).map_err(|_| Failure::ora(1873, "the leading precision of the interval is too small"))?;
                    target.write(part);
                }
                Ok(status::SUCCESS)
            }
        })
    }
}

/// Years and months; both carry the sign.
///
/// # Safety
/// Pointers as the OCI contract says; the targets are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIIntervalGetYearMonth(
    _hndl: *mut c_void,
    errhp: *mut c_void,
    years: *mut i32,
    months: *mut i32,
    interval: *const c_void,
) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        guard("OCIIntervalGetYearMonth", errhp, |_| match *descriptor::get(interval)?.interval()? {
            Interval::DaySecond { .. } => Err(Failure::ora(24316, "illegal handle type: not an INTERVAL YEAR TO MONTH descriptor")),
            Interval::YearMonth { months: total } => {
                years.write(total / 12);
                months.write(total % 12);
                Ok(status::SUCCESS)
            }
        })
    }
}
