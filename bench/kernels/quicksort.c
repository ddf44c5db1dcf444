/* quicksort: Hoare partition with insertion sort for short runs; unpredictable branches.
 * n: numbers sorted, at most 1,000,000. Result: int64_t. */
#include <stdint.h>

enum { MAX = 1000000 };
static int32_t numbers[MAX];

static void insertion(int32_t *low, int32_t *high)
{
    for (int32_t *at = low + 1; at <= high; at++) {
        int32_t value = *at, *hole = at;
        for (; hole > low && hole[-1] > value; hole--)
            *hole = hole[-1];
        *hole = value;
    }
}

static void sort(int32_t *low, int32_t *high)
{
    while (high - low > 16) {
        int32_t pivot = low[(high - low) / 2], *i = low, *j = high;
        while (i <= j) {
            while (*i < pivot)
                i++;
            while (*j > pivot)
                j--;
            if (i <= j) {
                int32_t swap = *i;
                *i++ = *j;
                *j-- = swap;
            }
        }
        sort(low, j);
        low = i;
    }
    insertion(low, high);
}

int64_t run(int32_t n)
{
    if (n > MAX)
        n = MAX;
    uint32_t seed = (uint32_t)n;
    for (int32_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[i] = (int32_t)(seed ^ seed >> 15);
    }
    sort(numbers, numbers + n - 1);
    uint64_t sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum = sum * 31 + (uint64_t)numbers[i];
    return (int64_t)sum;
}
