// The passes over feature maps that cuDNN has no call for, each reading and writing a map once.
//
// Maps hold their channels last, `images x cells x channels`, and channels come in fours. A thread
// works on the four channels of one cell.

struct alignas(16) Four {
    float at[4];
};

struct alignas(4) Code {
    unsigned char at[4];  // of four channels: a bit for each cell of a window that is the maximum
};

// The number of the thread over the whole launch.
#define THREAD (blockIdx.x * blockDim.x + threadIdx.x)

__device__ static inline float leaky(float x, float slope) { return x > 0 ? x : x * slope; }

// One of four values of a vector that is shorter than the padded channels.
__device__ static inline float of_channel(const float *b, unsigned c, unsigned channels) {
    return c < channels ? b[c] : 0;
}

// A map `images x channels x cells` with its channels last; images and channels padded by zeros.
extern "C" __global__ void to_last(const float *x, float *y, unsigned images, unsigned channels,
    unsigned cells, unsigned padded_images, unsigned padded) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)padded_images * cells * padded) return;
    unsigned c = i % padded, cell = i / padded % cells, image = i / padded / cells;
    bool inside = c < channels && image < images;
    y[i] = inside ? x[((size_t)image * channels + c) * cells + cell] : 0;
}

// y = leaky(y + b), in place.
extern "C" __global__ void bias_leaky(
    float *y, const float *b, unsigned channels, unsigned fours, unsigned count, float slope) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned c = 4 * (i % fours);
    Four value = reinterpret_cast<Four *>(y)[i];
    for (int k = 0; k < 4; k++) value.at[k] = leaky(value.at[k] + of_channel(b, c + k, channels), slope);
    reinterpret_cast<Four *>(y)[i] = value;
}

// y = leaky(max(x) + b) over 2x2 windows of stride 2, and which cells were the maximum.
extern "C" __global__ void max_pool(const float *x, const float *b, float *y, unsigned char *code,
    unsigned channels, unsigned fours, unsigned rows, unsigned columns, unsigned out_rows,
    unsigned out_columns, unsigned pad_rows, unsigned pad_columns, unsigned count, float slope) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned c = i % fours, q = i / fours % out_columns, p = i / fours / out_columns % out_rows;
    unsigned image = i / fours / out_columns / out_rows;
    const Four *map = reinterpret_cast<const Four *>(x) + (size_t)image * rows * columns * fours + c;
    Four cells[4], most;
    bool inside[4];
    for (int k = 0; k < 4; k++) most.at[k] = __int_as_float(0xff800000);  // minus infinity
    for (int w = 0; w < 4; w++) {
        int row = 2 * (int)p - (int)pad_rows + w / 2, column = 2 * (int)q - (int)pad_columns + w % 2;
        inside[w] = row >= 0 && row < (int)rows && column >= 0 && column < (int)columns;
        if (!inside[w]) continue;
        cells[w] = map[((size_t)row * columns + column) * fours];
        // What is not a number stays, as in NumPy: training shall stop there.
        for (int k = 0; k < 4; k++)
            if (!(cells[w].at[k] <= most.at[k])) most.at[k] = cells[w].at[k];
    }
    Code bits = {{0, 0, 0, 0}};
    for (int w = 0; w < 4; w++)
        for (int k = 0; k < 4; k++)
            if (inside[w] && cells[w].at[k] == most.at[k]) bits.at[k] |= 1 << w;
    for (int k = 0; k < 4; k++) most.at[k] = leaky(most.at[k] + of_channel(b, 4 * c + k, channels), slope);
    reinterpret_cast<Four *>(y)[i] = most;
    reinterpret_cast<Code *>(code)[i] = bits;
}

