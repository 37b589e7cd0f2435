// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the settings of an xl.cfg file to struct vm_config, through one table
 * of keys.  Fills in defaults, checks ranges and what goes together.  Does
 * not open what the settings name.  Single-threaded, no lock.
 */
#include "xlcfg.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "xldisk.h"
#include "xlshim.h"
#include "../vdev.h"

struct xlcfg {
	struct vm_config *cfg;
	const struct xl_tree *tree;
	const char *path;
	FILE *errs;
	char *cmdline, *root, *extra;
	char *shim_path, *shim_cmdline, *shim_extra;
	bool have_uuid, shim;
};

/* "FILE:LINE: KEY: " and the message; @s may be NULL for the whole file. */
__attribute__((format(printf, 3, 4)))
static int xlcfg_fail(struct xlcfg *x, const struct xl_setting *s,
		      const char *fmt, ...)
{
	va_list ap;

	if (s)
		fprintf(x->errs, "%s:%u: %s: ", s->file, s->line, s->key);
	else
		fprintf(x->errs, "%s: ", x->path);
	va_start(ap, fmt);
	vfprintf(x->errs, fmt, ap);
	va_end(ap);
	fputc('\n', x->errs);
	return -EINVAL;
}

static void xlcfg_warn(struct xlcfg *x, const struct xl_setting *s,
		       const char *what)
{
	fprintf(x->errs, "%s:%u: %s: warning: %s\n", s->file, s->line, s->key,
		what);
}

static int xlcfg_string(struct xlcfg *x, const struct xl_setting *s,
			char **to)
{
	if (s->value.type != XL_ATOM)
		return xlcfg_fail(x, s, "is a list, a string is wanted");
	free(*to);
	*to = strdup(s->value.str);
	return *to ? 0 : -ENOMEM;
}

static int xlcfg_number(struct xlcfg *x, const struct xl_setting *s,
			uint64_t min, uint64_t max, uint64_t *to)
{
	unsigned long long v;
	char *end;

	if (s->value.type != XL_ATOM)
		return xlcfg_fail(x, s, "is a list, a number is wanted");
	errno = 0;
	v = strtoull(s->value.str, &end, 0);
	if (!isdigit((unsigned char)*s->value.str) || *end)
		return xlcfg_fail(x, s, "'%s' is not a number", s->value.str);
	if (errno || v < min || v > max)
		return xlcfg_fail(x, s, "%s is not within %llu to %llu",
				  s->value.str, (unsigned long long)min,
				  (unsigned long long)max);
	*to = v;
	return 0;
}

/* A path: not empty, and made absolute, as the guest's process runs in "/". */
static int xlcfg_absolute(struct xlcfg *x, const struct xl_setting *s,
			  char **path)
{
	char *cwd, *abs;
	int n;

	if (!**path)
		return xlcfg_fail(x, s, "is an empty path");
	if (**path == '/')
		return 0;
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return xlcfg_fail(x, s, "cannot tell the working directory: %s",
				  strerror(errno));
	n = asprintf(&abs, "%s/%s", cwd, *path);
	free(cwd);
	if (n < 0)
		return -ENOMEM;
	free(*path);
	*path = abs;
	return 0;
}

bool xlcfg_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > XLCFG_MAX_NAME)
		return false;
	if (!isalnum((unsigned char)*name) && *name != '_')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("_.+@:-", name[i]))
			return false;
	return true;
}

static int xlcfg_name(struct xlcfg *x, const struct xl_setting *s)
{
	int ret = xlcfg_string(x, s, &x->cfg->name);

	if (ret)
		return ret;
	if (!xlcfg_name_ok(x->cfg->name))
		return xlcfg_fail(x, s,
				  "'%s' cannot be a guest's name: use up to %d letters, digits and _ . + @ : -, a letter or digit first",
				  x->cfg->name, XLCFG_MAX_NAME);
	return 0;
}

