// Convolutions in bfloat16 of pictures: 2-D maps of so few channels that they are plain.
//
// oneDNN multiplies the channels of each tap in pairs, half of the last of which is a zero for three colours.
// Here the channels come last, so that all that a line of taps meets lies side by side, and is paired.
#pragma once
#ifdef __AVX512BF16__
#include <algorithm>
#include <cstring>
#include <vector>

#include "narrow.h"

namespace narrow {

class Pictures : public Way {
    static constexpr int CELLS = 4, VECTORS = 6;  // whose sums fit into registers

  public:
    Pictures(const Convolution &c, int block)
        : c_(c), outputs_(round_up(c.y_channels, block)), pairs_((c.kernel[1] * c.x_channels + 1) / 2),
          width_((c.y[1] + c.kernel[1] - 1) * c.x_channels + 1), lines_(c.y[0] + c.kernel[0] - 1) {}

    static bool serves(const Convolution &c) {
        const int *s = c.stride, *d = c.dilation;
        return c.operand == Y && c.bfloat16 && c.space == 2 && !c.x_blocked && c.y_blocked && s[0] == 1
               && s[1] == 1 && d[0] == 1 && d[1] == 1;
    }

    std::string name() const override { return "pictures"; }

    void run(void *x, float *w, void *y, float *b) override {
        scratch().reset(bytes());
        fill(static_cast<const float *>(x));
        const auto kernel = packed(w);
        std::vector<float> bias(outputs_, 0.f);
        if (c_.bias) std::copy_n(b, c_.y_channels, bias.begin());
        auto *to = static_cast<Bfloat16 *>(y);
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t image = 0; image < c_.images; ++image)
            for (int64_t row = 0; row < c_.y[0]; ++row)
                vectors::in_parts<VECTORS>(outputs_ / V, [&](auto G, int64_t group) {
                    vectors::in_parts<CELLS>(c_.y[1], [&](auto P, int64_t cell) {
                        const int64_t at = ((image * c_.y[0] + row) * c_.y[1] + cell) * outputs_ + group * V;
                        cells<G, P>(line(image, row) + cell * c_.x_channels, kernel.data() + group * V,
                            bias.data() + group * V, to + at);
                    });
                });
    }

  private:
    size_t bytes() const { return c_.images * lines_ * width_ * sizeof(Bfloat16); }

    Bfloat16 *line(int64_t image, int64_t number) const { return maps_ + (image * lines_ + number) * width_; }

    // Copies the map inside zeros, with the channels last.
    void fill(const float *x) {
        maps_ = static_cast<Bfloat16 *>(scratch().take(bytes()));
        const int channels = c_.x_channels;
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t image = 0; image < c_.images; ++image)
            for (int64_t number = 0; number < lines_; ++number) {
                Bfloat16 *to = line(image, number);
                std::fill(to, to + width_, Bfloat16{});
                const int64_t row = number - c_.padding[0];
                if (row < 0 || row >= c_.x[0]) continue;
                to += c_.padding[1] * channels;
                for (int channel = 0; channel < channels; ++channel) {
                    const float *from = x + ((image * channels + channel) * c_.x[0] + row) * c_.x[1];
                    for (int64_t at = 0; at < c_.x[1]; ++at)
                        vectors::put(to + at * channels + channel, from[at]);
                }
            }
    }

    // The kernel by lines and pairs, the outputs side by side.
    std::vector<Pair> packed(const float *w) const {
        std::vector<Pair> result(static_cast<size_t>(c_.kernel[0]) * pairs_ * outputs_, Pair{});
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int a = 0; a < c_.kernel[0]; ++a)
                    for (int b = 0; b < c_.kernel[1]; ++b) {
                        const int *n = c_.kernel, at = b * c_.x_channels + i;
                        const int64_t tap = (c_.flip ? n[0] - 1 - a : a) * c_.strides[2]
                                            + (c_.flip ? n[1] - 1 - b : b) * c_.strides[3];
                        put(result[(static_cast<size_t>(a) * pairs_ + at / 2) * outputs_ + o], at,
                            w[o * c_.strides[0] + i * c_.strides[1] + tap]);
                    }
        return result;
    }

    // G vectors of outputs of P neighbouring cells.
    template <int G, int P>
    void cells(const Bfloat16 *from, const Pair *kernel, const float *bias, Bfloat16 *to) const {
        Vector sum[G][P] = {};
        for (int a = 0; a < c_.kernel[0]; ++a, from += width_)
            for (int pair = 0; pair < pairs_; ++pair, kernel += outputs_) {
                Pair values[P];
                for (int p = 0; p < P; ++p)
                    std::memcpy(&values[p], from + p * c_.x_channels + 2 * pair, sizeof(Pair));
                for (int g = 0; g < G; ++g)
                    for (int p = 0; p < P; ++p) add_product(sum[g][p], values[p], kernel + g * V);
            }
        const float slope = c_.leaky ? c_.slope : 1.f;
        for (int p = 0; p < P; ++p)
            for (int g = 0; g < G; ++g)
                vectors::put(to + p * outputs_ + g * V, leaky<Vector>(sum[g][p] + load(bias + g * V), slope));
    }

    Convolution c_;
    int outputs_, pairs_;
    int64_t width_, lines_;  // of a map inside zeros: values and lines
    Bfloat16 *maps_ = nullptr;
};

}  // namespace narrow
#endif
