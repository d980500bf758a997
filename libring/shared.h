/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * What libring-bpf uses of libring. The functions among it are in LIBRING_PRIVATE of
 * libring.map: for a libring-bpf of the same version, and nobody else.
 */
#ifndef LIBRING_SHARED_H
#define LIBRING_SHARED_H

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <seqring/abi.h>
#include <seqring/reader.h>
#include <seqring/writer.h>

#include "base/error.h"
#include "base/membarrier.h"
#include "base/names.h"
#include "base/options.h"
#include "base/owner.h"
#include "libring.h"

#endif /* LIBRING_SHARED_H */