static int xlcfg_uuid(struct xlcfg *x, const struct xl_setting *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	const char *v = s->value.str;
	unsigned int digits = 0;

	if (s->value.type != XL_ATOM)
		return xlcfg_fail(x, s, "is a list, a string is wanted");
	if (strlen(v) != sizeof(form) - 1)
		goto err_form;
	for (size_t i = 0; form[i]; i++) {
		const char *hex = "0123456789abcdef", *d;

		if (form[i] == '-') {
			if (v[i] != '-')
				goto err_form;
			continue;
		}
		d = strchr(hex, tolower((unsigned char)v[i]));
		if (!d)
			goto err_form;
		x->cfg->uuid[digits / 2] =
			(uint8_t)(x->cfg->uuid[digits / 2] << 4 | (d - hex));
		digits++;
	}
	x->have_uuid = true;
	return 0;

err_form:
	return xlcfg_fail(x, s, "'%s' is not of the form %s", v, form);
}

/* A PV guest runs in the shim, with which it is a PVH guest. */
static int xlcfg_type(struct xlcfg *x, const struct xl_setting *s)
{
	if (s->value.type != XL_ATOM)
		return xlcfg_fail(x, s, "is a list, a string is wanted");
	if (!strcmp(s->value.str, "pvh"))
		return 0;
	if (!strcmp(s->value.str, "pv")) {
		x->shim = true;
		return 0;
	}
	if (!strcmp(s->value.str, "hvm"))
		return xlcfg_fail(x, s,
				  "hvm guests are not supported yet: use type=\"pvh\" or \"pv\"");
	return xlcfg_fail(x, s, "unknown type '%s': use \"pvh\" or \"pv\"",
			  s->value.str);
}

static int xlcfg_builder(struct xlcfg *x, const struct xl_setting *s)
{
	if (!xl_tree_find(x->tree, "type"))
		return xlcfg_fail(x, s,
				  "is obsolete: remove it and set type=\"pvh\" or \"pv\"");
	xlcfg_warn(x, s, "obsolete beside type, ignored");
	return 0;
}

static int xlcfg_pvshim(struct xlcfg *x, const struct xl_setting *s)
{
	uint64_t on;
	int ret = xlcfg_number(x, s, 0, 1, &on);

	if (!ret && on)
		x->shim = true;
	return ret;
}

static int xlcfg_pvshim_path(struct xlcfg *x, const struct xl_setting *s)
{
	int ret = xlcfg_string(x, s, &x->shim_path);

	return ret ? ret : xlcfg_absolute(x, s, &x->shim_path);
}

static int xlcfg_pvshim_cmdline(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_string(x, s, &x->shim_cmdline);
}

static int xlcfg_pvshim_extra(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_string(x, s, &x->shim_extra);
}

static int xlcfg_memory(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_number(x, s, XLCFG_MIN_MEMORY, XLCFG_MAX_MEMORY,
			    &x->cfg->memory_mib);
}

static int xlcfg_maxmem(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_number(x, s, XLCFG_MIN_MEMORY, XLCFG_MAX_MEMORY,
			    &x->cfg->maxmem_mib);
}

static int xlcfg_vcpus(struct xlcfg *x, const struct xl_setting *s)
{
	uint64_t v;
	int ret = xlcfg_number(x, s, 1, XLCFG_MAX_VCPUS, &v);

	if (!ret)
		x->cfg->vcpus = (unsigned int)v;
	return ret;
}

static int xlcfg_maxvcpus(struct xlcfg *x, const struct xl_setting *s)
{
	uint64_t v;
	int ret = xlcfg_number(x, s, 1, XLCFG_MAX_VCPUS, &v);

	if (!ret)
		x->cfg->maxvcpus = (unsigned int)v;
	return ret;
}

static int xlcfg_kernel(struct xlcfg *x, const struct xl_setting *s)
{
	int ret = xlcfg_string(x, s, &x->cfg->kernel);

	return ret ? ret : xlcfg_absolute(x, s, &x->cfg->kernel);
}

static int xlcfg_ramdisk(struct xlcfg *x, const struct xl_setting *s)
{
	int ret = xlcfg_string(x, s, &x->cfg->ramdisk);

	return ret ? ret : xlcfg_absolute(x, s, &x->cfg->ramdisk);
}

static int xlcfg_cmdline(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_string(x, s, &x->cmdline);
}

