// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The xl.cfg reader: what each key does, what is refused and how it is said.
 * That the syntax is xl's own is xlcfg_oracle_test's.
 */
#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/cli/xlcfg.h"
#include "../../vmm/cli/xldisk.h"

const char *tap_precondition(void)
{
	return NULL;
}

static char *messages;		/* of the last load() */
static size_t messages_len;

/* Convert @text, followed by @extra if not NULL. */
static int load(struct vm_config *cfg, const char *text, char *extra)
{
	char path[] = "/tmp/xlcfg-test-XXXXXX", *at;
	int fd = mkstemp(path), ret;
	FILE *errs;

	CHECK_OK(fd);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	free(messages);
	errs = open_memstream(&messages, &messages_len);
	ret = xlcfg_load(cfg, path, &extra, extra ? 1 : 0, errs);
	fclose(errs);
	unlink(path);
	/* Messages then read "F:1: key: ...". */
	while ((at = strstr(messages, path))) {
		*at = 'F';
		memmove(at + 1, at + strlen(path), strlen(at + strlen(path)) + 1);
	}
	return ret;
}

#define MINIMAL "type='pvh'\nname='g'\nkernel='/k'\nmemory=64\n"

static void check_no_leak(void)
{
	free(messages);
	messages = NULL;
	CHECK(!__lsan_do_recoverable_leak_check());
}

TEST(minimal, "a minimal file gives the documented defaults")
{
	struct vm_config c;

	CHECK_EQ(load(&c, MINIMAL, NULL), 0);
	CHECK(!*messages);
	CHECK(!strcmp(c.name, "g") && !strcmp(c.kernel, "/k"));
	CHECK(!c.ramdisk && !strcmp(c.cmdline, "") && !c.nr_disks);
	CHECK_EQ(c.memory_mib, 64);
	CHECK_EQ(c.maxmem_mib, 64);
	CHECK_EQ(c.vcpus, 1);
	CHECK_EQ(c.maxvcpus, 1);
	CHECK_EQ(c.uuid[6] >> 4, 4);
	CHECK_EQ(c.uuid[8] >> 6, 2);
	CHECK_EQ(c.on_poweroff, VM_ACTION_DESTROY);
	CHECK_EQ(c.on_reboot, VM_ACTION_RESTART);
	CHECK_EQ(c.on_crash, VM_ACTION_DESTROY);
	CHECK_EQ(c.on_watchdog, VM_ACTION_DESTROY);
	CHECK_EQ(c.on_soft_reset, VM_ACTION_SOFT_RESET);
	vm_config_free(&c);
	CHECK(!c.name);
	check_no_leak();
}

