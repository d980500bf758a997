#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
browser.py SITE: looks at the site in headless Chromium: no page is wider than a screen of 360 pixels,
no page reports an error, and the search finds pages and manual pages. Saves pictures beside the site.
"""
import functools
import http.server
import pathlib
import sys
import threading
import urllib.parse

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WIDTH = 360
SEARCHES = {"watermark": "docs/guide/concepts.html", "ring_open": "man/ring_open.3.html",
            "flight": "docs/guide/what-happened-before.html"}


def serve(site):
    """Serves the site on the loopback. Returns its address."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return urllib.parse.urlunsplit(("http", f"127.0.0.1:{server.server_port}", "", "", ""))


def start():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_experimental_option("mobileEmulation", {
        "deviceMetrics": {"width": WIDTH, "height": 740, "pixelRatio": 1.0}})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=webdriver.chrome.service.Service("/usr/bin/chromedriver"),
                            options=options)


def too_wide(driver, base, pages):
    """Yields the pages that a reader would have to move sideways."""
    for page in pages:
        driver.get(f"{base}/{page}")
        width = driver.execute_script("return document.documentElement.scrollWidth")
        if width > WIDTH:
            widest = driver.execute_script(
                "return [...document.querySelectorAll('.rst-content *')].filter(e => "
                "e.getBoundingClientRect().right > arguments[0]).map(e => e.tagName + ' ' + "
                "e.textContent.slice(0, 40)).slice(0, 1)", WIDTH)
            yield f"{page} is {width} pixels wide: {widest}"
        for entry in driver.get_log("browser"):
            if entry["level"] == "SEVERE" and "favicon" not in entry["message"]:
                yield f"{page}: {entry['message']}"


def search(driver, base):
    """Yields the searches that do not find their page."""
    for words, page in SEARCHES.items():
        driver.get(f"{base}/search.html?q={words}")
        try:
            WebDriverWait(driver, 60).until(lambda d: d.find_elements(
                By.CSS_SELECTOR, "#mkdocs-search-results article"))
        except Exception:  # pylint: disable=broad-except
            yield f"{words}: nothing is found"
            continue
        found = [a.get_attribute("href") for a in
                 driver.find_elements(By.CSS_SELECTOR, "#mkdocs-search-results a")]
        if not any(page in link for link in found):
            yield f"{words}: {page} is not among the {len(found)} results"


def report(name, wrong):
    wrong = list(wrong)
    if not wrong:
        print(f"ok site {name}")
        return 0
    print(f"not ok site {name} - {len(wrong)} are wrong")
    print("\n".join("# " + line for line in wrong[:20]))
    return 1


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    pages = [str(p.relative_to(site)) for p in sorted(site.rglob("*.html")) if p.name != "404.html"]
    base = serve(site)
    driver = start()
    try:
        rc = report("width of a phone", too_wide(driver, base, pages))
        rc |= report("search", search(driver, base))
        driver.get(f"{base}/index.html")
        driver.save_screenshot(str(site.with_name("site-phone.png")))
    finally:
        driver.quit()
    return rc


if __name__ == "__main__":
    sys.exit(main())
