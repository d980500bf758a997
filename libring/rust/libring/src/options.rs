// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
use libring_sys as sys;
use std::mem::size_of;
use std::time::Duration;

/// Where a reader starts, and where [`Reader::seek`](crate::Reader::seek) goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The oldest record that is still there.
    Oldest,
    /// The newest record: it is the next one read.
    Newest,
    /// Behind the newest record: only what is published from now on.
    Head,
    /// The record with this number.
    Seq(u64),
    /// The first record that is as young as this time, in nanoseconds of the ring's clock.
    Time(u64),
    /// The same in nanoseconds since 1970.
    Realtime(u64),
}

impl Whence {
    pub(crate) fn raw(self) -> (u32, u64) {
        match self {
            Whence::Oldest => (sys::RING_OLDEST, 0),
            Whence::Newest => (sys::RING_NEWEST, 0),
            Whence::Head => (sys::RING_HEAD, 0),
            Whence::Seq(seq) => (sys::RING_SEQ, seq),
            Whence::Time(ns) => (sys::RING_TIME, ns),
            Whence::Realtime(ns) => (sys::RING_REALTIME, ns),
        }
    }
}

/// How to open a ring, as struct ring_open_opts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to start.
    pub whence: Whence,
    /// Wait for the name, and go on to its next ring.
    pub follow: bool,
    /// Opening does not wait.
    pub nonblock: bool,
    /// Hold a record back until it is so old, to order the records of several rings.
    pub merge_window: Duration,
    /// Wake when so many records are unread; 0: no such limit.
    pub wake_records: u64,
    /// Or so many bytes; 0: no such limit.
    pub wake_bytes: u64,
    /// Or the first of them for so long; zero: no such limit.
    pub wake_timeout: Duration,
    /// How long opening waits at most; zero: 5 s.
    pub open_timeout: Duration,
    /// Read this ring of the device alone.
    pub ring: Option<u32>,
    /// The types of the records to read; empty: all.
    pub types: Vec<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            whence: Whence::Oldest,
            follow: false,
            nonblock: false,
            merge_window: Duration::ZERO,
            wake_records: 0,
            wake_bytes: 0,
            wake_timeout: Duration::ZERO,
            open_timeout: Duration::ZERO,
            ring: None,
            types: Vec::new(),
        }
    }
}

pub(crate) fn nanoseconds(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

/// Rounded up, so that a wait is never too short.
pub(crate) fn milliseconds(d: Duration) -> i32 {
    i32::try_from((d.as_nanos() + 999_999) / 1_000_000).unwrap_or(i32::MAX)
}

impl Options {
    /// Valid as long as `self` is not changed: it has a pointer to the types.
    pub(crate) fn raw(&self) -> sys::ring_open_opts {
        let (whence, value) = self.whence.raw();
        sys::ring_open_opts {
            size: size_of::<sys::ring_open_opts>(),
            flags: if self.follow { sys::RING_FOLLOW } else { 0 }
                | if self.nonblock { sys::RING_NONBLOCK } else { 0 },
            whence,
            value,
            merge_window_ns: nanoseconds(self.merge_window),
            wake_records: self.wake_records,
            wake_bytes: self.wake_bytes,
            wake_timeout_ns: nanoseconds(self.wake_timeout),
            one_ring: self.ring.is_some().into(),
            ring: self.ring.unwrap_or(0),
            open_timeout_ms: milliseconds(self.open_timeout) as u32,
            nr_types: u32::try_from(self.types.len()).unwrap_or(u32::MAX),
            types: if self.types.is_empty() { std::ptr::null() } else { self.types.as_ptr() },
        }
    }
}

/// The shape of a ring to create, as struct ring_writer_opts.
#[derive(Clone, Debug, Default)]
pub struct WriterOptions {
    /// For the header of the ring, at most 31 bytes.
    pub name: String,
    /// Bytes of each ring's data area: a power of two, 64 KiB to 1 GiB.
    pub data_size: u64,
    /// Number of rings; 0: 1.
    pub rings: u32,
    /// Clock of the records: a SEQRING_CLOCK_* of seqring/abi.h.
    pub clock_id: u32,
    /// Readers need no membarrier(2) to sleep.
    pub full_fence: bool,
    /// Description of the records; empty: none.
    pub schema: Vec<u8>,
}
