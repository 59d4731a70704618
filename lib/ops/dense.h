// Products of a few rows with the large matrix of a fully connected layer.
//
// A BLAS first copies the matrix into an order of its own, which costs more than the product when there
// are a dozen rows. Here each matrix is read once, as it lies, and used for all rows while it is in
// the cache. Sums run in an order that does not depend on the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "vectors.h"

namespace dense {

using vectors::in_parts;
using vectors::load;
using vectors::load_as;
using vectors::store;
using vectors::V;
using vectors::Vector;
using vectors::with_size;

// x (rows, inputs), w (inputs, outputs) and y (rows, outputs), all without gaps.
struct Shape {
    int64_t rows, inputs, outputs;
};

constexpr bool WIDE = V == 16;  // AVX-512 has 32 registers, AVX2 has 16

constexpr int STRIP = 32, VECTORS = STRIP / V;  // columns whose sums are in registers
constexpr int STRIP_ROWS = WIDE ? 12 : 3;       // of so many rows
constexpr int LINES = 64;                       // lines of w used at once,
constexpr int STRIPS = 8;                       // and strips of them
constexpr int AHEAD = LINES / STRIPS;           // lines fetched while one strip is used

// Fetches a part of the lines of w from `next` on, whole parts of a line one after the other, as memory likes
// to be read.
inline void fetch_part(const Shape &s, const float *next, int64_t line) {
    const float *part = next + line / STRIPS * s.outputs + line % STRIPS * STRIP;
    __builtin_prefetch(part);
    __builtin_prefetch(part + STRIP / 2);
}

// R rows of a strip of y, with the products of some lines of w added, which lie `apart`; `x` has the rows side by
// side. Fetches lines of w from `next` on.
template <int R>
void add_to_strip(const Shape &s, const float *x, const float *w, int64_t apart, int64_t lines, float *y,
    bool first, const float *next) {
    Vector sum[R][VECTORS] = {};
    if (!first)
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < VECTORS; ++v) sum[r][v] = load(y + r * s.outputs + v * V);
    for (int64_t line = 0; line < lines; ++line, x += s.rows, w += apart) {
        if (next) fetch_part(s, next, line);
        Vector from[VECTORS];
        for (int v = 0; v < VECTORS; ++v) from[v] = load(w + v * V);
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < VECTORS; ++v) sum[r][v] += x[r] * from[v];
    }
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < VECTORS; ++v) store(y + r * s.outputs + v * V, sum[r][v]);
}

// A strip of some lines of w side by side: in w they lie a power of two apart, so that a cache holds few of them
// at once. Fetches lines of w from `next` on.
inline void copy_strip(const Shape &s, const float *w, int64_t lines, float *copy, const float *next) {
    for (int64_t line = 0; line < lines; ++line, w += s.outputs, copy += STRIP) {
        if (next) fetch_part(s, next, line);
        for (int v = 0; v < VECTORS; ++v) store(copy + v * V, load(w + v * V));
    }
}

// Some strips of y, which begin at a column.
inline void strips_of_y(
    const Shape &s, const float *x, const float *w, float *y, int64_t column, int64_t strips) {
    alignas(64) float copy[LINES * STRIP];
    for (int64_t line = 0; line < s.inputs; line += LINES) {
        const int64_t lines = std::min<int64_t>(LINES, s.inputs - line);
        const float *block = w + line * s.outputs + column;
        const bool more = line + 2 * LINES <= s.inputs;
        for (int64_t strip = 0; strip < strips; ++strip) {
            const float *next = more ? block + (LINES + strip * AHEAD) * s.outputs : nullptr;
            const float *from = block + strip * STRIP;
            int64_t apart = s.outputs;
            if (!WIDE && s.rows > STRIP_ROWS) {
                copy_strip(s, from, lines, copy, next);
                from = copy, apart = STRIP, next = nullptr;
            }
            float *to = y + column + strip * STRIP;
            in_parts<STRIP_ROWS>(s.rows, [&](auto R, int64_t row) {
                const float *factors = x + line * s.rows + row;
                add_to_strip<R>(
                    s, factors, from, apart, lines, to + row * s.outputs, line == 0, row ? nullptr : next);
            });
        }
    }
}

