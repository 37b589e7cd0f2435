// SPDX-License-Identifier: GPL-2.0-or-later
/* The lifetime of struct vm_config; filling it is cli/xlcfg.c's. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

void vm_config_free(struct vm_config *cfg)
{
	for (size_t i = 0; i < cfg->nr_disks; i++) {
		free(cfg->disks[i].target);
		free(cfg->disks[i].vdev);
	}
	free(cfg->disks);
	free(cfg->name);
	free(cfg->kernel);
	free(cfg->ramdisk);
	free(cfg->cmdline);
	free(cfg->shim);
	free(cfg->shim_cmdline);
	memset(cfg, 0, sizeof(*cfg));
}
