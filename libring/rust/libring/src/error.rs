// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
use std::ffi::CStr;
use std::os::raw::c_int;
use std::{fmt, io};

/// What libring said of a failure.
#[derive(Debug)]
struct Failure {
    errno: i32,
    text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// The error of the call that this thread made last. `rc`: what it returned.
pub(crate) fn last(rc: c_int) -> io::Error {
    // SAFETY: the sentence is valid until this thread's next call.
    let text = unsafe { CStr::from_ptr(libring_sys::ring_strerror()) };
    let kind = io::Error::from_raw_os_error(-rc).kind();
    io::Error::new(kind, Failure { errno: -rc, text: text.to_string_lossy().into_owned() })
}

pub(crate) fn check(rc: c_int) -> io::Result<()> {
    if rc == 0 {
        Ok(())
    } else {
        Err(last(rc))
    }
}

/// The errno of an error, of this crate or of the standard library.
pub fn errno(error: &io::Error) -> Option<i32> {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Failure>())
        .map(|failure| failure.errno)
        .or_else(|| error.raw_os_error())
}
