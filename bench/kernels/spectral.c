/* spectral: power iteration on an implicit matrix; f64 divisions of converted integers.
 * n: rows and columns, at most 2000. Result: double. */
#include <stdint.h>

enum { MAX = 2000 };
static double u[MAX], v[MAX], scratch[MAX];

static double element(int32_t i, int32_t j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *from, double *to, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = 0.0;
        for (int32_t j = 0; j < n; j++)
            to[i] += element(i, j) * from[j];
    }
}

static void multiply_transposed(const double *from, double *to, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] = 0.0;
        for (int32_t j = 0; j < n; j++)
            to[i] += element(j, i) * from[j];
    }
}

double run(int32_t n)
{
    if (n > MAX)
        n = MAX;
    for (int32_t i = 0; i < n; i++)
        u[i] = 1.0;
    for (int round = 0; round < 10; round++) {
        multiply(u, scratch, n);
        multiply_transposed(scratch, v, n);
        multiply(v, scratch, n);
        multiply_transposed(scratch, u, n);
    }
    double uv = 0.0, vv = 0.0;
    for (int32_t i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    return __builtin_sqrt(uv / vv);
}
