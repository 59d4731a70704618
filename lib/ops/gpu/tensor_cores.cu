// Convolutions and gradients of their kernels on tensor cores, for maps with their channels last: the
// product with x unfolded, of which each block finds the part that it multiplies in x itself.
//
// A block goes through the terms of its sums some at a time: the next ones are on their way while it
// multiplies. Rows of a tile lie further apart than they are long, so that the lanes of a warp find
// what they multiply in different banks of the shared memory.

#define kWarp 32

// The bits of a value for tensor cores, which do not read the last 13; what is not a number stays.
__device__ static inline unsigned to_tf32(float x) {
    unsigned bits = __float_as_int(x);
    return x == x ? bits + 0x1000 : bits;
}

// Write four values of a tile.
__device__ static inline void put(unsigned *to, Four from) {
    struct alignas(16) {
        unsigned at[4];
    } bits;
    for (int k = 0; k < 4; k++) bits.at[k] = to_tf32(from.at[k]);
    *reinterpret_cast<decltype(bits) *>(to) = bits;
}

// A warp's sum += a b, of 16 x 8, 8 x 8 and 16 x 8 values, which its lanes share as PTX says.
__device__ static inline void multiply(float *sum, const unsigned *a, const unsigned *b) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// ---- Gradients of kernels ---------------------------------------------------------------------
//
// A block makes kRows x kColumns values, and each of its warps kRows x kWarp.

#define kRows 64
#define kColumns 128
#define kCells 16  // along the last axis; what is beyond the end of a row of y counts as zero

struct Tile {
    unsigned y[kCells][kRows + 8], x[kCells][kColumns + 8];  // the bits of TF32 values
};

// Add a tile's part to the sums of this warp, whose columns begin at `first`.
__device__ static inline void multiply_tile(const Tile &tile, float (*sums)[4][4], unsigned first) {
    unsigned lane = threadIdx.x % kWarp, across = lane / 4, down = lane % 4;
#pragma unroll
    for (int k = 0; k < kCells; k += 8) {
        const unsigned *y[2] = {tile.y[k + down], tile.y[k + down + 4]};
        const unsigned *x[2] = {tile.x[k + down] + first, tile.x[k + down + 4] + first};
        unsigned b[4][2];
#pragma unroll
        for (int j = 0; j < 4; j++)
            for (int half = 0; half < 2; half++) b[j][half] = x[half][8 * j + across];
#pragma unroll
        for (int i = 0; i < kRows / 16; i++) {
            unsigned a[4];
            for (int part = 0; part < 4; part++) a[part] = y[part / 2][16 * i + part % 2 * 8 + across];
#pragma unroll
            for (int j = 0; j < 4; j++) multiply(sums[i][j], a, b[j]);
        }
    }
}

