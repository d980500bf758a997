# SPDX-License-Identifier: GPL-2.0-only
#
# The source archive and the Debian packages.

.PHONY: dist deb
dist:
	mk/dist.sh build/dist
	@echo build/dist/seqring-$(VERSION).tar.gz

# The packages come from the source archive, so nothing is built here.
deb: | need
	mk/deb.sh build/deb
