/* crc32: table-driven checksum; one dependent load a byte.
 * n: passes over 64 KiB. Result: int64_t. */
#include <stdint.h>

enum { SIZE = 1 << 16 };
static uint32_t table[256];
static uint8_t data[SIZE];

int64_t run(int32_t n)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
        table[i] = value;
    }
    for (int32_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 7) + n);
    uint32_t crc = 0xffffffffu;
    for (int32_t pass = 0; pass < n; pass++)
        for (int32_t i = 0; i < SIZE; i++)
            crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}
