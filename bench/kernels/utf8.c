/* utf8: encode and decode text with all four sequence lengths; a state machine full of branches.
 * n: passes over 64 Ki characters. Result: int64_t. */
#include <stdint.h>

enum { CHARACTERS = 1 << 16 };
static uint8_t text[4 * CHARACTERS];

static int32_t encode(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* Decode one character at *at, which moves past it; malformed input gives U+FFFD and moves one byte. */
static uint32_t decode(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    uint32_t lead = *p++;
    int32_t more = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    *at = p;
    if (more == 0)
        return lead;
    if (more < 0 || end - p < more)
        return 0xfffd;
    uint32_t c = lead & (0x3fu >> more);
    for (int32_t i = 0; i < more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (more == 3 && (c < 0x10000 || c > 0x10ffff)))
        return 0xfffd;
    *at = p + more;
    return c;
}

int64_t run(int32_t n)
{
    uint64_t total = 0;
    uint32_t seed = 99;
    for (int32_t pass = 0; pass < n; pass++) {
        int32_t length = 0;
        for (int32_t i = 0; i < CHARACTERS; i++) {
            static const uint32_t limits[8] = {0x80, 0x80, 0x80, 0x80, 0x800, 0x800, 0xd800, 0x10ffff};
            seed = seed * 1664525u + 1013904223u;
            length += encode(text + length, (seed >> 4) % limits[seed >> 29]);
        }
        text[seed % (uint32_t)length] ^= 0xc0;
        const uint8_t *at = text, *end = text + length;
        while (at < end)
            total = total * 31 + decode(&at, end);
    }
    return (int64_t)total;
}