// One value of y.
inline float value_of_y(const Shape &s, const float *x, const float *w) {
    float sum = 0;
    for (int64_t line = 0; line < s.inputs; ++line) sum += x[line] * w[line * s.outputs];
    return sum;
}

// y = x w for more than a handful of rows.
inline void by_strips(const Shape &s, const float *x, const float *w, float *y) {
    const int64_t strips = s.outputs / STRIP;
    std::vector<float> turned(s.rows * s.inputs);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t line = 0; line < s.inputs; ++line)
            for (int64_t row = 0; row < s.rows; ++row) turned[line * s.rows + row] = x[row * s.inputs + line];
#pragma omp for schedule(static)
        for (int64_t strip = 0; strip < strips; strip += STRIPS)
            strips_of_y(s, turned.data(), w, y, strip * STRIP, std::min<int64_t>(STRIPS, strips - strip));
    }
    for (int64_t row = 0; row < s.rows; ++row)
        for (int64_t at = strips * STRIP; at < s.outputs; ++at)
            y[row * s.outputs + at] = value_of_y(s, x + row * s.inputs, w + at);
}

// Some columns of R rows of y, with the products of L lines of w added. Fetches the next lines.
template <int R, int L>
void add_lines(const Shape &s, const float *x, const float *w, int64_t columns, float *y) {
    int64_t at = 0;
    for (; at + V <= columns; at += V) {
        Vector sum[R];
        for (int r = 0; r < R; ++r) sum[r] = load(y + r * s.outputs + at);
        for (int l = 0; l < L; ++l) {
            const Vector from = load(w + l * s.outputs + at);
            __builtin_prefetch(w + (L + l) * s.outputs + at);
            for (int r = 0; r < R; ++r) sum[r] += x[r * s.inputs + l] * from;
        }
        for (int r = 0; r < R; ++r) store(y + r * s.outputs + at, sum[r]);
    }
    for (; at < columns; ++at)
        for (int r = 0; r < R; ++r)
            for (int l = 0; l < L; ++l) y[r * s.outputs + at] += x[r * s.inputs + l] * w[l * s.outputs + at];
}

// y = x w for R rows: w is read line by line.
template <int R> void by_lines(const Shape &s, const float *x, const float *w, float *y) {
    constexpr int64_t PART = 1024;  // columns of y that stay in a cache
    constexpr int TOGETHER = 4;     // lines at once
    std::fill(y, y + R * s.outputs, 0.f);
#pragma omp parallel for schedule(static)
    for (int64_t at = 0; at < s.outputs; at += PART)
        in_parts<TOGETHER>(s.inputs, [&](auto L, int64_t line) {
            const int64_t columns = std::min(PART, s.outputs - at);
            add_lines<R, L>(s, x + line, w + line * s.outputs + at, columns, y + at);
        });
}

// y = x w
inline void forward(const Shape &s, const float *x, const float *w, float *y) {
    constexpr int HANDFUL = 4;
    if (s.rows > HANDFUL) by_strips(s, x, w, y);
    else with_size<HANDFUL>(s.rows, [&](auto R) { by_lines<R>(s, x, w, y); });
}

// The sum of a vector's values, by halves.
template <int N> float total(const typename vectors::Block<N>::Cell &value) {
    if constexpr (N == 2) {
        return value[0] + value[1];
    } else {
        typename vectors::Block<N / 2>::Cell halves[2];
        std::memcpy(halves, &value, sizeof halves);
        return total<N / 2>(halves[0] + halves[1]);
    }
}

