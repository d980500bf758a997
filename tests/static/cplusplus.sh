#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each installed header compiles on its own, and all of them together, as C++ with -pedantic and
# without a warning, by gcc and clang and for each standard since C++11. The functions in the
# headers are called, so that they are compiled, too. Headers for BPF programs are not C++.

set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

headers() {
	make -s print-HEADERS | tr ' ' '\n' | grep '\.h$' |
		grep -vxE 'include/seqring/(bpf|barrier_bpf)\.h' | sed 's|^include/||'
}

# one COMPILER STANDARD NAME SOURCE
one() {
	"$1" "-std=c++$2" -pedantic -Wall -Wextra -Wno-unused-function -Werror -Iinclude -O1 -c \
		-o "$tmp/out.o" "$4" >"$tmp/out" 2>&1 && return
	echo "not ok c++ - $1, C++$2: $3"
	sed 's/^/# /' "$tmp/out" | head -n 10
	return 1
}

mapfile -t list < <(headers)
[ ${#list[@]} -gt 15 ] || { echo "not ok c++ - only ${#list[@]} headers"; exit 1; }
for h in "${list[@]}"; do
	printf '#include <%s>\nint main() { return 0; }\n' "$h" >"$tmp/${h//\//-}.cc"
done
{
	printf '#include <%s>\n' "${list[@]}"
	cat <<-'END'
		int main()
		{
			static unsigned char data[SEQRING_DATA_SIZE_MIN];
			static seqring_ring_ctl ctl;
			seqring_writer w;
			seqring_reader r;
			seqring_view v;
			struct ring_info info = {};
			struct ring_open_opts opts = {};

			info.size = sizeof(info);
			opts.size = sizeof(opts);
			seqring_writer_init(&w, &ctl, data, sizeof(data));
			seqring_reader_init(&r, &ctl, data, sizeof(data));
			seqring_writer_publish(&w, 1, 0, "x", 1);
			return seqring_reader_peek(&r, &v);
		}
	END
} >"$tmp/all.cc"

rc=0
for cxx in g++ clang++; do
	for std in 11 14 17 20; do
		one "$cxx" "$std" 'all headers' "$tmp/all.cc" || rc=1
	done
	for h in "${list[@]}"; do
		one "$cxx" 11 "$h" "$tmp/${h//\//-}.cc" || rc=1
	done
	[ $rc = 1 ] || echo "ok c++ - $cxx, ${#list[@]} headers"
done
exit $rc
