//! A result whose parts are written from several threads.

use std::mem::{ManuallyDrop, MaybeUninit};

/// Memory that is written part by part, each by one thread, before anything of it is read.
pub(super) struct Out<T> {
    data: *mut T,
    len: usize,
    capacity: usize,
}

// SAFETY: it hands out pointers alone; who writes through them promises that no two write to one place.
unsafe impl<T: Send> Sync for Out<T> {}

impl<T: Copy> Out<T> {
    /// Room for `len` numbers.
    pub fn new(len: usize) -> Self {
        let mut data = ManuallyDrop::new(Vec::with_capacity(len));
        Self {
            data: data.as_mut_ptr(),
            len,
            capacity: data.capacity(),
        }
    }

    /// The numbers of `data`, to be added to.
    pub fn onto(data: Vec<T>) -> Self {
        let mut data = ManuallyDrop::new(data);
        Self {
            data: data.as_mut_ptr(),
            len: data.len(),
            capacity: data.capacity(),
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of number `i`.
    pub fn at(&self, i: usize) -> *mut T {
        assert!(i < self.len);
        // SAFETY: within the memory, as just seen.
        unsafe { self.data.add(i) }
    }

    /// `len` numbers from number `start` on.
    ///
    /// # Safety
    ///
    /// No two parts that are held at a time share a number.
    #[allow(
        clippy::mut_from_ref,
        reason = "threads share it, each with parts of its own"
    )]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [MaybeUninit<T>] {
        assert!(start + len <= self.len);
        // SAFETY: within the memory, and nobody else's, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start).cast(), len) }
    }

    /// What has been written.
    ///
    /// # Safety
    ///
    /// All of it must have been.
    pub unsafe fn filled(self) -> Vec<T> {
        // SAFETY: these are the parts of the vector it was made of, and its numbers are initialised.
        let data = unsafe { Vec::from_raw_parts(self.data, self.len, self.capacity) };
        std::mem::forget(self);
        data
    }
}

impl<T> Drop for Out<T> {
    fn drop(&mut self) {
        // SAFETY: as in `filled`, with no number in it.
        drop(unsafe { Vec::from_raw_parts(self.data, 0, self.capacity) });
    }
}
