// SPDX-License-Identifier: GPL-2.0-or-later
/* The names of disks, and what is opened for them. */
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "../../vmm/config.h"
#include "../../vmm/pv/disk.h"
#include "../../vmm/vdev.h"

const char *tap_precondition(void)
{
	return NULL;
}

TEST(names, "virtual devices have Xen's numbers")
{
	static const struct {
		const char *name;
		uint32_t vdev;
	} good[] = {
		{ "xvda", 51712 }, { "xvdb", 51728 }, { "xvda1", 51713 },
		{ "xvdp15", 51967 }, { "xvdq", 1u << 28 | 16 << 8 },
		{ "xvda16", 1u << 28 | 16 }, { "xvdaa", 1u << 28 | 26 << 8 },
		{ "xvdtq37", 1u << 28 | 536 << 8 | 37 },
		{ "xvdbgqcv", 1u << 28 | ((1 << 20) - 1) << 8 },
		{ "xvda255", 1u << 28 | 255 },
		{ "hda", 768 }, { "hda63", 831 }, { "hdb2", 834 },
		{ "hdc", 5632 }, { "hdd", 5696 }, { "sda", 2048 },
		{ "sdb3", 2067 }, { "sdp15", 2303 },
		{ "d0p0", 51712 }, { "d1p2", 51730 }, { "d0x1p0x2", 51730 },
		{ "d536p37", 1u << 28 | 536 << 8 | 37 },
		{ "51712", 51712 }, { "0xca00", 51712 }, { "0XCA00", 51712 },
		{ "0145000", 51712 }, { "268439552", 268439552 },
		{ "2147483647", 2147483647 },
	};
	static const char *const bad[] = {
		"", "xvd", "xvda0", "xvda01", "xvdA", "xvda1x", "hde", "sdq",
		"sda16", "hda64", "xvda256", "fda", "d", "d0", "dp1", "d1p",
		"d1p2x", "d1048576p0", "d0p256", "d-1p0", "d1p-2", "xvda-1",
		"xvdzzzzzz", "xvdbgqcw", "vda", "vda1", "vdb", "2147483648",
		"99999999999999999999999", "-1", "+1", " 1", "1 ", "0x", "12zz",
		"08", "xvda+1", "xvda 1",
	};
	uint32_t vdev;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_MSG(!vdev_number(good[i].name, &vdev) &&
			  vdev == good[i].vdev, "%s", good[i].name);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(vdev_number(bad[i], &vdev) == -EINVAL, "%s", bad[i]);
}

static char dir[] = "/tmp/disk_test.XXXXXX", path[64], err[256];
static struct vm_config_disk cfg = {
	.target = path, .vdev = (char *)"xvda", .format = DISK_RAW,
};
static struct disk disk;

static void begin(void)
{
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
}

static void end(void)
{
	unlink(path);
	CHECK_OK(rmdir(dir));
}

static void make_file(off_t size)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	CHECK_OK(fd);
	CHECK_OK(ftruncate(fd, size));
	close(fd);
}

/* One line, at once, with the target and @text in it; nothing is left open. */
static void refused(const char *text)
{
	int mode, fd = dup(0);

	close(fd);
	for (mode = 0; mode < 4; mode++) {
		cfg.readonly = mode & 1;
		cfg.direct_io_safe = mode & 2;
		CHECK(disk_open(&disk, &cfg, err, sizeof(err)) < 0);
		CHECK_MSG(strstr(err, cfg.target) && strstr(err, text) &&
			  !strchr(err, '\n'), "%s", err);
		CHECK_EQ(disk.fd, -1);
	}
	CHECK_EQ(dup(0), fd);
	close(fd);
}

TEST(kinds, "what is neither file nor block device is refused at once")
{
	static const char text[] = "neither a disk image nor a block device";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), master, slave;

	begin();
	CHECK_OK(mkfifo(path, 0600));
	refused(text);
	unlink(path);
	memcpy(sun.sun_path, path, sizeof(path));
	CHECK_OK(bind(s, (struct sockaddr *)&sun, sizeof(sun)));
	refused(text);
	cfg.target = dir;
	refused(text);
	cfg.target = (char *)"/dev/null";
	refused(text);
	CHECK_OK(openpty(&master, &slave, NULL, NULL, NULL));
	cfg.target = ttyname(slave);
	CHECK(cfg.target);
	refused(text);
	close(master);
	close(slave);
	close(s);
	end();
}

TEST(missing, "a target that is not there, or empty")
{
	begin();
	refused("No such file or directory");
	make_file(0);
	refused("empty");
	unlink(path);
	CHECK_OK(symlink(path, path));
	refused("Too many levels");
	end();
}

TEST(sizes, "whole sectors, the last one begun")
{
	static const struct {
		off_t bytes;
		uint64_t sectors;
	} rows[] = { { 1, 1 }, { 511, 1 }, { 512, 1 }, { 513, 2 },
		     { 1 << 20, 2048 }, { (1 << 20) + 100, 2049 } };
	size_t i;

	begin();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_file(rows[i].bytes);
		CHECK_MSG(!disk_open(&disk, &cfg, err, sizeof(err)), "%s", err);
		CHECK_EQ(disk.sectors, rows[i].sectors);
		CHECK_EQ(disk.bytes, rows[i].bytes);
		CHECK_EQ(disk.sector_size, 512);
		CHECK(disk.physical_size >= 512);
		CHECK_EQ(rows[i].bytes % disk.physical_size &&
			 disk.physical_size > 512, 0);
		disk_close(&disk);
	}
	end();
}

TEST(direct, "a file is opened directly where sectors of 512 bytes work")
{
	static unsigned char page[4096] __attribute__((aligned(4096)));

	begin();
	make_file(1 << 20);
	cfg.direct_io_safe = true;
	CHECK_MSG(!disk_open(&disk, &cfg, err, sizeof(err)), "%s", err);
	CHECK_EQ(!!(fcntl(disk.fd, F_GETFL) & O_DIRECT), disk.direct);
	CHECK_EQ(pread(disk.fd, page + 512, 512, 1024), 512);
	tap_diag("%s, physical sectors of %u bytes",
		 disk.direct ? "directly" : "through the page cache",
		 disk.physical_size);
	disk_close(&disk);
	end();
}

TEST(locked, "an image is written by one guest at a time")
{
	struct disk other;

	begin();
	make_file(1 << 20);
	CHECK_MSG(!disk_open(&disk, &cfg, err, sizeof(err)), "%s", err);
	CHECK(disk_open(&other, &cfg, err, sizeof(err)) == -EBUSY);
	CHECK(strstr(err, path) && strstr(err, "in use"));
	cfg.readonly = true;
	CHECK(disk_open(&other, &cfg, err, sizeof(err)) == -EBUSY);
	disk_close(&disk);
	/* Readers share it. */
	CHECK_EQ(disk_open(&disk, &cfg, err, sizeof(err)), 0);
	CHECK_EQ(disk_open(&other, &cfg, err, sizeof(err)), 0);
	disk_close(&other);
	disk_close(&disk);
	end();
}
