/* bits: a chess-like move count on 64-bit boards; clz, ctz, popcnt, shifts and rotations.
 * n: positions. Result: int64_t. */
#include <stdint.h>

static uint64_t ray_up(uint64_t occupied, int square, uint64_t line)
{
    uint64_t ahead = line & (~0ull << square) & ~(1ull << square), blockers = ahead & occupied;
    if (!blockers)
        return ahead;
    int first = __builtin_ctzll(blockers);
    return ahead & ((2ull << first) - 1);
}

static uint64_t ray_down(uint64_t occupied, int square, uint64_t line)
{
    uint64_t ahead = line & ((1ull << square) - 1), blockers = ahead & occupied;
    if (!blockers)
        return ahead;
    int first = 63 - __builtin_clzll(blockers);
    return ahead & (~0ull << first);
}

int64_t run(int32_t n)
{
    uint64_t seed = 0x9e3779b97f4a7c15u, total = 0;
    for (int32_t i = 0; i < n; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t occupied = seed & (seed << 21 | seed >> 43), moves = 0;
        for (uint64_t rooks = occupied & (0x8100000000000081u + seed); rooks; rooks &= rooks - 1) {
            int square = __builtin_ctzll(rooks);
            uint64_t row = 0xffull << (square & 56), column = 0x0101010101010101ull << (square & 7);
            moves ^= ray_up(occupied, square, row) | ray_up(occupied, square, column);
            moves += ray_down(occupied, square, row) | ray_down(occupied, square, column);
        }
        total = (total << 1 | total >> 63) ^ moves;
        total += (uint64_t)__builtin_popcountll(moves);
    }
    return (int64_t)total;
}