TEST(full, "every key is read, later ones win, the command line last")
{
	static const uint8_t uuid[16] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
	};
	char cwd[256], want[300];
	struct vm_config c;

	CHECK_EQ(load(&c,
		      "# a comment\n"
		      "name = \"web-1\"; type = 'pvh'\n"
		      "builder='generic'\n"
		      "uuid='01234567-89ab-CDEF-fedc-ba9876543210'\n"
		      "memory=0x100\nmemory='512'\nmaxmem=1024\n"
		      "vcpus=2\nmaxvcpus=4\n"
		      "kernel='vmlinuz'\nramdisk='/boot/initrd'\n"
		      "root='/dev/xvda1 ro'\nextra='quiet'\nextra+=' x=1'\n"
		      "disk = [\n '/dev/vg/a,xvda,w', # first\n"
		      "  'format=raw, vdev=xvdb, access=ro, target=/img,1',\n]\n"
		      "on_poweroff='preserve'\non_reboot='destroy'\n"
		      "on_watchdog='restart'\non_crash='coredump-restart'\n"
		      "on_soft_reset='rename-restart'\n", "vcpus=3"), -EINVAL);
	CHECK_MSG(strstr(messages, "disk: unknown format 'xvda'"), "%s",
		  messages);

	CHECK_EQ(load(&c,
		      "name = \"web-1\"; type = 'pvh'\n"
		      "builder='generic'\n"
		      "uuid='01234567-89ab-CDEF-fedc-ba9876543210'\n"
		      "memory=0x100\nmemory='512'\nmaxmem=1024\n"
		      "vcpus=2\nmaxvcpus=4\n"
		      "kernel='vmlinuz'\nramdisk='/boot/initrd'\n"
		      "root='/dev/xvda1 ro'\nextra='quiet'\nextra+=' x=1'\n"
		      "disk = [\n 'phy:/dev/vg/a,xvda,w', # first\n"
		      "  'format=raw, vdev=xvdb, access=ro, target=/img,1',\n]\n"
		      "on_poweroff='preserve'\non_reboot='destroy'\n"
		      "on_watchdog='restart'\non_crash='coredump-restart'\n"
		      "on_soft_reset='rename-restart'\n", "vcpus=3"), 0);
	CHECK_MSG(!strcmp(messages, "F:2: builder: warning: obsolete beside type, ignored\n"),
		  "%s", messages);
	CHECK(!strcmp(c.name, "web-1"));
	CHECK(!memcmp(c.uuid, uuid, 16));
	CHECK_EQ(c.memory_mib, 512);
	CHECK_EQ(c.maxmem_mib, 1024);
	CHECK_EQ(c.vcpus, 3);
	CHECK_EQ(c.maxvcpus, 4);
	CHECK(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/vmlinuz", cwd);
	CHECK(!strcmp(c.kernel, want));
	CHECK(!strcmp(c.ramdisk, "/boot/initrd"));
	CHECK(!strcmp(c.cmdline, "root=/dev/xvda1 ro quiet x=1"));
	CHECK_EQ(c.nr_disks, 2);
	CHECK(!strcmp(c.disks[0].target, "/dev/vg/a"));
	CHECK(!strcmp(c.disks[0].vdev, "xvda") && !c.disks[0].readonly);
	CHECK(!strcmp(c.disks[1].target, "/img,1"));
	CHECK(!strcmp(c.disks[1].vdev, "xvdb") && c.disks[1].readonly);
	CHECK_EQ(c.on_poweroff, VM_ACTION_PRESERVE);
	CHECK_EQ(c.on_reboot, VM_ACTION_DESTROY);
	CHECK_EQ(c.on_watchdog, VM_ACTION_RESTART);
	CHECK_EQ(c.on_crash, VM_ACTION_COREDUMP_RESTART);
	CHECK_EQ(c.on_soft_reset, VM_ACTION_RENAME_RESTART);
	vm_config_free(&c);
	check_no_leak();
}

TEST(warnings, "unknown and unsupported keys and a hidden root are warned of")
{
	struct vm_config c;

	CHECK_EQ(load(&c, MINIMAL "vif=['bridge=br0']\n\nmemmory=7\n"
		      "cmdline='a'\nroot='b'\n", NULL), 0);
	CHECK_MSG(!strcmp(messages,
			  "F:8: cmdline: warning: set, so root and extra are ignored\n"
			  "F:5: vif: warning: not supported yet, ignored\n"
			  "F:7: memmory: warning: unknown key, ignored\n"),
		  "%s", messages);
	CHECK(!strcmp(c.cmdline, "a"));
	vm_config_free(&c);
	check_no_leak();
}

