// SPDX-License-Identifier: GPL-2.0-only
//! What a record costs in batches.
use libring::{Batch, Options, Reader, Status, Whence, Writer, WriterOptions};
use std::time::{Duration, Instant};

const RECORDS: u64 = 200_000;
/// Ten million a second. A record takes a tenth of that on an idle CPU: other work makes ten tries too
/// slow only if it leaves next to nothing.
const LIMIT: Duration = Duration::from_nanos(if cfg!(debug_assertions) { 1000 } else { 100 });

#[test]
fn batches_are_fast() {
    let mut w =
        Writer::create(&WriterOptions { data_size: 1 << 24, ..Default::default() }).unwrap();
    let mut r = Reader::open_fds(w.fds(), &Options::default()).unwrap();
    let mut b = Batch::new(512, 1 << 16);
    for n in 0..RECORDS {
        w.publish(0, 1, &n.to_ne_bytes()).unwrap();
    }
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let start = Instant::now();
        let mut sum = 0;
        r.seek(Whence::Oldest).unwrap();
        while r.read_batch(&mut b).unwrap() == Status::Ready {
            sum += b
                .iter()
                .map(|record| u64::from_ne_bytes(record.payload().try_into().unwrap()))
                .sum::<u64>();
        }
        best = best.min(start.elapsed() / RECORDS as u32);
        assert_eq!(sum, RECORDS * (RECORDS - 1) / 2);
    }
    // On a line of its own: the harness has begun one.
    println!("\n{} ns a record", best.as_nanos());
    assert!(best < LIMIT, "{:?}", best);
}
