// SPDX-License-Identifier: GPL-2.0-only
//! Prints the records of a ring until it ends.
use libring::{Options, Reader};
use std::io::{self, Write};
use std::time::Duration;

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "sched".to_string());
    let options = Options {
        wake_records: 1000,
        wake_timeout: Duration::from_millis(100),
        ..Default::default()
    };
    let mut reader = Reader::open(&name, &options)?;
    let mut out = io::stdout().lock();
    while let Some(record) = reader.next()? {
        writeln!(
            out,
            "ring {}: record {}, type {}, {} bytes, {} lost before it",
            record.ring(),
            record.seq(),
            record.kind(),
            record.payload().len(),
            record.lost()
        )?;
    }
    Ok(())
}
