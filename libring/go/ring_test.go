// SPDX-License-Identifier: GPL-2.0-only

package ring

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var background = context.Background()

func create(t testing.TB, size uint64) *Writer {
	t.Helper()
	w, err := NewWriter(WriterOptions{Name: "go", DataSize: size, ClockID: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func open(t testing.TB, w *Writer, opts *Options) *Reader {
	t.Helper()
	fds, err := w.Fds()
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenFds(fds, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// payload proves its own content.
func payload(n uint64) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, n)
	binary.LittleEndian.PutUint64(b[8:], ^n)
	return b
}

func publish(t testing.TB, w *Writer, from, to uint64) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := w.Publish(0, 7, payload(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func check(t testing.TB, rec *Record, n uint64) {
	t.Helper()
	if rec.Seq != n || rec.Type != 7 || rec.Ring != 0 || rec.Len != 16 || rec.TsNs == 0 ||
		string(rec.Payload) != string(payload(n)) {
		t.Fatalf("record %d is %+v", n, rec)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func TestBatch(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	b := NewBatch(3, 4096)
	defer b.Close()
	var rec Record
	if n, err := r.ReadBatch(b); n != 0 || err != nil || b.Len() != 0 {
		t.Fatal(n, err)
	}
	publish(t, w, 1, 7)
	seq := uint64(0)
	for _, want := range []int{3, 3, 1, 0} {
		n, err := r.ReadBatch(b)
		if n != want || err != nil || b.Len() != n {
			t.Fatal(n, err)
		}
		for i := 0; i < n; i++ {
			seq++
			b.Record(i, &rec)
			check(t, &rec, seq)
		}
	}
	s, err := r.Stats()
	if err != nil || s.Read != 7 || s.Lost != 0 || s.Published != 7 || s.Dead {
		t.Fatal(s, err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("a record beyond the batch")
			}
		}()
		b.Record(0, &rec)
	}()
}

func TestCut(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	b := NewBatch(2, 8)
	defer b.Close()
	var rec Record
	publish(t, w, 1, 1)
	if n, err := r.ReadBatch(b); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.Record(0, &rec)
	if rec.Len != 16 || string(rec.Payload) != string(payload(1)[:8]) {
		t.Fatalf("%+v", rec)
	}
}

// Next sleeps, wakes, gives the longest payload, and tells the end.
func TestNext(t *testing.T) {
	w := create(t, 1<<20)
	r := open(t, w, nil)
	info, err := r.Info()
	if err != nil || info.Name != "go" || info.Rings != 1 || info.DataSize != 1<<20 {
		t.Fatal(info, err)
	}
	long := strings.Repeat("x", int(info.PayloadMax))
	go func() {
		for n := uint64(1); n <= 1000; n++ {
			if n == 500 {
				time.Sleep(20 * time.Millisecond)
			}
			w.Publish(0, 7, payload(n))
		}
		w.Publish(0, 8, []byte(long))
		w.Publish(0, 9, nil)
		w.Close()
	}()
	for n := uint64(1); n <= 1000; n++ {
		rec, err := r.Next(background)
		if err != nil {
			t.Fatal(err)
		}
		check(t, &rec, n)
	}
	if rec, err := r.Next(background); err != nil || string(rec.Payload) != long {
		t.Fatal(len(rec.Payload), err)
	}
	if rec, err := r.Next(background); err != nil || rec.Type != 9 || len(rec.Payload) != 0 {
		t.Fatal(rec, err)
	}
	_, err = r.Next(background)
	wantErr(t, err, io.EOF)
	wantErr(t, r.Wait(background), io.EOF)
	if s, _ := r.Stats(); !s.Dead || s.End != Ended || s.Read != 1002 {
		t.Fatal(s)
	}
}

func TestLoss(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	publish(t, w, 1, 10000)
	ctx, cancel := context.WithCancel(background)
	cancel()
	read, lost := uint64(0), uint64(0)
	for {
		rec, err := r.Next(ctx)
		if err != nil {
			wantErr(t, err, context.Canceled)
			break
		}
		lost += rec.Lost
		read++
		check(t, &rec, read+lost)
	}
	if read == 0 || lost == 0 || read+lost != 10000 {
		t.Fatal(read, lost)
	}
	if s, _ := r.Stats(); s.Read != read || s.Lost != lost {
		t.Fatal(s)
	}
}

// A context ends a sleep, again and again, and nothing is left behind.
func TestContext(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	before := runtime.NumGoroutine()
	for i := 0; i < 50; i++ {
		ctx, cancel := context.WithTimeout(background, time.Duration(i%5)*time.Millisecond)
		_, err := r.Next(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		cancel()
	}
	wantErr(t, r.WaitFor(background, 0), ErrTimeout)
	wantErr(t, r.WaitFor(background, time.Millisecond), ErrTimeout)
	publish(t, w, 1, 1)
	if err := r.WaitFor(background, time.Minute); err != nil {
		t.Fatal(err)
	}
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i > 1000 {
			t.Fatal(runtime.NumGoroutine(), "goroutines, before", before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestWake(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	r.Wake()
	wantErr(t, r.Wait(background), ErrWoken)
	wantErr(t, r.WaitFor(background, time.Millisecond), ErrTimeout)
	go func() {
		time.Sleep(10 * time.Millisecond)
		r.Wake()
	}()
	_, err := r.Next(background)
	wantErr(t, err, ErrWoken)
	r.Close()
	r.Wake()
}

// Another goroutine is told that the reader is in use; it does not disturb it.
func TestBusy(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	b := NewBatch(1, 64)
	defer b.Close()
	var wait sync.WaitGroup
	wait.Add(1)
	got := make(chan error, 1)
	go func() {
		wait.Done()
		got <- r.Wait(background)
	}()
	wait.Wait()
	for {
		// Until the other one sleeps.
		if _, err := r.Stats(); err != nil {
			wantErr(t, err, ErrBusy)
			break
		}
		runtime.Gosched()
	}
	_, err := r.ReadBatch(b)
	wantErr(t, err, ErrBusy)
	_, err = r.Next(background)
	wantErr(t, err, ErrBusy)
	wantErr(t, r.Close(), ErrBusy)
	wantErr(t, r.Seek(Oldest, 0), ErrBusy)
	publish(t, w, 1, 1)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadBatch(b); err != nil {
		t.Fatal(err)
	}
}

func TestClosed(t *testing.T) {
	w := create(t, 1<<16)
	r := open(t, w, nil)
	b := NewBatch(1, 64)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, r.Close(), ErrClosed)
	_, err := r.Next(background)
	wantErr(t, err, ErrClosed)
	_, err = r.ReadBatch(b)
	wantErr(t, err, ErrClosed)
	_, _, err = r.Newest(0)
	wantErr(t, err, ErrClosed)
	_, err = r.Info()
	wantErr(t, err, ErrClosed)
	_, err = r.Fd()
	wantErr(t, err, ErrClosed)
	r = open(t, w, nil)
	b.Close()
	_, err = r.ReadBatch(b)
	wantErr(t, err, ErrClosed)
	wantErr(t, b.Close(), ErrClosed)
	w.Close()
	wantErr(t, w.Close(), ErrClosed)
	wantErr(t, w.Publish(0, 1, nil), ErrClosed)
	wantErr(t, w.Serve(background), ErrClosed)
}

func TestErrors(t *testing.T) {
	_, err := Open("/nonexistent/ring", nil)
	wantErr(t, err, os.ErrNotExist)
	_, err = Open("a b", nil)
	wantErr(t, err, syscall.EINVAL)
	if !strings.Contains(err.Error(), "a b") {
		t.Fatal(err)
	}
	_, err = OpenFd(-1, nil)
	wantErr(t, err, syscall.EBADF)
	_, err = OpenFds(Fds{-1, -1, -1}, nil)
	wantErr(t, err, syscall.EBADF)
	_, err = NewWriter(WriterOptions{DataSize: 3})
	wantErr(t, err, syscall.EINVAL)
	w := create(t, 1<<16)
	r := open(t, w, nil)
	wantErr(t, w.Publish(5, 1, nil), syscall.ENOENT)
	wantErr(t, w.Publish(0, 1, make([]byte, 1<<16)), syscall.EMSGSIZE)
	wantErr(t, w.Serve(background), syscall.EINVAL)
	wantErr(t, r.Seek(Seq, 100), syscall.ERANGE)
	wantErr(t, r.SetFilter("type =="), syscall.EINVAL)
	_, _, err = r.Newest(3)
	wantErr(t, err, syscall.ENOENT)
	if _, ok, err := r.Newest(0); ok || err != nil {
		t.Fatal(ok, err)
	}
	_, err = r.Decode(&Record{})
	wantErr(t, err, ErrNoSchema)
	for _, bad := range [][2]int{{0, 1}, {1, -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("a batch of", bad)
				}
			}()
			NewBatch(bad[0], bad[1])
		}()
	}
	fds, _ := w.Fds()
	bare, err := OpenFd(fds.Ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	wantErr(t, bare.Wait(background), syscall.EOPNOTSUPP)
	_, err = bare.Fd()
	wantErr(t, err, syscall.EOPNOTSUPP)
}

// By name: options, seek, newest, filter, wall time, watermark, and a name that comes later.
func TestName(t *testing.T) {
	t.Setenv("RINGDIR", t.TempDir())
	ctx, cancel := context.WithCancel(background)
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel()
	follower, err := Open("later", &Options{Follow: true, NonBlock: true})
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	_, err = follower.Info()
	wantErr(t, err, syscall.EAGAIN)

	w := create(t, 1<<16)
	publish(t, w, 1, 4)
	if err := w.Listen("later"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, w.Listen("again"), syscall.EALREADY)
	served.Add(1)
	go func() {
		defer served.Done()
		if err := w.Serve(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()

	_, err = follower.Next(background)
	wantErr(t, err, ErrChanged)
	rec, err := follower.Next(background)
	if err != nil {
		t.Fatal(err)
	}
	check(t, &rec, 1)

	r, err := Open("later", &Options{Whence: Seq, Value: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rec, err = r.Next(background)
	if err != nil {
		t.Fatal(err)
	}
	check(t, &rec, 3)
	if err := r.Seek(Seq, 2); err != nil {
		t.Fatal(err)
	}
	rec, _ = r.Next(background)
	check(t, &rec, 2)
	rec, ok, err := r.Newest(0)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	check(t, &rec, 4)
	at, err := r.WallTime(rec.TsNs)
	if off := time.Since(at); err != nil || off < -time.Minute || off > time.Minute {
		t.Fatal(at, err)
	}
	if err := r.SetFilter("seq >= 5"); err != nil {
		t.Fatal(err)
	}
	publish(t, w, 5, 5)
	rec, err = r.Next(background)
	if err != nil {
		t.Fatal(err)
	}
	check(t, &rec, 5)
	if s, _ := r.Stats(); s.Filtered != 2 {
		t.Fatalf("%+v", s)
	}
	if err := r.SetFilter(""); err != nil {
		t.Fatal(err)
	}
	if err := r.SetWakeup(2, 0, 0); err != nil {
		t.Fatal(err)
	}
	publish(t, w, 6, 6)
	wantErr(t, r.WaitFor(background, 0), ErrTimeout)
	publish(t, w, 7, 7)
	if err := r.WaitFor(background, time.Minute); err != nil {
		t.Fatal(err)
	}
	types, err := Open("later", &Options{Types: []uint16{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer types.Close()
	b := NewBatch(16, 4096)
	defer b.Close()
	if n, err := types.ReadBatch(b); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if s, _ := types.Stats(); s.Filtered != 7 {
		t.Fatalf("%+v", s)
	}
	if fd, err := r.Fd(); err != nil || fd < 0 {
		t.Fatal(fd, err)
	}
}

// What nobody closes is freed.
func TestFinalizer(t *testing.T) {
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := count()
	for i := 0; i < 20; i++ {
		w, err := NewWriter(WriterOptions{DataSize: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		fds, _ := w.Fds()
		if _, err = OpenFds(fds, nil); err != nil {
			t.Fatal(err)
		}
		NewBatch(1, 1)
	}
	for i := 0; count() > before; i++ {
		if i > 1000 {
			t.Fatal(count(), "descriptors, before", before)
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
}
