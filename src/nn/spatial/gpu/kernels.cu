/* The kernels of the layers of images. A prelude for one type of number precedes them. It defines the type in
   memory (`element`), the type that is computed with (`real`), the conversions between them (`load`,
   `store`), and how many neighbouring channels a thread takes (WIDE). With a few macros this text is C.

   Rows are images at positions, `[positions * batch, channels]`; a group is WIDE channels of a row. */

struct __align__(WIDE * sizeof(element)) Wide {
    element of[WIDE];
};

struct __align__(WIDE) Bytes {
    unsigned char of[WIDE];
};

/* The first item of this thread among those of its row of blocks, and the distance to its next. */
#define START (blockIdx.x * blockDim.x + threadIdx.x)
#define STEP (gridDim.x * blockDim.x)

/* Convolutions */

struct Gather {
    const struct Wide *x;
    struct Wide *columns; /* [outputs, batch, taps, channels] */
    const int *inputs;    /* [outputs, taps]: the position under a tap, or -1 */
    int batch, channels, taps;
};

/* Gathers what each output sees; a row of blocks takes one position of the output. */
extern "C" __global__ void gather(struct Gather a) {
    const unsigned groups = a.channels / WIDE;
    const unsigned n = a.batch * a.taps * groups;
    const int *inputs = a.inputs + blockIdx.y * a.taps;
    struct Wide *columns = a.columns + (unsigned long long)blockIdx.y * n;
    for (unsigned i = START; i < n; i += STEP) {
        const unsigned row = i / groups, group = i % groups;
        const unsigned image = row / a.taps;
        const int input = inputs[row % a.taps];
        struct Wide x;
        if (input < 0) {
            for (int j = 0; j < WIDE; j++) x.of[j] = 0;
        } else {
            x = a.x[((unsigned long long)input * a.batch + image) * groups + group];
        }
        columns[i] = x;
    }
}

struct Collect {
    const struct Wide *columns; /* as above */
    const struct Wide *onto;    /* what the sum is added to, or nothing */
    struct Wide *dx;
    const int *connections; /* [positions + 1] starts, then pairs: output, tap */
    int batch, channels, taps;
};

/* Sums up what `gather` took from each position; a row of blocks takes one position. */
extern "C" __global__ void collect(struct Collect a) {
    const unsigned groups = a.channels / WIDE;
    const unsigned n = a.batch * groups;
    const int *pairs = a.connections + gridDim.y + 1;
    const int start = a.connections[blockIdx.y], end = a.connections[blockIdx.y + 1];
    for (unsigned i = START; i < n; i += STEP) {
        const unsigned long long here = (unsigned long long)blockIdx.y * n + i;
        const unsigned image = i / groups, group = i % groups;
        real sum[WIDE];
        for (int j = 0; j < WIDE; j++) sum[j] = 0;
        if (a.onto) {
            const struct Wide onto = a.onto[here];
            for (int j = 0; j < WIDE; j++) sum[j] = load(onto.of[j]);
        }
        for (int m = start; m < end; m++) {
            const unsigned long long row = (unsigned long long)pairs[2 * m] * a.batch + image;
            const struct Wide part = a.columns[(row * a.taps + pairs[2 * m + 1]) * groups + group];
            for (int j = 0; j < WIDE; j++) sum[j] += load(part.of[j]);
        }
        struct Wide dx;
        for (int j = 0; j < WIDE; j++) dx.of[j] = store(sum[j]);
        a.dx[here] = dx;
    }
}

/* Batch normalisation. Blocks are COLUMNS groups by LANES rows. */

/* Whether this is the last block of its column of blocks to get here, so that it can read what the others wrote
   before. The ticket is 0 again afterwards. */
static __device__ int last_block(unsigned *ticket) {
    __shared__ int last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        last = atomicAdd(ticket, 1u) == gridDim.y - 1;
        if (last) *ticket = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}

struct Part {
    real n;
    real mean[WIDE];
    real squares[WIDE]; /* sum of squared distances from the mean */
};

/* Chan et al. 1983, eq. 2.1. */
static __device__ void merge_part(struct Part *to, const struct Part *from) {
    if (from->n == 0) return;
    const real n = to->n + from->n, share = from->n / n, weight = to->n * share;
    for (int j = 0; j < WIDE; j++) {
        const real apart = from->mean[j] - to->mean[j];
        to->mean[j] += apart * share;
        to->squares[j] += from->squares[j] + apart * apart * weight;
    }
    to->n = n;
}

static __device__ void merge_parts(struct Part (*lanes)[COLUMNS]) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) merge_part(&lanes[threadIdx.y][threadIdx.x], &lanes[threadIdx.y + half][threadIdx.x]);
    }
    __syncthreads();
}

