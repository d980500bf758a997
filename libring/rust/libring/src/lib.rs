// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
//! Rings of records: the Linux kernel, BPF programs or a process publish, and any number of programs
//! read from shared memory, without a lock or a system call. A slow reader loses the oldest records
//! and knows exactly how many.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! let mut reader = libring::Reader::open("sched", &libring::Options::default())?;
//! while let Some(record) = reader.next()? {
//!     println!("{}: type {}, {} lost before it", record.seq(), record.kind(), record.lost());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The manual page seqring(7) explains the words; each method names the function of libring that it
//! calls, whose page says more. Errors are [`std::io::Error`], with libring's sentence; [`errno`]
//! gives the number.
#![warn(missing_docs)]

mod batch;
mod error;
mod options;
mod reader;
mod writer;

pub use batch::{Batch, OwnedRecord, Record};
pub use error::errno;
pub use options::{Options, Whence, WriterOptions};
pub use reader::{End, Fds, Info, PolledReader, Reader, Records, Stats, Status, Waker};
pub use writer::Writer;
