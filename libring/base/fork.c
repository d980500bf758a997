// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/*
 * Handles that a child of fork() inherits. What the kernel drops when a process dies tells others
 * that it is gone: a listening socket, a connection, a lock. A child that goes on holding these
 * would speak for its dead parent. So it closes them at once, whatever the program does.
 *
 * A child of vfork(), posix_spawn() or clone() does not come here. It has the descriptors until it
 * executes a program, which closes them.
 */

#include <errno.h>
#include <pthread.h>

#include "error.h"
#include "fork.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct libring_own *all;
static int registered;

static void lock_all(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
	struct libring_own *own;

	for (own = all; own; own = own->next) {
		own->inherited = true;
		own->drop(own);
	}
	pthread_mutex_unlock(&lock);
}

static void register_once(void)
{
	registered = pthread_atfork(lock_all, in_parent, in_child);
}

/**
 * libring_own_add() - note a handle of this process
 * @own: the handle's part; stays where it is until libring_own_del()
 * @drop: as in struct libring_own
 *
 * Return: 0; -ENOMEM.
 */
int libring_own_add(struct libring_own *own, void (*drop)(struct libring_own *own))
{
	pthread_once(&once, register_once);
	if (registered)
		return libring_set_error(registered, "no memory to notice a fork()");
	*own = (struct libring_own) { .drop = drop };
	pthread_mutex_lock(&lock);
	own->next = all;
	if (all)
		all->prev = own;
	all = own;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* Forgets a handle. One that was never noted is left alone. */
void libring_own_del(struct libring_own *own)
{
	if (!own->drop)
		return;
	pthread_mutex_lock(&lock);
	if (own->prev)
		own->prev->next = own->next;
	else
		all = own->next;
	if (own->next)
		own->next->prev = own->prev;
	pthread_mutex_unlock(&lock);
	own->drop = NULL;
}

/* Return: 0; -EPERM this process has inherited the handle, and has not called @adopt for it. */
int libring_own_check(const struct libring_own *own, const char *adopt)
{
	if (!own->inherited)
		return 0;
	libring_set_error(EPERM, "this process inherited it by fork(): %s() comes first", adopt);
	return -EPERM;
}
