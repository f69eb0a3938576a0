//! The asynchronous libraries below run on one runtime of this process; the face of this crate blocks.

use std::future::Future;
use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime: worker threads as many as there are cores, made when first needed, kept for the life of the process.
///
/// # Errors
/// The operating system gives no thread.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // Two threads that come here at once make two; the second is dropped unused, outside of any runtime.
    let made = Builder::new_multi_thread().worker_threads(workers()).thread_name("olbridge-delta").enable_all().build()?;
    Ok(RUNTIME.get_or_init(|| made))
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// Runs `future` to its end on the crate's runtime, and blocks for it. Works within another runtime too: then a thread of its own waits.
///
/// # Errors
/// The operating system gives no thread.
pub fn block_on<F>(future: F) -> io::Result<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(future));
    }
    std::thread::scope(|scope| {
        let waiter = std::thread::Builder::new().spawn_scoped(scope, || runtime.block_on(future))?;
        waiter.join().map_err(|_| io::Error::other("a task has panicked"))
    })
}

/// A handle to the runtime, to start tasks on it.
///
/// # Errors
/// The operating system gives no thread.
pub fn handle() -> io::Result<Handle> {
    Ok(runtime()?.handle().clone())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_can_be_called_from_within_another_runtime() {
        let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = other.block_on(async { super::block_on(async { 42 }).unwrap() });
        assert_eq!(answer, 42);
    }
}
