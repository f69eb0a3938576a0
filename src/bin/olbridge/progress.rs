//! What a running copy shows on standard error: a bar on a terminal, a line now and then elsewhere, nothing with `--quiet`.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use olbridge::copy::format::{bytes, count, thousands};
use olbridge::copy::{Progress, ProgressEvent};

use crate::note;

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The listener for this standard error.
pub fn listener(quiet: bool) -> Box<dyn Progress> {
    let capable = env::var_os("TERM").is_none_or(|term| term != "dumb");
    match (quiet, io::stderr().is_terminal() && capable) {
        (true, _) => Box::new(olbridge::copy::NoProgress),
        (false, true) => Box::new(Bar { bar: None }),
        (false, false) => Box::new(Lines::default()),
    }
}

/// For a person who watches. Without colours, so that there is nothing for NO_COLOR to take away.
struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(format_args!("{text}"))),
            None => note(format_args!("{text}")),
        }
    }
}

impl Progress for Bar {
    fn event(&mut self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Started { rows_total, bytes_total } => {
                let bar = ProgressBar::new(*rows_total).with_prefix(bytes(*bytes_total));
                // The template is a constant that a test reads; a bar without style is still a bar.
                let template = match (rows_total, bytes_total) {
                    (0, _) => COUNT_TEMPLATE,
                    (_, 0) => ROWS_TEMPLATE,
                    _ => BAR_TEMPLATE,
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                        let _ = write!(out, "{} rows/s", thousands(state.per_sec() as u64));
                    };
                    bar.set_style(style.with_key("rate", rate).progress_chars("=> "));
                }
                self.bar = Some(bar);
            }
            ProgressEvent::Batch { rows_done, bytes_done } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(bytes(*bytes_done));
                    bar.set_position(*rows_done);
                }
            }
            other => {
                if let Some(text) = sentence(other) {
                    self.say(&text);
                }
            }
        }
    }
}

const BAR_TEMPLATE: &str = "[{bar:30}] {human_pos} of {human_len} rows  {msg} of {prefix}  {rate}  {eta} left";
/// Where nobody knows how many bytes there will be.
const ROWS_TEMPLATE: &str = "[{bar:30}] {human_pos} of {human_len} rows  {msg}  {rate}  {eta} left";
/// Where nobody knows how many rows there will be.
const COUNT_TEMPLATE: &str = "{spinner} {human_pos} rows  {msg}  {rate}";

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// For logs.
#[derive(Default)]
struct Lines {
    rows_total: u64,
    bytes_total: u64,
    started: Option<Instant>,
    last_line: Option<Instant>,
}

impl Progress for Lines {
    fn event(&mut self, event: &ProgressEvent) {
        match event {
            ProgressEvent::Started { rows_total, bytes_total } => {
                (self.rows_total, self.bytes_total) = (*rows_total, *bytes_total);
                (self.started, self.last_line) = (Some(Instant::now()), Some(Instant::now()));
            }
            ProgressEvent::Batch { rows_done, bytes_done } => {
                if self.last_line.is_some_and(|last| last.elapsed() >= LINE_INTERVAL) {
                    self.last_line = Some(Instant::now());
                    let elapsed = self.started.map_or(Duration::ZERO, |started| started.elapsed());
                    note(format_args!("{}", progress_line(*rows_done, self.rows_total, *bytes_done, self.bytes_total, elapsed)));
                }
            }
            other => {
                if let Some(text) = sentence(other) {
                    note(format_args!("{text}"));
                }
            }
        }
    }
}

/// What both forms say in words.
fn sentence(event: &ProgressEvent) -> Option<String> {
    match event {
        ProgressEvent::Statement { sql } => Some(format!("{sql};")),
        ProgressEvent::RollingBack { rows } if *rows > 0 => Some(format!("rolling back {}", count(*rows, "row"))),
        _ => None,
    }
}

fn progress_line(rows: u64, rows_total: u64, bytes_done: u64, bytes_total: u64, elapsed: Duration) -> String {
    let rate = rows as f64 / elapsed.as_secs_f64().max(0.001);
    if rows_total == 0 {
        return format!("{}, {}, {} rows/s", count(rows, "row"), bytes(bytes_done), thousands(rate as u64));
    }
    let left = if rate > 0.0 { (rows_total.saturating_sub(rows)) as f64 / rate } else { 0.0 };
    let of_bytes = if bytes_total == 0 { String::new() } else { format!(" of {}", bytes(bytes_total)) };
    format!(
        "{} of {}, {}{of_bytes}, {} rows/s, {} s left",
        thousands(rows),
        count(rows_total, "row"),
        bytes(bytes_done),
        thousands(rate as u64),
        thousands(left.ceil() as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rows_bytes_rate_and_time_left() {
        let line = progress_line(250_000, 1_000_000, 5 << 20, 20 << 20, Duration::from_secs(5));
        assert_eq!(line, "250,000 of 1,000,000 rows, 5.0 MiB of 20.0 MiB, 50,000 rows/s, 15 s left");
        let without_bytes = progress_line(250, 1_000, 5 << 20, 0, Duration::from_secs(5));
        assert_eq!(without_bytes, "250 of 1,000 rows, 5.0 MiB, 50 rows/s, 15 s left");
        assert_eq!(progress_line(2_000, 0, 5 << 20, 0, Duration::from_secs(2)), "2,000 rows, 5.0 MiB, 1,000 rows/s");
    }

    #[test]
    fn the_bar_template_is_valid() {
        assert!(ProgressStyle::with_template(BAR_TEMPLATE).is_ok());
        assert!(ProgressStyle::with_template(ROWS_TEMPLATE).is_ok());
        assert!(ProgressStyle::with_template(COUNT_TEMPLATE).is_ok());
    }

    #[test]
    fn statements_are_shown_and_commits_are_not() {
        assert_eq!(sentence(&ProgressEvent::Statement { sql: "DROP TABLE T".into() }).as_deref(), Some("DROP TABLE T;"));
        assert_eq!(sentence(&ProgressEvent::Committed { rows_committed: 5 }), None);
    }
}
