// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the values of the HVM parameters; each is one atomic word.
 */
#include "hvm_params.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "abi.h"

#define HVM_GUEST_GET	(1u << 0)
#define HVM_GUEST_SET	(1u << 1)
#define HVM_GUEST_BOTH	(HVM_GUEST_GET | HVM_GUEST_SET)

struct hvm_params {
	_Atomic uint64_t value[HVM_NR_PARAMS];
};

static const uint8_t hvm_params_access[HVM_NR_PARAMS] = {
	[HVM_PARAM_CALLBACK_IRQ]		= HVM_GUEST_BOTH,
	[HVM_PARAM_VM86_TSS]			= HVM_GUEST_BOTH,
	[HVM_PARAM_VM86_TSS_SIZED]		= HVM_GUEST_BOTH,
	[HVM_PARAM_ACPI_IOPORTS_LOCATION]	= HVM_GUEST_GET,
	[HVM_PARAM_VM_GENERATION_ID_ADDR]	= HVM_GUEST_BOTH,
	[HVM_PARAM_STORE_PFN]			= HVM_GUEST_GET,
	[HVM_PARAM_STORE_EVTCHN]		= HVM_GUEST_BOTH,
	[HVM_PARAM_CONSOLE_PFN]			= HVM_GUEST_GET,
	[HVM_PARAM_CONSOLE_EVTCHN]		= HVM_GUEST_BOTH,
	[HVM_PARAM_ALTP2M]			= HVM_GUEST_GET,
	[HVM_PARAM_X87_FIP_WIDTH]		= HVM_GUEST_GET,
};

int hvm_params_create(struct hvm_params **out)
{
	struct hvm_params *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->value[HVM_PARAM_TRIPLE_FAULT_REASON] = SHUTDOWN_reboot;
	*out = p;
	return 0;
}

void hvm_params_destroy(struct hvm_params *p)
{
	free(p);
}

uint64_t hvm_params_get(struct hvm_params *p, uint32_t index)
{
	return atomic_load(&p->value[index]);
}

void hvm_params_set(struct hvm_params *p, uint32_t index, uint64_t value)
{
	atomic_store(&p->value[index], value);
}

static int hvm_params_check(uint32_t index, uint8_t access)
{
	if (index >= HVM_NR_PARAMS)
		return -EINVAL;
	return hvm_params_access[index] & access ? 0 : -EPERM;
}

int hvm_params_guest_get(struct hvm_params *p, uint32_t index, uint64_t *value)
{
	int err = hvm_params_check(index, HVM_GUEST_GET);

	if (!err)
		*value = hvm_params_get(p, index);
	return err;
}

int hvm_params_guest_set(struct hvm_params *p, uint32_t index, uint64_t value)
{
	int err = hvm_params_check(index, HVM_GUEST_SET);

	if (!err)
		hvm_params_set(p, index, value);
	return err;
}
