//! The safe face of `batch.c`: the only file of the crate that holds `unsafe`.
//!
//! It must not decide anything: what the bytes mean is the parent module's matter.
#![allow(unsafe_code)]

/// One signature's part of the equation; `struct ferry_term` in `batch.c`, where the fields are described.
#[repr(C)]
#[derive(Clone)]
pub(super) struct Term {
    pub r: Point,
    pub p: Point,
    pub s: [u8; 32],
    pub e: [u8; 32],
    pub a: [u8; 32],
}

/// A point of the curve in libsecp256k1's layout for this machine. Only `lift_x` makes one.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(super) struct Point([u8; 64]);

/// Memory lent to the C code. The alignment is the largest that any target's C types ask for.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Block([u8; 64]);

pub(super) struct Scratch(Vec<Block>);

unsafe extern "C" {
    fn ferry_schnorr_lift_x(point: *mut u8, x: *const u8) -> core::ffi::c_int;
    fn ferry_schnorr_scratch_bytes(n: usize) -> usize;
    fn ferry_schnorr_sum_is_zero(terms: *const Term, n: usize, scratch: *mut Block, bytes: usize) -> core::ffi::c_int;
}

/// BIP-340 `lift_x`: the point with this x and an even y, if there is one.
pub(super) fn lift_x(x: &[u8; 32]) -> Option<Point> {
    let mut point = Point([0; 64]);
    // SAFETY: the C function reads 32 bytes at `x` and writes at most 64 at `point`; both live through the call.
    let found = unsafe { ferry_schnorr_lift_x(point.0.as_mut_ptr(), x.as_ptr()) };
    (found == 1).then_some(point)
}

impl Scratch {
    /// Memory enough for sums of up to `terms` terms.
    pub(super) fn for_terms(terms: usize) -> Scratch {
        // SAFETY: the C function only computes with its argument.
        let bytes = unsafe { ferry_schnorr_scratch_bytes(terms) };
        Scratch(vec![Block([0; 64]); bytes.div_ceil(size_of::<Block>())])
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Block>()
    }
}

/// Whether the weighted sum over `terms` is the point at infinity; false if `scratch` is too small.
pub(super) fn sum_is_zero(terms: &[Term], scratch: &mut Scratch) -> bool {
    let bytes = scratch.bytes();
    // SAFETY: `terms` is valid for reads of its length and has the layout of the C struct (bytes only, so no
    // padding); `scratch` is aligned, initialised, borrowed mutably and valid for writes of `bytes` bytes; the C
    // code keeps neither. Any `Point` came from `lift_x`, as the C code assumes.
    unsafe { ferry_schnorr_sum_is_zero(terms.as_ptr(), terms.len(), scratch.0.as_mut_ptr(), bytes) == 1 }
}
