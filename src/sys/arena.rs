//! Memory for a program that needs a little of it, once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr;

/// An allocator that hands out its own memory from the bottom up.
///
/// Starting the C library's allocator is most of what a short run of flock would
/// do. Only the memory handed out last can be taken back; when the arena is full,
/// the C library's allocator is used after all.
#[allow(missing_debug_implementations)]
pub struct Arena {
    /// How many bytes are handed out.
    used: Cell<usize>,
    memory: UnsafeCell<MaybeUninit<[u8; SIZE]>>,
}

/// Enough for all but the longest messages. Pages that are not touched take no memory.
const SIZE: usize = 32 * 1024;

// SAFETY: flock has one thread.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena of which nothing is handed out.
    pub const fn new() -> Self {
        Self { used: Cell::new(0), memory: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Where in the arena a block begins, if it is the arena's.
    fn offset(&self, block: *mut u8) -> Option<usize> {
        block.addr().checked_sub(self.start().addr()).filter(|&offset| offset < SIZE)
    }

    /// Whether a block of that size is what was handed out last.
    fn is_last(&self, offset: usize, size: usize) -> bool {
        offset + size == self.used.get()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: blocks are disjoint, aligned, within the arena, and valid until they are
// given back; all others are the system allocator's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let free = self.start().addr() + self.used.get();
        let offset = free.next_multiple_of(layout.align()) - self.start().addr();
        if SIZE - self.used.get() < layout.size() || SIZE - layout.size() < offset {
            // SAFETY: the caller's promise is the same.
            return unsafe { System.alloc(layout) };
        }
        self.used.set(offset + layout.size());
        // SAFETY: the offset is within the memory.
        unsafe { self.start().add(offset) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.offset(block) {
            // SAFETY: what is not the arena's came from the system allocator.
            None => unsafe { System.dealloc(block, layout) },
            Some(offset) if self.is_last(offset, layout.size()) => self.used.set(offset),
            Some(_) => {}
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match self.offset(block) {
            // SAFETY: what is not the arena's came from the system allocator.
            None => return unsafe { System.realloc(block, layout, size) },
            Some(offset) if self.is_last(offset, layout.size()) && size <= SIZE - offset => {
                self.used.set(offset + size);
                return block;
            }
            Some(_) => {}
        }
        // SAFETY: the caller vouches for the new size with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the new block is at least as large as what is copied, and another one.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
