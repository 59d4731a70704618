// Convolutions of 3-D maps of few channels.
//
// oneDNN computes whole blocks of channels, which are mostly zeros where a map has 2 or 4, and on a
// CPU with AVX2 only it has no kernel for the gradient of a 3-D kernel, and multiplies matrices.
// Here a vector holds neighbouring cells of one channel instead, or of a pair of channels where the CPU
// multiplies bfloat16. Sums run in an order that does not depend on the number of threads.
#pragma once
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <vector>

#include "amx.h"
#include "convolution.h"
#include "padded.h"
#include "vectors.h"

namespace narrow {

constexpr int KW = 3;    // taps along the last axis
constexpr int SLAB = 8;  // planes summed up in float32

// Where this serves, as measured by benchmarks/ways.py (results/ways). The factor is how many times
// more products blocks make, zeros included.
constexpr int MAP_FACTOR = vectors::V == 16 ? 8 : 2;     // it won by 1.3 on AVX-512, by 2.2 on AVX2
constexpr int KERNEL_FACTOR = vectors::V == 16 ? 4 : 2;  // it won by 1.3 on AVX-512, by 2.1 on AVX2
constexpr int KERNEL_ROW = 2 * vectors::V;  // cells of a row from which on it won by 1.4 to 2.5 on AVX2
constexpr int KERNEL_PRODUCTS = 4096;       // pairs of channels at which it was as fast on AVX2

using vectors::Bfloat16;
using vectors::in_register;
using vectors::leaky;
using vectors::load;
using vectors::store;
using vectors::V;
using vectors::Vector;

// Writes the factor of channel `i` into a term.
inline void put(float &term, int, float factor) { term = factor; }
inline void put(Pair &term, int i, float factor) { vectors::put(i % 2 ? &term.second : &term.first, factor); }

inline void add_product(Vector &sum, float factor, const float *from) { sum += factor * load(from); }
#ifdef __AVX512BF16__
inline void add_product(Vector &sum, Pair factor, const Pair *from) {
    int32_t both;
    std::memcpy(&both, &factor, sizeof both);
    sum = (Vector)_mm512_dpbf16_ps(
        (__m512)sum, (__m512bh)_mm512_set1_epi32(both), (__m512bh)_mm512_loadu_si512(from));
}
#endif

// What all operands share.
class Narrow : public Way {
  public:
    std::string name() const override { return "narrow"; }

  protected:
    static bool three_wide(const Convolution &c) {
        const int *d = c.dilation;
        return c.space == 3 && c.kernel[2] == KW && d[0] == 1 && d[1] == 1 && d[2] == 1;
    }

    Narrow(const Convolution &c, int block) : c_(c), block_(block), lines_(c.kernel[0] * c.kernel[1]) {}

    // Where a tap lies in the kernel; `line` counts its first two axes.
    int64_t offset(int y_channel, int x_channel, int line, int tap, bool over) const {
        int at[3] = {line / c_.kernel[1], line % c_.kernel[1], tap};
        int64_t result = y_channel * c_.strides[0] + x_channel * c_.strides[1];
        for (int i = 0; i < 3; ++i) result += (over ? c_.kernel[i] - 1 - at[i] : at[i]) * c_.strides[2 + i];
        return result;
    }

    template <typename Value> MapView<Value> view_x(Value *x) const {
        return {x, c_.x_channels, block_of(c_, c_.x_channels, c_.x_blocked, block_), c_.x};
    }
    template <typename Value> MapView<Value> view_y(Value *y) const {
        return {y, c_.y_channels, block_of(c_, c_.y_channels, c_.y_blocked, block_), c_.y};
    }

    // Calls with a map of the caller's as what it is.
    template <typename Call> void with_x(void *data, Call call) const {
        vectors::by_value(c_.x_blocked && c_.bfloat16, data, [&](auto *x) { call(view_x(x)); });
    }
    template <typename Call> void with_y(void *data, Call call) const {
        vectors::by_value(c_.y_blocked && c_.bfloat16, data, [&](auto *y) { call(view_y(y)); });
    }

