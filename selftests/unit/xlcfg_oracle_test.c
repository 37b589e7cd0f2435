// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The xl.cfg syntax against libxlutil, xl's own parser: a corpus, and inputs
 * made up at random, must be accepted by both or by neither, and mean the
 * same.  libxlutil is opened at run time; without it the test is skipped.
 *
 * Inputs keep clear of three quirks of libxlutil's: it loses numeric escapes
 * in strings, refuses a comment that ends the file without a newline, and
 * takes one stray character at the very end of the file.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "../../vmm/cli/xldisk.h"
#include "../../vmm/cli/xlparse.h"

#if __has_include(<libxlutil.h>)
#include <libxlutil.h>

#define FUNCS(F)			\
	F(xlu_cfg_init)			\
	F(xlu_cfg_readdata)		\
	F(xlu_cfg_destroy)		\
	F(xlu_cfg_get_string)		\
	F(xlu_cfg_get_list)		\
	F(xlu_cfg_get_listitem2)	\
	F(xlu_cfg_value_type)		\
	F(xlu_cfg_value_get_string)	\
	F(xlu_cfg_value_get_list)	\
	F(xlu_disk_parse)

#define DECLARE(f) static __typeof__(&f) o_##f;
FUNCS(DECLARE)

static FILE *null;

const char *tap_precondition(void)
{
	void *lib = dlopen("libxlutil.so", RTLD_NOW);

	if (!lib)
		return "no libxlutil (libxen-dev)";
	null = fopen("/dev/null", "w");
#define FIND(f)						\
	o_##f = (__typeof__(&f))dlsym(lib, #f);		\
	if (!o_##f)					\
		return "libxlutil lacks " #f;
	FUNCS(FIND)
	return null ? NULL : "no /dev/null";
}

static bool same_value(XLU_Config *o, XLU_ConfigValue *ov,
		       const struct xl_value *v);

static bool same_list(XLU_Config *o, XLU_ConfigList *l,
		      const struct xl_value *v)
{
	for (size_t i = 0; i < v->nr_items; i++) {
		XLU_ConfigValue *item = o_xlu_cfg_get_listitem2(l, (int)i);

		if (!item || !same_value(o, item, &v->items[i]))
			return false;
	}
	return !o_xlu_cfg_get_listitem2(l, (int)v->nr_items);
}

static bool same_value(XLU_Config *o, XLU_ConfigValue *ov,
		       const struct xl_value *v)
{
	XLU_ConfigList *l;
	char *s;

	if (o_xlu_cfg_value_type(ov) == XLU_STRING)
		return v->type == XL_ATOM &&
		       !o_xlu_cfg_value_get_string(o, ov, &s, 1) &&
		       !strcmp(s, v->str);
	return v->type == XL_LIST &&
	       !o_xlu_cfg_value_get_list(o, ov, &l, 1) &&
	       same_list(o, l, v);
}

/* Is @key unset in both, or set to the same in both? */
static bool same_key(XLU_Config *o, const struct xl_tree *tree,
		     const char *key)
{
	const struct xl_setting *s = xl_tree_find(tree, key);
	XLU_ConfigList *l;
	const char *str;
	int n;

	if (!o_xlu_cfg_get_string(o, key, &str, 1))
		return s && s->value.type == XL_ATOM &&
		       !strcmp(s->value.str, str);
	if (!o_xlu_cfg_get_list(o, key, &l, &n, 1))
		return s && s->value.type == XL_LIST &&
		       s->value.nr_items == (size_t)n &&
		       same_list(o, l, &s->value);
	return !s;
}

static const char * const keys[] = { "a", "b", "c_1", "d.e" };

static void compare(const char *text)
{
	XLU_Config *o = o_xlu_cfg_init(null, "F");
	struct xl_tree tree = { 0 };
	int theirs, ours;

	CHECK(o);
	theirs = o_xlu_cfg_readdata(o, text, (int)strlen(text));
	ours = xlparse(&tree, "F", text, strlen(text), null);
	CHECK_MSG(!theirs == !ours, "xl says %d, xkvm %d to:\n%s", theirs,
		  ours, text);
	for (size_t i = 0; !ours && i < sizeof(keys) / sizeof(*keys); i++)
		CHECK_MSG(same_key(o, &tree, keys[i]), "%s differs in:\n%s",
			  keys[i], text);
	xl_tree_free(&tree);
	o_xlu_cfg_destroy(o);
}

TEST(corpus, "hand-picked files mean to xkvm what they mean to xl")
{
	static const char * const corpus[] = {
		"", "\n", ";", ";\n;;\n", "# c\n", "a=1", "a=1\n", "a = 1 ;\n",
		"a=1;b=2\n", "a=1;;b=2;\n", "A=1\n", "aB=1\n", "_a=1\n",
		"a-b=1\n", "d.e=1\n", "a.=1\n", "a=b\n", "a=True\n", "a='x' 'y'\n",
		"a='x''y'\n", "a=0x1f\n", "a=0X1F\n", "a=12ab\n", "a=1_2\n",
		"a=-1\n", "a=1.5\n", "a=00x\n", "a=0xg\n", "a=[]\n", "a=[ ]\n",
		"a=[1,]\n", "a=[,]\n", "a=[1,,2]\n", "a=[1 2]\n", "a=[1;2]\n",
		"a=[\n1\n,\n2\n,\n]\n", "a=[\n\n1]\n", "a=[\n]\n",
		"a=[#x\n#y\n1\n#z\n,\n#w\n]\n", "a=[[1,2],[3]]\n",
		"a=[[],[[]]]\n", "a=[1]]\n", "a=[[1]\n", "a=\n1\n", "a\n=1\n",
		"a='x\n", "a='x\\'y'\n", "a='x\\ny'\n", "a='x\\zy'\n",
		"a='\\\\'\n", "a='\\'\n", "a='\\", "a='", "a=\"x'y\"\n",
		"a='x\"y'\n", "a=1 # c\n", "a='#'\n", "a=1\r\n", "a=1\t\n",
		"a+=1\n", "a+=['1']\n", "a='x'\na+='y'\n", "a=1\na+=2\n",
		"a=['x']\na+=['y','z']\n", "a=['x']\na+='y'\n",
		"a='x'\na+=['y']\n", "a=1\na=2\n", "a='1'\na=['2']\n",
		"a=1 b=2\n", "a==1\n", "a+1\n", "a + =1\n", "a='x\\\ny'\n",
		"a=''\n", "a='x'b\n", "a=1g\n", "a=(1)\n", "a=\n", "=1\n",
		"a\n", "a 1\n", "a:1\n", "\f\n", "a='''x'''\n",
		"a=\"\"\"x\ny\"\"\"\n", "a='\xc3\xa9'\n", "\xc3\xa9=1\n",
		"a=[\"a\"=1]\n", "a=1\nb\nc_1=3\n", "a=[1", "a=[", "a=[1,",
		"a=1;b", "a=[]=1\n", "a=[1]\nb=[2]; c_1=[\n3\n]\n",
	};

	for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++)
		compare(corpus[i]);
}