struct Moments {
    const struct Wide *x;
    struct Part *parts; /* [slices, groups], to be written */
    unsigned *tickets;  /* all 0 */
    real *mean, *variance;
    real *running_mean, *running_variance;
    int rows, channels;
    int each;                  /* rows of a slice */
    double share, unbiased;    /* weight of the newest batch: in the running mean, in the running variance */
};

/* Computes mean and variance of each channel, and updates the running ones. */
extern "C" __global__ void moments(struct Moments a) {
    __shared__ struct Part lanes[LANES][COLUMNS];
    const int groups = a.channels / WIDE;
    const int group = blockIdx.x * COLUMNS + threadIdx.x;
    const int within = group < groups;
    struct Part *own = &lanes[threadIdx.y][threadIdx.x];
    const int start = blockIdx.y * a.each;
    const int end = a.rows - start < a.each ? a.rows : start + a.each;
    /* Sums of distances from the first number, and of their squares, stay exact where the mean is large. */
    real n = 0, first[WIDE], sum[WIDE], squares[WIDE];
    for (int j = 0; j < WIDE; j++) first[j] = sum[j] = squares[j] = 0;
    for (int row = start + threadIdx.y; within && row < end; row += LANES) {
        const struct Wide x = a.x[(unsigned long long)row * groups + group];
        for (int j = 0; j < WIDE; j++) {
            if (n == 0) first[j] = load(x.of[j]);
            const real off = load(x.of[j]) - first[j];
            sum[j] += off;
            squares[j] += off * off;
        }
        n += 1;
    }
    own->n = n;
    for (int j = 0; j < WIDE; j++) {
        const real mean = n == 0 ? 0 : sum[j] / n;
        const real off = squares[j] - sum[j] * mean;
        own->mean[j] = first[j] + mean;
        own->squares[j] = off < 0 ? 0 : off;
    }
    merge_parts(lanes);
    if (within && threadIdx.y == 0) a.parts[(unsigned long long)blockIdx.y * groups + group] = *own;
    if (!last_block(a.tickets + blockIdx.x)) return;
    struct Part all;
    all.n = 0;
    for (int j = 0; j < WIDE; j++) all.mean[j] = all.squares[j] = 0;
    for (int slice = threadIdx.y; within && slice < gridDim.y; slice += LANES) {
        const struct Part part = a.parts[(unsigned long long)slice * groups + group];
        merge_part(&all, &part);
    }
    *own = all;
    merge_parts(lanes);
    if (!within || threadIdx.y != 0) return;
    for (int j = 0; j < WIDE; j++) {
        const int channel = group * WIDE + j;
        const real mean = own->mean[j], variance = own->squares[j] / own->n;
        a.mean[channel] = mean;
        a.variance[channel] = variance;
        const real kept = (real)(1 - a.share);
        a.running_mean[channel] = kept * a.running_mean[channel] + (real)a.share * mean;
        a.running_variance[channel] = kept * a.running_variance[channel] + (real)a.unbiased * variance;
    }
}

struct Normalise {
    const struct Wide *x;
    const struct Wide *shortcut; /* or nothing */
    struct Wide *y;
    const real *mean, *variance, *gamma, *beta;
    int rows, channels;
    int relu;
    double eps;
};

/* Normalises, scales and shifts; adds the shortcut; clips at 0. */
extern "C" __global__ void normalise(struct Normalise a) {
    const int groups = a.channels / WIDE;
    const int group = blockIdx.x * COLUMNS + threadIdx.x;
    if (group >= groups) return;
    real mean[WIDE], factor[WIDE], beta[WIDE];
    for (int j = 0; j < WIDE; j++) {
        const int channel = group * WIDE + j;
        mean[j] = a.mean[channel];
        factor[j] = a.gamma[channel] / root(a.variance[channel] + (real)a.eps);
        beta[j] = a.beta[channel];
    }
    for (int row = blockIdx.y * LANES + threadIdx.y; row < a.rows; row += gridDim.y * LANES) {
        const unsigned long long here = (unsigned long long)row * groups + group;
        const struct Wide x = a.x[here];
        real z[WIDE];
        for (int j = 0; j < WIDE; j++) z[j] = (load(x.of[j]) - mean[j]) * factor[j] + beta[j];
        if (a.shortcut) {
            const struct Wide shortcut = a.shortcut[here];
            for (int j = 0; j < WIDE; j++) z[j] += load(shortcut.of[j]);
        }
        struct Wide y;
        for (int j = 0; j < WIDE; j++) y.of[j] = store(a.relu && z[j] < 0 ? 0 : z[j]);
        a.y[here] = y;
    }
}

struct Pair {
    real of_dz[WIDE];
    real of_product[WIDE]; /* of dz (x - mean) */
};

