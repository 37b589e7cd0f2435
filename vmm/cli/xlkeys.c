// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys of xl.cfg(5) (Xen 4.17) that xkvm knows of and ignores, to tell
 * them from misspelt ones.  A key moves from here to xlcfg.c once it works.
 */
#include "xlcfg.h"

#include <stdlib.h>
#include <string.h>

/* Sorted, for bsearch(). */
static const char * const xlkeys[] = {
	"acpi", "acpi_firmware", "acpi_laptop_slate", "acpi_s3", "acpi_s4",
	"altp2m", "altp2mhvm", "apic",
	"argo", "bios", "bios_path_override", "blkdev_start", "boot",
	"bootloader", "bootloader_args", "cap", "channel", "claim_mode",
	"cpu_weight", "cpuid", "cpus", "cpus_soft", "device_model_args",
	"device_model_args_hvm", "device_model_args_pv",
	"device_model_override", "device_model_stubdomain_override",
	"device_model_stubdomain_seclabel", "device_model_user",
	"device_model_version", "device_tree", "disable_migrate", "dm_restrict",
	"driver_domain", "dtdev", "e820_host", "event_channels", "extratime",
	"firmware_override", "gfx_passthru", "gic_version", "hap", "hdtype",
	"hpet", "init_seclabel", "iomem", "ioports", "irqs", "keymap",
	"latency", "localtime", "max_event_channels", "max_grant_frames",
	"max_grant_version", "max_maptrack_frames", "mca_caps", "mmio_hole",
	"ms_vm_genid", "nested_hvm", "nestedhvm", "nodes", "nographic",
	"nomigrate", "nx", "opengl", "p9", "pae", "passthrough", "pci",
	"pci_msitranslate", "pci_permissive", "pci_power_mgmt",
	"pci_seize", "period", "pool", "pvcalls", "pvh",
	"rdm", "rdm_mem_boundary", "rtc_timeoffset",
	"sched", "sdl", "seclabel", "serial", "shadow_memory", "slice",
	"smbios_firmware", "soundhw", "spice", "spice_clipboard_sharing",
	"spice_image_compression", "spice_streaming_video",
	"spiceagent_mouse", "spicedisable_ticketing", "spicehost",
	"spicepasswd", "spiceport", "spicetls_port", "spiceusbredirection",
	"spicevdagent", "static_shm", "stdvga", "stubdomain_cmdline",
	"stubdomain_kernel", "stubdomain_memory", "stubdomain_ramdisk",
	"suppress_spurious_page_faults", "system_firmware", "tee",
	"timer_mode", "trap_unmapped_accesses", "tsc_mode", "usb", "usbctrl",
	"usbdev", "usbdevice", "usbversion", "vdispl", "vendor_device", "vfb",
	"vga", "videoram", "vif", "vif2", "viridian", "virtio", "vkb",
	"vm_genid", "vmtrace_buf_kb", "vnc", "vncconsole", "vncdisplay",
	"vnclisten", "vncpasswd", "vncunused", "vnuma", "vpmu",
	"vpt_align", "vsnd", "vtpm", "vuart", "xen_platform_pci",
	"xend_suspend_evtchn_compat", "xenstore_feature_mask",
};

static int xlkeys_cmp(const void *key, const void *entry)
{
	return strcmp(key, *(const char * const *)entry);
}

bool xlkeys_unsupported(const char *key)
{
	return bsearch(key, xlkeys, sizeof(xlkeys) / sizeof(*xlkeys),
		       sizeof(*xlkeys), xlkeys_cmp);
}
