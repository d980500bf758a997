#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# user-bites.sh [NAME...]: tests that user.sh finds missing checks. Removes one check at a
# time from a copy of the code and fuzzes the copy until the fuzzer fails, for at most
# $BITE_SECONDS (300).

set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD
tree=$here/build/fuzz/bites

# bites: prints NAME|TARGET|FILE|OLD|NEW for each check. OLD occurs once in FILE; NEW replaces it.
bites() {
	cat <<-'EOT'
	len.clamp|reader|include/seqring/reader.h|if (seqring_unlikely(meta.len > r->payload_max \|\| seqring_record_size(meta.len) > room))|if (0)
	len.twice|reader|include/seqring/reader.h|	v->lost = r->lost;\n	v->payload = rec + 1;\n	v->len = meta.len;|	v->lost = r->lost;\n	v->payload = rec + 1;\n	v->len = rec->meta.len;
	tail.recheck|reader|include/seqring/reader.h|seqring_likely(seqring_reader_intact(r, v->pos)) ? SEQRING_OK : SEQRING_OVERRUN|(void)r, (void)v, SEQRING_OK
	tail.newest|reader|include/seqring/reader.h|	v->payload = buf;\n	return seqring_reader_recheck(r, v);|	v->payload = buf;\n	return SEQRING_OK;
	tail.mismatch|reader|include/seqring/reader.h|if (!seqring_reader_intact(r, r->pos))\n		return SEQRING_OVERRUN;\n	if (!stamp)|if (!stamp)
	pad.endless|reader|include/seqring/reader.h|if (room > r->mask \|\| !seqring_reader_intact|if (!seqring_reader_intact
	pos.aligned|reader|include/seqring/reader.h|if ((pos & 7) \|\| seqring_normalize(pos, r->mask) != pos)|if (0)
	newest.len|reader|include/seqring/reader.h|meta.flags & SEQRING_REC_PAD \|\|\n						  seqring_record_size(meta.len) > room))|meta.flags & SEQRING_REC_PAD))
	newest.pos|reader|include/seqring/reader.h|if (seqring_unlikely((pos & 7) \|\| room < (only_short ? SEQRING_SHORT_ROOM : sizeof(*rec))))|if (0)
	resync.back|reader|include/seqring/reader.h|if (best <= r->pos)|if (0)
	file.size|libring|libring/reader/mapping.c|h->total_size % page \|\| h->total_size > file_size|h->total_size % page
	rings.end|libring|libring/reader/mapping.c|\|\| *end > h->total_size,|,
	schema.end|libring|libring/reader/mapping.c|			  end > h->total_size \|\|\n|
	seals|libring|libring/backend/memfd.c|if ((seals & needed) != needed)|if (0)
	seals.write|libring|libring/backend/memfd.c|if (!(fcntl(fd, F_GET_SEALS) & (F_SEAL_FUTURE_WRITE \| F_SEAL_WRITE)))|if (0)
	words.size|libring|libring/backend/memfd.c|\|\| (uint64_t)st.st_size < size|\|\| 0
	header.again|libring|libring/reader/mapping.c|m->map + m->hdr.ring_offset + ring|m->map + ((const struct seqring_header *)(const void *)m->map)->ring_offset + ring
	header.limit|libring|libring/reader/mapping.c|	seqring_reader_limit(rd, m->hdr.payload_max);\n|
	flags|records|tools/ringctl/trace/records.h|define TRACE_FLAG __u8|define TRACE_FLAG _Bool
	sched.len|records|tools/demo/schedwatch.c|have < min_len(rec->type) ? 0 : rec->type|rec->type
	output.text|schema|tools/lib/decode_text.c|t->truncated = t->o->len > t->end;|t->truncated = false;
	output.json|schema|tools/lib/decode_json.c|j->truncated = o->len > j->end;|j->truncated = false;
	json.comma|schema|tools/lib/decode_json.c|j->comma = !is_container(f);|j->comma = false;
	json.escape|schema|tools/lib/json_text.c|['"'] = '"',|['"'] = 0,
	fleet.len|fleet|tools/fleet/message.c|if (h.meta.len > m->body_size \|\|\n		    seqring_record_size(h.meta.len) > m->body_size - at)|if (0)
	overruns.bound|libring|libring/reader/source.c|if (++s->overruns < LIBRING_OVERRUNS)|if (1)
	EOT
}

copy() {
	rm -rf "$tree"
	mkdir -p "$tree/build" "$tree/tests" "$tree/kmod/producers"
	cp -r include libring tools "$tree/"
	cp -r tests/fuzz "$tree/tests/"
	cp kmod/producers/sched.schema.c "$tree/kmod/producers/"
	ln -s "$here/build/native" "$tree/build/native"
}

edit() {
	python3 - "$tree/$1" "$2" "$3" <<-'EOT'
	import sys
	path, old, new = sys.argv[1:]
	old, new = (s.replace("\\n", "\n").replace("\\|", "|") for s in (old, new))
	with open(path, encoding="utf-8") as f:
	    text = f.read()
	if text.count(old) != 1:
	    sys.exit(f"{path}: {text.count(old)} times: {old}")
	with open(path, "w", encoding="utf-8") as f:
	    f.write(text.replace(old, new))
	EOT
}

# bite NAME TARGET FILE OLD NEW: fuzzes the target with that change.
bite() {
	local name=$1 target=$2 start=$SECONDS
	cp "$here/$3" "$tree/$3"
	if ! edit "$3" "$4" "$5"; then
		echo "not ok bite $name - the change cannot be made"
		return 1
	fi
	(cd "$tree" && FUZZ_NO_MAKE=1 FUZZ_CFLAGS=-Wno-error FUZZ_SECONDS=${BITE_SECONDS:-300} \
		timeout $((${BITE_SECONDS:-300} + 120)) tests/fuzz/user.sh "$target") >"$tree/log" 2>&1
	cp "$here/$3" "$tree/$3"
	if grep -q "^not ok fuzz $target - it does not build" "$tree/log"; then
		echo "not ok bite $name - the changed code does not build"
	elif grep -q "^not ok fuzz $target" "$tree/log"; then
		echo "ok bite $name"
		echo "# $name: $((SECONDS - start)) s, $(sed -n 's/^not ok fuzz [a-z]* - //p' "$tree/log")"
		return 0
	else
		echo "not ok bite $name - the target $target finds nothing"
	fi
	return 1
}

FUZZ_ZSTD_LIBS=$(make -s print-ZSTD_LIBS)
export FUZZ_ZSTD_LIBS
copy
rc=0
while IFS= read -r line; do
	# A field contains | as \|.
	line=${line//\\|/$'\001'}
	IFS='|' read -r name target file old new <<<"$line"
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	bite "$name" "$target" "$file" "${old//$'\001'/|}" "${new//$'\001'/|}" || rc=1
done < <(bites)
exit $rc
