// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics as a file: KVM_GET_STATS_FD of a VM and of a vCPU.  The counters
 * are those of stats.c.  A file holds a reference to the VM; what it reads is
 * put together for each read, values last, so that a reader sees each as it is.
 * Source: KVM API 4.133.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "stats.h"
#include "vm.h"

#define STATS_NAME	48	/* bytes of a name, the id's too */

/* A description with the room its name has; later kernels' has it already. */
union stats_desc {
	struct kvm_stats_desc d;
	char room[offsetof(struct kvm_stats_desc, name) + STATS_NAME];
};

/* What stands in front of the descriptions. */
struct stats_head {
	struct kvm_stats_header h;
	char id[STATS_NAME];
};

struct stats_file {
	struct vm *vm;
	struct vcpu *vcpu;		/* NULL: the VM's */
	struct stats_head head;
};

enum { STATS_VM_TABLES, STATS_VM_VCPUS, STATS_VM_NR };

static const char *const stats_vm_names[] = {
	[STATS_VM_TABLES] = "tables",
	[STATS_VM_VCPUS] = "vcpus",
};

static u32 stats_count(const struct stats_file *f)
{
	return f->vcpu ? stats_nr_fields : STATS_VM_NR;
}

static void stats_describe(const struct stats_file *f, u32 i,
			   union stats_desc *d)
{
	d->d.flags = KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10 |
		     (f->vcpu ? KVM_STATS_TYPE_CUMULATIVE :
				KVM_STATS_TYPE_INSTANT);
	d->d.size = 1;
	d->d.offset = i * sizeof(u64);
	strscpy(d->d.name, f->vcpu ? stats_fields[i].name : stats_vm_names[i],
		STATS_NAME);
}

static u64 stats_value(const struct stats_file *f, u32 i)
{
	if (f->vcpu)
		return stats_get(f->vcpu, i);
	if (i == STATS_VM_TABLES)
		return arch_stage2_tables(f->vm);
	return READ_ONCE(f->vm->nr_vcpus);
}

static ssize_t stats_read(struct file *file, char __user *buf, size_t size,
			  loff_t *pos)
{
	const struct stats_file *f = file->private_data;
	u32 i, n = stats_count(f), data = f->head.h.data_offset;
	union stats_desc *desc;
	size_t len = data + n * sizeof(u64);
	void *image;
	ssize_t ret;
	u64 *val;

	image = kzalloc(len, GFP_KERNEL_ACCOUNT);
	if (!image)
		return -ENOMEM;
	memcpy(image, &f->head, sizeof(f->head));
	desc = image + f->head.h.desc_offset;
	val = image + data;
	for (i = 0; i < n; i++) {
		stats_describe(f, i, &desc[i]);
		val[i] = stats_value(f, i);
	}
	ret = simple_read_from_buffer(buf, size, pos, image, len);
	kfree(image);
	return ret;
}

static int stats_release(struct inode *inode, struct file *file)
{
	struct stats_file *f = file->private_data;

	vm_put(f->vm);
	kfree(f);
	return 0;
}

static const struct file_operations stats_fd_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

static struct stats_file *stats_file_new(struct vm *vm, struct vcpu *v)
{
	struct stats_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	struct kvm_stats_header *h;

	/* user space takes the name's size for the room behind the fields */
	BUILD_BUG_ON(sizeof(union stats_desc) !=
		     offsetof(struct kvm_stats_desc, name) + STATS_NAME);
	if (!f)
		return NULL;
	f->vm = vm;
	f->vcpu = v;
	h = &f->head.h;
	h->name_size = STATS_NAME;
	h->num_desc = stats_count(f);
	h->id_offset = offsetof(struct stats_head, id);
	h->desc_offset = sizeof(struct stats_head);
	h->data_offset = h->desc_offset + h->num_desc * sizeof(union stats_desc);
	if (v)
		snprintf(f->head.id, STATS_NAME, "kvm-%d/vcpu-%u",
			 vm->creator, v->id);
	else
		snprintf(f->head.id, STATS_NAME, "kvm-%d", vm->creator);
	return f;
}

int stats_fd(struct vm *vm, struct vcpu *v)
{
	struct stats_file *f;
	struct file *file;
	int fd, ret;

	f = stats_file_new(vm, v);
	if (!f)
		return -ENOMEM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_file;
	}
	file = anon_inode_getfile(v ? "kvm-vcpu-stats" : "kvm-vm-stats",
				  &stats_fd_fops, f, O_RDONLY);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}
	/* the parts are at offsets: readers use pread() */
	file->f_mode |= FMODE_PREAD;
	vm_get(vm);
	fd_install(fd, file);
	return fd;

err_fd:
	put_unused_fd(fd);
err_file:
	kfree(f);
	return ret;
}