// R rows of dx at C lines of w, with the products of some columns added; `dy` has those of a row side by side.
template <int R, int C>
void add_columns(
    const Shape &s, const float *dy, const float *w, int64_t columns, float *dx, bool first, bool fetch) {
    Vector sum[R][C] = {};
    const int64_t whole = columns / V * V;
    for (int64_t at = 0; at < whole; at += V)
        for (int c = 0; c < C; ++c) {
            if (fetch) __builtin_prefetch(w + (c + C) * s.outputs + at);
            const Vector from = load(w + c * s.outputs + at);
            for (int r = 0; r < R; ++r) sum[r][c] += load(dy + r * columns + at) * from;
        }
    for (int r = 0; r < R; ++r)
        for (int c = 0; c < C; ++c) {
            float value = total<V>(sum[r][c]);
            for (int64_t at = whole; at < columns; ++at)
                value += dy[r * columns + at] * w[c * s.outputs + at];
            float &target = dx[r * s.inputs + c];
            target = first ? value : target + value;
        }
}

// dx = dy w^T
inline void backward(const Shape &s, const float *dy, const float *w, float *dx) {
    constexpr int64_t SHARE = 32, PART = 1024;  // lines of w for a thread, columns used at once
    constexpr int TOGETHER = WIDE ? 4 : 2;      // lines and rows whose sums are in registers
    constexpr int ROWS = WIDE ? 6 : 5;
#pragma omp parallel
    {
        // Rows lie a power of two apart, so that few of them fit into a cache as they are.
        std::vector<float> some(s.rows * PART);
        for (int64_t at = 0; at < s.outputs; at += PART) {
            const int64_t columns = std::min(PART, s.outputs - at);
            for (int64_t row = 0; row < s.rows; ++row)
                std::copy_n(dy + row * s.outputs + at, columns, some.data() + row * columns);
            // A thread has the same lines of every part.
#pragma omp for schedule(static) nowait
            for (int64_t share = 0; share < s.inputs; share += SHARE)
                in_parts<TOGETHER>(std::min(SHARE, s.inputs - share), [&](auto C, int64_t part) {
                    const int64_t line = share + part;
                    in_parts<ROWS>(s.rows, [&](auto R, int64_t row) {
                        add_columns<R, C>(s, some.data() + row * columns, w + line * s.outputs + at, columns,
                            dx + row * s.inputs + line, at == 0, row == 0);
                    });
                });
        }
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

// C lines of the gradient; `x` holds their factors, C for each row, and `strips` all whole strips of dy.
template <int C, typename End>
void lines_of_dw(
    const Shape &s, const float *x, const float *dy, const float *strips, int64_t line, const End &end) {
    int64_t at = 0;
    for (; at + STRIP <= s.outputs; at += STRIP) {
        Vector sum[C][VECTORS] = {};
        for (int64_t row = 0; row < s.rows; ++row, strips += STRIP)
            for (int v = 0; v < VECTORS; ++v) {
                const Vector from = load(strips + v * V);
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
    constexpr int SHARE = WIDE ? 12 : 3;  // lines of w at once
    // Rows lie a power of two apart, so that few of them fit into a cache as they are.
    std::vector<float> strips(s.rows * (s.outputs / STRIP) * STRIP);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t strip = 0; strip < s.outputs / STRIP; ++strip)
            for (int64_t row = 0; row < s.rows; ++row)
                std::copy_n(dy + row * s.outputs + strip * STRIP, STRIP,
                    strips.data() + (strip * s.rows + row) * STRIP);
        std::vector<float> few(s.rows * SHARE);
#pragma omp for schedule(static)
        for (int64_t line = 0; line < s.inputs; line += SHARE) {
            in_parts<SHARE>(std::min<int64_t>(SHARE, s.inputs - line), [&](auto C, int64_t part) {
                for (int64_t row = 0; row < s.rows; ++row)
                    std::copy_n(x + row * s.inputs + line + part, C, few.data() + row * C);
                lines_of_dw<C>(s, few.data(), dy, strips.data(), line + part, end);
            });
        }
    }
}

}  // namespace dense
