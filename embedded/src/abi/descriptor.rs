//! Descriptors: timestamps, intervals, LOB locators, ROWIDs and column parameters. Allocated in blocks and used per value, so they carry
//! no lock: a descriptor belongs to one thread at a time, as the OCI contract says.

use std::ffi::c_void;
use std::sync::Arc;

use super::codes::{kind, status};
use super::describe::DescribedObject;
use super::env::EnvBody;
use super::error::{Failure, guard_bare};
use super::handle::{self, Child, Handle};
use super::interval::Interval;
use super::lob::LobValue;
use super::session::ContextEntries;
use super::statement::ColumnParam;
use super::timestamp::Timestamp;

const ALIVE: u32 = 0x6f6c_6264;
const DEAD: u32 = 0xdead_6f64;

/// A descriptor; the callers hold its address.
#[repr(C)]
pub struct Descriptor {
    check: u32,
    kind: u32,
    env: *const Handle<EnvBody>,
    /// Descriptors in the block, on its first one.
    block_len: usize,
    body: Content,
}

/// What a descriptor holds.
#[derive(Clone)]
pub enum Content {
    Empty,
    Timestamp(Timestamp),
    Interval(Interval),
    Lob(LobValue),
    Rowid(String),
    Param(Arc<Vec<ColumnParam>>, usize),
    /// A table or view, and the list of its columns.
    Object(Arc<DescribedObject>),
    ColumnList(Arc<Vec<ColumnParam>>),
    /// The application context of a session: its entries, and which one this is (none for the list).
    ApplicationContext(ContextEntries, Option<usize>),
}

impl Descriptor {
    /// Descriptor kind.
    pub fn kind(&self) -> u32 {
        self.kind
    }

    /// The environment it was allocated from.
    pub fn env(&self) -> &Handle<EnvBody> {
        // SAFETY: an environment outlives its descriptors.
        unsafe { &*self.env }
    }

    fn not_filled(&self) -> Failure {
        Failure::ora(24316, format_args!("illegal handle type: the descriptor (type {}) holds no value of the kind asked for", self.kind))
    }

    /// The timestamp in a filled timestamp descriptor.
    pub fn timestamp(&self) -> Result<&Timestamp, Failure> {
        if let Content::Timestamp(timestamp) = &self.body { Ok(timestamp) } else { Err(self.not_filled()) }
    }

    /// The interval in a filled interval descriptor.
    pub fn interval(&self) -> Result<&Interval, Failure> {
        if let Content::Interval(interval) = &self.body { Ok(interval) } else { Err(self.not_filled()) }
    }

    /// The LOB behind a locator.
    pub fn lob(&self) -> Result<&LobValue, Failure> {
        match &self.body {
            Content::Lob(lob) => Ok(lob),
            _ => Err(Failure::ora(22275, "invalid LOB locator specified")),
        }
    }

    /// The text of a filled ROWID descriptor.
    pub fn rowid(&self) -> Result<&str, Failure> {
        if let Content::Rowid(rowid) = &self.body { Ok(rowid) } else { Err(self.not_filled()) }
    }

    /// The application context behind its list or an entry.
    pub fn application_context(&self) -> Result<(&ContextEntries, Option<usize>), Failure> {
        match &self.body {
            Content::ApplicationContext(entries, index) => Ok((entries, *index)),
            _ => Err(self.not_filled()),
        }
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.body
    }

    /// The column behind a parameter descriptor.
    pub fn param(&self) -> Result<&ColumnParam, Failure> {
        match &self.body {
            Content::Param(columns, index) => columns.get(*index).ok_or_else(|| self.not_filled()),
            _ => Err(self.not_filled()),
        }
    }
}

/// The descriptor behind a caller's pointer.
///
/// # Safety
/// `pointer` is NULL or points to memory of a descriptor that is neither freed nor written while the reference lives.
pub unsafe fn get<'a>(pointer: *const c_void) -> Result<&'a Descriptor, Failure> {
    let pointer = pointer.cast::<Descriptor>();
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::InvalidHandle);
    }
    // SAFETY: aligned and of a descriptor by the caller's contract; the check word guards against other handles.
    unsafe { if (*pointer).check == ALIVE { Ok(&*pointer) } else { Err(Failure::InvalidHandle) } }
}

