/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RINGD_SINK_NATS_LOGIN_H
#define RINGD_SINK_NATS_LOGIN_H

#include "config.h"

struct __natsOptions;

/* How to connect, by the configuration. Return: 0; -errno: a message was printed. */
int sink_nats_login(const struct config *c, struct __natsOptions **out);

#endif /* RINGD_SINK_NATS_LOGIN_H */
