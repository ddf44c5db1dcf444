/* dot: scalar products of 16-bit samples with a sliding window; vectorises to a widening multiply-add.
 * n: positions of the window. Result: int64_t. */
#include <stdint.h>

enum { LENGTH = 1024, WINDOW = 8192 };
static int16_t samples[LENGTH + WINDOW], weights[LENGTH];

static int32_t dot(const int16_t *a, const int16_t *b)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < LENGTH; i++)
        sum += a[i] * b[i];
    return sum;
}

int64_t run(int32_t n)
{
    for (int32_t i = 0; i < LENGTH + WINDOW; i++)
        samples[i] = (int16_t)((i * 73 + n) % 511 - 255);
    for (int32_t i = 0; i < LENGTH; i++)
        weights[i] = (int16_t)(i * 37 % 301 - 150);
    uint64_t total = 0;
    for (int32_t i = 0; i < n; i++)
        total = total * 3 + (uint64_t)dot(samples + i % WINDOW, weights);
    return (int64_t)total;
}
