// SPDX-License-Identifier: GPL-2.0-or-later
/* Statistics as files: KVM_GET_STATS_FD of a VM and of a vCPU. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"

#define ROUNDS	25

struct stats {
	struct kvm_stats_header h;
	char id[256];
	char *desc;
	size_t desc_size;
};

static void read_at(int fd, void *buf, size_t len, off_t off)
{
	CHECK_EQ(pread(fd, buf, len, off), (ssize_t)len);
}

static struct kvm_stats_desc *stats_desc(struct stats *s, unsigned int i)
{
	return (struct kvm_stats_desc *)(s->desc + i * s->desc_size);
}

static struct stats *stats_open(int fd)
{
	struct stats *s = calloc(1, sizeof(*s));

	read_at(fd, &s->h, sizeof(s->h), 0);
	CHECK_EQ(s->h.flags, 0);
	CHECK(s->h.name_size > 0 && s->h.name_size <= sizeof(s->id));
	CHECK(s->h.num_desc > 0 && s->h.num_desc < 1000);
	CHECK(s->h.id_offset >= sizeof(s->h));
	CHECK(s->h.desc_offset >= s->h.id_offset + s->h.name_size);
	s->desc_size = sizeof(struct kvm_stats_desc) + s->h.name_size;
	CHECK(s->h.data_offset >= s->h.desc_offset +
	      s->h.num_desc * s->desc_size);
	read_at(fd, s->id, s->h.name_size, s->h.id_offset);
	CHECK(memchr(s->id, 0, s->h.name_size));
	s->desc = calloc(s->h.num_desc, s->desc_size);
	read_at(fd, s->desc, s->h.num_desc * s->desc_size, s->h.desc_offset);
	return s;
}

/* Every description makes sense and points to values that are there. */
static void stats_check(int fd, struct stats *s)
{
	for (unsigned int i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d = stats_desc(s, i);
		uint64_t val;

		CHECK((d->flags & KVM_STATS_TYPE_MASK) <= KVM_STATS_TYPE_MAX);
		CHECK((d->flags & KVM_STATS_UNIT_MASK) <= KVM_STATS_UNIT_MAX);
		CHECK((d->flags & KVM_STATS_BASE_MASK) <= KVM_STATS_BASE_MAX);
		CHECK_EQ(d->size, 1);
		CHECK_EQ(d->exponent, 0);
		CHECK_EQ(d->offset % 8, 0);
		CHECK(d->name[0]);
		CHECK(memchr(d->name, 0, s->h.name_size));
		read_at(fd, &val, sizeof(val), s->h.data_offset + d->offset);
		for (unsigned int j = 0; j < i; j++)
			CHECK(strcmp(d->name, stats_desc(s, j)->name));
	}
}

static uint64_t stats_get(int fd, struct stats *s, const char *name)
{
	for (unsigned int i = 0; i < s->h.num_desc; i++) {
		struct kvm_stats_desc *d = stats_desc(s, i);
		uint64_t val;

		if (strcmp(d->name, name))
			continue;
		read_at(fd, &val, sizeof(val), s->h.data_offset + d->offset);
		return val;
	}
	FAIL("no statistic called %s", name);
}

GUEST static void ports(void)
{
	for (int i = 0; i < ROUNDS; i++)
		g_sync(i);
	g_done();
}

TEST(vcpu, "a vCPU's counters count what it does")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct stats *s;
	uint64_t before;
	int fd;

	REQUIRE_CAP(KVM_CAP_BINARY_STATS_FD);
	fd = ioctl(v->fd, KVM_GET_STATS_FD, NULL);
	CHECK(fd >= 0);
	s = stats_open(fd);
	stats_check(fd, s);
	CHECK(strstr(s->id, "vcpu-0"));
	vcpu_enter64(v, ports);
	vcpu_sync(v);
	before = stats_get(fd, s, "io_exits");
	for (int i = 1; i < ROUNDS; i++)
		vcpu_sync(v);
	CHECK_EQ(stats_get(fd, s, "io_exits"), before + ROUNDS - 1);
	CHECK(stats_get(fd, s, "exits") >= before + ROUNDS - 1);
}

TEST(vm, "a VM's file; both outlive what they are about")
{
	struct vm *vm = vm_new(0);
	struct vcpu *v = vcpu_new(vm, 0);
	struct stats *s, *vs;
	int fd, vfd;

	REQUIRE_CAP(KVM_CAP_BINARY_STATS_FD);
	fd = ioctl(vm->fd, KVM_GET_STATS_FD, NULL);
	vfd = ioctl(v->fd, KVM_GET_STATS_FD, NULL);
	CHECK(fd >= 0 && vfd >= 0);
	s = stats_open(fd);
	vs = stats_open(vfd);
	CHECK(!strstr(s->id, "vcpu"));
	close(v->fd);
	close(vm->fd);
	stats_check(fd, s);
	stats_check(vfd, vs);
}

TEST(file, "reads end at the end, and nothing is written")
{
	struct vm *vm = vm_new(0);
	char buf[64];
	int fd;

	REQUIRE_CAP(KVM_CAP_BINARY_STATS_FD);
	fd = ioctl(vm->fd, KVM_GET_STATS_FD, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, buf, sizeof(buf), 1 << 20), 0);
	CHECK_ERRNO(write(fd, buf, 1), EBADF);
	CHECK_EQ(read(fd, buf, sizeof(buf)), (ssize_t)sizeof(buf));
}
