//! The safe face of `schnorr.c`: the only file of the crate that holds `unsafe`.
//!
//! It must not decide anything: what the bytes mean is the parent module's matter.
#![allow(unsafe_code)]

use std::sync::Once;

/// One signature's part of the equation; `struct ferry_term` in `schnorr.c`, where the fields are described.
#[repr(C)]
#[derive(Clone)]
pub(super) struct Term {
    pub r: Point,
    pub p: Point,
    pub s: [u8; 32],
    pub e: [u8; 32],
    pub a: [u8; 32],
}

/// A point of the curve in libsecp256k1's layout for this machine. Only the C code makes one.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point([u8; 64]);

impl Point {
    /// The point at infinity, which the sum over good signatures is. The C code takes it only in `subtract`.
    pub(super) const ZERO: Point = Point([0; 64]);
}

/// Memory lent to the C code. The alignment is the largest that any target's C types ask for.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Block([u8; 64]);

pub(super) struct Scratch(Vec<Block>);

/// The table of G is computed before its first use.
static PREPARED: Once = Once::new();

unsafe extern "C" {
    fn ferry_schnorr_prepare();
    fn ferry_schnorr_verify(p: *const u8, r: *const u8, s: *const u8, e: *const u8) -> core::ffi::c_int;
    fn ferry_schnorr_lift_x(point: *mut u8, x: *const u8) -> core::ffi::c_int;
    fn ferry_schnorr_scratch_bytes(n: usize) -> usize;
    fn ferry_schnorr_sum(
        sum: *mut u8,
        terms: *const Term,
        n: usize,
        scratch: *mut Block,
        bytes: usize,
    ) -> core::ffi::c_int;
    fn ferry_schnorr_subtract(rest: *mut u8, whole: *const u8, part: *const u8);
}

/// BIP-340 `lift_x`: the point with this x and an even y, if there is one.
pub(super) fn lift_x(x: &[u8; 32]) -> Option<Point> {
    let mut point = Point::ZERO;
    // SAFETY: the C function reads 32 bytes at `x` and writes at most 64 at `point`; both live through the call.
    let found = unsafe { ferry_schnorr_lift_x(point.0.as_mut_ptr(), x.as_ptr()) };
    (found == 1).then_some(point)
}

fn prepare() {
    // SAFETY: the C function writes to its own table only. `call_once` lets no other thread read or write it
    // meanwhile, and every reader comes through here.
    PREPARED.call_once(|| unsafe { ferry_schnorr_prepare() });
}

/// BIP-340 `Verify` once the pubkey is lifted to `p`; `r` and `s` are the signature's halves, `e` the challenge hash.
pub(super) fn verify(p: &Point, r: &[u8; 32], s: &[u8; 32], e: &[u8; 32]) -> bool {
    prepare();
    // SAFETY: the C function reads 64 bytes at `p`, which comes from `lift_x`, and 32 at each of the others; all live
    // through the call.
    unsafe { ferry_schnorr_verify(p.0.as_ptr(), r.as_ptr(), s.as_ptr(), e.as_ptr()) == 1 }
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

/// The weighted sum over `terms`; `None` if `scratch` is too small.
pub(super) fn sum(terms: &[Term], scratch: &mut Scratch) -> Option<Point> {
    prepare();
    let mut sum = Point::ZERO;
    let bytes = scratch.bytes();
    // SAFETY: `terms` is valid for reads of its length and has the layout of the C struct (bytes only, so no
    // padding), its points come from `lift_x`, as the C code assumes; `scratch` is aligned, initialised and valid
    // for writes of `bytes` bytes, and `sum` of 64; both are borrowed mutably. The C code keeps no pointer.
    let done = unsafe {
        ferry_schnorr_sum(
            sum.0.as_mut_ptr(),
            terms.as_ptr(),
            terms.len(),
            scratch.0.as_mut_ptr(),
            bytes,
        )
    };
    (done == 1).then_some(sum)
}

/// `whole` - `part`.
pub(super) fn subtract(whole: &Point, part: &Point) -> Point {
    let mut rest = Point::ZERO;
    // SAFETY: the C function reads 64 bytes at `whole` and `part` and writes 64 at `rest`; all live through the call.
    unsafe { ferry_schnorr_subtract(rest.0.as_mut_ptr(), whole.0.as_ptr(), part.0.as_ptr()) };
    rest
}