static int xlcfg_root(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_string(x, s, &x->root);
}

static int xlcfg_extra(struct xlcfg *x, const struct xl_setting *s)
{
	return xlcfg_string(x, s, &x->extra);
}

/* A device has one disk, by whichever of its names. */
static int xlcfg_one_vdev(struct xlcfg *x, const struct xl_setting *at,
			  const struct vm_config_disk *d)
{
	const struct vm_config_disk *other = x->cfg->disks;
	uint32_t vdev = 0, taken = 0;

	vdev_number(d->vdev, &vdev);
	for (; other < d; other++) {
		vdev_number(other->vdev, &taken);
		if (taken != vdev)
			continue;
		if (!strcmp(other->vdev, d->vdev))
			return xlcfg_fail(x, at, "%s is given twice", d->vdev);
		return xlcfg_fail(x, at, "%s and %s are one device: name another",
				  other->vdev, d->vdev);
	}
	return 0;
}

static int xlcfg_one_disk(struct xlcfg *x, const struct xl_setting *s,
			  const struct xl_value *v)
{
	struct xl_setting at = *s;
	struct vm_config_disk *d = &x->cfg->disks[x->cfg->nr_disks];
	char why[512];
	int ret;

	at.line = v->line;
	if (v->type != XL_ATOM)
		return xlcfg_fail(x, &at, "is a list of lists, a list of strings is wanted");
	ret = xldisk_parse(d, v->str, why, sizeof(why));
	if (ret == -EINVAL)
		return xlcfg_fail(x, &at, "%s", why);
	if (ret)
		return ret;
	x->cfg->nr_disks++;
	ret = xlcfg_one_vdev(x, &at, d);
	if (ret)
		return ret;
	return d->target && *d->target ? xlcfg_absolute(x, &at, &d->target) : 0;
}

static int xlcfg_disk(struct xlcfg *x, const struct xl_setting *s)
{
	size_t n = s->value.nr_items;

	if (s->value.type != XL_LIST)
		return xlcfg_fail(x, s, "is a string, a list is wanted: disk = [ '...' ]");
	if (!n)
		return 0;
	x->cfg->disks = calloc(n, sizeof(*x->cfg->disks));
	if (!x->cfg->disks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int ret = xlcfg_one_disk(x, s, &s->value.items[i]);

		if (ret)
			return ret;
	}
	return 0;
}

static int xlcfg_action(struct xlcfg *x, const struct xl_setting *s)
{
	static const char * const names[] = {
		[VM_ACTION_DESTROY] = "destroy",
		[VM_ACTION_RESTART] = "restart",
		[VM_ACTION_RENAME_RESTART] = "rename-restart",
		[VM_ACTION_PRESERVE] = "preserve",
		[VM_ACTION_COREDUMP_DESTROY] = "coredump-destroy",
		[VM_ACTION_COREDUMP_RESTART] = "coredump-restart",
		[VM_ACTION_SOFT_RESET] = "soft-reset",
	};
	const struct {
		const char *key;
		enum vm_action *to;
	} actions[] = {
		{ "on_poweroff", &x->cfg->on_poweroff },
		{ "on_reboot", &x->cfg->on_reboot },
		{ "on_watchdog", &x->cfg->on_watchdog },
		{ "on_crash", &x->cfg->on_crash },
		{ "on_soft_reset", &x->cfg->on_soft_reset },
	};
	enum vm_action *to = NULL;

	if (s->value.type != XL_ATOM)
		return xlcfg_fail(x, s, "is a list, a string is wanted");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(actions[i].key, s->key))
			to = actions[i].to;
	for (size_t i = 0; to && i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(names[i], s->value.str)) {
			*to = (enum vm_action)i;
			return 0;
		}
	}
	return xlcfg_fail(x, s, "unknown action '%s': use destroy, restart or preserve",
			  s->value.str);
}

