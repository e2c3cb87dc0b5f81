// SPDX-License-Identifier: GPL-2.0
/* Keeps the virtual machine's virtio devices awake while it suspends: all its files come by them, and Linux's 9p over virtio
 * cannot resume. Every other device and every program is suspended. */
#include <linux/module.h>
#include <linux/pci.h>

static int __init awake_init(void)
{
	struct pci_dev *dev = NULL;

	while ((dev = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET, PCI_ANY_ID, dev)))
		dev_pm_syscore_device(&dev->dev, true);
	return 0;
}
module_init(awake_init);

MODULE_DESCRIPTION("Keeps virtio devices awake");
MODULE_LICENSE("GPL");