static uint64_t seed = 20240607;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

#define PICK(array) ((array)[rnd(sizeof(array) / sizeof(*(array)))])

/* Well-formed more often than not: a value, up to three lists deep. */
static void make_value(FILE *f, unsigned int depth)
{
	static const char * const atoms[] = {
		"1", "0x2f", "'x'", "\"y z\"", "''", "'\\n\\\\'", "\"a'b\"",
		"'#,;=[]'", "12ab", "'\\\"'",
	};
	static const char * const gaps[] = { "", "", " ", "\n", " # c\n" };
	unsigned int n;

	if (depth == 3 || rnd(3)) {
		fputs(PICK(atoms), f);
		return;
	}
	fprintf(f, "[%s", PICK(gaps));
	for (n = rnd(4); n; n--) {
		make_value(f, depth + 1);
		fprintf(f, "%s%s%s", PICK(gaps), n > 1 || !rnd(3) ? "," : "",
			PICK(gaps));
	}
	fputc(']', f);
}

static void make_file(FILE *f)
{
	static const char * const ops[] = { "=", " = ", "=", "=", "+=" };
	static const char * const ends[] = { "\n", "\n", ";", " # c\n", "\n\n" };

	for (unsigned int n = 1 + rnd(5); n; n--) {
		fprintf(f, "%s%s", PICK(keys), PICK(ops));
		make_value(f, 0);
		fputs(PICK(ends), f);
	}
	fputc('\n', f);
}

/* Drop, double, swap or put in characters that mean something. */
static void mutate(char *text, size_t size)
{
	static const char chars[] = "=+[],;#'\"\\ \tabx_.019ZG-(\r\n\n";
	size_t len = strlen(text), at;

	for (unsigned int n = 1 + rnd(3); n; n--) {
		at = rnd((uint32_t)len);
		if (!rnd(3) && len > 2) {
			memmove(text + at, text + at + 1, len - at);
			len--;
		} else if (rnd(2) && len + 1 < size) {
			memmove(text + at + 1, text + at, len - at + 1);
			text[at] = chars[rnd(sizeof(chars) - 1)];
			len++;
		} else {
			text[at] = chars[rnd(sizeof(chars) - 1)];
		}
	}
}

/* Would the input meet one of the quirks named on top? */
static bool quirky(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p == '\\' && p[1] &&
		    strchr("01234567x", p[1]))
			return true;
	return false;
}

