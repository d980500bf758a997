#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [PART...]: builds the Debian packages and checks them. The parts are
#
#   build         `make deb`, and a source archive that builds without git
#   lint          lintian, hardening (blhc, and what is in the programs), symbols, file list
#   examples      the packages unpacked into a directory, and README's examples built with them
#   reproducible  a second build with another path, time zone, language and umask
#   dkms          DKMS builds the modules for both kernels, README's driver is built with them, and a
#                 VM loads both
#   chroot        piuparts and autopkgtest, in a Debian of their own
#
# Default: build lint examples. Prints lines `ok NAME`, `not ok NAME - REASON`, `skip NAME - REASON`.

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/installed.sh
. tests/lib/installed.sh
version=$(cat VERSION)
debs=$PWD/build/deb
root=$PWD/build/deb-root
log=build/log
failed=0
mkdir -p "$log"

# check NAME COMMAND...: reports what the command printed if it fails.
check() {
	local name=$1 out=build/deb-check.out status=0
	shift
	"$@" >"$out" 2>&1 </dev/null || status=$?
	if [ "$status" = 0 ]; then
		echo "ok deb: $name"
	else
		tail -n 40 "$out" | sed 's/^/# /'
		echo "not ok deb: $name - exit status $status"
		failed=1
		return 1
	fi
}

# The tree as somebody gets it who has no git: nothing is missing in the archive, and it is the same
# each time.
archive() {
	local dir=build/dist-check
	rm -rf "$dir"
	mk/dist.sh "$dir/a" && (umask 077 && TZ=Asia/Tokyo mk/dist.sh "$dir/b") || return 1
	cmp "$dir/a/seqring-$version.tar.gz" "$dir/b/seqring-$version.tar.gz" || return 1
	tar -C "$dir" -xzf "$dir/a/seqring-$version.tar.gz"
	# An archive of the archive is the archive.
	(unset GIT_DIR && cd "$dir/seqring-$version" && mk/dist.sh ../c) || return 1
	cmp "$dir/a/seqring-$version.tar.gz" "$dir/c/seqring-$version.tar.gz" || return 1
	! tar -tzf "$dir/a/seqring-$version.tar.gz" | grep -E '(^|/)(\.git|build|__pycache__)/'
}

versions() {
	local deb got
	for deb in "$debs"/*.deb; do
		got=$(dpkg-deb -f "$deb" Version)
		[ "$got" = "$version" ] || { echo "$deb has version $got"; return 1; }
	done
	# A changelog with another version stops the build.
	sed -n "s/^seqring (\(.*\)) .*/\1/p" debian/changelog | head -n 1 | grep -qxF "$version"
}

wrong_version() {
	local dir=build/deb-wrong
	rm -rf "$dir"
	mkdir "$dir"
	cp -r debian VERSION "$dir"
	sed -i '1s/(.*)/(99.1)/' "$dir/debian/changelog"
	! make -s -C "$dir" -f debian/rules override_dh_auto_configure 2>"$dir/err" &&
		grep -qx "debian/changelog has 99.1, VERSION has $version" "$dir/err"
}

build() {
	[ ! -e .git ] || git status --porcelain >build/deb-status
	check 'the source archive is complete and always the same' archive
	check 'make deb' make -s deb || exit 1
	check 'the packages have the version of VERSION' versions
	check 'another version in debian/changelog is refused' wrong_version
	check 'the tree stays clean' clean
}

clean() { [ ! -e .git ] || git status --porcelain | diff build/deb-status -; }

