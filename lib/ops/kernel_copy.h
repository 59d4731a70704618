// The kernel as oneDNN reads it: the caller's memory, or a dense copy of it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "convolution.h"

namespace onednn {

// A copy is needed where the kernel is turned over, where zeros fill up its channels, or where its
// strides are none that oneDNN takes.
class KernelCopy {
  public:
    // `x_channels` and `y_channels` count the zeros too.
    KernelCopy(const Convolution &c, int x_channels, int y_channels, bool turned)
        : c_(c), x_channels_(x_channels), y_channels_(y_channels), turned_(turned && taps() > 1),
          needed_(turned_ || x_channels != c.x_channels || y_channels != c.y_channels || !nested()) {}

    bool needed() const { return needed_; }

    size_t bytes() const {
        return needed_ ? Scratch::rounded(sizeof(float) * taps() * x_channels_ * y_channels_) : 0;
    }

    // Of the copy where one is needed, else of the caller's kernel.
    std::vector<int64_t> strides() const {
        if (!needed_) return {c_.strides, c_.strides + 2 + c_.space};
        std::vector<int64_t> result(2 + c_.space, 1);
        for (int i = c_.space; i > 0; --i) result[i] = result[i + 1] * c_.kernel[i - 1];
        result[0] = result[1] * x_channels_;
        return result;
    }

    // Copies the caller's kernel.
    void fill(const float *w, float *copy) const {
        const auto offsets = tap_offsets();
        const int64_t n = taps();
        const bool reversed = in_reverse(offsets);
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < y_channels_; ++o)
            for (int i = 0; i < x_channels_; ++i) {
                const float *from = w + o * c_.strides[0] + i * c_.strides[1];
                float *to = copy + (static_cast<int64_t>(o) * x_channels_ + i) * n;
                if (o >= c_.y_channels || i >= c_.x_channels) std::fill(to, to + n, 0.f);
                else if (reversed) std::reverse_copy(from, from + n, to);
                else
                    for (int64_t k = 0; k < n; ++k) to[k] = from[offsets[k]];
            }
    }

    // Copies back what belongs to the caller's kernel.
    void take(const float *copy, float *w) const {
        const auto offsets = tap_offsets();
        const int64_t n = taps();
        const bool reversed = in_reverse(offsets);
#pragma omp parallel for collapse(2) schedule(static)
        for (int o = 0; o < c_.y_channels; ++o)
            for (int i = 0; i < c_.x_channels; ++i) {
                const float *from = copy + (static_cast<int64_t>(o) * x_channels_ + i) * n;
                float *to = w + o * c_.strides[0] + i * c_.strides[1];
                if (reversed) std::reverse_copy(from, from + n, to);
                else
                    for (int64_t k = 0; k < n; ++k) to[offsets[k]] = from[k];
            }
    }

  private:
    int64_t taps() const {
        int64_t result = 1;
        for (int i = 0; i < c_.space; ++i) result *= c_.kernel[i];
        return result;
    }

    // Whether one axis of the caller's kernel lies inside another, as oneDNN wants its strides.
    bool nested() const {
        std::vector<std::pair<int64_t, int64_t>> axes = {
            {c_.strides[0], c_.y_channels}, {c_.strides[1], c_.x_channels}};
        for (int i = 0; i < c_.space; ++i) axes.emplace_back(c_.strides[2 + i], c_.kernel[i]);
        std::sort(axes.begin(), axes.end());
        int64_t reach = 1;
        for (auto &[stride, size] : axes) {
            if (size == 1) continue;
            if (stride < reach) return false;
            reach = stride * size;
        }
        return true;
    }

    // Whether the taps of the copy lie one before the other, which is copied several at a time.
    static bool in_reverse(const std::vector<int64_t> &offsets) {
        const int64_t n = offsets.size();
        for (int64_t k = 0; k < n; ++k)
            if (offsets[k] != n - 1 - k) return false;
        return true;
    }

    // Where each tap of the copy lies in the caller's kernel.
    std::vector<int64_t> tap_offsets() const {
        std::vector<int64_t> result;
        for (int64_t tap = 0; tap < taps(); ++tap) {
            int64_t rest = tap, offset = 0;
            for (int i = c_.space - 1; i >= 0; --i) {
                int64_t k = rest % c_.kernel[i];
                rest /= c_.kernel[i];
                offset += (turned_ ? c_.kernel[i] - 1 - k : k) * c_.strides[2 + i];
            }
            result.push_back(offset);
        }
        return result;
    }

    Convolution c_;
    int x_channels_, y_channels_;
    bool turned_, needed_;
};

}  // namespace onednn