// The gradient of the map before max_pool from that of the maxima.
extern "C" __global__ void max_pool_gradient(const float *dy, const unsigned char *code, float *dx,
    unsigned fours, unsigned rows, unsigned columns, unsigned out_rows, unsigned out_columns,
    unsigned pad_rows, unsigned pad_columns, unsigned count) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned c = i % fours, column = i / fours % columns + pad_columns;
    unsigned row = i / fours / columns % rows + pad_rows, image = i / fours / columns / rows;
    unsigned p = row / 2, q = column / 2, bit = row % 2 * 2 + column % 2;
    Four gradient = {{0, 0, 0, 0}};
    if (p < out_rows && q < out_columns) {
        size_t window = (((size_t)image * out_rows + p) * out_columns + q) * fours + c;
        Code bits = reinterpret_cast<const Code *>(code)[window];
        Four from = reinterpret_cast<const Four *>(dy)[window];
        for (int k = 0; k < 4; k++)
            if (bits.at[k] >> bit & 1) gradient.at[k] = from.at[k];
    }
    reinterpret_cast<Four *>(dx)[i] = gradient;
}

// What the two kernels below share: a block has kThreads threads, which are as many rows of cells as
// fit, and writes the sum of its cells for each channel: `blocks x 4 fours`.
#define kThreads 256

struct Rows {
    unsigned width, count, mine, c;  // fours in a row, rows, this thread's row and its four
};

__device__ static inline Rows rows_of(unsigned fours) {
    unsigned width = fours < kThreads ? fours : kThreads;
    return {width, kThreads / width, threadIdx.x / width, blockIdx.y * kThreads + threadIdx.x % width};
}

__device__ static inline void write_sum(Four sum, Four *all, Rows rows, float *sums, unsigned fours) {
    all[threadIdx.x] = sum;
    __syncthreads();
    if (rows.mine || rows.c >= fours) return;
    for (unsigned other = 1; other < rows.count; other++)
        for (int k = 0; k < 4; k++) sum.at[k] += all[other * rows.width + threadIdx.x].at[k];
    reinterpret_cast<Four *>(sums)[(size_t)blockIdx.x * fours + rows.c] = sum;
}

// Make the gradient of a leaky ReLU's result that of its argument, and add it up.
__device__ static inline void leaky_back(Four result, Four *gradient, Four *sum, float slope) {
    for (int k = 0; k < 4; k++) {
        gradient->at[k] = result.at[k] > 0 ? gradient->at[k] : gradient->at[k] * slope;
        sum->at[k] += gradient->at[k];
    }
}

// The gradient of a leaky ReLU's argument.
extern "C" __global__ void leaky_gradient(
    const float *y, const float *dy, float *dz, float *sums, unsigned fours, unsigned cells, float slope) {
    __shared__ Four all[kThreads];
    Rows rows = rows_of(fours);
    Four sum = {{0, 0, 0, 0}};
    if (rows.mine < rows.count && rows.c < fours)
        for (unsigned cell = blockIdx.x * rows.count + rows.mine; cell < cells;
            cell += gridDim.x * rows.count) {
            size_t i = (size_t)cell * fours + rows.c;
            Four gradient = reinterpret_cast<const Four *>(dy)[i];
            leaky_back(reinterpret_cast<const Four *>(y)[i], &gradient, &sum, slope);
            reinterpret_cast<Four *>(dz)[i] = gradient;
        }
    write_sum(sum, all, rows, sums, fours);
}

// The gradient of the map before max_pool with a leaky ReLU, in one pass. There are `high x wide`
// windows to an image, of which the last may lie outside of y: their cells are in no window.
extern "C" __global__ void max_pool_leaky_gradient(const float *y, const float *dy, const unsigned char *code,
    float *dx, float *sums, unsigned fours, unsigned rows, unsigned columns, unsigned out_rows,
    unsigned out_columns, unsigned pad_rows, unsigned pad_columns, unsigned high, unsigned wide,
    unsigned windows, float slope) {
    __shared__ Four all[kThreads];
    Rows mine = rows_of(fours);
    Four sum = {{0, 0, 0, 0}};
    bool some = mine.mine < mine.count && mine.c < fours;
    for (unsigned n = blockIdx.x * mine.count + mine.mine; some && n < windows; n += gridDim.x * mine.count) {
        unsigned q = n % wide, p = n / wide % high, image = n / wide / high;
        Four gradient = {{0, 0, 0, 0}};
        Code bits = {{0, 0, 0, 0}};
        if (p < out_rows && q < out_columns) {
            size_t i = (((size_t)image * out_rows + p) * out_columns + q) * fours + mine.c;
            gradient = reinterpret_cast<const Four *>(dy)[i];
            bits = reinterpret_cast<const Code *>(code)[i];
            leaky_back(reinterpret_cast<const Four *>(y)[i], &gradient, &sum, slope);
        }
        for (int w = 0; w < 4; w++) {
            int row = 2 * (int)p - (int)pad_rows + w / 2, column = 2 * (int)q - (int)pad_columns + w % 2;
            if (row < 0 || row >= (int)rows || column < 0 || column >= (int)columns) continue;
            Four part;
            for (int k = 0; k < 4; k++) part.at[k] = bits.at[k] >> w & 1 ? gradient.at[k] : 0;
            size_t cell = ((size_t)image * rows + row) * columns + column;
            reinterpret_cast<Four *>(dx)[cell * fours + mine.c] = part;
        }
    }
    write_sum(sum, all, mine, sums, fours);
}

