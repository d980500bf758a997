// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
use crate::batch::{Batch, OwnedRecord, Record};
use crate::error::{check, last};
use crate::options::{milliseconds, nanoseconds, Options, Whence};
use libring_sys as sys;
use std::ffi::{CStr, CString};
use std::io;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::{null, null_mut, NonNull};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

// As in errno.h; the crate has no dependency but libring.
const EINTR: c_int = 4;
const EAGAIN: c_int = 11;
const ENODEV: c_int = 19;
const EPIPE: c_int = 32;
const EREMCHG: c_int = 78;
const ETIMEDOUT: c_int = 110;
const ECANCELED: c_int = 125;

/// What a call found, other than a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// There are records, or the watermark is met.
    Ready,
    /// There is nothing to read now.
    Nothing,
    /// Nothing is left, and the writer is gone: [`Stats::end`] says how.
    Ended,
    /// With follow or nonblock: the reader got its ring, or the next one of the name.
    Changed,
    /// The time is over.
    TimedOut,
    /// [`Waker::wake`] was called.
    Woken,
    /// A signal came.
    Interrupted,
}

fn status(rc: c_int) -> io::Result<Status> {
    Ok(match -rc {
        0 => Status::Ready,
        // The writer is faster than the reader: the next call may succeed.
        EAGAIN | EPIPE => Status::Nothing,
        ENODEV => Status::Ended,
        EREMCHG => Status::Changed,
        ETIMEDOUT => Status::TimedOut,
        ECANCELED => Status::Woken,
        EINTR => Status::Interrupted,
        _ => return Err(last(rc)),
    })
}

fn c_string(s: &str) -> io::Result<CString> {
    CString::new(s).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
}

/// The descriptors of a memfd ring or a BPF ring, as struct ring_fds.
#[derive(Clone, Copy, Debug)]
pub struct Fds<'a> {
    /// The ring.
    pub ring: BorrowedFd<'a>,
    /// The wake thresholds.
    pub wait: BorrowedFd<'a>,
    /// What the writer rings.
    pub doorbell: BorrowedFd<'a>,
}

/// The handle that a reader shares with its wakers. None: the reader is closed.
struct Shared(Mutex<Option<NonNull<sys::ring_reader>>>);

// SAFETY: without the reader, only ring_wake() is called, which any thread may do until ring_close(),
// and the lock keeps them apart.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}

/// Wakes a reader that another thread has put to sleep. It may outlive the reader.
#[derive(Clone)]
pub struct Waker(Arc<Shared>);

impl Waker {
    /// Ends the wait of the reader, or its next one: [`Status::Woken`]. As ring_wake(3).
    pub fn wake(&self) {
        let r = self.0 .0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(r) = *r {
            // SAFETY: the reader is not closed while the lock is held.
            unsafe { sys::ring_wake(r.as_ptr()) };
        }
    }
}

/// Reads a ring. It may move to another thread, and is used by one at a time.
pub struct Reader {
    r: NonNull<sys::ring_reader>,
    shared: Arc<Shared>,
    /// Room for the payload of next().
    buf: Vec<u64>,
    known: bool,
}

// SAFETY: libring lets any thread use a reader, one at a time; methods that use it take `&mut self`
// or are of those that any thread may call.
unsafe impl Send for Reader {}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut r = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        *r = None;
        // SAFETY: nothing uses the handle from now on.
        unsafe { sys::ring_close(self.r.as_ptr()) };
    }
}

impl Reader {
    fn make(open: impl FnOnce(*mut *mut sys::ring_reader) -> c_int) -> io::Result<Self> {
        let mut out = null_mut();
        check(open(&mut out))?;
        let r = NonNull::new(out).expect("libring gave a reader");
        Ok(Reader {
            r,
            shared: Arc::new(Shared(Mutex::new(Some(r)))),
            buf: Vec::new(),
            known: false,
        })
    }

