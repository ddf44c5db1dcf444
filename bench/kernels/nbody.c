/* nbody: gravity between seven bodies, leapfrog steps; square roots and divisions.
 * n: steps. Result: double, the total energy. */
#include <stdint.h>

enum { BODIES = 7 };
typedef struct {
    double position[3], velocity[3], mass;
} Body;
static Body bodies[BODIES];

static void place(void)
{
    for (int i = 0; i < BODIES; i++) {
        Body *body = &bodies[i];
        double distance = i * 3.0 + 0.5 * (i & 1);
        body->mass = i ? 0.01 * (BODIES - i) : 40.0;
        body->position[0] = i & 1 ? distance : -distance;
        body->position[1] = distance * 0.25;
        body->position[2] = (i - 3) * 0.125;
        double speed = i ? __builtin_sqrt(40.0 / (distance * 1.03)) : 0.0;
        body->velocity[0] = i & 1 ? -0.25 * speed : 0.25 * speed;
        body->velocity[1] = i & 1 ? speed : -speed;
        body->velocity[2] = 0.0;
    }
}

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            Body *a = &bodies[i], *b = &bodies[j];
            double d[3], square = 0.0;
            for (int k = 0; k < 3; k++) {
                d[k] = a->position[k] - b->position[k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * __builtin_sqrt(square));
            for (int k = 0; k < 3; k++) {
                a->velocity[k] -= d[k] * b->mass * pull;
                b->velocity[k] += d[k] * a->mass * pull;
            }
        }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            bodies[i].position[k] += dt * bodies[i].velocity[k];
}

static double energy(void)
{
    double sum = 0.0;
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++)
            sum += 0.5 * bodies[i].mass * bodies[i].velocity[k] * bodies[i].velocity[k];
        for (int j = i + 1; j < BODIES; j++) {
            double square = 0.0;
            for (int k = 0; k < 3; k++) {
                double d = bodies[i].position[k] - bodies[j].position[k];
                square += d * d;
            }
            sum -= bodies[i].mass * bodies[j].mass / __builtin_sqrt(square);
        }
    }
    return sum;
}

double run(int32_t n)
{
    place();
    for (int32_t i = 0; i < n; i++)
        step(0.001);
    return energy();
}
