# SPDX-License-Identifier: GPL-2.0-or-later
#
# make          the module, the VMM and the tests' programs
# make setup    install what that and the rest needs (Debian packages)
# make run      a Debian guest on xkvm, in an emulated host
# make test     everything that is checked
# make test-kvm KVM's own selftests, on xkvm and on in-tree KVM
# make test-qemu  an unmodified QEMU 10 with a Xen guest and with a plain PC
# make test-kexec  a guest's kexec, and kdump on either of its CPUs (3 to 9 minutes)
# make test-debug  the test programs on a kernel that checks memory and locks
# make mutants  known faults put back one by one: does a test see each?
# make fuzz     coverage-guided fuzzing, SECONDS (600) for each target
# make bench    what things cost on xkvm and on in-tree KVM: docs/bench.md
# make unit     the host unit tests alone
# make clean    remove what was built; make distclean: and what was fetched
#
# KERNEL=6.1|6.12   the stock kernel to build for and to boot
# HOST=native       make run and make test on this machine, without an emulator
# SECONDS=60 TARGETS='grant evtchn'  of make fuzz
# MITIGATIONS=on    make bench with those of the kernel's default
# V=1               show commands

KERNEL ?= 6.1
HOST ?= emulated
V ?=

ifeq ($(V),)
MAKEFLAGS += --no-print-directory
quiet = >/dev/null
endif

module-kernel = $(if $(filter native,$(HOST)),native,$(KERNEL))

all: module vmm selftests

setup:
	@lab/setup $(KERNEL) $(filter native,$(HOST))

module:
	@lab/build-module $(module-kernel)

vmm:
	@echo "vmm: building build/vmm/xkvm (20 s the first time)"
	@$(MAKE) -C vmm O=../build/vmm $(quiet)

selftests:
	@echo "selftests: building (20 s the first time)"
	@$(MAKE) -C selftests all $(quiet)

run: setup
	@$(MAKE) module vmm
	@lab/run $(if $(filter native,$(HOST)),--native,--kernel $(KERNEL))

test:
	@HOST=$(HOST) KERNEL=$(KERNEL) selftests/run

test-kvm: setup
	@$(MAKE) module
	@lab/test/kvm-selftests

test-qemu: setup
	@$(MAKE) module
	@lab/test/qemu

test-kexec: setup
	@$(MAKE) module vmm
	@lab/run --kernel $(KERNEL) --kexec </dev/null

test-debug: selftests
	@lab/test/debug

mutants: setup
	@KERNEL=$(KERNEL) lab/test/mutants

unit:
	@$(MAKE) -C selftests check-unit

fuzz: setup
	@$(MAKE) -C selftests cov $(quiet)
	@selftests/fuzz/cov/run -t $(or $(SECONDS),600) $(TARGETS)

bench: setup
	@$(MAKE) all
	@lab/bench --kernel $(KERNEL) $(if $(filter on,$(MITIGATIONS)),--mitigations)

clean:
	rm -rf build/6.1 build/6.12 build/6.1-debug build/native build/vmm build/selftests \
		build/log build/guest build/mutants

distclean:
	rm -rf build

.PHONY: all setup module vmm selftests run test test-debug test-kexec test-kvm test-qemu mutants unit fuzz bench clean distclean