    /// Opens a ring by name or path, as ring_open(3).
    pub fn open(name: &str, options: &Options) -> io::Result<Self> {
        let name = c_string(name)?;
        let raw = options.raw();
        // SAFETY: all pointers are valid during the call.
        Self::make(|out| unsafe { sys::ring_open(name.as_ptr(), &raw, out) })
    }

    /// Opens a ring by one descriptor, as ring_open_fd(3).
    pub fn open_fd(fd: BorrowedFd<'_>, options: &Options) -> io::Result<Self> {
        let raw = options.raw();
        // SAFETY: as above; the descriptor is open while it is borrowed.
        Self::make(|out| unsafe { sys::ring_open_fd(fd.as_raw_fd(), &raw, out) })
    }

    /// Opens a ring with the means to sleep, as ring_open_fds(3).
    pub fn open_fds(fds: Fds<'_>, options: &Options) -> io::Result<Self> {
        let raw = options.raw();
        let fds = sys::ring_fds {
            ring: fds.ring.as_raw_fd(),
            wait: fds.wait.as_raw_fd(),
            doorbell: fds.doorbell.as_raw_fd(),
        };
        // SAFETY: as above.
        Self::make(|out| unsafe { sys::ring_open_fds(&fds, &raw, out) })
    }

    /// Fills a batch, as ring_read_batch(3): [`Status::Ready`] if it has a record; otherwise it is
    /// empty. Never sleeps.
    pub fn read_batch(&mut self, batch: &mut Batch) -> io::Result<Status> {
        let mut nr = 0;
        let max = u32::try_from(batch.recs.len()).unwrap_or(u32::MAX);
        batch.nr = 0;
        // SAFETY: the batch has room for `max` records and so many bytes.
        let rc = unsafe {
            sys::ring_read_batch(
                self.r.as_ptr(),
                batch.recs.as_mut_ptr(),
                max,
                batch.buf.as_mut_ptr().cast(),
                batch.buf.len() * 8,
                &mut nr,
            )
        };
        batch.nr = nr as usize;
        self.noted(status(rc)?)
    }

    /// The next ring may have longer payloads.
    fn noted(&mut self, status: Status) -> io::Result<Status> {
        if status == Status::Changed {
            self.known = false;
        }
        Ok(status)
    }

    /// Gets room for the longest payload.
    fn make_room(&mut self) {
        if self.known {
            return;
        }
        // Without a ring yet, the first thing that is read is its coming.
        if let Ok(info) = self.raw_info() {
            let words = (info.payload_max as usize + 7) / 8;
            if words > self.buf.len() {
                self.buf = vec![0; words];
            }
            self.known = true;
        }
    }

    /// Reads the next record into the reader's own room. Never sleeps.
    fn read(&mut self, raw: &mut MaybeUninit<sys::ring_record>) -> io::Result<Status> {
        self.make_room();
        let (buf, size) = (self.buf.as_mut_ptr(), self.buf.len() * 8);
        // SAFETY: the buffer has so many bytes.
        let rc = unsafe { sys::ring_read(self.r.as_ptr(), raw.as_mut_ptr(), buf.cast(), size) };
        self.noted(status(rc)?)
    }