// `sums` is `blocks x rows x columns`, where rows are y's channels and columns are taps x x's channels.
// blockIdx.x has a part of the cells, blockIdx.y of the rows and blockIdx.z of the columns.
extern "C" __global__ void kernel_gradient(
    const float *x, const float *y, float *sums, GEOMETRY, unsigned rows, unsigned chunks) {
    __shared__ Tile tiles[2];
    const Four none = {{0, 0, 0, 0}};
    unsigned each = (chunks + gridDim.x - 1) / gridDim.x;
    unsigned begin = blockIdx.x * each, end = begin + each < chunks ? begin + each : chunks;
    // Where the next cells are: the image, the row of y along two axes, and the part of the row.
    unsigned in_row = (y2 + kCells - 1) / kCells, part = begin % in_row, left = begin / in_row;
    unsigned at1 = left % y1, at0 = left / y1 % y0, image = left / y1 / y0;
    // The columns of x unfolded that this thread reads, for every fourth cell.
    unsigned columns = k0 * k1 * k2 * 4 * fours, column = blockIdx.z * kColumns + threadIdx.x % kWarp * 4;
    unsigned c = column / 4 % fours, tap = column / 4 / fours;
    int t2 = tap % k2, t1 = tap / k2 % k1, t0 = tap / k2 / k1;
    if (turned) t0 = k0 - 1 - t0, t1 = k1 - 1 - t1, t2 = k2 - 1 - t2;
    // The rows that it reads, for every eighth cell.
    unsigned row = blockIdx.y * kRows + threadIdx.x % (kRows / 4) * 4;
    unsigned cell_x = threadIdx.x / kWarp, cell_y = threadIdx.x / (kRows / 4);

    float sum[kRows / 16][4][4] = {};
    Four next_x[4], next_y[2];
    for (unsigned chunk = begin; chunk <= end; chunk++) {
        if (chunk < end) {
            int r0 = at0 * step0 - pad0 + t0 * wide0, r1 = at1 * step1 - pad1 + t1 * wide1;
            bool inside = column < columns && r0 >= 0 && r0 < (int)x0 && r1 >= 0 && r1 < (int)x1;
            const Four *from =
                reinterpret_cast<const Four *>(x) + (((size_t)image * x0 + r0) * x1 + r1) * x2 * fours + c;
#pragma unroll
            for (int k = 0; k < 4; k++) {
                unsigned cell = part * kCells + cell_x + 4 * k;
                int r2 = cell * step2 - pad2 + t2 * wide2;
                next_x[k] = none;
                if (inside && cell < y2 && r2 >= 0 && r2 < (int)x2) next_x[k] = from[(size_t)r2 * fours];
            }
            const float *line = y + (((size_t)image * y0 + at0) * y1 + at1) * y2 * rows + row;
#pragma unroll
            for (int k = 0; k < 2; k++) {
                unsigned cell = part * kCells + cell_y + 8 * k;
                next_y[k] = none;
                if (row < rows && cell < y2)
                    next_y[k] = *reinterpret_cast<const Four *>(line + (size_t)cell * rows);
            }
            if (++part == in_row) part = 0, at1++;
            if (at1 == y1) at1 = 0, at0++;
            if (at0 == y0) at0 = 0, image++;
        }
        if (chunk > begin) multiply_tile(tiles[(chunk - 1) % 2], sum, threadIdx.x / kWarp * kWarp);
        if (chunk < end) {
            Tile &tile = tiles[chunk % 2];
            for (int k = 0; k < 4; k++) put(&tile.x[cell_x + 4 * k][threadIdx.x % kWarp * 4], next_x[k]);
            for (int k = 0; k < 2; k++)
                put(&tile.y[cell_y + 8 * k][threadIdx.x % (kRows / 4) * 4], next_y[k]);
        }
        __syncthreads();
    }

    unsigned lane = threadIdx.x % kWarp, first_row = blockIdx.y * kRows + lane / 4;
    unsigned first = blockIdx.z * kColumns + threadIdx.x / kWarp * kWarp + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < kRows / 16; i++)
        for (int half = 0; half < 2; half++)
            for (int j = 0; j < 4; j++) {
                unsigned to = first_row + 16 * i + 8 * half, at = first + 8 * j;
                if (to >= rows || at >= columns) continue;
                float *place = sums + ((size_t)blockIdx.x * rows + to) * columns + at;
                place[0] = sum[i][j][2 * half], place[1] = sum[i][j][2 * half + 1];
            }
}

// ---- Convolutions -----------------------------------------------------------------------------
//
// A block makes kOutputs channels, as many as are defined before this file, of kMade cells, which may
// be of several rows of y. Each of its warps makes those of kWarp cells.

#define kMade 128  // as many as there are threads
#define kTerms 16  // of the sums at a time
#define kQuarters (kTerms / 4)
#define kAtOnce (kMade / kQuarters)  // cells, or channels, of which the threads read all quarters at once
#define kTurns (kMade / kAtOnce)

struct Terms {
    unsigned x[kMade][kTerms + 4], w[kOutputs][kTerms + 4];  // the bits of TF32 values
};

// Add some terms to the sums of this warp.
__device__ static inline void multiply_terms(const Terms &terms, float (*sums)[kOutputs / 8][4]) {
    unsigned lane = threadIdx.x % kWarp, across = lane / 4, down = lane % 4, first = threadIdx.x - lane;
#pragma unroll
    for (int k = 0; k < kTerms; k += 8) {
        unsigned a[kWarp / 16][4], b[2];
#pragma unroll
        for (int i = 0; i < kWarp / 16; i++)
            for (int part = 0; part < 4; part++)
                a[i][part] = terms.x[first + 16 * i + part % 2 * 8 + across][k + down + part / 2 * 4];
#pragma unroll
        for (int j = 0; j < kOutputs / 8; j++) {
            for (int half = 0; half < 2; half++) b[half] = terms.w[8 * j + across][k + down + 4 * half];
            for (int i = 0; i < kWarp / 16; i++) multiply(sums[i][j], a[i], b);
        }
    }
}

