// The gradient of a kernel by Winograd's pairs of cells (winograd.h): four products for the three taps of a row,
// in place of six.
//
// With the changes e0 and e1 of a pair of y, the sums and differences of the four cells of x around it are
// multiplied with e0, e0 + e1, e0 - e1 and -e1, and summed up over all pairs.
#pragma once
#include <omp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "winograd.h"

namespace tiles {

template <int B> class WinogradKernel : public Way {
    static constexpr int FEWEST_CELLS = 300;     // of an image
    static constexpr size_t CACHED = 256 << 10;  // bytes of sums and differences that a thread works with
    static constexpr int TOTALS = 8;  // that are added up at the end, whatever the number of threads
    static constexpr size_t ALL_TOTALS = 8 << 20;  // bytes of them, at most, if more than one
    static constexpr int TOTAL_CELLS = 1024;       // that one is worth
    static constexpr int UNITS = 4;                // of work for a thread
    static constexpr int INPUTS = B / 2;           // channels of x whose sums are in registers
    static constexpr int ROW = B == 16 ? 32 : 7;   // cells: with blocks of 16 oneDNN's own gradients are fast

    // What a thread adds up at once: lines of a plane of an image, and some panels of y, in memory of its own.
    struct Part {
        int image, plane, line, last, panel, panels;
        float *x, *y, *totals;
    };

  public:
    explicit WinogradKernel(const Convolution &c)
        : c_(in_space(c)), x_groups_(ceil_div(c.x_channels, B)), y_groups_(ceil_div(c.y_channels, B)),
          panels_(ceil_div(c.y_channels, WIDTH)), width_((c_.y[2] + 1) / 2),
          rows_(c_.kernel[0] * c_.kernel[1]) {
        // A piece reads and writes all totals once, so that large ones want large pieces.
        const size_t piece = std::max(CACHED, bytes(total()) / 2);
        const int64_t lines = piece / (sizeof(float) * (c_.kernel[0] * x_row() + y_row()));
        lines_ = std::clamp<int64_t>(lines, std::min(4, c_.y[1]), c_.y[1]);
        bands_ = ceil_div(c_.y[1], lines_);
    }

    static bool serves(const Convolution &c) {
        return c.operand == W && c.y[c.space - 1] >= ROW && pairs_pay<B>(c, FEWEST_CELLS);
    }

    void run(void *x, float *w, void *y, float *) override {
        const int threads = omp_get_max_threads(), pieces = c_.images * bands_;
        const int64_t most =
            std::min<int64_t>(ALL_TOTALS / bytes(total()), c_.images * product(c_.y, c_.space) / TOTAL_CELLS);
        const int totals = std::clamp<int64_t>(most, 1, std::min(TOTALS, pieces));
        const int shares = std::clamp<int64_t>(ceil_div(UNITS * threads, totals), 1, panels_);
        scratch().reset(threads * (bytes(x_size()) + bytes(y_size())) + totals * bytes(total()));
        const auto from_x = in_blocks<B>(static_cast<const float *>(x), c_.x_channels, c_.x);
        const auto from_y = in_blocks<B>(static_cast<const float *>(y), c_.y_channels, c_.y);
        std::vector<Part> own(threads);
        for (Part &part : own) {
            part.x = static_cast<float *>(scratch().take(bytes(x_size())));
            part.y = static_cast<float *>(scratch().take(bytes(y_size())));
        }
        std::vector<float *> sums;
        for (int i = 0; i < totals; ++i) sums.push_back(static_cast<float *>(scratch().take(bytes(total()))));
#pragma omp parallel for collapse(2) schedule(dynamic)
        for (int i = 0; i < totals; ++i)
            for (int share = 0; share < shares; ++share) {
                Part part = own[omp_get_thread_num()];
                part.totals = sums[i];
                part.panel = panels_ * share / shares;
                part.panels = panels_ * (share + 1) / shares;
                for (int piece = pieces * i / totals; piece < pieces * (i + 1) / totals; ++piece)
                    add_piece(part, piece, piece == pieces * i / totals, from_x, from_y);
            }
        collect(sums, w);
    }

    std::string name() const override { return "winograd"; }

  private:
    static constexpr int WIDTH = BLOCKS * B;  // channels of y in a panel

    int64_t apart() const { return static_cast<int64_t>(width_) * B; }  // groups of channels of a row
    int64_t x_row() const { return PRODUCTS * x_groups_ * apart(); }    // of sums and differences
    int64_t y_row() const { return PRODUCTS * panels_ * BLOCKS * apart(); }
    int x_lines() const { return lines_ + 2 * c_.padding[1]; }
    int64_t x_size() const { return c_.kernel[0] * x_lines() * x_row(); }
    int64_t y_size() const { return lines_ * y_row(); }
    // Of a product and a row of taps, and of all.
    int64_t sums() const { return static_cast<int64_t>(panels_) * x_groups_ * B * WIDTH; }
    int64_t total() const { return PRODUCTS * rows_ * sums(); }
    static size_t bytes(int64_t floats) { return Scratch::rounded(sizeof(float) * floats); }

    // Where the sums are of B channels of x and a panel of y's.
    int64_t sum(int product, int row, int panel, int group) const {
        return (product * rows_ + row) * sums()
               + (static_cast<int64_t>(panel) * x_groups_ + group) * B * WIDTH;
    }

    // Of as many planes of x as the kernel has; the others are kept from the plane before.
    float *x_line(const Part &part, int plane, int line) const {
        return part.x + (plane % c_.kernel[0] * x_lines() + line - part.line + c_.padding[1]) * x_row();
    }

    // Some lines of all planes of an image.
    void add_piece(Part &part, int piece, bool first, const MapView<const float> &x,
        const MapView<const float> &y) const {
        part.image = piece / bands_;
        part.line = piece % bands_ * lines_;
        part.last = std::min(part.line + lines_, c_.y[1]);
        int ready = 0;  // planes of x
        for (part.plane = 0; part.plane < c_.y[0]; ++part.plane) {
            for (; ready < std::min(part.plane + c_.padding[0] + 1, c_.y[0]); ++ready)
                combine_x(part, ready, x);
            combine_y(part, y);
            for (int product = 0; product < PRODUCTS; ++product)
                for (int row = 0; row < rows_; ++row)
                    for (int panel = part.panel; panel < part.panels; ++panel)
                        for (int group = 0; group < x_groups_; ++group)
                            multiply(part, product, row, panel, group, first && part.plane == 0);
        }
    }

    void combine_x(const Part &part, int plane, const MapView<const float> &x) const {
        const int first = std::max(part.line - c_.padding[1], 0);
        for (int line = first; line < std::min(part.last + c_.padding[1], c_.y[1]); ++line) {
            float *to = x_line(part, plane, line);
            for (int group = 0; group < x_groups_; ++group, to += apart())
                combine_row<B>(x.row(part.image, group * B, plane, line), c_.x[2], to, x_groups_ * apart());
        }
    }

    // e0, e0 + e1, e0 - e1 and -e1 of each pair. A panel that is not full repeats its last block, for nobody.
    void combine_y(const Part &part, const MapView<const float> &y) const {
        const int64_t product = panels_ * BLOCKS * apart();
        for (int line = part.line; line < part.last; ++line)
            for (int group = BLOCKS * part.panel; group < BLOCKS * part.panels; ++group) {
                float *to = part.y + (line - part.line) * y_row() + group * apart();
                const float *from = y.row(part.image, std::min(group, y_groups_ - 1) * B, part.plane, line);
                for (int at = 0; at < c_.y[2]; at += 2, to += B) {
                    const auto e0 = cell_of<B>(from, c_.y[2], at), e1 = cell_of<B>(from, c_.y[2], at + 1);
                    vectors::put(to, e0);
                    vectors::put(to + product, e0 + e1);
                    vectors::put(to + 2 * product, e0 - e1);
                    vectors::put(to + 3 * product, -e1);
                }
            }
    }

    // Adds the products of a group of x and a panel of y, for a row of taps, where the rows lie inside the map.
    void multiply(const Part &part, int product, int row, int panel, int group, bool fresh) const {
        const int plane = part.plane + row / c_.kernel[1] - c_.padding[0];
        const int off = row % c_.kernel[1] - c_.padding[1];
        float *to = part.totals + sum(product, row, panel, group);
        if (fresh) std::fill_n(to, B * WIDTH, 0.f);
        if (plane < 0 || plane >= c_.y[0]) return;
        const int first = std::max(part.line, -off), last = std::min(part.last, c_.y[1] - off);
        if (first >= last) return;
        const float *x = x_line(part, plane, first + off) + (product * x_groups_ + group) * apart();
        const float *y =
            part.y + (first - part.line) * y_row() + (product * panels_ + panel) * BLOCKS * apart();
        for (int input = 0; input < B; input += INPUTS)
            add_products(x + input, y, last - first, to + input * WIDTH);
    }

    // Each part is summed up from zero, so that few terms are added to a large sum.
    void add_products(const float *x, const float *y, int lines, float *to) const {
        Cell<B> sums[INPUTS][BLOCKS] = {};
        for (int line = 0; line < lines; ++line, x += x_row(), y += y_row())
            for (int64_t at = 0; at < apart(); at += B) {
                Cell<B> factors[BLOCKS];
                for (int k = 0; k < BLOCKS; ++k) {
                    factors[k] = vectors::load_as<Cell<B>>(y + k * apart() + at);
                    vectors::in_register(factors[k]);
                }
#pragma GCC unroll 8
                for (int i = 0; i < INPUTS; ++i)
                    for (int k = 0; k < BLOCKS; ++k) sums[i][k] += x[at + i] * factors[k];
            }
        for (int i = 0; i < INPUTS; ++i)
            for (int k = 0; k < BLOCKS; ++k, to += B)
                vectors::put(to, vectors::load_as<Cell<B>>(to) + sums[i][k]);
    }

    // From the products m0 to m3 the taps m0 + (m1 + m2) / 2, (m1 - m2) / 2 and (m1 + m2) / 2 + m3.
    void collect(const std::vector<float *> &totals, float *w) const {
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int row = 0; row < rows_; ++row) {
                    float m[PRODUCTS];
                    for (int k = 0; k < PRODUCTS; ++k) {
                        double value = 0;
                        for (const float *total : totals)
                            value += total[sum(k, row, o / WIDTH, i / B) + i % B * WIDTH + o % WIDTH];
                        m[k] = static_cast<float>(value);
                    }
                    float *taps = w + o * c_.strides[0] + i * c_.strides[1] + tap(c_, 0, row / c_.kernel[1])
                                  + tap(c_, 1, row % c_.kernel[1]);
                    const float half = (m[1] + m[2]) / 2;
                    taps[tap(c_, 2, 0)] = m[0] + half;
                    taps[tap(c_, 2, 1)] = (m[1] - m[2]) / 2;
                    taps[tap(c_, 2, 2)] = half + m[3];
                }
    }

    Convolution c_;
    int x_groups_, y_groups_, panels_;
    int width_, rows_;   // pairs of cells of a row; rows of taps
    int lines_, bands_;  // lines at a time, and how many times
};

}  // namespace tiles
