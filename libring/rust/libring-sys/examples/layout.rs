// SPDX-License-Identifier: GPL-2.0-only
//! Prints size and offsets of each struct. The tests compare them with those of the C compiler.
use libring_sys::*;
use std::mem::{size_of, MaybeUninit};

macro_rules! layout {
    ($name:ident: $($field:ident)*) => {
        println!("{} {}", stringify!($name), size_of::<$name>());
        let value = MaybeUninit::<$name>::uninit();
        let base = value.as_ptr();
        $(
            // SAFETY: the address of a field is taken, and nothing is read.
            let at = unsafe { std::ptr::addr_of!((*base).$field) } as usize - base as usize;
            println!("{}.{} {}", stringify!($name), stringify!($field).trim_end_matches('_'), at);
        )*
    };
}

fn main() {
    layout!(ring_record: seq ts_ns lost payload len ring type_ reserved);
    layout!(ring_fds: ring wait doorbell);
    layout!(ring_open_opts: size flags whence value merge_window_ns wake_records wake_bytes
        wake_timeout_ns one_ring ring open_timeout_ms nr_types types);
    layout!(ring_info: size writer nr_rings clock_id page_size features data_size payload_max
        schema_size schema name peer_known peer_pid peer_uid peer_gid path creation);
    layout!(ring_stats: size read lost overruns waits misordered lag_records lag_bytes published
        dropped wakeups dead end unfenced early window_ns filtered restarts);
    layout!(ring_writer_opts: size flags clock_id nr_rings reserved data_size name schema
        schema_size);
    let constants = [
        ("RING_OLDEST", RING_OLDEST),
        ("RING_NEWEST", RING_NEWEST),
        ("RING_HEAD", RING_HEAD),
        ("RING_SEQ", RING_SEQ),
        ("RING_TIME", RING_TIME),
        ("RING_REALTIME", RING_REALTIME),
        ("RING_EAGER", RING_EAGER),
        ("RING_PREFAULT", RING_PREFAULT),
        ("RING_LOCK", RING_LOCK),
        ("RING_FOLLOW", RING_FOLLOW),
        ("RING_NONBLOCK", RING_NONBLOCK),
        ("RING_WRITER_FULL_FENCE", RING_WRITER_FULL_FENCE),
        ("RING_RUNS", RING_RUNS),
        ("RING_ENDED", RING_ENDED),
        ("RING_KILLED", RING_KILLED),
        ("RING_REPLACED", RING_REPLACED),
    ];
    for (name, value) in constants {
        println!("{} {}", name, value);
    }
}
