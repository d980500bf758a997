#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Go package, with the libraries of this tree: its form, its tests, with the race detector and
# with Go's check of pointers that C gets, and its rate. The tests decode every kind of field and
# compare with ringctl. Needs build/native.

set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
dir=build/bindings/go
rm -rf "$dir"
mkdir -p "$dir"
rc=0

if ! clang -target bpf -g -Iinclude -idirafter "/usr/include/$(uname -m)-linux-gnu" \
	-c tests/fuzz/user_seed.schema.c -o "$dir/kinds.o" >"$dir/log" 2>&1 ||
	! build/native/ringctl schema "$dir/kinds.o" -o "$dir/kinds.schema" >>"$dir/log" 2>&1; then
	echo "not ok go - no schema: $(head -n 1 "$dir/log")"
	exit 1
fi
# Nothing is fetched, and nothing is written outside build.
export GOFLAGS=-mod=readonly GOPROXY=off GOCACHE=$root/build/go-cache GOENV=off GO111MODULE=on
export CGO_CFLAGS="-O2 -g -Werror -I$root/include" CGO_LDFLAGS=-L$root/build/native
export LD_LIBRARY_PATH=$root/build/native
export RING_TEST_SCHEMA=$root/$dir/kinds.schema RING_TEST_RINGCTL=$root/build/native/ringctl
cd libring/go || exit 1

unformatted=$(gofmt -l . 2>&1)
if [ -z "$unformatted" ]; then echo 'ok go gofmt'; else echo "not ok go gofmt - $unformatted"; rc=1; fi
if go vet ./... >"$root/$dir/log" 2>&1; then
	echo 'ok go vet'
else
	echo "not ok go vet - $(head -n 3 "$root/$dir/log" | tr '\n' ' ')"
	rc=1
fi

# tests NAME FLAG...: each test is a line. A test that was skipped has not shown anything.
tests() {
	local name=$1 log=$root/$dir/$1.log code
	shift
	timeout 600 go test -count=1 -v "$@" . >"$log" 2>&1
	code=$?
	sed -n "s/^--- PASS: \([A-Za-z]*\).*/ok go $name \1/p
		s/^--- SKIP: \([A-Za-z]*\).*/not ok go $name \1 - it was skipped/p
		s/^--- FAIL: \([A-Za-z]*\).*/not ok go $name \1/p
		s/^ *\(rate_test.go.* ns a record\)/# \1/p" "$log"
	[ "$code" = 0 ] && grep -q '^--- PASS' "$log" && ! grep -q '^--- SKIP' "$log" && return
	grep -q '^--- \(FAIL\|SKIP\)' "$log" || echo "not ok go $name - go test ended with $code"
	grep -v '^\(===\|--- PASS\)' "$log" | tail -n 15 | sed 's/^/# /'
	return 1
}

tests plain -tags rate || rc=1
tests race -race || rc=1
GOEXPERIMENT='' GODEBUG=cgocheck=2 tests cgocheck || rc=1
exit $rc
