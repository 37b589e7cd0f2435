/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * path.h - node paths.
 *
 * A canonical path is absolute, without a slash at its end (but for "/" itself)
 * and without empty components, at most XENSTORE_ABS_PATH_MAX bytes long.
 * Special paths start with '@' and name events, not nodes.
 */
#ifndef VMM_XENSTORE_PATH_H
#define VMM_XENSTORE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

struct xs_who;

/* The room a canonical path needs. */
#define PATH_BUF	(XENSTORE_ABS_PATH_MAX + 1)

/*
 * The first component of a path, or of one relative to a node, that may start
 * with a slash; NULL if it has none.  *@len is its length; it is not
 * NUL-terminated there.
 */
const char *path_first(const char *path, size_t *len);

/* The component after the one at @name, whose length *@len is going in. */
const char *path_next(const char *name, size_t *len);

/*
 * Put the parent of @path into @parent (PATH_BUF bytes) and return the last
 * component; "/" is its own parent, with an empty component.
 */
const char *path_parent(const char *path, char *parent);

/* Whether @path is @top or lies below it; a special path only if equal. */
bool path_within(const char *path, const char *top);

/**
 * path_canonical() - check what a client sent and make it canonical.
 * @who:	whose relative paths and length limits hold
 * @given:	a string of any length and content
 * @special:	whether a special path will do
 * @buf:	PATH_BUF bytes for the result
 * @prefix:	length of what was put before a relative path; may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int path_canonical(const struct xs_who *who, const char *given, bool special,
		   char *buf, size_t *prefix);

/*
 * A hash that nobody outside can aim at: its key is the process's own.  @seed
 * is 0, or the hash of what comes before @s.
 */
uint64_t path_hash(const char *s, size_t len, uint64_t seed);

/* A decimal domain id and nothing else; false if it is none. */
bool path_domid(const char *s, uint32_t *domid);

#endif
