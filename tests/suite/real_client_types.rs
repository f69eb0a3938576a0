//! What Oracle's own client sends of types that the loopback server has no columns for: the bytes on the wire, as other drivers document them.

use std::process::Stdio;
use std::time::Duration;

use olbridge::copy::Target;
use olbridge::layout::{DaySecond, Layout};
use olbridge::oci::{ArrayMode, Secret, Session};

use crate::real_client::CHILD_TARGET;
use crate::support::loopback::Loopback;
use crate::support::skipped;

/// Days and nanoseconds beside months, and their bytes: big-endian, 2^31 added to days, years and nanoseconds, 60 to all else.
const INTERVALS: [((i32, i64), i64, &str, &str); 4] = [
    ((5, 14_582_000_000_001), 64, "80000005403f3e80000001", "8000000540"),
    ((-999_999_999, -86_399_999_999_999), -13, "4465360125010144653601", "7fffffff3b"),
    ((0, -1), i32::MIN as i64, "800000003c3c3c7fffffff", "7555555634"),
    ((0, 0), 11_999_999_999, "800000003c3c3c80000000", "bb9ac9ff47"),
];

/// How that server refuses a bind of a type that it does not know.
const UNKNOWN_BIND_TYPE: &str = "known bind type";

#[test]
fn intervals_leave_oracles_client_as_other_drivers_send_them() {
    const TEST: &str = "real_client_types::intervals";
    let Some(mut server) = Loopback::start(TEST) else { return };
    server.sql("CREATE TABLE T (A RAW(40), B RAW(40))");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "real_client_types::child_intervals", "--ignored", "--nocapture"]);
    server.environment(&mut child);
    child.env(CHILD_TARGET, server.target("T"));
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = crate::support::finish(child, Duration::from_secs(120));
    assert_eq!(outcome.code, 0, "{outcome}");
    if outcome.stdout.contains(UNKNOWN_BIND_TYPE) {
        // The client took the descriptors and sent them; the server does not decode them.
        skipped(TEST, "the loopback server knows no INTERVAL");
        return;
    }
    let expected = INTERVALS.map(|(_, _, span, months)| vec![Some(span.to_owned()), Some(months.to_owned())]);
    assert_eq!(server.binds_of_inserts(), expected, "{outcome}");
}

#[test]
#[ignore = "a part of intervals_leave_oracles_client_as_other_drivers_send_them, which runs it as a child process"]
fn child_intervals() {
    let Ok(target) = std::env::var(CHILD_TARGET) else {
        eprintln!("SKIPPED real_client_types::child_intervals: {CHILD_TARGET} is not set");
        return;
    };
    let target: Target = target.parse().unwrap();
    let session = Session::connect(&target.connect_options(Some(Secret::new("tiger")))).unwrap();
    let layouts = [Layout::IntervalDaySecond, Layout::IntervalYearMonth];
    let mut statement = session.array_statement("INSERT INTO T (A, B) VALUES (:1, :2)", &layouts, 10).unwrap();
    let (spans, _) = statement.slots(0, 0..4).values.as_chunks_mut::<{ DaySecond::SIZE_BYTES }>();
    for (slot, ((days, nanoseconds), ..)) in spans.iter_mut().zip(INTERVALS) {
        DaySecond { days, nanoseconds }.write_to(slot);
    }
    let (months, _) = statement.slots(1, 0..4).values.as_chunks_mut::<8>();
    for (slot, (_, count, ..)) in months.iter_mut().zip(INTERVALS) {
        *slot = count.to_ne_bytes();
    }
    (0..2).for_each(|index| statement.slots(index, 0..4).indicators.fill(0));
    match statement.execute(4, ArrayMode::StopAtFirstError) {
        Ok(outcome) => println!("{outcome:?}"),
        Err(error) if error.message.contains(UNKNOWN_BIND_TYPE) => println!("{error}"),
        Err(error) => panic!("{error}"),
    }
    drop(statement);
    session.commit().unwrap();
}
