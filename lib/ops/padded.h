// A map inside zeros, its channels apart, for the convolutions of few channels.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "bfloat16.h"
#include "convolution.h"
#include "vectors.h"

namespace narrow {

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
    // `left` zeros precede the map along each axis; `planes`, `lines` and `part` (cells in each part
    // of a row) count what is kept.
    Padded(
        int64_t images, int channels, std::vector<int> left, int planes, int lines, int part, int stride = 1)
        : images_(images), terms_(ceil_div(channels, CHANNELS<Term>)), left_(left), planes_(planes),
          lines_(lines), part_(part), stride_(stride) {}

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
                for (int line = 0; line < lines_; ++line) {
                    int term = 0;
                    if constexpr (std::is_same_v<std::remove_const_t<Value>, Term>)
                        for (; in_blocks(map) && term + vectors::V <= terms_; term += vectors::V)
                            fill_rows(map, image, term, plane, line);
                    for (; term < terms_; ++term) fill_row(map, image, term, plane, line);
                }
    }

  private:
    // Whether a vector is a cell of a block, and a whole row of the map lies inside the zeros.
    template <typename Value> bool in_blocks(const MapView<Value> &map) const {
        return map.block == vectors::V && stride_ == 1 && left_[2] >= 0 && left_[2] + map.size[2] <= part_;
    }

    // Where the map has what belongs to a row, or null in the zeros around it.
    template <typename Value>
    const Value *row_of(const MapView<Value> &map, int64_t image, int channel, int plane, int line) const {
        const int from_plane = plane - left_[0], from_line = line - left_[1];
        const bool inside = channel < map.channels && from_plane >= 0 && from_plane < map.size[0]
                            && from_line >= 0 && from_line < map.size[1];
        return inside ? map.row(image, channel, from_plane, from_line) : nullptr;
    }

    // The rows of a block of channels: as many of its cells at a time, and the rest one by one.
    template <typename Value>
    void fill_rows(const MapView<Value> &map, int64_t image, int term, int plane, int line) const {
        using vectors::V;
        Term *to[V];
        for (int k = 0; k < V; ++k) {
            to[k] = const_cast<Term *>(row(image, term + k, plane, line));
            std::fill_n(to[k], width(), Term{});
            to[k] += left_[2];
        }
        const Value *from = row_of(map, image, term, plane, line);
        if (!from) return;
        const vectors::Transposition transpose;
        int cell = 0;
        for (; cell + V <= map.size[2]; cell += V) {
            vectors::Transposition::Row rows[V];
            std::memcpy(rows, from + cell * V, sizeof rows);
            transpose(rows);
            for (int k = 0; k < V; ++k) std::memcpy(to[k] + cell, &rows[k], sizeof rows[k]);
        }
        for (; cell < map.size[2]; ++cell)
            for (int k = 0; k < V; ++k) to[k][cell] = from[cell * V + k];
    }

    template <typename Value>
    void fill_row(const MapView<Value> &map, int64_t image, int term, int plane, int line) const {
        Term *to = const_cast<Term *>(row(image, term, plane, line));
        std::fill(to, to + width(), Term{});
        const Value *from = row_of(map, image, term * CHANNELS<Term>, plane, line);
        if (!from) return;
        for (int phase = 0; phase < stride_; ++phase, to += part_) {
            int cell = std::max<int64_t>(0, ceil_div(left_[2] - phase, stride_));
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
