// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package ring

// #include "glue.h"
import "C"

import (
	"context"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Record is one record. Payload belongs to what gave it: the batch, or the reader.
type Record struct {
	Seq     uint64 // its number in its ring: 1 for the first
	TsNs    uint64 // its time by the ring's clock
	Lost    uint64 // records of the same ring that were lost before it
	Ring    uint32
	Len     uint32 // bytes of the payload in the ring, also if there was room for fewer
	Type    uint16
	Payload []byte
}

func fill(rec *Record, c *C.struct_ring_record, room uint32) {
	n := uint32(c.len)
	if n > room {
		n = room
	}
	rec.Seq = uint64(c.seq)
	rec.TsNs = uint64(c.ts_ns)
	rec.Lost = uint64(c.lost)
	rec.Ring = uint32(c.ring)
	rec.Len = uint32(c.len)
	rec.Type = uint16(c._type)
	rec.Payload = nil
	if n != 0 {
		rec.Payload = unsafe.Slice((*byte)(c.payload), n)
	}
}

// Batch is room for records, to be filled again and again. Its memory is not Go's: nothing of it
// costs the garbage collector anything.
type Batch struct {
	owner
	recs unsafe.Pointer
	buf  unsafe.Pointer
	max  int
	size int
	nr   int
}

// NewBatch makes room for records, at least 1, and for bytes of their payloads. Only a first payload
// that is longer is cut. Close frees it.
func NewBatch(records, bytes int) *Batch {
	if records < 1 || bytes < 0 {
		panic("ring: a batch needs room for a record")
	}
	b := &Batch{
		recs: C.calloc(C.size_t(records), C.sizeof_struct_ring_record),
		// malloc(0) may give nothing.
		buf:  C.malloc(C.size_t(bytes + 8)),
		max:  records,
		size: bytes,
	}
	runtime.SetFinalizer(b, func(b *Batch) { b.Close() })
	return b
}

// Close frees the batch. The payloads of its records are invalid afterwards.
func (b *Batch) Close() error {
	if err := b.begin(); err != nil {
		return err
	}
	runtime.SetFinalizer(b, nil)
	C.free(b.recs)
	C.free(b.buf)
	b.nr = 0
	b.state.Store(closed)
	return nil
}

// Len is the number of records in the batch.
func (b *Batch) Len() int {
	return b.nr
}

// Record fills rec with record i, 0 to Len()-1. The payload is valid until the batch is filled again
// or closed.
func (b *Batch) Record(i int, rec *Record) {
	if uint(i) >= uint(b.nr) {
		panic("ring: the batch has no such record")
	}
	at := unsafe.Add(b.recs, uintptr(i)*C.sizeof_struct_ring_record)
	fill(rec, (*C.struct_ring_record)(at), uint32(b.size))
}

// ReadBatch fills the batch, as ring_read_batch(3), and returns the number of records. It never
// sleeps: 0 without an error says that there is nothing to read now. The error is io.EOF when nothing
// is left and the writer is gone.
func (r *Reader) ReadBatch(b *Batch) (int, error) {
	if err := r.begin(); err != nil {
		return 0, err
	}
	defer r.end()
	if err := b.begin(); err != nil {
		return 0, err
	}
	defer b.end()
	rc := C.glue_read_batch(r.r, (*C.struct_ring_record)(b.recs), C.uint(b.max), b.buf,
		C.size_t(b.size), r.call)
	b.nr = int(r.call.nr)
	if rc != 0 {
		_, err := r.outcome("read", rc, &r.call.text[0])
		return 0, err
	}
	return b.nr, nil
}

// room gets the room for the longest payload of the ring.
func (r *Reader) room() {
	var t text
	var info C.struct_ring_info
	if r.next == nil {
		r.next = (*C.struct_ring_record)(C.calloc(1, C.sizeof_struct_ring_record))
	}
	if C.glue_info(r.r, &info, t.ptr()) != 0 || C.size_t(info.payload_max) <= r.size {
		return
	}
	C.free(r.buf)
	r.size = C.size_t(info.payload_max)
	r.buf = C.malloc(r.size)
}

// Next reads the next record. It sleeps until there is one, ctx is done, or the ring has ended:
// io.EOF. The payload is valid until the next call of Next, Newest or Close.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	var rec Record
	if err := r.begin(); err != nil {
		return rec, err
	}
	defer r.end()
	if r.buf == nil {
		r.room()
	}
	for {
		rc := C.glue_read(r.r, r.next, r.buf, r.size, r.call)
		if rc == 0 {
			fill(&rec, r.next, uint32(r.size))
			return rec, nil
		}
		nothing, err := r.outcome("read", rc, &r.call.text[0])
		if err == ErrChanged {
			r.room()
		}
		if !nothing {
			return rec, err
		}
		if err := r.wait(ctx, -1); err != nil {
			return rec, err
		}
	}
}