    Convolution c_;
    int block_, lines_;
};

// y from x, or x from y, which with stride 1 is the same with the kernel turned over.
template <typename Term> class NarrowMap : public Narrow {
  public:
    NarrowMap(const Convolution &c, int block)
        : Narrow(c, block), forward_(c.operand == Y), inputs_(forward_ ? c.x_channels : c.y_channels),
          outputs_(forward_ ? c.y_channels : c.x_channels), size_(forward_ ? c_.y : c_.x),
          group_(outputs_ <= 2 ? 2 : 4), width_(round_up(size_[2], tiles() * V)),
          padded_(c.images, inputs_, left(c), size_[0] + c.kernel[0] - 1, size_[1] + c.kernel[1] - 1,
              width_ + KW - 1) {}

    NarrowMap(const NarrowMap &) = delete;

    std::string name() const override { return PAIRS ? "narrow pairs" : "narrow"; }

    // Where whole blocks would mostly multiply zeros; pairs where their channels lie side by side.
    static bool serves(const Convolution &c, int block) {
        if (has_rows_for_tiles(c)) return false;
        if (PAIRS && !(c.bfloat16 && (c.operand == Y ? c.x_blocked : c.y_blocked))) return false;
        const int outputs = c.operand == Y ? c.y_channels : c.x_channels, *s = c.stride;
        return three_wide(c) && s[0] == 1 && s[1] == 1 && s[2] == 1 && outputs <= block
               && MAP_FACTOR * c.x_channels * c.y_channels
                      <= round_up(c.x_channels, block) * round_up(c.y_channels, block);
    }

    void run(void *x, float *w, void *y, float *b) override {
        scratch().reset(padded_.bytes());
        if constexpr (PAIRS) {
            padded_.fill(forward_ ? view_x(static_cast<Bfloat16 *>(x)) : view_y(static_cast<Bfloat16 *>(y)));
        } else {
            auto fill = [&](const auto &map) { padded_.fill(map); };
            forward_ ? with_x(x, fill) : with_y(y, fill);
        }
        const auto kernel = packed(w);
        auto make = [&](const auto &map) {
            if (group_ == 2) compute<2>(kernel, map, b);
            else compute<4>(kernel, map, b);
        };
        forward_ ? with_y(y, make) : with_x(x, make);
    }

  private:
    static constexpr bool PAIRS = CHANNELS<Term> == 2;

    // With as many channels to sum up oneDNN's products by AMX are faster, zeros included.
    static bool has_rows_for_tiles(const Convolution &c) {
        return c.bfloat16 && amx::allowed()
               && (c.operand == Y ? c.x_channels : c.y_channels) >= 2 * amx::COLUMNS;
    }

    // Sums enough to keep the multipliers busy, few enough for the registers.
    template <int G> static constexpr int tiles_of() { return G == 2 && V == 8 ? 4 : 2; }
    template <int G> static constexpr int sums_of() { return G == 2 && V == 16 ? KW : 1; }
    int tiles() const { return group_ == 2 ? tiles_of<2>() : tiles_of<4>(); }

    static std::vector<int> left(const Convolution &c) {
        std::vector<int> result;
        for (int i = 0; i < 3; ++i)
            result.push_back(c.operand == Y ? c.padding[i] : c.kernel[i] - 1 - c.padding[i]);
        return result;
    }

    // The kernel by groups of outputs; then terms, lines, taps and outputs of the group.
    std::vector<Term> packed(const float *w) const {
        const int outputs = round_up(outputs_, group_), terms = padded_.terms();
        std::vector<Term> result(static_cast<size_t>(outputs) * terms * lines_ * KW, Term{});
        for (int o = 0; o < outputs_; ++o)
            for (int i = 0; i < inputs_; ++i)
                for (int line = 0; line < lines_; ++line)
                    for (int tap = 0; tap < KW; ++tap) {
                        const int term = i / CHANNELS<Term>;
                        int64_t place = ((o / group_ * terms + term) * lines_ + line) * KW + tap;
                        bool over = forward_ ? c_.flip : !c_.flip;
                        put(result[place * group_ + o % group_], i,
                            w[forward_ ? offset(o, i, line, tap, over) : offset(i, o, line, tap, over)]);
                    }
        return result;
    }

    template <int G, typename Value>
    void compute(const std::vector<Term> &kernel, const MapView<Value> &result, const float *b) {
        const int rows = round_up(round_up(outputs_, G), block_);
        const size_t in_group = static_cast<size_t>(padded_.terms()) * lines_ * KW * G;
#pragma omp parallel
        {
            std::vector<float> line(static_cast<size_t>(rows) * width_, 0.f);
#pragma omp for collapse(2) schedule(static)
            for (int64_t image = 0; image < c_.images; ++image)
                for (int d = 0; d < size_[0]; ++d)
                    for (int h = 0; h < size_[1]; ++h) {
                        for (int first = 0; first < outputs_; first += G)
                            for (int w = 0; w < width_; w += tiles_of<G>() * V)
                                tile<G>(kernel.data() + first / G * in_group, image, d, h, w,
                                    line.data() + static_cast<size_t>(first) * width_ + w);
                        finish(line, b);
                        deliver(line, result, image, d, h);
                    }
        }
    }

    // G outputs of neighbouring cells.
    template <int G> void tile(const Term *kernel, int64_t image, int d, int h, int w, float *to) const {
        constexpr int T = tiles_of<G>(), S = sums_of<G>();
        Vector sum[S][G][T] = {};
        for (int i = 0; i < padded_.terms(); ++i)
            for (int a = 0; a < c_.kernel[0]; ++a) {
                const Term *from = padded_.row(image, i, d + a, h) + w;
                for (int b = 0; b < c_.kernel[1]; ++b, from += padded_.width())
#pragma GCC unroll 4
                    for (int tap = 0; tap < KW; ++tap, kernel += G)
#pragma GCC unroll 4
                        for (int g = 0; g < G; ++g)
#pragma GCC unroll 4
                            for (int t = 0; t < T; ++t)
                                add_product(sum[tap % S][g][t], kernel[g], from + tap + t * V);
            }
        for (int g = 0; g < G; ++g)
            for (int t = 0; t < T; ++t) {
                for (int s = 1; s < S; ++s) sum[0][g][t] += sum[s][g][t];
                store(to + static_cast<int64_t>(g) * width_ + t * V, sum[0][g][t]);
            }
    }

    void finish(std::vector<float> &line, const float *b) const {
        const float slope = c_.leaky ? c_.slope : 1.f;
        for (int o = 0; o < outputs_; ++o) {
            float *values = line.data() + static_cast<size_t>(o) * width_;
            const float added = c_.bias ? b[o] : 0.f;
#pragma omp simd
            for (int w = 0; w < width_; ++w) values[w] = leaky(values[w] + added, slope);
        }
    }

    template <typename Value>
    void deliver(
        const std::vector<float> &line, const MapView<Value> &map, int64_t image, int d, int h) const {
        for (int first = 0; first < outputs_; first += map.block) {
            Value *to = map.row(image, first, d, h);
            const float *from = line.data() + static_cast<size_t>(first) * width_;
            for (int w = 0; w < size_[2]; ++w, to += map.block)
                for (int k = 0; k < map.block; ++k)
                    vectors::put(to + k, from[static_cast<int64_t>(k) * width_ + w]);
        }
    }

    bool forward_;
    int inputs_, outputs_;
    const int32_t *size_;  // of the result, in c_
    int group_, width_;
    Padded<Term> padded_;
};

// The gradient of the kernel.
class NarrowKernel : public Narrow {
  public:
    NarrowKernel(const Convolution &c, int block)
        : Narrow(c, block), group_(c.y_channels <= 2 ? 2 : 4), width_(round_up(c.y[2], V)),
          slabs_(ceil_div(c.y[0], SLAB)),
          x_(c.images, c.x_channels, {c.padding[0], c.padding[1], c.padding[2]},
              (c.y[0] - 1) * c.stride[0] + c.kernel[0], (c.y[1] - 1) * c.stride[1] + c.kernel[1],
              width_ + (KW - 1) / c.stride[2], c.stride[2]),
          y_(c.images, round_up(c.y_channels, group_), {0, 0, 0}, c.y[0], c.y[1], width_) {}

