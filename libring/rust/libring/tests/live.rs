// SPDX-License-Identifier: GPL-2.0-only
//! The crate on live rings.
use libring::{errno, Batch, End, Options, Reader, Status, Whence, Writer, WriterOptions};
use std::io::ErrorKind;
use std::os::unix::io::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

const KIND: u16 = 7;

fn create(data_size: u64) -> Writer {
    Writer::create(&WriterOptions {
        name: "rust".into(),
        data_size,
        clock_id: 1,
        ..Default::default()
    })
    .unwrap()
}

fn open(w: &Writer) -> Reader {
    Reader::open_fds(w.fds(), &Options::default()).unwrap()
}

/// Proves its own content.
fn payload(n: u64) -> Vec<u8> {
    [n.to_le_bytes(), (!n).to_le_bytes()].concat()
}

fn publish(w: &mut Writer, range: std::ops::RangeInclusive<u64>) {
    for n in range {
        w.publish(0, KIND, &payload(n)).unwrap();
    }
}

fn check(r: libring::Record<'_>, n: u64) {
    assert_eq!((r.seq(), r.kind(), r.ring(), r.full_len()), (n, KIND, 0, 16));
    assert_eq!(r.payload(), payload(n));
    assert_ne!(r.ts_ns(), 0);
}

/// A directory for sockets, of this process alone.
struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("libring-rust-{}-{}", name, std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }
    fn socket(&self) -> String {
        self.0.join("socket").to_str().unwrap().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn batches() {
    let mut w = create(1 << 16);
    let mut r = open(&w);
    let mut b = Batch::new(3, 4096);
    assert_eq!(r.read_batch(&mut b).unwrap(), Status::Nothing);
    assert!(b.is_empty() && b.get(0).is_none());
    publish(&mut w, 1..=7);
    let mut n = 0;
    for len in [3, 3, 1] {
        assert_eq!(r.read_batch(&mut b).unwrap(), Status::Ready);
        assert_eq!((b.len(), b.iter().len()), (len, len));
        for record in b.iter() {
            n += 1;
            check(record, n);
        }
    }
    assert_eq!(r.read_batch(&mut b).unwrap(), Status::Nothing);
    let stats = r.stats().unwrap();
    assert_eq!((stats.read, stats.lost, stats.published, stats.end), (7, 0, 7, End::Runs));
}

#[test]
fn a_long_payload_is_cut() {
    let mut w = create(1 << 16);
    let mut r = open(&w);
    let mut b = Batch::new(2, 8);
    publish(&mut w, 1..=1);
    assert_eq!(r.read_batch(&mut b).unwrap(), Status::Ready);
    let record = b.get(0).unwrap();
    assert_eq!((record.full_len(), record.payload()), (16, &payload(1)[..8]));
    assert!(b.get(1).is_none());
}

#[test]
#[should_panic(expected = "room for a record")]
fn a_batch_has_room() {
    Batch::new(0, 8);
}

/// The writer's thread publishes; this one sleeps, gets all, and learns of the end.
#[test]
fn next_waits_and_ends() {
    let mut w = create(1 << 20);
    let mut r = open(&w);
    let longest = vec![b'x'; r.info().unwrap().payload_max as usize];
    let long = longest.clone();
    let writer = thread::spawn(move || {
        publish(&mut w, 1..=500);
        thread::sleep(Duration::from_millis(20));
        publish(&mut w, 501..=1000);
        w.publish(0, 8, &long).unwrap();
        w.publish(0, 9, &[]).unwrap();
    });
    for n in 1..=1000 {
        check(r.next().unwrap().unwrap(), n);
    }
    assert_eq!(r.next().unwrap().unwrap().payload(), longest);
    let last = r.next().unwrap().unwrap();
    assert_eq!((last.kind(), last.payload()), (9, &[][..]));
    assert!(r.next().unwrap().is_none());
    writer.join().unwrap();
    assert_eq!(r.wait(None).unwrap(), Status::Ended);
    let stats = r.stats().unwrap();
    assert_eq!((stats.read, stats.end), (1002, End::Ended));
}

#[test]
fn owned_records() {
    let mut w = create(1 << 16);
    let mut r = open(&w);
    publish(&mut w, 1..=5);
    drop(w);
    let all: Vec<_> = r.records().map(Result::unwrap).collect();
    assert_eq!(all.len(), 5);
    for (n, record) in (1..).zip(&all) {
        assert_eq!((record.seq, &record.payload), (n, &payload(n)));
    }
}

#[test]
fn losses_are_exact() {
    let mut w = create(1 << 16);
    let mut r = open(&w);
    publish(&mut w, 1..=10000);
    drop(w);
    let (mut read, mut lost) = (0, 0);
    while let Some(record) = r.next().unwrap() {
        lost += record.lost();
        read += 1;
        check(record, read + lost);
    }
    assert!(read > 0 && lost > 0 && read + lost == 10000, "{} {}", read, lost);
    let stats = r.stats().unwrap();
    assert_eq!((stats.read, stats.lost), (read, lost));
}

/// A waker ends a sleep from another thread, and may outlive the reader.
#[test]
fn wakers() {
    let w = create(1 << 16);
    let mut r = open(&w);
    let waker = r.waker();
    waker.wake();
    assert_eq!(r.wait(None).unwrap(), Status::Woken);
    assert_eq!(r.wait(Some(Duration::from_micros(10))).unwrap(), Status::TimedOut);
    let other = waker.clone();
    let thread = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        other.wake();
    });
    assert_eq!(r.next().unwrap_err().kind(), ErrorKind::Interrupted);
    thread.join().unwrap();
    drop(r);
    waker.wake();
}

