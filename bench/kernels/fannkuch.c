/* fannkuch: most prefix reversals over all permutations; short loops over a small array.
 * n: length of the permutations, at most 12. Result: int64_t. */
#include <stdint.h>

static int32_t reversals(const int32_t *permutation, int32_t n)
{
    int32_t deck[12], flips = 0;
    for (int32_t i = 0; i < n; i++)
        deck[i] = permutation[i];
    for (int32_t top = deck[0]; top != 0; top = deck[0], flips++)
        for (int32_t i = 0, j = top; i < j; i++, j--) {
            int32_t swap = deck[i];
            deck[i] = deck[j];
            deck[j] = swap;
        }
    return flips;
}

int64_t run(int32_t n)
{
    int32_t permutation[12], turns[12], most = 0, sign = 1;
    int64_t checksum = 0;
    for (int32_t i = 0; i < n; i++) {
        permutation[i] = i;
        turns[i] = 0;
    }
    for (int32_t i = 0; i < n;) {
        if (i == 0) {
            int32_t flips = reversals(permutation, n);
            most = flips > most ? flips : most;
            checksum += sign * flips;
            sign = -sign;
            i = 1;
        }
        /* Rotate the first i + 1 places; once they have come round, go one place further. */
        int32_t first = permutation[0];
        for (int32_t k = 0; k < i; k++)
            permutation[k] = permutation[k + 1];
        permutation[i] = first;
        if (turns[i] < i) {
            turns[i]++;
            i = 0;
        } else {
            turns[i] = 0;
            i++;
        }
    }
    return checksum * 1000 + most;
}