/* In the order they are read, so that the plainest error comes first. */
static const struct {
	const char *key;
	int (*set)(struct xlcfg *x, const struct xl_setting *s);
} xlcfg_keys[] = {
	{ "builder", xlcfg_builder },
	{ "type", xlcfg_type },
	{ "pvshim", xlcfg_pvshim },
	{ "pvshim_path", xlcfg_pvshim_path },
	{ "pvshim_cmdline", xlcfg_pvshim_cmdline },
	{ "pvshim_extra", xlcfg_pvshim_extra },
	{ "name", xlcfg_name },
	{ "uuid", xlcfg_uuid },
	{ "memory", xlcfg_memory },
	{ "maxmem", xlcfg_maxmem },
	{ "vcpus", xlcfg_vcpus },
	{ "maxvcpus", xlcfg_maxvcpus },
	{ "kernel", xlcfg_kernel },
	{ "ramdisk", xlcfg_ramdisk },
	{ "cmdline", xlcfg_cmdline },
	{ "root", xlcfg_root },
	{ "extra", xlcfg_extra },
	{ "disk", xlcfg_disk },
	{ "on_poweroff", xlcfg_action },
	{ "on_reboot", xlcfg_action },
	{ "on_watchdog", xlcfg_action },
	{ "on_crash", xlcfg_action },
	{ "on_soft_reset", xlcfg_action },
};

#define XLCFG_NR_KEYS (sizeof(xlcfg_keys) / sizeof(*xlcfg_keys))

static void xlcfg_warn_ignored(struct xlcfg *x)
{
	for (size_t i = 0; i < x->tree->nr_settings; i++) {
		const struct xl_setting *s = &x->tree->settings[i];
		size_t k = 0;

		while (k < XLCFG_NR_KEYS && strcmp(xlcfg_keys[k].key, s->key))
			k++;
		if (k < XLCFG_NR_KEYS)
			continue;
		xlcfg_warn(x, s, xlkeys_unsupported(s->key) ?
			   "not supported yet, ignored" :
			   "unknown key, ignored");
	}
}