// blockIdx.x has a part of all `cells` of y, blockIdx.y of its channels, the `outputs`.
extern "C" __global__ void convolve(
    const float *x, const float *w, float *y, GEOMETRY, unsigned outputs, unsigned cells) {
    __shared__ Terms tiles[2];
    const Four none = {{0, 0, 0, 0}};
    unsigned quarter = threadIdx.x % kQuarters, first = threadIdx.x / kQuarters;
    // Where the kernel's first tap finds x, for the cells that this thread reads: along each axis, and
    // in all of x. It may be outside.
    int from0[kTurns], from1[kTurns], from2[kTurns], from[kTurns];
#pragma unroll
    for (int k = 0; k < kTurns; k++) {
        unsigned cell = blockIdx.x * kMade + first + kAtOnce * k, left = cell / y2;
        from2[k] = cell % y2 * step2 - pad2, from1[k] = left % y1 * step1 - pad1, left /= y1;
        from0[k] = left % y0 * step0 - pad0;
        from[k] = ((int)(left / y0 * x0) + from0[k]) * (int)x1;
        from[k] = (from[k] + from1[k]) * (int)x2 + from2[k];
        if (cell >= cells) from0[k] = -(int)(k0 * wide0);  // where no tap finds it
    }
    // The tap and the channels that come next, and those of the kernel.
    unsigned taps = k0 * k1 * k2, c = quarter % fours, tap = quarter / fours;
    unsigned t2 = tap % k2, t1 = tap / k2 % k1, t0 = tap / k2 / k1;
    unsigned quarters = taps * fours, chunks = (quarters + kQuarters - 1) / kQuarters;
    const Four *map = reinterpret_cast<const Four *>(x);
    const Four *kernel = reinterpret_cast<const Four *>(w) + quarter;

    float sum[kWarp / 16][kOutputs / 8][4] = {};
    Four next_x[kTurns], next_w[kOutputs / kAtOnce];
    for (unsigned chunk = 0; chunk <= chunks; chunk++) {
        if (chunk < chunks) {
            bool some = t0 < k0;
            int w0 = (turned ? k0 - 1 - t0 : t0) * wide0, w1 = (turned ? k1 - 1 - t1 : t1) * wide1;
            int w2 = (turned ? k2 - 1 - t2 : t2) * wide2, further = (w0 * (int)x1 + w1) * (int)x2 + w2;
#pragma unroll
            for (int k = 0; k < kTurns; k++) {
                bool inside = (unsigned)(from0[k] + w0) < x0 && (unsigned)(from1[k] + w1) < x1
                              && (unsigned)(from2[k] + w2) < x2;
                next_x[k] = none;
                if (some && inside) next_x[k] = map[(size_t)(from[k] + further) * fours + c];
            }
#pragma unroll
            for (int k = 0; k < kOutputs / kAtOnce; k++) {
                unsigned output = blockIdx.y * kOutputs + first + kAtOnce * k;
                next_w[k] = none;
                if (some && output < outputs)
                    next_w[k] = kernel[(size_t)output * quarters + chunk * kQuarters];
            }
            for (c += kQuarters; c >= fours; c -= fours) {
                if (++t2 == k2) t2 = 0, t1++;
                if (t1 == k1) t1 = 0, t0++;
            }
        }
        if (chunk) multiply_terms(tiles[(chunk - 1) % 2], sum);
        if (chunk < chunks) {
            Terms &terms = tiles[chunk % 2];
            for (int k = 0; k < kTurns; k++) put(&terms.x[first + kAtOnce * k][4 * quarter], next_x[k]);
            for (int k = 0; k < kOutputs / kAtOnce; k++)
                put(&terms.w[first + kAtOnce * k][4 * quarter], next_w[k]);
        }
        __syncthreads();
    }

    // As in kernel_gradient, which would take 29 more registers of each thread if they shared this.
    unsigned lane = threadIdx.x % kWarp;
#pragma unroll
    for (int i = 0; i < kWarp / 16; i++)
        for (int half = 0; half < 2; half++)
            for (int j = 0; j < kOutputs / 8; j++) {
                unsigned cell = blockIdx.x * kMade + threadIdx.x - lane + 16 * i + 8 * half + lane / 4;
                unsigned output = blockIdx.y * kOutputs + 8 * j + lane % 4 * 2;
                if (cell >= cells || output >= outputs) continue;
                float *place = y + (size_t)cell * outputs + output;
                place[0] = sum[i][j][2 * half], place[1] = sum[i][j][2 * half + 1];
            }
}