// The sum over blocks of what each has found. Few values have many blocks, so that threads share them.
#define kSummed 8
extern "C" __global__ void sum_blocks(
    const float *sums, float *result, unsigned blocks, unsigned apart, unsigned count) {
    __shared__ float mine[kThreads];
    unsigned value = blockIdx.x * kSummed + threadIdx.x % kSummed;
    float sum = 0;
    if (value < count)
        for (unsigned block = threadIdx.x / kSummed; block < blocks; block += kThreads / kSummed)
            sum += sums[(size_t)block * apart + value];
    mine[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x >= kSummed || value >= count) return;
    for (unsigned other = threadIdx.x + kSummed; other < kThreads; other += kSummed) sum += mine[other];
    result[value] = sum;
}

__device__ static inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// One view's step of the grid of LSTM cells (models/conv_lstm.py): the gates f and i, the candidate
// g, the memory c and the hidden state h. All but Uh are plain, `views x images x channels x cells`,
// of which `at` is where the view begins; Uh holds the three gates' channels last and is not read
// at the first view, when h and c were zero.
extern "C" __global__ void lstm(const float *Wf, const float *Wi, const float *Wg, const float *Uh,
    const float *bf, const float *bi, const float *bg, float *h, float *c, float *f, float *i, float *g,
    unsigned channels, unsigned padded, unsigned cells, unsigned at, unsigned count) {
    unsigned k = THREAD;
    if (k >= count) return;
    unsigned cell = k % cells, channel = k / cells % channels, image = k / cells / channels;
    float before = 0, to_f = bf[channel], to_i = bi[channel], to_g = bg[channel];
    if (at) {
        const float *u = Uh + ((size_t)image * cells + cell) * padded + channel;
        to_f += u[0], to_i += u[channels], to_g += u[2 * channels];
        before = c[at - count + k];
    }
    k += at;
    f[k] = sigmoid(Wf[k] + to_f);
    i[k] = sigmoid(Wi[k] + to_i);
    g[k] = tanhf(Wg[k] + to_g);
    c[k] = f[k] * before + i[k] * g[k];
    h[k] = tanhf(c[k]);
}

// The gradients of one view's pre-activations from those of its h (`dh`) and of what the next view
// made of h (`dh_next`, channels last) and of c (`dc`, changed to that of the view before); the last
// view has no next. They are written plain and with the channels of the three gates last (`last`).
extern "C" __global__ void lstm_gradient(const float *h, const float *c, const float *f, const float *i,
    const float *g, const float *dh, const float *dh_next, float *dc, float *df, float *di, float *dg,
    float *last, unsigned channels, unsigned padded, unsigned padded_gates, unsigned cells, unsigned at,
    unsigned count, unsigned is_last) {
    unsigned k = THREAD;
    if (k >= count) return;
    unsigned cell = k % cells, channel = k / cells % channels, image = k / cells / channels;
    size_t place = (size_t)image * cells + cell;
    float to_h = dh[at + k], to_c = 0;
    if (!is_last) to_h += dh_next[place * padded + channel], to_c = dc[k];
    float before = at ? c[at - count + k] : 0;
    unsigned n = at + k;
    to_c += to_h * (1 - h[n] * h[n]);
    dc[k] = to_c * f[n];
    df[n] = to_c * before * f[n] * (1 - f[n]);
    di[n] = to_c * g[n] * i[n] * (1 - i[n]);
    dg[n] = to_c * i[n] * (1 - g[n] * g[n]);
    float *to = last + (((size_t)at / channels) * padded_gates) + place * padded_gates + channel;
    to[0] = df[n], to[channels] = di[n], to[2 * channels] = dg[n];
    if (channel == 0)
        for (unsigned more = 3 * channels; more < padded_gates; more++) to[more] = 0;
}