static int xlcfg_finish_cmdline(struct xlcfg *x)
{
	const struct xl_setting *s = xl_tree_find(x->tree, "cmdline");
	int n;

	if (x->cmdline) {
		if (x->root || x->extra)
			xlcfg_warn(x, s, "set, so root and extra are ignored");
		x->cfg->cmdline = x->cmdline;
		x->cmdline = NULL;
		return 0;
	}
	n = asprintf(&x->cfg->cmdline, "%s%s%s%s", x->root ? "root=" : "",
		     x->root ? x->root : "", x->root && x->extra ? " " : "",
		     x->extra ? x->extra : "");
	if (n < 0) {
		x->cfg->cmdline = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* As libxl does: the default, or what was set, and the extra words. */
static int xlcfg_finish_shim(struct xlcfg *x)
{
	struct vm_config *c = x->cfg;
	int n;

	if (!x->shim)
		return 0;
	c->shim = x->shim_path ? x->shim_path : xlshim_find();
	x->shim_path = NULL;
	n = asprintf(&c->shim_cmdline, "%s%s%s", x->shim_cmdline ?
		     x->shim_cmdline : XLSHIM_CMDLINE, x->shim_extra ? " " : "",
		     x->shim_extra ? x->shim_extra : "");
	if (n < 0)
		c->shim_cmdline = NULL;
	return c->shim && n >= 0 ? 0 : -ENOMEM;
}

/* A random UUID, RFC 4122 version 4. */
static int xlcfg_finish_uuid(struct xlcfg *x)
{
	uint8_t *u = x->cfg->uuid;

	if (x->have_uuid)
		return 0;
	if (getrandom(u, 16, 0) != 16)
		return -EIO;
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	return 0;
}

static int xlcfg_finish(struct xlcfg *x)
{
	struct vm_config *c = x->cfg;
	int ret;

	/* xl's default */
	if (!xl_tree_find(x->tree, "type"))
		x->shim = true;
	if (!c->name)
		return xlcfg_fail(x, NULL, "name: not set: add name=\"...\"");
	if (!c->kernel)
		return xlcfg_fail(x, NULL,
				  "kernel: not set: name the guest's kernel image");
	if (!c->memory_mib)
		c->memory_mib = c->maxmem_mib;
	if (!c->memory_mib)
		return xlcfg_fail(x, NULL,
				  "memory: not set: add memory=512 (MiB)");
	if (!c->maxmem_mib)
		c->maxmem_mib = c->memory_mib;
	if (c->maxmem_mib < c->memory_mib)
		return xlcfg_fail(x, xl_tree_find(x->tree, "maxmem"),
				  "is less than memory=%llu",
				  (unsigned long long)c->memory_mib);
	if (!c->vcpus)
		c->vcpus = 1;
	if (!c->maxvcpus)
		c->maxvcpus = c->vcpus;
	if (c->maxvcpus < c->vcpus)
		return xlcfg_fail(x, xl_tree_find(x->tree, "maxvcpus"),
				  "is less than vcpus=%u", c->vcpus);
	ret = xlcfg_finish_uuid(x);
	if (!ret)
		ret = xlcfg_finish_cmdline(x);
	return ret ? ret : xlcfg_finish_shim(x);
}

int xlcfg_convert(struct vm_config *cfg, const struct xl_tree *tree,
		  const char *path, FILE *errs)
{
	struct xlcfg x = {
		.cfg = cfg, .tree = tree, .path = path, .errs = errs,
	};
	int ret = 0;

	memset(cfg, 0, sizeof(*cfg));
	cfg->on_poweroff = VM_ACTION_DESTROY;
	cfg->on_reboot = VM_ACTION_RESTART;
	cfg->on_watchdog = VM_ACTION_DESTROY;
	cfg->on_crash = VM_ACTION_DESTROY;
	cfg->on_soft_reset = VM_ACTION_SOFT_RESET;

	for (size_t k = 0; k < XLCFG_NR_KEYS && !ret; k++) {
		const struct xl_setting *s =
			xl_tree_find(tree, xlcfg_keys[k].key);

		if (s)
			ret = xlcfg_keys[k].set(&x, s);
	}
	if (!ret)
		ret = xlcfg_finish(&x);
	if (!ret)
		xlcfg_warn_ignored(&x);
	else
		vm_config_free(cfg);
	if (ret && ret != -EINVAL)
		fprintf(errs, "%s: %s\n", path, strerror(-ret));
	free(x.cmdline);
	free(x.root);
	free(x.extra);
	free(x.shim_path);
	free(x.shim_cmdline);
	free(x.shim_extra);
	return ret;
}

static int xlcfg_read(const char *path, char **text, size_t *len, FILE *errs)
{
	FILE *f = fopen(path, "re");
	char *buf = NULL;
	int ret = 0;

	if (!f) {
		ret = -errno;
		fprintf(errs, "%s: cannot open the configuration: %s\n", path,
			strerror(-ret));
		return ret;
	}
	buf = malloc(XLCFG_MAX_FILE + 1);
	if (!buf) {
		ret = -ENOMEM;
		goto err_close;
	}
	*len = fread(buf, 1, XLCFG_MAX_FILE + 1, f);
	if (ferror(f)) {
		ret = -EIO;
		fprintf(errs, "%s: cannot read the configuration: %s\n", path,
			strerror(errno));
		goto err_free;
	}
	if (*len > XLCFG_MAX_FILE) {
		ret = -EFBIG;
		fprintf(errs, "%s: too long to be a configuration (more than %u bytes)\n",
			path, XLCFG_MAX_FILE);
		goto err_free;
	}
	*text = buf;
	fclose(f);
	return 0;

err_free:
	free(buf);
err_close:
	fclose(f);
	return ret;
}

int xlcfg_load(struct vm_config *cfg, const char *path,
	       char *const *extra, size_t nr_extra, FILE *errs)
{
	struct xl_tree tree = { 0 };
	char *text = NULL;
	size_t len = 0;
	int ret;

	memset(cfg, 0, sizeof(*cfg));
	ret = xlcfg_read(path, &text, &len, errs);
	if (ret)
		return ret;
	ret = xlparse(&tree, path, text, len, errs);
	for (size_t i = 0; i < nr_extra && !ret; i++)
		ret = xlparse(&tree, "command line", extra[i],
			      strlen(extra[i]), errs);
	if (!ret)
		ret = xlcfg_convert(cfg, &tree, path, errs);
	xl_tree_free(&tree);
	free(text);
	return ret;
}
