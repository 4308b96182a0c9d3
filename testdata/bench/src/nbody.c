// Five bodies under gravity: f64 arithmetic, square root, division, small loops over a struct array.
#include "bench.h"

#define BODIES 5
#define STEPS 120000

typedef struct {
    double x, y, z, vx, vy, vz, mass;
} Body;

static Body bodies[BODIES];

// Invented orbits (units do not matter), with the total momentum brought to zero.
static void set_up(void) {
    double px = 0, py = 0, pz = 0;
    for (int i = 0; i < BODIES; i++) {
        Body *b = &bodies[i];
        double k = (double)i;
        b->x = 5.0 * k + 0.25;
        b->y = -3.5 * k + 0.5;
        b->z = 0.125 * k;
        b->vx = 0.3 + 0.11 * k;
        b->vy = 0.9 - 0.17 * k;
        b->vz = 0.02 * k;
        b->mass = i == 0 ? 40.0 : 0.04 / k;
        px += b->vx * b->mass;
        py += b->vy * b->mass;
        pz += b->vz * b->mass;
    }
    bodies[0].vx -= px / bodies[0].mass;
    bodies[0].vy -= py / bodies[0].mass;
    bodies[0].vz -= pz / bodies[0].mass;
}

static NOINLINE void step(double dt) {
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double square = dx * dx + dy * dy + dz * dz + 1e-9;
            double pull = dt / (square * __builtin_sqrt(square));
            a->vx -= dx * b->mass * pull;
            a->vy -= dy * b->mass * pull;
            a->vz -= dz * b->mass * pull;
            b->vx += dx * a->mass * pull;
            b->vy += dy * a->mass * pull;
            b->vz += dz * a->mass * pull;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        Body *b = &bodies[i];
        b->x += dt * b->vx;
        b->y += dt * b->vy;
        b->z += dt * b->vz;
    }
}

RUN {
    u64 sum = 0;
    set_up();
    for (i32 i = 0; i < n; i++) {
        for (int s = 0; s < STEPS; s++) step(0.001);
        for (int b = 0; b < BODIES; b++) sum = mix(sum, bits_of(bodies[b].x) ^ bits_of(bodies[b].vy));
    }
    return (i64)sum;
}
