//! Numbers, dates and intervals.

use clntsh::abi::datetime::{
    OCIDateTimeConstruct, OCIDateTimeGetDate, OCIDateTimeGetTime, OCIDateTimeGetTimeZoneOffset, OCIDateTimeIntervalAdd, OCIDateTimeSubtract,
};
use clntsh::abi::descriptor::{OCIArrayDescriptorAlloc, OCIArrayDescriptorFree, OCIDescriptorAlloc, OCIDescriptorFree};
use clntsh::abi::interval::{OCIIntervalGetDaySecond, OCIIntervalSetDaySecond};
use clntsh::abi::number::{OCINumberFromInt, OCINumberFromReal, OCINumberFromText, OCINumberToInt, OCINumberToReal, OCINumberToText};

use super::*;

fn descriptor(env: &Env, kind: u32) -> Pointer {
    let mut pointer = null_mut();
    env.ok(unsafe { OCIDescriptorAlloc(env.env, &mut pointer, kind, 0, null_mut()) });
    pointer
}

#[test]
fn integers_become_the_bytes_of_the_real_client() {
    let env = Env::new();
    let samples: [(i64, &[u8]); 6] = [
        (0, &[1, 0x80]),
        (1, &[2, 0xc1, 2]),
        (-1, &[3, 0x3e, 0x64, 0x66]),
        (100, &[2, 0xc2, 2]),
        (i64::MAX, &[0x0b, 0xca, 0x0a, 0x17, 0x22, 0x49, 0x04, 0x45, 0x37, 0x4e, 0x3b, 0x08]),
        (i64::MIN, &[0x0c, 0x35, 0x5c, 0x4f, 0x44, 0x1d, 0x62, 0x21, 0x2f, 0x18, 0x2b, 0x5d, 0x66]),
    ];
    for (value, bytes) in samples {
        let (mut number, mut back) = ([0u8; 22], 0i64);
        env.ok(unsafe { OCINumberFromInt(env.err, (&raw const value).cast(), 8, 2, number.as_mut_ptr().cast()) });
        assert_eq!(&number[..bytes.len()], bytes, "{value}");
        env.ok(unsafe { OCINumberToInt(env.err, number.as_ptr().cast(), 8, 2, (&raw mut back).cast()) });
        assert_eq!(back, value);
    }
    let (big, mut number, mut small) = (300i64, [0u8; 22], 0i8);
    env.ok(unsafe { OCINumberFromInt(env.err, (&raw const big).cast(), 8, 2, number.as_mut_ptr().cast()) });
    env.fails(unsafe { OCINumberToInt(env.err, number.as_ptr().cast(), 1, 2, (&raw mut small).cast()) }, 22053);
    env.fails(unsafe { OCINumberToInt(env.err, [0u8; 22].as_ptr().cast(), 1, 2, (&raw mut small).cast()) }, 22060);
}

#[test]
fn text_and_reals_convert() {
    let env = Env::new();
    let (mut number, mut buffer, mut size, mut real) = ([0u8; 22], [0u8; 60], 60u32, 0f64);
    let text = "-123.45";
    env.ok(unsafe { OCINumberFromText(env.err, text.as_ptr(), 7, b"999D99".as_ptr(), 6, null(), 0, number.as_mut_ptr().cast()) });
    assert_eq!(number[..6], [5, 0x3d, 0x64, 0x4e, 0x38, 0x66]);
    env.ok(unsafe { OCINumberToText(env.err, number.as_ptr().cast(), b"TM9".as_ptr(), 3, null(), 0, &mut size, buffer.as_mut_ptr()) });
    assert_eq!(&buffer[..size as usize], text.as_bytes());
    env.ok(unsafe { OCINumberToReal(env.err, number.as_ptr().cast(), 8, (&raw mut real).cast()) });
    assert_eq!(real, -123.45);
    // The real client keeps 15 digits; so does this one.
    let real = 9_007_199_254_740_993f64;
    let mut integer = 0i64;
    env.ok(unsafe { OCINumberFromReal(env.err, (&raw const real).cast(), 8, number.as_mut_ptr().cast()) });
    env.ok(unsafe { OCINumberToInt(env.err, number.as_ptr().cast(), 8, 2, (&raw mut integer).cast()) });
    assert_eq!(integer, 9_007_199_254_740_990);
    env.fails(unsafe { OCINumberFromText(env.err, b"12x".as_ptr(), 3, b"999".as_ptr(), 3, null(), 0, number.as_mut_ptr().cast()) }, 22062);
}

