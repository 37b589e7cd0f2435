// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * path.c - owns the form of paths: which are valid, how relative ones become
 * absolute, and how components are stepped through.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "path.h"
#include "perms.h"

uint64_t path_hash(const char *s, size_t len, uint64_t seed)
{
	static uint64_t key[2];
	uint64_t hash;
	size_t i;

	if (!key[1]) {
		/* Without entropy yet, addresses are what is left. */
		if (getrandom(key, sizeof(key), GRND_NONBLOCK) != sizeof(key))
			key[0] = key[1] = (uintptr_t)&hash ^ (uintptr_t)key;
		key[1] |= 1;
	}
	hash = key[0] ^ seed;
	for (i = 0; i < len; i++) {
		hash = (hash ^ (unsigned char)s[i]) * key[1];
		hash ^= hash >> 29;
	}
	return hash;
}

const char *path_first(const char *path, size_t *len)
{
	if (*path == '/')
		path++;
	*len = strcspn(path, "/");
	return *len ? path : NULL;
}

const char *path_next(const char *name, size_t *len)
{
	name += *len;
	if (*name != '/')
		return NULL;
	name++;
	*len = strcspn(name, "/");
	return *len ? name : NULL;
}

const char *path_parent(const char *path, char *parent)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == path ? 1 : (size_t)(slash - path);

	memcpy(parent, path, len);
	parent[len] = 0;
	return slash + 1;
}

bool path_within(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (*path != '/' || *top != '/')
		return !strcmp(path, top);
	if (len == 1)
		return true;
	return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

/* How much of @path is the prefix of some domain's home. */
static size_t path_home(const char *path)
{
	unsigned int domid;
	int len = 0;

	if (sscanf(path, "/local/domain/%5u/%n", &domid, &len) != 1)
		return 0;
	return len > 0 ? (size_t)len : 0;
}

static bool path_valid(const struct xs_who *who, const char *path)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@";
	size_t len = strlen(path);

	if (len > 1 && path[len - 1] == '/')
		return false;
	if (!who->privileged && len - path_home(path) > XENSTORE_REL_PATH_MAX)
		return false;
	return !strstr(path, "//") && path[strspn(path, chars)] == 0;
}

int path_canonical(const struct xs_who *who, const char *given, bool special,
		   char *buf, size_t *prefix)
{
	size_t len = strlen(given);
	int pre = 0;

	if (*given == '@' && !special)
		return -EINVAL;
	if (*given != '/' && *given != '@') {
		if (who->privileged)
			pre = snprintf(buf, PATH_BUF, "/");
		else
			pre = snprintf(buf, PATH_BUF, "/local/domain/%u/",
				       who->domid);
		if (!len || len > XENSTORE_REL_PATH_MAX)
			return -EINVAL;
	}
	if (len + (size_t)pre > XENSTORE_ABS_PATH_MAX)
		return -EINVAL;
	memcpy(buf + pre, given, len + 1);
	if (prefix)
		*prefix = (size_t)pre;
	return path_valid(who, buf) ? 0 : -EINVAL;
}

bool path_domid(const char *s, uint32_t *domid)
{
	size_t i, len = strlen(s);
	uint32_t val = 0;

	if (!len || len > 5)
		return false;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		val = val * 10 + (uint32_t)(s[i] - '0');
	}
	*domid = val;
	return val < XS_DOMID_END;
}
