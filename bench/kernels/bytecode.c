/* bytecode: a register machine runs a small program; one switch (br_table) in a loop.
 * n: turns of the interpreted outer loop. Result: int64_t. */
#include <stdint.h>

enum { SET, MOVE, ADD, SUB, MUL, XOR, SHR, AND, LOAD, STORE, JUMP_LESS, JUMP, JUMP_ZERO, HALT };
typedef struct {
    uint8_t op, a, b, c;
} Instruction;

/* r0 counter, r1 limit, r2 accumulator, r3 one, r4 inner counter, r5 inner limit, r6 seven, r7..r9 scratch, r10 mask.
 * Jump targets are instruction indices, in c. */
static const Instruction program[] = {
    {SET, 0, 0, 0},     {SET, 2, 1, 0},     {SET, 3, 1, 0},       {SET, 5, 16, 0},  {SET, 6, 7, 0},
    {SET, 10, 63, 0},   {SET, 4, 0, 0},     {MUL, 2, 2, 6},       {ADD, 2, 2, 0},   {MOVE, 7, 2, 0},
    {SHR, 7, 7, 6},     {XOR, 2, 2, 7},     {AND, 8, 2, 10},      {LOAD, 9, 8, 0},  {ADD, 9, 9, 2},
    {STORE, 9, 8, 0},   {AND, 7, 9, 3},     {JUMP_ZERO, 7, 0, 20}, {SUB, 2, 2, 9},  {JUMP, 0, 0, 21},
    {XOR, 2, 2, 9},     {ADD, 4, 4, 3},     {JUMP_LESS, 4, 5, 7}, {ADD, 0, 0, 3},   {JUMP_LESS, 0, 1, 6},
    {HALT, 2, 0, 0},
};

static int64_t interpret(const Instruction *code, int64_t limit)
{
    int64_t r[16] = {0}, cells[64] = {0};
    r[1] = limit;
    for (const Instruction *at = code;; at++) {
        switch (at->op) {
        case SET: r[at->a & 15] = at->b; break;
        case MOVE: r[at->a & 15] = r[at->b & 15]; break;
        case ADD: r[at->a & 15] = (int64_t)((uint64_t)r[at->b & 15] + (uint64_t)r[at->c & 15]); break;
        case SUB: r[at->a & 15] = (int64_t)((uint64_t)r[at->b & 15] - (uint64_t)r[at->c & 15]); break;
        case MUL: r[at->a & 15] = (int64_t)((uint64_t)r[at->b & 15] * (uint64_t)r[at->c & 15]); break;
        case XOR: r[at->a & 15] = r[at->b & 15] ^ r[at->c & 15]; break;
        case SHR: r[at->a & 15] = (int64_t)((uint64_t)r[at->b & 15] >> (r[at->c & 15] & 63)); break;
        case AND: r[at->a & 15] = r[at->b & 15] & r[at->c & 15]; break;
        case LOAD: r[at->a & 15] = cells[r[at->b & 15] & 63]; break;
        case STORE: cells[r[at->b & 15] & 63] = r[at->a & 15]; break;
        case JUMP_LESS:
            if (r[at->a & 15] < r[at->b & 15])
                at = code + at->c - 1;
            break;
        case JUMP_ZERO:
            if (r[at->a & 15] == 0)
                at = code + at->c - 1;
            break;
        case JUMP: at = code + at->c - 1; break;
        case HALT: return r[at->a & 15];
        }
    }
}

int64_t run(int32_t n)
{
    return interpret(program, n);
}
