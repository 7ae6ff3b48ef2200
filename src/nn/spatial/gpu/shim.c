/* What CUDA C needs to be C: the threads of a block take turns, and change over where they wait for each
   other. Blocks and threads come in order, or in reverse. */
#include <math.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))

struct Dim { unsigned x, y; };
static struct Dim blockIdx, threadIdx, blockDim, gridDim;

#define THREADS 256
static ucontext_t turns, threads[THREADS];
static char stacks[THREADS][1 << 16];
static int running, done[THREADS];

static void __syncthreads(void) { swapcontext(&threads[running], &turns); }
static void __threadfence(void) {}
static unsigned atomicAdd(unsigned *at, unsigned n) {
    const unsigned before = *at;
    *at += n;
    return before;
}

static const void *arguments;
static void (*body)(void);
static void whole(void) {
    body();
    done[running] = 1;
}

static void launch(const void *a, const unsigned *grid, int reverse) {
    arguments = a;
    gridDim.x = grid[0], gridDim.y = grid[1], blockDim.x = grid[2], blockDim.y = grid[3];
    const unsigned blocks = grid[0] * grid[1], n = grid[2] * grid[3];
    for (unsigned block = 0; block < blocks; block++) {
        const unsigned b = reverse ? blocks - 1 - block : block;
        blockIdx.x = b % grid[0], blockIdx.y = b / grid[0];
        for (unsigned i = 0; i < n; i++) {
            getcontext(&threads[i]);
            threads[i].uc_stack.ss_sp = stacks[i];
            threads[i].uc_stack.ss_size = sizeof stacks[i];
            threads[i].uc_link = &turns;
            done[i] = 0;
            makecontext(&threads[i], whole, 0);
        }
        for (unsigned left = n; left > 0;) {
            left = 0;
            for (unsigned i = 0; i < n; i++) {
                running = reverse ? n - 1 - i : i;
                if (done[running]) continue;
                threadIdx.x = running % grid[2], threadIdx.y = running / grid[2];
                swapcontext(&turns, &threads[running]);
                left += !done[running];
            }
        }
    }
}

#define KERNEL(name, structure)                                                \
    static void call_##name(void) { name(*(const struct structure *)arguments); } \
    void launch_##name(const void *a, const unsigned *grid, int reverse) {     \
        body = call_##name;                                                    \
        launch(a, grid, reverse);                                              \
    }                                                                          \
    const unsigned long size_##name = sizeof(struct structure);