TEST(refusals, "each bad value is one line with file, line, key and remedy")
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "type='hvm'", "F:5: type: hvm guests are not supported yet: use type=\"pvh\" or \"pv\"\n" },
		{ "type='x'", "F:5: type: unknown type 'x'" },
		{ "type=['pvh']", "F:5: type: is a list" },
		{ "name=''", "F:5: name: '' cannot be" },
		{ "name='../x'", "F:5: name: '../x' cannot be" },
		{ "name='.x'", "F:5: name: " },
		{ "name='-x'", "F:5: name: " },
		{ "name='a b'", "F:5: name: " },
		{ "name='a/b'", "F:5: name: " },
		{ "name=['a']", "F:5: name: is a list, a string is wanted\n" },
		{ "uuid='0123'", "F:5: uuid: '0123' is not of the form" },
		{ "uuid='01234567-89ab-cdef-fedc-ba987654321g'", "F:5: uuid: " },
		{ "uuid='01234567x89ab-cdef-fedc-ba9876543210'", "F:5: uuid: " },
		{ "memory=0", "F:5: memory: 0 is not within 8 to " },
		{ "memory=99999999999999999999999", "F:5: memory: " },
		{ "memory='64M'", "F:5: memory: '64M' is not a number\n" },
		{ "memory=' 64'", "F:5: memory: ' 64' is not a number\n" },
		{ "memory='-64'", "F:5: memory: '-64' is not a number\n" },
		{ "memory=''", "F:5: memory: '' is not a number\n" },
		{ "memory=0x", "F:5: memory: '0x' is not a number\n" },
		{ "memory=12ab", "F:5: memory: '12ab' is not a number\n" },
		{ "memory=[64]", "F:5: memory: is a list, a number is wanted\n" },
		{ "maxmem=32", "F:5: maxmem: is less than memory=64\n" },
		{ "vcpus=0", "F:5: vcpus: 0 is not within 1 to 128\n" },
		{ "vcpus=129", "F:5: vcpus: 129 is not within 1 to 128\n" },
		{ "vcpus=4\nmaxvcpus=2", "F:6: maxvcpus: is less than vcpus=4\n" },
		{ "kernel=''", "F:5: kernel: is an empty path\n" },
		{ "ramdisk=''", "F:5: ramdisk: is an empty path\n" },
		{ "cmdline=['a']", "F:5: cmdline: is a list" },
		{ "pvshim='yes'", "F:5: pvshim: 'yes' is not a number\n" },
		{ "pvshim=2", "F:5: pvshim: 2 is not within 0 to 1\n" },
		{ "pvshim_path=''", "F:5: pvshim_path: is an empty path\n" },
		{ "pvshim_cmdline=['a']", "F:5: pvshim_cmdline: is a list" },
		{ "pvshim_extra=['a']", "F:5: pvshim_extra: is a list" },
		{ "disk='a,raw,xvda,w'", "F:5: disk: is a string, a list is wanted: disk = [ '...' ]\n" },
		{ "disk=[['a']]", "F:5: disk: is a list of lists" },
		{ "disk=['a,raw,xvda,w',\n'b,raw,xvda,w']", "F:6: disk: xvda is given twice\n" },
		{ "disk=['a,raw,xvda,w',\n'b,raw,51712,w']", "F:6: disk: xvda and 51712 are one device: name another\n" },
		{ "disk=['a,raw,xvda,w', 'c,raw,xvdb,w',\n'b,raw,d0p0,w']", "F:6: disk: xvda and d0p0 are one device: name another\n" },
		{ "disk=['a,raw,0x341,w',\n'b,raw,hdb1,w']", "F:6: disk: 0x341 and hdb1 are one device: name another\n" },
		{ "disk=['a,qcow2,xvda,w']", "F:5: disk: a: format qcow2 is not supported yet: convert with qemu-img convert -f qcow2 -O raw\n" },
		{ "on_crash='explode'", "F:5: on_crash: unknown action 'explode'" },
		{ "on_crash=[1]", "F:5: on_crash: is a list" },
		{ "memory=64 vcpus=2", "F:5: 'vcpus' stands where a key or the end of the line belongs\n" },
		{ "memory", "F:5: the line ends where '=' belongs\n" },
		{ "memory=", "F:5: the line ends where a quoted string, a number or '[' belongs\n" },
		{ "memory=x", "F:5: 'x' stands where a quoted" },
		{ "name='x", "F:5: a string is not closed on its line\n" },
		{ "name='x\\q'", "F:5: a string holds a backslash" },
		{ "name='x\\400'", "F:5: a string holds a backslash" },
		{ "name='x\\000'", "F:5: a string holds a backslash" },
		{ "Name=1", "F:5: 'N' is not expected here" },
		{ "memory=64\r", "F:5: carriage return" },
		{ "disk=['a'\n'b']", "F:6: ''b'' stands where ',' or ']' belongs\n" },
		{ "disk=['a',", "F:6: the line ends where" },
	};
	struct vm_config c;
	char text[512];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(text, sizeof(text), MINIMAL "%s\n", t[i].text);
		CHECK_MSG(load(&c, text, NULL) == -EINVAL, "%s accepted",
			  t[i].text);
		CHECK_MSG(!strncmp(messages, t[i].says, strlen(t[i].says)),
			  "%s: %s", t[i].text, messages);
		CHECK_MSG(strchr(messages, '\n') == messages + strlen(messages) - 1,
			  "more than a line: %s", messages);
		CHECK(!c.name && !c.kernel && !c.disks && !c.cmdline);
	}
	check_no_leak();
}