/// A reader may move to another thread.
#[test]
fn readers_move() {
    let mut w = create(1 << 16);
    let mut r = open(&w);
    publish(&mut w, 1..=1);
    thread::spawn(move || check(r.next().unwrap().unwrap(), 1)).join().unwrap();
}

#[test]
fn by_name() {
    let dir = Dir::new("name");
    let name = dir.socket();
    let mut follower =
        Reader::open(&name, &Options { follow: true, nonblock: true, ..Default::default() })
            .unwrap();
    assert_eq!(errno(&follower.info().unwrap_err()), Some(11));
    let mut b = Batch::default();
    assert_eq!(follower.read_batch(&mut b).unwrap(), Status::Nothing);

    let mut w = create(1 << 16);
    publish(&mut w, 1..=4);
    w.listen(&name).unwrap();
    assert_eq!(errno(&w.listen("again").unwrap_err()), Some(114));
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let (send, receive) = std::sync::mpsc::channel::<(u64, u64)>();
    let server = thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            w.serve().unwrap();
            if let Ok((from, to)) = receive.recv_timeout(Duration::from_millis(5)) {
                publish(&mut w, from..=to);
            }
        }
    });

    while follower.read_batch(&mut b).unwrap() != Status::Changed {
        follower.wait(Some(Duration::from_secs(60))).unwrap();
    }
    check(follower.next().unwrap().unwrap(), 1);

    let options = Options { whence: Whence::Seq(3), ..Default::default() };
    let mut r = Reader::open(&name, &options).unwrap();
    check(r.next().unwrap().unwrap(), 3);
    r.seek(Whence::Seq(2)).unwrap();
    check(r.next().unwrap().unwrap(), 2);
    assert_eq!(errno(&r.seek(Whence::Seq(100)).unwrap_err()), Some(34));
    let newest = r.newest(0).unwrap().unwrap();
    check(newest, 4);
    let ts_ns = newest.ts_ns();
    let off = match SystemTime::now().duration_since(r.wall_time(ts_ns).unwrap()) {
        Ok(off) => off,
        Err(e) => e.duration(),
    };
    assert!(off < Duration::from_secs(60), "{:?}", off);

    r.set_filter(Some("seq >= 5")).unwrap();
    send.send((5, 5)).unwrap();
    check(r.next().unwrap().unwrap(), 5);
    assert_eq!(r.stats().unwrap().filtered, 2);
    let e = r.set_filter(Some("seq >=")).unwrap_err();
    assert_eq!((errno(&e), e.kind()), (Some(22), ErrorKind::InvalidInput));
    assert!(e.to_string().contains("character"), "{}", e);
    r.set_filter(None).unwrap();

    r.set_wakeup(2, 0, Duration::ZERO).unwrap();
    send.send((6, 6)).unwrap();
    while r.stats().unwrap().lag_records == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(r.wait(Some(Duration::ZERO)).unwrap(), Status::TimedOut);
    send.send((7, 7)).unwrap();
    assert_eq!(r.wait(Some(Duration::from_secs(60))).unwrap(), Status::Ready);

    let only = Options { types: vec![1, 2], ..Default::default() };
    let mut none = Reader::open(&name, &only).unwrap();
    assert_eq!(none.read_batch(&mut b).unwrap(), Status::Nothing);
    assert_eq!(none.stats().unwrap().filtered, 7);
    let polled = r.into_polled().unwrap();
    assert!(polled.as_raw_fd() >= 0 && polled.as_fd().as_raw_fd() == polled.as_raw_fd());
    assert_eq!(polled.info().unwrap().name, "rust");
    stop.store(true, Ordering::Relaxed);
    server.join().unwrap();
}

