/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of system calls and of their errors. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Architecture by which libseccomp knows the native table of system calls, or the 32-bit
 * one. Return: 0: this machine has no such table.
 */
uint32_t trace_table_arch(bool compat);

/* Name of a system call. Return: NULL: it has none. */
const char *trace_call_name(int32_t nr, bool compat);

/*
 * True if the call has no result: what is in its place is a register of the code that a signal
 * interrupted, and that the call returns to. @name: of the call; may be NULL.
 */
bool trace_call_is_sigreturn(const char *name);

/* "ENOENT", or "ERESTARTSYS" of the kernel itself. Return: NULL: @result is not an error. */
const char *trace_errno_name(int64_t result);

#endif /* TRACE_NAMES_H */
