#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
links.py SITE: each link of the site leads to a file of it, and to a place in it, and no page loads
anything from elsewhere.
"""
import html.parser
import pathlib
import sys
import urllib.parse

# What a page loads by itself, as opposed to where a reader may go.
LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href"), ("source", "src")}


class Page(html.parser.HTMLParser):
    """The links of a page, and the places in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.places = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if value is None:
                continue
            if name in ("id", "name"):
                self.places.add(value)
            if (tag, name) in LOADS and ("rel", "canonical") not in attrs:
                self.loads.append(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value)


def broken(site):
    """Yields a sentence for each link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in page.loads + page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.loads:
                    yield f"{here} loads {link}"
                continue
            target = path
            if url.path:
                # 404.html is served for any path, so its links begin at the top.
                target = (site / url.path.lstrip("/") if url.path.startswith("/") else
                          path.parent / urllib.parse.unquote(url.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.is_file() or not target.is_relative_to(site):
                yield f"{here}: {link}: there is no such file"
            elif url.fragment and target in pages and \
                    urllib.parse.unquote(url.fragment) not in pages[target].places:
                yield f"{here}: {link}: the page has no such place"


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    found = list(broken(site))
    number = len(list(site.rglob("*.html")))
    if number < 150:
        found.append(f"only {number} pages")
    if found:
        print(f"not ok site links - {len(found)} are wrong")
        print("\n".join("# " + line for line in found[:20]))
        return 1
    print(f"ok site links\n# {number} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
