// SPDX-License-Identifier: GPL-2.0-only

package ring_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"seqring/ring"
)

// A process that publishes, and a reader of its ring.
func Example() {
	w, err := ring.NewWriter(ring.WriterOptions{Name: "example", DataSize: 1 << 16})
	if err != nil {
		log.Fatal(err)
	}
	fds, err := w.Fds()
	if err != nil {
		log.Fatal(err)
	}
	r, err := ring.OpenFds(fds, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for _, word := range []string{"one", "two"} {
		if err := w.Publish(0, 1, []byte(word)); err != nil {
			log.Fatal(err)
		}
	}
	w.Close()
	for {
		rec, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d: %s, %d lost before it\n", rec.Seq, rec.Payload, rec.Lost)
	}
	// Output:
	// 1: one, 0 lost before it
	// 2: two, 0 lost before it
}
