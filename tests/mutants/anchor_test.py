# SPDX-License-Identifier: GPL-2.0-only
"""A test of anchor.py: each tidy-up of a planted file has the right outcome."""
import os
import tempfile

import anchor

PLANTED = r"""// SPDX-License-Identifier: MIT
#include "x.h"
#define LIMIT(len, max) \
	((len) > (max)	/* } */ \
	 ? -1 : 0)
struct ops {
	int (*open)(const char *name);
};
static int check(int len); /* a declaration */

#ifdef __cplusplus
extern "C" {
#endif
/* check() { } in a comment */
static inline __attribute__((unused)) int check(int len)
{
	const char *brace = "}{\"", mark = '{';

	if (len < 0)
		return -EINVAL;
	if (len > 8 && mark)
		return -EMSGSIZE;
	publish(len, brace, f(1, 2));
	done(len);
	done(len);
	return 0;
}
static const struct ops table[] = {
	{ .open = first },
};
#ifdef __cplusplus
}
#endif
"""
TIDY = PLANTED.replace("len > 8 &&", "len > 8 /* new */\n\t    &&")
RENAMED = PLANTED.replace("len", "length")
ANOTHER = "static int check(void)\n{\n\treturn 1;\n}\n"
WHOLE = "if ($n > 8 && $m) return -EMSGSIZE;"

# what, {path: text}, definition, pattern, replacement, a part of the new text or of the error
CASES = [
    ("a statement goes", {"a.c": PLANTED}, "check", WHOLE, "", "return -EINVAL;\n\t\n\tpublish"),
    ("a reformatted statement goes", {"a.c": TIDY}, "check", WHOLE, "",
     "return -EINVAL;\n\t\n\tpublish"),
    ("a renamed local does not matter", {"a.c": RENAMED}, "check", "$n > 8 && $m", "$m == $n",
     "if (mark == length)"),
    ("a moved file does not matter", {"sub/dir/b.c": PLANTED}, "check", WHOLE, "", "publish"),
    ("an expression is balanced", {"a.c": PLANTED}, "check", "publish($n, $$b, $$c)", "g($$c)",
     "\tg(f(1, 2));"),
    ("an expression has no comma", {"a.c": PLANTED}, "check", "publish($$b, $$c)", "", "0 of"),
    ("dots stay in their brackets", {"a.c": PLANTED}, "check", "publish(...)", "g()", "\tg();"),
    ("dots do not leave a block", {"a.c": PLANTED}, "check", "return 0; ... table", "", "0 of"),
    ("the match is kept", {"a.c": PLANTED}, "check", "return 0;", "wait(); $&",
     "wait(); return 0;"),
    ("a macro has a body", {"a.c": PLANTED}, "LIMIT", "($n) > ($m)", "0", "\t(0\t/* } */"),
    ("a table is a definition", {"a.c": PLANTED}, "table", ".open = first", "", "{  },"),
    ("a struct is a definition", {"a.c": PLANTED}, "ops", "const char", "char",
     "(*open)(char *name)"),
    ("a keyword is no metavariable", {"a.c": PLANTED}, "check", "$x 0;", "", "0 of"),
    ("the same metavariable is the same token", {"a.c": PLANTED}, "check",
     "publish($n, $m, f(1, $m))", "", "0 of"),
    ("a definition that has gone", {"a.c": ANOTHER}, "gone", "return", "", "gone is not defined"),
    ("a declaration is no definition", {"a.c": "int check(int len);"}, "check", "len", "",
     "not defined"),
    ("a pattern that has gone", {"a.c": PLANTED}, "check", "return 7;", "", "0 of: return 7;"),
    ("a pattern that is there twice", {"a.c": PLANTED}, "check", "done($n);", "", "2 of"),
    ("two files define the name", {"a.c": PLANTED, "b.c": ANOTHER}, "check", WHOLE, "",
     "stem/check"),
    ("a stem chooses the file", {"a.c": PLANTED, "x/b.c": ANOTHER}, "b/check", "return 1;", "",
     "{\n\t\n}"),
]


def outcome(files, where, change):
    with tempfile.TemporaryDirectory() as top:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(top, "src", path)), exist_ok=True)
            with open(os.path.join(top, "src", path), "w", encoding="utf-8") as f:
                f.write(text)
        try:
            path, text = anchor.Index(top, ("src",)).mutate(where, change)
        except anchor.Lost as why:
            return str(why)
        return text if os.path.relpath(path, "src") in files else f"the wrong file {path}"


def failures():
    """Yields what does not come out as it must."""
    for what, files, where, pattern, replacement, expected in CASES:
        found = outcome(files, where, (pattern, replacement))
        if expected not in found:
            yield f"{what}: no {expected!r} in {found!r}"