    // Where blocks would be half zeros; and on AVX2 wherever rows fill vectors and sums fit a cache.
    static bool serves(const Convolution &c, int block) {
        const int products = c.x_channels * c.y_channels;
        if (!three_wide(c)) return false;
        if (KERNEL_FACTOR * products <= round_up(c.x_channels, block) * round_up(c.y_channels, block))
            return true;
        return block == 8 && c.y[2] >= KERNEL_ROW && products <= KERNEL_PRODUCTS;
    }

    void run(void *x, float *w, void *y, float *) override {
        scratch().reset(x_.bytes() + y_.bytes() + Scratch::rounded(sums() * units() * sizeof(float)));
        with_x(x, [&](const auto &map) { x_.fill(map); });
        with_y(y, [&](const auto &map) { y_.fill(map); });
        float *parts = static_cast<float *>(scratch().take(sums() * units() * sizeof(float)));
#pragma omp parallel for schedule(static)
        for (int64_t unit = 0; unit < units(); ++unit) {
            if (group_ == 2) sum_slab<2>(unit, parts + unit * sums());
            else sum_slab<4>(unit, parts + unit * sums());
        }
        collect(parts, w);
    }

  private:
    int64_t units() const { return static_cast<int64_t>(c_.images) * slabs_; }

    // A unit's partial sums: by group of y's channels, x's channels, lines, channels, taps, lanes.
    int64_t sums() const {
        return static_cast<int64_t>(round_up(c_.y_channels, group_)) * c_.x_channels * lines_ * KW * V;
    }