// Newest reads the newest record of a ring, as ring_newest(3): a consistent snapshot of shared state.
// ok is false if there is none yet. The payload is valid until the next call of Next, Newest or Close.
func (r *Reader) Newest(ring uint32) (rec Record, ok bool, err error) {
	var t text
	if err = r.begin(); err != nil {
		return
	}
	defer r.end()
	if r.buf == nil {
		r.room()
	}
	rc := C.glue_newest(r.r, C.uint(ring), r.next, r.buf, r.size, t.ptr())
	if rc == 0 {
		fill(&rec, r.next, uint32(r.size))
		return rec, true, nil
	}
	_, err = r.outcome("newest", rc, t.ptr())
	return rec, false, err
}

// Wait sleeps until the watermark is met, as ring_wait(3), ctx is done, or the ring has ended: io.EOF.
func (r *Reader) Wait(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	return r.wait(ctx, -1)
}

// WaitFor is Wait for a time: ErrTimeout. 0 does not sleep.
func (r *Reader) WaitFor(ctx context.Context, d time.Duration) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	return r.wait(ctx, d)
}

// wait sleeps in C. If ctx can be done, another goroutine waits for that, and wakes this one.
func (r *Reader) wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil || d == 0 {
		return r.sleep(d)
	}
	over := make(chan struct{})
	woke := make(chan bool)
	go func() {
		select {
		case <-ctx.Done():
			C.ring_wake(r.r)
			woke <- true
		case <-over:
			woke <- false
		}
	}()
	err := r.sleep(d)
	close(over)
	if <-woke {
		// Its ring_wake() may have come after the sleep.
		if err != ErrWoken {
			var t text
			C.glue_wait(r.r, 0, t.ptr())
		} else {
			err = ctx.Err()
		}
	}
	return err
}

// sleep repeats what a signal interrupts: Go's runtime sends itself signals. d < 0: no limit.
func (r *Reader) sleep(d time.Duration) error {
	var t text
	start := time.Now()
	for {
		ms := C.int(-1)
		if d >= 0 {
			left := d - time.Since(start)
			if d == 0 || left < 0 {
				left = 0
			}
			ms = milliseconds(left)
		}
		rc := C.glue_wait(r.r, ms, t.ptr())
		if rc == -C.EINTR {
			continue
		}
		nothing, err := r.outcome("wait", rc, t.ptr())
		if nothing {
			continue
		}
		return err
	}
}

// Wake ends the Wait or Next of another goroutine, or the next one: ErrWoken. Any goroutine may call
// it at any time. After Close it does nothing.
func (r *Reader) Wake() {
	r.wake.Lock()
	defer r.wake.Unlock()
	if r.r != nil {
		C.ring_wake(r.r)
	}
}

// Fd returns the descriptor of ring_fd(3), for an event loop. It stays the reader's.
func (r *Reader) Fd() (int, error) {
	var fd C.int
	if err := r.begin(); err != nil {
		return -1, err
	}
	defer r.end()
	if rc := C.ring_fd(r.r, &fd); rc != 0 {
		return -1, &Error{"fd", syscall.Errno(-rc), syscall.Errno(-rc).Error()}
	}
	return int(fd), nil
}

// SetWakeup changes the watermark, as ring_set_wakeup(3).
func (r *Reader) SetWakeup(records, bytes uint64, timeout time.Duration) error {
	if err := r.begin(); err != nil {
		return err
	}
	defer r.end()
	C.ring_set_wakeup(r.r, C.uint64_t(records), C.uint64_t(bytes), nanoseconds(timeout))
	return nil
}