#[test]
fn timestamps_are_constructed_checked_and_read() {
    let env = Env::new();
    let plain = descriptor(&env, kind::TIMESTAMP);
    let zoned = descriptor(&env, kind::TIMESTAMP_TZ);
    let construct = |target, year, month, day, zone: &str| unsafe {
        OCIDateTimeConstruct(env.env, env.err, target, year, month, day, 23, 59, 58, 7, zone.as_ptr(), zone.len())
    };
    let (mut year, mut month, mut day) = (0i16, 0u8, 0u8);
    env.fails(unsafe { OCIDateTimeGetDate(env.env, env.err, plain, &mut year, &mut month, &mut day) }, 24316);
    env.ok(construct(plain, 2024, 2, 29, ""));
    env.ok(unsafe { OCIDateTimeGetDate(env.env, env.err, plain, &mut year, &mut month, &mut day) });
    assert_eq!((year, month, day), (2024, 2, 29));
    env.fails(construct(plain, 2023, 2, 29, ""), 1839);
    env.fails(construct(plain, 0, 1, 1, ""), 1841);
    env.fails(construct(zoned, 2024, 2, 29, "Mars/Olympus"), 1882);
    env.ok(construct(zoned, 2024, 2, 29, "-05:30"));
    let (mut hours, mut minutes) = (0i8, 0i8);
    env.ok(unsafe { OCIDateTimeGetTimeZoneOffset(env.env, env.err, zoned, &mut hours, &mut minutes) });
    assert_eq!((hours, minutes), (-5, -30));
    let (mut hour, mut minute, mut second, mut nanos) = (0u8, 0u8, 0u8, 0u32);
    env.ok(unsafe { OCIDateTimeGetTime(env.env, env.err, zoned, &mut hour, &mut minute, &mut second, &mut nanos) });
    assert_eq!((hour, minute, second, nanos), (23, 59, 58, 7));
    // 2024-02-29 23:59:58-05:30 is five and a half hours after the same time at UTC.
    let difference = descriptor(&env, kind::INTERVAL_DS);
    env.ok(unsafe { OCIDateTimeSubtract(env.env, env.err, zoned, plain, difference) });
    let mut parts = [0i32; 5];
    let [d, h, m, s, n] = &mut parts;
    env.ok(unsafe { OCIIntervalGetDaySecond(env.env, env.err, d, h, m, s, n, difference) });
    assert_eq!(parts, [0, 5, 30, 0, 0]);
    assert_eq!(unsafe { OCIDescriptorFree(plain, kind::TIMESTAMP_TZ) }, status::INVALID_HANDLE);
    assert_eq!(unsafe { OCIDescriptorFree(plain, kind::TIMESTAMP) }, status::SUCCESS);
}

#[test]
fn an_interval_is_added_over_the_end_of_a_month() {
    let env = Env::new();
    let mut stamps = [null_mut(); 3];
    env.ok(unsafe { OCIArrayDescriptorAlloc(env.env, stamps.as_mut_ptr(), kind::TIMESTAMP, 3, 0, null_mut()) });
    let interval = descriptor(&env, kind::INTERVAL_DS);
    env.ok(unsafe { OCIDateTimeConstruct(env.env, env.err, stamps[0], 1999, 12, 31, 23, 0, 0, 999_999_999, null(), 0) });
    env.ok(unsafe { OCIIntervalSetDaySecond(env.env, env.err, 0, 1, 0, 0, 1, interval) });
    env.ok(unsafe { OCIDateTimeIntervalAdd(env.env, env.err, stamps[0], interval, stamps[2]) });
    let (mut year, mut month, mut day) = (0i16, 0u8, 0u8);
    env.ok(unsafe { OCIDateTimeGetDate(env.env, env.err, stamps[2], &mut year, &mut month, &mut day) });
    assert_eq!((year, month, day), (2000, 1, 1));
    let (mut hour, mut minute, mut second, mut nanos) = (9u8, 9u8, 9u8, 9u32);
    env.ok(unsafe { OCIDateTimeGetTime(env.env, env.err, stamps[2], &mut hour, &mut minute, &mut second, &mut nanos) });
    assert_eq!((hour, minute, second, nanos), (0, 0, 1, 0));
    // Fields of different signs stay as they were set; what counts is their sum.
    env.ok(unsafe { OCIIntervalSetDaySecond(env.env, env.err, -1, 23, 59, 59, 1, interval) });
    let mut parts = [0i32; 5];
    let [d, h, m, s, n] = &mut parts;
    env.ok(unsafe { OCIIntervalGetDaySecond(env.env, env.err, d, h, m, s, n, interval) });
    assert_eq!(parts, [-1, 23, 59, 59, 1]);
    env.ok(unsafe { OCIDateTimeIntervalAdd(env.env, env.err, stamps[0], interval, stamps[2]) });
    env.ok(unsafe { OCIDateTimeGetTime(env.env, env.err, stamps[2], &mut hour, &mut minute, &mut second, &mut nanos) });
    assert_eq!((hour, minute, second, nanos), (23, 0, 0, 0));
    assert_eq!(unsafe { OCIArrayDescriptorFree(stamps.as_mut_ptr(), kind::TIMESTAMP) }, status::SUCCESS);
}
