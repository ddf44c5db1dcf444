/* nqueens: solutions counted with bit masks; recursion and integer logic.
 * n: board side, at most 16. Result: int64_t. */
#include <stdint.h>

static int64_t place(uint32_t full, uint32_t columns, uint32_t left, uint32_t right)
{
    if (columns == full)
        return 1;
    int64_t solutions = 0;
    for (uint32_t free = full & ~(columns | left | right); free; free &= free - 1) {
        uint32_t queen = free & -free;
        solutions += place(full, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return solutions;
}

int64_t run(int32_t n)
{
    return place((1u << n) - 1, 0, 0, 0);
}
