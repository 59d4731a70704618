// Convolutions by the F(2, 3) of Winograd (Lavin and Gray, 2016) along the last axis: four products make two
// cells, in place of six.
//
// Two neighbouring cells meet four of x, whose sums and differences are multiplied with those of the three
// taps. Each of the four products is a convolution without the last axis, on a map of half the width.
#pragma once
#include <omp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tiles.h"

namespace tiles {

constexpr int PRODUCTS = 4;  // of a pair of cells

// A row's cell, or zeros behind its end.
template <int B> Cell<B> cell_of(const float *row, int cells, int at) {
    return at < cells ? vectors::load_as<Cell<B>>(row + at * B) : Cell<B>{};
}

// From the cells d0 to d3 around each pair of a row: d0 - d2, d1 + d2, d2 - d1 and d1 - d3. The four lie `apart`.
template <int B> void combine_row(const float *x, int cells, float *to, int64_t apart) {
    Cell<B> d0 = {}, d1 = vectors::load_as<Cell<B>>(x);
    for (int at = 0; at < cells; at += 2, to += B) {
        const auto d2 = cell_of<B>(x, cells, at + 1), d3 = cell_of<B>(x, cells, at + 2);
        vectors::put(to, d0 - d2);
        vectors::put(to + apart, d1 + d2);
        vectors::put(to + 2 * apart, d2 - d1);
        vectors::put(to + 3 * apart, d1 - d3);
        d0 = d2;
        d1 = d3;
    }
}

// With fewer channels or cells of a row the sums cost more than the products that they save: benchmarks/ways.py,
// results/ways.
constexpr int CHANNELS = 16;
template <int B> constexpr int ROW = B == 16 ? 16 : 7;

// Whether pairs of cells pay: maps in blocks that keep their size, with three taps and channels and cells enough.
// How many images there are must not matter: in another way the last bits of an image are others, and a batch
// and its parts would differ.
template <int B> bool pairs_pay(const Convolution &c, int64_t fewest_cells) {
    if (c.bfloat16 || !c.x_blocked || !c.y_blocked) return false;
    for (int i = 0; i < c.space; ++i)
        if (c.stride[i] != 1 || c.dilation[i] != 1 || 2 * c.padding[i] != c.kernel[i] - 1) return false;
    const int last = c.space - 1;
    return c.kernel[last] == 3 && c.y[last] >= ROW<B> && product(c.y, c.space) >= fewest_cells
           && c.x_channels >= CHANNELS && c.y_channels >= CHANNELS;
}

template <int B> class Winograd : public Way {
    static constexpr size_t CACHED = 256 << 10;  // bytes of sums and differences that a thread works with
    static constexpr int PLANES = 16;            // that a thread makes one after the other
    static constexpr int UNITS = 4;              // of work for a thread
    static constexpr int FEWEST_CELLS = 128;     // of an image

    // What a thread makes at once: lines of an image, in some planes, from these on, and some panels of them.
    struct Part {
        int image, plane, line, panel, panels;
        float *sums;
    };

  public:
    explicit Winograd(const Convolution &c)
        : c_(in_space(c.operand == Y ? c : turned(c))), from_y_(c.operand == X),
          inputs_(ceil_div(c_.x_channels, B)), outputs_(ceil_div(c_.y_channels, B)),
          width_((c_.y[2] + 1) / 2), panels_(c_.x_channels, c_.y_channels, PRODUCTS * rows_of_taps()) {
        const int64_t lines = CACHED / (sizeof(float) * c_.kernel[0] * row()) - 2 * c_.padding[1];
        lines_ = std::clamp<int64_t>(lines, std::min(2, c_.y[1]), c_.y[1]);
    }

    static bool serves(const Convolution &c) { return c.operand != W && pairs_pay<B>(c, FEWEST_CELLS); }

    void run(void *x, float *w, void *y, float *b) override {
        const auto from = in_blocks<B>(static_cast<const float *>(from_y_ ? y : x), c_.x_channels, c_.x);
        const auto to = in_blocks<B>(static_cast<float *>(from_y_ ? x : y), c_.y_channels, c_.y);
        const int threads = omp_get_max_threads();
        scratch().reset(panels_.bytes() + threads * bytes());
        combine_taps(w);
        std::vector<float *> sums;
        for (int i = 0; i < threads; ++i) sums.push_back(static_cast<float *>(scratch().take(bytes())));
        const auto bias = panels_.bias(c_, b);
        const int bands = ceil_div(c_.y[1], lines_), slabs = ceil_div(c_.y[0], PLANES);
        const int64_t units = static_cast<int64_t>(c_.images) * slabs * bands;
        // Few units are divided into shares of the panels, which repeats sums but not products.
        const int shares = std::clamp<int64_t>(ceil_div(UNITS * threads, units), 1, panels_.count());
#pragma omp parallel for collapse(4) schedule(dynamic)
        for (int image = 0; image < c_.images; ++image)
            for (int slab = 0; slab < slabs; ++slab)
                for (int band = 0; band < bands; ++band)
                    for (int share = 0; share < shares; ++share) {
                        const int first = panels_.count() * share / shares;
                        const int last = panels_.count() * (share + 1) / shares;
                        make({image, slab * PLANES, band * lines_, first, last, sums[omp_get_thread_num()]},
                            from, bias.data(), to);
                    }
    }

    std::string name() const override { return "winograd"; }

  private:
    int rows_of_taps() const { return c_.kernel[0] * c_.kernel[1]; }
    int64_t apart() const { return static_cast<int64_t>(width_) * B; }  // groups of channels
    int64_t row() const { return PRODUCTS * inputs_ * apart(); }        // of the sums and differences
    size_t bytes() const {
        return Scratch::rounded(sizeof(float) * c_.kernel[0] * (lines_ + 2 * c_.padding[1]) * row());
    }

    // g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2 and g2 of the taps of each row of the kernel.
    void combine_taps(const float *w) {
        panels_.fill(static_cast<float *>(scratch().take(panels_.bytes())), [&](int o, int i, auto put) {
            const float *taps = w + o * c_.strides[0] + i * c_.strides[1];
            const int64_t first = tap(c_, 2, 0), second = tap(c_, 2, 1), third = tap(c_, 2, 2);
            for (int part = 0, d = 0; d < c_.kernel[0]; ++d)
                for (int h = 0; h < c_.kernel[1]; ++h, ++part) {
                    const float *g = taps + tap(c_, 0, d) + tap(c_, 1, h);
                    const float ends = g[first] + g[third];
                    put(part, g[first]);
                    put(part + rows_of_taps(), (ends + g[second]) / 2);
                    put(part + 2 * rows_of_taps(), (ends - g[second]) / 2);
                    put(part + 3 * rows_of_taps(), g[third]);
                }
        });
    }

    // Some lines of some planes of an image. The sums are kept of as many planes as the kernel has.
    void make(const Part &part, const MapView<const float> &from, const float *bias,
        const MapView<float> &to) const {
        const int ahead = c_.padding[0], last = std::min(part.plane + PLANES, c_.y[0]);
        for (int plane = part.plane - ahead; plane < last + ahead; ++plane) {
            combine_cells(part, plane, from);
            if (plane >= part.plane + ahead) multiply_rows(part, plane - ahead, bias, to);
        }
    }

    // The sums of a line, and of those before and behind the part.
    float *sums(const Part &part, int plane, int line) const {
        const int lines = lines_ + 2 * c_.padding[1];
        return part.sums + (plane % c_.kernel[0] * lines + line - part.line + c_.padding[1]) * row();
    }

    void combine_cells(const Part &part, int plane, const MapView<const float> &from) const {
        if (plane < 0 || plane >= c_.y[0]) return;
        const int first = std::max(part.line - c_.padding[1], 0);
        const int last = std::min(part.line + lines_ + c_.padding[1], c_.y[1]);
        for (int line = first; line < last; ++line) {
            float *to = sums(part, plane, line);
            for (int group = 0; group < inputs_; ++group, to += apart())
                combine_row<B>(from.row(part.image, group * B, plane, line), c_.x[2], to, inputs_ * apart());
        }
    }

    void multiply_rows(const Part &part, int plane, const float *bias, const MapView<float> &to) const {
        const int last = std::min(part.line + lines_, c_.y[1]);
        for (int panel = part.panel; panel < part.panels; ++panel)
            for (int line = part.line; line < last; ++line) {
                float *y[BLOCKS];
                for (int k = 0; k < BLOCKS; ++k)
                    y[k] = to.row(part.image, (BLOCKS * panel + k) * B, plane, line);
                multiply_row(meetings_of(part, panel, plane, line), bias + panel * panels_.WIDTH,
                    std::min(BLOCKS, outputs_ - BLOCKS * panel), y);
            }
    }

    // The rows that lie inside the map.
    std::vector<Meeting> meetings_of(const Part &part, int panel, int plane, int line) const {
        std::vector<Meeting> result;
        result.reserve(rows_of_taps());
        for (int i = 0; i < c_.kernel[0]; ++i)
            for (int j = 0; j < c_.kernel[1]; ++j) {
                const int at = plane + i - c_.padding[0], row = line + j - c_.padding[1];
                if (at < 0 || at >= c_.y[0] || row < 0 || row >= c_.y[1]) continue;
                result.push_back({sums(part, at, row), panels_.part(panel, i * c_.kernel[1] + j)});
            }
        return result;
    }

    // From the products m0 to m3 the pair m0 + m1 + m2 and m1 - m2 - m3.
    void multiply_row(
        const std::vector<Meeting> &meetings, const float *bias, int blocks, float *const *y) const {
        const float slope = c_.leaky ? c_.slope : 1.f;
        const int64_t kernel = rows_of_taps() * panels_.apart();
        vectors::in_parts<CELLS<B>>(width_, [&](auto T, int64_t first) {
            Sums<B, T> m[PRODUCTS];
            for (int k = 0; k < PRODUCTS; ++k)
                multiply<B, T>(
                    meetings, (k * inputs_ * width_ + first) * B, k * kernel, inputs_, apart(), blocks, m[k]);
            for (int k = 0; k < blocks; ++k) {
                const Cell<B> added = vectors::load_as<Cell<B>>(bias + k * B);
                for (int t = 0; t < T; ++t) {
                    const int64_t at = 2 * (first + t);
                    const Cell<B> one = m[0][t][k] + m[1][t][k] + m[2][t][k] + added;
                    const Cell<B> other = m[1][t][k] - m[2][t][k] - m[3][t][k] + added;
                    vectors::put(y[k] + at * B, vectors::leaky<Cell<B>>(one, slope));
                    if (at + 1 < c_.y[2])
                        vectors::put(y[k] + (at + 1) * B, vectors::leaky<Cell<B>>(other, slope));
                }
            }
        });
    }

    Convolution c_;
    bool from_y_;
    int inputs_, outputs_, width_;  // groups of channels; width_ counts pairs of cells
    Panels<B> panels_;
    int lines_;  // that a thread makes at once
};

}  // namespace tiles
