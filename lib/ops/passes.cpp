// The passes between convolutions, and the products of fully connected layers, behind plain C calls.
//
// Maps are as in onednn.cpp. Sums run in an order that does not depend on the number of threads.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "activations.h"
#include "bfloat16.h"
#include "call.h"
#include "dense.h"
#include "lstm.h"
#include "sizes.h"
#include "vectors.h"

using vectors::Bfloat16;
using vectors::Block;
using vectors::leaky;
using vectors::load_as;
using vectors::PART;
using vectors::put;

extern "C" int voxlstm_block();

namespace {

struct Grid {
    int64_t images, channels, rows, columns;  // of the map before pooling
    int64_t pad_rows, pad_columns;
};

// How a map lies: `groups` blocks of channels, in each of which a cell has `width` of them side by side, in
// vectors of B. Maps of float have a vector in a block, those of bfloat16 all channels.
template <int B, typename Value> struct Blocks {
    int64_t width, groups;

    explicit Blocks(int64_t channels) : width(B), groups(ceil_div(channels, B)) {
        if (std::is_same_v<Value, Bfloat16>) {
            width *= groups;
            groups = 1;
        }
    }
};

// Pooling windows of 2x2 cells, stride 2.
template <int B, typename Value> class Pool {
  public:
    explicit Pool(const Grid &g) : g_(g), blocks_(g.channels), width_(blocks_.width) {
        rows_ = (g.rows + 2 * g.pad_rows - 2) / 2 + 1;
        columns_ = (g.columns + 2 * g.pad_columns - 2) / 2 + 1;
        units_ = g.images * blocks_.groups;
    }

    // y = leaky(max(x) + b); code has a bit for every cell of the window that is the maximum.
    void forward(const Value *x, const float *b, float slope, Value *y, uint8_t *code) const {
        std::vector<float> bias(blocks_.groups * width_, 0.f);
        if (b) std::copy(b, b + g_.channels, bias.begin());
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < units_; ++unit)
            for (int64_t row = 0; row < rows_; ++row) {
                const Value *map = x + unit * g_.rows * g_.columns * width_;
                const float *added = bias.data() + unit % blocks_.groups * width_;
                int64_t to = (unit * rows_ + row) * columns_ * width_;
                for (int64_t column = 0; column < columns_; ++column)
                    for (int64_t k = 0; k < width_; k += B, to += B)
                        cell(map + k, row, column, added + k, slope, y + to, code + to);
            }
    }

    // Gives every cell that was a maximum the gradient of the maximum, and the others zero.
    void backward(const Value *dy, const uint8_t *code, Value *dx) const {
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < units_; ++unit)
            for (int64_t row = 0; row < g_.rows; ++row) {
                int64_t up = (row + g_.pad_rows) / 2, down = (row + g_.pad_rows) % 2;
                Value *target = dx + (unit * g_.rows + row) * g_.columns * width_;
                if (up >= rows_) {
                    std::fill(target, target + g_.columns * width_, Value{});
                    continue;
                }
                const int64_t from = (unit * rows_ + up) * columns_ * width_;
                for (int64_t column = 0; column < g_.columns; ++column, target += width_) {
                    int64_t left = (column + g_.pad_columns) / 2, at = from + left * width_;
                    int bit = 1 << (2 * down + (column + g_.pad_columns) % 2);
                    if (left >= columns_) std::fill(target, target + width_, Value{});
                    else
                        for (int64_t k = 0; k < width_; k += B)
                            spread(dy + at + k, code + at + k, bit, target + k);
                }
            }
    }

  private:
    using Cell = typename Block<B>::Cell;
    using Mask = typename Block<B>::Mask;
    using Code = typename Block<B>::Code;

    static void spread(const Value *source, const uint8_t *bits, int bit, Value *target) {
        Code code;
        std::memcpy(&code, bits, sizeof code);
        const Mask chosen = (__builtin_convertvector(code, Mask) & bit) != 0;
        const Cell value = chosen ? load_as<Cell>(source) : Cell{};
        put(target, value);
    }

    void cell(const Value *map, int64_t row, int64_t column, const float *added, float slope, Value *y,
        uint8_t *code) const {
        const Cell nothing = Cell{} - std::numeric_limits<float>::infinity();
        Cell values[4], most = nothing;
        for (int part = 0; part < 4; ++part) {
            int64_t r = 2 * row - g_.pad_rows + part / 2;
            int64_t c = 2 * column - g_.pad_columns + part % 2;
            bool inside = r >= 0 && r < g_.rows && c >= 0 && c < g_.columns;
            values[part] = inside ? load_as<Cell>(map + (r * g_.columns + c) * width_) : nothing;
            most = values[part] > most ? values[part] : most;
        }
        Mask bits = {};
        for (int part = 0; part < 4; ++part) bits |= (values[part] == most) & (1 << part);
        const Cell value = leaky<Cell>(most + load_as<Cell>(added), slope);
        const Code narrow = __builtin_convertvector(bits, Code);
        put(y, value);
        std::memcpy(code, &narrow, sizeof narrow);
    }

    Grid g_;
    Blocks<B, Value> blocks_;
    int64_t width_, rows_, columns_, units_;
};