    template <int G> void sum_slab(int64_t unit, float *part) const {
        const int64_t image = unit / slabs_;
        const int first = unit % slabs_ * SLAB, last = std::min(first + SLAB, c_.y[0]);
        for (int o = 0; o < c_.y_channels; o += G)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int line = 0; line < lines_; ++line, part += G * KW * V)
                    sum_planes<G>(image, o, i, line, first, last, part);
    }

    template <int G>
    void sum_planes(int64_t image, int o, int i, int line, int first, int last, float *to) const {
        Vector sum[G][KW] = {};
        const int taps[KW] = {x_.tap(0), x_.tap(1), x_.tap(2)};
        for (int d = first; d < last; ++d) {
            const int plane = d * c_.stride[0] + line / c_.kernel[1];
            const float *y = y_.row(image, o, d, 0), *x = x_.row(image, i, plane, line % c_.kernel[1]);
            for (int h = 0; h < c_.y[1]; ++h, y += y_.width(), x += c_.stride[1] * x_.width())
                for (int w = 0; w < width_; w += V) {
                    Vector cells[KW];
                    for (int tap = 0; tap < KW; ++tap) in_register(cells[tap] = load(x + w + taps[tap]));
                    for (int g = 0; g < G; ++g) {
                        Vector change = load(y + g * y_.apart() + w);
                        in_register(change);
                        for (int tap = 0; tap < KW; ++tap) sum[g][tap] += change * cells[tap];
                    }
                }
        }
        for (int g = 0; g < G; ++g)
            for (int tap = 0; tap < KW; ++tap) store(to + (g * KW + tap) * V, sum[g][tap]);
    }

    void collect(const float *parts, float *w) const {
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int line = 0; line < lines_; ++line)
                    for (int tap = 0; tap < KW; ++tap) {
                        int64_t place = (o / group_ * c_.x_channels + i) * lines_ + line;
                        place = ((place * group_ + o % group_) * KW + tap) * V;
                        double total = 0;
                        for (int64_t unit = 0; unit < units(); ++unit)
                            for (int lane = 0; lane < V; ++lane) total += parts[unit * sums() + place + lane];
                        w[offset(o, i, line, tap, c_.flip)] = static_cast<float>(total);
                    }
    }

    int group_, width_, slabs_;
    Padded<float> x_, y_;
};

}  // namespace narrow
