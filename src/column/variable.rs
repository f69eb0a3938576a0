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
    /// Its parts.
    type Reader<'a>: ByteReader;

    /// Its parts, taken out once for all values.
    fn reader(&self) -> Self::Reader<'_>;

    /// No value is longer; NULL slots may count.
    fn longest_bytes(&self) -> usize;

    /// Value `index`, for as long as the array lives.
    fn value_at(&self, index: usize) -> &[u8];
}

/// Where the values of an array lie.
pub(super) trait ByteReader {
    /// Length of value `index`.
    fn length(&self, index: usize) -> usize;

    /// The memory from the first byte of value `index`, which has `length` bytes, to the end of the buffer that holds it: a copy may read
    /// beyond the value.
    fn bytes_from(&self, index: usize, length: usize) -> &[u8];

    /// Value `index`.
    fn value(&self, index: usize) -> &[u8] {
        let length = self.length(index);
        &self.bytes_from(index, length)[..length]
    }

    /// Copies value `index` of `length` bytes, at most `BLOCK` of them unless `BLOCK` is 0, to the head of `slots`.
    #[inline(always)]
    fn copy_to<const BLOCK: usize>(&self, index: usize, length: usize, slots: &mut [u8]) {
        copy_value::<BLOCK>(slots, self.bytes_from(index, length), length);
    }
}

/// Values one after the other, and where each begins.
pub(super) struct Offsets<'a, O> {
    offsets: &'a [O],
    values: &'a [u8],
}

impl<O: ArrowNativeType> ByteReader for Offsets<'_, O> {
    #[inline(always)]
    fn length(&self, index: usize) -> usize {
        self.offsets[index + 1].as_usize() - self.offsets[index].as_usize()
    }

    #[inline(always)]
    fn bytes_from(&self, index: usize, _length: usize) -> &[u8] {
        &self.values[self.offsets[index].as_usize()..]
    }
}

impl<T: ByteArrayType> ByteSource for GenericByteArray<T> {
    fn value_at(&self, index: usize) -> &[u8] {
        let offsets = self.value_offsets();
        &self.value_data()[offsets[index].as_usize()..offsets[index + 1].as_usize()]
    }

    type Reader<'a> = Offsets<'a, T::Offset>;

    fn reader(&self) -> Offsets<'_, T::Offset> {
        Offsets { offsets: self.value_offsets(), values: self.value_data() }
    }

    fn longest_bytes(&self) -> usize {
        self.value_offsets().windows(2).map(|pair| pair[1].as_usize() - pair[0].as_usize()).max().unwrap_or(0)
    }
}

/// Values of a view array up to this length lie in the view itself, after four bytes of length.
const INLINE_BYTES: usize = 12;

/// Views, and the buffers of the longer values; the views themselves are the last buffer, so that short values need no other way.
pub(super) struct Views<'a> {
    views: &'a [u128],
    buffers: Vec<&'a [u8]>,
}

impl ByteReader for Views<'_> {
    #[inline(always)]
    fn length(&self, index: usize) -> usize {
        self.views[index] as u32 as usize
    }

    #[inline(always)]
    fn bytes_from(&self, index: usize, length: usize) -> &[u8] {
        let view = self.views[index];
        let (buffer, offset) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
        // Two choices of a number instead of a branch, which would be guessed wrong where lengths are mixed.
        let is_inline = length <= INLINE_BYTES;
        let buffer = if is_inline { self.buffers.len() - 1 } else { buffer };
        let offset = if is_inline { index * size_of::<u128>() + 4 } else { offset };
        &self.buffers[buffer][offset..]
    }

    #[inline(always)]
    fn copy_to<const BLOCK: usize>(&self, index: usize, length: usize, slots: &mut [u8]) {
        match slots.first_chunk_mut::<16>() {
            // The view is in a register already; no memory has to be found.
            Some(slots) if BLOCK == 16 && length <= INLINE_BYTES => *slots = (self.views[index] >> 32).to_le_bytes(),
            _ => copy_value::<BLOCK>(slots, self.bytes_from(index, length), length),
        }
    }
}

impl<T: ByteViewType> ByteSource for GenericByteViewArray<T> {
    fn value_at(&self, index: usize) -> &[u8] {
        AsRef::<[u8]>::as_ref(self.value(index))
    }

    type Reader<'a> = Views<'a>;

    fn reader(&self) -> Views<'_> {
        let own = self.views().inner().as_slice();
        Views { views: self.views(), buffers: self.data_buffers().iter().map(|buffer| buffer.as_slice()).chain([own]).collect() }
    }

    fn longest_bytes(&self) -> usize {
        self.views().iter().map(|&view| view as u32).max().unwrap_or(0) as usize
    }
}

/// Values of one width.
pub(super) struct Fixed<'a> {
    width: usize,
    values: &'a [u8],
}

impl ByteReader for Fixed<'_> {
    #[inline(always)]
    fn length(&self, _index: usize) -> usize {
        self.width
    }

    #[inline(always)]
    fn bytes_from(&self, index: usize, _length: usize) -> &[u8] {
        &self.values[self.width * index..]
    }
}

impl ByteSource for FixedSizeBinaryArray {
    fn value_at(&self, index: usize) -> &[u8] {
        self.value(index)
    }

