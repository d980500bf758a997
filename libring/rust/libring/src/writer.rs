// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
use crate::error::check;
use crate::options::WriterOptions;
use crate::reader::Fds;
use libring_sys as sys;
use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::unix::io::{BorrowedFd, RawFd};
use std::ptr::{null, null_mut, NonNull};

/// Writes a ring of this process. Dropping it ends the ring: readers get what is left, then the end.
///
/// It may move to another thread. In a child of fork(), the ring stays the parent's.
pub struct Writer(NonNull<sys::ring_writer>);

// SAFETY: libring lets any thread use a writer; methods that exclude each other take `&mut self`.
unsafe impl Send for Writer {}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: nothing uses the handle from now on.
        unsafe { sys::ring_writer_close(self.0.as_ptr()) };
    }
}

fn c_string(s: &str) -> io::Result<CString> {
    CString::new(s).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
}

impl Writer {
    /// Creates a ring, as ring_writer_create(3).
    pub fn create(options: &WriterOptions) -> io::Result<Self> {
        let name = c_string(&options.name)?;
        let raw = sys::ring_writer_opts {
            size: size_of::<sys::ring_writer_opts>(),
            flags: if options.full_fence { sys::RING_WRITER_FULL_FENCE } else { 0 },
            clock_id: options.clock_id,
            nr_rings: options.rings,
            reserved: 0,
            data_size: options.data_size,
            name: if options.name.is_empty() { null() } else { name.as_ptr() },
            schema: if options.schema.is_empty() { null() } else { options.schema.as_ptr().cast() },
            schema_size: options.schema.len(),
        };
        let mut out = null_mut();
        // SAFETY: all pointers are valid during the call.
        check(unsafe { sys::ring_writer_create(&raw, &mut out) })?;
        Ok(Writer(NonNull::new(out).expect("libring gave a writer")))
    }

    /// Publishes a record, as ring_writer_publish(3). Never sleeps.
    pub fn publish(&mut self, ring: u32, kind: u16, payload: &[u8]) -> io::Result<()> {
        let (p, len) = (payload.as_ptr(), payload.len());
        // SAFETY: the payload has so many bytes.
        check(unsafe { sys::ring_writer_publish(self.0.as_ptr(), ring, kind, p.cast(), len) })
    }

    /// The descriptors of the ring, for [`Reader::open_fds`](crate::Reader::open_fds).
    pub fn fds(&self) -> Fds<'_> {
        let mut raw = sys::ring_fds { ring: -1, wait: -1, doorbell: -1 };
        // SAFETY: the handle is valid, and the descriptors are open as long as the writer is.
        unsafe {
            sys::ring_writer_fds(self.0.as_ptr(), &mut raw);
            Fds {
                ring: BorrowedFd::borrow_raw(raw.ring),
                wait: BorrowedFd::borrow_raw(raw.wait),
                doorbell: BorrowedFd::borrow_raw(raw.doorbell),
            }
        }
    }

    /// Lets other processes open the ring by name, as ring_writer_listen(3). The descriptor is
    /// readable when [`Writer::serve`] has something to do. It stays the writer's.
    pub fn listen(&mut self, name: &str) -> io::Result<RawFd> {
        let name = c_string(name)?;
        let mut fd = -1;
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_writer_listen(self.0.as_ptr(), name.as_ptr(), &mut fd) })?;
        Ok(fd)
    }

    /// Gives the ring to processes that connected, as ring_writer_serve(3). Never sleeps.
    pub fn serve(&mut self) -> io::Result<()> {
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_writer_serve(self.0.as_ptr()) })
    }
}
