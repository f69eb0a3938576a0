//! Rows for nothing, to measure what a client costs: with `OLBRIDGE_EMBEDDED_REPLAY_ROWS=N` a query whose first fetch is filled gives the rows of
//! that fetch again and again, N in all, by copying the client's arrays as the engine left them then. Not for anything else: the rows are wrong.

use std::sync::OnceLock;

use super::error::Failure;
use super::output::Output;

/// What the first fetch of a query left in the client's arrays.
pub struct Replay {
    rows: usize,
    rows_left: u64,
    /// Of each output: values, indicators, lengths, return codes.
    images: Vec<[Vec<u8>; 4]>,
}

impl Replay {
    /// Keeps the `rows` rows of a filled first fetch, if the environment asks for it.
    ///
    /// # Safety
    /// The defined arrays hold `rows` elements.
    pub unsafe fn record(outputs: &[Output], rows: usize) -> Result<Option<Replay>, Failure> {
        static ROWS: OnceLock<Option<u64>> = OnceLock::new();
        let asked = *ROWS.get_or_init(|| std::env::var("OLBRIDGE_EMBEDDED_REPLAY_ROWS").ok()?.parse().ok());
        // Queries of one row are a client's own questions.
        let Some(asked) = asked.filter(|_| rows > 1) else { return Ok(None) };
        let mut images = Vec::with_capacity(outputs.len());
        for output in outputs {
            images.push(output.arrays(rows)?.map(|(array, bytes)| match array.is_null() {
                true => Vec::new(),
                // SAFETY: the caller's contract.
                false => unsafe { std::slice::from_raw_parts(array, bytes) }.to_vec(),
            }));
        }
        Ok(Some(Replay { rows, rows_left: asked.saturating_sub(rows as u64), images }))
    }

    /// Gives up to `rows` rows once more; how many.
    ///
    /// # Safety
    /// The defined arrays hold `rows` elements.
    pub unsafe fn give(&mut self, outputs: &[Output], rows: usize) -> Result<usize, Failure> {
        if rows > self.rows || outputs.len() != self.images.len() {
            return Err(Failure::unimplemented("OLBRIDGE_EMBEDDED_REPLAY_ROWS with fetches that grow"));
        }
        let rows = rows.min(usize::try_from(self.rows_left).unwrap_or(usize::MAX));
        for (output, image) in outputs.iter().zip(&self.images) {
            for ((array, bytes), image) in output.arrays(rows)?.into_iter().zip(image) {
                if !array.is_null() && bytes <= image.len() {
                    // SAFETY: the caller's contract; the image is memory of its own.
                    unsafe { std::ptr::copy_nonoverlapping(image.as_ptr(), array, bytes) };
                }
            }
        }
        self.rows_left -= rows as u64;
        Ok(rows)
    }
}
