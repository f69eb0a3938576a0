//! Copying bytes of varying length into slots of one stride: what text and binary converters share.

use arrow::array::{Array, FixedSizeBinaryArray, GenericByteArray, GenericByteViewArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ArrowNativeType, ByteArrayType, ByteViewType};

use super::decoded::broken;
use super::{ValueError, try_for_each_valid};
use crate::layout::{Cells, Slots};

/// Strides that buffers grow through, so that they grow rarely; the larger ones are Oracle's own bind-size classes.
const STRIDE_CLASSES_BYTES: [u32; 6] = [32, 128, 512, 2_000, 4_000, 32_767];

/// The stride to begin with for a column of at most `max_bytes`.
pub(super) fn first_stride_bytes(max_bytes: u32) -> u32 {
    max_bytes.clamp(1, STRIDE_CLASSES_BYTES[0])
}

/// The stride for values of at most `longest_bytes` in a column of at most `max_bytes`.
pub(super) fn stride_for(longest_bytes: u32, max_bytes: u32) -> u32 {
    let class = STRIDE_CLASSES_BYTES.into_iter().find(|&class| class >= longest_bytes).unwrap_or(max_bytes);
    class.min(max_bytes).max(1)
}

/// An array of byte strings.
pub(super) trait ByteSource: Array + 'static {
    /// Length of value `index`, and the memory from its first byte to the end of the buffer that holds it: a copy may read beyond the value.
    fn value_and_rest(&self, index: usize) -> (usize, &[u8]);

    /// Length of value `index`.
    #[inline(always)]
    fn length(&self, index: usize) -> usize {
        self.value_and_rest(index).0
    }

    /// Copies value `index` of `length` bytes, at most `BLOCK` of them unless `BLOCK` is 0, to the head of `slots`.
    #[inline(always)]
    fn copy_to<const BLOCK: usize>(&self, index: usize, length: usize, slots: &mut [u8]) {
        copy_value::<BLOCK>(slots, self.value_and_rest(index).1, length);
    }

    /// No value is longer; NULL slots may count.
    fn longest_bytes(&self) -> usize;
}

impl<T: ByteArrayType> ByteSource for GenericByteArray<T> {
    #[inline]
    fn value_and_rest(&self, index: usize) -> (usize, &[u8]) {
        let offsets = self.value_offsets();
        let (start, end) = (offsets[index].as_usize(), offsets[index + 1].as_usize());
        (end - start, &self.value_data()[start..])
    }

    fn longest_bytes(&self) -> usize {
        self.value_offsets().windows(2).map(|pair| pair[1].as_usize() - pair[0].as_usize()).max().unwrap_or(0)
    }
}

/// Values of a view array up to this length lie in the view itself, after four bytes of length.
const INLINE_BYTES: usize = 12;

impl<T: ByteViewType> ByteSource for GenericByteViewArray<T> {
    #[inline(always)]
    fn length(&self, index: usize) -> usize {
        self.views()[index] as u32 as usize
    }

    #[inline(always)]
    fn copy_to<const BLOCK: usize>(&self, index: usize, length: usize, slots: &mut [u8]) {
        match slots.first_chunk_mut::<16>() {
            // The view is in a register already; no memory has to be found.
            Some(slots) if BLOCK == 16 && length <= INLINE_BYTES => *slots = (self.views()[index] >> 32).to_le_bytes(),
            _ => copy_value::<BLOCK>(slots, self.value_and_rest(index).1, length),
        }
    }

    #[inline]
    fn value_and_rest(&self, index: usize) -> (usize, &[u8]) {
        let view = self.views()[index];
        let length = view as u32 as usize;
        if length <= INLINE_BYTES {
            return (length, &self.views().inner().as_slice()[index * 16 + 4..]);
        }
        let (buffer, offset) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
        (length, &self.data_buffers()[buffer].as_slice()[offset..])
    }

    fn longest_bytes(&self) -> usize {
        self.views().iter().map(|&view| view as u32).max().unwrap_or(0) as usize
    }
}

impl ByteSource for FixedSizeBinaryArray {
    #[inline]
    fn value_and_rest(&self, index: usize) -> (usize, &[u8]) {
        let width = self.value_length() as usize;
        (width, &self.value_data()[width * index..])
    }

    fn longest_bytes(&self) -> usize {
        if self.is_empty() { 0 } else { self.value_length() as usize }
    }
}

/// What a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteLimits {
    /// Most bytes of one value.
    pub max_bytes: u32,
    /// No value of at most so many bytes needs a further check; `check` decides about longer ones.
    pub surely_fits_bytes: u32,
    /// An empty value becomes NULL instead of an error.
    pub empty_is_null: bool,
}

/// Why one value is refused.
pub(super) enum Refusal {
    /// Too long by bytes or by characters.
    TooLong,
    /// Empty.
    Empty,
    /// Longer than the buffers: the caller did not ask for the stride.
    Stride,
}

/// Decides about values that are longer than `surely_fits_bytes`.
pub(super) trait Check {
    /// Does this value fit?
    fn fits(&self, value: &[u8]) -> bool;
    /// The error for a value.
    fn refuse(&self, row_index: usize, value: &[u8], refusal: Refusal) -> ValueError;
}

