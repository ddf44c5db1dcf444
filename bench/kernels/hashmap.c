/* hashmap: FNV-1a over short keys and open addressing; byte loads, dependent probes, string comparison.
 * n: operations. Result: int64_t. */
#include <stdint.h>

enum { SLOTS = 1 << 16, KEY = 12, KEYS = 40000 };
typedef struct {
    char key[KEY];
    uint32_t length;
    int64_t value;
} Slot;
static Slot slots[SLOTS];

static uint32_t write_key(char *key, uint32_t number)
{
    uint32_t length = 0;
    key[length++] = (char)('a' + number % 26);
    for (; number; number /= 10)
        key[length++] = (char)('0' + number % 10);
    return length;
}

static uint32_t hash(const char *key, uint32_t length)
{
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        h = (h ^ (uint8_t)key[i]) * 16777619u;
    return h ^ h >> 16;
}

static int same(const char *a, const char *b, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

static Slot *find(const char *key, uint32_t length)
{
    uint32_t at = hash(key, length) & (SLOTS - 1);
    while (slots[at].length && (slots[at].length != length || !same(slots[at].key, key, length)))
        at = (at + 1) & (SLOTS - 1);
    return &slots[at];
}

int64_t run(int32_t n)
{
    for (int32_t i = 0; i < SLOTS; i++)
        slots[i].length = 0;
    uint32_t seed = 12345;
    uint64_t hits = 0, sum = 0;
    for (int32_t i = 0; i < n; i++) {
        char key[KEY];
        seed = seed * 1664525u + 1013904223u;
        uint32_t length = write_key(key, (seed >> 8) % KEYS);
        Slot *slot = find(key, length);
        if (slot->length) {
            hits++;
            slot->value += i;
        } else {
            for (uint32_t k = 0; k < length; k++)
                slot->key[k] = key[k];
            slot->length = length;
            slot->value = i;
        }
        sum = sum * 3 + (uint64_t)slot->value;
    }
    return (int64_t)(sum ^ hits);
}