// SGD's step of one parameter: v = momentum v - rate (g + decay w), and w = w + v. The values of g may lie
// in another order than those of w: they are found by image, channel and cell.
__device__ static inline void step(float *w, float *v, const float *g, float rate, float momentum,
    float decay, unsigned size, unsigned cells, unsigned channels, unsigned to_image, unsigned to_channel,
    unsigned to_cell) {
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < size; i += gridDim.x * blockDim.x) {
        unsigned cell = i % cells, row = i / cells, channel = row % channels, image = row / channels;
        float gradient = g[(size_t)image * to_image + channel * to_channel + cell * to_cell];
        float value = w[i], moved = momentum * v[i] - rate * (gradient + decay * value);
        v[i] = moved, w[i] = value + moved;
    }
}

// Each block's sum of squares, or of values; a block takes what is a whole launch apart.
extern "C" __global__ void sum_up(const float *x, float *sums, unsigned count, unsigned squared) {
    __shared__ float mine[kThreads];
    float sum = 0;
    for (unsigned i = THREAD; i < count; i += gridDim.x * kThreads) sum += squared ? x[i] * x[i] : x[i];
    mine[threadIdx.x] = sum;
    for (unsigned half = kThreads / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) mine[threadIdx.x] += mine[threadIdx.x + half];
    }
    if (!threadIdx.x) sums[blockIdx.x] = mine[0];
}

// Each block's sum of one channel of a plain map, `blocks x channels`.
extern "C" __global__ void channel_sums(
    const float *x, float *sums, unsigned channels, unsigned cells, unsigned count) {
    __shared__ float mine[kThreads];
    float sum = 0;
    for (unsigned i = THREAD; i < count; i += gridDim.x * kThreads)
        sum += x[((size_t)(i / cells) * channels + blockIdx.y) * cells + i % cells];
    mine[threadIdx.x] = sum;
    for (unsigned half = kThreads / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) mine[threadIdx.x] += mine[threadIdx.x + half];
    }
    if (!threadIdx.x) sums[(size_t)blockIdx.x * channels + blockIdx.y] = mine[0];
}

// How a convolution's cells belong together; two spatial axes are three with one cell along the first.
#define GEOMETRY                                                                                             \
    unsigned x0, unsigned x1, unsigned x2, unsigned y0, unsigned y1, unsigned y2, unsigned k0, unsigned k1,  \
        unsigned k2, unsigned pad0, unsigned pad1, unsigned pad2, unsigned step0, unsigned step1,            \
        unsigned step2, unsigned wide0, unsigned wide1, unsigned wide2, unsigned fours, unsigned turned

// The map x at each cell of y and each tap of the kernel: `images x cells of y x taps x channels`. A
// thread does all taps of one cell, so that it finds its place once.
extern "C" __global__ void unfold(const float *x, float *unfolded, GEOMETRY, unsigned first, unsigned count) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned c = i % fours, left = i / fours;
    int at2 = left % y2, at1 = (left /= y2) % y1, at0 = (left /= y1) % y0;
    const Four *map = reinterpret_cast<const Four *>(x) + (size_t)(left / y0 + first) * x0 * x1 * x2 * fours;
    Four *to = reinterpret_cast<Four *>(unfolded) + (size_t)(i / fours) * k0 * k1 * k2 * fours + c;
    for (int t0 = 0; t0 < (int)k0; t0++)
        for (int t1 = 0; t1 < (int)k1; t1++)
            for (int t2 = 0; t2 < (int)k2; t2++, to += fours) {
                int r0 = at0 * step0 - pad0 + (turned ? k0 - 1 - t0 : t0) * wide0;
                int r1 = at1 * step1 - pad1 + (turned ? k1 - 1 - t1 : t1) * wide1;
                int r2 = at2 * step2 - pad2 + (turned ? k2 - 1 - t2 : t2) * wide2;
                Four value = {{0, 0, 0, 0}};
                if (r0 >= 0 && r0 < (int)x0 && r1 >= 0 && r1 < (int)x1 && r2 >= 0 && r2 < (int)x2)
                    value = map[(((size_t)r0 * x1 + r1) * x2 + r2) * fours + c];
                *to = value;
            }
}