#[test]
fn errors() {
    let e = Reader::open("/nonexistent/ring", &Options::default()).err().unwrap();
    assert_eq!((e.kind(), errno(&e)), (ErrorKind::NotFound, Some(2)));
    assert!(e.to_string().contains("/nonexistent/ring"), "{}", e);
    let e = Reader::open("a b", &Options::default()).err().unwrap();
    assert_eq!(errno(&e), Some(22));
    let e = Reader::open("a\0b", &Options::default()).err().unwrap();
    assert_eq!(e.kind(), ErrorKind::InvalidInput);
    assert_eq!(errno(&std::io::Error::from_raw_os_error(5)), Some(5));
    let e = Writer::create(&WriterOptions { data_size: 3, ..Default::default() }).err().unwrap();
    assert_eq!(errno(&e), Some(22));
    let mut w = create(1 << 16);
    let mut r = open(&w);
    assert_eq!(errno(&w.publish(5, 1, &[]).unwrap_err()), Some(2));
    assert_eq!(errno(&w.publish(0, 1, &[0; 1 << 16]).unwrap_err()), Some(90));
    assert_eq!(errno(&w.serve().unwrap_err()), Some(22));
    assert_eq!(errno(&r.newest(3).err().unwrap()), Some(2));
    assert!(r.newest(0).unwrap().is_none());
    let mut bare = Reader::open_fd(w.fds().ring, &Options::default()).unwrap();
    assert_eq!(errno(&bare.wait(None).unwrap_err()), Some(95));
    assert_eq!(errno(&bare.into_polled().err().unwrap()), Some(95));
}

/// Handles are closed with their objects.
#[test]
fn nothing_leaks() {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Other tests open descriptors at the same time: until there is a quiet moment.
    for _ in 0..1000 {
        let before = count();
        for _ in 0..10 {
            let w = create(1 << 16);
            let r = open(&w);
            drop(r.into_polled());
        }
        if count() <= before {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} descriptors", count());
}

fn assert_send<T: Send>() {}
fn assert_sync<T: Sync>() {}

#[test]
fn threads() {
    assert_send::<Reader>();
    assert_send::<Writer>();
    assert_send::<Batch>();
    assert_sync::<Batch>();
    assert_send::<libring::Waker>();
    assert_sync::<libring::Waker>();
}
