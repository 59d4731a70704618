// A map inside zeros, its channels apart, for the convolutions of few channels.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "bfloat16.h"
#include "convolution.h"

namespace narrow {

// A map as the caller holds it: in blocks of channels, or plain, which is blocks of one.
template <typename Value> struct MapView {
    Value *data;
    int channels, block;
    const int32_t *size;

    // The first cell of a row; the next one is `block` further.
    Value *row(int64_t image, int channel, int64_t plane, int64_t line) const {
        int64_t group = image * (round_up(channels, block) / block) + channel / block;
        return data + ((group * size[0] + plane) * size[1] + line) * size[2] * block + channel % block;
    }
};

template <typename Value> MapView(Value *, int, int, const int32_t *) -> MapView<Value>;

// Two neighbouring channels of a cell: what one lane of AVX512-BF16 multiplies and sums up at once.
struct Pair {
    vectors::Bfloat16 first, second;
};

// How many channels a term has: what a lane multiplies at once.
template <typename Term> constexpr int CHANNELS = std::is_same_v<Term, Pair> ? 2 : 1;

// A term from its first channel on. Behind the last channel of an odd number lies a zero.
template <typename Value> void read(const Value *from, float &term) { term = vectors::load_as<float>(from); }
inline void read(const vectors::Bfloat16 *from, Pair &term) { term = {from[0], from[1]}; }

// A copy of a map inside zeros, its terms apart. With a stride, a row holds every stride-th cell, then the
// same from the second cell on, and so on, so that a vector finds its cells side by side.
template <typename Term> class Padded {
  public:
    // `left` zeros precede the map along each axis; `planes`, `lines` and `parts` (cells in each part
    // of a row) count what is kept.
    Padded(
        int64_t images, int channels, std::vector<int> left, int planes, int lines, int parts, int stride = 1)
        : images_(images), terms_(round_up(channels, CHANNELS<Term>) / CHANNELS<Term>), left_(left),
          planes_(planes), lines_(lines), part_(parts), stride_(stride) {}

    int terms() const { return terms_; }

    int width() const { return part_ * stride_; }
    int64_t apart() const { return static_cast<int64_t>(planes_) * lines_ * width(); }
    size_t bytes() const { return Scratch::rounded(sizeof(Term) * images_ * terms_ * apart()); }

    const Term *row(int64_t image, int term, int64_t plane, int64_t line) const {
        return data_ + (image * terms_ + term) * apart() + (plane * lines_ + line) * width();
    }

    // Where in a row the cells begin that a tap meets.
    int tap(int number) const { return number % stride_ * part_ + number / stride_; }

    template <typename Value> void fill(const MapView<Value> &map) {
        data_ = static_cast<Term *>(scratch().take(bytes()));
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t image = 0; image < images_; ++image)
            for (int plane = 0; plane < planes_; ++plane)
                for (int line = 0; line < lines_; ++line)
                    for (int term = 0; term < terms_; ++term) fill_row(map, image, term, plane, line);
    }

  private:
    template <typename Value>
    void fill_row(const MapView<Value> &map, int64_t image, int term, int plane, int line) const {
        Term *to = const_cast<Term *>(row(image, term, plane, line));
        std::fill(to, to + width(), Term{});
        const int channel = term * CHANNELS<Term>;
        int from_plane = plane - left_[0], from_line = line - left_[1];
        if (channel >= map.channels || from_plane < 0 || from_plane >= map.size[0] || from_line < 0
            || from_line >= map.size[1])
            return;
        const Value *from = map.row(image, channel, from_plane, from_line);
        for (int phase = 0; phase < stride_; ++phase, to += part_) {
            int cell = std::max(0, (left_[2] - phase + stride_ - 1) / stride_);
            int64_t at = static_cast<int64_t>(cell) * stride_ + phase - left_[2];
            for (; cell < part_ && at < map.size[2]; ++cell, at += stride_)
                read(from + at * map.block, to[cell]);
        }
    }

    int64_t images_;
    int terms_;
    std::vector<int> left_;
    int planes_, lines_, part_, stride_;
    Term *data_ = nullptr;
};

}  // namespace narrow