// Whether a tap of the kernel takes cell `r` of x to a cell of y along one axis, and to which.
__device__ static inline bool lands(
    int r, int tap, unsigned pad, unsigned wide, unsigned step, unsigned size, int *at) {
    int distance = r + (int)pad - tap * (int)wide;
    *at = distance / (int)step;
    return distance >= 0 && distance % (int)step == 0 && *at < (int)size;
}

// The transpose of unfold: each cell of x gets the sum of its copies.
extern "C" __global__ void fold(const float *unfolded, float *x, GEOMETRY, unsigned first, unsigned count) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned c = i % fours, left = i / fours;
    int r2 = left % x2, r1 = (left /= x2) % x1, r0 = (left /= x1) % x0;
    unsigned image = left / x0;
    Four sum = {{0, 0, 0, 0}};
    int at0, at1, at2;
    for (int t0 = 0; t0 < (int)k0; t0++) {
        if (!lands(r0, turned ? k0 - 1 - t0 : t0, pad0, wide0, step0, y0, &at0)) continue;
        for (int t1 = 0; t1 < (int)k1; t1++) {
            if (!lands(r1, turned ? k1 - 1 - t1 : t1, pad1, wide1, step1, y1, &at1)) continue;
            for (int t2 = 0; t2 < (int)k2; t2++) {
                if (!lands(r2, turned ? k2 - 1 - t2 : t2, pad2, wide2, step2, y2, &at2)) continue;
                size_t row = (((size_t)image * y0 + at0) * y1 + at1) * y2 + at2;
                size_t column = ((size_t)t0 * k1 + t1) * k2 + t2;
                Four part =
                    reinterpret_cast<const Four *>(unfolded)[(row * k0 * k1 * k2 + column) * fours + c];
                for (int k = 0; k < 4; k++) sum.at[k] += part.at[k];
            }
        }
    }
    size_t start = (size_t)first * x0 * x1 * x2 * fours;
    reinterpret_cast<Four *>(x)[start + i] = sum;
}

// A kernel `outputs x taps x inputs` as `inputs x taps x outputs`.
extern "C" __global__ void exchange(
    const float *w, float *exchanged, unsigned outputs, unsigned taps, unsigned inputs, unsigned count) {
    unsigned i = THREAD;
    if (i >= count) return;
    unsigned output = i % outputs, tap = i / outputs % taps, input = i / outputs / taps;
    exchanged[i] = w[((size_t)output * taps + tap) * inputs + input];
}

// Each of some matrices `rows x columns` transposed, by tiles, so that all memory is read and
// written in order. A block of 256 threads does 32 x 32 values.
extern "C" __global__ void transpose(const float *x, float *y, unsigned rows, unsigned columns) {
    __shared__ float tile[32][33];
    unsigned across = threadIdx.x % 32, down = threadIdx.x / 32;
    size_t start = (size_t)blockIdx.z * rows * columns;
    unsigned row = blockIdx.y * 32, column = blockIdx.x * 32;
    for (unsigned k = down; k < 32; k += 8)
        if (row + k < rows && column + across < columns)
            tile[k][across] = x[start + (size_t)(row + k) * columns + column + across];
    __syncthreads();
    for (unsigned k = down; k < 32; k += 8)
        if (column + k < columns && row + across < rows)
            y[start + (size_t)(column + k) * rows + row + across] = tile[across][k];
}
