/* lz: compress with a hash of four bytes, decompress, compare; byte streams and short copies.
 * n: rounds over 128 KiB. Result: int64_t. */
#include <stdint.h>

enum { SIZE = 1 << 17, HASHES = 1 << 13 };
static uint8_t plain[SIZE], packed[2 * SIZE], unpacked[SIZE];
static int32_t last_seen[HASHES];

static uint32_t four_bytes(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* A token: count of literals (byte), the literals, length of the match (byte, 0: none), distance (2 bytes). */
static int32_t compress(void)
{
    int32_t out = 0, literals = 0, at = 0;
    for (int32_t i = 0; i < HASHES; i++)
        last_seen[i] = -1;
    while (at < SIZE) {
        int32_t length = 0, from = -1;
        if (at + 4 <= SIZE) {
            int32_t *seen = &last_seen[four_bytes(plain + at) * 2654435761u >> 19];
            from = *seen;
            *seen = at;
            if (from >= 0 && at - from < 65536)
                while (length < 255 && at + length < SIZE && plain[from + length] == plain[at + length])
                    length++;
        }
        if (length < 4 && literals < 255 && at + 1 < SIZE) {
            literals++;
            at++;
            continue;
        }
        if (length < 4)
            length = 0;
        packed[out++] = (uint8_t)literals;
        for (int32_t i = at - literals; i < at; i++)
            packed[out++] = plain[i];
        packed[out++] = (uint8_t)length;
        if (length) {
            packed[out++] = (uint8_t)(at - from);
            packed[out++] = (uint8_t)((at - from) >> 8);
            at += length;
            literals = 0;
        } else {
            literals = 1;
            at++;
        }
    }
    packed[out++] = (uint8_t)literals;
    for (int32_t i = SIZE - literals; i < SIZE; i++)
        packed[out++] = plain[i];
    packed[out++] = 0;
    return out;
}

static int32_t decompress(int32_t size)
{
    int32_t out = 0;
    for (int32_t at = 0; at < size;) {
        for (int32_t literals = packed[at++]; literals > 0; literals--)
            unpacked[out++] = packed[at++];
        int32_t length = packed[at++];
        if (length) {
            int32_t distance = packed[at] | packed[at + 1] << 8;
            at += 2;
            for (; length > 0; length--, out++)
                unpacked[out] = unpacked[out - distance];
        }
    }
    return out;
}

int64_t run(int32_t n)
{
    uint64_t total = 0;
    uint32_t seed = 7;
    for (int32_t i = 0; i < SIZE; i++)
        plain[i] = 0;
    for (int32_t round = 0; round < n; round++) {
        for (int32_t i = 0; i < SIZE; i++) {
            seed = seed * 1664525u + 1013904223u;
            plain[i] = seed >> 29 ? plain[(i - (int32_t)(seed >> 16 & 31) - 1) & (SIZE - 1)] : (uint8_t)(seed >> 21);
        }
        int32_t size = compress();
        int32_t length = decompress(size), equal = 0;
        for (int32_t i = 0; i < SIZE; i++)
            equal += plain[i] == unpacked[i];
        total = total * 31 + (uint64_t)(size + length * 3 + equal * 5);
    }
    return (int64_t)total;
}
