# SPDX-License-Identifier: GPL-2.0-only
"""What the programs of the report share: a refusal, the exit statuses, and sizes."""

import sys


class Bad(Exception):
    """A file that makes no sense."""


def end(name, function, *arguments):
    """Ends with what the function returns; 2: a file makes no sense; 3: could not run."""
    try:
        sys.exit(function(*arguments) or 0)
    except (Bad, KeyError) as e:
        print(f"{name}: {e}", file=sys.stderr)
        sys.exit(2)
    except OSError as e:
        print(f"{name}: {e}", file=sys.stderr)
        sys.exit(3)


def size(value):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.4g} {unit}"
        value /= 1024
    return None