static __device__ void add_pair(struct Pair *to, const struct Pair *from) {
    for (int j = 0; j < WIDE; j++) {
        to->of_dz[j] += from->of_dz[j];
        to->of_product[j] += from->of_product[j];
    }
}

static __device__ void add_pairs(struct Pair (*lanes)[COLUMNS]) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) add_pair(&lanes[threadIdx.y][threadIdx.x], &lanes[threadIdx.y + half][threadIdx.x]);
    }
    __syncthreads();
}

struct Sums {
    const struct Wide *x, *dy;
    const struct Wide *y;   /* the output if relu clipped it, or nothing */
    struct Wide *dz;        /* the gradient before relu, or nothing if it is not asked for */
    const real *mean, *variance, *gamma;
    struct Pair *parts; /* [slices, groups], to be written */
    unsigned *tickets;  /* all 0 */
    real *dgamma, *dbeta;
    real *line; /* [3, channels]: dx = line[0] (dz - line[1] - (x - mean) line[2]) */
    int rows, channels;
    int each; /* rows of a slice */
    double eps;
};

/* Computes the gradients of gamma and beta, and what `normalise_back` needs. */
extern "C" __global__ void normalise_sums(struct Sums a) {
    __shared__ struct Pair lanes[LANES][COLUMNS];
    const int groups = a.channels / WIDE;
    const int group = blockIdx.x * COLUMNS + threadIdx.x;
    const int within = group < groups;
    struct Pair *own = &lanes[threadIdx.y][threadIdx.x];
    const int start = blockIdx.y * a.each;
    const int end = a.rows - start < a.each ? a.rows : start + a.each;
    struct Pair sums;
    real mean[WIDE];
    for (int j = 0; j < WIDE; j++) {
        sums.of_dz[j] = sums.of_product[j] = 0;
        mean[j] = within ? a.mean[group * WIDE + j] : 0;
    }
    for (int row = start + threadIdx.y; within && row < end; row += LANES) {
        const unsigned long long here = (unsigned long long)row * groups + group;
        const struct Wide x = a.x[here];
        struct Wide dz = a.dy[here];
        if (a.y) {
            const struct Wide y = a.y[here];
            for (int j = 0; j < WIDE; j++) dz.of[j] = load(y.of[j]) > 0 ? dz.of[j] : 0;
        }
        if (a.dz) a.dz[here] = dz;
        for (int j = 0; j < WIDE; j++) {
            sums.of_dz[j] += load(dz.of[j]);
            sums.of_product[j] += load(dz.of[j]) * (load(x.of[j]) - mean[j]);
        }
    }
    *own = sums;
    add_pairs(lanes);
    if (within && threadIdx.y == 0) a.parts[(unsigned long long)blockIdx.y * groups + group] = *own;
    if (!last_block(a.tickets + blockIdx.x)) return;
    for (int j = 0; j < WIDE; j++) sums.of_dz[j] = sums.of_product[j] = 0;
    for (int slice = threadIdx.y; within && slice < gridDim.y; slice += LANES) {
        const struct Pair part = a.parts[(unsigned long long)slice * groups + group];
        add_pair(&sums, &part);
    }
    *own = sums;
    add_pairs(lanes);
    if (!within || threadIdx.y != 0) return;
    for (int j = 0; j < WIDE; j++) {
        const int channel = group * WIDE + j;
        const real inverse = 1 / root(a.variance[channel] + (real)a.eps);
        const real dbeta = own->of_dz[j], dgamma = own->of_product[j] * inverse;
        a.dgamma[channel] = dgamma;
        a.dbeta[channel] = dbeta;
        a.line[channel] = a.gamma[channel] * inverse;
        a.line[a.channels + channel] = dbeta / a.rows;
        a.line[2 * a.channels + channel] = dgamma * inverse / a.rows;
    }
}

struct Back {
    const struct Wide *x, *dy;
    const struct Wide *y; /* as above */
    struct Wide *dx;
    const real *mean, *line;
    int rows, channels;
};

/* Computes the gradient of what was normalised. */
extern "C" __global__ void normalise_back(struct Back a) {
    const int groups = a.channels / WIDE;
    const int group = blockIdx.x * COLUMNS + threadIdx.x;
    if (group >= groups) return;
    real mean[WIDE], factor[WIDE], of_dz[WIDE], of_x[WIDE];
    for (int j = 0; j < WIDE; j++) {
        const int channel = group * WIDE + j;
        mean[j] = a.mean[channel];
        factor[j] = a.line[channel];
        of_dz[j] = a.line[a.channels + channel];
        of_x[j] = a.line[2 * a.channels + channel];
    }
    for (int row = blockIdx.y * LANES + threadIdx.y; row < a.rows; row += gridDim.y * LANES) {
        const unsigned long long here = (unsigned long long)row * groups + group;
        const struct Wide x = a.x[here];
        struct Wide dz = a.dy[here];
        if (a.y) {
            const struct Wide y = a.y[here];
            for (int j = 0; j < WIDE; j++) dz.of[j] = load(y.of[j]) > 0 ? dz.of[j] : 0;
        }
        struct Wide dx;
        for (int j = 0; j < WIDE; j++)
            dx.of[j] = store(factor[j] * (load(dz.of[j]) - of_dz[j] - (load(x.of[j]) - mean[j]) * of_x[j]));
        a.dx[here] = dx;
    }
}

