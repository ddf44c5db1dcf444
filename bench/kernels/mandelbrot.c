/* mandelbrot: escape times over a square of the plane; a latency-bound f64 loop.
 * n: points a side. Result: int64_t. */
#include <stdint.h>

int64_t run(int32_t n)
{
    int64_t total = 0;
    double step = 2.5 / n;
    for (int32_t row = 0; row < n; row++)
        for (int32_t column = 0; column < n; column++) {
            double re = column * step - 1.875, im = row * step - 1.25;
            double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0;
            int32_t iterations = 0;
            while (xx + yy <= 4.0 && iterations < 200) {
                y = 2.0 * x * y + im;
                x = xx - yy + re;
                xx = x * x;
                yy = y * y;
                iterations++;
            }
            total += iterations * (int64_t)(column % 5 + 1);
        }
    return total;
}
