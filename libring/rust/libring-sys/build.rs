// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
//! Links with libring and libring-bpf. LIBRING_LIB_DIR names their directory, if it is not one that
//! the linker searches.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBRING_LIB_DIR");
    if let Some(dir) = std::env::var_os("LIBRING_LIB_DIR") {
        println!("cargo:rustc-link-search=native={}", dir.to_string_lossy());
    }
    println!("cargo:rustc-link-lib=dylib=ring-bpf");
    println!("cargo:rustc-link-lib=dylib=ring");
}
