#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
build.py MANDIR OUT: makes the documentation's site in OUT by mkdocs: README.md, the pages below docs/,
and the manual pages, those of MANDIR included, with a search over all of them. The site is static:
it asks no other server for anything.

The pages are copied, at their paths in the tree, so that links between them hold as they are. What a
link names that is no page, a source for example, becomes text.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Pages outside docs/.
OTHERS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md"]
MANUALS = ["docs/man/*.[1-8]", "tools/ringctl/ringctl.8", "tools/ringd/ringd.8", "tools/ringd/ringd.conf.5"]
SECTIONS = [("Guides", "docs/guide"), ("Reference", "docs/reference"), ("Evidence", "docs/evidence")]
# The tests know a block by the word behind its language; Markdown knows no such word.
FENCE = re.compile(r"^```(\w+) .*$", re.M)
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def pages():
    """The pages, as paths in the tree."""
    found = [ROOT / name for name in OTHERS]
    return found + sorted((ROOT / "docs").rglob("*.md"))


def heading(path):
    """The first heading of a page, without its marks."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].replace("`", "").replace('"', "'")
    return path.stem


def copy_pages(out):
    """Copies pages and pictures."""
    known = {path.relative_to(ROOT) for path in pages()}
    pictures = sorted((ROOT / "docs").rglob("*.svg")) + sorted((ROOT / "docs").rglob("*.json"))
    for path in pictures:
        target = out / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    for path in pages():
        here = path.relative_to(ROOT)

        def keep(match):
            text, link = match.groups()
            if re.match(r"[a-z]+:|#", link):
                return match[0]
            target = (path.parent / link.partition("#")[0]).resolve()
            if not target.is_relative_to(ROOT):
                raise SystemExit(f"{here}: a link leads out of the tree: {link}")
            if not target.exists():
                raise SystemExit(f"{here}: a link leads nowhere: {link}")
            inside = target.relative_to(ROOT)
            return match[0] if inside in known or (out / inside).is_file() else text

        target = out / here
        target.parent.mkdir(parents=True, exist_ok=True)
        text = FENCE.sub(r"```\1", path.read_text(encoding="utf-8"))
        target.write_text(LINK.sub(keep, text), encoding="utf-8")


def copy_manuals(mandir, out):
    """Makes a page of each manual page. Returns (name, section) of each."""
    found = [path for pattern in MANUALS for path in ROOT.glob(pattern)]
    found += sorted(pathlib.Path(mandir).glob("man*/*.[1-9]*"))
    (out / "man").mkdir(parents=True)
    names = []
    for path in sorted(found, key=lambda p: (p.suffix, p.name)):
        name, section = path.stem, path.suffix[1:]
        html = subprocess.run(["mandoc", "-T", "html", "-O", "fragment", path], check=True,
                              capture_output=True, text=True).stdout
        # The frame of the site has the title.
        html = re.sub(r'<table class="(head|foot)">.*?</table>', "", html, flags=re.S)
        html = re.sub(r"<h1 class=\"Sh\"", "<h2 class=\"Sh\"", html).replace("</h1>", "</h2>")
        # Markdown would end the block at an empty line.
        html = re.sub(r"\n\s*\n", "\n", html)
        (out / "man" / f"{name}.{section}.md").write_text(
            f"# {name}({section})\n\n<div class=\"manual\">\n{html}</div>\n", encoding="utf-8")
        names.append((name, section))
    return names


def copy_scripts(out):
    """Debian's theme asks for these by other names than it has: jquery is its package's."""
    (out / "js").mkdir()
    shutil.copyfile("/usr/share/javascript/jquery/jquery.min.js", out / "js/jquery-3.6.0.min.js")
    (out / "js/theme_extra.js").write_text("$('.rst-content table').addClass('docutils');\n",
                                           encoding="utf-8")


def write_config(out, site, names):
    """Writes mkdocs.yml."""
    nav = ['  - "seqring": README.md', '  - "Documentation": docs/README.md']
    for title, folder in SECTIONS:
        nav.append(f'  - "{title}":')
        for path in sorted((ROOT / folder).glob("*.md")):
            nav.append(f'    - "{heading(path)}": {path.relative_to(ROOT)}')
    nav.append('  - "Design":')
    for path in [ROOT / "docs/design.md", *sorted((ROOT / "docs/design").glob("*.md")),
                 ROOT / "docs/guarantees.md"]:
        nav.append(f'    - "{heading(path)}": {path.relative_to(ROOT)}')
    nav.append('  - "Manual pages":')
    nav.append('    - "All manual pages": man/index.md')
    nav.append('  - "Project":')
    nav += [f'    - "{heading(ROOT / name)}": {name}' for name in OTHERS[1:]]
    lines = ["# Manual pages", ""]
    lines += [f"- [{name}({section})]({name}.{section}.md)" for name, section in names]
    (out / "man" / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "style.css").write_text(
        ".manual pre, .rst-content pre { overflow-x: auto; }\n"
        ".rst-content code { white-space: normal; overflow-wrap: anywhere; }\n"
        ".rst-content pre code { white-space: pre; }\n"
        ".rst-content table { display: block; overflow-x: auto; }\n"
        ".rst-content table td, .rst-content table th { white-space: normal; }\n"
        ".rst-content h1, .rst-content h2, .rst-content h3, .rst-content li, .rst-content p "
        "{ overflow-wrap: anywhere; }\n", encoding="utf-8")
    config = site.with_suffix(".yml")
    config.write_text("\n".join([
        "site_name: seqring",
        "site_description: Records from the Linux kernel to many readers",
        f"docs_dir: {out}",
        f"site_dir: {site}",
        "use_directory_urls: false",
        "theme:",
        "  name: readthedocs",
        "  highlightjs: false",
        "  analytics: {gtag: null}",
        "extra_css: [style.css]",
        "plugins: [search]",
        "markdown_extensions: [tables, fenced_code, toc]",
        "nav:", *nav]) + "\n", encoding="utf-8")
    return config


def main():
    mandir, site = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    out = site.with_name(site.name + "-pages")
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(site, ignore_errors=True)
    out.mkdir(parents=True)
    copy_pages(out)
    names = copy_manuals(mandir, out)
    copy_scripts(out)
    config = write_config(out, site, names)
    # mkdocs stays quiet about nothing: --strict makes each warning a failure.
    done = subprocess.run(["mkdocs", "--quiet", "build", "--strict", "--config-file", config],
                          check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