static void check_shim(const char *text, const char *path, const char *cmdline)
{
	struct vm_config c;

	CHECK_MSG(!load(&c, text, NULL), "%s", messages);
	CHECK_MSG(!*messages, "%s", messages);
	CHECK_MSG(!strcmp(c.kernel, "/k"), "%s", c.kernel);
	if (!cmdline) {
		CHECK(!c.shim && !c.shim_cmdline);
	} else {
		CHECK(c.shim && c.shim_cmdline);
		if (path)
			CHECK_MSG(!strcmp(c.shim, path), "%s", c.shim);
		/* wherever this machine has it */
		CHECK_MSG(c.shim[0] == '/' && strstr(c.shim, "/xen-shim"),
			  "%s", c.shim);
		CHECK_MSG(!strcmp(c.shim_cmdline, cmdline), "%s",
			  c.shim_cmdline);
	}
	vm_config_free(&c);
}

TEST(shim, "pvshim and its keys, and type pv, which is the default as with xl")
{
	static const char plain[] = "pv-shim console=xen,pv";

	check_shim(MINIMAL "pvshim=1\n", NULL, plain);
	check_shim(MINIMAL "pvshim=1\npvshim_path='/x/xen-shim'\n",
		   "/x/xen-shim", plain);
	check_shim(MINIMAL "pvshim=1\npvshim_extra='loglvl=all'\n", NULL,
		   "pv-shim console=xen,pv loglvl=all");
	check_shim(MINIMAL "pvshim='1'\npvshim_cmdline='pv-shim'\n", NULL,
		   "pv-shim");
	check_shim(MINIMAL "pvshim_extra='a=b c'\npvshim_cmdline='pv-shim'\npvshim=1\n",
		   NULL, "pv-shim a=b c");
	check_shim(MINIMAL "pvshim=0\npvshim_path='/x/xen-shim'\npvshim_extra='a'\n",
		   NULL, NULL);
	check_shim(MINIMAL "pvshim_cmdline='pv-shim'\n", NULL, NULL);
	check_shim(MINIMAL "type='pv'\n", NULL, plain);
	check_shim(MINIMAL "type='pv'\npvshim_path='/x/xen-shim'\npvshim_extra='a'\n",
		   "/x/xen-shim", "pv-shim console=xen,pv a");
	check_shim("name='g'\nkernel='/k'\nmemory=64\n", NULL, plain);
	check_no_leak();
}