/// The LOB behind a locator, to change it.
///
/// # Safety
/// As `get`, and no other reference to the descriptor lives.
pub unsafe fn lob_mut<'a>(pointer: *mut c_void) -> Result<&'a mut LobValue, Failure> {
    // SAFETY: the caller's contract.
    unsafe {
        get(pointer)?;
        match &mut (*pointer.cast::<Descriptor>()).body {
            Content::Lob(lob) => Ok(lob),
            _ => Err(Failure::ora(22275, "invalid LOB locator specified")),
        }
    }
}

/// Fills a descriptor, when its kind fits.
///
/// # Safety
/// As `get`, and no reference to the descriptor's content lives.
pub unsafe fn set(pointer: *mut c_void, content: Content) -> Result<(), Failure> {
    // SAFETY: the caller's contract.
    let kind = unsafe { get(pointer) }?.kind;
    let fits = match &content {
        Content::Timestamp(_) => matches!(kind, kind::TIMESTAMP | kind::TIMESTAMP_TZ | kind::TIMESTAMP_LTZ),
        Content::Interval(Interval::YearMonth { .. }) => kind == kind::INTERVAL_YM,
        Content::Interval(Interval::DaySecond { .. } | Interval::Fields(_)) => kind == kind::INTERVAL_DS,
        Content::Lob(_) => kind == kind::LOB,
        Content::Rowid(_) => kind == kind::ROWID,
        Content::Param(..) | Content::Object(_) | Content::ColumnList(_) | Content::ApplicationContext(..) => kind == kind::PARAM,
        Content::Empty => true,
    };
    if !fits {
        return Err(Failure::ora(24316, format_args!("illegal handle type: descriptor type {kind} cannot hold this value")));
    }
    // SAFETY: checked above; nothing borrows the content.
    let before = unsafe { std::mem::replace(&mut (*pointer.cast::<Descriptor>()).body, content) };
    if matches!(before, Content::Lob(lob) if lob.is_temporary()) {
        super::audit::note_lost_temporary_lobs(1);
    }
    Ok(())
}

fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        kind::LOB | kind::ROWID | kind::INTERVAL_YM | kind::INTERVAL_DS | kind::TIMESTAMP | kind::TIMESTAMP_TZ | kind::TIMESTAMP_LTZ
    )
}

/// A block of `count` descriptors of `kind`, registered with the environment; gives the first.
pub fn allocate(env: &Handle<EnvBody>, kind: u32, count: usize, content: Content) -> *mut Descriptor {
    let env_pointer: *const Handle<EnvBody> = env;
    let block: Box<[Descriptor]> = (0..count)
        .map(|index| Descriptor {
            check: ALIVE,
            kind,
            env: env_pointer,
            block_len: if index == 0 { count } else { 0 },
            body: content.clone(),
        })
        .collect();
    let first = Box::into_raw(block).cast::<Descriptor>();
    env.lock().children.insert(first as usize, Child::Descriptors);
    first
}

/// Frees a block by its first descriptor.
///
/// # Safety
/// `first` came from `allocate` and nobody uses the block again.
pub unsafe fn free_block(first: *mut c_void) {
    let first = first.cast::<Descriptor>();
    // SAFETY: `allocate` made a boxed slice of `block_len` at this address.
    unsafe {
        let block_len = (*first).block_len;
        let mut block = Box::from_raw(std::ptr::slice_from_raw_parts_mut(first, block_len));
        let is_temporary = |descriptor: &&Descriptor| matches!(&descriptor.body, Content::Lob(lob) if lob.is_temporary());
        super::audit::note_lost_temporary_lobs(block.iter().filter(is_temporary).count());
        block.iter_mut().for_each(|descriptor| descriptor.check = DEAD);
    }
}