    type Reader<'a> = Fixed<'a>;

    fn reader(&self) -> Fixed<'_> {
        Fixed { width: self.value_length() as usize, values: self.value_data() }
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
    /// A value that is too long is cut off instead of an error.
    pub truncate: bool,
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
    /// Bytes of the longest beginning of a value that fits; `None` where nobody but the database knows.
    fn longest_fit_bytes(&self, value: &[u8]) -> Option<usize>;
    /// The error for a value.
    fn refuse(&self, row_index: usize, value: &[u8], refusal: Refusal) -> ValueError;
}

/// The stride that the longest value needs; fails on the first value that the column does not take.
pub(super) fn required_stride_bytes<S: ByteSource>(array: &S, limits: &ByteLimits, check: &impl Check) -> Result<u32, ValueError> {
    let mut longest = array.longest_bytes();
    if longest > limits.max_bytes as usize {
        // Either a value is too long, or only the leftovers under a NULL are.
        longest = 0;
        let reader = array.reader();
        if limits.truncate {
            return Ok(stride_for(limits.max_bytes, limits.max_bytes));
        }
        try_for_each_valid(array.nulls(), array.len(), |index| {
            let length = reader.length(index);
            longest = longest.max(length);
            match length > limits.max_bytes as usize {
                true => Err(check.refuse(index, reader.value(index), Refusal::TooLong)),
                false => Ok(()),
            }
        })?;
    }
    Ok(stride_for(longest as u32, limits.max_bytes))
}

/// Copies every valid value into its slot and its length into `lengths`; `truncated` becomes the rows whose values were cut off.
pub(super) fn write<S: ByteSource>(
    array: &S,
    limits: &ByteLimits,
    check: &impl Check,
    slots: Slots<'_>,
    truncated: &mut Vec<u32>,
) -> Result<(), ValueError> {
    truncated.clear();
    // No value is longer than the stride, so that one block of constant size takes any of them: no loop and no branch on the length.
    match slots.stride_bytes {
        0..=16 => write_blocks::<S, 16>(array, limits, check, slots, truncated),
        17..=32 => write_blocks::<S, 32>(array, limits, check, slots, truncated),
        33..=64 => write_blocks::<S, 64>(array, limits, check, slots, truncated),
        _ => write_blocks::<S, 0>(array, limits, check, slots, truncated),
    }
}

fn write_blocks<S: ByteSource, const BLOCK: usize>(
    array: &S,
    limits: &ByteLimits,
    check: &impl Check,
    slots: Slots<'_>,
    truncated: &mut Vec<u32>,
) -> Result<(), ValueError> {
    let Slots { values, stride_bytes, lengths, indicators } = slots;
    let (lengths, reader) = (&mut lengths[..array.len()], array.reader());
    let surely_fits_bytes = stride_bytes.min(limits.surely_fits_bytes as usize);
    let mut rare = Rare { limits, check, stride_bytes, indicators, truncated };
    try_for_each_valid(array.nulls(), array.len(), |index| {
        let length = reader.length(index);
        // One comparison for both ends: an empty value wraps around.
        if length.wrapping_sub(1) >= surely_fits_bytes {
            let kept = rare.settle(index, reader.value(index))?;
            if kept < length {
                // Where a value lies depends on its own length.
                values[index * stride_bytes..][..kept].copy_from_slice(&reader.value(index)[..kept]);
                lengths[index] = kept as u32;
                return Ok(());
            }
        }
        reader.copy_to::<BLOCK>(index, length, &mut values[index * stride_bytes..]);
        lengths[index] = length as u32;
        Ok(())
    })
}

/// Decides about the values that are empty or may be too long: all that the loop needs for them, in one place and out of its way.
struct Rare<'a, C> {
    limits: &'a ByteLimits,
    check: &'a C,
    stride_bytes: usize,
    indicators: &'a mut [i16],
    truncated: &'a mut Vec<u32>,
}

impl<C: Check> Rare<'_, C> {
    /// The bytes of the value to be copied. Makes a NULL of an empty value where that is wanted, which is then copied with its length of 0; fails
    /// where the value is refused.
    #[cold]
    #[inline(never)]
    fn settle(&mut self, index: usize, value: &[u8]) -> Result<usize, ValueError> {
        let refusal = match value.len() {
            0 if self.limits.empty_is_null => {
                self.indicators[index] = -1;
                return Ok(0);
            }
            0 => Refusal::Empty,
            length if length > self.limits.max_bytes as usize || !self.check.fits(value) => match self.truncate(index, value) {
                Some(fits) if fits > self.stride_bytes => Refusal::Stride,
                Some(fits) => return Ok(fits),
                None => Refusal::TooLong,
            },
            length if length > self.stride_bytes => Refusal::Stride,
            length => return Ok(length),
        };
        Err(self.check.refuse(index, value, refusal))
    }

    /// What is left of a value that is too long, where that is wanted: at least a character, because an empty text would be NULL.
    fn truncate(&mut self, index: usize, value: &[u8]) -> Option<usize> {
        let fits = self.limits.truncate.then(|| self.check.longest_fit_bytes(value)).flatten().filter(|&fits| fits > 0)?;
        self.truncated.push(index as u32);
        Some(fits)
    }
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