TEST(random, "files made up at random mean to xkvm what they mean to xl")
{
	char text[4096];

	for (unsigned int i = 0; i < 30000; i++) {
		FILE *f = fmemopen(text, sizeof(text) - 8, "w");

		memset(text, 0, sizeof(text));
		make_file(f);
		fclose(f);
		if (i % 3) {
			mutate(text, sizeof(text) - 8);
			strcat(text, "\n");
		}
		if (!quirky(text))
			compare(text);
	}
}

static enum disk_format their_format(libxl_disk_format f)
{
	switch (f) {
	case LIBXL_DISK_FORMAT_EMPTY:
		return DISK_EMPTY;
	case LIBXL_DISK_FORMAT_UNKNOWN:
	case LIBXL_DISK_FORMAT_RAW:
		return DISK_RAW;
	default:
		return DISK_QED;	/* none that xkvm accepts */
	}
}

static void compare_disk(const char *spec)
{
	XLU_Config *o = o_xlu_cfg_init(null, "F");
	struct vm_config_disk d;
	libxl_device_disk od;
	char err[256];
	int theirs, ours;

	/* Zeroed is how an unset libxl_device_disk looks but for backend. */
	memset(&od, 0, sizeof(od));
	od.backend_domid = 0;
	theirs = o_xlu_disk_parse(o, 1, &spec, &od);
	ours = xldisk_parse(&d, spec, err, sizeof(err));
	/* What xl leaves for libxl to find. */
	if (ours && (!strncmp(err, "no target", 9) ||
		     !strncmp(err, "no vdev", 7) ||
		     strstr(err, "is no device name")))
		ours = theirs = -EINVAL;
	CHECK_MSG(!theirs == !ours, "xl says %d, xkvm %d to '%s': %s", theirs,
		  ours, spec, ours ? err : "");
	if (!ours) {
		bool empty = !od.pdev_path || !*od.pdev_path;

		CHECK_MSG(d.format == DISK_EMPTY ? empty :
			  !empty && !strcmp(od.pdev_path, d.target),
			  "target differs: '%s'", spec);
		CHECK_MSG(!strcmp(od.vdev, d.vdev), "vdev differs: '%s'", spec);
		CHECK_MSG(empty || their_format(od.format) == d.format,
			  "format differs: '%s'", spec);
		CHECK_MSG(!od.readwrite == d.readonly &&
			  !!od.is_cdrom == d.cdrom, "access differs: '%s'",
			  spec);
		CHECK_MSG((od.discard_enable.val > 0) == d.discard &&
			  !!od.direct_io_safe == d.direct_io_safe,
			  "flags differ: '%s'", spec);
		free(d.target);
		free(d.vdev);
	}
	free(od.pdev_path);
	free(od.vdev);
	o_xlu_cfg_destroy(o);
}

static void make_disk(FILE *f)
{
	static const char * const old[] = { "phy:", "file:", "tap:aio:", "raw:" };
	static const char * const targets[] = {
		"/dev/vg/a", "/x.img", "rel.img", "/with space", "", "/x:y",
	};
	static const char * const formats[] = { "raw", "raw", "", "bogus" };
	static const char * const vdevs[] = {
		"xvda", "hda1", "sdb", "hdc:cdrom", "xvdb", "",
	};
	static const char * const access[] = { "r", "ro", "w", "rw", "", "x" };
	static const char * const more[] = {
		"cdrom", "discard", "no-discard", "direct-io-safe",
		"devtype=cdrom", "devtype=disk", "backendtype=phy", "bogus=1",
		"bogus", "vdev=xvdz", "access=r", "access=rw", "format=raw",
		"target=/t, u", " vdev=xvde", "target=/x=y",
	};

	if (rnd(3)) {
		fprintf(f, "%s, %s,%s, %s", PICK(targets), PICK(formats),
			PICK(vdevs), PICK(access));
	} else if (rnd(2)) {
		fprintf(f, "%s%s,%s,%s", PICK(old), PICK(targets), PICK(vdevs),
			PICK(access));
	} else if (rnd(2)) {
		fprintf(f, "%s,%s,%s", PICK(targets), PICK(formats),
			PICK(vdevs));
	} else {
		fputs("format=raw", f);
	}
	for (unsigned int n = rnd(4); n; n--)
		fprintf(f, ",%s", PICK(more));
}

TEST(random_disks, "disk specifications mean to xkvm what they mean to xl")
{
	char spec[512];

	for (unsigned int i = 0; i < 20000; i++) {
		FILE *f = fmemopen(spec, sizeof(spec), "w");

		make_disk(f);
		fclose(f);
		compare_disk(spec);
	}
}

#else

const char *tap_precondition(void)
{
	return "no <libxlutil.h> (libxen-dev)";
}

TEST(none, "")
{
}

#endif
