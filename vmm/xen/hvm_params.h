/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HVM parameters (<xen/hvm/params.h>), and who may read or write which.
 */
#ifndef XKVM_XEN_HVM_PARAMS_H
#define XKVM_XEN_HVM_PARAMS_H

#include <stdint.h>

struct hvm_params;

int hvm_params_create(struct hvm_params **out);		/* 0 or -ENOMEM */
void hvm_params_destroy(struct hvm_params *p);

/* The VMM's own access, from any thread; @index is one of the ABI's. */
uint64_t hvm_params_get(struct hvm_params *p, uint32_t index);
void hvm_params_set(struct hvm_params *p, uint32_t index, uint64_t value);

/*
 * The guest's: 0, -EINVAL for an unknown parameter, -EPERM for one it may not
 * touch.  What a value causes is the caller's (hcall_hvm.c).
 */
int hvm_params_guest_get(struct hvm_params *p, uint32_t index, uint64_t *value);
int hvm_params_guest_set(struct hvm_params *p, uint32_t index, uint64_t value);

#endif
