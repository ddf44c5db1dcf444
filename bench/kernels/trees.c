/* trees: binary search trees of nodes from a bump allocator; dependent pointer loads.
 * n: insertions and searches. Result: int64_t. */
#include <stdint.h>

enum { NODES = 1 << 14 };
typedef struct Node {
    struct Node *left, *right;
    uint32_t key;
    int32_t count;
} Node;
static Node nodes[NODES];

static int32_t insert(Node **root, int32_t used, uint32_t key)
{
    Node **at = root;
    while (*at) {
        if ((*at)->key == key) {
            (*at)->count++;
            return used;
        }
        at = key < (*at)->key ? &(*at)->left : &(*at)->right;
    }
    Node *node = &nodes[used];
    node->left = node->right = 0;
    node->key = key;
    node->count = 1;
    *at = node;
    return used + 1;
}

static uint64_t walk(const Node *node, int32_t depth)
{
    if (!node)
        return (uint64_t)depth;
    return 3 * walk(node->left, depth + 1) + 5 * walk(node->right, depth + 1) + (uint64_t)node->count + node->key;
}

int64_t run(int32_t n)
{
    Node *root = 0;
    int32_t used = 0;
    uint32_t seed = 4711;
    uint64_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        used = insert(&root, used, seed >> 12);
        if (used == NODES) {
            total = total * 31 + walk(root, 0);
            root = 0;
            used = 0;
        }
    }
    return (int64_t)(total * 31 + walk(root, 0) + (uint64_t)used);
}
