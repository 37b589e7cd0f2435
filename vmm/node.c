// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the VMM asks of /dev/xkvm, whose ABI is KVM's: any node with these
 * capabilities will do.
 */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../include/uapi/linux/xkvm.h"
#include "vm_priv.h"
#include "x86/cpu.h"
#include "xen/kernel.h"

#define NODE_DEFAULT	"/dev/xkvm"

/* Where real-mode guests on old CPUs have helpers: in the hole below 4 GiB. */
#define NODE_IDENTITY_MAP	0xfeffc000ull
#define NODE_TSS		0xfeffd000ull

static const struct {
	int cap;
	const char *name;
} node_needs[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
	{ KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
};

static int __attribute__((format(printf, 4, 5)))
node_fail(char *err, size_t len, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, len, fmt, ap);
	va_end(ap);
	return code;
}

static const char *node_path(void)
{
	return getenv("XKVM_DEV") ?: NODE_DEFAULT;
}

static int node_cap(const struct vm *vm, int cap)
{
	return ioctl(vm->node_fd, KVM_CHECK_EXTENSION, (unsigned long)cap);
}

static int node_check(struct vm *vm, char *err, size_t len)
{
	uint32_t need = kernel_xen_required();
	int max, have;
	size_t i;

	for (i = 0; i < sizeof(node_needs) / sizeof(node_needs[0]); i++)
		if (node_cap(vm, node_needs[i].cap) <= 0)
			return node_fail(err, len, -EOPNOTSUPP,
					 "%s lacks %s: use the xkvm.ko that belongs to this xkvm",
					 node_path(), node_needs[i].name);
	have = node_cap(vm, KVM_CAP_XEN_HVM);
	if (have < 0 || (have & need) != need)
		return node_fail(err, len, -EOPNOTSUPP,
				 "%s cannot run Xen guests (KVM_CAP_XEN_HVM is %#x, %#x are needed): use the xkvm.ko that belongs to this xkvm",
				 node_path(), have > 0 ? have : 0, need);
	vm->xen_features = have;
	vm->has_special = node_cap(vm, XKVM_CAP_SPECIAL) >= MEM_NR_ALIASES;
	max = node_cap(vm, KVM_CAP_MAX_VCPUS);
	if (max <= 0)
		max = 4;		/* as the API has it */
	if (max > VM_MAX_VCPUS)
		max = VM_MAX_VCPUS;
	if (vm->cfg->maxvcpus > (unsigned int)max)
		return node_fail(err, len, -EINVAL,
				 "maxvcpus=%u is more than the %d a guest can have: lower it",
				 vm->cfg->maxvcpus, max);
	return 0;
}

int node_open(struct vm *vm, char *err, size_t err_len)
{
	int ret;

	vm->node_fd = open(node_path(), O_RDWR | O_CLOEXEC);
	if (vm->node_fd < 0) {
		ret = -errno;
		if (ret == -ENOENT || ret == -ENXIO || ret == -ENODEV)
			return node_fail(err, err_len, ret,
					 "no %s: insmod xkvm.ko, or set XKVM_DEV",
					 node_path());
		return node_fail(err, err_len, ret, "%s: %s%s", node_path(),
				 strerror(-ret), ret == -EACCES ?
				 ": run as root" : "");
	}
	ret = ioctl(vm->node_fd, KVM_GET_API_VERSION, 0);
	if (ret != KVM_API_VERSION) {
		ret = node_fail(err, err_len, -EOPNOTSUPP,
				"%s is no hypervisor's node: insmod xkvm.ko, or set XKVM_DEV",
				node_path());
		goto err_close;
	}
	ret = node_check(vm, err, err_len);
	if (ret)
		goto err_close;
	ret = ioctl(vm->node_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (ret < (int)sizeof(struct kvm_run)) {
		ret = node_fail(err, err_len, -EOPNOTSUPP,
				"%s: no run area", node_path());
		goto err_close;
	}
	vm->run_size = ret;
	ret = cpu_query(vm);
	if (ret) {
		node_fail(err, err_len, ret, "%s: CPUID: %s", node_path(),
			  strerror(-ret));
		goto err_close;
	}
	return 0;

err_close:
	close(vm->node_fd);
	return ret;
}

void node_close(struct vm *vm)
{
	free(vm->cpuid);
	close(vm->node_fd);
}

/* Memory slots */

static int vm_set_slot(struct vm *vm, uint32_t slot, uint64_t at, void *host,
		       uint64_t len)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = len,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

int vm_slot_add(struct vm *vm, gfn_t at, void *host, uint64_t len)
{
	uint32_t slot;
	int err;

	for (slot = 0; slot < VM_MAX_SLOTS && vm->slots[slot]; slot++)
		;
	if (slot == VM_MAX_SLOTS)
		return -ENOSPC;
	err = vm_set_slot(vm, slot, gfn_to_gpa(at).v, host, len);
	if (err)
		return err;
	vm->slots[slot] = true;
	return slot;
}

int vm_slot_del(struct vm *vm, int slot)
{
	int err = vm_set_slot(vm, slot, 0, NULL, 0);

	if (!err)
		vm->slots[slot] = false;
	return err;
}

/* The local APICs are the kernel's; there is no other interrupt controller. */
static int node_irqchip(struct vm *vm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP };
	uint64_t identity = NODE_IDENTITY_MAP;

	if (node_cap(vm, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		return -errno;
	if (node_cap(vm, KVM_CAP_SET_TSS_ADDR) > 0 &&
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, NODE_TSS))
		return -errno;
	return ioctl(vm->fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

static int node_ram(struct vm *vm)
{
	const struct mem_range *r;
	size_t i, n = mem_ranges(vm->mem, &r);
	int slot;

	for (i = 0; i < n; i++) {
		slot = vm_slot_add(vm, gfn(r[i].gpa >> GUEST_PAGE_SHIFT),
				   mem_ptr(vm->mem, gpa(r[i].gpa), r[i].len),
				   r[i].len);
		if (slot < 0)
			return slot;
	}
	return 0;
}

int node_create_vm(struct vm *vm, char *err, size_t err_len)
{
	int ret;

	vm->fd = ioctl(vm->node_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0) {
		ret = -errno;
		return node_fail(err, err_len, ret, "%s: no new VM: %s%s",
				 node_path(), strerror(-ret), ret == -EBUSY ?
				 ": stop the other hypervisor's guests, see dmesg" :
				 "");
	}
	ret = node_irqchip(vm);
	if (ret) {
		node_fail(err, err_len, ret, "%s: interrupt controller: %s",
			  node_path(), strerror(-ret));
		goto err_close;
	}
	ret = kernel_xen_init(vm);
	if (ret) {
		node_fail(err, err_len, ret, "%s: Xen support: %s",
			  node_path(), strerror(-ret));
		goto err_close;
	}
	ret = node_ram(vm);
	if (ret) {
		node_fail(err, err_len, ret, "%s: guest memory: %s",
			  node_path(), strerror(-ret));
		goto err_close;
	}
	return 0;

err_close:
	close(vm->fd);
	vm->fd = -1;
	return ret;
}
