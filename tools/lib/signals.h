/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGINT, SIGTERM and SIGHUP as input of a descriptor, so that none is missed. */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

/*
 * Blocks the signals and opens the descriptor. A signal that is ignored stays ignored. Return: 0
 * or -errno.
 */
int signals_init(void);

/* The same with one more signal. */
int signals_init_with(int more);

/* Readable while a signal is pending. */
int signals_fd(void);

/* Takes a pending signal. Return: its number; 0: none is pending. */
int signals_take(void);

#endif /* LIB_SIGNALS_H */
