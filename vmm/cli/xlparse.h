/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The syntax of xl.cfg files: text in, a tree of settings out.  What the
 * settings mean is xlcfg.c's.
 *
 *	file	= { [ key ( "=" | "+=" ) value ] ( newline | ";" ) }
 *	value	= string | number | "[" { newline } [ items ] "]"
 *	items	= value { newline } { "," { newline } value { newline } }
 *		  [ "," { newline } ]
 *
 * "#" starts a comment, in a list too.  Strings stand in '' or "", with
 * backslash escapes, within one line.  A later setting replaces an earlier
 * one of that key, "+=" appends to it.
 */
#ifndef XKVM_CLI_XLPARSE_H
#define XKVM_CLI_XLPARSE_H

#include <stddef.h>
#include <stdio.h>

enum xl_type { XL_ATOM, XL_LIST };

struct xl_value {
	enum xl_type type;
	unsigned int line;	/* where it starts */
	char *str;		/* XL_ATOM: a string, or a number as written */
	struct xl_value *items;	/* XL_LIST */
	size_t nr_items;
};

struct xl_setting {
	char *key;
	char *file;		/* of the last assignment, as is line */
	unsigned int line;
	struct xl_value value;
};

struct xl_tree {
	struct xl_setting *settings;	/* in order of first appearance */
	size_t nr_settings;
};

/*
 * xlparse() - add the settings in @text to *@tree, which starts zeroed.
 * On a syntax error prints one "FILE:LINE: what" line to @errs and returns
 * -EINVAL; -ENOMEM without a line.  The tree is the caller's either way.
 */
int xlparse(struct xl_tree *tree, const char *file, const char *text,
	    size_t len, FILE *errs);

/* The setting of @key, or NULL. */
const struct xl_setting *xl_tree_find(const struct xl_tree *tree,
				      const char *key);

void xl_tree_free(struct xl_tree *tree);

#endif
