// Convolutions in bfloat16 of pictures: 2-D maps of so few channels that they are plain.
//
// oneDNN multiplies the channels of each tap in pairs, half of the last of which is a zero for three colours.
// Here the channels come last, so that all that a line of taps meets lies side by side, and is paired. With AMX
// the pairs that neighbouring cells meet are the rows of a tile, and overlap.
#pragma once
#ifdef __AVX512BF16__
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "amx.h"
#include "narrow.h"

namespace narrow {

// Values in pairs: of the map inside zeros, `width` from line to line, and of the kernel, `outputs` from pair to
// pair.
struct Paired {
    int taps, pairs, channels, outputs;  // lines of taps, pairs of each, and the channels of both maps
    int64_t width;
    float slope;
};

// A line of cells of some outputs.
struct Line {
    const Bfloat16 *from;
    const Pair *kernel;
    const float *bias;
    Bfloat16 *to;
};

// The sums of some cells in vectors.
struct InVectors {
    static constexpr int PAIRS = 1, CELLS = 4;
    struct Thread {};

    // G vectors of outputs.
    template <int G> static void make(const Paired &p, const Line &line, int cells) {
        vectors::in_parts<CELLS>(cells, [&](auto P, int64_t cell) {
            const Bfloat16 *from = line.from + cell * p.channels;
            const Pair *kernel = line.kernel;
            Vector sum[P][G] = {};
            for (int a = 0; a < p.taps; ++a, from += p.width)
                for (int pair = 0; pair < p.pairs; ++pair, kernel += p.outputs) {
                    Pair values[P];
                    for (int i = 0; i < P; ++i)
                        std::memcpy(&values[i], from + i * p.channels + 2 * pair, sizeof(Pair));
                    for (int g = 0; g < G; ++g)
                        for (int i = 0; i < P; ++i) add_product(sum[i][g], values[i], kernel + g * V);
                }
            for (int i = 0; i < P; ++i)
                for (int g = 0; g < G; ++g)
                    vectors::put(line.to + (cell + i) * p.outputs + g * V,
                        leaky<Vector>(sum[i][g] + load(line.bias + g * V), p.slope));
        });
    }
};

#ifdef __AMX_BF16__
// The sums of 16 cells in tiles. Those behind the end of a line are of no use to anybody.
struct InTiles {
    static constexpr int PAIRS = amx::COLUMNS, CELLS = amx::ROWS;
    using Thread = amx::Tiles;

