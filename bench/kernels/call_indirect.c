/* call_indirect: small functions called through a table at an index that depends on the data.
 * n: calls. Result: int64_t. */
#include <stdint.h>

typedef uint32_t Step(uint32_t, uint32_t);

static uint32_t add(uint32_t x, uint32_t y) { return x + y; }
static uint32_t subtract(uint32_t x, uint32_t y) { return x - 3 * y; }
static uint32_t rotate(uint32_t x, uint32_t y) { return (x << 5 | x >> 27) ^ y; }
static uint32_t multiply(uint32_t x, uint32_t y) { return x * (y | 1); }
static uint32_t invert(uint32_t x, uint32_t y) { return ~x + y; }
static uint32_t shift(uint32_t x, uint32_t y) { return (x ^ x >> 7) + y; }
static uint32_t mix(uint32_t x, uint32_t y) { return (x & 0xff00ff) * 3 + (y ^ x >> 8); }
static uint32_t swap(uint32_t x, uint32_t y) { return (x << 16 | x >> 16) + y; }

static Step *const steps[8] = {add, subtract, rotate, multiply, invert, shift, mix, swap};

int64_t run(int32_t n)
{
    uint32_t value = (uint32_t)n;
    uint64_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        value = steps[(i ^ i >> 4) & 7](value, (uint32_t)i);
        total += value;
    }
    return (int64_t)(total ^ value);
}
