// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
//! Declarations of libring's C API, as far as the crate `libring` needs them. The manual pages, such
//! as ring_open(3), are the contract. A test compares the layout of each struct with the C compiler's.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_int, c_uint, c_void};

macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
            _not_send_or_sync: std::marker::PhantomData<(*mut u8, std::marker::PhantomPinned)>,
        }
    )*};
}

opaque!(ring_reader ring_writer ring_schema ring_filter);

pub const RING_OLDEST: u32 = 0;
pub const RING_NEWEST: u32 = 1;
pub const RING_HEAD: u32 = 2;
pub const RING_SEQ: u32 = 3;
pub const RING_TIME: u32 = 4;
pub const RING_REALTIME: u32 = 5;

pub const RING_EAGER: u32 = 1 << 0;
pub const RING_PREFAULT: u32 = 1 << 1;
pub const RING_LOCK: u32 = 1 << 2;
pub const RING_FOLLOW: u32 = 1 << 3;
pub const RING_NONBLOCK: u32 = 1 << 4;

pub const RING_WRITER_FULL_FENCE: u32 = 1 << 0;

pub const RING_RUNS: u32 = 0;
pub const RING_ENDED: u32 = 1;
pub const RING_KILLED: u32 = 2;
pub const RING_REPLACED: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ring_record {
    pub seq: u64,
    pub ts_ns: u64,
    pub lost: u64,
    pub payload: *const c_void,
    pub len: u32,
    pub ring: u32,
    pub type_: u16,
    pub reserved: [u16; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ring_fds {
    pub ring: c_int,
    pub wait: c_int,
    pub doorbell: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ring_open_opts {
    pub size: usize,
    pub flags: u32,
    pub whence: u32,
    pub value: u64,
    pub merge_window_ns: u64,
    pub wake_records: u64,
    pub wake_bytes: u64,
    pub wake_timeout_ns: u64,
    pub one_ring: u32,
    pub ring: u32,
    pub open_timeout_ms: u32,
    pub nr_types: u32,
    pub types: *const u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ring_info {
    pub size: usize,
    pub writer: u32,
    pub nr_rings: u32,
    pub clock_id: u32,
    pub page_size: u32,
    pub features: u64,
    pub data_size: u64,
    pub payload_max: u32,
    pub schema_size: u32,
    pub schema: *const c_void,
    pub name: [c_char; 32],
    pub peer_known: u32,
    pub peer_pid: u32,
    pub peer_uid: u32,
    pub peer_gid: u32,
    pub path: *const c_char,
    pub creation: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ring_stats {
    pub size: usize,
    pub read: u64,
    pub lost: u64,
    pub overruns: u64,
    pub waits: u64,
    pub misordered: u64,
    pub lag_records: u64,
    pub lag_bytes: u64,
    pub published: u64,
    pub dropped: u64,
    pub wakeups: u64,
    pub dead: u32,
    pub end: u32,
    pub unfenced: u64,
    pub early: u64,
    pub window_ns: u64,
    pub filtered: u64,
    pub restarts: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ring_writer_opts {
    pub size: usize,
    pub flags: u32,
    pub clock_id: u32,
    pub nr_rings: u32,
    pub reserved: u32,
    pub data_size: u64,
    pub name: *const c_char,
    pub schema: *const c_void,
    pub schema_size: usize,
}

extern "C" {
    pub fn ring_strerror() -> *const c_char;

    pub fn ring_open(
        location: *const c_char,
        opts: *const ring_open_opts,
        out: *mut *mut ring_reader,
    ) -> c_int;
    pub fn ring_open_fd(
        fd: c_int,
        opts: *const ring_open_opts,
        out: *mut *mut ring_reader,
    ) -> c_int;
    pub fn ring_open_fds(
        fds: *const ring_fds,
        opts: *const ring_open_opts,
        out: *mut *mut ring_reader,
    ) -> c_int;
    pub fn ring_close(r: *mut ring_reader);
    pub fn ring_read(
        r: *mut ring_reader,
        rec: *mut ring_record,
        buf: *mut c_void,
        size: usize,
    ) -> c_int;
    pub fn ring_read_batch(
        r: *mut ring_reader,
        recs: *mut ring_record,
        max: c_uint,
        buf: *mut c_void,
        size: usize,
        nr: *mut c_uint,
    ) -> c_int;
    pub fn ring_newest(
        r: *mut ring_reader,
        ring: c_uint,
        rec: *mut ring_record,
        buf: *mut c_void,
        size: usize,
    ) -> c_int;
    pub fn ring_wait(r: *mut ring_reader, timeout_ms: c_int) -> c_int;
    pub fn ring_wake(r: *mut ring_reader) -> c_int;
    pub fn ring_fd(r: *mut ring_reader, fd: *mut c_int) -> c_int;
    pub fn ring_set_wakeup(r: *mut ring_reader, records: u64, bytes: u64, timeout_ns: u64)
        -> c_int;
    pub fn ring_seek(r: *mut ring_reader, whence: c_uint, value: u64) -> c_int;
    pub fn ring_wall_time(r: *mut ring_reader, ts_ns: u64, realtime_ns: *mut u64) -> c_int;
    pub fn ring_info(r: *mut ring_reader, info: *mut ring_info) -> c_int;
    pub fn ring_stats(r: *mut ring_reader, stats: *mut ring_stats) -> c_int;
    pub fn ring_set_filter(r: *mut ring_reader, f: *const ring_filter) -> c_int;
    pub fn ring_filter_free(f: *mut ring_filter);

    pub fn ring_writer_create(opts: *const ring_writer_opts, out: *mut *mut ring_writer) -> c_int;
    pub fn ring_writer_close(w: *mut ring_writer);
    pub fn ring_writer_publish(
        w: *mut ring_writer,
        ring: c_uint,
        type_: u16,
        payload: *const c_void,
        len: usize,
    ) -> c_int;
    pub fn ring_writer_fds(w: *mut ring_writer, fds: *mut ring_fds) -> c_int;
    pub fn ring_writer_listen(
        w: *mut ring_writer,
        location: *const c_char,
        fd: *mut c_int,
    ) -> c_int;
    pub fn ring_writer_serve(w: *mut ring_writer) -> c_int;

    // libring-bpf
    pub fn ring_schema_open(blob: *const c_void, size: usize, out: *mut *mut ring_schema) -> c_int;
    pub fn ring_schema_close(s: *mut ring_schema);
    pub fn ring_filter_compile(
        s: *const ring_schema,
        text: *const c_char,
        out: *mut *mut ring_filter,
    ) -> c_int;
}
