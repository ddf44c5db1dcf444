/* memory: fills and copies of many sizes, some overlapping; memory.fill and memory.copy.
 * n: rounds of one fill and three moves. Result: int64_t. */
#include <stdint.h>

enum { SIZE = 1 << 18 };
static uint8_t block[2 * SIZE];

int64_t run(int32_t n)
{
    uint32_t seed = 1;
    uint64_t total = 0;
    for (int32_t i = 0; i < 2 * SIZE; i++)
        block[i] = (uint8_t)(i ^ i >> 9);
    for (int32_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t from = seed >> 14, length = (seed & 0xfff) + 1, long_length = 16 * length;
        __builtin_memset(block + from % SIZE, (int)(seed >> 8), length);
        __builtin_memmove(block + from % 4096 + 100, block + from % 4096, long_length);
        __builtin_memcpy(block + SIZE + from % 4096, block + (from >> 2) % (SIZE / 2), long_length);
        __builtin_memcpy(block + SIZE / 2 + from % 4096, block + SIZE + (from >> 3) % (SIZE / 2), length);
        total = total * 31 + block[from] + block[SIZE + from % 8192] * 257u;
    }
    return (int64_t)total;
}
