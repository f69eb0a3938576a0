//! A typed yes in the place of `--allow-destructive`, where somebody sits at a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use olbridge::copy::Cancel;

/// How often it is looked whether Ctrl-C has ended the question.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Asks whether `what` may be removed. Only the whole word counts, and only from a terminal that the question is seen on: a pipe, a file or a job
/// without a terminal never says yes.
pub fn removal(what: &str, cancel: &Cancel) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    let mut terminal = io::stderr().lock();
    let asked = write!(terminal, "This removes {what}.\nType yes to go on: ").and_then(|()| terminal.flush());
    drop(terminal);
    asked.is_ok() && answer(cancel).is_some_and(|answer| is_yes(&answer))
}

/// A line of standard input; `None` when it has ended, or the job is to be broken off.
fn answer(cancel: &Cancel) -> Option<String> {
    let (sender, receiver) = channel();
    // It waits for a line for as long as the process lives; what it reads after a cancel is nobody's.
    std::thread::Builder::new()
        .spawn(move || {
            let mut line = String::new();
            let _ = io::stdin().read_line(&mut line).map(|_| sender.send(line));
        })
        .ok()?;
    loop {
        match receiver.recv_timeout(LOOK_UP) {
            Ok(line) => return Some(line),
            Err(RecvTimeoutError::Timeout) if !cancel.is_requested() => {}
            Err(_) => return None,
        }
    }
}

fn is_yes(answer: &str) -> bool {
    answer.trim().eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_is_a_yes() {
        for yes in ["yes\n", "Yes\r\n", " YES "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "y\n", "no\n", "yes please\n", "yess\n", "j\n", "1\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
