/* float_format: doubles to scientific notation with 15 digits and back; 64-bit division, branches, conversions.
 * n: numbers. Result: int64_t. */
#include <stdint.h>

static double scale(double x, int32_t power)
{
    double ten = 10.0;
    uint32_t steps = power < 0 ? -(uint32_t)power : (uint32_t)power;
    for (; steps; steps >>= 1, ten *= ten)
        if (steps & 1)
            x = power < 0 ? x / ten : x * ten;
    return x;
}

/* Write d.ddddddddddddddde[-]ddd for a positive finite x; give the length. */
static int32_t format(char *out, double x)
{
    int32_t exponent = 0, length = 0;
    while (scale(x, -exponent) >= 10.0)
        exponent += exponent < 256 && x >= scale(10.0, exponent + 16) ? 16 : 1;
    while (scale(x, -exponent) < 1.0)
        exponent--;
    uint64_t digits = (uint64_t)(scale(x, 14 - exponent) + 0.5);
    if (digits >= 1000000000000000u) {
        digits /= 10;
        exponent++;
    }
    char reversed[20];
    int32_t count = 0;
    for (; digits; digits /= 10)
        reversed[count++] = (char)('0' + digits % 10);
    out[length++] = reversed[--count];
    out[length++] = '.';
    while (count)
        out[length++] = reversed[--count];
    out[length++] = 'e';
    if (exponent < 0) {
        out[length++] = '-';
        exponent = -exponent;
    }
    out[length++] = (char)('0' + exponent / 100);
    out[length++] = (char)('0' + exponent / 10 % 10);
    out[length++] = (char)('0' + exponent % 10);
    return length;
}

static double parse(const char *text, int32_t length)
{
    uint64_t digits = 0;
    int32_t at = 0, exponent = 0;
    for (; text[at] != 'e'; at++)
        if (text[at] != '.')
            digits = digits * 10 + (uint64_t)(text[at] - '0');
    int negative = text[++at] == '-';
    for (at += negative; at < length; at++)
        exponent = exponent * 10 + (text[at] - '0');
    return scale((double)digits, (negative ? -exponent : exponent) - 14);
}

int64_t run(int32_t n)
{
    char text[32];
    uint64_t seed = 88172645463325252u, total = 0;
    uint64_t close = 0;
    for (int32_t i = 0; i < n; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double x = scale((double)(seed >> 11) + 1.0, (int32_t)(seed % 60) - 40);
        int32_t length = format(text, x);
        for (int32_t k = 0; k < length; k++)
            total = total * 31 + (uint64_t)text[k];
        double error = parse(text, length) - x;
        close += error < x * 1e-13 && error > -x * 1e-13;
    }
    return (int64_t)(total << 20 ^ close);
}