TEST(missing, "what must be set is asked for")
{
	struct vm_config c;

	CHECK_EQ(load(&c, "type='pvh'\nkernel='/k'\nmemory=64\n", NULL), -EINVAL);
	CHECK(!strncmp(messages, "F: name: not set", 16));
	CHECK_EQ(load(&c, "type='pvh'\nname='a'\nmemory=64\n", NULL), -EINVAL);
	CHECK(!strncmp(messages, "F: kernel: not set", 18));
	CHECK_EQ(load(&c, "type='pvh'\nname='a'\nkernel='/k'\n", NULL), -EINVAL);
	CHECK(!strncmp(messages, "F: memory: not set", 18));
	CHECK_EQ(load(&c, "builder='hvm'\nname='a'\nkernel='/k'\n", NULL), -EINVAL);
	CHECK(!strncmp(messages, "F:1: builder: is obsolete", 25));
	CHECK_EQ(load(&c, MINIMAL, "memory=x"), -EINVAL);
	CHECK(!strncmp(messages, "command line:1: ", 16));
	check_no_leak();
}

TEST(unreadable, "a missing, unreadable or huge file is one line")
{
	struct vm_config c;
	FILE *errs = open_memstream(&messages, &messages_len);

	CHECK_EQ(xlcfg_load(&c, "/nonexistent/x.cfg", NULL, 0, errs), -ENOENT);
	CHECK_EQ(xlcfg_load(&c, "/tmp", NULL, 0, errs), -EIO);
	CHECK_EQ(xlcfg_load(&c, "/dev/zero", NULL, 0, errs), -EFBIG);
	fclose(errs);
	CHECK_MSG(!strcmp(messages,
		  "/nonexistent/x.cfg: cannot open the configuration: No such file or directory\n"
		  "/tmp: cannot read the configuration: Is a directory\n"
		  "/dev/zero: too long to be a configuration (more than 1048576 bytes)\n"),
		  "%s", messages);
	check_no_leak();
}

TEST(escapes, "numeric escapes name the byte, nesting is bounded")
{
	const char text[] = "a='\\101\\x42\\x6a\\\\\\'\\\"\\n'\n";
	char deep[200];
	struct xl_tree tree = { 0 };

	CHECK_EQ(xlparse(&tree, "F", text, sizeof(text) - 1, stderr), 0);
	CHECK(!strcmp(xl_tree_find(&tree, "a")->value.str, "ABj\\'\"\n"));
	xl_tree_free(&tree);

	memset(deep, '[', sizeof(deep));
	memcpy(deep, "a=", 2);
	CHECK_EQ(xlparse(&tree, "F", deep, sizeof(deep), stdout), -EINVAL);
	xl_tree_free(&tree);
	CHECK_EQ(xlparse(&tree, "F", "a='\0'\n", 6, stdout), -EINVAL);
	xl_tree_free(&tree);
	CHECK_EQ(xlparse(&tree, "F", "a=1\0\n", 5, stdout), -EINVAL);
	xl_tree_free(&tree);
	check_no_leak();
}

