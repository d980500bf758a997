/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The parts of libring that libring-bpf uses. The functions are in LIBRING_PRIVATE of
 * libring.map: only a libring-bpf of the same version may use them.
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
#include "base/fork.h"
#include "base/membarrier.h"
#include "base/names.h"
#include "base/options.h"
#include "base/owner.h"
#include "base/timens.h"
#include "libring.h"

#endif /* LIBRING_SHARED_H */
