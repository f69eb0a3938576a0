//! Ctrl-C and SIGTERM: the job is told to stop, rolls back and says so. The handler never ends the process, so that a second
//! Ctrl-C cannot cut a rollback short.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use olbridge::copy::Cancel;

/// Installs the handler: the first signal asks the job to stop; each further one also breaks off a statement that does not come back.
pub fn on_signal(cancel: Cancel) {
    let signals = Arc::new(AtomicU32::new(0));
    // The terminal has echoed ^C into the line of the progress bar.
    let line_start = if io::stderr().is_terminal() { "\n" } else { "" };
    let handler = move || {
        if signals.fetch_add(1, Ordering::SeqCst) == 0 {
            crate::note(format_args!("{line_start}interrupted: stopping…"));
            cancel.request();
        } else {
            crate::note(format_args!("{line_start}interrupted: still stopping; nothing that was not committed will stay"));
            cancel.hurry();
        }
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        crate::note(format_args!("warning: Ctrl-C will end olbridge at once, the database then rolls back: {error}"));
    }
}
