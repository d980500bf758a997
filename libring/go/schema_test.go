// SPDX-License-Identifier: GPL-2.0-only

package ring

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// same tells whether a decoded value is what ringctl cat --json prints.
func same(v, j any) bool {
	switch v := v.(type) {
	case map[string]any:
		m, ok := j.(map[string]any)
		if !ok || len(m) != len(v) {
			return false
		}
		for name := range v {
			if !same(v[name], m[name]) {
				return false
			}
		}
		return true
	case []any:
		a, ok := j.([]any)
		if !ok || len(a) != len(v) {
			return false
		}
		for i := range v {
			if !same(v[i], a[i]) {
				return false
			}
		}
		return true
	case int64, uint64, *big.Int:
		switch j := j.(type) {
		case json.Number:
			return fmt.Sprint(v) == j.String()
		case string:
			// A hexadecimal number.
			u, ok := v.(uint64)
			return ok && j == fmt.Sprintf("0x%x", u)
		}
		return false
	case float64:
		switch j := j.(type) {
		case json.Number:
			f, err := strconv.ParseFloat(j.String(), 64)
			// A float of 32 bits has the digits of that.
			return err == nil && (f == v || float32(f) == float32(v))
		case string:
			return j == strings.TrimPrefix(strings.ToLower(fmt.Sprint(v)), "+") ||
				math.IsInf(v, 0) && strings.HasSuffix(j, "inf")
		}
		return false
	case Bytes:
		if m, ok := j.(map[string]any); ok {
			j = m["hex"]
		}
		return j == hex.EncodeToString(v)
	case netip.Addr:
		// inet_ntop() may print an address of 16 bytes in a mixed form.
		s, _ := j.(string)
		a, err := netip.ParseAddr(s)
		return err == nil && a == v
	case string, bool:
		return v == j
	}
	return false
}

// Random records of every kind of field are what ringctl prints.
func TestDecode(t *testing.T) {
	file, ringctl := os.Getenv("RING_TEST_SCHEMA"), os.Getenv("RING_TEST_RINGCTL")
	if file == "" || ringctl == "" {
		t.Skip("RING_TEST_SCHEMA and RING_TEST_RINGCTL are not set")
	}
	schema, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("RINGDIR", t.TempDir())
	w, err := NewWriter(WriterOptions{Name: "kinds", DataSize: 1 << 20, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Listen("kinds"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel()
	served.Add(1)
	go func() {
		defer served.Done()
		w.Serve(ctx)
	}()

	random := rand.New(rand.NewSource(1))
	const records = 2000
	for i := 0; i < records; i++ {
		p := make([]byte, 40+random.Intn(160))
		random.Read(p)
		if i%2 == 0 {
			// Text, small numbers and zeros.
			for k := range p {
				p[k] = "\x00\x01\x02\xfdabc\x00"[p[k]%8]
			}
		}
		if err := w.Publish(0, uint16(1+i%5), p); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(ringctl, "cat", "kinds", "--json", "--no-follow", "--quiet")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open("kinds", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := json.NewDecoder(bytes.NewReader(out))
	lines.UseNumber()
	kinds := map[string]int{}
	for i := 0; i < records; i++ {
		var want struct {
			Name   string
			Fields any
			Extra  *string
			Error  string
		}
		if err := lines.Decode(&want); err != nil {
			t.Fatal(err)
		}
		rec, err := r.Next(background)
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Decode(&rec)
		if want.Error != "" {
			if err == nil {
				t.Fatalf("record %d: ringctl says %s", rec.Seq, want.Error)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds[d.Name]++
		if d.Name != want.Name || !same(d.Fields, want.Fields) {
			t.Fatalf("record %d: %s %v, ringctl has %s %v", rec.Seq, d.Name, d.Fields, want.Name, want.Fields)
		}
		if (d.Extra == nil) != (want.Extra == nil) || want.Extra != nil && hex.EncodeToString(d.Extra) != *want.Extra {
			t.Fatalf("record %d: %v behind the fields, ringctl has %v", rec.Seq, d.Extra, want.Extra)
		}
	}
	if len(kinds) != 5 {
		t.Fatal(kinds)
	}
	// A record that its type does not fit.
	if _, err := r.Decode(&Record{Type: 1, Payload: []byte{1}}); err == nil {
		t.Fatal("a payload that is too short")
	}
	if _, err := r.Decode(&Record{Type: 99}); err == nil {
		t.Fatal("an unknown type")
	}
	if err := r.SetFilter("a == 1 || type == texts"); err != nil {
		t.Fatal(err)
	}
}
