// Sums of products of a map's rows with a kernel: some cells by a panel of channels at once, in registers.
//
// A panel is two blocks of the result's channels. A row of the result meets rows of the source, each with the
// part of the kernel that lies between them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "convolution.h"
#include "vectors.h"

namespace tiles {

template <int B> using Cell = typename vectors::Block<B>::Cell;

// A map in blocks of B channels, of three axes.
template <int B, typename Value> MapView<Value> in_blocks(Value *map, int channels, const int32_t *size) {
    return {map, channels, B, size};
}

constexpr int BLOCKS = 2;                                 // of a panel
template <int B> constexpr int CELLS = B == 16 ? 12 : 6;  // AVX-512 has 32 registers, AVX2 has 16

template <int B, int T> using Sums = Cell<B>[T][BLOCKS];

// A row of the source, and the part of the kernel that a row of the result meets it with.
struct Meeting {
    const float *row, *kernel;
};

// The sums for T cells of a row and the first blocks of a panel, over all meetings and channels. The groups of
// channels of a row lie `apart`. The row and the kernel are read from `cell` and `product` values on.
template <int B, int T>
void multiply(const std::vector<Meeting> &meetings, int64_t cell, int64_t product, int groups, int64_t apart,
    int blocks, Sums<B, T> &result) {
    vectors::with_size<BLOCKS>(blocks, [&](auto K) {
        Cell<B> sums[T][K] = {};
        for (const Meeting &meeting : meetings) {
            const float *x = meeting.row + cell, *w = meeting.kernel + product;
            for (int group = 0; group < groups; ++group, x += apart)
#pragma GCC unroll 4
                for (int channel = 0; channel < B; ++channel, w += BLOCKS * B) {
                    Cell<B> factors[K];
                    for (int k = 0; k < K; ++k) {
                        factors[k] = vectors::load_as<Cell<B>>(w + k * B);
                        vectors::in_register(factors[k]);
                    }
#pragma GCC unroll 16
                    for (int t = 0; t < T; ++t)
                        for (int k = 0; k < K; ++k) sums[t][k] += x[t * B + channel] * factors[k];
                }
        }
        for (int t = 0; t < T; ++t) std::copy_n(sums[t], K(), result[t]);
    });
}

// The kernel in the order in which tiles read it: panels, parts, channels of the source, channels of a panel.
template <int B> class Panels {
  public:
    static constexpr int WIDTH = BLOCKS * B;

    Panels(int inputs, int outputs, int parts)
        : inputs_(inputs), outputs_(outputs), parts_(parts), lines_(round_up(inputs, B)) {}

    int count() const { return ceil_div(outputs_, WIDTH); }
    size_t bytes() const { return Scratch::rounded(sizeof(float) * count() * parts_ * apart()); }

    // How far parts lie from each other.
    int64_t apart() const { return static_cast<int64_t>(lines_) * WIDTH; }
    const float *part(int panel, int number) const { return data_ + (panel * parts_ + number) * apart(); }

    // Takes the values that `write(output, input, put)` puts, `put(part, value)`, for each pair of channels. They
    // are put side by side first: the parts lie a power of two apart, so that a cache holds few of them at once.
    template <typename Write> void fill(float *data, Write write) {
        data_ = data;
#pragma omp parallel
        {
            std::vector<float> values(parts_ * WIDTH);
#pragma omp for collapse(2) schedule(static)
            for (int panel = 0; panel < count(); ++panel)
                for (int input = 0; input < lines_; ++input) {
                    std::fill(values.begin(), values.end(), 0.f);
                    const int outputs = input < inputs_ ? std::min(WIDTH, outputs_ - panel * WIDTH) : 0;
                    for (int lane = 0; lane < outputs; ++lane)
                        write(panel * WIDTH + lane, input,
                            [&](int part, float value) { values[part * WIDTH + lane] = value; });
                    float *to = data + panel * parts_ * apart() + input * WIDTH;
                    for (int part = 0; part < parts_; ++part, to += apart())
                        std::copy_n(&values[part * WIDTH], WIDTH, to);
                }
        }
    }

    // The bias of all panels, zeros behind the last channel.
    std::vector<float> bias(const Convolution &c, const float *b) const {
        std::vector<float> result(count() * WIDTH, 0.f);
        if (c.bias) std::copy_n(b, outputs_, result.begin());
        return result;
    }

  private:
    int inputs_, outputs_, parts_, lines_;
    float *data_ = nullptr;
};

// Two spatial axes as three, of which the first has one cell.
inline Convolution in_space(const Convolution &c) {
    if (c.space == 3) return c;
    Convolution result = c;
    result.space = 3;
    for (auto sizes : {result.x, result.y, result.kernel, result.stride, result.dilation, result.padding}) {
        std::copy_backward(sizes, sizes + 2, sizes + 3);
        sizes[0] = sizes != result.padding;
    }
    std::copy_backward(result.strides + 2, result.strides + 4, result.strides + 5);
    return result;
}

// With stride 1 a convolution of x is a transposed one of it, and the other way round, with the kernel turned over.
inline Convolution turned(const Convolution &c) {
    Convolution result = c;
    result.operand = c.operand == Y ? X : Y;
    result.flip = !c.flip;
    std::swap(result.x_channels, result.y_channels);
    std::swap(result.strides[0], result.strides[1]);
    std::swap(result.x, result.y);
    for (int i = 0; i < c.space; ++i) result.padding[i] = c.kernel[i] - 1 - c.padding[i];
    return result;
}

// Where in the kernel a tap of an axis begins.
inline int64_t tap(const Convolution &c, int axis, int number) {
    return c.strides[2 + axis] * (c.flip ? c.kernel[axis] - 1 - number : number);
}

}  // namespace tiles
