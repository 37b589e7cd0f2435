// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk.c - owns walks over a tree: preorder, with paths, without recursion; the
 * stack is in struct xs_walk, whose size the longest path bounds.
 */
#include <string.h>

#include "tree.h"

void tree_walk_start(struct xs_walk *walk, const struct xs_node *node)
{
	walk->depth = 1;
	walk->started = false;
	walk->at[0].node = node;
	walk->at[0].next = 0;
	walk->at[0].path_len = 0;
	strcpy(walk->path, "/");
}

static const struct xs_node *walk_push(struct xs_walk *walk,
				       const struct xs_node *node)
{
	unsigned int len = walk->at[walk->depth - 1].path_len;
	size_t name_len = strlen(node->name);

	walk->path[len++] = '/';
	memcpy(walk->path + len, node->name, name_len + 1);
	walk->at[walk->depth].node = node;
	walk->at[walk->depth].next = 0;
	walk->at[walk->depth].path_len = len + name_len;
	walk->depth++;
	return node;
}

const struct xs_node *tree_walk_next(struct xs_walk *walk)
{
	if (!walk->started) {
		walk->started = true;
		return walk->at[0].node;
	}
	for (; walk->depth; walk->depth--) {
		unsigned int top = walk->depth - 1;
		const struct xs_node *node = walk->at[top].node;

		if (walk->at[top].next < node->num_children) {
			node = node->children[walk->at[top].next++];
			return walk_push(walk, node);
		}
	}
	return NULL;
}

void tree_walk_skip(struct xs_walk *walk)
{
	unsigned int top = walk->depth - 1;

	walk->at[top].next = walk->at[top].node->num_children;
}