/* Max pooling; a row of blocks takes one position of the result. */

struct Pool {
    const struct Wide *x;
    struct Wide *largest;
    struct Bytes *found; /* the tap that each was found at */
    const int *connections; /* [positions + 1] starts, then pairs: input, tap */
    int part;            /* numbers at a position */
};

/* The first of equals counts, and a NaN is larger than anything. */
extern "C" __global__ void max_pool(struct Pool a) {
    const unsigned n = a.part / WIDE;
    const int *pairs = a.connections + gridDim.y + 1;
    const int start = a.connections[blockIdx.y], end = a.connections[blockIdx.y + 1];
    for (unsigned i = START; i < n; i += STEP) {
        struct Wide largest = a.x[(unsigned long long)pairs[2 * start] * n + i];
        struct Bytes found;
        for (int j = 0; j < WIDE; j++) found.of[j] = (unsigned char)pairs[2 * start + 1];
        for (int m = start + 1; m < end; m++) {
            const struct Wide x = a.x[(unsigned long long)pairs[2 * m] * n + i];
            for (int j = 0; j < WIDE; j++) {
                const real number = load(x.of[j]);
                if (number > load(largest.of[j]) || number != number) {
                    largest.of[j] = x.of[j];
                    found.of[j] = (unsigned char)pairs[2 * m + 1];
                }
            }
        }
        const unsigned long long here = (unsigned long long)blockIdx.y * n + i;
        a.largest[here] = largest;
        a.found[here] = found;
    }
}

struct PoolBack {
    const struct Wide *dy;
    const struct Bytes *found;
    struct Wide *dx;
    const int *connections; /* [positions + 1] starts, then pairs: output, tap */
    int part;
};

extern "C" __global__ void max_pool_back(struct PoolBack a) {
    const unsigned n = a.part / WIDE;
    const int *pairs = a.connections + gridDim.y + 1;
    const int start = a.connections[blockIdx.y], end = a.connections[blockIdx.y + 1];
    for (unsigned i = START; i < n; i += STEP) {
        real sum[WIDE];
        for (int j = 0; j < WIDE; j++) sum[j] = 0;
        for (int m = start; m < end; m++) {
            const unsigned long long there = (unsigned long long)pairs[2 * m] * n + i;
            const struct Wide dy = a.dy[there];
            const struct Bytes found = a.found[there];
            for (int j = 0; j < WIDE; j++) sum[j] += found.of[j] == pairs[2 * m + 1] ? load(dy.of[j]) : 0;
        }
        struct Wide dx;
        for (int j = 0; j < WIDE; j++) dx.of[j] = store(sum[j]);
        a.dx[(unsigned long long)blockIdx.y * n + i] = dx;
    }
}

/* Minibatches */

struct Augmentation {
    int row;         /* of the data set */
    int down, right; /* where the crop begins */
    int flip;
};

struct Minibatch {
    const unsigned char *images; /* [n, channels, height, width] */
    const struct Augmentation *augmentations;    /* [batch] */
    element *out;                /* [height * width, batch, channels] */
    int batch, channels, height, width;
};

/* Crops, mirrors and normalises; a row of blocks takes one position. Everything around an image is black. */
extern "C" __global__ void minibatch(struct Minibatch a) {
    const unsigned n = a.batch * a.channels;
    const int y = blockIdx.y / a.width, x = blockIdx.y % a.width;
    for (unsigned i = START; i < n; i += STEP) {
        const struct Augmentation augmentation = a.augmentations[i / a.channels];
        const int row = y + augmentation.down;
        const int column = (augmentation.flip ? a.width - 1 - x : x) + augmentation.right;
        const int within = 0 <= row && row < a.height && 0 <= column && column < a.width;
        const unsigned long long channel = (unsigned long long)augmentation.row * a.channels + i % a.channels;
        float seen = 0;
        if (within) seen = a.images[(channel * a.height + row) * a.width + column];
        a.out[(unsigned long long)blockIdx.y * n + i] = store((seen / 255.0f - 0.5f) / 0.5f);
    }
}
