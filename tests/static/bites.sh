#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bites.sh: tests the checks of run.sh. Each check must report a file that has a defect on
# purpose, and must report that defect. A list *.known must report an entry that matches
# nothing.

set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/static
mkdir -p build/static
dir=$(mktemp -d build/static/bites.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# bites CHECK PATTERN...: runs CHECK on the code from standard input. Its output must match
# each pattern.
bites() {
	local check=$1 file pattern out
	shift
	file=$dir/$check.c
	cat >"$file"
	out=$(STATIC_SAMPLE=$file $here/run.sh "$check")
	for pattern; do
		if printf '%s\n' "$out" | grep -q "^not ok $check " &&
			printf '%s\n' "$out" | grep -qE -e "$pattern"; then
			echo "ok $check reports $pattern"
			continue
		fi
		echo "not ok $check reports $pattern - it says:"
		printf '%s\n' "$out" | sed 's/^/# /'
		failed=1
	done
}

bites tidy 'clang-analyzer-core\.NullDereference' 'clang-analyzer-unix\.Malloc' <<EOF
#include <stdlib.h>

int null(int *p);
int null(int *p)
{
	return p ? 0 : *p;
}

int freed(void);
int freed(void)
{
	char *p = malloc(3);

	free(p);
	return p[1];
}
EOF
bites tidy-tests 'bugprone-suspicious-memset-usage' <<EOF
#include <string.h>

void f(int *p);
void f(int *p)
{
	memset(p, '0', 8);
}
EOF
bites cppcheck ': memleak: ' <<EOF
#include <stdlib.h>

int f(int n);
int f(int n)
{
	char *p = malloc(3);

	if (n)
		return -1;
	free(p);
	return 0;
}
EOF
bites coccinelle '^# deref_null: ' '^# mini_lock: ' <<EOF
int null(struct page *p)
{
	if (!p)
		return p->flags;
	return 0;
}

int locked(struct mutex *lock, int n)
{
	mutex_lock(lock);
	if (n)
		return -EINVAL;
	mutex_unlock(lock);
	return 0;
}
EOF
bites shared ': f1: plain access to ->head' ': f2: plain access to ->tail' \
	': f3: plain access to ->stamp' ': f4: plain access to ->cursor' \
	': f5: plain access to ->announced' ': f6: memcpy\(\) on shared' \
	': f7: memcpy\(\) on shared' ': f8: memset\(\) on shared' ': f9: a plain access to a word' \
	': f10: a plain access to all of it' ': f11: a plain access to all of it' <<EOF
#include <seqring/reader.h>
#include <seqring/writer.h>

void f1(struct seqring_reader *r)
{
	r->snap = r->ctl->head;
}

void f2(struct seqring_writer *w)
{
	w->ctl->tail = 0;
}

int f3(const struct seqring_record *rec)
{
	return rec->stamp != 0;
}

void f4(struct seqring_reader_page *page, int i)
{
	page->cursor[i].pos = 0;
}

void f5(struct seqring_wait *wait)
{
	wait->announced++;
}

void f6(struct seqring_view *v, void *to)
{
	memcpy(to, v->payload, v->len);
}

void f7(struct seqring_ring_ctl *ctl, void *to)
{
	memcpy(to, &ctl->head, 8);
}

void f8(struct seqring_writer *w)
{
	memset(w->data + 8, 0, 8);
}

void f9(seqring_word *to, int i)
{
	to[i] = 0;
}

void f10(seqring_word *to)
{
	*to = 0;
}

void f11(const struct seqring_ring_ctl *ctl, struct seqring_ring_ctl *to)
{
	*to = *ctl;
}
EOF
bites pairs '^# PUBLIHS$' 'smp_mb\(\)' <<EOF
#include <seqring/reader.h>

int f(struct seqring_record *rec)
{
	smp_mb();
	return seqring_load_acquire(PUBLIHS, &rec->stamp);
}
EOF
bites places '/home/somebody' 'someone@' 'packages\.example' <<EOF
/* Written by someone@example.org. */
/* Fetched from packages.example.net. */
const char *where = "/home/somebody/seqring";
EOF

printf 'an absent pattern  because\n' >"$dir/list"
# shellcheck source=tests/static/lib.sh
if (. $here/lib.sh && echo 'a report' | unknown "$dir/list") |
	grep -q 'no report matches an absent pattern'; then
	echo 'ok a list of known reports reports an entry that matches nothing'
else
	echo 'not ok a list of known reports reports an entry that matches nothing'
	failed=1
fi
exit $failed