TEST(disks, "disk specifications in all their forms")
{
	static const struct {
		const char *spec, *target, *vdev;
		bool ro, cdrom, discard, direct;
	} good[] = {
		{ "/a,raw,xvda,w", "/a", "xvda" },
		{ " /a , raw , xvda , w ", "/a", "xvda" },
		{ "/a,,xvda", "/a", "xvda" },
		{ "/a,raw,hda,ro", "/a", "hda", .ro = true },
		{ "/dev/vg/x,raw,hdc,,cdrom", "/dev/vg/x", "hdc", .ro = true, .cdrom = true },
		{ "/dev/vg/x,,hdc:cdrom,r", "/dev/vg/x", "hdc", .ro = true, .cdrom = true },
		{ "/a,raw,hdc:cdrom,w", "/a", "hdc", .ro = true, .cdrom = true },
		{ "format=raw,/a,xvda,r", "/a", "xvda", .ro = true },
		{ "/a,raw,xvda,w,access=r", "/a", "xvda", .ro = true },
		{ ",empty,hdc,r,cdrom", NULL, "hdc", .ro = true, .cdrom = true },
		{ "vdev=xvda1,target=/a, b,c", "/a, b,c", "xvda1" },
		{ "format=raw,vdev=xvda,access=rw,discard,/a", "/a", "xvda", .discard = true },
		{ "/a,raw,xvda,w,discard,no-discard", "/a", "xvda" },
		{ "/a,raw,d1p3,w,direct-io-safe", "/a", "d1p3", .direct = true },
		{ "file:/a,51712,w", "/a", "51712" },
		{ "/a,raw,0xca00,w", "/a", "0xca00" },
		{ "tap:aio:/a,sda1,w", "/a", "sda1" },
		{ "tap2:tapdisk:raw:/a,xvdaa,w", "/a", "xvdaa" },
		{ "/a,raw,xvda,w,backendtype=phy,devtype=disk,backend=0", "/a", "xvda" },
	};
	static const struct {
		const char *spec, *says;
	} bad[] = {
		{ "", "no vdev" },
		{ "/a", "no vdev" },
		{ "/a,raw", "no vdev" },
		{ ",raw,xvda,w", "no target" },
		{ ",empty,xvda,w", "no target" },
		{ "/a,xvda", "unknown format 'xvda'" },
		{ "/a,raw,xvda,x", "unknown access 'x'" },
		{ "/a,raw,xvda,w,bogus", "unknown option 'bogus'" },
		{ "/a,raw,xvda,w,bogus=1", "unknown option 'bogus'" },
		{ "/a,raw,xvda,w,format=vhd", "the format is given twice" },
		{ "/a,raw,xvda,w,vdev=xvdb", "the vdev is given twice" },
		{ "/a,raw,xvda,w,target=/b", "the target is given twice" },
		{ "/a,raw,xvd,w", "'xvd' is no device name" },
		{ "/a,raw,xvda01,w", "'xvda01' is no" },
		{ "/a,raw,d1p,w", "'d1p' is no" },
		{ "/a,raw,floppy,w", "'floppy' is no" },
		{ "/a,raw,12zz,w", "'12zz' is no" },
		{ "/a,raw,vda,w", "'vda' is no" },
		{ "/a,raw,xvdzzzzz,w", "'xvdzzzzz' is no" },
		{ "/a,raw,hde,w", "'hde' is no" },
		{ "/a,raw,2147483648,w", "'2147483648' is no" },
		{ "/a,raw,0000000000051712,w", "'0000000000051712' is no" },
		{ "/a,raw,hdc:x,w", "unknown devtype 'x'" },
		{ "qcow2:/a,xvda,w", "/a: format qcow2 is not" },
		{ "/a,vhd,xvda,w", "/a: format vhd is not supported yet: convert with qemu-img convert -f vpc -O raw" },
		{ "/a,qed,xvda,w", "/a: format qed is not" },
		{ "iscsi:x,raw,xvda,w", "'iscsi:' needs a block script" },
		{ "/a,raw,xvda,w,script=x", "script=x is not supported" },
		{ "/a,raw,xvda,w,backend=dd", "backend=dd: disks are" },
		{ "/a,raw,xvda,w,specification=virtio", "specification=virtio is" },
	};
	struct vm_config_disk d;
	char err[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK_MSG(!xldisk_parse(&d, good[i].spec, err, sizeof(err)),
			  "%s: %s", good[i].spec, err);
		CHECK_MSG(good[i].target ? !strcmp(d.target, good[i].target) :
			  d.format == DISK_EMPTY, "%s", good[i].spec);
		CHECK_MSG(!strcmp(d.vdev, good[i].vdev), "%s", good[i].spec);
		CHECK_MSG(d.readonly == good[i].ro &&
			  d.cdrom == good[i].cdrom &&
			  d.discard == good[i].discard &&
			  d.direct_io_safe == good[i].direct, "%s",
			  good[i].spec);
		free(d.target);
		free(d.vdev);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_MSG(xldisk_parse(&d, bad[i].spec, err, sizeof(err)) ==
			  -EINVAL, "%s accepted", bad[i].spec);
		CHECK_MSG(!strncmp(err, bad[i].says, strlen(bad[i].says)),
			  "%s: %s", bad[i].spec, err);
		CHECK(!d.target && !d.vdev);
	}
	check_no_leak();
}
