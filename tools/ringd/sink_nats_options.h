/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RINGD_SINK_NATS_OPTIONS_H
#define RINGD_SINK_NATS_OPTIONS_H

#include "config.h"

struct __natsOptions;

/* How to connect, by the configuration. Return: 0; -EINVAL, -EIO: a message was printed. */
int nats_options(const struct config *c, struct __natsOptions **out);

#endif /* RINGD_SINK_NATS_OPTIONS_H */