lint_lintian() {
	(cd "$debs" && lintian --allow-root --profile debian --fail-on error,warning ./*.changes)
}

# The functions that a package promises are those of the map, each in a version node that the
# symbols file lists.
lint_symbols() {
	local library map package
	while read -r library map package; do
		rm -rf build/deb-symbols
		dpkg-deb -e "$debs/${package}_${version}"_*.deb build/deb-symbols
		sed -n "s/^\t\(ring_[a-z_]*\);/ \1/p" "$map" | sort >build/deb-symbols/want
		sed -n "s/^ \(ring_[a-z_]*\)@.* 0.*/ \1/p" build/deb-symbols/symbols | sort >build/deb-symbols/got
		[ -s build/deb-symbols/got ] && diff build/deb-symbols/want build/deb-symbols/got || return 1
		# A new node needs a line: without it dpkg-gensymbols would give it the package's version.
		sed -n 's/^\(LIBRING[A-Z0-9_.]*\) {.*/\1/p' "$map" | while read -r node; do
			grep -q "^ (symver)$node " "debian/$package.symbols" ||
				{ echo "debian/$package.symbols has no line for $node"; exit 1; }
		done || return 1
		grep -q "^$library " build/deb-symbols/symbols || return 1
	done <<-END
		libring.so.0 libring/libring.map libring0
		libring-bpf.so.0 libring/bpf/libring-bpf.map libring-bpf0
	END
}

# What lintian only hints at: position independent, read-only relocations, immediate binding, no
# stack that may be executed; each program and library.
lint_hardened() {
	local file lib
	lib=$(installed_libraries "$root")
	for file in "$root/usr/bin/ringctl" "$root/usr/sbin/ringd" "$lib/libring.so.0" "$lib/libring-bpf.so.0" \
		"$root"/usr/lib/python3/dist-packages/ring/_ring.*.so; do
		readelf -h "$file" | grep -q 'Type: *DYN' || { echo "$file: not PIE"; return 1; }
		readelf -lW "$file" | grep -q GNU_RELRO || { echo "$file: no RELRO"; return 1; }
		readelf -dW "$file" | grep -qE 'BIND_NOW|FLAGS.*NOW' || { echo "$file: lazy"; return 1; }
		! readelf -lW "$file" | grep 'GNU_STACK.*E' || { echo "$file: stack"; return 1; }
		readelf -sW --dyn-syms "$file" | grep -q '__stack_chk_fail' ||
			{ echo "$file: no stack protector"; return 1; }
	done
	# No path of the machine that built it.
	! grep -lr "$debs" "$root/usr/bin" "$root/usr/sbin" "$lib" "$root/usr/src"
}

# Each file is in one package; nothing is where Debian's tools do not look.
lint_files() {
	local deb
	for deb in "$debs"/*.deb; do
		case $deb in *dbgsym*) continue ;; esac
		dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' | sed "s|^|${deb##*/} |"
	done >build/deb-files
	[ -z "$(awk '{ print $2 }' build/deb-files | sort | uniq -d)" ] || return 1
	local want
	for want in "libring0_.* ./usr/lib/$(uname -m)-linux-gnu/libring.so.0$" \
		"libring-dev_.* ./usr/lib/$(uname -m)-linux-gnu/pkgconfig/libring-bpf.pc$" \
		'libring-dev_.* ./usr/include/libring.h$' 'libring-dev_.*/man3/ring_open.3.gz$' \
		'golang-seqring-ring-dev_.*/gocode/src/seqring/ring/glue.h$' \
		'ringctl_.*/bash-completion/completions/ringctl$' 'ringctl_.*/man8/ringctl.8.gz$' \
		'python3-ring_.* ./usr/lib/python3/dist-packages/ring/__init__.py$' \
		'python3-ring_.*/ring/_ring.cpython-.*.so$' 'python3-ring_.*/ring/py.typed$' \
		'ringd_.*/sbin/ringd$' 'ringd_.*/systemd/system/ringd.service$' 'ringd_.*/man5/ringd.conf.5.gz$' \
		'seqring-dkms_.*/udev/rules.d/60-seqring.rules$' 'seqring-dkms_.*/sysusers.d/seqring.conf$' \
		'seqring-dkms_.*/examples/modprobe.d/seqring.conf$' \
		'seqring-dkms_.*/examples/modules-load.d/seqring.conf$' \
		"seqring-dkms_.* ./usr/src/seqring-$version/dkms.conf$" \
		"seqring-dkms_.* ./usr/src/seqring-$version/kmod/producers/sched_schema.h$" \
		"seqring-dkms_.* ./usr/src/seqring-$version/include/linux/seqring.h$" \
		'seqring-doc_.*/man7/seqring.7.gz$' 'seqring-doc_.*/guide/secure-boot.md'; do
		grep -q "^$want" build/deb-files || { echo "no file $want"; return 1; }
	done
	! grep '#MODULE_VERSION#' "$root/usr/src/seqring-$version/dkms.conf"
}

# Without libbpf: a program that only reads.
lint_depends() {
	local depends
	depends=$(dpkg-deb -f "$debs/libring0_$version"_*.deb Depends)
	echo "libring0 depends on $depends"
	! grep -q libbpf <<<"$depends" || return 1
	dpkg-deb -f "$debs/libring-bpf0_$version"_*.deb Depends | grep -q libbpf1
}