    template <int G> static void make(const Paired &p, const Line &line, int cells) {
        constexpr int A = 6, B = 7;
        static_assert(G <= A && V == amx::COLUMNS);
        alignas(64) float sums[G][CELLS][V];
        for (int cell = 0; cell < cells; cell += CELLS) {
            amx::each<G>([](auto g) { amx::zero<g>(); });
            const Bfloat16 *from = line.from + cell * p.channels;
            const Pair *kernel = line.kernel;
            for (int a = 0; a < p.taps; ++a, from += p.width)
                for (int pair = 0; pair < p.pairs; pair += PAIRS, kernel += PAIRS * p.outputs) {
                    amx::load<A>(from + 2 * pair, p.channels * sizeof *from);
                    amx::each<G>([&](auto g) {
                        amx::load<B>(kernel + g * V, p.outputs * sizeof *kernel);
                        amx::add_products<g, A, B>();
                    });
                }
            amx::each<G>([&](auto g) { amx::store<g>(sums[g], sizeof sums[g][0]); });
            Bfloat16 *to = line.to + static_cast<int64_t>(cell) * p.outputs;
            for (int i = 0; i < std::min(CELLS, cells - cell); ++i, to += p.outputs)
                for (int g = 0; g < G; ++g)
                    vectors::put(
                        to + g * V, leaky<Vector>(load(sums[g][i]) + load(line.bias + g * V), p.slope));
        }
    }
};
#endif

template <typename Sums> class Pictures : public Way {
    static constexpr int VECTORS = 6;  // of outputs, whose sums fit into registers

  public:
    Pictures(const Convolution &c, int block) : c_(c) {
        p_.taps = c.kernel[0];
        p_.pairs = round_up((c.kernel[1] * c.x_channels + 1) / 2, Sums::PAIRS);
        p_.channels = c.x_channels;
        p_.outputs = round_up(c.y_channels, block);
        p_.width = (c.y[1] - 1) * c.x_channels + 2 * p_.pairs;
        p_.slope = c.leaky ? c.slope : 1.f;
    }

    std::string name() const override { return "pictures"; }

    void run(void *x, float *w, void *y, float *b) override {
        scratch().reset(map_bytes() + kernel_bytes());
        fill(static_cast<const float *>(x));
        pack(w);
        std::vector<float> bias(p_.outputs, 0.f);
        if (c_.bias) std::copy_n(b, c_.y_channels, bias.begin());
        auto *to = static_cast<Bfloat16 *>(y);
#pragma omp parallel
        {
            [[maybe_unused]] const typename Sums::Thread thread;
#pragma omp for collapse(2) schedule(static)
            for (int64_t image = 0; image < c_.images; ++image)
                for (int64_t row = 0; row < c_.y[0]; ++row)
                    vectors::in_parts<VECTORS>(p_.outputs / V, [&](auto G, int64_t group) {
                        const int64_t at = (image * c_.y[0] + row) * c_.y[1] * p_.outputs + group * V;
                        const Line made = {
                            line(image, row), kernel_ + group * V, bias.data() + group * V, to + at};
                        Sums::template make<G>(p_, made, c_.y[1]);
                    });
        }
    }

  private:
    int lines() const { return c_.y[0] + c_.kernel[0] - 1; }
    Bfloat16 *line(int64_t image, int64_t number) const {
        return maps_ + (image * lines() + number) * p_.width;
    }
    size_t map_bytes() const {
        const int64_t behind = (Sums::CELLS - 1) * p_.channels;  // read by cells behind the end of a line
        return Scratch::rounded((c_.images * lines() * p_.width + behind) * sizeof(Bfloat16));
    }
    size_t kernel_bytes() const { return Scratch::rounded(sizeof(Pair) * p_.taps * p_.pairs * p_.outputs); }

    // Copies the map inside zeros, with the channels last.
    void fill(const float *x) {
        maps_ = static_cast<Bfloat16 *>(scratch().take(map_bytes()));
        const int channels = c_.x_channels;
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t image = 0; image < c_.images; ++image)
            for (int64_t number = 0; number < lines(); ++number) {
                Bfloat16 *to = line(image, number);
                std::fill(to, to + p_.width, Bfloat16{});
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
    void pack(const float *w) {
        kernel_ = static_cast<Pair *>(scratch().take(kernel_bytes()));
        std::fill_n(kernel_, p_.taps * p_.pairs * p_.outputs, Pair{});
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i)
                for (int a = 0; a < c_.kernel[0]; ++a)
                    for (int b = 0; b < c_.kernel[1]; ++b) {
                        const int *n = c_.kernel, at = b * c_.x_channels + i;
                        const int64_t tap = (c_.flip ? n[0] - 1 - a : a) * c_.strides[2]
                                            + (c_.flip ? n[1] - 1 - b : b) * c_.strides[3];
                        put(kernel_[(static_cast<size_t>(a) * p_.pairs + at / 2) * p_.outputs + o], at,
                            w[o * c_.strides[0] + i * c_.strides[1] + tap]);
                    }
    }

    Convolution c_;
    Paired p_;
    Bfloat16 *maps_ = nullptr;
    Pair *kernel_ = nullptr;
};

inline bool are_pictures(const Convolution &c) {
    const int *s = c.stride, *d = c.dilation;
    return c.operand == Y && c.bfloat16 && c.space == 2 && !c.x_blocked && c.y_blocked && s[0] == 1
           && s[1] == 1 && d[0] == 1 && d[1] == 1;
}

inline std::unique_ptr<Way> make_pictures(const Convolution &c, int block) {
#ifdef __AMX_BF16__
    if (amx::allowed()) return std::make_unique<Pictures<InTiles>>(c, block);
#endif
    return std::make_unique<Pictures<InVectors>>(c, block);
}

}  // namespace narrow
#endif
