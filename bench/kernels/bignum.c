/* bignum: decimal digits of e by long division of a number of 32-bit limbs; 64-bit products and remainders.
 * n: groups of nine digits, at most 2000. Result: int64_t. */
#include <stdint.h>

enum { MAX = 2100 };
static uint32_t sum[MAX], term[MAX];

/* Divide a fraction (most significant limb first) by a small number; 0 when nothing is left. */
static int divide(uint32_t *number, int32_t limbs, uint32_t by)
{
    uint64_t rest = 0;
    uint32_t any = 0;
    for (int32_t i = 0; i < limbs; i++) {
        uint64_t value = rest << 32 | number[i];
        number[i] = (uint32_t)(value / by);
        rest = value % by;
        any |= number[i];
    }
    return any != 0;
}

static void add(uint32_t *number, const uint32_t *other, int32_t limbs)
{
    uint64_t carry = 0;
    for (int32_t i = limbs - 1; i >= 0; i--) {
        carry += (uint64_t)number[i] + other[i];
        number[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static uint32_t multiply(uint32_t *number, int32_t limbs, uint32_t by)
{
    uint64_t carry = 0;
    for (int32_t i = limbs - 1; i >= 0; i--) {
        carry += (uint64_t)number[i] * by;
        number[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

int64_t run(int32_t n)
{
    int32_t limbs = n + 2;
    for (int32_t i = 0; i < limbs; i++)
        sum[i] = term[i] = 0;
    term[0] = 0x80000000u; /* 1/2!; the limb's weight is 1/2^32 */
    add(sum, term, limbs);
    for (uint32_t k = 3; divide(term, limbs, k); k++)
        add(sum, term, limbs);
    uint64_t digest = 0;
    for (int32_t i = 0; i < n; i++)
        digest = digest * 31 + multiply(sum, limbs, 1000000000u);
    return (int64_t)digest;
}
