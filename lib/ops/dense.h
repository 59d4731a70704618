// Products of a few rows with the large matrix of a fully connected layer.
//
// A BLAS first copies the matrix into an order of its own, which costs more than the product when there
// are a dozen rows. Here each matrix is read once, as it lies, and used for all rows while it is in
// the cache. Sums run in an order that does not depend on the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "vectors.h"

namespace dense {

using vectors::load;
using vectors::load_as;
using vectors::store;
using vectors::V;
using vectors::Vector;

// x (rows, inputs), w (inputs, outputs) and y (rows, outputs), all without gaps.
struct Shape {
    int64_t rows, inputs, outputs;
};

constexpr int STRIP = 32, VECTORS = STRIP / V;  // columns whose sums are in registers
constexpr int LINES = 64;                       // lines of w used at once,
constexpr int STRIPS = 8;                       // and strips of them
constexpr int AHEAD = LINES / STRIPS;           // lines fetched while one strip is used

// R rows of a strip of y, with the products of some lines of w added. Fetches lines of w from `next`
// on, whole parts of a line one after the other, as memory likes to be read.
template <int R>
void add_lines(
    const Shape &s, const float *x, const float *w, int64_t lines, float *y, bool first, const float *next) {
    Vector sum[R][VECTORS] = {};
    if (!first)
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < VECTORS; ++v) sum[r][v] = load(y + r * s.outputs + v * V);
    for (int64_t line = 0; line < lines; ++line, w += s.outputs) {
        if (next) {
            const float *part = next + line / STRIPS * s.outputs + line % STRIPS * STRIP;
            __builtin_prefetch(part);
            __builtin_prefetch(part + STRIP / 2);
        }
        for (int v = 0; v < VECTORS; ++v) {
            const Vector from = load(w + v * V);
            for (int r = 0; r < R; ++r) sum[r][v] += x[r * s.inputs + line] * from;
        }
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < VECTORS; ++v) store(y + r * s.outputs + v * V, sum[r][v]);
}

// Some strips of y, which begin at a column.
inline void strips_of_y(
    const Shape &s, const float *x, const float *w, float *y, int64_t column, int64_t strips) {
    for (int64_t line = 0; line < s.inputs; line += LINES) {
        const int64_t lines = std::min<int64_t>(LINES, s.inputs - line);
        const float *block = w + line * s.outputs + column;
        const bool more = line + 2 * LINES <= s.inputs;
        for (int64_t strip = 0; strip < strips; ++strip) {
            const float *next = more ? block + (LINES + strip * AHEAD) * s.outputs : nullptr;
            const float *factors = x + line, *from = block + strip * STRIP;
            float *to = y + column + strip * STRIP;
            int64_t row = 0;
            for (; row + 3 <= s.rows; row += 3, next = nullptr)
                add_lines<3>(s, factors + row * s.inputs, from, lines, to + row * s.outputs, line == 0, next);
            for (; row < s.rows; ++row, next = nullptr)
                add_lines<1>(s, factors + row * s.inputs, from, lines, to + row * s.outputs, line == 0, next);
        }
    }
}

// One value of y.
inline float value_of_y(const Shape &s, const float *x, const float *w) {
    float sum = 0;
    for (int64_t line = 0; line < s.inputs; ++line) sum += x[line] * w[line * s.outputs];
    return sum;
}

// y = x w
inline void forward(const Shape &s, const float *x, const float *w, float *y) {
    const int64_t strips = s.outputs / STRIP;
#pragma omp parallel for schedule(static)
    for (int64_t strip = 0; strip < strips; strip += STRIPS)
        strips_of_y(s, x, w, y, strip * STRIP, std::min<int64_t>(STRIPS, strips - strip));
    for (int64_t row = 0; row < s.rows; ++row)
        for (int64_t at = strips * STRIP; at < s.outputs; ++at)
            y[row * s.outputs + at] = value_of_y(s, x + row * s.inputs, w + at);
}

inline float total(const Vector &value) {
    float sum = 0;
    for (int k = 0; k < V; ++k) sum += value[k];
    return sum;
}

