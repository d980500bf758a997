/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/* A member whose length the struct does not know, without a warning of C++ compilers. */
#ifndef SEQRING_FLEXIBLE_H
#define SEQRING_FLEXIBLE_H

/* ISO C++ has no flexible array members, but every compiler that takes -pedantic does. */
#if defined(__cplusplus) && defined(__clang__)
#define SEQRING_FLEXIBLE(type, name) \
	_Pragma("clang diagnostic push") \
	_Pragma("clang diagnostic ignored \"-Wc99-extensions\"") \
	type name[] \
	_Pragma("clang diagnostic pop")
#else
#define SEQRING_FLEXIBLE(type, name)	__extension__ type name[]
#endif

#endif /* SEQRING_FLEXIBLE_H */
