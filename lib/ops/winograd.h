// Convolutions by the F(2, 3) of Winograd (Lavin and Gray, 2016) along the last axis: four products make two
// cells, in place of six.
//
// Two neighbouring cells meet four of x, whose sums and differences are multiplied with those of the three
// taps. Each of the four products is a convolution without the last axis, on a map of half the width.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "plan.h"

namespace onednn {

class Winograd : public Way {
    static constexpr int PRODUCTS = 4, TAPS = 3;
    // With fewer the sums cost more than the products that they save: benchmarks/ways.py, results/ways.txt.
    static constexpr int CHANNELS = 16, ROW = 16;
    static constexpr int FLAT_ROW = vectors::V == 16 ? 16 : 24;  // in two dimensions
    static constexpr size_t CACHED = 4 << 20;                    // bytes of sums at a time

  public:
    explicit Winograd(const Convolution &c)
        : c_(forward(c)), from_y_(c.operand == X), last_(c.space - 1), width_((c_.y[last_] + 1) / 2) {
        inputs_ = round_up(c_.x_channels, block_size()) / block_size();
        outputs_ = round_up(c_.y_channels, block_size()) / block_size();
        lines_ = c_.space == 3 ? c_.y[1] : c_.y[0];
        depth_ = c_.space == 3 ? c_.y[0] : 1;
        border_ = c_.space == 3 ? c_.padding[0] : 0;
        const size_t plane = sizeof(float) * PRODUCTS * inputs_ * block_size() * lines_ * width_;
        if (c_.space == 3) planes_ = divisor(depth_, CACHED / plane);
        else images_ = divisor(c_.images, CACHED / plane);
        Convolution part = c_;
        part.images = images_;
        part.bias = part.leaky = 0;
        part.x[last_] = part.y[last_] = width_;
        part.kernel[last_] = 1;
        part.padding[last_] = 0;
        if (c_.space == 3) {
            part.x[0] = planes_ + 2 * border_;
            part.y[0] = planes_;
            part.padding[0] = 0;
        }
        part.strides[2 + last_] = 1;
        for (int i = last_; i > 0; --i) part.strides[1 + i] = part.strides[2 + i] * part.kernel[i];
        part.strides[1] = part.strides[2] * part.kernel[0];
        part.strides[0] = part.strides[1] * part.x_channels;
        plan_ = std::make_unique<Plan>(part, Layout::given);
    }

    // Maps in blocks that keep their size and have rows and channels enough.
    static bool serves(const Convolution &c) {
        if (c.operand == W || c.bfloat16 || !c.x_blocked || !c.y_blocked) return false;
        for (int i = 0; i < c.space; ++i)
            if (c.stride[i] != 1 || c.dilation[i] != 1 || 2 * c.padding[i] != c.kernel[i] - 1) return false;
        const int last = c.space - 1;
        return c.kernel[last] == TAPS && c.y[last] >= (c.space == 2 ? FLAT_ROW : ROW)
               && c.x_channels >= CHANNELS && c.y_channels >= CHANNELS;
    }

    void run(void *x, float *w, void *y, float *b) override {
        const auto kernels = products_of_taps(w);
        auto *from = static_cast<const float *>(from_y_ ? y : x);
        auto *to = static_cast<float *>(from_y_ ? x : y);
        std::vector<float> bias(outputs_ * block_size(), 0.f);
        if (c_.bias) std::copy(b, b + c_.y_channels, bias.begin());
        const size_t in = cells(inputs_, planes_ + 2 * border_), out = cells(outputs_, planes_);
        Scratch &sums = own_scratch();
        sums.reset(PRODUCTS * (Scratch::rounded(in * sizeof(float)) + Scratch::rounded(out * sizeof(float))));
        float *parts[PRODUCTS], *results[PRODUCTS];
        for (auto &part : parts) part = static_cast<float *>(sums.take(in * sizeof(float)));
        for (auto &result : results) result = static_cast<float *>(sums.take(out * sizeof(float)));
        for (int image = 0; image < c_.images; image += images_)
            for (int plane = 0; plane < depth_; plane += planes_) {
                vectors::by_block(block_size(), [&](auto B) { add_cells<B>(from, image, plane, parts); });
                for (int k = 0; k < PRODUCTS; ++k)
                    plan_->run(parts[k], const_cast<float *>(kernels[k].data()), results[k], nullptr);
                vectors::by_block(
                    block_size(), [&](auto B) { add_products<B>(results, bias.data(), to, image, plane); });
            }
    }

    std::string name() const override { return "winograd " + plan_->name(); }

  private:
    template <int B> using Cell = typename vectors::Block<B>::Cell;

    // The convolution of y that makes x, as one of x that makes y.
    static Convolution forward(const Convolution &c) {
        Convolution result = c;
        if (c.operand == Y) return result;
        result.operand = Y;
        std::swap(result.x_channels, result.y_channels);
        std::swap(result.strides[0], result.strides[1]);
        result.flip = !c.flip;
        return result;
    }

    static int divisor(int n, size_t most) {
        int result = std::clamp<int64_t>(most, 1, n);
        while (n % result) --result;
        return result;
    }

