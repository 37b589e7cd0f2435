// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xl.cfg files: the parser, what the settings mean, and every line of the
 * input as a disk specification.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cov.h"
#include "../../../vmm/cli/xlcfg.h"
#include "../../../vmm/cli/xldisk.h"

static void parse_file(const char *text, size_t len, FILE *errs)
{
	struct xl_tree tree = { 0 };
	struct vm_config cfg;

	if (!xlparse(&tree, "F", text, len, errs) &&
	    !xlcfg_convert(&cfg, &tree, "F", errs)) {
		CHECK(cfg.name && xlcfg_name_ok(cfg.name));
		CHECK(cfg.maxvcpus && cfg.maxvcpus <= XLCFG_MAX_VCPUS);
		CHECK(cfg.vcpus && cfg.vcpus <= cfg.maxvcpus);
		CHECK(cfg.memory_mib >= XLCFG_MIN_MEMORY);
		CHECK(cfg.maxmem_mib >= cfg.memory_mib);
		CHECK(cfg.maxmem_mib <= XLCFG_MAX_MEMORY);
		vm_config_free(&cfg);
	}
	xl_tree_free(&tree);
}

static void parse_disk(const char *spec)
{
	struct vm_config one = { .nr_disks = 1 };
	char err[256];

	one.disks = calloc(1, sizeof(*one.disks));
	CHECK(one.disks);
	if (!xldisk_parse(one.disks, spec, err, sizeof(err))) {
		CHECK(one.disks->vdev);
	} else {
		CHECK(err[0]);
		one.nr_disks = 0;
	}
	vm_config_free(&one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static FILE *errs;
	char *text, *save, *line;

	if (!errs)
		errs = fopen("/dev/null", "w");
	if (!errs || len > 4096)
		return -1;
	text = malloc(len + 1);
	CHECK(text);
	memcpy(text, data, len);
	text[len] = 0;
	parse_file(text, len, errs);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		parse_disk(line);
	free(text);
	return 0;
}