/// # Safety
/// `parent` is an environment; `descpp` has room for `count` pointers.
unsafe fn allocate_for(parent: *const c_void, descpp: *mut *mut c_void, kind: u32, count: u32) -> i32 {
    guard_bare(|| {
        // SAFETY: the caller's contract.
        let env = unsafe { handle::get::<EnvBody>(parent) }?;
        if descpp.is_null() || count == 0 {
            return Err(Failure::InvalidHandle);
        }
        if !is_known(kind) {
            let failure = Failure::unimplemented(format_args!("OCIDescriptorAlloc of type {kind}"));
            env.lock().remember(&failure);
            return Err(failure);
        }
        let content = if kind == kind::LOB { Content::Lob(LobValue::default()) } else { Content::Empty };
        let first = allocate(env, kind, count as usize, content);
        for index in 0..count as usize {
            // SAFETY: room for `count` pointers; the block has as many descriptors.
            unsafe { descpp.add(index).write(first.add(index).cast()) };
        }
        Ok(status::SUCCESS)
    })
}

/// # Safety
/// `descp` is the first descriptor of a block that nobody uses any more.
unsafe fn free(descp: *mut c_void, kind: u32) -> i32 {
    guard_bare(|| {
        // SAFETY: the caller's contract.
        let first = unsafe { get(descp) }?;
        // Parameters are freed as kind 53 whatever they were asked as.
        if first.kind != kind {
            return Err(Failure::InvalidHandle);
        }
        // SAFETY: an environment outlives its descriptors.
        let env = unsafe { &*first.env };
        if env.lock().children.remove(&(descp as usize)).is_none() {
            return Err(Failure::InvalidHandle);
        }
        // SAFETY: registered until now, hence the first of a block.
        unsafe { free_block(descp) };
        Ok(status::SUCCESS)
    })
}

/// Allocates one descriptor.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDescriptorAlloc(
    parent: *const c_void,
    descpp: *mut *mut c_void,
    kind: u32,
    _extra_bytes: usize,
    _user_memory: *mut *mut c_void,
) -> i32 {
    // SAFETY: the same contract with one pointer.
    unsafe { allocate_for(parent, descpp, kind, 1) }
}

/// Allocates `count` descriptors; `descpp` is the first of as many pointers.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIArrayDescriptorAlloc(
    parent: *const c_void,
    descpp: *mut *mut c_void,
    kind: u32,
    count: u32,
    _extra_bytes: usize,
    _user_memory: *mut *mut c_void,
) -> i32 {
    // SAFETY: the same contract.
    unsafe { allocate_for(parent, descpp, kind, count) }
}

/// Frees a descriptor.
///
/// # Safety
/// `descp` is NULL or a descriptor nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIDescriptorFree(descp: *mut c_void, kind: u32) -> i32 {
    // SAFETY: the same contract.
    unsafe { free(descp, kind) }
}

/// Frees the descriptors of one `OCIArrayDescriptorAlloc`.
///
/// # Safety
/// `descpp` is NULL or points to the pointers that call filled; nobody uses the descriptors any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIArrayDescriptorFree(descpp: *mut *mut c_void, kind: u32) -> i32 {
    if descpp.is_null() {
        return status::INVALID_HANDLE;
    }
    // SAFETY: the first pointer of the array is the block.
    unsafe { free(descpp.read(), kind) }
}

/// Text of a ROWID; a NULL or short buffer gets the length only.
///
/// # Safety
/// Pointers as the OCI contract says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OCIRowidToChar(rowid: *mut c_void, buffer: *mut u8, length: *mut u16, errhp: *mut c_void) -> i32 {
    // SAFETY: the caller's contract.
    unsafe {
        super::error::guard("OCIRowidToChar", errhp, |_| {
            let text = get(rowid)?.rowid()?;
            if length.is_null() {
                return Err(Failure::InvalidHandle);
            }
            let room = usize::from(length.read());
            length.write(text.len() as u16);
            if text.len() > room || buffer.is_null() {
                return Err(Failure::ora(1405, format_args!("a ROWID needs {} bytes, the buffer has {room}", text.len())));
            }
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len());
            Ok(status::SUCCESS)
        })
    }
}