// R rows of dx at C lines of w, with the products of some columns added.
template <int R, int C>
void add_columns(const Shape &s, const float *dy, const float *w, int64_t columns, float *dx, bool first) {
    Vector sum[R][C] = {};
    const int64_t whole = columns / V * V;
    for (int64_t at = 0; at < whole; at += V)
        for (int c = 0; c < C; ++c) {
            const Vector from = load(w + c * s.outputs + at);
            for (int r = 0; r < R; ++r) sum[r][c] += load(dy + r * s.outputs + at) * from;
        }
    for (int r = 0; r < R; ++r)
        for (int c = 0; c < C; ++c) {
            float value = total(sum[r][c]);
            for (int64_t at = whole; at < columns; ++at)
                value += dy[r * s.outputs + at] * w[c * s.outputs + at];
            float &target = dx[r * s.inputs + c];
            target = first ? value : target + value;
        }
}

template <int C>
void lines_of_dx(const Shape &s, const float *dy, const float *w, int64_t columns, float *dx, bool first) {
    int64_t row = 0;
    for (; row + 6 <= s.rows; row += 6)
        add_columns<6, C>(s, dy + row * s.outputs, w, columns, dx + row * s.inputs, first);
    for (; row < s.rows; ++row)
        add_columns<1, C>(s, dy + row * s.outputs, w, columns, dx + row * s.inputs, first);
}

// dx = dy w^T
inline void backward(const Shape &s, const float *dy, const float *w, float *dx) {
    constexpr int64_t SHARE = 32, PART = 1024;  // lines of w for a thread, columns used at once
#pragma omp parallel for schedule(static)
    for (int64_t share = 0; share < s.inputs; share += SHARE)
        for (int64_t at = 0; at < s.outputs; at += PART) {
            const int64_t columns = std::min(PART, s.outputs - at);
            const int64_t end = std::min(s.inputs, share + SHARE);
            int64_t line = share;
            for (; line + 2 <= end; line += 2)
                lines_of_dx<2>(s, dy + at, w + line * s.outputs + at, columns, dx + line, at == 0);
            for (; line < end; ++line)
                lines_of_dx<1>(s, dy + at, w + line * s.outputs + at, columns, dx + line, at == 0);
        }
}

// What becomes of the gradient of w: it is stored,
struct Stored {
    float *dw;

    template <typename Value> void operator()(int64_t at, Value g) const { store(dw + at, g); }
};

// or v and w make a step of SGD by it.
struct Taken {
    float *w, *v, rate, momentum, decay;

    template <typename Value> void operator()(int64_t at, Value g) const {
        const Value weight = load_as<Value>(w + at);
        const Value change = momentum * load_as<Value>(v + at) - rate * (g + decay * weight);
        store(v + at, change);
        store(w + at, weight + change);
    }
};

// C lines of the gradient; `x` holds their factors, C for each row.
template <int C, typename End>
void lines_of_dw(const Shape &s, const float *x, const float *dy, int64_t line, const End &end) {
    int64_t at = 0;
    for (; at + STRIP <= s.outputs; at += STRIP) {
        Vector sum[C][VECTORS] = {};
        for (int64_t row = 0; row < s.rows; ++row)
            for (int v = 0; v < VECTORS; ++v) {
                const Vector from = load(dy + row * s.outputs + at + v * V);
                for (int c = 0; c < C; ++c) sum[c][v] += x[row * C + c] * from;
            }
        for (int c = 0; c < C; ++c)
            for (int v = 0; v < VECTORS; ++v) end((line + c) * s.outputs + at + v * V, sum[c][v]);
    }
    for (; at < s.outputs; ++at)
        for (int c = 0; c < C; ++c) {
            float sum = 0;
            for (int64_t row = 0; row < s.rows; ++row) sum += x[row * C + c] * dy[row * s.outputs + at];
            end((line + c) * s.outputs + at, sum);
        }
}

// dw = x^T dy
template <typename End> void gradient(const Shape &s, const float *x, const float *dy, const End &end) {
    constexpr int64_t SHARE = 3;  // lines of w at once
#pragma omp parallel
    {
        std::vector<float> few(s.rows * SHARE);
#pragma omp for schedule(static)
        for (int64_t line = 0; line < s.inputs; line += SHARE) {
            const int64_t count = std::min(SHARE, s.inputs - line);
            for (int64_t row = 0; row < s.rows; ++row)
                for (int64_t c = 0; c < count; ++c) few[row * count + c] = x[row * s.inputs + line + c];
            if (count == 3) lines_of_dw<3>(s, few.data(), dy, line, end);
            else if (count == 2) lines_of_dw<2>(s, few.data(), dy, line, end);
            else lines_of_dw<1>(s, few.data(), dy, line, end);
        }
    }
}

}  // namespace dense