unpack() {
	local deb
	rm -rf "$root"
	for deb in "$debs"/*.deb; do
		case $deb in *dbgsym*) continue ;; esac
		dpkg-deb -x "$deb" "$root" || return 1
	done
}

lint() {
	check 'the packages unpack' unpack || exit 1
	check 'lintian' lint_lintian
	check 'blhc' blhc --bindnow "$debs/build.log"
	check 'hardening of programs and libraries' lint_hardened
	check 'symbols' lint_symbols
	check 'files' lint_files
	check 'dependencies' lint_depends
}

# BPF is for the suite install, which runs it.
examples() {
	[ -d "$root" ] || check 'the packages unpack' unpack || exit 1
	check 'README with the packages alone' tests/examples.sh "$root" readme cxx gopackage schema python
	check 'rules and group' rules
	check 'the Python module' python_module
}

python_module() {
	LD_LIBRARY_PATH=$(installed_libraries "$root") \
		PYTHONPATH="$root/usr/lib/python3/dist-packages" debian/tests/python
}

# As far as a machine without udev can tell.
rules() {
	local file
	file=$(find "$root" -path '*/udev/rules.d/60-seqring.rules')
	grep -q '^KERNEL=="seqring-control", .*GROUP="seqring"' "$file" || return 1
	grep -qx 'g seqring - -' "$root/usr/lib/sysusers.d/seqring.conf" || return 1
	! command -v udevadm >/dev/null || ! udevadm help 2>/dev/null | grep -q verify ||
		udevadm verify "$file"
}

reproducible() {
	check 'a second build gives the same packages' second_build
}

second_build() {
	local tree=$PWD/build/deb-again/a/longer/path deb
	rm -rf build/deb-again
	mkdir -p "$tree"
	tar -C "$tree" -xzf "$debs/seqring-$version.tar.gz" || return 1
	(umask 027 && TZ=Pacific/Auckland LANG=C.UTF-8 DEB_BUILD_OPTIONS=parallel=1 \
		"$tree/seqring-$version/mk/deb.sh" "$tree/out") || return 1
	for deb in "$debs"/*.deb; do
		cmp "$deb" "$tree/out/${deb##*/}" || return 1
	done
}

# In a mount namespace of its own, in which DKMS finds what is installed and may write.
dkms() {
	local series
	[ "$(id -u)" = 0 ] || { echo 'skip deb: DKMS - needs root, for namespaces'; return; }
	[ -d "$root" ] || check 'the packages unpack' unpack || exit 1
	for series in 6.1 6.12; do
		check "DKMS builds for Linux $series" unshare -m tests/deb/dkms.sh "$series" "$root" \
			"$PWD/build/deb-dkms-$series" || continue
		check "a VM of Linux $series loads the modules and README's driver" in_vm "$series"
	done
	check 'DKMS skips a kernel that is not supported' unshare -m tests/deb/dkms.sh --refuse "$root" \
		"$PWD/build/deb-dkms-none"
}

in_vm() {
	local dir=build/deb-dkms-$1
	# shellcheck disable=SC2016 # for the VM
	tests/kernel/vm/vm.sh -q -k "$1" -t 300 -o "$log/deb-vm-$1.console" \
		-f "$dir/seqring.ko" -f "$dir/seqring_sched.ko" -f "$dir/sampler.ko" \
		-f "$root/usr/bin/ringctl" -- '
		set -e
		insmod seqring.ko; insmod seqring_sched.ko; insmod sampler.ko
		test "$(cat /sys/module/seqring/version)" = '"$version"'
		ringctl doctor module
		ringctl cat sampler --no-follow --quiet --json | grep "\"hex\":\"2a000000\""
		ringctl cat sched --count 5 --json --quiet | grep "\"name\":\"seqring_sched_"
		rmmod sampler; rmmod seqring_sched; rmmod seqring'
}

chroot() {
	[ "$(id -u)" = 0 ] || { echo 'skip deb: chroot - needs root'; return; }
	tests/deb/chroot.sh "$debs" || failed=1
}

[ $# -gt 0 ] || set -- build lint examples
for part; do
	case $part in
	build | lint | examples | reproducible | dkms | chroot) "$part" ;;
	*) echo "usage: $0 [build|lint|examples|reproducible|dkms|chroot]..." >&2; exit 2 ;;
	esac
done
exit $failed