    /// The next record, for which it waits. None: the ring has ended. The record borrows the reader.
    ///
    /// [`Status::Woken`] and a signal are errors of the kind [`io::ErrorKind::Interrupted`]. With
    /// follow, the next ring of the name goes on unnoticed: use [`Reader::read_batch`] to learn of it.
    ///
    /// A record cannot be kept while the next one is read: copy it with [`Record::to_owned`].
    ///
    /// ```compile_fail,E0499
    /// fn keeps(reader: &mut libring::Reader) {
    ///     let first = reader.next().unwrap();
    ///     let second = reader.next().unwrap();
    ///     drop((first, second));
    /// }
    /// ```
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let mut raw = MaybeUninit::uninit();
        loop {
            match self.read(&mut raw)? {
                Status::Ready => break,
                Status::Ended => return Ok(None),
                Status::Nothing => match self.wait(None)? {
                    Status::Woken => {
                        return Err(io::Error::new(io::ErrorKind::Interrupted, "woken"))
                    }
                    Status::Interrupted => {
                        return Err(io::Error::new(io::ErrorKind::Interrupted, "a signal came"))
                    }
                    _ => (),
                },
                _ => (),
            }
        }
        // SAFETY: the record was filled, and its payload is in `buf` while `self` is borrowed.
        Ok(Some(unsafe { Record::new(raw.assume_init(), self.buf.len() * 8) }))
    }

    /// The records as an iterator of copies, which waits and ends with the ring.
    pub fn records(&mut self) -> Records<'_> {
        Records(self)
    }

    /// The newest record of a ring, as ring_newest(3): a consistent snapshot of shared state. None:
    /// there is none yet.
    pub fn newest(&mut self, ring: u32) -> io::Result<Option<Record<'_>>> {
        let mut raw = MaybeUninit::uninit();
        self.make_room();
        let (buf, size) = (self.buf.as_mut_ptr(), self.buf.len() * 8);
        // SAFETY: the buffer has so many bytes.
        let rc =
            unsafe { sys::ring_newest(self.r.as_ptr(), ring, raw.as_mut_ptr(), buf.cast(), size) };
        match status(rc)? {
            // SAFETY: as in next().
            Status::Ready => Ok(Some(unsafe { Record::new(raw.assume_init(), size) })),
            _ => Ok(None),
        }
    }

    /// Sleeps until the watermark is met, as ring_wait(3). None: without a limit.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Status> {
        let ms = timeout.map_or(-1, milliseconds);
        // SAFETY: the handle is valid.
        status(unsafe { sys::ring_wait(self.r.as_ptr(), ms) })
    }

    /// What wakes this reader from another thread.
    pub fn waker(&self) -> Waker {
        Waker(self.shared.clone())
    }

    /// A reader with a descriptor for an event loop, as ring_fd(3).
    pub fn into_polled(self) -> io::Result<PolledReader> {
        let mut fd = -1;
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_fd(self.r.as_ptr(), &mut fd) })?;
        Ok(PolledReader { reader: self, fd })
    }

    /// Changes the watermark, as ring_set_wakeup(3). 0: no such limit.
    pub fn set_wakeup(&mut self, records: u64, bytes: u64, timeout: Duration) -> io::Result<()> {
        let ns = nanoseconds(timeout);
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_set_wakeup(self.r.as_ptr(), records, bytes, ns) })
    }

    /// Moves to another place, as ring_seek(3).
    pub fn seek(&mut self, whence: Whence) -> io::Result<()> {
        let (whence, value) = whence.raw();
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_seek(self.r.as_ptr(), whence, value) })
    }

    /// Lets only the records pass that an expression selects, as ring_set_filter(3). None: all pass.
    /// docs/reference/filter.md has the language.
    pub fn set_filter(&mut self, expression: Option<&str>) -> io::Result<()> {
        let text = match expression {
            // SAFETY: the handle is valid.
            None => return check(unsafe { sys::ring_set_filter(self.r.as_ptr(), null()) }),
            Some(text) => c_string(text)?,
        };
        let info = self.raw_info()?;
        let (mut schema, mut filter) = (null_mut(), null_mut());
        // SAFETY: the schema is valid while the reader does not read; both handles are freed below.
        unsafe {
            let mut rc = 0;
            if info.schema_size != 0 {
                rc = sys::ring_schema_open(info.schema, info.schema_size as usize, &mut schema);
            }
            if rc == 0 {
                rc = sys::ring_filter_compile(schema, text.as_ptr(), &mut filter);
            }
            if rc == 0 {
                rc = sys::ring_set_filter(self.r.as_ptr(), filter);
            }
            // The sentence is that of the last call: it is taken before the handles are freed.
            let result = check(rc);
            sys::ring_filter_free(filter);
            sys::ring_schema_close(schema);
            result
        }
    }

    /// Converts the time of a record to that of the wall clock, as ring_wall_time(3).
    pub fn wall_time(&mut self, ts_ns: u64) -> io::Result<SystemTime> {
        let mut ns = 0;
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_wall_time(self.r.as_ptr(), ts_ns, &mut ns) })?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(ns))
    }

    fn raw_info(&self) -> io::Result<sys::ring_info> {
        // SAFETY: zeros are a valid value of the struct.
        let mut info: sys::ring_info = unsafe { zeroed() };
        info.size = size_of::<sys::ring_info>();
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_info(self.r.as_ptr(), &mut info) })?;
        Ok(info)
    }

    /// The properties of the ring, as ring_info(3).
    pub fn info(&self) -> io::Result<Info> {
        let raw = self.raw_info()?;
        // SAFETY: the name ends with a zero, the path too; the schema has so many bytes.
        unsafe {
            let text = |p| CStr::from_ptr(p).to_string_lossy().into_owned();
            Ok(Info {
                name: text(raw.name.as_ptr()),
                path: (!raw.path.is_null()).then(|| text(raw.path)),
                rings: raw.nr_rings,
                clock_id: raw.clock_id,
                data_size: raw.data_size,
                payload_max: raw.payload_max,
                schema: (raw.schema_size != 0).then(|| {
                    let size = raw.schema_size as usize;
                    std::slice::from_raw_parts(raw.schema.cast::<u8>(), size).to_vec()
                }),
                creation: raw.creation,
            })
        }
    }

    /// The statistics, as ring_stats(3).
    pub fn stats(&mut self) -> io::Result<Stats> {
        let mut raw = sys::ring_stats { size: size_of::<sys::ring_stats>(), ..Default::default() };
        // SAFETY: the handle is valid.
        check(unsafe { sys::ring_stats(self.r.as_ptr(), &mut raw) })?;
        Ok(Stats {
            read: raw.read,
            lost: raw.lost,
            filtered: raw.filtered,
            lag_records: raw.lag_records,
            lag_bytes: raw.lag_bytes,
            published: raw.published,
            dropped: raw.dropped,
            overruns: raw.overruns,
            waits: raw.waits,
            misordered: raw.misordered,
            early: raw.early,
            restarts: raw.restarts,
            end: match (raw.dead, raw.end) {
                (0, _) => End::Runs,
                (_, sys::RING_KILLED) => End::Killed,
                (_, sys::RING_REPLACED) => End::Replaced,
                _ => End::Ended,
            },
        })
    }
}