    static Scratch &own_scratch() {
        static Scratch value;  // the plans inside use the one of all
        return value;
    }

    size_t cells(int groups, int planes) const {
        return static_cast<size_t>(images_) * groups * planes * lines_ * width_ * block_size();
    }

    // g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2 and g2 of the taps of each row of the kernel.
    std::vector<std::vector<float>> products_of_taps(const float *w) const {
        const int rows = c_.space == 3 ? c_.kernel[0] * c_.kernel[1] : c_.kernel[0];
        const int inner = c_.space == 3 ? c_.kernel[1] : 1;
        const size_t size = static_cast<size_t>(c_.y_channels) * c_.x_channels * rows;
        std::vector<std::vector<float>> result(PRODUCTS, std::vector<float>(size));
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int row = 0; row < rows; ++row) {
                    const float *taps = w + o * c_.strides[0] + i * c_.strides[1]
                                        + row / inner * c_.strides[2]
                                        + (inner > 1 ? row % inner * c_.strides[3] : 0);
                    const int64_t step = c_.strides[2 + last_];
                    const float g0 = taps[c_.flip ? 2 * step : 0], g1 = taps[step];
                    const float g2 = taps[c_.flip ? 0 : 2 * step], ends = g0 + g2;
                    const size_t at = (static_cast<size_t>(o) * c_.x_channels + i) * rows + row;
                    result[0][at] = g0;
                    result[1][at] = (ends + g1) / 2;
                    result[2][at] = (ends - g1) / 2;
                    result[3][at] = g2;
                }
        return result;
    }

    // From the cells d0 to d3 around a pair: d0 - d2, d1 + d2, d2 - d1 and d1 - d3.
    template <int B> void add_cells(const float *from, int image, int plane, float *const *parts) const {
        const int planes = planes_ + 2 * border_;
        const int64_t row = static_cast<int64_t>(width_) * B, size = c_.y[last_];
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < static_cast<int64_t>(images_) * inputs_; ++unit)
            for (int64_t line = 0; line < static_cast<int64_t>(planes) * lines_; ++line) {
                const int64_t to = (unit * planes * lines_ + line) * row;
                const int64_t at = plane - border_ + line / lines_;
                if (at < 0 || at >= depth_) {
                    for (int k = 0; k < PRODUCTS; ++k) std::fill_n(parts[k] + to, row, 0.f);
                    continue;
                }
                const int64_t group = static_cast<int64_t>(image) * inputs_ + unit;
                const float *x = from + ((group * depth_ + at) * lines_ + line % lines_) * size * B;
                Cell<B> d0 = {}, d1 = vectors::load_as<Cell<B>>(x);
                for (int64_t j = 0; j < width_; ++j) {
                    const Cell<B> d2 = cell<B>(x, 2 * j + 1, size), d3 = cell<B>(x, 2 * j + 2, size);
                    const int64_t pair = to + j * B;
                    vectors::put(parts[0] + pair, d0 - d2);
                    vectors::put(parts[1] + pair, d1 + d2);
                    vectors::put(parts[2] + pair, d2 - d1);
                    vectors::put(parts[3] + pair, d1 - d3);
                    d0 = d2;
                    d1 = d3;
                }
            }
    }

    template <int B> static Cell<B> cell(const float *x, int64_t at, int64_t size) {
        return at < size ? vectors::load_as<Cell<B>>(x + at * B) : Cell<B>{};
    }

    // From the products m0 to m3 the pair m0 + m1 + m2 and m1 - m2 - m3.
    template <int B>
    void add_products(float *const *results, const float *bias, float *to, int image, int plane) const {
        const float slope = c_.leaky ? c_.slope : 1.f;
        const int64_t row = static_cast<int64_t>(width_) * B, size = c_.y[last_];
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t unit = 0; unit < static_cast<int64_t>(images_) * outputs_; ++unit)
            for (int64_t line = 0; line < static_cast<int64_t>(planes_) * lines_; ++line) {
                const Cell<B> added = vectors::load_as<Cell<B>>(bias + unit % outputs_ * B);
                const int64_t from = (unit * planes_ * lines_ + line) * row;
                const int64_t group = static_cast<int64_t>(image) * outputs_ + unit;
                float *y = to + ((group * depth_ + plane) * lines_ + line) * size * B;
                for (int64_t j = 0; j < width_; ++j) {
                    Cell<B> m[PRODUCTS];
                    for (int k = 0; k < PRODUCTS; ++k)
                        m[k] = vectors::load_as<Cell<B>>(results[k] + from + j * B);
                    vectors::put(y + 2 * j * B, vectors::leaky<Cell<B>>(m[0] + m[1] + m[2] + added, slope));
                    if (2 * j + 1 < size)
                        vectors::put(
                            y + (2 * j + 1) * B, vectors::leaky<Cell<B>>(m[1] - m[2] - m[3] + added, slope));
                }
            }
    }

    Convolution c_;
    bool from_y_;
    int last_, width_;  // width_ counts pairs of cells
    int inputs_, outputs_, lines_, depth_, border_;
    int images_ = 1, planes_ = 1;  // at a time
    std::unique_ptr<Plan> plan_;
};

}  // namespace onednn
