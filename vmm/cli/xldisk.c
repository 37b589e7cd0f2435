// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parser of one disk specification.  Fields are separated by commas and
 * surrounded by optional white space; one that is "key=value" or a flag is
 * taken as such, any other is the first of target, format, vdev and access
 * that is not set yet, an empty one sets it to the default.  After one of the
 * deprecated prefixes ("phy:/dev/x,xvda,w") there is no positional format.
 * Single-threaded, no lock.
 */
#include "xldisk.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vdev.h"

enum xldisk_pos { POS_TARGET, POS_FORMAT, POS_VDEV, POS_ACCESS };

struct xldisk {
	struct vm_config_disk *d;
	bool have[4];		/* of the four keys that can be positional */
	bool prefixed;
	char *err;
	size_t err_len;
};

__attribute__((format(printf, 2, 3)))
static int xldisk_fail(struct xldisk *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->err, x->err_len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int xldisk_string(struct xldisk *x, char **to, const char *what,
			 const char *value)
{
	if (*to)
		return xldisk_fail(x, "%s is given twice", what);
	*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

static int xldisk_target(struct xldisk *x, const char *v)
{
	return xldisk_string(x, &x->d->target, "the target", v);
}

static int xldisk_format(struct xldisk *x, const char *v)
{
	static const struct {
		const char *name;
		enum disk_format format;
	} formats[] = {
		{ "raw", DISK_RAW }, { "aio", DISK_RAW },
		{ "qcow2", DISK_QCOW2 }, { "qcow", DISK_QCOW2 },
		{ "vhd", DISK_VHD }, { "qed", DISK_QED },
		{ "empty", DISK_EMPTY },
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (!strcmp(v, formats[i].name)) {
			if (x->have[POS_FORMAT] && x->d->format != formats[i].format)
				return xldisk_fail(x, "the format is given twice");
			x->d->format = formats[i].format;
			return 0;
		}
	}
	return xldisk_fail(x, "unknown format '%s': use raw", v);
}

static int xldisk_devtype(struct xldisk *x, const char *v)
{
	if (!strcmp(v, "cdrom"))
		x->d->cdrom = true;
	else if (!strcmp(v, "disk"))
		x->d->cdrom = false;
	else
		return xldisk_fail(x, "unknown devtype '%s': use disk or cdrom",
				   v);
	return 0;
}

static int xldisk_vdev(struct xldisk *x, const char *v)
{
	const char *colon = strchr(v, ':');	/* deprecated "hdc:cdrom" */
	int len = colon ? (int)(colon - v) : (int)strlen(v);
	char name[16];
	uint32_t vdev;

	if (colon && xldisk_devtype(x, colon + 1))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", len, v);
	if ((size_t)len >= sizeof(name) || vdev_number(name, &vdev))
		return xldisk_fail(x, "'%s' is no device name: use xvda, xvdb, ...",
				   v);
	return xldisk_string(x, &x->d->vdev, "the vdev", name);
}

static int xldisk_access(struct xldisk *x, const char *v)
{
	if (!strcmp(v, "r") || !strcmp(v, "ro"))
		x->d->readonly = true;
	else if (!strcmp(v, "w") || !strcmp(v, "rw"))
		x->d->readonly = false;
	else
		return xldisk_fail(x, "unknown access '%s': use r or w", v);
	return 0;
}

static int xldisk_backend(struct xldisk *x, const char *v)
{
	if (!strcmp(v, "0") || !strcmp(v, "Domain-0") || !*v)
		return 0;
	return xldisk_fail(x, "backend=%s: disks are served by the host only, remove it",
			   v);
}

/* How the host serves the disk is xkvm's own business: any will do. */
static int xldisk_backendtype(struct xldisk *x, const char *v)
{
	if (!strcmp(v, "phy") || !strcmp(v, "tap") || !strcmp(v, "qdisk") ||
	    !strcmp(v, "standalone"))
		return 0;
	return xldisk_fail(x, "unknown backendtype '%s': remove it", v);
}

static int xldisk_script(struct xldisk *x, const char *v)
{
	return xldisk_fail(x, "script=%s is not supported: attach the device on the host and name it as the target",
			   v);
}

static int xldisk_specification(struct xldisk *x, const char *v)
{
	if (!strcmp(v, "xen"))
		return 0;
	return xldisk_fail(x, "specification=%s is not supported: use xen", v);
}

static const struct {
	const char *key;
	int (*set)(struct xldisk *x, const char *value);
} xldisk_keys[] = {
	[POS_TARGET] = { "target", xldisk_target },
	[POS_FORMAT] = { "format", xldisk_format },
	[POS_VDEV] = { "vdev", xldisk_vdev },
	[POS_ACCESS] = { "access", xldisk_access },
	{ "devtype", xldisk_devtype },
	{ "backend", xldisk_backend },
	{ "backendtype", xldisk_backendtype },
	{ "script", xldisk_script },
	{ "specification", xldisk_specification },
};

static bool xldisk_flag(struct xldisk *x, const char *f)
{
	if (!strcmp(f, "cdrom"))
		x->d->cdrom = true;
	else if (!strcmp(f, "discard"))
		x->d->discard = true;
	else if (!strcmp(f, "no-discard"))
		x->d->discard = false;
	else if (!strcmp(f, "direct-io-safe"))
		x->d->direct_io_safe = true;
	else
		return false;
	return true;
}

/* The length of "key" if @f starts with "key=", else 0. */
static size_t xldisk_key_len(const char *f)
{
	size_t n = 0;

	while (islower((unsigned char)f[n]) ||
	       (n && (f[n] == '-' || isdigit((unsigned char)f[n]))))
		n++;
	return f[n] == '=' ? n : 0;
}

static int xldisk_set(struct xldisk *x, size_t key, const char *value)
{
	int ret = 0;

	/* An empty place takes the default. */
	if (*value)
		ret = xldisk_keys[key].set(x, value);
	if (!ret && key <= POS_ACCESS)
		x->have[key] = true;
	return ret;
}

static int xldisk_keyed(struct xldisk *x, const char *f, size_t key_len)
{
	for (size_t i = 0; i < sizeof(xldisk_keys) / sizeof(*xldisk_keys); i++)
		if (strlen(xldisk_keys[i].key) == key_len &&
		    !memcmp(xldisk_keys[i].key, f, key_len))
			return xldisk_set(x, i, f + key_len + 1);
	return xldisk_fail(x, "unknown option '%.*s'", (int)key_len, f);
}

static int xldisk_positional(struct xldisk *x, const char *f)
{
	for (size_t i = 0; i <= POS_ACCESS; i++)
		if (!x->have[i] && !(i == POS_FORMAT && x->prefixed))
			return xldisk_set(x, i, f);
	return xldisk_fail(x, "unknown option '%s'", f);
}

/* Drop deprecated prefixes of the target; those that name a format set it. */
static int xldisk_prefixes(struct xldisk *x, char **spec)
{
	static const char * const strip[] = {
		"tapdisk:", "tap2:", "tap:", "aio:", "ioemu:", "file:", "phy:",
		"vbd:",
	};
	static const char * const formats[] = {
		"raw:", "qcow2:", "qcow:", "vhd:", "qed:",
	};
	static const char * const scripts[] = {
		"iscsi:", "nbd:", "enbd:", "drbd:",
	};
	char name[8];
	size_t i, n;
	int ret;

again:
	for (i = 0; i < sizeof(strip) / sizeof(*strip); i++) {
		n = strlen(strip[i]);
		if (!strncmp(*spec, strip[i], n)) {
			*spec += n;
			x->prefixed = true;
			goto again;
		}
	}
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		n = strlen(formats[i]);
		if (strncmp(*spec, formats[i], n))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n - 1, *spec);
		ret = xldisk_set(x, POS_FORMAT, name);
		if (ret)
			return ret;
		*spec += n;
		x->prefixed = true;
		goto again;
	}
	for (i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
		if (!strncmp(*spec, scripts[i], strlen(scripts[i])))
			return xldisk_fail(x, "'%s' needs a block script, which is not supported: attach the device on the host and name it as the target",
					   scripts[i]);
	return 0;
}

static char *xldisk_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\n");
	for (n = strlen(s); n && strchr(" \t\n", s[n - 1]); n--)
		;
	s[n] = 0;
	return s;
}

