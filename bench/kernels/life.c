/* life: Conway's game on a byte torus; neighbouring byte loads and compares, which vectorise in part.
 * n: generations. Result: int64_t. */
#include <stdint.h>

enum { SIDE = 256 };
static uint8_t worlds[2][SIDE + 2][SIDE + 2];

static void wrap(uint8_t (*world)[SIDE + 2])
{
    for (int32_t i = 1; i <= SIDE; i++) {
        world[i][0] = world[i][SIDE];
        world[i][SIDE + 1] = world[i][1];
    }
    for (int32_t i = 0; i < SIDE + 2; i++) {
        world[0][i] = world[SIDE][i];
        world[SIDE + 1][i] = world[1][i];
    }
}

static void generation(uint8_t (*restrict from)[SIDE + 2], uint8_t (*restrict to)[SIDE + 2])
{
    for (int32_t y = 1; y <= SIDE; y++)
        for (int32_t x = 1; x <= SIDE; x++) {
            uint8_t around = (uint8_t)(from[y - 1][x - 1] + from[y - 1][x] + from[y - 1][x + 1] + from[y][x - 1]
                                       + from[y][x + 1] + from[y + 1][x - 1] + from[y + 1][x] + from[y + 1][x + 1]);
            to[y][x] = around == 3 || (around == 2 && from[y][x]);
        }
}

int64_t run(int32_t n)
{
    uint32_t seed = 2463534242u;
    for (int32_t y = 1; y <= SIDE; y++)
        for (int32_t x = 1; x <= SIDE; x++) {
            seed = seed * 1664525u + 1013904223u;
            worlds[0][y][x] = seed >> 30 == 0;
        }
    uint64_t total = 0;
    for (int32_t i = 0; i < n; i++) {
        wrap(worlds[i & 1]);
        generation(worlds[i & 1], worlds[~i & 1]);
        total = total * 3 + worlds[~i & 1][i % SIDE + 1][i % 101 + 1];
    }
    for (int32_t y = 1; y <= SIDE; y++)
        for (int32_t x = 1; x <= SIDE; x++)
            total = total * 5 + worlds[n & 1][y][x];
    return (int64_t)total;
}