/// The stride that the longest value needs; fails on the first value that the column does not take.
pub(super) fn required_stride_bytes<S: ByteSource>(array: &S, limits: &ByteLimits, check: &impl Check) -> Result<u32, ValueError> {
    let mut longest = array.longest_bytes();
    if longest > limits.max_bytes as usize {
        // Either a value is too long, or only the leftovers under a NULL are.
        longest = 0;
        try_for_each_valid(array.nulls(), array.len(), |index| {
            let (length, rest) = array.value_and_rest(index);
            longest = longest.max(length);
            match length > limits.max_bytes as usize {
                true => Err(check.refuse(index, &rest[..length], Refusal::TooLong)),
                false => Ok(()),
            }
        })?;
    }
    Ok(stride_for(longest as u32, limits.max_bytes))
}

/// Copies every valid value into its slot and its length into `lengths`.
pub(super) fn write<S: ByteSource>(array: &S, limits: &ByteLimits, check: &impl Check, slots: Slots<'_>) -> Result<(), ValueError> {
    // No value is longer than the stride, so that one block of constant size takes any of them: no loop and no branch on the length.
    match slots.stride_bytes {
        0..=16 => write_blocks::<S, 16>(array, limits, check, slots),
        17..=32 => write_blocks::<S, 32>(array, limits, check, slots),
        33..=64 => write_blocks::<S, 64>(array, limits, check, slots),
        _ => write_blocks::<S, 0>(array, limits, check, slots),
    }
}

fn write_blocks<S: ByteSource, const BLOCK: usize>(
    array: &S,
    limits: &ByteLimits,
    check: &impl Check,
    slots: Slots<'_>,
) -> Result<(), ValueError> {
    let Slots { values, stride_bytes, lengths, indicators } = slots;
    let lengths = &mut lengths[..array.len()];
    let surely_fits_bytes = stride_bytes.min(limits.surely_fits_bytes as usize);
    try_for_each_valid(array.nulls(), array.len(), |index| {
        let length = array.length(index);
        // One comparison for both ends: an empty value wraps around.
        if length.wrapping_sub(1) >= surely_fits_bytes {
            if length == 0 && limits.empty_is_null {
                indicators[index] = -1;
                lengths[index] = 0;
                return Ok(());
            }
            check_rare(limits, check, index, &array.value_and_rest(index).1[..length], stride_bytes)?;
        }
        array.copy_to::<BLOCK>(index, length, &mut values[index * stride_bytes..]);
        lengths[index] = length as u32;
        Ok(())
    })
}

#[cold]
fn check_rare(limits: &ByteLimits, check: &impl Check, index: usize, value: &[u8], stride_bytes: usize) -> Result<(), ValueError> {
    let refusal = match value.len() {
        0 => Refusal::Empty,
        length if length > limits.max_bytes as usize || !check.fits(value) => Refusal::TooLong,
        length if length > stride_bytes => Refusal::Stride,
        _ => return Ok(()),
    };
    Err(check.refuse(index, value, refusal))
}

/// Copies `length` bytes, at most `BLOCK` of them unless `BLOCK` is 0, as one block where both sides have room.
///
/// The block may run over into the slots of later rows, which are written after this one or hold a NULL.
#[inline(always)]
fn copy_value<const BLOCK: usize>(slots: &mut [u8], rest: &[u8], length: usize) {
    match (slots.first_chunk_mut::<BLOCK>(), rest.first_chunk::<BLOCK>()) {
        (Some(slots), Some(rest)) if BLOCK > 0 => *slots = *rest,
        _ => slots[..length].copy_from_slice(&rest[..length]),
    }
}

/// The values of fetched cells one after the other, and where each begins; a NULL has none.
pub(super) fn gather(cells: &Cells<'_>, nulls: Option<&NullBuffer>) -> Result<(OffsetBuffer<i32>, Buffer), ValueError> {
    let length_of = |index: usize| if nulls.is_some_and(|nulls| nulls.is_null(index)) { 0 } else { cells.lengths[index] as usize };
    let total_bytes: usize = (0..cells.rows).map(length_of).sum();
    // A batch is limited by the byte budget of the fetch, far below the 2 GB that 32-bit offsets reach.
    i32::try_from(total_bytes).map_err(broken)?;
    let mut values = Vec::with_capacity(total_bytes);
    let mut offsets = Vec::with_capacity(cells.rows + 1);
    offsets.push(0i32);
    for index in 0..cells.rows {
        values.extend_from_slice(&cells.values[index * cells.stride_bytes..][..length_of(index)]);
        offsets.push(values.len() as i32);
    }
    Ok((OffsetBuffer::new(offsets.into()), values.into()))
}

#[cfg(test)]
mod tests {
    use super::{first_stride_bytes, stride_for};

    #[test]
    fn strides_grow_in_classes_up_to_the_column() {
        assert_eq!([first_stride_bytes(10), first_stride_bytes(0), first_stride_bytes(4000)], [10, 1, 32]);
        for (longest, max_bytes, stride) in
            [(0, 10, 10), (1, 4000, 32), (33, 4000, 128), (129, 200, 200), (513, 4000, 2000), (4001, 32_767, 32_767), (0, 0, 1)]
        {
            assert_eq!(stride_for(longest, max_bytes), stride, "{longest} {max_bytes}");
        }
    }
}
