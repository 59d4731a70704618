// The transposed convolution of three axes by phases.
//
// A phase is what remains of a cell's place in x when it is divided by the stride; the cells of one
// phase all meet the same taps.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "tiles.h"

namespace tiles {

// One phase along one axis: x[stride j + phase] is the sum over m of w[first + stride m] y[j + shift - m].
struct Phase {
    int first, shift, taps, cells;

    Phase(const Convolution &c, int axis, int phase) {
        const int stride = c.stride[axis], at = phase + c.padding[axis];
        first = at % stride;
        shift = at / stride;
        taps = std::max<int64_t>(0, ceil_div(c.kernel[axis] - first, stride));
        cells = std::max<int64_t>(0, ceil_div(c.x[axis] - phase, stride));
    }

    // The cells of y that lie before and behind the map.
    int before() const { return std::max(0, taps - 1 - shift); }
    int behind(const Convolution &c, int axis) const { return std::max(0, cells + shift - c.y[axis]); }
};

template <int B> class Strided : public Way {
    static constexpr size_t CACHED = 2 << 20;  // bytes of rows at a time

  public:
    explicit Strided(const Convolution &c)
        : c_(c), inputs_(ceil_div(c_.y_channels, B)), outputs_(ceil_div(c_.x_channels, B)),
          panels_(c_.y_channels, c_.x_channels, c_.kernel[0] * c_.kernel[1] * c_.kernel[2]) {
        for (int axis = 0; axis < 3; ++axis)
            for (int phase = 0; phase < c_.stride[axis]; ++phase) phases_[axis].emplace_back(c_, axis, phase);
        int behind = 0;
        for (const Phase &phase : phases_[2]) {
            before_ = std::max(before_, phase.before());
            behind = std::max(behind, phase.behind(c_, 2));
        }
        width_ = before_ + c_.y[2] + behind;
        images_ = std::clamp<int64_t>(CACHED / (sizeof(float) * c_.y[0] * c_.y[1] * row()), 1, c_.images);
    }

    static bool serves(const Convolution &c) {
        if (B != 8 || c.space != 3 || c.operand != X || c.bfloat16 || !c.x_blocked || !c.y_blocked)
            return false;
        bool strided = false;
        for (int i = 0; i < c.space; ++i) {
            if (c.dilation[i] != 1) return false;
            strided = strided || c.stride[i] > 1;
        }
        return strided;
    }

    void run(void *x, float *w, void *y, float *b) override {
        const size_t bytes = sizeof(float) * images_ * c_.y[0] * c_.y[1] * row();
        scratch().reset(Scratch::rounded(bytes) + panels_.bytes());
        rows_ = static_cast<float *>(scratch().take(bytes));
        panels_.fill(static_cast<float *>(scratch().take(panels_.bytes())), [&](int o, int i, auto put) {
            const float *taps = w + i * c_.strides[0] + o * c_.strides[1];
            for (int part = 0, d = 0; d < c_.kernel[0]; ++d)
                for (int h = 0; h < c_.kernel[1]; ++h)
                    for (int l = 0; l < c_.kernel[2]; ++l, ++part)
                        put(part, taps[tap(c_, 0, d) + tap(c_, 1, h) + tap(c_, 2, l)]);
        });
        const auto bias = panels_.bias(c_, b);
        for (int image = 0; image < c_.images; image += images_) {
            const int images = std::min(images_, c_.images - image);
            copy_rows(image, images, in_blocks<B>(static_cast<const float *>(y), c_.y_channels, c_.y));
            multiply_rows(
                image, images, bias.data(), in_blocks<B>(static_cast<float *>(x), c_.x_channels, c_.x));
        }
    }

    std::string name() const override { return "strided"; }

  private:
    int64_t apart() const { return static_cast<int64_t>(width_) * B; }  // groups of channels of a row
    int64_t row() const { return inputs_ * apart(); }
    float *row_of(int image, int plane, int line) const {
        return rows_ + ((static_cast<int64_t>(image) * c_.y[0] + plane) * c_.y[1] + line) * row();
    }

    // All channels of a row side by side, between zeros.
    void copy_rows(int image, int images, const MapView<const float> &from) const {
#pragma omp parallel for collapse(3) schedule(static)
        for (int i = 0; i < images; ++i)
            for (int plane = 0; plane < c_.y[0]; ++plane)
                for (int line = 0; line < c_.y[1]; ++line) {
                    float *to = row_of(i, plane, line);
                    for (int group = 0; group < inputs_; ++group, to += apart()) {
                        const float *y = from.row(image + i, group * B, plane, line);
                        std::fill_n(to, before_ * B, 0.f);
                        std::copy_n(y, c_.y[2] * B, to + before_ * B);
                        std::fill(to + (before_ + c_.y[2]) * B, to + apart(), 0.f);
                    }
                }
    }

    void multiply_rows(int image, int images, const float *bias, const MapView<float> &to) const {
#pragma omp parallel for collapse(4) schedule(static)
        for (int panel = 0; panel < panels_.count(); ++panel)
            for (int i = 0; i < images; ++i)
                for (int plane = 0; plane < c_.x[0]; ++plane)
                    for (int line = 0; line < c_.x[1]; ++line) {
                        float *x[BLOCKS];
                        for (int k = 0; k < BLOCKS; ++k)
                            x[k] = to.row(image + i, (BLOCKS * panel + k) * B, plane, line);
                        for (int phase = 0; phase < c_.stride[2]; ++phase)
                            multiply_row(meetings_of(panel, i, plane, line, phases_[2][phase]),
                                bias + panel * panels_.WIDTH, std::min(BLOCKS, outputs_ - BLOCKS * panel),
                                phase, x);
                    }
    }

    // The rows that lie inside the map, from the cell on that the first cell of the phase meets.
    std::vector<Meeting> meetings_of(int panel, int image, int plane, int line, const Phase &phase) const {
        const Phase &planes = phases_[0][plane % c_.stride[0]], &lines = phases_[1][line % c_.stride[1]];
        std::vector<Meeting> result;
        result.reserve(planes.taps * lines.taps * phase.taps);
        for (int i = 0; i < planes.taps; ++i)
            for (int j = 0; j < lines.taps; ++j) {
                const int at = plane / c_.stride[0] + planes.shift - i;
                const int row = line / c_.stride[1] + lines.shift - j;
                if (at < 0 || at >= c_.y[0] || row < 0 || row >= c_.y[1]) continue;
                const int taps =
                    (planes.first + i * c_.stride[0]) * c_.kernel[1] + lines.first + j * c_.stride[1];
                for (int k = 0; k < phase.taps; ++k)
                    result.push_back({row_of(image, at, row) + (before_ + phase.shift - k) * B,
                        panels_.part(panel, taps * c_.kernel[2] + phase.first + k * c_.stride[2])});
            }
        return result;
    }

    void multiply_row(const std::vector<Meeting> &meetings, const float *bias, int blocks, int phase,
        float *const *x) const {
        const float slope = c_.leaky ? c_.slope : 1.f;
        vectors::in_parts<CELLS<B>>(phases_[2][phase].cells, [&](auto T, int64_t first) {
            Sums<B, T> sums;
            multiply<B, T>(meetings, first * B, 0, inputs_, apart(), blocks, sums);
            for (int k = 0; k < blocks; ++k) {
                const Cell<B> added = vectors::load_as<Cell<B>>(bias + k * B);
                for (int t = 0; t < T; ++t) {
                    float *cell = x[k] + ((first + t) * c_.stride[2] + phase) * B;
                    vectors::put(cell, vectors::leaky<Cell<B>>(sums[t][k] + added, slope));
                }
            }
        });
    }

    Convolution c_;
    int inputs_, outputs_;  // groups of channels
    Panels<B> panels_;
    std::vector<Phase> phases_[3];
    int before_ = 0, width_, images_;  // zeros before a row; its cells with them; images at a time
    float *rows_ = nullptr;
};

}  // namespace tiles
