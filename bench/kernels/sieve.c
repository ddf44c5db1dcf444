/* sieve: Eratosthenes over bytes; strided stores.
 * n: how often the primes below a limit that grows with each round are counted. Result: int64_t. */
#include <stdint.h>

enum { LIMIT = 1 << 20 };
static uint8_t composite[LIMIT];

static int32_t count_primes(int32_t limit)
{
    int32_t primes = 0;
    for (int32_t i = 0; i < limit; i++)
        composite[i] = 0;
    for (int32_t i = 2; i < limit; i++) {
        if (composite[i])
            continue;
        primes++;
        for (int64_t j = (int64_t)i * i; j < limit; j += i)
            composite[j] = 1;
    }
    return primes;
}

int64_t run(int32_t n)
{
    uint64_t total = 0;
    for (int32_t round = 1; round <= n; round++)
        total = total * 3 + (uint64_t)count_primes(LIMIT - LIMIT / 4 / round);
    return (int64_t)total;
}
