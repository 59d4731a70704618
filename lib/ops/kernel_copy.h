// The kernel as oneDNN reads it: the caller's memory, a dense copy of it, or in bfloat16 by blocks.
#pragma once
#include <dnnl.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "bfloat16.h"
#include "convolution.h"
#include "vectors.h"

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

    // Whether `pack` makes a layout of oneDNN's: in bfloat16, blocks of one operand's channels, and inside
    // them pairs of the other's.
    bool packs(const dnnl::memory::desc &layout) const {
        if (layout.get_data_type() != dnnl::memory::data_type::bf16 || layout.get_inner_nblks() != 2)
            return false;
        const auto axes = layout.get_inner_idxs(), sizes = layout.get_inner_blks();
        return axes[0] + axes[1] == 1 && sizes[1] == 2 && sizes[0] % vectors::V == 0 && dense_taps();
    }

    // Copies the caller's kernel into such a layout; `swapped` says that x's channels are its first axis.
    // oneDNN's own reorder takes up to three times as long.
    void pack(const float *w, void *copy, const dnnl::memory::desc &layout, bool swapped) const {
        using vectors::V;
        const int counts[] = {
            swapped ? c_.x_channels : c_.y_channels, swapped ? c_.y_channels : c_.x_channels};
        const int outer = layout.get_inner_idxs()[0], block = layout.get_inner_blks()[0];
        const int64_t apart = c_.strides[swapped ? 1 - outer : outer];
        const int64_t pair_apart = c_.strides[swapped ? outer : 1 - outer];
        const float *end = w + (counts[outer] - 1) * apart + (counts[1 - outer] - 1) * pair_apart + taps();
        const auto sizes = layout.get_padded_dims(), strides = layout.get_strides();
        const auto to = tap_offsets(strides.data() + 2, turned_);
        const int64_t n = taps();
        const vectors::Transposition transpose;
#pragma omp parallel for collapse(2) schedule(static)
        for (int first = 0; first < sizes[outer]; first += V)
            for (int pair = 0; pair < sizes[1 - outer]; pair += 2) {
                auto *cell = static_cast<vectors::Bfloat16 *>(copy) + first / block * strides[outer]
                             + first % block * 2 + pair / 2 * strides[1 - outer];
                const float *values = w + first * apart + pair * pair_apart;
                const bool alone = pair + 1 >= counts[1 - outer];
                for (int64_t tap = 0; tap < n; tap += V) {
                    vectors::Transposition::Row rows[V] = {};
                    for (int k = 0; k < std::min(V, counts[outer] - first) && pair < counts[1 - outer]; ++k) {
                        const float *one = values + k * apart + tap;
                        rows[k] = vectors::rounded(vectors::load_some(one, end - one));
                        if (alone) continue;
                        const float *other = one + pair_apart;
                        rows[k] |= vectors::rounded(vectors::load_some(other, end - other)) << 16;
                    }
                    transpose(rows);
                    for (int64_t t = 0; t < std::min<int64_t>(V, n - tap); ++t)
                        std::memcpy(cell + to[tap + t], &rows[t], sizeof rows[t]);
                }
            }
    }

  private:
    // Whether the taps lie side by side in the caller's kernel.
    bool dense_taps() const {
        const auto offsets = tap_offsets(c_.strides + 2, false);
        for (size_t tap = 0; tap < offsets.size(); ++tap)
            if (offsets[tap] != static_cast<int64_t>(tap)) return false;
        return true;
    }

    int64_t taps() const { return product(c_.kernel, c_.space); }

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
    std::vector<int64_t> tap_offsets() const { return tap_offsets(c_.strides + 2, turned_); }

    std::vector<int64_t> tap_offsets(const int64_t *strides, bool turned) const {
        std::vector<int64_t> result;
        for (int64_t tap = 0; tap < taps(); ++tap) {
            int64_t rest = tap, offset = 0;
            for (int i = c_.space - 1; i >= 0; --i) {
                int64_t k = rest % c_.kernel[i];
                rest /= c_.kernel[i];
                offset += (turned ? c_.kernel[i] - 1 - k : k) * strides[i];
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
