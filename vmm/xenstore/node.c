// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * node.c - owns single nodes: their memory, reference counts and lists of
 * children.  What they add up to is tree.c's.  Nothing here recurses: a guest
 * decides how deep a tree is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "tree.h"

/* Memory for @len bytes, never of size 0, so that NULL means failure. */
void *node_copy_bytes(const void *src, size_t len)
{
	void *dst = malloc(len ? len : 1);

	if (dst && len)
		memcpy(dst, src, len);
	return dst;
}

struct xs_node *node_new(const char *name, size_t name_len,
				const struct xs_perm *perms, unsigned int num,
				const void *data, size_t len, uint64_t gen)
{
	struct xs_node *node = calloc(1, sizeof(*node) + name_len + 1);

	if (!node)
		return NULL;
	node->ref = 1;
	node->gen = gen;
	memcpy(node->name, name, name_len);
	node->hash = (uint32_t)path_hash(name, name_len, 0);
	node->perms = node_copy_bytes(perms, num * sizeof(*perms));
	node->data = node_copy_bytes(data, len);
	if (!node->perms || !node->data) {
		node_put(node);
		return NULL;
	}
	node->num_perms = num;
	node->len = len;
	return node;
}

struct xs_node *node_get(struct xs_node *node)
{
	if (node)
		node->ref++;
	return node;
}

void node_put(struct xs_node *node)
{
	struct xs_node *list, *child;
	unsigned int i;

	if (!node || --node->ref)
		return;
	node->free_next = NULL;
	list = node;
	while (list) {
		node = list;
		list = node->free_next;
		for (i = 0; i < node->num_children; i++) {
			child = node->children[i];
			if (--child->ref)
				continue;
			child->free_next = list;
			list = child;
		}
		free(node->children);
		free(node->perms);
		free(node->data);
		free(node);
	}
}

/* Room for @max children: pointers, and behind them the hashes. */
static int node_resize(struct xs_node *node, unsigned int max)
{
	struct xs_node **children;
	uint32_t *hashes;

	children = malloc((max + 1) * (sizeof(*children) + sizeof(*hashes)));
	if (!children)
		return -ENOMEM;
	hashes = (uint32_t *)(children + max + 1);
	if (node->num_children) {
		memcpy(children, node->children,
		       node->num_children * sizeof(*children));
		memcpy(hashes, node->hashes,
		       node->num_children * sizeof(*hashes));
	}
	free(node->children);
	node->children = children;
	node->hashes = hashes;
	node->max_children = max;
	return 0;
}

struct xs_node *node_clone(const struct xs_node *node)
{
	struct xs_node *copy;
	unsigned int i;

	copy = node_new(node->name, strlen(node->name), node->perms,
			node->num_perms, node->data, node->len, node->gen);
	if (!copy)
		return NULL;
	if (node_resize(copy, node->num_children)) {
		node_put(copy);
		return NULL;
	}
	copy->num_children = node->num_children;
	if (node->num_children) {
		memcpy(copy->children, node->children,
		       node->num_children * sizeof(*node->children));
		memcpy(copy->hashes, node->hashes,
		       node->num_children * sizeof(*node->hashes));
	}
	copy->child_bytes = node->child_bytes;
	for (i = 0; i < copy->num_children; i++)
		copy->children[i]->ref++;
	return copy;
}

int node_index(const struct xs_node *node, const char *name, size_t len)
{
	uint32_t hash = (uint32_t)path_hash(name, len, 0);
	unsigned int i;

	for (i = 0; ; i++) {
		const char *child;

		while (i < node->num_children && node->hashes[i] != hash)
			i++;
		if (i == node->num_children)
			return -1;
		child = node->children[i]->name;
		if (!strncmp(child, name, len) && !child[len])
			return (int)i;
	}
}

int node_reserve_child(struct xs_node *node)
{
	if (node->num_children < node->max_children)
		return 0;
	return node_resize(node, node->max_children * 2 + 4);
}

size_t node_size(const struct xs_node *node)
{
	/* The fixed part is that of xenstored's own record of a node. */
	return 24 + (size_t)node->num_perms * 8 + node->len + node->child_bytes;
}

/* Go down @rel as far as nodes exist; *@rest is what is left of it. */
struct xs_node *node_descend(struct xs_node *node, const char *rel,
				    const char **rest)
{
	const char *name;
	size_t len;
	int i;

	*rest = rel;
	for (name = path_first(rel, &len); name; name = path_next(name, &len)) {
		*rest = name;
		i = node_index(node, name, len);
		if (i < 0)
			return node;
		node = node->children[i];
	}
	*rest = "";
	return node;
}

struct xs_node *node_find(struct xs_node *node, const char *rel)
{
	const char *rest;

	node = node_descend(node, rel, &rest);
	return *rest ? NULL : node;
}

void node_add_child(struct xs_node *node, struct xs_node *child)
{
	node->hashes[node->num_children] = child->hash;
	node->children[node->num_children++] = child;
	node->child_bytes += strlen(child->name) + 1;
}

struct xs_node *node_del_child(struct xs_node *node, unsigned int i)
{
	struct xs_node *child = node->children[i];
	size_t rest = --node->num_children - i;

	memmove(&node->children[i], &node->children[i + 1],
		rest * sizeof(*node->children));
	memmove(&node->hashes[i], &node->hashes[i + 1],
		rest * sizeof(*node->hashes));
	node->child_bytes -= strlen(child->name) + 1;
	return child;
}
