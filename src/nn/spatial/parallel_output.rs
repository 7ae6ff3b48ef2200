//! A result that several threads write in parts.

use std::mem::{ManuallyDrop, MaybeUninit};

/// Memory that threads write part by part, each part by one thread, before anything is read.
pub(super) struct ParallelOutput<T> {
    data: *mut T,
    len: usize,
    capacity: usize,
}

// SAFETY: it only hands out pointers; whoever writes through them promises that no two threads write to one
// place.
unsafe impl<T: Send> Sync for ParallelOutput<T> {}

impl<T: Copy> ParallelOutput<T> {
    /// Room for `len` numbers, none of them written yet.
    pub fn uninitialised(len: usize) -> Self {
        let mut data = ManuallyDrop::new(Vec::with_capacity(len));
        Self {
            data: data.as_mut_ptr(),
            len,
            capacity: data.capacity(),
        }
    }

    /// The numbers of `data`, which the threads may read and change.
    pub fn holding(data: Vec<T>) -> Self {
        let mut data = ManuallyDrop::new(data);
        Self {
            data: data.as_mut_ptr(),
            len: data.len(),
            capacity: data.capacity(),
        }
    }

    /// The number of places.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of number `i`.
    pub fn place(&self, i: usize) -> *mut T {
        assert!(i < self.len);
        // SAFETY: within the memory, as just asserted.
        unsafe { self.data.add(i) }
    }

    /// The `len` places from `start` on.
    ///
    /// # Safety
    ///
    /// No two parts that are held at the same time may overlap.
    #[allow(
        clippy::mut_from_ref,
        reason = "threads share it, each with parts of its own"
    )]
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [MaybeUninit<T>] {
        assert!(start + len <= self.len);
        // SAFETY: within the memory, and nobody else's, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start).cast(), len) }
    }

    /// The numbers.
    ///
    /// # Safety
    ///
    /// Every place must have been written.
    pub unsafe fn into_written(self) -> Vec<T> {
        // SAFETY: these are the parts of the vector that it was made of, and all numbers are initialised.
        let data = unsafe { Vec::from_raw_parts(self.data, self.len, self.capacity) };
        std::mem::forget(self);
        data
    }
}

impl<T> Drop for ParallelOutput<T> {
    fn drop(&mut self) {
        // SAFETY: as in `into_written`, but with a length of 0.
        drop(unsafe { Vec::from_raw_parts(self.data, 0, self.capacity) });
    }
}