/// How a ring has ended, as enum ring_end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The writer is there, or nothing tells that it is gone.
    Runs,
    /// The writer, or who owns the ring, has ended it.
    Ended,
    /// The writer's process is gone, and did not end the ring.
    Killed,
    /// That process was gone, and another one took the name for a new ring.
    Replaced,
}

/// The statistics of a reader, as struct ring_stats. `read`, `lost` and `filtered` are all records
/// since it began.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Stats {
    pub read: u64,
    pub lost: u64,
    pub filtered: u64,
    pub lag_records: u64,
    pub lag_bytes: u64,
    pub published: u64,
    pub dropped: u64,
    pub overruns: u64,
    pub waits: u64,
    pub misordered: u64,
    pub early: u64,
    pub restarts: u64,
    pub end: End,
}

/// The properties of a ring, as struct ring_info.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Info {
    pub name: String,
    pub path: Option<String>,
    pub rings: u32,
    pub clock_id: u32,
    pub data_size: u64,
    pub payload_max: u32,
    pub schema: Option<Vec<u8>>,
    pub creation: u64,
}

/// An iterator of copies; see [`Reader::records`].
pub struct Records<'a>(&'a mut Reader);

impl Iterator for Records<'_> {
    type Item = io::Result<OwnedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next() {
            Ok(record) => record.map(|r| Ok(r.to_owned())),
            Err(e) => Some(Err(e)),
        }
    }
}

/// A reader whose descriptor is readable when the watermark is met, or the ring has ended.
pub struct PolledReader {
    reader: Reader,
    fd: RawFd,
}

impl Deref for PolledReader {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for PolledReader {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

impl AsFd for PolledReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open as long as the reader is.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }
}

impl AsRawFd for PolledReader {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}
