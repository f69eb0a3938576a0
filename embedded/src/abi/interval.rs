//! OCIInterval descriptors.

use std::ffi::c_void;

use super::codes::{kind, status};
use super::descriptor::{self, Content};
use super::error::{Failure, guard};
use crate::engine::nanos_of;

/// An interval of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    YearMonth {
        months: i32,
    },
    DaySecond {
        nanos: i128,
    },
    /// Days to nanoseconds that do not all have one sign: Oracle keeps them as they are.
    Fields([i32; 5]),
}

impl Interval {
    /// The same value with one sign.
    pub fn by_value(self) -> Interval {
        match self {
            Interval::Fields(fields) => Interval::DaySecond { nanos: nanos_of(fields) },
            other => other,
        }
    }
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
            let fields = [days, hours, minutes, seconds, nanos];
            let is_mixed = fields.iter().any(|field| *field < 0) && fields.iter().any(|field| *field > 0);
            let is_whole = hours.abs() < 24 && minutes.abs() < 60 && seconds.abs() < 60 && i64::from(nanos).abs() < 1_000_000_000;
            let value = match is_mixed && is_whole {
                true => Interval::Fields(fields),
                false => Interval::DaySecond { nanos: nanos_of(fields) },
            };
            descriptor::set(interval, Content::Interval(value))?;
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

/// Days to nanoseconds; every part carries the sign, or the sign that it was set with.
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
        let targets = [days, hours, minutes, seconds, nanos];
        guard("OCIIntervalGetDaySecond", errhp, |_| match *descriptor::get(interval)?.interval()? {
            Interval::Fields(fields) => {
                targets.into_iter().zip(fields).for_each(|(target, field)| target.write(field));
                Ok(status::SUCCESS)
            }
            Interval::YearMonth { .. } => Err(Failure::ora(24316, "illegal handle type: not an INTERVAL DAY TO SECOND descriptor")),
            Interval::DaySecond { nanos: total } => {
                let whole = total / NANOS_PER_SECOND;
                let parts = [whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60, total % NANOS_PER_SECOND];
                for (target, part) in targets.into_iter().zip(parts) {
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
            Interval::DaySecond { .. } | Interval::Fields(_) => {
                Err(Failure::ora(24316, "illegal handle type: not an INTERVAL YEAR TO MONTH descriptor"))
            }
            Interval::YearMonth { months: total } => {
                years.write(total / 12);
                months.write(total % 12);
                Ok(status::SUCCESS)
            }
        })
    }
}
