#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dev-bites.sh [-t SECONDS] KERNEL [NAME...]: tests that the fuzzer of the devices finds
# holes. Removes one safeguard at a time from a copy of kmod/ and runs devfuzz on it, which
# must fail. Prints ok or not ok for each, the report that showed the hole, and the time it
# took. Run by hand; only a kernel with KASAN shows some of the holes.

set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=90
while getopts t: opt; do
	case $opt in
	t) seconds=$OPTARG ;;
	*) sed -n '4,/^$/s/^#\( \|$\)//p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
kernel=${1:?usage: dev-bites.sh KERNEL [NAME...]}
shift

# NAME | KERNEL or any | FILE | SED EXPRESSION
bites() {
	cat <<-'EOF2'
		maywrite | any | map.c | s/VM_MAYWRITE | VM_MAYEXEC/VM_MAYEXEC/
		vm_write | any | map.c | s/vma->vm_flags & (VM_WRITE | VM_EXEC)/vma->vm_flags \& VM_EXEC/
		private | any | map.c | 0,/VM_MAYSHARE/s/!(vma->vm_flags & VM_MAYSHARE)/0/
		length | any | map.c | s/pgoff >= total || vma_pages(vma) > total - pgoff/pgoff >= total/
		offset | any | map.c | s/pgoff >= total || vma_pages(vma) > total - pgoff/vma_pages(vma) > total/
		dontexpand | any | map.c | s/VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE/VM_DONTDUMP, VM_MAYWRITE/
		fault_get_page | any | map.c | 0,/get_page(vmf->page);/s/get_page(vmf->page);//
		fault_two_pages | any | map.c | 0,/get_page(vmf->page);/s/get_page(vmf->page);/get_page(vmf->page); get_page(vmf->page);/
		cursors_length | any | map.c | s/vma_pages(vma) > c->area.nr_pages - vma->vm_pgoff/0/
		reader_exec | any | map.c | s/if (vma->vm_flags & VM_EXEC)/if (0)/
		reader_arg | any | file.c | s/return arg ? -EINVAL : seqring_reader_fd(f)/return seqring_reader_fd(f)/
		stats_ring | any | file.c | s/if (st.ring >= f->sdev->nr_rings)/if (st.ring > f->sdev->nr_rings)/
		write_mode | any | file.c | s/if (file->f_mode & FMODE_WRITE \&\& !(sdev->flags & SEQRING_F_WRITE))/if (0)/
		write_type | any | file.c | s/if (arg.type > U16_MAX)/if (0)/
		nr_files | any | file.c | s/atomic_dec(&sdev->nr_files);//
		seek_value | any | read.c | s/} else if (value) {/} else if (0) {/
		read_count | any | read.c | s/if (size > count)/if (0)/
		tail_zero | any | control.c | s/return copy_struct_from_user(arg, size, user, \*user_size);/return copy_from_user(arg, user, size) ? -EFAULT : 0;/
		least_size | any | control.c | s/if (\*user_size < min)/if (0)/
		owner | any | control.c | s/err = sdev->user_owned ? 0 : -EPERM;/err = 0;/
		power_of_2 | any | device.c | s/!is_power_of_2(p->data_size)/0/
		permissions | any | control.c | s/arg.permissions & ~0666 ? -EINVAL : //
		uncharge | any | device.c | 0,/seqring_uncharge(sdev->charged_pages);/s/seqring_uncharge(sdev->charged_pages);//
		open_ref | debug-a | file.c | s/get_device(&sdev->dev);/if (sdev->user_owned) get_device(\&sdev->dev);/
		cursors_ref | debug-a | map.c | s/kref_get(&c->ref);//
		cursors_leak | debug-a | file.c | s/if (f->cursors)/if (0)/
		timer_left | debug-a | file.c | s/hrtimer_cancel(&f->timer);//
	EOF2
}

out=build/fuzz-bites
mkdir -p build/log "$out/tree"
rm -rf "$out/tree/kmod" "$out/tree/include"
cp -a VERSION kmod include "$out/tree/"
vars=$(tests/kernel/vm/kernel.sh "$kernel") || exit 1
eval "$vars"
RINGCTL=$PWD/build/native/ringctl
export RINGCTL
make -s -j2 build/native/ringctl || exit 1

seen=0 missed=0
while IFS='|' read -r name only file how; do
	name=${name// /} only=${only// /} file=$out/tree/kmod/${file// /} how=${how# }
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	[ "$only" = any ] || [ "$only" = "$kernel" ] || continue
	seen=$((seen + 1))
	cp "$file" "$out/good.c"
	sed -i "$how" "$file"
	if cmp -s "$file" "$out/good.c"; then
		echo "not ok bite.$name - the expression changes nothing in $file"
		missed=1
		continue
	fi
	if ! "$out/tree/kmod/build.sh" "$KHEADERS" "$out/$kernel" CONFIG_SEQRING_TEST=m KCFLAGS= \
		>"$out/build.log" 2>&1; then
		tail -n 5 "$out/build.log" | sed 's/^/# /'
		echo "not ok bite.$name - the changed module does not build"
		missed=1
	else
		FUZZ_KMOD=$out/$kernel/kmod FUZZ_SEED=$((RANDOM + 1)) FUZZ_KERNEL=$kernel FUZZ_PARTS=calls \
			FUZZ_QUICK=1 tests/fuzz/dev.sh "$seconds" >"$out/$name.lines" 2>&1
		how=$(grep -aE '^not ok ' "$out/$name.lines" | grep -v fuzz-dev.reach | head -n 1)
		after=$(sed -n 's/^# failed after \(.*\)/, after \1/p' "$out/$name.lines" | head -n 1)
		if [ -n "$how" ]; then
			echo "ok bite.$name"
			echo "# bite.$name: ${how#not ok }$after"
			grep -aE -m 1 '[0-9]\] .*(BUG|WARNING|fault|Oops|KASAN)' "$out/$name.lines"
		else
			echo "not ok bite.$name - devfuzz finds nothing in $seconds s"
			missed=1
		fi
	fi
	cp "$out/good.c" "$file"
done < <(bites)
[ $seen -gt 0 ] || { echo "not ok bites - there is no such name for $kernel"; exit 1; }
exit $missed
