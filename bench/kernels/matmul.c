/* matmul: product of two square f64 matrices; multiply-add over rows, which vectorises.
 * n: rows and columns, at most 512. Result: double. */
#include <stdint.h>

enum { MAX = 512 };
static double a[MAX * MAX], b[MAX * MAX], c[MAX * MAX];

double run(int32_t n)
{
    if (n > MAX)
        n = MAX;
    for (int32_t i = 0; i < n * n; i++) {
        a[i] = (double)(i % 17) * 0.25 - 1.0;
        b[i] = (double)(i % 23) * 0.125 - 0.5;
        c[i] = 0.0;
    }
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < n; k++) {
            double factor = a[i * n + k];
            for (int32_t j = 0; j < n; j++)
                c[i * n + j] += factor * b[k * n + j];
        }
    double sum = 0.0;
    for (int32_t i = 0; i < n * n; i++)
        sum += c[i] * (double)(i % 7 + 1);
    return sum;
}