// dz = leaky'(y) dy for blocked maps, and db, the sum of dz over images and cells.
template <int B, typename Value>
void leaky_gradient(const Value *y, const Value *dy, float slope, int64_t images, int64_t channels,
    int64_t cells, Value *dz, float *db) {
    using Cell = typename Block<B>::Cell;
    const Blocks<B, Value> blocks(channels);
    const int64_t width = blocks.width, units = images * blocks.groups, parts = ceil_div(cells, PART);
    std::vector<double> sums(units * parts * width, 0.0);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t unit = 0; unit < units; ++unit)
        for (int64_t p = 0; p < parts; ++p)
            for (int64_t k = 0; k < width; k += B) {
                Cell sum = {};
                for (int64_t cell = p * PART; cell < std::min(cells, (p + 1) * PART); ++cell) {
                    const int64_t at = (unit * cells + cell) * width + k;
                    const Cell value = leaky(load_as<Cell>(y + at), load_as<Cell>(dy + at), slope);
                    put(dz + at, value);
                    sum += value;
                }
                for (int i = 0; i < B; ++i) sums[(unit * parts + p) * width + k + i] = sum[i];
            }
    for (int64_t channel = 0; channel < channels; ++channel) {
        double total = 0;
        for (int64_t image = 0; image < images; ++image)
            for (int64_t p = 0; p < parts; ++p) {
                int64_t unit = image * blocks.groups + channel / width;
                total += sums[(unit * parts + p) * width + channel % width];
            }
        db[channel] = static_cast<float>(total);
    }
}

template <int B, typename Value>
void to_blocked(const float *plain, int64_t images, int64_t channels, int64_t cells, Value *out) {
    const Blocks<B, Value> blocks(channels);
#pragma omp parallel for schedule(static)
    for (int64_t unit = 0; unit < images * blocks.groups; ++unit) {
        const int64_t first = unit % blocks.groups * blocks.width, used = channels - first;
        const float *from = plain + (unit / blocks.groups * channels + first) * cells;
        Value *to = out + unit * cells * blocks.width;
        for (int64_t cell = 0; cell < cells; ++cell)
            for (int64_t k = 0; k < blocks.width; ++k, ++to) put(to, k < used ? from[k * cells + cell] : 0.f);
    }
}

template <int B, typename Value>
void from_blocked(const Value *in, int64_t images, int64_t channels, int64_t cells, float *plain) {
    const Blocks<B, Value> blocks(channels);
#pragma omp parallel for schedule(static)
    for (int64_t unit = 0; unit < images * blocks.groups; ++unit) {
        const int64_t first = unit % blocks.groups * blocks.width;
        const Value *from = in + unit * cells * blocks.width;
        float *to = plain + (unit / blocks.groups * channels + first) * cells;
        for (int64_t k = 0; k < std::min(blocks.width, channels - first); ++k)
            for (int64_t cell = 0; cell < cells; ++cell)
                to[k * cells + cell] = load_as<float>(from + cell * blocks.width + k);
    }
}

// Runs a call that takes the size of a block, and a value of the kind that a blocked map has.
template <typename Call> int by_kind(int64_t bfloat16, Call call) {
    return guarded([&] {
        vectors::by_block(voxlstm_block(), [&](auto B) {
            if (bfloat16) call(B, Bfloat16{});
            else call(B, float{});
        });
    });
}

template <typename Value> Value *as(void *map) { return static_cast<Value *>(map); }

}  // namespace