static int xldisk_fields(struct xldisk *x, char *spec)
{
	char *f, *comma;
	size_t key_len;
	int ret;

	spec += strspn(spec, " \t\n");
	ret = xldisk_prefixes(x, &spec);
	while (!ret && spec) {
		spec += strspn(spec, " \t\n");
		if (!strncmp(spec, "target=", 7))
			return xldisk_set(x, POS_TARGET, spec + 7);
		comma = strchr(spec, ',');
		if (comma)
			*comma++ = 0;
		f = xldisk_trim(spec);
		spec = comma;
		key_len = xldisk_key_len(f);
		if (key_len)
			ret = xldisk_keyed(x, f, key_len);
		else if (!xldisk_flag(x, f))
			ret = xldisk_positional(x, f);
	}
	return ret;
}

static int xldisk_check(struct xldisk *x)
{
	static const char * const names[] = {
		[DISK_QCOW2] = "qcow2", [DISK_VHD] = "vhd", [DISK_QED] = "qed",
	};
	static const char * const qemu_names[] = {
		[DISK_QCOW2] = "qcow2", [DISK_VHD] = "vpc", [DISK_QED] = "qed",
	};
	struct vm_config_disk *d = x->d;

	if (d->cdrom)
		d->readonly = true;
	if (!d->vdev)
		return xldisk_fail(x, "no vdev: add vdev=xvda");
	if (d->format == DISK_EMPTY || !d->target || !*d->target) {
		if (!d->cdrom)
			return xldisk_fail(x, "no target: name an image or block device");
		d->format = DISK_EMPTY;
		return 0;
	}
	if (d->format != DISK_RAW)
		return xldisk_fail(x, "%s: format %s is not supported yet: convert with qemu-img convert -f %s -O raw",
				   d->target, names[d->format],
				   qemu_names[d->format]);
	return 0;
}

int xldisk_parse(struct vm_config_disk *disk, const char *spec, char *err,
		 size_t err_len)
{
	struct xldisk x = { .d = disk, .err = err, .err_len = err_len };
	char *copy = strdup(spec);
	int ret;

	memset(disk, 0, sizeof(*disk));
	if (!copy)
		return -ENOMEM;
	disk->format = DISK_RAW;
	ret = xldisk_fields(&x, copy);
	if (!ret)
		ret = xldisk_check(&x);
	if (ret) {
		free(disk->target);
		free(disk->vdev);
		memset(disk, 0, sizeof(*disk));
	}
	free(copy);
	return ret;
}
