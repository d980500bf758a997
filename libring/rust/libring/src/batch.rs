// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
use libring_sys as sys;

/// One record. It borrows its payload from the batch or the reader that has it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    raw: sys::ring_record,
    payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// # Safety
    /// `raw` came from libring, and its payload has `min(raw.len, room)` bytes for `'a`.
    pub(crate) unsafe fn new(raw: sys::ring_record, room: usize) -> Self {
        let len = (raw.len as usize).min(room);
        // A record without a payload may have no pointer.
        let payload =
            if len == 0 { &[] } else { std::slice::from_raw_parts(raw.payload.cast::<u8>(), len) };
        Record { raw, payload }
    }

    /// Its number in its ring: 1 for the first.
    pub fn seq(&self) -> u64 {
        self.raw.seq
    }
    /// Its time in nanoseconds of the ring's clock; 0: it has none.
    pub fn ts_ns(&self) -> u64 {
        self.raw.ts_ns
    }
    /// Records of the same ring that were lost between the one read before and this one.
    pub fn lost(&self) -> u64 {
        self.raw.lost
    }
    /// Number of its ring in the device, from 0.
    pub fn ring(&self) -> u32 {
        self.raw.ring
    }
    /// Its type, a number that the producer chose.
    pub fn kind(&self) -> u16 {
        self.raw.type_
    }
    /// Its bytes.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
    /// Bytes of the payload in the ring, also if there was room for fewer.
    pub fn full_len(&self) -> usize {
        self.raw.len as usize
    }
    /// A copy that owns its payload.
    pub fn to_owned(&self) -> OwnedRecord {
        OwnedRecord {
            seq: self.seq(),
            ts_ns: self.ts_ns(),
            lost: self.lost(),
            ring: self.ring(),
            kind: self.kind(),
            payload: self.payload.to_vec(),
        }
    }
}

/// A record that owns its payload; see [`Record`] for the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct OwnedRecord {
    pub seq: u64,
    pub ts_ns: u64,
    pub lost: u64,
    pub ring: u32,
    pub kind: u16,
    pub payload: Vec<u8>,
}

/// Room for records, to be filled again and again by [`Reader::read_batch`](crate::Reader::read_batch).
///
/// Its records cannot be kept while it is filled again:
///
/// ```compile_fail,E0502
/// fn keeps(reader: &mut libring::Reader, batch: &mut libring::Batch) {
///     let first = batch.get(0);
///     reader.read_batch(batch).unwrap();
///     drop(first);
/// }
/// ```
pub struct Batch {
    pub(crate) recs: Vec<sys::ring_record>,
    pub(crate) buf: Vec<u64>,
    pub(crate) nr: usize,
}

// SAFETY: the pointers in `recs` lead into `buf`, which the batch owns, and nothing is written
// through a shared reference.
unsafe impl Send for Batch {}
unsafe impl Sync for Batch {}

const NO_RECORD: sys::ring_record = sys::ring_record {
    seq: 0,
    ts_ns: 0,
    lost: 0,
    payload: std::ptr::null(),
    len: 0,
    ring: 0,
    type_: 0,
    reserved: [0; 3],
};

impl Batch {
    /// Makes room for `records`, at least 1, and `bytes` of payloads. Only a first payload that is
    /// longer is cut.
    pub fn new(records: usize, bytes: usize) -> Self {
        assert!(records > 0, "a batch needs room for a record");
        Batch { recs: vec![NO_RECORD; records], buf: vec![0; (bytes + 7) / 8], nr: 0 }
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.nr
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nr == 0
    }
    /// Record `i`, from 0.
    pub fn get(&self, i: usize) -> Option<Record<'_>> {
        let raw = *self.recs[..self.nr].get(i)?;
        // SAFETY: its payload is in `buf`, which does not change while `self` is borrowed.
        Some(unsafe { Record::new(raw, self.buf.len() * 8) })
    }
    /// All records, in the order of reading.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        let room = self.buf.len() * 8;
        // SAFETY: as in get().
        self.recs[..self.nr].iter().map(move |raw| unsafe { Record::new(*raw, room) })
    }
}

impl Default for Batch {
    fn default() -> Self {
        Batch::new(256, 1 << 16)
    }
}