extern "C" {

size_t voxlstm_size_of_grid() { return sizeof(Grid); }

// The maps of these are of bfloat16 where the first argument says so.
int voxlstm_max_pool(
    int64_t bfloat16, const Grid *g, void *x, const float *b, float slope, void *y, uint8_t *code) {
    return by_kind(bfloat16, [&](auto B, auto kind) {
        using Value = decltype(kind);
        Pool<B, Value>(*g).forward(as<Value>(x), b, slope, as<Value>(y), code);
    });
}

int voxlstm_max_pool_gradient(int64_t bfloat16, const Grid *g, void *dy, const uint8_t *code, void *dx) {
    return by_kind(bfloat16, [&](auto B, auto kind) {
        using Value = decltype(kind);
        Pool<B, Value>(*g).backward(as<Value>(dy), code, as<Value>(dx));
    });
}

int voxlstm_leaky_gradient(int64_t bfloat16, void *y, void *dy, float slope, int64_t images, int64_t channels,
    int64_t cells, void *dz, float *db) {
    return by_kind(bfloat16, [&](auto B, auto kind) {
        using Value = decltype(kind);
        leaky_gradient<B>(as<Value>(y), as<Value>(dy), slope, images, channels, cells, as<Value>(dz), db);
    });
}

int voxlstm_to_blocked(
    int64_t bfloat16, const float *plain, int64_t images, int64_t channels, int64_t cells, void *out) {
    return by_kind(bfloat16,
        [&](auto B, auto kind) { to_blocked<B>(plain, images, channels, cells, as<decltype(kind)>(out)); });
}

int voxlstm_from_blocked(
    int64_t bfloat16, void *in, int64_t images, int64_t channels, int64_t cells, float *plain) {
    return by_kind(bfloat16,
        [&](auto B, auto kind) { from_blocked<B>(as<decltype(kind)>(in), images, channels, cells, plain); });
}

int voxlstm_sigmoid(const float *x, int64_t size, float *y) {
    return guarded([&] { activations::apply(activations::sigmoid, x, size, y); });
}

int voxlstm_tanh(const float *x, int64_t size, float *y) {
    return guarded([&] { activations::apply(activations::tanh, x, size, y); });
}

// v = momentum v - rate (g + decay w); w = w + v.
int voxlstm_sgd(float *w, float *v, const float *g, int64_t size, float rate, float momentum, float decay) {
    const dense::Taken step{w, v, rate, momentum, decay};
    return guarded([&] {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < size; ++i) step(i, g[i]);
    });
}

int voxlstm_dense(int64_t rows, int64_t inputs, int64_t outputs, const float *x, const float *w, float *y) {
    return guarded([&] { dense::forward({rows, inputs, outputs}, x, w, y); });
}

int voxlstm_dense_gradient(
    int64_t rows, int64_t inputs, int64_t outputs, const float *dy, const float *w, float *dx) {
    return guarded([&] { dense::backward({rows, inputs, outputs}, dy, w, dx); });
}

int voxlstm_dense_kernel_gradient(
    int64_t rows, int64_t inputs, int64_t outputs, const float *x, const float *dy, float *dw) {
    return guarded([&] { dense::gradient({rows, inputs, outputs}, x, dy, dense::Stored{dw}); });
}

// `voxlstm_sgd` with g = x^T dy.
int voxlstm_dense_sgd(int64_t rows, int64_t inputs, int64_t outputs, const float *x, const float *dy,
    float *w, float *v, float rate, float momentum, float decay) {
    return guarded(
        [&] { dense::gradient({rows, inputs, outputs}, x, dy, dense::Taken{w, v, rate, momentum, decay}); });
}

int voxlstm_lstm(int64_t batch, int64_t channels, int64_t cells, const float *Wf, const float *Wi,
    const float *Wg, const float *U_h, const float *bf, const float *bi, const float *bg,
    const float *c_before, float *h, float *c, float *f, float *i, float *g) {
    return guarded([&] {
        lstm::forward({batch, channels, cells}, {{Wf, Wi, Wg}, U_h, {bf, bi, bg}, c_before, h, c, {f, i, g}});
    });
}

int voxlstm_lstm_gradient(int64_t batch, int64_t channels, int64_t cells, const float *h,
    const float *c_before, const float *f, const float *i, const float *g, const float *dh, const float *dc,
    const float *df, const float *di, const float *dg, const float *dh_next, float *dc_next, float *dsums) {
    return guarded([&] {
        lstm::backward({batch, channels, cells},
            {h, c_before, {f, i, g}, dh, dc, {df, di, dg}, dh_next, dc_next, dsums});
    });
}
}
