/* fft: radix-2 transform there and back on interleaved complex f64; strided loads and butterflies.
 * n: transforms of 4096 points. Result: double. */
#include <stdint.h>

enum { BITS = 12, POINTS = 1 << BITS };
static double re[POINTS], im[POINTS], cosines[POINTS / 2], sines[POINTS / 2];

/* The twiddle factors by repeated halving of the angle: no libm, so every engine sees the same numbers. */
static void twiddles(void)
{
    double c = -1.0, s = 0.0;
    cosines[0] = 1.0;
    sines[0] = 0.0;
    for (int32_t width = POINTS / 2; width > 1; width /= 2) {
        /* (c, s) is the half turn's 2^k-th part; halve it. */
        double half_c = __builtin_sqrt((1.0 + c) / 2.0), half_s = __builtin_sqrt((1.0 - c) / 2.0);
        c = half_c;
        s = half_s;
        for (int32_t i = 0; i < POINTS / 2; i += width) {
            int32_t at = i + width / 2;
            if (at < POINTS / 2) {
                cosines[at] = cosines[i] * c - sines[i] * s;
                sines[at] = sines[i] * c + cosines[i] * s;
            }
        }
    }
}

static void transform(double sign)
{
    for (int32_t i = 0, j = 0; i < POINTS; i++) {
        if (i < j) {
            double x = re[i], y = im[i];
            re[i] = re[j];
            im[i] = im[j];
            re[j] = x;
            im[j] = y;
        }
        int32_t bit = POINTS / 2;
        for (; bit && j & bit; bit /= 2)
            j &= ~bit;
        j |= bit;
    }
    for (int32_t half = 1; half < POINTS; half *= 2)
        for (int32_t start = 0; start < POINTS; start += 2 * half)
            for (int32_t k = 0; k < half; k++) {
                double c = cosines[k * (POINTS / 2 / half)], s = sign * sines[k * (POINTS / 2 / half)];
                int32_t a = start + k, b = a + half;
                double x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
                re[b] = re[a] - x;
                im[b] = im[a] - y;
                re[a] += x;
                im[a] += y;
            }
}

double run(int32_t n)
{
    twiddles();
    for (int32_t i = 0; i < POINTS; i++) {
        re[i] = (i * 37 % 101) / 101.0;
        im[i] = 0.0;
    }
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++) {
        transform(i & 1 ? -1.0 : 1.0);
        if (i & 1)
            for (int32_t k = 0; k < POINTS; k++) {
                re[k] /= POINTS;
                im[k] /= POINTS;
            }
        sum += re[i % POINTS] + im[(i + 1) % POINTS];
    }
    return sum;
}
