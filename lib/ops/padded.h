// A map inside zeros, its channels apart, for the convolutions of few channels.
#pragma once
#include <algorithm>
#include <cstdint>
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

// A plain copy of a map inside zeros. With a stride, a row holds every stride-th cell, then the
// same from the second cell on, and so on, so that a vector finds its cells side by side.
class Padded {
  public:
    // `left` zeros precede the map along each axis; `planes`, `lines` and `parts` (cells in each part
    // of a row) count what is kept.
    Padded(
        int64_t images, int channels, std::vector<int> left, int planes, int lines, int parts, int stride = 1)
        : images_(images), channels_(channels), left_(left), planes_(planes), lines_(lines), part_(parts),
          stride_(stride) {}

    int width() const { return part_ * stride_; }
    int64_t apart() const { return static_cast<int64_t>(planes_) * lines_ * width(); }
    size_t bytes() const { return Scratch::rounded(sizeof(float) * images_ * channels_ * apart()); }

    const float *row(int64_t image, int channel, int64_t plane, int64_t line) const {
        return data_ + (image * channels_ + channel) * apart() + (plane * lines_ + line) * width();
    }

    // Where in a row the cells begin that a tap meets.
    int tap(int number) const { return number % stride_ * part_ + number / stride_; }

    template <typename Value> void fill(const MapView<Value> &map) {
        data_ = static_cast<float *>(scratch().take(bytes()));
#pragma omp parallel for collapse(2) schedule(static)
        for (int64_t image = 0; image < images_; ++image)
            for (int channel = 0; channel < channels_; ++channel)
                for (int plane = 0; plane < planes_; ++plane)
                    for (int line = 0; line < lines_; ++line) fill_row(map, image, channel, plane, line);
    }

  private:
    template <typename Value>
    void fill_row(const MapView<Value> &map, int64_t image, int channel, int plane, int line) const {
        float *to = const_cast<float *>(row(image, channel, plane, line));
        std::fill(to, to + width(), 0.f);
        int from_plane = plane - left_[0], from_line = line - left_[1];
        if (channel >= map.channels || from_plane < 0 || from_plane >= map.size[0] || from_line < 0
            || from_line >= map.size[1])
            return;
        const Value *from = map.row(image, channel, from_plane, from_line);
        for (int phase = 0; phase < stride_; ++phase, to += part_) {
            int cell = std::max(0, (left_[2] - phase + stride_ - 1) / stride_);
            int64_t at = static_cast<int64_t>(cell) * stride_ + phase - left_[2];
            for (; cell < part_ && at < map.size[2]; ++cell, at += stride_)
                to[cell] = vectors::load_as<float>(from + at * map.block);
        }
    }

    int64_t images_;
    int channels_;
    std::vector<int> left_;
    int planes_, lines_, part_, stride_;
    float *data_ = nullptr;
};

}  // namespace narrow
